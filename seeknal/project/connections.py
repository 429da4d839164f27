"""Where a node's connection leads to: what its profile says, and over it what the node says itself.

Decides that a variable has to be set only when the connection is used. What this gives is never kept anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from seeknal import connectors
from seeknal.errors import DefinitionWrong, Problem, ProjectError, nearest, withhold
from seeknal.model.lowering import Path, Wrong
from seeknal.model.node import Node, line_at
from seeknal.project.profile import Profile, resolved, type_of


def settings_of(node: Node, profile: Profile, env: Mapping[str, str]) -> dict[str, Any]:
    """The fields of the connection that a node reads over. Raises DefinitionWrong."""
    try:
        return _settings(node, profile, env)
    except ProjectError as error:
        (problem,) = error.problems
        raise DefinitionWrong(problem.message, reason=problem.reason, problem=problem) from None


def _settings(node: Node, profile: Profile, env: Mapping[str, str]) -> dict[str, Any]:
    said = node.recipe.definition
    connector = connectors.get(said["source"] if "source" in said else said["type"])
    name = node.recipe.definition.get("connection")
    said = {} if name is None else _named(node, connector.NAME, name, profile)
    late = node.recipe.late
    inline, values = late.get("connection", {}), late.get("secrets", {})
    here = Profile(node.file, lines={(): node.line, ("params",): line_at(node, ("params",))})
    found = dict(connector.CONNECTION)
    catalog = {} if name else getattr(connector, "CATALOG", {})
    shared = {catalog[field]: value for field, value in profile.catalog.items() if field in catalog}
    both: tuple[tuple[Mapping[str, Any], Profile, Path], ...] = (
        (shared, profile, ("materialization", "catalog")),
        (said, profile, ("connections", str(name))),
        (inline, here, ("params",)),
    )
    for fields, where, above in both:
        for field, value in fields.items():
            if field != "type" and value is not None:
                secret = field in connector.SECRET
                found[field] = resolved(where, (*above, field), value, env, set(), secret=secret)
    for field, value in values.items():
        if value != inline.get(field):  # a template's value, which stands for nothing else
            found[field] = value
    try:
        return settled(connector, found, env)
    except Wrong as wrong:
        own = wrong.path[0] in inline or name is None
        place, path = (here, ("params", *wrong.path)) if own else (profile, ("connections", str(name), *wrong.path))
        raise ProjectError([place.problem(path, f"{node.id}: {wrong.message}")]) from None


def settings_named(name: str, profile: Profile, env: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """The type of a connection of the profile and its fields, for a person who names it. Raises ProjectError."""
    said = profile.connections[name]
    at: Path = ("connections", name)
    if type_of(said) not in connectors.connected():
        known = ", ".join(connectors.connected())
        raise ProjectError([profile.problem((*at, "type"), f"{name} is of type {type_of(said)}: known are {known}")])
    connector = connectors.get(type_of(said))
    found = dict(connector.CONNECTION)
    for field, value in said.items():
        if field != "type" and value is not None:
            found[field] = resolved(profile, (*at, field), value, env, set(), secret=field in connector.SECRET)
    try:
        return connector.NAME, settled(connector, found, env)
    except Wrong as wrong:
        raise ProjectError([profile.problem((*at, *wrong.path), f"{name}: {wrong.message}")]) from None


def settled(connector: Any, found: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    """The fields as values, with those that only variables say; no message shows the secret ones from now on. Raises Wrong."""
    found = connector.from_variables(found, env) if hasattr(connector, "from_variables") else found
    _withhold(found, connector.SECRET)
    checked: dict[str, Any] = connector.checked(found)
    return checked


def _withhold(settings: Mapping[str, Any], secret: Iterable[str]) -> None:
    """Have no message show the secrets, but for one that is no secret: the user's name, or the word for the server."""
    said = {str(value) for name, value in settings.items() if name not in secret}
    for name in secret:
        value = str(settings[name] or "")
        if value not in said and not any(value in word for word in connectors.known()):
            withhold(value)


def _named(node: Node, type_: str, name: str, profile: Profile) -> Mapping[str, Any]:
    if name not in profile.connections:
        known = ", ".join(profile.connections) or "none"
        where = f"{profile.file} has: {known}" if profile.file else f"there is no profile ({', '.join(profile.looked)})"
        raise _wrong(
            node, ("connection",), f"there is no connection {name!r}{nearest(name, profile.connections)}; {where}"
        )
    found = profile.connections[name]
    word = type_of(found)
    if word not in connectors.known() or type_ != connectors.get(word).NAME:
        raise _wrong(node, ("connection",), f"the connection {name!r} is of type {word}, and the source is {type_}")
    return found


def _wrong(node: Node, path: Path, text: str) -> ProjectError:
    line = max(line_at(node, path), line_at(node, ("params", *path))) if path else node.line
    return ProjectError([Problem(node.file, line, f"{node.id}: {text}", "wrong_connection")])

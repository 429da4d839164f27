"""Profiles: connections and defaults of sources, in a file of the project or of its person.

Decides which file counts (one, whole: nothing of another is mixed in), what it may say, and what a variable in it means.
Values of variables are never looked through for variables again. Never shows a value of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from seeknal import connectors
from seeknal.errors import Problem, ProjectError, conceal, nearest, withhold
from seeknal.model.lowering import Path
from seeknal.project.yaml_reader import read_yaml

_SECTIONS = ("connections", "source_defaults", "materialization", "starrocks", "publish", "target")
_NAMED = ("connections", "source_defaults", "starrocks", "publish")
_SCAFFOLD = {"target", "outputs"}  # what other tools have in such a file, by the name of a project
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([^}]*))?\}|\$([A-Za-z_][A-Za-z0-9_]*)|\$\$")
_BRACED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([^}]*))?\}")


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile file as it is written; `file` is empty where there is none, then `looked` says where one was looked for."""

    file: str = ""
    connections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    lines: Mapping[Path, int] = field(default_factory=dict, repr=False)
    looked: tuple[str, ...] = ()
    catalog: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def problem(self, path: Path, text: str, reason: str = "wrong_profile") -> Problem:
        """A problem at a field of it, or at the nearest thing above."""
        line = next((self.lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in self.lines), 1)
        return Problem(self.file, line, text, reason)


def places(root: str, environment: str, production: str) -> tuple[str, ...]:
    """Where a profile is looked for, in this order; those of the project relative to it."""
    home = os.environ.get("SEEKNAL_BASE_CONFIG_PATH") or os.path.join(os.path.expanduser("~"), ".seeknal")
    names = ["profiles.yml"] if environment == production else [f"profiles-{environment}.yml", "profiles.yml"]
    return (*names, *(os.path.join(os.path.abspath(os.path.join(root, home)), name) for name in names))


def find_profile(read: Callable[[str], bytes | None], looked: Iterable[str]) -> Profile:
    """The first of these files that is there. Raises ProjectError."""
    looked = tuple(looked)
    for file in looked:
        data = read(file)
        if data is not None:
            return read_profile(data, file)
    return Profile(looked=looked)


def read_profile(data: bytes, file: str) -> Profile:
    """A profile file. Raises ProjectError with every problem."""
    document = read_yaml(data, file)
    value = document.value if document.value is not None else {}
    profile = Profile(file, lines=document.lines)
    if not isinstance(value, Mapping):
        text = "the file is not a mapping: write connections: {name: {type: postgresql, host: ...}}"
        raise ProjectError([profile.problem((), text)])
    problems = [*_sections(profile, value)]
    if not problems:
        problems += [p for name, said in _of(value, "connections").items() for p in _connection(profile, name, said)]
        problems += [p for name, said in _of(value, "source_defaults").items() for p in _defaults(profile, name, said)]
    if problems:
        raise ProjectError(problems)
    return Profile(
        file, _of(value, "connections"), _of(value, "source_defaults"), document.lines, catalog=_catalog(value)
    )


def _catalog(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the profile says of the one catalog that it has."""
    section = value.get("materialization")
    catalog = section.get("catalog") if isinstance(section, Mapping) else None
    return catalog if isinstance(catalog, Mapping) else {}


def _of(value: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    return value.get(section) or {}


def _sections(profile: Profile, value: Mapping[str, Any]) -> Iterable[Problem]:
    for name, said in value.items():
        if name not in _SECTIONS and not (isinstance(said, Mapping) and said and _SCAFFOLD.issuperset(said)):
            text = f"unknown section {name!r}{nearest(str(name), _SECTIONS)}: {', '.join(_SECTIONS)}"
            yield profile.problem((name,), text)
        if name in _NAMED and not isinstance(said or {}, Mapping):
            yield profile.problem((name,), f"{name} is not a mapping of names")


def _connection(profile: Profile, name: str, said: Any) -> Iterable[Problem]:
    at: Path = ("connections", name)
    if not isinstance(said, Mapping):
        yield profile.problem(
            at, f"the connection {name} is not a mapping: write {name}: {{type: postgresql, host: ...}}"
        )
        return
    word, known = type_of(said), connectors.connected()
    if word not in known:
        near = nearest(word, known)
        if near:
            yield profile.problem((*at, "type"), f"unknown type of connection {word!r}{near}: {', '.join(known)}")
        return  # what only other tools connect to may stand there
    fields = ("type", *connectors.get(word).CONNECTION)
    for key in said:
        if key not in fields:
            text = f"a connection of type {word} has no field {key!r}{nearest(str(key), fields)}: {', '.join(fields)}"
            yield profile.problem((*at, key), text)


def type_of(connection: Mapping[str, Any]) -> str:
    """The source type that a connection is for."""
    return str(connection.get("type") or "postgresql").strip().lower()


def _defaults(profile: Profile, name: str, said: Any) -> Iterable[Problem]:
    at: Path = ("source_defaults", name)
    known = (*connectors.known(), "ingested")
    if not isinstance(said or {}, Mapping):
        yield profile.problem(at, f"the defaults of {name} are not a mapping of params")
    elif name not in known and nearest(name, known):
        yield profile.problem(at, f"unknown source type {name!r}{nearest(name, known)}: {', '.join(known)}")


def defaults_for(profile: Profile, word: str, env: Mapping[str, str], used: set[str]) -> dict[str, Any]:
    """The params that the profile gives to sources of this type, whichever of its names stands there. Raises ProjectError."""
    word = word.strip().lower()
    if not profile.defaults or word not in connectors.known():
        return {}
    own = connectors.get(word).NAME
    found: dict[str, Any] = {}
    for name, said in profile.defaults.items():
        if name in connectors.known() and own == connectors.get(name).NAME:
            late = getattr(connectors.get(name), "CONNECTION", ())  # these have to be known only when they are used
            for key, value in (said or {}).items():
                path = ("source_defaults", name, key)
                found[key] = value if key in late else resolved(profile, path, value, env, used, secret=False)
    return found


def resolved(profile: Profile, path: Path, value: Any, env: Mapping[str, str], used: set[str], *, secret: bool) -> Any:
    """A value with its variables put in. A secret may have a `$` in it: there, only `${NAME}` and all of `$NAME` count.

    Adds to `used`, and conceals what must not be shown. Raises ProjectError.
    """
    if not isinstance(value, str):
        if secret and value is not None:
            withhold(str(value))
        return value
    lost: list[str] = []

    def put_in(found: re.Match[str]) -> str:
        name = found[1] or (found[3] if found.re is _VARIABLE else None)
        if name is None:
            return "$"
        used.add(f"env:{name}")
        default = found[2]
        if name not in env and default is None:
            lost.append(name)
        if name in env:
            conceal(name, env[name])
        return env.get(name, default or "")

    pattern = _BRACED if secret and not re.fullmatch(r"\$[A-Za-z_][A-Za-z0-9_]*", value) else _VARIABLE
    text = pattern.sub(put_in, value)
    if lost:
        what = f"{'.'.join(map(str, path))}: the environment variable {lost[0]} is not set: set it, or write ${{{lost[0]}:default}}"
        raise ProjectError([profile.problem(path, what, "unset_variable")])
    if secret:
        withhold(text)
    return text

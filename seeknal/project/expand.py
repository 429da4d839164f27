"""Expansion: the templates in every string of a declaration, each problem at its own line.

Decides what the templates of a node may use (its parameters, the words by which it calls its inputs) and which
parameters a command overrides. Text for people (`description`, `owner`) may hold unknown braces. What an expression
means is `template`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from seeknal import kinds
from seeknal.errors import Problem, ProjectError, nearest
from seeknal.model.lowering import BOUNDS, Path, quoted
from seeknal.model.typed import typed
from seeknal.project.declaration import Declaration
from seeknal.project.inputs import inputs_of
from seeknal.project.template import RESERVED, TemplateWrong, Values, expand

_PEOPLE = ("description", "owner")
_AS_WRITTEN = ("kind", "name")
_WORD = re.compile(r"[A-Za-z_]\w*")
_DOLLAR = re.compile(r"(\b(?:FROM|JOIN)\s+)\$([A-Za-z_]\w*)", re.IGNORECASE)
# What a decorator of any kind may say; its other arguments are parameters of the node.
ARGUMENTS = (
    "inputs", "materialization", "entity", "features", "dedupe", "description", "owner", "tags", "columns", "sql", "audits",
    "materializations", "depends_on", "params", "tests", "freshness", "timeout", "interval", "schedule",
)  # fmt: skip


def expanded(declaration: Declaration, values: Values, used: set[str]) -> dict[str, Any]:
    """The fields of a declaration without templates, `params` typed. Raises ProjectError with every problem, and Wrong."""
    given = _overridden(declaration, values, used)
    bounds = BOUNDS if given.get("interval") else {}
    local = replace(
        values, extra={**values.extra, **bounds, **own_params(declaration), **_mapping(given.get("params"))}
    )
    walk = _Walk(declaration, local, used)
    inputs: dict[str, Any] = {
        name: walk.value(given[name], (name,)) for name in ("inputs", "depends_on") if name in given
    }
    walk.check()
    aliases = {
        word: word if _WORD.fullmatch(word) else quoted(word) for word in inputs_of(declaration.kind, inputs).aliases
    }
    walk = _Walk(declaration, replace(local, aliases=aliases), used)
    done = {**inputs, **{name: given[name] for name in _AS_WRITTEN if name in given}}
    fields = {name: done[name] if name in done else walk.value(value, (name,)) for name, value in given.items()}
    walk.check()
    return _typed(declaration, _dollars(fields, aliases))


def _dollars(fields: dict[str, Any], aliases: Mapping[str, str]) -> dict[str, Any]:
    """The fields with `FROM $rides` as `FROM rides`, where that is what the node calls an input."""
    found = {
        name: _DOLLAR.sub(lambda match: match[1] + aliases.get(match[2], f"${match[2]}"), fields[name])
        for name in ("transform", "sql")
        if aliases and isinstance(fields.get(name), str)
    }
    return {**fields, **found}


def own_params(declaration: Declaration) -> dict[str, Any]:
    """The parameters that a decorator gives as arguments of its own."""
    if declaration.function is None:
        return {}
    known = {*ARGUMENTS, *kinds.get(declaration.kind).Spec.__dataclass_fields__}
    said = declaration.function.fields  # an overlay may hold notes, these are no parameters
    return {name: value for name, value in declaration.fields.items() if name in said and name not in known}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _overridden(declaration: Declaration, values: Values, used: set[str]) -> dict[str, Any]:
    """The fields as written, with the parameters of the command line in place of the node's own."""
    given = dict(declaration.fields)
    own = _mapping(given.get("params"))
    over = {name: values.params[name] for name in own if name in values.params}
    used.update(f"param:{name}" for name in over)
    return {**given, "params": {**own, **over}} if over else given


def _typed(declaration: Declaration, fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with parameters as values; in Python a text is meant as one, unless a template made it."""
    if declaration.function is not None:
        own = own_params(declaration)
        return {n: typed(v) if n in own and v != own[n] else v for n, v in fields.items()}
    if "params" not in fields or getattr(kinds.get(declaration.kind), "PARAMS_AS_WRITTEN", False):
        return fields
    return {**fields, "params": typed(fields["params"])}


class _Walk:
    """Expands what is in a declaration, noting problems with the path in hand."""

    def __init__(self, declaration: Declaration, values: Values, used: set[str]) -> None:
        self._declaration = declaration
        self._values = values
        self._used = used
        self._problems: list[Problem] = []

    def check(self) -> None:
        """Raise what was found wrong."""
        if self._problems:
            raise ProjectError(self._problems)

    def value(self, value: Any, path: Path) -> Any:
        """`value` with the strings of all its lists and mappings expanded, and the keys of mappings."""
        if isinstance(value, str):
            return self._text(value, path) if "{{" in value else value
        if isinstance(value, Mapping):
            return dict(self._items(value, path))
        if isinstance(value, list):
            return [self.value(item, (*path, i)) for i, item in enumerate(value)]
        return value

    def _items(self, value: Mapping[str, Any], path: Path) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for name, item in value.items():
            key = str(self._text(name, (*path, name))) if "{{" in str(name) else name
            if key in seen:
                self._say((*path, name), 0, f"{name} stands for {key!r}, which is there already")
            seen.add(key)
            yield key, self.value(item, (*path, name))

    def _text(self, text: str, path: Path) -> Any:
        try:
            return expand(text, self._values, self._used, lenient=path[-1] in _PEOPLE)
        except TemplateWrong as wrong:
            for offset, message in wrong.found:
                self._say(path, text[:offset].count("\n"), message)
            return text

    def _say(self, path: Path, below: int, message: str) -> None:
        self._problems.append(self._declaration.problem(path, message, "wrong_template", below))


def reserved(declaration: Declaration) -> Iterator[Problem]:
    """A warning for each parameter of a node that hides a value of the run: what happens, not what might."""
    own = {**own_params(declaration), **_mapping(declaration.fields.get("params"))}
    for name in RESERVED:
        if name in own and str(own[name]).strip("{ }") != name:
            text = f"the parameter {name} hides the run's own: {{{{ {name} }}}} is {own[name]!r} in this node"
            yield declaration.problem(("params", name), text, "reserved_name")


def unmentioned(given: Mapping[str, Any], used: set[str], declarations: Iterable[Declaration]) -> Iterator[str]:
    """A warning for each parameter of the command line that no node asks for."""
    own: set[str] = set()
    for declaration in declarations:
        if declaration.function and {"params", "get_param", "*"}.intersection(declaration.function.uses):
            return
        own.update(_mapping(declaration.fields.get("params")))
    for name in given:
        if f"param:{name}" not in used:
            yield f"no node mentions the parameter {name}{nearest(name, own)}"

"""Loading: the files of a project -> nodes, or every problem at once with file and line.

Decides what the project says. Never runs project code, never opens a data file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, Protocol

from seeknal import kinds
from seeknal.errors import Problem, ProjectError, nearest
from seeknal.kinds.audit import checks_on
from seeknal.model.graph import find_cycle
from seeknal.model.lowering import Path, Wrong
from seeknal.model.materialization import tables_of
from seeknal.model.node import SELF, Node
from seeknal.model.typed import typed
from seeknal.project.common import read_common
from seeknal.project.declaration import Declaration, from_python, from_yaml, lines_for
from seeknal.project.expand import ARGUMENTS, expanded, reserved, unmentioned
from seeknal.project.files import node_files
from seeknal.project.inputs import Named, inputs_of
from seeknal.project.intervals import check_itself, interval_traits, own_rows
from seeknal.project.meta import meta_of, tags_of, with_columns
from seeknal.project.profile import Profile, defaults_for, find_profile
from seeknal.project.python_entities import with_entities
from seeknal.project.python_lowering import lower_python
from seeknal.project.python_reader import read_python
from seeknal.project.schema import structure
from seeknal.project.secrets import apart
from seeknal.project.template import Values
from seeknal.project.together import derived, linked, reviewed


class Files(Protocol):
    """How a project's files are read: by path relative to it; every use is noted."""

    @property
    def root(self) -> str:
        """The project's folder."""

    def read(self, path: str) -> bytes | None:
        """The bytes of a file, or None when there is none."""

    def watch(self, path: str) -> None:
        """Note that the result depends on the state of this (absolute) path."""


class Project(NamedTuple):
    """What was loaded: nodes, what is wrong or odd, and the words for what the templates depended on."""

    name: str
    nodes: tuple[Node, ...]
    problems: tuple[Problem, ...]
    used: frozenset[str]
    warnings: tuple[Problem, ...] = ()
    unmentioned: tuple[str, ...] = ()
    profile: Profile = Profile()


Parse = Callable[[str, bytes], "list[Declaration]"]


def load(files: Files, values: Values, parse: Parse | None = None, profiles: Iterable[str] = ()) -> Project:
    """Everything the project declares, and everything that is wrong with it; `profiles` says where a profile may be."""
    problems: list[Problem] = []
    common = _collect(problems, lambda: read_common(files), {})
    values = replace(values, common=common)
    name = _collect(problems, lambda: _project_name(files), os.path.basename(files.root))
    profile = _collect(problems, lambda: find_profile(files.read, profiles), Profile())
    unread: list[Problem] = []
    declarations = _declarations(files, parse or parse_file, unread)
    problems += unread
    used: set[str] = set()
    lowered = [_collect(problems, partial(_lower, d, values, files, used, profile), None) for d in declarations]
    nodes = [node for node in lowered if node is not None]
    nodes = linked(nodes)
    warnings = _warnings(nodes, declarations)
    unknown = unmentioned(values.params, used, declarations)
    nodes = with_entities([*nodes, *derived(nodes, problems)], problems)
    lost = {d.kind for d, node in zip(declarations, lowered, strict=True) if node is None}
    problems += [] if unread else reviewed(nodes, lost)
    problems += _unknown_inputs(nodes, declarations)
    problems += [p for node in nodes if any(i.node == SELF for i in node.recipe.inputs) for p in check_itself(node)]
    return Project(name, tuple(nodes), tuple(problems), frozenset(used), tuple(warnings), tuple(unknown), profile)


def _collect(problems: list[Problem], read: Callable[[], Any], default: Any) -> Any:
    try:
        return read()
    except ProjectError as error:
        problems.extend(error.problems)
        return default


def _project_name(files: Files) -> str:
    from seeknal.project.yaml_reader import read_yaml

    data = files.read("seeknal_project.yml")
    value = read_yaml(data, "seeknal_project.yml").value if data is not None else None
    name = value.get("name") if isinstance(value, Mapping) else None
    return str(name) if name else os.path.basename(files.root)


def parse_file(path: str, data: bytes) -> list[Declaration]:
    """The declarations of one file. Raises ProjectError."""
    if path.endswith(".py"):
        return [from_python(node, path) for node in read_python(data, path)]
    return from_yaml(data, path)


def _declarations(files: Files, parse: Parse, problems: list[Problem]) -> list[Declaration]:
    every: list[Declaration] = []
    for path in _collect(problems, partial(node_files, files.root, files.watch), []):
        if not _is_text(path):
            problems.append(Problem(path, 1, "the file's name is not UTF-8: rename it", "bad_file_name"))
            continue
        data = _collect(problems, partial(files.read, path), None)
        every += _collect(problems, partial(parse, path, data), []) if data is not None else []
    in_python = {declaration.id for declaration in every if declaration.function is not None}
    over = [declaration for declaration in every if declaration.is_overlay and declaration.id in in_python]
    overlays = {declaration.id: declaration for declaration in _distinct(over, problems)}
    apart = {id(declaration) for declaration in over}
    found = _distinct([declaration for declaration in every if id(declaration) not in apart], problems)
    return [d.under(overlays[d.id]) if d.id in overlays else d for d in found]


def _distinct(declarations: Iterable[Declaration], problems: list[Problem]) -> list[Declaration]:
    found: dict[str, Declaration] = {}
    folded: dict[str, Declaration] = {}
    for declaration in declarations:
        twin = folded.setdefault(declaration.id.lower(), declaration)
        if twin is not declaration:
            problems.append(_twins(declaration, twin))
        found.setdefault(declaration.id, declaration)
    return list(found.values())


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _twins(second: Declaration, first: Declaration) -> Problem:
    where = f"{first.file}:{first.line}"
    if first.id == second.id:
        return Problem(
            second.file, second.line, f"{second.id} is declared already, at {where}: rename one", "duplicate_node"
        )
    text = f"{second.id} and {first.id} ({where}) differ only in the case of letters: rename one"
    return Problem(second.file, second.line, text, "duplicate_node")


def _lower(declaration: Declaration, values: Values, files: Files, used: set[str], profile: Profile) -> Node:
    try:
        fields = with_columns(expanded(declaration, values, used))
        fields = _with_defaults(fields, kinds.get(declaration.kind), partial(defaults_for, profile), values.env, used)
        if declaration.function is None:  # a field without a value is not there
            fields = {name: value for name, value in fields.items() if value is not None}
        return _node(declaration, fields, _inputs(declaration.kind, fields), values, files)
    except Wrong as wrong:
        raise ProjectError([declaration.problem(wrong.path, wrong.message)]) from wrong
    except ExceptionGroup as group:
        wrongs = [w for w in group.exceptions if isinstance(w, Wrong)]
        raise ProjectError([declaration.problem(w.path, w.message) for w in wrongs]) from group


def _with_defaults(
    fields: dict[str, Any], kind: Any, defaults: Callable[..., dict[str, Any]], env: Mapping[str, str], used: set[str]
) -> dict[str, Any]:
    """The fields with what the profile says of nodes of this type under their own `params`."""
    word = fields.get(getattr(kind, "DEFAULTS", ""))
    own = fields.get("params")
    if not isinstance(word, str) or not isinstance(own or {}, Mapping):
        return fields
    more = {name: value for name, value in defaults(word, env, used).items() if name not in fields}
    return {**fields, "params": {**more, **(own or {})}} if more else fields


def _inputs(kind: str, fields: Mapping[str, Any]) -> Named:
    """The inputs that a declaration lists, and those that fields of its kind name besides (`source: aggregation.x`)."""
    named = inputs_of(kind, fields)
    more = kinds.get(kind).reads(fields) if hasattr(kinds.get(kind), "reads") else ()
    return named._replace(ids=(*named.ids, *(name for name in more if name not in named.ids)))


def _node(declaration: Declaration, fields: dict[str, Any], named: Named, values: Values, files: Files) -> Node:
    kind = kinds.get(declaration.kind)
    fields, secrets = apart(getattr(kind, "SECRET", ()), declaration.fields, fields)
    is_code = declaration.function is not None and declaration.kind != "source" and "sql" not in fields
    if is_code:
        lowered = lower_python(declaration, fields, named, typed(values.params), files.read)
    else:
        body = {**fields, "transform": fields["sql"]} if "sql" in fields else fields
        spec = (
            structure(kind.Spec, body) if declaration.function is None else structure(kind.Spec, _arguments(kind, body))
        )
        lowered = kind.lower(declaration.name, spec, named.ids)
    if secrets:
        lowered = replace(lowered, recipe=replace(lowered.recipe, late={**lowered.recipe.late, "secrets": secrets}))
    recipe = (
        replace(lowered.recipe, names={**lowered.recipe.names, **named.aliases}) if named.aliases else lowered.recipe
    )
    traits = {
        **lowered.traits,
        "lines": lines_for(declaration, lowered.traits),
        **_outside(declaration, fields),
    }
    traits["audits"] = checks_on(fields)
    traits |= interval_traits(declaration.kind, fields, traits)
    recipe = own_rows(declaration.kind, recipe, traits.get("cadence"))
    meta, tags = meta_of(declaration, fields), tags_of(fields)
    return Node(declaration.kind, declaration.name, recipe, declaration.file, declaration.line, tags, meta, traits)


def _arguments(kind: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments of a decorator as fields: what the kind does not know is a parameter."""
    known = {*kind.Spec.__dataclass_fields__, *ARGUMENTS, "name"}
    extra = {name: value for name, value in fields.items() if name not in known}
    return {**{n: v for n, v in fields.items() if n in known}, "params": {**fields.get("params", {}), **extra}}


def _outside(declaration: Declaration, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The tables outside that a node names, each with its file and line."""
    tables = tables_of(fields, declaration.function.stacked if declaration.function else ())
    places = [declaration.problem(table["path"], "") for table in tables]
    return {"tables": [{**t, "file": at.file, "line": at.line} for t, at in zip(tables, places, strict=True)]}


def _warnings(nodes: Iterable[Node], declarations: Iterable[Declaration]) -> list[Problem]:
    """What is odd in the project but does not stop it, in the order of files."""
    by_id = {declaration.id: declaration for declaration in declarations}
    found = [problem for declaration in declarations for problem in reserved(declaration)]
    for node in nodes:
        found += [by_id[node.id].problem(*warning) for warning in node.traits.get("warnings", ())]
    return sorted(found)


def _unknown_inputs(nodes: Iterable[Node], declarations: Iterable[Declaration]) -> list[Problem]:
    ids = {declaration.id for declaration in declarations} | {node.id for node in nodes}
    by_id = {declaration.id: declaration for declaration in declarations}
    return [
        by_id[node.id].problem(
            _naming(by_id[node.id], i.node),
            f"the input {i.node!r} does not exist{nearest(i.node, ids)}",
            "unknown_input",
        )
        for node in nodes
        for i in node.recipe.inputs
        if i.node not in ids and i.node != SELF and node.id in by_id
    ]


def _naming(declaration: Declaration, name: str) -> Path:
    """The field that names an input: `inputs`, or one of the kind's own."""
    own = [field for field, value in declaration.fields.items() if isinstance(value, str) and name in value]
    return ("inputs",) if "inputs" in declaration.fields or not own else (own[0],)


def check_cycles(nodes: Iterable[Node]) -> None:
    """Raise ProjectError with the path when nodes need each other in a circle."""
    by_id = {node.id: node for node in nodes}
    path = find_cycle({name: tuple(i.node for i in node.recipe.inputs) for name, node in by_id.items()})
    if path:
        first = by_id[path[0]]
        text = f"a cycle: {' -> '.join(path)}: one of these must not read the other"
        made = next((name for name in path if by_id[name].traits.get("follows_inputs")), None)
        if made is not None:
            text += f"; {made} is made of all feature groups of that entity, so none of them can be made of it"
            first = next(by_id[name] for name in path if name != made)
        raise ProjectError([Problem(first.file, first.line, text, "cycle")])

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
from seeknal.model.digest import canonical, digest_of, plain
from seeknal.model.graph import find_cycle
from seeknal.model.lowering import Lowered, Path, Wrong, input_names
from seeknal.model.node import Input, Node, Recipe
from seeknal.project.common import read_common
from seeknal.project.declaration import Declaration, from_python, from_yaml
from seeknal.project.files import node_files
from seeknal.project.inputs import Named, inputs_of
from seeknal.project.python_code import code_of
from seeknal.project.python_reader import decode, read_python
from seeknal.project.schema import structure
from seeknal.project.template import TemplateWrong, Values, expand_all
from seeknal.project.together import derived, linked, reviewed

_META = ("description", "owner", "tags", "columns")


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
    """What was loaded: nodes, what is wrong, and the words for what the templates depended on."""

    name: str
    nodes: tuple[Node, ...]
    problems: tuple[Problem, ...]
    used: frozenset[str]


Parse = Callable[[str, bytes], "list[Declaration]"]


def load(files: Files, values: Values, parse: Parse | None = None) -> Project:
    """Everything the project declares, and everything that is wrong with it."""
    problems: list[Problem] = []
    common = _collect(problems, lambda: read_common(files), {})
    values = replace(values, common=common)
    name = _collect(problems, lambda: _project_name(files), os.path.basename(files.root))
    declarations = _declarations(files, parse or parse_file, problems)
    unread = bool(problems)
    used: set[str] = set()
    lowered = [_collect(problems, partial(_lower, d, values, files, used), None) for d in declarations]
    nodes = [node for node in lowered if node is not None]
    nodes = linked(nodes)
    nodes += derived(nodes, problems)
    lost = {d.kind for d, node in zip(declarations, lowered, strict=True) if node is None}
    problems += [] if unread else reviewed(nodes, lost)
    problems += _unknown_inputs(nodes, declarations)
    return Project(name, tuple(nodes), tuple(problems), frozenset(used))


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
    found: dict[str, Declaration] = {}
    folded: dict[str, Declaration] = {}
    for path in _collect(problems, partial(node_files, files.root, files.watch), []):
        if not _is_text(path):
            problems.append(Problem(path, 1, "the file's name is not UTF-8: rename it", "bad_file_name"))
            continue
        data = _collect(problems, partial(files.read, path), None)
        for declaration in _collect(problems, partial(parse, path, data), []) if data is not None else []:
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


def _lower(declaration: Declaration, values: Values, files: Files, used: set[str]) -> Node:
    try:
        fields = _expanded(declaration, values, used)
        named = _inputs(declaration.kind, fields)
        return _node(declaration, fields, named, values, files)
    except Wrong as wrong:
        raise ProjectError([declaration.problem(wrong.path, wrong.message)]) from wrong
    except ExceptionGroup as group:
        wrongs = [w for w in group.exceptions if isinstance(w, Wrong)]
        raise ProjectError([declaration.problem(w.path, w.message) for w in wrongs]) from group


def _inputs(kind: str, fields: Mapping[str, Any]) -> Named:
    """The inputs that a declaration lists, and those that fields of its kind name besides (`source: aggregation.x`)."""
    own = getattr(kinds.get(kind), "OWN_INPUTS", False)
    named = inputs_of({name: value for name, value in fields.items() if name != "inputs"} if own else fields)
    more = kinds.get(kind).reads(fields) if hasattr(kinds.get(kind), "reads") else ()
    return named._replace(ids=(*named.ids, *(name for name in more if name not in named.ids)))


def _expanded(declaration: Declaration, values: Values, used: set[str]) -> dict[str, Any]:
    try:
        own = expand_all(declaration.fields.get("params") or {}, values, used)
        local = replace(values, extra=own if isinstance(own, Mapping) else {})
        return {
            name: expand_all(value, local, used) if name not in _META else value
            for name, value in declaration.fields.items()
        }
    except TemplateWrong as wrong:
        path = _path_of(declaration.fields, str(wrong))
        raise Wrong(path, str(wrong)) from wrong


def _path_of(fields: Mapping[str, Any], message: str) -> Path:
    inside = message.split("}}", maxsplit=1)[0] + "}}" if message.startswith("{{") else ""
    bare = inside.strip("{} ")
    for name, value in fields.items():
        if isinstance(value, str) and bare and bare in value:
            return (name,)
    return ("params",) if "params" in fields else ()


def _node(declaration: Declaration, fields: dict[str, Any], named: Named, values: Values, files: Files) -> Node:
    kind = kinds.get(declaration.kind)
    is_code = declaration.function is not None and declaration.kind != "source" and "sql" not in fields
    if is_code:
        lowered = _python(declaration, fields, named, values, files)
    else:
        body = {**fields, "transform": fields["sql"]} if "sql" in fields else fields
        spec = (
            structure(kind.Spec, body) if declaration.function is None else structure(kind.Spec, _arguments(kind, body))
        )
        lowered = kind.lower(declaration.name, spec, named.ids)
    recipe = (
        replace(lowered.recipe, names={**lowered.recipe.names, **named.aliases}) if named.aliases else lowered.recipe
    )
    traits = {**lowered.traits, "lines": _lines(declaration, lowered), "audits": checks_on(fields)}
    meta = {name: plain(fields[name]) for name in _META if fields.get(name)}
    meta["text"] = digest_of(canonical(plain(declaration.fields.get("transform", ""))))
    tags = _tags(fields.get("tags"))
    return Node(declaration.kind, declaration.name, recipe, declaration.file, declaration.line, tags, meta, traits)


def _arguments(kind: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments of a decorator as fields: what the kind does not know is a parameter."""
    known = {*kind.Spec.__dataclass_fields__, *_META, *_OF_OUTPUT, "name", "inputs", "materialization"}
    extra = {name: value for name, value in fields.items() if name not in known}
    return {**{n: v for n, v in fields.items() if n in known}, "params": {**fields.get("params", {}), **extra}}


def _lines(declaration: Declaration, lowered: Lowered) -> dict[str, int]:
    """The lines that errors found later point to: of the node, of its SQL, of the fields at its `paths`."""
    paths = lowered.traits.get("paths", ())
    found = {"node": declaration.line, **{".".join(map(str, path)): declaration.line_of(path) for path in paths}}
    sql = lowered.traits.get("sql")
    if not sql:
        return found
    text = declaration.fields.get(sql[0])
    block = isinstance(text, str) and text.endswith("\n") and declaration.function is None
    return {**found, "sql": declaration.line_of(sql) + (1 if block else 0)}


def _tags(tags: Any) -> tuple[str, ...]:
    if tags is None:
        return ()
    if isinstance(tags, str):
        return (tags,)
    if isinstance(tags, list) and all(isinstance(tag, (str, int)) for tag in tags):
        return tuple(dict.fromkeys(map(str, tags)))
    raise Wrong(("tags",), "tags is a list of words: tags: [daily, finance]")


_OF_OUTPUT = ("audits", "tests", "freshness")
_ARGUMENTS = ("name", "inputs", "materialization", "entity", "features", "dedupe", *_OF_OUTPUT, *_META)


def _python(declaration: Declaration, fields: dict[str, Any], named: Named, values: Values, files: Files) -> Lowered:
    node = declaration.function
    assert node is not None
    text = decode(files.read(declaration.file) or b"", declaration.file)
    code = code_of(node, declaration.file, text, lambda path: _decoded(files.read(path), path))
    kind = kinds.get(declaration.kind)
    extra = kind.python(declaration.name, fields) if hasattr(kind, "python") else Lowered(Recipe("python", {}))
    params = {name: value for name, value in fields.items() if name not in _ARGUMENTS}
    if {"params", "get_param", "*"}.intersection(node.uses):
        params = {**params, **values.params}
    wanted: dict[str, tuple[str, ...] | None] = dict.fromkeys(named.ids)
    refs = {ref.node: ref.columns for ref in node.refs}
    inputs = tuple(Input(name, refs.get(name)) for name in dict.fromkeys([*wanted, *refs]))
    definition = {"code": code.definition, "params": plain(params), **extra.recipe.definition}
    late = {
        "sources": code.sources,
        "params": params,
        "function": node.function,
        "header": node.header,
        "uses": node.uses,
    }
    return Lowered(Recipe("python", definition, inputs, names=input_names(named.ids), late=late), extra.traits)


def _decoded(data: bytes | None, path: str) -> str | None:
    return None if data is None else decode(data, path)


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
        if i.node not in ids and node.id in by_id
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
        raise ProjectError([Problem(first.file, first.line, text, "cycle")])

"""Declarations: what a person wrote, YAML and Python alike, before it is lowered.

Decides which node a document declares. Knows no kind's fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from seeknal import kinds
from seeknal.errors import Problem, ProjectError, nearest
from seeknal.model.lowering import Path
from seeknal.model.node import NAME, NAME_RULE
from seeknal.project.python_reader import PythonNode
from seeknal.project.yaml_reader import Document, read_documents


class Declaration(NamedTuple):
    """One node as written: `lines` maps the path of a field to its line; `function` is set for Python.

    `overlay` is the YAML file that says more about a Python node: its fields are in `fields`, its lines are its own.
    """

    kind: str
    name: str
    fields: Mapping[str, Any]
    lines: Mapping[Path, int]
    file: str
    line: int
    function: PythonNode | None = None
    overlay: Overlay | None = None

    @property
    def id(self) -> str:
        """`kind.name`."""
        return f"{self.kind}.{self.name}"

    def line_of(self, path: Path) -> int:
        """The line of a field, or of the nearest thing above it that has one."""
        return _line(self.lines, path, self.line)

    def problem(self, path: Path, message: str, reason: str = "wrong_field", below: int | None = None) -> Problem:
        """A problem of this node, at the line of a field; `below`: so many lines below the first one of its text."""
        over = self.overlay if self.overlay and path and path[0] in self.overlay.fields else None
        file, lines, line = over[:3] if over else (self.file, self.lines, self.line)
        at = _line(lines, path, line) if below is None else _line(lines, (*path, 0), line) + below
        return Problem(file, at, f"{self.id}: {message}", reason)

    @property
    def is_overlay(self) -> bool:
        """Whether this only says more about a Python node, if there is one."""
        return self.function is None and "file" in self.fields and "transform" not in self.fields

    def under(self, more: Declaration) -> Declaration:
        """This Python node with the fields of an overlay over its own."""
        own = ("kind", "name", "file")
        said = {name: value for name, value in more.fields.items() if name not in own and value is not None}
        if isinstance(said.get("params"), Mapping):
            said["params"] = {**(self.fields.get("params") or {}), **said["params"]}
        overlay = Overlay(more.file, more.lines, more.line, frozenset(said))
        return self._replace(fields={**self.fields, **said}, overlay=overlay)


class Overlay(NamedTuple):
    """Where the fields stand that a YAML file says of a Python node."""

    file: str
    lines: Mapping[Path, int]
    line: int
    fields: frozenset[str]


def _line(lines: Mapping[Path, int], path: Path, line: int) -> int:
    for end in range(len(path), -1, -1):
        if path[:end] in lines:
            return lines[path[:end]]
    return line


def from_yaml(data: bytes, file: str) -> list[Declaration]:
    """The nodes of a YAML file, one for each document. Raises ProjectError."""
    found: list[Declaration] = []
    problems: list[Problem] = []
    for document in read_documents(data, file) or [Document(None, {(): 1})]:
        try:
            found.append(_from_document(document, file))
        except ProjectError as error:
            problems += error.problems
    if problems:
        raise ProjectError(problems)
    return found


def _from_document(document: Document, file: str) -> Declaration:
    line = document.lines.get((), 1)
    if not isinstance(document.value, dict):
        raise ProjectError([Problem(file, line, "the file is not a mapping: write kind, name and the node's fields")])
    fields = document.value
    missing = [word for word in ("kind", "name") if word not in fields]
    if missing:
        text = f"the field {missing[0]!r} is missing: every node file says kind and name"
        raise ProjectError([Problem(file, line, text, "missing_field")])
    kind, name = fields["kind"], fields["name"]
    declaration = Declaration(str(kind), str(name), fields, document.lines, file, document.lines.get(("kind",), line))
    problems = [problem for problem in (_kind(declaration, kind), _name(declaration, name)) if problem]
    if problems:
        raise ProjectError(problems)
    return declaration


def from_python(node: PythonNode, file: str) -> Declaration:
    """The node of a decorated function. Raises ProjectError."""
    declaration = Declaration(node.kind, node.name, node.fields, node.lines, file, node.line, node)
    problem = _name(declaration, node.name)
    if problem:
        raise ProjectError([problem])
    return declaration


def _kind(declaration: Declaration, kind: Any) -> Problem | None:
    known = kinds.written()
    if kind in known:
        return None
    line = declaration.line_of(("kind",))
    text = f"unknown kind {kind!r}{nearest(str(kind), known)}: {', '.join(known)}"
    return Problem(declaration.file, line, text, "unknown_kind")


def _name(declaration: Declaration, name: Any) -> Problem | None:
    if isinstance(name, str) and NAME.fullmatch(name):
        return None
    return Problem(
        declaration.file, declaration.line_of(("name",)), f"the name {name!r} is not allowed: {NAME_RULE}", "bad_name"
    )


def lines_for(declaration: Declaration, traits: Mapping[str, Any]) -> dict[str, Any]:
    """The lines that errors of the engine point to: of the node, of fields that name columns or hold SQL, of its SQL, and
    of all that stands below fields that are judged late."""
    lines: dict[str, Any] = {"node": declaration.line, "interval": declaration.line_of(("interval", "column"))}
    for trait in ("needs", "numbers", "texts"):
        if trait in traits:
            lines[trait] = {text: declaration.line_of(path) for text, path in traits[trait].items()}
    judged = [path for path in declaration.lines if path and path[0] in traits.get("fields", ())]
    lines["fields"] = {".".join(map(str, path)): declaration.lines[path] for path in judged}
    sql = ("sql",) if "sql" in declaration.fields else traits.get("sql")
    if not sql:
        return lines
    is_text = isinstance(declaration.fields.get(sql[0]), str)
    return {**lines, "sql": declaration.line_of((*sql, 0) if is_text else sql)}

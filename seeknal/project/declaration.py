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
    """One node as written: `lines` maps the path of a field to its line; `function` is set for Python."""

    kind: str
    name: str
    fields: Mapping[str, Any]
    lines: Mapping[Path, int]
    file: str
    line: int
    function: PythonNode | None = None

    @property
    def id(self) -> str:
        """`kind.name`."""
        return f"{self.kind}.{self.name}"

    def line_of(self, path: Path) -> int:
        """The line of a field, or of the nearest thing above it that has one."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return self.line

    def problem(self, path: Path, message: str, reason: str = "wrong_field") -> Problem:
        """A problem of this node, at the line of a field."""
        return Problem(self.file, self.line_of(path), f"{self.id}: {message}", reason)


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

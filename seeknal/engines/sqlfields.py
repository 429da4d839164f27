"""Expressions in fields of a declaration: how it is told, at the field's own line, that one of them does not bind.

Decides the words of the error only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from seeknal.engines.sql import Parsed
from seeknal.errors import DefinitionWrong, Problem, nearest
from seeknal.model.lowering import Path
from seeknal.model.node import Node, Schema, line_at

if TYPE_CHECKING:
    from seeknal.model.binds import Bind

_MISSING = re.compile(r'(?:Referenced column|column named) "(.+?)"')


def of_field(node: Node, path: Path, message: str, reason: str = "wrong_definition", hint: str = "") -> DefinitionWrong:
    """An error at a field of a node."""
    field = ".".join(map(str, path))
    problem = Problem(node.file, line_at(node, path), f"{node.id}: {field}: {message}", reason)
    return DefinitionWrong(problem.message, reason=reason, hint=hint, problem=problem)


def of_bind(node: Node, bind: Bind, wrong: DefinitionWrong) -> DefinitionWrong:
    """The error of a query, told of the expression that is in it, with the nearest name that could be meant."""
    said = wrong.problem.message if wrong.problem else wrong.message
    message = said.removeprefix(f"{node.id}: ")
    name, hint = missing_name(message), wrong.hint
    if name:
        hint = f"no column or dimension {name}{nearest(name, bind.names)}; known: {', '.join(bind.names[:20])}"
    return of_field(node, bind.path, f"{bind.text}: {message}", wrong.reason, hint)


def missing_name(message: str) -> str:
    """The column that DuckDB's message says is missing, or nothing."""
    found = _MISSING.search(message)
    return found[1] if found else ""


def only_columns(parsed: Parsed, schemas: Mapping[str, Schema]) -> None:
    """Raise DefinitionWrong where an expression reads more than the columns of its model."""
    other = next((name for name in (*parsed.files, *parsed.relations) if name not in schemas), None)
    if other:
        text = f"it reads {other}: an expression may read the columns of its model only"
        raise DefinitionWrong(text, reason="sql_unknown_table")

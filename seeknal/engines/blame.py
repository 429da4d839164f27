"""Which field of a declaration is to blame: the line and the name that the message of a wrong definition points to.

A kind says in its traits which fields name columns (`needs`) and which hold pieces of SQL (`texts`). Decides nothing else.
"""

from __future__ import annotations

import re

from seeknal.engines.sql import Parsed, SqlWrong
from seeknal.errors import DefinitionWrong, Problem, nearest
from seeknal.model.features import dotted
from seeknal.model.interval import Cadence
from seeknal.model.lowering import as_written
from seeknal.model.node import Node, Schema


def line_of(node: Node) -> int:
    """The line where the SQL of a node begins, or the node itself."""
    return int(node.traits.get("lines", {}).get("sql", node.line))


def check_needs(node: Node, table: str, columns: Schema) -> None:
    """Raise DefinitionWrong for the first column that a field names and that `table` lacks, or has as text, not numbers."""
    types = {name.lower(): type_ for name, type_ in columns}
    for name, path in node.traits.get("needs", {}).items():
        if name.lower() not in types:
            have = [column for column, _ in columns]
            text = f"{dotted(path)}: {table} has no column {name!r}{nearest(name, have)}"
            raise _column_wrong(node, node.traits["lines"]["needs"][name], text, f"it has {', '.join(have)}")
    for name, path in node.traits.get("numbers", {}).items():
        if types[name.lower()] == "VARCHAR":
            text = f"{dotted(path)}: in {table}, {name!r} is text (VARCHAR), and sum, avg and stddev need numbers"
            hint = "give it a type in `columns` of its source, or CAST it in a transform"
            raise _column_wrong(node, node.traits["lines"]["numbers"][name], text, hint)


def check_time(node: Node, cadence: Cadence, columns: Schema) -> None:
    """Raise DefinitionWrong unless the rows of a node with intervals have a column that holds times."""
    types = {name.lower(): type_ for name, type_ in columns}
    found = types.get(cadence.column.lower())
    if found is None:
        have = [name for name, _ in columns]
        text = f"interval.column: the rows have no column {cadence.column!r}{nearest(cadence.column, have)}"
        raise _column_wrong(node, node.traits["lines"]["interval"], text, f"they have {', '.join(have)}")
    if not found.startswith(("DATE", "TIMESTAMP", "VARCHAR")):
        text = f"interval.column: {cadence.column!r} is {found}: a time is a DATE, a TIMESTAMP, or text in ISO form"
        raise _column_wrong(node, node.traits["lines"]["interval"], text, "CAST it, or give it a type in `columns`")


def _column_wrong(node: Node, line: int, text: str, hint: str) -> DefinitionWrong:
    problem = Problem(node.file, line, f"{node.id}: {text}", "column_wrong")
    return DefinitionWrong(text, reason="column_wrong", hint=hint, problem=problem)


def definition_wrong(node: Node, wrong: SqlWrong, sql: str = "") -> DefinitionWrong:
    """What is wrong with the SQL of a node, at the line of it; `sql` is what was parsed."""
    line, message, hint = line_of(node), as_written(wrong.message), as_written(wrong.hint)
    text = _text(node, wrong, sql)
    if text is not None:
        line, message = node.traits["lines"]["texts"][text], f"{dotted(node.traits['texts'][text])}: {message}"
    elif wrong.offset is not None and "sql" in node.traits["lines"] and sql == node.recipe.definition.get("sql"):
        line += sql[: wrong.offset].count("\n")
    problem = Problem(node.file, line, f"{node.id}: {message}", wrong.reason)
    return DefinitionWrong(problem.message, reason=wrong.reason, hint=hint, problem=problem)


def warnings_of(parsed: Parsed, line: int) -> list[tuple[int, str, str]]:
    """What `validate` says of a query that can be built: (line, text, reason word)."""
    found = [(line, f"{name}() gives other values in every build", "volatile") for name in parsed.volatile]
    if "timestamp" in parsed.clock:
        found.append(
            (line, "the time of the clock is frozen when the node is built; only dates rebuild it", "frozen_clock")
        )
    return found + [
        (line, f"{name} depends on the order of rows, which nothing declares", "fragile") for name in parsed.fragile
    ]


def _text(node: Node, wrong: SqlWrong, sql: str) -> str | None:
    """The person's piece of SQL where the error is, or that has the unknown name in it."""
    texts = node.traits.get("texts", {})
    if wrong.offset is not None:
        places = {text: sql.find(text) for text in texts}
        return next((text for text, at in places.items() if 0 <= at <= wrong.offset < at + len(text)), None)
    name = re.search(r'"(.+?)"', wrong.message)
    return next((text for text in texts if name and name[1].lower() in text.lower()), None)

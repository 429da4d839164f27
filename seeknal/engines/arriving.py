"""Rows that arrive over a connection: each column in its type, or a message about the value that has no place in it.

Decides how what went wrong is told: at the line of the field that it is about.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import duckdb

from seeknal import drivers
from seeknal.drivers import Arriving, Failed
from seeknal.errors import BuildFailed, DefinitionWrong, Problem, nearest, safe
from seeknal.model.lowering import literal, quoted
from seeknal.model.node import Node, line_at

STREAM = "__arriving__"
_WHOLE = re.compile(r"U?(TINYINT|SMALLINT|INTEGER|INT|BIGINT|LONG|HUGEINT|INT[1248])")
# What another try may mend, where a wrong definition stays wrong.
_PASSING = ("no_answer", "connection_lost", "query_cancelled")


def query_over(node: Node, columns: Sequence[Arriving]) -> str:
    """DuckDB's query that gives the columns of the stream their types. Raises DefinitionWrong."""
    types = {name.lower(): type_ for name, type_ in node.recipe.definition["types"].items()}
    check_columns(node, [column.name for column in columns])
    shown = ", ".join(f"{typed(c, types.get(c.name.lower()))} AS {quoted(c.name)}" for c in columns)
    return f"SELECT {shown} FROM {STREAM}"


def typed(column: Arriving, declared: str | None = None) -> str:
    """DuckDB's expression for a column in its type: as declared, as its connector says, or as it comes."""
    value, type_ = column.value, declared or column.type
    cast = f"TRY_CAST({value} AS {type_})" if type_ else value
    cases = [(column.refused, column.why)] if column.refused and not declared else []
    if type_:
        wrong = f"{cast} IS NULL AND {value} IS NOT NULL"
        number = f"TRY_CAST({value} AS DOUBLE)"
        wrong += f" OR {number} <> trunc({number})" if declared and _WHOLE.fullmatch(declared) else ""
        cases.append((wrong, f"has a value that is no {type_}"))
    told = " ".join(
        f"WHEN {wrong} THEN error({literal(f'the column {column.name} {why}: ')} || CAST({value} AS VARCHAR))"
        for wrong, why in cases
    )
    return f"CASE {told} ELSE {cast} END" if cases else cast


def check_columns(node: Node, found: Sequence[str]) -> None:
    """Raise DefinitionWrong for no column at all, one that is declared and not there, and two of one name."""
    if not found:
        raise wrong(node, f"{node.id}: it has no columns: a table needs at least one", "column_missing")
    seen: set[str] = set()
    for name in found:
        if name.lower() in seen:
            raise wrong(
                node, f"{node.id}: two columns are called {name!r}: name them with AS in a query", "column_wrong"
            )
        seen.add(name.lower())
    for name in node.recipe.definition["types"]:
        if name.lower() not in seen:
            text = f"{node.id}: declares the column {name!r}, which is not there{nearest(name, found)}; there are: "
            raise wrong(node, text + ", ".join(found), "column_missing", ("columns", name))


def wrong(node: Node, text: str, reason: str, path: tuple[str, ...] = ("table",), hint: str = "") -> DefinitionWrong:
    """What is wrong, at the line of a field."""
    problem = Problem(node.file, _line(node, path), text, reason)
    return DefinitionWrong(text, reason=reason, hint=hint, problem=problem)


def _line(node: Node, path: tuple[str, ...]) -> int:
    """The line of a field, there or in `params`; of the query, where one stands in place of a table."""
    written: Mapping[str, int] = node.traits.get("lines", {}).get("fields", {})
    path = ("query",) if path == ("table",) and {"query", "params.query"}.intersection(written) else path
    if path == ("interval",):
        return int(node.traits["lines"]["interval"])
    return max(line_at(node, path), line_at(node, ("params", *path)))


def failed_at(node: Node, failed: Failed, field: str) -> DefinitionWrong:
    """What did not work far away, at the line of the field that it is about."""
    name = node.recipe.definition.get("connection")
    said = name or node.recipe.late.get("connection")  # else variables or the profile say where it leads
    field = "connection" if said and failed.reason in ("no_answer", "connection_refused", "connection_lost") else field
    where = f" (connection {name})" if name else ""
    return wrong(node, f"{node.id}{where}: {safe(failed.message)}", failed.reason, (field,), failed.hint)


def unread(node: Node, error: Exception) -> BuildFailed:
    """What went wrong while the rows came: a value that does not fit, or what the driver said of the other side."""
    text = str(error)
    if f"reading the stream registered as '{STREAM}' failed" in text:
        return passing(failed_at(node, drivers.told(node.recipe.definition["source"], text), "table"))
    said = f"{node.id}: {safe(text.split('Error: ', 1)[-1].splitlines()[0])}"
    if isinstance(error, duckdb.InvalidInputException | duckdb.ConversionException):
        return wrong(node, said, "type_wrong", ("columns",))
    word = "out_of_memory" if isinstance(error, duckdb.OutOfMemoryException) else "unreadable"
    return BuildFailed(f"{node.file}:{node.line}: {said}", reason=word)


def passing(found: DefinitionWrong) -> BuildFailed:
    """The failure as one that another try may mend, where that may be."""
    return BuildFailed(found.message, reason=found.reason, hint=found.hint) if found.reason in _PASSING else found

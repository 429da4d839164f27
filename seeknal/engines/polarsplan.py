"""What polars makes of a query, by planning it over empty tables.

Decides what of an input polars gets to see: the columns that DuckDB's planner says the query reads, if that is enough for
polars too, else all of them. So the columns in the key are exactly those that can reach the result. Types that polars does
not read from Parquet as they are meant are refused. Never runs a query; polars is imported when the first one is planned.
"""

from __future__ import annotations

import importlib
import re
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from seeknal.engines.sql import Bound, Parsed, SqlWrong, bind, with_clock
from seeknal.engines.sqlbind import distinct_names
from seeknal.model.lowering import quoted
from seeknal.model.node import Schema
from seeknal.model.sqlpolars import polars_dialect
from seeknal.worker.frames import UnwritableError, arrow_of
from seeknal.worker.polars_query import empty, message, polars_errors, query

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

HINT = "write it in the SQL of polars, or say engine: duckdb"
# polars gives up on a whole file with an INTERVAL in it; the others it reads as bytes, or loses a part of.
_NO_FILE = re.compile(r"\bINTERVAL\b")
_NO_COLUMN = re.compile(r"\b(UUID|VARIANT|TIME WITH TIME ZONE|JSON)\b")
_PATTERN = re.compile(r"\*|\^.*\$", re.DOTALL)  # names that polars takes for patterns
_NAMES = re.compile(r'"(?:[^"]|"")*"')


def plan(con: DuckDBPyConnection, parsed: Parsed, schemas: Sequence[Schema], as_of: datetime) -> Bound:
    """The output columns of a query and the columns that it reads. Raises SqlWrong."""
    _import()
    for name, schema in zip(parsed.relations, schemas, strict=True):
        _readable(name, schema, _NO_FILE)
    text = polars_dialect(with_clock(parsed.text, as_of))
    narrow = _narrow(con, parsed, schemas, as_of)
    for seen in dict.fromkeys((narrow, tuple(schemas))):
        for name, schema in zip(parsed.relations, seen, strict=True):
            _readable(name, schema, _NO_COLUMN)
            _callable(name, schema)
        try:
            columns = _columns(con, query(text, [empty(con, schema).lazy() for schema in seen]))
        except polars_errors() as error:
            refused = SqlWrong(message(error, parsed.relations), reason="polars_refused", hint=HINT)
            continue
        return Bound(columns, tuple(tuple(name for name, _ in schema) for schema in seen))
    raise refused


def _import() -> None:
    """Import polars, and take Ctrl-C back: polars' own handler would leave a build waiting for its threads."""
    if "polars" in sys.modules:
        return
    before = signal.getsignal(signal.SIGINT)
    importlib.import_module("polars")
    if before is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, before)


def _narrow(con: DuckDBPyConnection, parsed: Parsed, schemas: Sequence[Schema], as_of: datetime) -> tuple[Schema, ...]:
    """What DuckDB's planner says is read, where it knows the query; at least one column, so that rows can be counted."""
    try:
        reads = bind(con, parsed, schemas, as_of).reads
    except SqlWrong as wrong:
        if wrong.reason == "sql_ambiguous_clock":
            raise
        return tuple(schemas)
    return tuple(_seen(schema, names) for schema, names in zip(schemas, reads, strict=True))


def _seen(schema: Schema, names: tuple[str, ...] | None) -> Schema:
    wanted = None if names is None else set(names) or {schema[0][0]}
    return tuple(column for column in schema if wanted is None or column[0] in wanted)


def _readable(relation: str, schema: Schema, refused: re.Pattern[str]) -> None:
    for name, type_ in schema:
        if type_ != "JSON" and refused.search(_NAMES.sub("", type_)):
            text = f"polars cannot read the column {name} of {relation}, which is {type_}"
            hint = f"cast it in the node before (CAST({quoted(name)} AS VARCHAR)), or say engine: duckdb"
            raise SqlWrong(text, reason="polars_refused", hint=hint)


def _callable(relation: str, schema: Schema) -> None:
    for name, _ in schema:
        if _PATTERN.fullmatch(name):
            text = f"polars takes the name of the column {name} of {relation} for a pattern"
            raise SqlWrong(text, reason="polars_refused", hint="rename it in the node before, or say engine: duckdb")


def _columns(con: DuckDBPyConnection, planned: Any) -> tuple[tuple[str, str], ...]:
    """Names and DuckDB's types of the result."""
    import polars as pl

    schema = planned.collect_schema()
    if not schema:
        raise SqlWrong("polars finds no columns in the result", reason="polars_refused", hint=HINT)
    distinct_names([(name, "") for name in schema])
    try:
        table = arrow_of(pl.DataFrame(schema=schema))
    except UnwritableError as error:
        raise SqlWrong(str(error), reason="polars_refused", hint=HINT) from error
    con.register("seeknal_planned", table)
    try:
        return tuple((name, type_) for name, type_, *_ in con.execute("DESCRIBE seeknal_planned").fetchall())
    finally:
        con.unregister("seeknal_planned")

"""One query over verified files, for a person: bound first, then run where nothing but these files can be touched.

Decides how it is told that a query cannot be run. It stores nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import duckdb

from seeknal.engines.connections import Connections
from seeknal.engines.sql import SqlWrong, bind, parse_query, shadows, with_clock
from seeknal.engines.sqlfields import missing_name
from seeknal.engines.sqlwrite import over
from seeknal.errors import BuildFailed, UsageError
from seeknal.model.node import Schema


class Table(NamedTuple):
    """An input: the names and types of its columns, the file with its rows."""

    schema: Schema
    path: str


class Rows(NamedTuple):
    """An answer: its columns with their types, and its rows."""

    columns: Schema
    rows: list[tuple[Any, ...]]


class NoColumn(UsageError):
    """A query names a column that is not there: `name`."""

    reason = "unknown_column"

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name


class Asking:
    """Queries over the same tables; see `asking`."""

    def __init__(self, connections: Connections, tables: Mapping[str, Table], as_of: datetime, con: Any) -> None:
        self._connections = connections
        self._tables = tables
        self._as_of = as_of
        self._con = con
        self._shadowed = shadows(column for table in tables.values() for column in table.schema)

    def rows(self, sql: str) -> Rows:
        """What a query gives. Raises UsageError where it is wrong, BuildFailed where the data is."""
        con = self._connections.planning()
        try:
            parsed = parse_query(con, sql, {}, self._shadowed)
            self._only_tables((*parsed.files, *parsed.relations))
            used = [self._tables[name] for name in parsed.relations]
            columns = bind(con, parsed, [table.schema for table in used], self._as_of).columns
        except SqlWrong as wrong:
            raise _told(wrong) from wrong
        except duckdb.Error as error:
            raise UsageError(str(error).partition("\n")[0], reason="sql_wrong") from error
        text = over(with_clock(parsed.text, self._as_of), [table.path for table in used])
        try:
            return Rows(columns, self._con.execute(text).fetchall())
        except duckdb.Error as error:
            raise BuildFailed(" ".join(str(error).split())[:1000], reason="sql_failed") from error

    def _only_tables(self, names: tuple[str, ...]) -> None:
        other = next((name for name in names if name not in self._tables), None)
        if other:
            raise UsageError(f"{other} is no table of this query", reason="sql_unknown_table")


def _told(wrong: SqlWrong) -> UsageError:
    name = missing_name(wrong.message)
    if name:
        return NoColumn(wrong.message, name)
    return UsageError(wrong.message, reason=wrong.reason, hint=wrong.hint)


@contextmanager
def asking(connections: Connections, tables: Mapping[str, Table], as_of: datetime) -> Iterator[Asking]:
    """Ask queries over these tables (node id -> table), and over nothing else."""
    with connections.exactly([table.path for table in tables.values()]) as con:
        yield Asking(connections, tables, as_of, con)

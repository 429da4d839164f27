"""Reading an SQLite file with the standard library, a batch of rows at a time.

Decides which values fit the type of their column: others are told, and where they stand. Never writes, not even a log.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from seeknal.connectors.sqlite import TABLES, Meant, meant, statement
from seeknal.drivers import Arriving, Failed, Listed, Rows, Window, distinct, listed
from seeknal.model.lowering import quoted

_BATCH = 50_000
_EXPLAIN = re.compile(r"explain\b(\s+query\s+plan\b)?", re.IGNORECASE)
_VIEW = "__seeknal_read__"
# Its connections are `Answering`; it has no schemas that are not listed.
ANSWERS = ()


def connect(settings: Mapping[str, Any]) -> SQLite:
    """Open the file. Raises Failed."""
    import sqlite3

    path = settings["path"]
    pending = any(os.path.exists(path + end) and os.path.getsize(path + end) for end in ("-wal", "-journal"))
    # Without a log to look at, nothing needs to be locked or made beside the file; that it stays as it is, is checked.
    uri = f"file:{quote(path)}?mode=ro" + ("" if pending else "&immutable=1")
    try:
        return SQLite(sqlite3.connect(uri, uri=True, check_same_thread=False, timeout=30))
    except sqlite3.Error as error:
        raise _told(error) from error


class SQLite:
    """One open file."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def identity(self) -> str:
        """The file's bytes say it."""
        return ""

    def token(self, definition: Mapping[str, Any]) -> str | None:
        """The file's bytes say it."""
        return None

    def names(self, definition: Mapping[str, Any]) -> list[str]:
        """The columns of the table or the query."""
        return [name for name, _ in self._columns(definition)]

    def _columns(self, definition: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Each column with its declared type: a view knows those of the columns that it shows."""
        types = [type_ for _, type_ in self._viewed(statement(definition))]
        # A view gives two columns of one name other names: that there are two, only the query says.
        names = [told[0] for told in self._execute(statement(definition)).description]
        return list(zip(names, types, strict=True))

    def _viewed(self, query: str, names: str = "") -> list[tuple[str, str]]:
        self._ask(f"DROP VIEW IF EXISTS temp.{_VIEW}")
        self._ask(f"CREATE TEMP VIEW {_VIEW}{names} AS {query}")
        return [(row[1], row[2] or "") for row in self._ask(f"PRAGMA temp.table_info({_VIEW})")]

    def tables(self) -> list[Listed]:
        """The tables and views of the file."""
        return listed(self._ask(TABLES))

    def answer(self, query: str, limit: int | None) -> Rows:
        """The rows of a query; a column that declares no type is looked through before."""
        if explained := _EXPLAIN.match(query):
            return self._explained(query[explained.end() :])
        told = [one[0] for one in self._execute(f"SELECT * FROM (\n{query}\n) LIMIT 0").description]
        # A second `a` is called `a:1` there.
        plain = (
            head if head in told and end.isdigit() else name for name in told for head, _, end in [name.rpartition(":")]
        )
        names = distinct(plain)
        most = "" if limit is None else f" LIMIT {limit}"
        heads = f"({', '.join(map(quoted, names))})"
        columns = self._viewed(f"SELECT * FROM (\n{query}\n){most}", heads)
        return self._streamed(
            [(name, meant(type_) or self._by_values(name), type_ or "column") for name, type_ in columns]
        )

    def _ask(self, sql: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._execute(sql).fetchall()
        return found

    def _execute(self, sql: str) -> Any:
        import sqlite3

        try:
            return self._connection.execute(sql)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise _told(error) from error

    def _explained(self, query: str) -> Rows:
        import pyarrow as pa

        steps = [row[3] for row in self._ask(f"EXPLAIN QUERY PLAN {query}")]
        return Rows(pa.table({"step": pa.array(steps, pa.string())}).to_reader(), (Arriving("step", "step"),))

    def rows(self, definition: Mapping[str, Any], window: Window | None) -> Rows:
        """All rows, in the order of the file."""
        declared = {name.lower() for name in definition.get("types", {})}
        columns = [
            (name, (None if name.lower() in declared else meant(type_)) or self._by_values(name), type_ or "column")
            for name, type_ in self._columns(definition)
        ]
        return self._streamed(columns)

    def _streamed(self, columns: Sequence[tuple[str, Meant, str]]) -> Rows:
        import pyarrow as pa

        schema = pa.schema([(name, _arrow(means.values)) for name, means, _ in columns])
        batches = _batches(self._connection, columns, schema)
        return Rows(pa.RecordBatchReader.from_batches(schema, batches), tuple(_arriving(n, m) for n, m, _ in columns))

    def _by_values(self, name: str) -> Meant:
        """What the values of a column are, where no type is declared."""
        found = {row[0] for row in self._ask(f"SELECT DISTINCT typeof({quoted(name)}) FROM {_VIEW}")} - {"null"}
        if found <= {"integer"} and found:
            return Meant("integer")
        if found <= {"integer", "real"} and found:
            return Meant("real")
        return Meant("blob" if found == {"blob"} else "any" if "blob" not in found else "mixed")

    def done(self) -> None:
        """Nothing is left open."""

    def stop(self) -> None:
        """Interrupt the query."""
        with suppress(Exception):
            self._connection.interrupt()

    def close(self) -> None:
        """Close the file."""
        with suppress(Exception):
            self._connection.close()


def _arrow(values: str) -> Any:
    import pyarrow as pa

    types = {"integer": pa.int64, "real": pa.float64, "boolean": pa.bool_, "blob": pa.binary}
    return types.get(values, pa.string)()


def _arriving(name: str, means: Meant) -> Arriving:
    column = quoted(name)
    if means.type == "DATE":
        clock = f"CAST(TRY_CAST({column} AS TIMESTAMP) AS TIME) <> TIME '00:00:00'"
        return Arriving(name, column, "DATE", clock, "has a time in a DATE")
    return Arriving(name, column, means.type)


def _batches(connection: Any, columns: Sequence[tuple[str, Meant, str]], schema: Any) -> Iterator[Any]:
    import sqlite3

    import pyarrow as pa

    try:
        cursor = connection.execute(f"SELECT * FROM {_VIEW}")
        while rows := cursor.fetchmany(_BATCH):
            arrays = [
                _array(values, *column, field.type)
                for values, column, field in zip(zip(*rows, strict=True), columns, schema, strict=True)
            ]
            yield pa.record_batch(arrays, schema=schema)
    except sqlite3.Error as error:
        raise _told(error) from error


def _array(values: Sequence[Any], name: str, means: Meant, declared: str, type_: Any) -> Any:
    import pyarrow as pa

    fits, convert = _FITS[means.values]
    wrong = next((value for value in values if value is not None and not fits(value, means)), None)
    if wrong is not None:
        what = f"the column {name} is declared as {declared} and has the value {wrong!r}"
        raise Failed(what, "type_wrong", f"say columns: {{{name}: VARCHAR}}, or CAST it in a query")
    return pa.array(map(convert, values) if convert else values, type_)


def _decimal(value: Any, means: Meant) -> bool:
    """A number is one of so many digits, but for what binary fractions cannot hold."""
    if isinstance(value, str):
        return True  # DuckDB tells
    return isinstance(value, int) or (
        isinstance(value, float) and abs(value - round(value, means.scale)) <= 1e-9 * max(1.0, abs(value))
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


_FITS: dict[str, tuple[Callable[[Any, Meant], bool], Callable[[Any], Any] | None]] = {
    "integer": (lambda value, _: isinstance(value, int), None),
    "real": (lambda value, _: isinstance(value, (int, float)), lambda value: None if value is None else float(value)),
    "boolean": (lambda value, _: value in (0, 1), lambda value: None if value is None else bool(value)),
    "text": (lambda value, _: isinstance(value, str), None),
    "time": (lambda value, _: isinstance(value, str), None),
    "blob": (lambda value, _: isinstance(value, bytes), None),
    "decimal": (_decimal, _text),
    "any": (lambda value, _: not isinstance(value, bytes), _text),
    "mixed": (lambda value, _: not isinstance(value, bytes), _text),
}


def told(text: str) -> Failed:
    """What a broken stream said."""
    return Failed(" ".join(text.split("Failed: ", 1)[-1].split("\n", maxsplit=1)[0].split()), "type_wrong")


def _told(error: Exception) -> Failed:
    text = str(error)
    if "no such table" in text:
        return Failed(text, "table_missing", "params: {table: ...} names a table or a view of the file")
    if "readonly" in text:
        return Failed(text, "query_writes", "a query reads, and changes nothing")
    if "not a database" in text or "malformed" in text:
        return Failed(text, "unreadable_file")
    return Failed(text, "query_failed")

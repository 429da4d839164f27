"""Reading a DuckDB file with an instance of its own, which can read that file and nothing else.

Decides that a query is one statement that reads. Never writes, not even the log back.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from seeknal.connectors.duckdb import statement, typed
from seeknal.drivers import Arriving, Failed, Rows, Window
from seeknal.model.lowering import literal, quoted

_BATCH = 100_000
_OWN = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,
}
# Names of databases that every instance has.
_TAKEN = ("main", "memory", "system", "temp")


def connect(settings: Mapping[str, Any]) -> DuckDB:
    """Open the file. Raises Failed."""
    import duckdb

    path = settings["path"]
    name = os.path.basename(path).split(".")[0]
    name = "far" if name.lower() in _TAKEN or not name else name
    con = duckdb.connect(config={**_OWN})
    try:
        con.execute(f"ATTACH {literal(path)} AS {quoted(name)} (READ_ONLY); USE {quoted(name)}")
        con.execute("SET TimeZone = 'UTC'; SET arrow_lossless_conversion = true")
        con.execute("SET enable_external_access = false; SET lock_configuration = true")
    except duckdb.Error as error:
        con.close()
        raise told(str(error)) from error
    return DuckDB(con)


class DuckDB:
    """One open file."""

    def __init__(self, con: Any) -> None:
        self._con = con

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
        relation = self._asked(definition)
        return list(zip(relation.columns, map(str, relation.types), strict=True))

    def _asked(self, definition: Mapping[str, Any]) -> Any:
        import duckdb

        text = statement(definition)
        try:
            found = self._con.extract_statements(text)
            if len(found) != 1 or found[0].type not in (duckdb.StatementType.SELECT, duckdb.StatementType.MULTI):
                raise Failed("a query is one SELECT", "query_writes", _READS)
            return self._con.sql(text)
        except duckdb.Error as error:
            raise told(str(error)) from error

    def rows(self, definition: Mapping[str, Any], window: Window | None) -> Rows:
        """All rows, in the order of the file."""
        relation = self._asked(definition)
        columns = tuple(
            Arriving(name, quoted(name), typed(str(type_)))
            for name, type_ in zip(relation.columns, relation.types, strict=True)
        )
        return Rows(relation.to_arrow_reader(_BATCH), columns)

    def done(self) -> None:
        """Nothing is left open."""

    def stop(self) -> None:
        """Interrupt the query."""
        with suppress(Exception):
            self._con.interrupt()

    def close(self) -> None:
        """Let go of the file."""
        with suppress(Exception):
            self._con.close()


_READS = "a query reads, and changes nothing"
_WORDS = (
    ("Conflicting lock", "file_locked", "another process has the file open for writing: run again when it is done"),
    ("Unique file handle conflict", "file_locked", "this process has the file open for writing"),
    ("read-only mode", "query_writes", _READS),
    ("database does not exist", "file_missing", "is the path right?"),
    ("not a valid DuckDB database", "unreadable_file", ""),
    ("with version number", "unreadable_file", "another version of DuckDB wrote the file: bring seeknal's up to date"),
    ("file system operations are disabled", "query_failed", "a query reads the tables of the file: declare other files as sources"),
    ("Table with name", "table_missing", "params: {table: ...} names a table or a view of the file, or schema.table"),
)  # fmt: skip


def told(text: str) -> Failed:
    """What DuckDB said, as a failure."""
    said = " ".join(text.split("\n\nLINE ", 1)[0].split())
    for _ in range(2):
        head, sign, rest = said.partition("Error: ")
        said = rest if sign and len(head) < 60 else said
    said = said.split(" See also https", maxsplit=1)[0].split(" Did you mean", maxsplit=1)[0].rstrip(".")
    reason, hint = next(((reason, hint) for part, reason, hint in _WORDS if part in said), ("query_failed", ""))
    return Failed(said, reason, hint)

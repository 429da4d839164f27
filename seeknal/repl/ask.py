"""One statement, answered: what it may do, and the rows that it gives.

Decides which statements are answered (those that only read) and how much of an answer is fetched. What it tells of a
wrong one is `wrong`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import duckdb

from seeknal.engines.connections import connections_of
from seeknal.errors import BuildFailed
from seeknal.model.lowering import quoted
from seeknal.model.node import Schema
from seeknal.repl.afar import pushed
from seeknal.repl.bring import ANSWER
from seeknal.repl.names import aliases, mentioned
from seeknal.repl.stopping import stoppable
from seeknal.repl.tables import Tables
from seeknal.repl.text import spoken
from seeknal.repl.wrong import told

_READS = frozenset({"SELECT", "EXPLAIN", "MULTI"})
_ASKS = frozenset({"SELECT", "FROM", "WITH", "VALUES", "TABLE", "("})
_INSTEAD = {
    "COPY": "write an answer to a file with --output FILE, or .save FILE",
    "EXPORT": "write an answer to a file with --output FILE, or .save FILE",
    "ATTACH": "add a database or a file with .connect",
    "DETACH": "leave what was connected with .duckdb",
    "SET": "settings are fixed; how answers look is set with .format and .limit",
    "LOAD": "extensions are not loaded here",
    "PRAGMA": "write DESCRIBE table, or .schema table",
    "CREATE": "a table of the project is a node: declare a transform",
}
_LISTING = re.compile(r"\s*SHOW\s+(ALL\s+)?TABLES\s*;?\s*", re.IGNORECASE)
# Values of these types become poorer in Python (months of an interval, nanoseconds, infinity): DuckDB writes them as text.
_POORER = re.compile(r"(DATE|TIME|INTERVAL)(?!.*[\[(])")


class Answer(NamedTuple):
    """Columns, rows, and whether there are more rows than were asked for."""

    columns: Schema
    rows: list[tuple[Any, ...]]
    more: bool = False

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [name for name, _ in self.columns]


def ask(tables: Tables, sql: str, limit: int | None = None) -> Answer:
    """The answer to a statement. Raises BuildFailed, IntegrityFinding, KeyboardInterrupt."""
    if _LISTING.fullmatch(sql):
        rows = [(table.name, table.rows, table.columns) for table in tables.listed()]
        return Answer((("name", "VARCHAR"), ("rows", "BIGINT"), ("columns", "BIGINT")), rows[:limit])
    with _answered(tables, sql, limit) as (con, text):
        return stoppable(_interrupted(con), lambda: _fetched(con, text, limit))


def _fetched(con: Any, sql: str, limit: int | None) -> Answer:
    names, types = _columns(con, sql)
    con.execute(_faithful(sql, names, types))
    names, types = names or unique([d[0] for d in con.description]), types or [str(d[1]) for d in con.description]
    rows = con.fetchall() if limit is None else con.fetchmany(limit + 1)
    more = limit is not None and len(rows) > limit
    return Answer(tuple(zip(names, types, strict=True)), rows[:limit], more)


def parquet(tables: Tables, sql: str, limit: int | None = None) -> tuple[bytes, int]:
    """The answer to a statement as the bytes of a Parquet file, and its rows. Raises as `ask` does."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with _answered(tables, sql, limit) as (con, text):
        found = stoppable(_interrupted(con), lambda: _relation(con, text, limit).to_arrow_table())
        found = found.rename_columns(unique(found.column_names))
        out = pa.BufferOutputStream()
        pq.write_table(found, out)
        return out.getvalue().to_pybytes(), found.num_rows


def _relation(con: Any, sql: str, limit: int | None) -> Any:
    try:
        found = con.sql(sql)
    except duckdb.Error:
        con.execute(sql)  # says where
        raise
    return found if limit is None else found.limit(limit)


@contextmanager
def _answered(tables: Tables, sql: str, limit: int | None) -> Iterator[tuple[Any, str]]:
    """A DuckDB for a statement that only reads, and what to ask it; what it says against that is told to a person."""
    try:
        wrong = _check(connections_of(tables.session.setting).planning(), sql)
        named = tables.reach(sql)
        whole = pushed(sql, named)
        if whole is not None:
            with tables.pushed(whole, named, None if limit is None else limit + 1) as con:
                yield con, f"FROM {ANSWER}"
            return
        if wrong is not None:
            raise wrong
        with tables.opened(sql, named) as con:
            yield con, sql
    except duckdb.InterruptException as error:
        raise KeyboardInterrupt from error
    except duckdb.Error as error:
        known = {*mentioned(sql, tables.schemas), *aliases(sql, tables.schemas).values()}
        columns = [column for name in sorted(known) for column, _ in tables.schemas[name]]
        raise BuildFailed(told(str(error), tables.schemas, columns), reason="sql_wrong") from error
    except RuntimeError as error:
        if str(error) != "Query interrupted":
            raise
        raise KeyboardInterrupt from error


def _interrupted(con: Any) -> Callable[[], bool]:
    """What stops a query of a DuckDB."""

    def stop() -> bool:
        con.interrupt()
        return True

    return stop


def _check(con: Any, sql: str) -> duckdb.Error | None:
    """Raise BuildFailed for a statement that does more than read; what DuckDB cannot parse may be a server's own SQL."""
    try:
        statements = con.extract_statements(sql)
    except duckdb.ParserException as error:
        return error
    for statement in statements:
        sort = statement.type.name
        if sort not in _READS:
            instead = _INSTEAD.get(sort, "change the project, and run it")
            raise BuildFailed(
                f"{sort.replace('_', ' ')} is refused: the repl only reads; {instead}", reason="read_only"
            )
    return None


def _columns(con: Any, sql: str) -> tuple[list[str], list[str]]:
    """Names and types of what a statement gives, where that is known without running it."""
    first = next(iter(spoken(sql)), None)
    if first is None or first.text.upper() not in _ASKS:
        return [], []
    try:
        found = con.sql(sql)
    except duckdb.Error:  # told when it is run, with its place
        return [], []
    return unique(found.columns), [str(type_) for type_ in found.types]


def _faithful(sql: str, names: list[str], types: list[str]) -> str:
    """The statement, with the values that Python cannot hold as text."""
    if not any(map(_POORER.match, types)):
        return sql
    shown = ", ".join(
        f"{f'CAST(#{i} AS VARCHAR)' if _POORER.match(type_) else f'#{i}'} AS {quoted(name)}"
        for i, (name, type_) in enumerate(zip(names, types, strict=True), 1)
    )
    return f"SELECT {shown} FROM (\n{sql.strip().rstrip(';')}\n)"


def unique(names: list[str]) -> list[str]:
    """The names, no two the same: a second `a` is `a_1`."""
    found: list[str] = []
    taken = {*names}
    for name in names:
        fresh, count = name, 0
        while fresh in found or (count and fresh in taken):
            count += 1
            fresh = f"{name}_{count}"
        found.append(fresh)
    return found

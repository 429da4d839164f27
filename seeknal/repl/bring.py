"""What servers have, brought into the DuckDB of a statement: whole tables to be joined, or the answer to all of it.

Decides under which names tables lie there, so that the statement stays as it was typed, and what a person is told of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from seeknal.drivers import Failed
from seeknal.errors import BuildFailed
from seeknal.model.lowering import quoted
from seeknal.repl.afar import Mention
from seeknal.repl.servers import failed
from seeknal.repl.text import spoken
from seeknal.repl.wrong import told

# The table that an answer lies in.
ANSWER = quoted("__answer__")
# So many rows that are brought to be joined are worth a word.
MANY = 1_000_000


def bring_answer(con: Any, sql: str, named: Sequence[Mention], limit: int | None) -> None:
    """The answer of the one server to a statement, as the table ANSWER. Raises BuildFailed."""
    try:
        _brought(con, named, sql, limit, ANSWER)
    except BuildFailed as error:
        if error.reason == "query_failed" and not error.hint:
            error.hint = f"{named[0].connected.name} answers this statement itself: it is in its own SQL"
        raise


def bring_tables(con: Any, sql: str, named: Sequence[Mention], warn: Callable[[str], None]) -> None:
    """The tables that a statement names, each once, under each of its names. Raises BuildFailed."""
    limit = 0 if spoken(sql)[0].text.upper() == "DESCRIBE" else None
    places: dict[tuple[str, tuple[str, str]], str] = {}
    for mention in {_place(mention).lower(): mention for mention in named}.values():
        place = _place(mention)
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {_schema(mention)}")
        key = (mention.connected.name, mention.table)
        if key in places:
            con.execute(f"CREATE VIEW {place} AS FROM {places[key]}")
            continue
        table = ".".join(map(quoted, mention.table))
        count = _brought(con, [mention], f"SELECT * FROM {table}", limit, place)
        places[key] = place
        if count > MANY:
            warn(f"{'.'.join(mention.spelled)}: all of its {count:,} rows were brought here to be joined")


def _place(mention: Mention) -> str:
    """The table of a DuckDB that a name of a statement stands for."""
    return f"{_schema(mention)}.{quoted(mention.spelled[-1])}"


def _schema(mention: Mention) -> str:
    """Where it lies; what is named without a schema lies in DuckDB's own."""
    schema = mention.spelled[1] if len(mention.spelled) > 2 else "main"
    return f"{quoted(mention.connected.name)}.{quoted(schema)}"


def _brought(con: Any, named: Sequence[Mention], query: str, limit: int | None, place: str) -> int:
    """Bring the rows of a query over these tables of one server; how many. Raises BuildFailed."""
    connected = named[0].connected
    assert connected.server is not None
    try:
        return connected.server.bring(con, query, limit, place)
    except Failed as error:
        columns = [column for mention in named for column in connected.server.columns(mention.table)]
        message = told(error.message, connected.tables, columns)
        hint = error.hint if message == error.message else ""
        raise failed(connected.name, Failed(message, error.reason, hint)) from error

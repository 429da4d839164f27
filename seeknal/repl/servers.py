"""A server, or a file that only its own driver reads, as the repl asks it: connected when it is first needed, asked within
what only reads, stopped by Ctrl-C.

Decides how its rows come into the DuckDB of a statement: each column in a type that holds its values as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import duckdb

from seeknal import drivers
from seeknal.drivers import Answering, Arriving, Failed, Listed
from seeknal.engines.arriving import STREAM, typed
from seeknal.errors import BuildFailed
from seeknal.model.lowering import literal, quoted
from seeknal.repl.stopping import stoppable

T = TypeVar("T")
# A number of the server without a precision: it arrives as text, and gets the digits that its values need.
_FREE = "DECIMAL(38,9)"
_POINT = r"^-?([0-9]+)(?:\.([0-9]*?)0*)?$"


class Server:
    """One place: how it is reached, and what tables it has."""

    def __init__(self, type_: str, settings: Mapping[str, Any], own: str) -> None:
        self._type = type_
        self._settings = settings
        self.own = own
        self._far: Answering | None = None
        self.tables: dict[tuple[str, str], Listed] = {}

    def look(self) -> None:
        """Ask what tables there are."""
        self.tables = {(table.schema, table.name): table for table in self._use(lambda far: far.tables())}

    def find(self, schema: str | None, table: str) -> tuple[str, str] | None:
        """The schema and table that are meant, as the server spells them; no schema: the connection's own."""
        wanted = (self.own if schema is None else schema, table)
        if wanted[0].lower() in drivers.module(self._type).ANSWERS:
            return wanted[0].lower(), table.lower()
        if wanted in self.tables:
            return wanted
        small = tuple(part.lower() for part in wanted)
        return next((name for name in self.tables if tuple(part.lower() for part in name) == small), None)

    def columns(self, table: tuple[str, str]) -> list[str]:
        """The columns of a table."""
        return [name for name, _ in self.tables[table].columns] if table in self.tables else []

    def bring(self, con: Any, query: str, limit: int | None, place: str) -> int:
        """The rows of a query as the new table `place` of a DuckDB; how many they are. Raises Failed, KeyboardInterrupt."""

        def work(far: Answering) -> int:
            rows = far.answer(query, limit)
            con.register(STREAM, rows.stream)
            try:
                return _laid(con, rows.columns, place)
            except duckdb.Error as error:
                raise self._told(error) from error
            finally:
                with suppress(duckdb.Error):
                    con.unregister(STREAM)

        return self._use(work, con.interrupt)

    def _told(self, error: Exception) -> Exception:
        if f"reading the stream registered as '{STREAM}' failed" in str(error):
            return drivers.told(self._type, str(error))
        if isinstance(error, duckdb.InvalidInputException | duckdb.ConversionException):
            return Failed(str(error).split("Error: ", 1)[-1].splitlines()[0], "type_wrong", "CAST it to text")
        return error

    def _use(self, work: Callable[[Answering], T], interrupt: Callable[[], None] = lambda: None) -> T:
        """What `work` makes of the connection; one that was lost since it was last used is made anew."""
        kept = self._far is not None
        try:
            return self._once(work, interrupt)
        except Failed as failed:
            if not kept or failed.reason != "connection_lost":
                raise
            return self._once(work, interrupt)

    def _once(self, work: Callable[[Answering], T], interrupt: Callable[[], None]) -> T:
        held: list[Answering] = []
        left: list[bool] = []

        def stop() -> bool:
            left.append(True)
            for far in held:
                far.stop()
                interrupt()
            return bool(held)  # who waits for an answer to the first word is not to be stopped, only left

        def run() -> T:
            far = self._far or self._open()
            held.append(far)
            if left:
                far.close()
                raise KeyboardInterrupt
            self._far = far
            try:
                found = work(far)
                far.done()
            except BaseException:
                self._far = None
                far.stop()  # what nobody waits for any more must not go on over there
                far.close()
                raise
            if "path" in self._settings:  # it may be another file by then
                self.close()
            return found

        return stoppable(stop, run)

    def _open(self) -> Answering:
        return drivers.get(self._type)(self._settings)  # type: ignore[return-value]

    def close(self) -> None:
        """Let go of the connection."""
        far, self._far = self._far, None
        if far is not None:
            far.close()


def answers(type_: str) -> bool:
    """Whether places of a type answer whole statements."""
    return hasattr(drivers.module(type_), "ANSWERS")


def failed(name: str, error: Failed) -> BuildFailed:
    """What did not work at a server, for a person."""
    return BuildFailed(f"{name}: {error.message}", reason=error.reason, hint=error.hint)


def _laid(con: Any, columns: Sequence[Arriving], place: str) -> int:
    shown = ", ".join(f"{_kept(column)} AS {quoted(column.name)}" for column in columns)
    ((count,),) = con.execute(f"CREATE TABLE {place} AS SELECT {shown} FROM {STREAM}").fetchall()
    for column in columns:
        if column.refused and column.type == _FREE:
            type_ = _digits(con, quoted(column.name), place)
            con.execute(f"ALTER TABLE {place} ALTER {quoted(column.name)} TYPE {type_}")
    return int(count)


def _kept(column: Arriving) -> str:
    """DuckDB's expression for a column: nothing is refused here, where a look is all that is wanted."""
    if not column.refused or column.type == "DATE":
        return typed(column._replace(refused=""))
    if column.type == f"{_FREE}[]":
        return f"CAST({column.value} AS DOUBLE[])"
    return column.value


def _digits(con: Any, name: str, place: str) -> str:
    """The type that holds all numbers of a column of texts: a DECIMAL, text where there are too many digits."""
    whole, fraction, odd = con.execute(
        f"SELECT coalesce(max(length(regexp_extract({name}, {literal(_POINT)}, 1))), 1), "
        f"coalesce(max(length(regexp_extract({name}, {literal(_POINT)}, 2))), 0), "
        f"coalesce(bool_or(NOT regexp_matches({name}, {literal(_POINT)})), false) FROM {place}"
    ).fetchone()
    if odd:  # NaN, and what has no end
        return "DOUBLE"
    return f"DECIMAL(38,{fraction})" if whole + fraction <= 38 else "VARCHAR"

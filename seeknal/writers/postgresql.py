"""Writing to a table of PostgreSQL: staged by COPY, then put in its place by statements of one transaction.

Decides the order of things: a lock for the table first, the record beside the rows last. Readers see the rows of before
until all of it is there, and are never held up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from seeknal.drivers import Failed
from seeknal.drivers.postgresql import PostgreSQL
from seeknal.drivers.postgresql import connect as connected
from seeknal.model.lowering import literal
from seeknal.writers import Chunk, Order, Reading, Wrote
from seeknal.writers.postgresql_sql import (
    STAGE,
    There,
    changed,
    check_names,
    cleared,
    dropped,
    faults,
    inserted,
    made,
    noted,
    quoted,
    record_made,
    recorded,
    records,
    travelling,
    where,
)


def connect(settings: Mapping[str, Any]) -> PostgreSQLWriter:
    """Connect. Raises Failed, EnvironmentFailure."""
    return PostgreSQLWriter(connected(settings))


class Known(NamedTuple):
    """The record of a table: keys and intervals of its parts, and the columns that were written last."""

    keys: Mapping[str, str]
    intervals: Mapping[str, tuple[str, str]]
    columns: tuple[str, ...]


_NOTHING = Known({}, {}, ())


class PostgreSQLWriter:
    """One connection to a server."""

    def __init__(self, far: PostgreSQL) -> None:
        self._far = far

    def held(self, order: Order) -> str:
        """The word for why the table does not hold what is ordered; nothing when it does."""
        if not self._exists(where(order)):
            return "table_missing"
        return "" if self._known(order).keys.get("") == order.key else "table_changed"

    def write(self, order: Order, reading: Reading) -> Wrote:
        """Make the table hold it. Raises Failed."""
        check_names(order)
        self._far.execute("BEGIN")
        try:
            wrote = self._write(order, reading)
            self._far.execute("COMMIT")
        except BaseException:
            self._undo()
            raise
        return wrote

    def _undo(self) -> None:
        try:
            self._far.execute("ROLLBACK")
        except Failed:
            self._far.close()  # the server has forgotten it already

    def _write(self, order: Order, reading: Reading) -> Wrote:
        self._prepare(order)
        known = self._known(order)
        there = self._columns(order)
        if there and known.keys.get("") == order.key:
            return Wrote(None)
        chunks = [chunk for chunk in order.chunks if not chunk.label or known.keys.get(chunk.label) != chunk.digest]
        gone = {label: span for label, span in known.intervals.items() if label not in {c.label for c in order.chunks}}
        gone = gone if order.chunks and order.chunks[0].label else {}
        again = [chunk.label for chunk in chunks if chunk.label in known.keys]
        if order.mode == "append" and (gone or (again and chunks[0].label)):
            text = f"rows of {(again or list(gone))[0]} are there already, and are other ones now: append cannot replace them"
            raise Failed(text, "append_again", "use mode: incremental_by_time")
        endless = reading.endless(chunks)
        self._far.stage(STAGE, reading.rows(chunks, [travelling(*column, endless) for column in order.columns]))
        self._shape(order, there, known)
        for query, text, hint in faults(order):
            found = self._far.ask(query)
            if found:
                shown = f": {found[0][0]}" if found[0][0] != 1 else ""
                raise Failed(text + shown, "wrong_rows", hint)
        for statement in cleared(order, chunks, gone):
            self._far.execute(statement)
        self._far.execute(inserted(order))
        count = int(self._far.ask(f"SELECT count(*) FROM {STAGE}")[0][0])
        for statement in noted(order, chunks, list(gone)):
            self._far.execute(statement)
        self._far.execute(f"DROP TABLE {STAGE}")
        return Wrote(count, _told(chunks, gone))

    def _prepare(self, order: Order) -> None:
        """Lock the table for other writers of ours, and see that its schema and the record are there."""
        self._lock(where(order))
        if not self._exists(records(order)):
            self._lock(quoted(order.schema))
            schema = f"SELECT to_regnamespace({literal(quoted(order.schema))}) IS NULL"
            if (order.own_schema or order.create) and self._far.ask(schema)[0][0]:
                self._far.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(order.schema)}")
            self._far.execute(record_made(order))

    def _lock(self, name: str) -> None:
        self._far.execute(f"SELECT pg_advisory_xact_lock(hashtextextended({literal('seeknal ' + name)}, 0))")

    def _exists(self, name: str) -> bool:
        return bool(self._far.ask(f"SELECT to_regclass({literal(name)}) IS NOT NULL")[0][0])

    def _known(self, order: Order) -> Known:
        """The record of the table that is there now; nothing of one that somebody has made anew since."""
        if not self._exists(records(order)) or not self._exists(where(order)):
            return _NOTHING
        number = self._far.ask(f"SELECT {literal(where(order))}::regclass::oid::bigint::text")[0][0]
        rows = [row for row in self._far.ask(recorded(order)) if row[4] == number]
        columns = next((tuple(row[5].split("\n")) for row in rows), ())
        return Known({row[0]: row[1] for row in rows}, {row[0]: (row[2], row[3]) for row in rows if row[0]}, columns)

    def _columns(self, order: Order) -> list[There]:
        if not self._exists(where(order)):
            return []
        rows = self._far.ask(
            "SELECT attname::text, format_type(atttypid, atttypmod), attnotnull AND NOT atthasdef AND attidentity = '' "
            f"FROM pg_attribute WHERE attrelid = {literal(where(order))}::regclass AND attnum > 0 AND NOT attisdropped "
            "ORDER BY attnum"
        )
        return [There(*row) for row in rows]

    def _shape(self, order: Order, there: list[There], known: Known) -> None:
        """Make the table, or fit it to what is ordered. Raises Failed."""
        if not there and not order.create:
            hint = "make it there, or say create_table: true"
            raise Failed(f"there is no table {where(order)}", "table_missing", hint)
        statements = changed(order, there, known.columns) if there else [made(order)]
        try:
            for statement in [dropped(order), made(order)] if statements is None else statements:
                self._far.execute(statement)
        except Failed as failed:
            if "depend on it" not in failed.message:
                raise
            text = f"its columns change, so the table is made anew, and {failed.message}"
            raise Failed(text, "depended_on", "drop what depends on it, or say cascade: true") from None

    def stop(self) -> None:
        """Interrupt what the server does for us."""
        self._far.stop()

    def close(self) -> None:
        """Disconnect."""
        self._far.close()


def _told(chunks: list[Chunk], gone: Mapping[str, Any]) -> str:
    parts = [f"{len(chunks):,} intervals"] if chunks[:1] and chunks[0].label else []
    parts += [f"{len(gone):,} intervals removed"] if gone else []
    return ", ".join(parts)

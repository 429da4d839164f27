"""Which data files of an Iceberg table may have rows of an interval: files never change, so these are what it is known by.

Decides that a file whose metadata does not say what times it has may have rows of every interval.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from seeknal.drivers import Failed, Window
from seeknal.model.digest import document_digest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Span(NamedTuple):
    """A data file with what was deleted of it, the first and the last time in it, where that is known, and how pyiceberg
    calls the reading of it."""

    first: int | None
    last: int | None
    files: tuple[str, ...]
    task: Any


class Spans(NamedTuple):
    """The data files of a table by one of its columns, whose values are counted in `unit`."""

    files: tuple[Span, ...]
    unit: timedelta
    times: int

    def of(self, window: Window) -> list[Span]:
        """The files that may have rows of an interval."""
        start, end = (self._count(text) for text in (window.start, window.end))
        return [one for one in self.files if _meets(one, start, end)]

    def token(self, window: Window) -> str:
        """Equal as long as the rows of an interval are."""
        return document_digest(sorted(one.files for one in self.of(window)))

    def _count(self, text: str) -> int:
        return _whole(text, self.unit) * self.times


def _whole(text: str, unit: timedelta) -> int:
    """The bound of an interval in units since 1970: the first that is not before it."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return -((_EPOCH - moment) // unit)


def _meets(one: Span, start: int, end: int) -> bool:
    return (one.last is None or one.last >= start) and (one.first is None or one.first < end)


def spans(table: Any, column: str) -> Spans:
    """The data files of a table as it is now. Raises Failed."""
    from pyiceberg.conversions import from_bytes

    field, unit, times = time_field(table.schema(), column)

    def bound(bounds: Any) -> int | None:
        data = (bounds or {}).get(field.field_id)
        return None if data is None else int(from_bytes(field.field_type, data))

    found = []
    for task in table.scan().plan_files():
        gone = sorted(one.file_path for one in task.delete_files)
        first, last = bound(task.file.lower_bounds), bound(task.file.upper_bounds)
        found.append(Span(first, last, (task.file.file_path, *gone), task))
    return Spans(tuple(found), unit, times)


def time_field(schema: Any, column: str) -> tuple[Any, timedelta, int]:
    """The field of a column of time, and what its values count: so many a unit. Raises Failed."""
    field = next((one for one in schema.fields if one.name.lower() == column.lower()), None)
    if field is None:
        raise Failed(f"there is no column {column!r}", "column_missing")
    unit, times = _UNITS.get(str(field.field_type), (None, 1))
    if unit is None:
        hint = "leave interval.start away: then the table is read whole, and split"
        raise Failed(
            f"the column {column} is a {field.field_type}, and an interval asks for a time", "type_wrong", hint
        )
    return field, unit, times


_UNITS = {
    "date": (timedelta(days=1), 1),
    "timestamp": (timedelta(microseconds=1), 1),
    "timestamptz": (timedelta(microseconds=1), 1),
    "timestamp_ns": (timedelta(microseconds=1), 1000),
    "timestamptz_ns": (timedelta(microseconds=1), 1000),
}


def within(schema: Any, window: Window) -> Any:
    """The condition that a row is of an interval, by which a scan leaves files out."""
    from pyiceberg import expressions

    field, unit, _ = time_field(schema, window.column)
    moments = [_EPOCH + _whole(bound, unit) * unit for bound in (window.start, window.end)]
    if unit == timedelta(days=1):
        start, end = (moment.date().isoformat() for moment in moments)
    else:
        zone = "+00:00" if "tz" in str(field.field_type) else ""
        start, end = (moment.replace(tzinfo=None).isoformat() + zone for moment in moments)
    made: Any = expressions
    return made.And(made.GreaterThanOrEqual(field.name, start), made.LessThan(field.name, end))

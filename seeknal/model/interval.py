"""Intervals: half-open pieces of time in UTC, aligned to a unit, and their algebra.

Decides where an interval of a unit begins and ends, which intervals a window means, what a typed date means at either end
of a window, and how a set of intervals reads. Never looks at a clock or at data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from seeknal.errors import nearest
from seeknal.model.lowering import Path, Wrong

UNITS = ("hour", "day", "week", "month", "year")
# Words of schedules that other tools know, as units.
SCHEDULES = {
    **{f"@{word}": unit for word, unit in (("hourly", "hour"), ("daily", "day"), ("weekly", "week"))},
    **{f"@{word}": unit for word, unit in (("monthly", "month"), ("yearly", "year"), ("annually", "year"))},
}
_STEP = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
_HOURS = {"hour": 1, "day": 24, "week": 168, "month": 720, "year": 8760}
MANY = 250_000
FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)


class Interval(NamedTuple):
    """The time from `start` up to but without `end`, both in UTC."""

    start: datetime
    end: datetime

    @property
    def empty(self) -> bool:
        """Whether nothing lies in it."""
        return self.end <= self.start

    def meets(self, other: Interval) -> bool:
        """Whether the two have a moment in common; touching is not that."""
        return self.start < other.end and other.start < self.end

    def within(self, other: Interval) -> bool:
        """Whether all of it lies in `other`."""
        return other.start <= self.start and self.end <= other.end

    def texts(self) -> tuple[str, str]:
        """Start and end as an action document has them."""
        return stamp(self.start), stamp(self.end)


@dataclass(frozen=True, slots=True)
class Cadence:
    """What `interval:` says: the unit, the column with a row's time, where the first interval may begin, how many units
    back an interval reads, and whether the running interval is built too."""

    unit: str
    column: str
    start: datetime | None = None
    lookback: int = 0
    open: bool = False


@lru_cache(maxsize=65536)
def stamp(moment: datetime) -> str:
    """A moment as `2024-01-31T00:00:00Z`."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z" if moment.year >= 1000 else f"{moment.isoformat()[:19]}Z"


@lru_cache(maxsize=65536)
def read_stamp(text: str) -> datetime:
    """The moment that `stamp` wrote. Raises ValueError."""
    return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)


def floor(moment: datetime, unit: str) -> datetime:
    """The start of the interval that `moment` lies in; weeks begin on Monday."""
    if unit == "hour":
        return moment.replace(minute=0, second=0, microsecond=0)
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "day":
        return day
    if unit == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit == "month" else day.replace(month=1, day=1)


def step(start: datetime, unit: str, count: int = 1) -> datetime:
    """The start that lies `count` intervals after `start`, which is one itself; before it for a negative count.

    There is no time before `FIRST` or after `LAST`."""
    try:
        if unit in _STEP:
            return min(start + count * _STEP[unit], LAST)
        months = start.year * 12 + start.month - 1 + count * (1 if unit == "month" else 12)
        return start.replace(year=months // 12, month=months % 12 + 1)
    except (ValueError, OverflowError):
        return LAST if count > 0 else FIRST


def at(moment: datetime, unit: str) -> Interval:
    """The interval that `moment` lies in."""
    start = floor(moment, unit)
    return Interval(start, step(start, unit))


def slots(unit: str, window: Interval) -> Iterator[Interval]:
    """Every interval of `unit` that has a moment in `window`, in order."""
    if window.empty:
        return
    found = at(window.start, unit)
    while found.start < window.end:
        yield found
        found = Interval(found.end, step(found.end, unit))


def many(unit: str, window: Interval) -> bool:
    """Whether there are more intervals in `window` than anybody means: its bounds come of a wrong date."""
    return (window.end - window.start) / timedelta(hours=_HOURS[unit]) > MANY


def reach(slot: Interval, cadence: Cadence) -> Interval:
    """What an interval reads of its inputs: itself and its lookback."""
    return Interval(step(slot.start, cadence.unit, -cadence.lookback), slot.end)


def complete(cadence: Cadence, now: datetime) -> datetime:
    """The end of the last interval that is built at `now`: the running one only where the node says so."""
    running = at(now, cadence.unit)
    return running.end if cadence.open else running.start


def settled(slot: Interval, cadence: Cadence, now: datetime) -> bool:
    """Whether an interval is over, and no late rows are waited for any more."""
    return step(slot.end, cadence.unit, cadence.lookback) <= now


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """The same moments with as few intervals as can be: those that touch or meet are one."""
    found: list[Interval] = []
    for interval in sorted(interval for interval in intervals if not interval.empty):
        if found and interval.start <= found[-1].end:
            found[-1] = Interval(found[-1].start, max(found[-1].end, interval.end))
        else:
            found.append(interval)
    return found


def without(window: Interval, taken: Iterable[Interval]) -> list[Interval]:
    """The moments of `window` that lie in none of `taken`."""
    found, start = [], window.start
    for interval in merged(taken):
        if interval.end <= start:
            continue
        if interval.start >= window.end:
            break
        found.append(Interval(start, interval.start))
        start = interval.end
    found.append(Interval(start, window.end))
    return [interval for interval in found if not interval.empty]


def label(interval: Interval, unit: str) -> str:
    """The name of one interval: `2024-01-31`, `2024-01-31T05`, `2024-01` and so on; weeks by their Monday."""
    forms = {"hour": 13, "month": 7, "year": 4}
    return interval.start.isoformat()[: forms.get(unit, 10)]


def told(intervals: Sequence[Interval], unit: str) -> str:
    """A set of intervals for people: ranges with their counts, `2024-01-01..2024-01-31 (31 days)`."""
    parts = []
    for run in merged(intervals):
        first, last = at(run.start, unit), at(run.end - timedelta(microseconds=1), unit)
        count = sum(1 for slot in intervals if slot.within(run))
        shown = label(first, unit) if first == last else f"{label(first, unit)}..{label(last, unit)}"
        parts.append(f"{shown} ({count} {unit}{'s' if count != 1 else ''})")
    return ", ".join(parts)


def meant(window: Interval) -> str:
    """What a window means, for people."""
    first, last = window.start, window.end - timedelta(microseconds=1)
    whole = all(moment == floor(moment, "day") for moment in window)
    begin, end = (label(at(moment, "day"), "day") if whole else stamp(moment) for moment in (first, last))
    if window.start == FIRST:
        return f"until {end}, and that day included" if whole else f"before {stamp(window.end)}"
    if window.end == LAST:
        return f"from {begin} on"
    return (
        f"{begin} through {end}, whole days in UTC"
        if whole
        else f"from {begin} up to, but without, {stamp(window.end)}"
    )


def moment(text: str, *, end: bool = False) -> datetime:
    """What a person means by a date or a timestamp; a bare date at the end of a window includes that day.

    Raises ValueError.
    """
    text = text.strip()
    try:
        if "T" not in text and ":" not in text:
            day = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
            return day + timedelta(days=1) if end and day < LAST else day
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(str(error)) from None


def cadence_of(value: Any, schedule: Any, path: Path = ("interval",)) -> Cadence | None:
    """What `interval:` and `schedule:` of a node say; None for a node without intervals. Raises Wrong."""
    if value is None:
        return None
    if isinstance(value, str):
        value = {"unit": SCHEDULES.get(value, value)}
    if not isinstance(value, Mapping):
        raise Wrong(path, "interval is a mapping: interval: {unit: day, column: ride_date, start: 2024-01-01}")
    unknown = [str(name) for name in value if name not in _FIELDS]
    if unknown:
        raise Wrong(
            (*path, unknown[0]), f"unknown field {unknown[0]!r}{nearest(unknown[0], _FIELDS)}: {', '.join(_FIELDS)}"
        )
    unit = _unit(value.get("unit"), schedule, path)
    column = value.get("column")
    if not isinstance(column, str) or not column:
        raise Wrong((*path, "column"), f"column is {column!r}: the name of the column with the time of a row is needed")
    lookback, opened = value.get("lookback", 0), value.get("open", False)
    if isinstance(lookback, bool) or not isinstance(lookback, int) or lookback < 0:
        raise Wrong((*path, "lookback"), f"lookback is {lookback!r}: a number of {unit}s is needed, 0 or more")
    if lookback > _FAR:
        raise Wrong((*path, "lookback"), f"lookback is {lookback}: up to {_FAR:,} {unit}s are allowed")
    if not isinstance(opened, bool):
        raise Wrong((*path, "open"), f"open is {opened!r}: allowed are true and false")
    return Cadence(unit, column, _start(value.get("start"), (*path, "start")), lookback, opened)


def _unit(unit: Any, schedule: Any, path: Path) -> str:
    unit = unit or SCHEDULES.get(str(schedule))
    if unit is None and schedule is not None:
        text = f"schedule is {schedule!r}{nearest(str(schedule), SCHEDULES)}: allowed are {', '.join(SCHEDULES)}"
        raise Wrong(("schedule",), f"{text}; or say unit in interval")
    if unit not in UNITS:
        raise Wrong((*path, "unit"), f"unit is {unit!r}{nearest(str(unit), UNITS)}: allowed are {', '.join(UNITS)}")
    return str(unit)


_FAR = 1_000_000
_FIELDS = ("unit", "column", "start", "lookback", "open")


def _start(value: Any, path: Path) -> datetime | None:
    if value is None:
        return None
    try:
        return moment(str(value))
    except ValueError:
        raise Wrong(path, f"start is {value!r}: a date is needed, as in 2024-01-31") from None

"""The algebra of intervals against sets of whole hours, and the days on which calendars are odd."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeknal.model.interval import (
    UNITS,
    Cadence,
    Interval,
    at,
    cadence_of,
    complete,
    floor,
    label,
    merged,
    moment,
    reach,
    read_stamp,
    slots,
    stamp,
    step,
    told,
    without,
)
from seeknal.model.lowering import Wrong

EPOCH = datetime(2023, 12, 25, tzinfo=UTC)
hours = st.integers(0, 24 * 500)
spans = st.tuples(hours, hours).map(lambda pair: Interval(*(EPOCH + timedelta(hours=n) for n in pair)))
units = st.sampled_from(UNITS)


def as_set(*intervals: Interval) -> set[int]:
    """The whole hours of intervals, counted from the epoch."""
    return {n for i in intervals for n in range(*((moment - EPOCH) // timedelta(hours=1) for moment in i))}


@given(st.lists(spans, max_size=8))
def test_merging_keeps_every_moment_and_leaves_gaps_between(intervals: list[Interval]) -> None:
    found = merged(intervals)
    assert as_set(*found) == as_set(*intervals)
    assert all(a.end < b.start for a, b in pairwise(found))
    assert not any(interval.empty for interval in found)


@given(spans, st.lists(spans, max_size=8))
def test_what_is_without_others_is_the_difference_of_the_sets(window: Interval, taken: list[Interval]) -> None:
    found = without(window, taken)
    assert as_set(*found) == as_set(window) - as_set(*taken)
    assert merged(found) == found


@given(units, spans)
def test_slots_cover_a_window_once_and_each_has_a_moment_of_it(unit: str, window: Interval) -> None:
    found = list(slots(unit, window))
    assert all(a.end == b.start for a, b in pairwise(found))
    assert as_set(window) <= as_set(*found)
    assert all(slot.meets(window) for slot in found)
    assert all(at(slot.start, unit) == slot == at(slot.end - timedelta(microseconds=1), unit) for slot in found)


@given(units, hours, st.integers(-40, 40), st.integers(-40, 40))
def test_steps_add_up(unit: str, hour: int, one: int, other: int) -> None:
    start = floor(EPOCH + timedelta(hours=hour), unit)
    assert step(step(start, unit, one), unit, other) == step(start, unit, one + other)
    assert floor(step(start, unit, one), unit) == step(start, unit, one)


@given(spans, spans)
def test_meeting_is_having_an_hour_in_common(one: Interval, other: Interval) -> None:
    if not one.empty and not other.empty:
        assert one.meets(other) == bool(as_set(one) & as_set(other))
        assert one.within(other) == (as_set(one) <= as_set(other))


@given(st.datetimes(timezones=st.just(UTC)).map(lambda d: d.replace(microsecond=0)))
def test_a_stamp_is_read_back(when: datetime) -> None:
    assert read_stamp(stamp(when)) == when


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("unit", "when", "start", "end"),
    [
        ("day", "2024-02-29T23:59:59", "2024-02-29", "2024-03-01"),
        ("month", "2024-02-29", "2024-02-01", "2024-03-01"),
        ("month", "2023-12-31", "2023-12-01", "2024-01-01"),
        ("year", "2024-02-29", "2024-01-01", "2025-01-01"),
        ("week", "2024-01-01", "2024-01-01", "2024-01-08"),
        ("week", "2023-12-31", "2023-12-25", "2024-01-01"),
        ("week", "2020-12-31", "2020-12-28", "2021-01-04"),
        (
            "hour",
            "2024-03-31T02:30:00",
            "2024-03-31T02:00:00",
            "2024-03-31T03:00:00",
        ),  # no such hour in Paris; UTC has it
    ],
)
def test_odd_days_of_the_calendar(unit: str, when: str, start: str, end: str) -> None:
    assert at(day(when), unit) == Interval(day(start), day(end))


def test_ten_thousand_slots_are_all_there() -> None:
    """The existing tool cuts off four years of hours after ten thousand."""
    window = Interval(day("2020-01-01"), day("2024-01-01"))
    found = list(slots("hour", window))
    assert len(found) == 35_064
    assert (found[0].start, found[-1].end) == window


def test_the_first_slot_counts_and_islands_stay_done() -> None:
    """The existing tool leaves out the first slot, and reports done islands as pending again."""
    window = Interval(day("2024-03-01"), day("2024-03-11"))
    done = [Interval(day("2024-03-04"), day("2024-03-05")), Interval(day("2024-03-06"), day("2024-03-08"))]
    pending = [slot for part in without(window, done) for slot in slots("day", part)]
    assert [label(slot, "day")[-2:] for slot in pending] == ["01", "02", "03", "05", "08", "09", "10"]
    assert (
        told(pending, "day") == "2024-03-01..2024-03-03 (3 days), 2024-03-05 (1 day), 2024-03-08..2024-03-10 (3 days)"
    )


def test_a_bare_end_date_includes_that_day_and_zones_are_turned_into_utc() -> None:
    assert moment("2024-01-31") == day("2024-01-31")
    assert moment("2024-01-31", end=True) == day("2024-02-01")
    assert moment("2024-01-31T00:00:00", end=True) == day("2024-01-31")
    assert moment("2024-01-31T00:00:00+02:00") == day("2024-01-30T22:00:00")
    for text in ("soon", "2024-13-01", "2024-02-30", ""):
        with pytest.raises(ValueError, match=r"\w"):
            moment(text)


def test_lookback_and_the_running_interval() -> None:
    cadence = Cadence("month", "day", lookback=2)
    assert reach(at(day("2024-03-15"), "month"), cadence) == Interval(day("2024-01-01"), day("2024-04-01"))
    assert complete(cadence, day("2024-03-31T23:59:59")) == day("2024-03-01")
    assert complete(cadence, day("2024-04-01")) == day("2024-04-01")
    assert complete(Cadence("month", "day", open=True), day("2024-03-31T23:59:59")) == day("2024-04-01")


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"unit": "fortnight", "column": "d"}, "unit"),
        ({"unit": "day"}, "column"),
        ({"unit": "day", "column": "d", "lookback": -1}, "lookback"),
        ({"unit": "day", "column": "d", "lookback": True}, "lookback"),
        ({"unit": "day", "column": "d", "open": "yes"}, "open"),
        ({"unit": "day", "column": "d", "start": "soon"}, "start"),
        ({"unit": "day", "column": "d", "strat": "2024-01-01"}, "strat"),
        (7, "interval"),
    ],
)
def test_a_wrong_interval_is_told_at_its_field(value: object, field: str) -> None:
    with pytest.raises(Wrong) as caught:
        cadence_of(value, None)
    assert caught.value.path[-1] == field
    assert "'" in caught.value.message or ":" in caught.value.message


def test_short_forms() -> None:
    assert cadence_of({"column": "d"}, "@daily") == Cadence("day", "d")
    assert cadence_of({"unit": "week", "column": "d", "start": "2024-01-01"}, None) == Cadence(
        "week", "d", day("2024-01-01")
    )
    assert cadence_of(None, "@daily") is None

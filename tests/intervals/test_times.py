"""Times as they come: types of columns, zones, odd days of the calendar, units that are mixed, and files of all kinds."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest

from tests.project_on_disk import Project

CLOCK = ("--date", "2024-03-15")
COUNT = (
    "SELECT date_trunc('{unit}', CAST(ts AS TIMESTAMP))::DATE AS day, count(*) AS n FROM ref('source.rides') GROUP BY 1"
)


def rides(project: Project, rows: list[str], type_: str = "TIMESTAMP", unit: str = "day") -> None:
    text = "".join(f"{row},{n}\n" for n, row in enumerate(rows))
    project.source("rides", f"ts,n\n{text}", {"ts": type_, "n": "BIGINT"})
    project.edit(
        "seeknal/sources/rides.yml", "kind: source\n", f"kind: source\ninterval: {{unit: {unit}, column: ts}}\n"
    )


def counted(project: Project, unit: str = "day", more: str = "") -> None:
    project.transform(
        "counted",
        COUNT.format(unit=unit),
        ("source.rides",),
        f"interval: {{unit: {unit}, column: day{more}}}\n",
    )


def parts(project: Project, node: str) -> dict[str, int]:
    return {row["interval"]: row["rows"] for row in project.seeknal("intervals", "list", node, "--json").json}


@pytest.mark.parametrize(
    ("type_", "rows"),
    [
        ("DATE", ["2024-02-28", "2024-02-29", "2024-03-01"]),
        ("TIMESTAMP", ["2024-02-28 23:59:59.999999", "2024-02-29 00:00:00", "2024-03-01 12:00:00"]),
        (
            "TIMESTAMP WITH TIME ZONE",
            ["2024-02-29 01:30:00+02:00", "2024-02-28 23:30:00-05:00", "2024-03-01 00:00:00+00"],
        ),
        ("VARCHAR", ["2024-02-28T10:00:00", "2024-02-29", "2024-03-01 00:00"]),
    ],
)
def test_a_leap_day_is_a_day_whatever_the_type(project: Project, type_: str, rows: list[str]) -> None:
    """A time with a zone counts in UTC: half past one in Helsinki is the evening before."""
    rides(project, rows, type_)
    counted(project)
    project.run("--date", "2024-03-02")
    assert parts(project, "source.rides") == {"2024-02-28": 1, "2024-02-29": 1, "2024-03-01": 1}
    assert project.rows("transform.counted") == [(date(2024, 2, 28), 1), (date(2024, 2, 29), 1), (date(2024, 3, 1), 1)]


def test_a_day_with_a_change_of_the_clocks_has_24_hours(project: Project) -> None:
    """Intervals are UTC: no local hour is missing in spring, none comes twice in autumn."""
    rides(project, [f"2024-03-10 {hour:02}:00:00" for hour in range(24)], unit="hour")
    counted(project, "hour")
    project.run(*CLOCK)
    assert len(parts(project, "source.rides")) == 24
    assert sum(n for _, n in project.rows("transform.counted")) == 24


@pytest.mark.parametrize(
    ("unit", "names"),
    [
        ("hour", ["2023-12-31T23", "2024-01-01T00", "2024-02-29T12"]),
        ("day", ["2023-12-31", "2024-01-01", "2024-02-29"]),
        ("week", ["2023-12-25", "2024-01-01", "2024-02-26"]),
        ("month", ["2023-12", "2024-01", "2024-02"]),
        ("year", ["2023", "2024"]),
    ],
)
def test_units_begin_where_the_calendar_says(project: Project, unit: str, names: list[str]) -> None:
    """A week begins on Monday, also over the end of a year."""
    rides(project, ["2023-12-31 23:30:00", "2024-01-01 00:00:00", "2024-02-29 12:00:00"], unit=unit)
    project.run(*CLOCK)
    assert list(parts(project, "source.rides")) == names


def test_units_may_be_mixed_up_and_down(project: Project) -> None:
    """Hours below days below months, and days over months: each reads just what lies in it."""
    rides(project, [f"2024-01-{day:02} {hour:02}:00:00" for day in (30, 31) for hour in (0, 5, 23)])
    hourly = "SELECT date_trunc('hour', ts) AS ts, count(*) AS n FROM ref('source.rides') GROUP BY 1"
    project.transform("hourly", hourly, ("source.rides",), "interval: {unit: hour, column: ts}\n")
    monthly = "SELECT date_trunc('month', ts)::DATE AS ts, sum(n)::BIGINT AS n FROM ref('transform.hourly') GROUP BY 1"
    project.transform("monthly", monthly, ("transform.hourly",), "interval: {unit: month, column: ts}\n")
    daily = "SELECT CAST('{{interval_start}}' AS DATE) AS ts, sum(n)::BIGINT AS n FROM ref('transform.monthly')"
    project.transform("daily", daily, ("transform.monthly",), "interval: {unit: day, column: ts}\n")
    project.run("--date", "2024-02-01")
    assert project.rows("transform.monthly") == [(date(2024, 1, 1), 6)]
    found = dict(project.rows("transform.daily"))
    assert len(found) == 31
    assert {day.day: n for day, n in found.items() if n} == {1: 6}  # the row of the month lies in its first day


def test_rows_of_no_time_are_told_and_kept(project: Project) -> None:
    rides(project, ["2024-03-01", "", "soon", "2024-03-02", "2024-13-01"], "VARCHAR")
    counted(project)
    result = project.run(*CLOCK)
    assert "source.rides: 3 rows have no time in ts: they are in no interval" in result.err
    assert parts(project, "source.rides") == {"2024-03-01": 1, "2024-03-02": 1, "unknown": 3}
    assert len(project.rows("source.rides")) == 5
    project.transform("all", "SELECT count(*) AS n FROM ref('source.rides')", ("source.rides",))
    project.run(*CLOCK)
    assert project.rows("transform.all") == [(5,)]


def test_infinity_is_no_time(project: Project) -> None:
    rides(project, ["2024-03-01", "infinity", "-infinity"], "TIMESTAMP")
    project.run(*CLOCK)
    assert parts(project, "source.rides") == {"2024-03-01": 1, "unknown": 2}


def test_only_complete_intervals_are_built_unless_the_node_wants_the_open_one(project: Project) -> None:
    rides(project, ["2024-03-13 10:00:00", "2024-03-14 10:00:00"])
    counted(project)
    project.run("--date", "2024-03-14T12:00:00")
    assert [day.day for day, _ in project.rows("transform.counted")] == [13]
    project.edit("seeknal/transforms/counted.yml", "column: day", "column: day, open: true")
    project.run("--date", "2024-03-14T12:00:00")
    assert [day.day for day, _ in project.rows("transform.counted")] == [13, 14]


def test_a_day_without_rows_between_others_is_built_and_empty(project: Project) -> None:
    rides(project, ["2024-03-10", "2024-03-13"])
    counted(project)
    project.run(*CLOCK)
    assert parts(project, "transform.counted") == {
        "2024-03-10": 1,
        "2024-03-11": 0,
        "2024-03-12": 0,
        "2024-03-13": 1,
        "2024-03-14": 0,
    }


def test_a_schedule_is_a_short_form_of_the_unit(project: Project) -> None:
    rides(project, ["2024-01-10", "2024-02-13"])
    project.transform(
        "monthly", COUNT.format(unit="month"), ("source.rides",), 'schedule: "@monthly"\ninterval: {column: day}\n'
    )
    project.run(*CLOCK)
    assert list(parts(project, "transform.monthly")) == ["2024-01", "2024-02"]


@pytest.mark.parametrize("format_", ["csv", "jsonl", "parquet"])
def test_a_glob_of_files_is_read_once_and_split(project: Project, format_: str) -> None:
    con = duckdb.connect()
    for n in (1, 2, 3):
        path = project.path("data", f"part-{n}.{format_}")
        project.write(f"data/part-{n}.{format_}", "")
        options = {"csv": "HEADER", "jsonl": "FORMAT json", "parquet": "FORMAT parquet"}[format_]
        rows = f"SELECT DATE '2024-03-01' + i::INTEGER AS ts, {n} AS n FROM range({n}) r(i)"
        con.execute(f"COPY ({rows}) TO '{path}' ({options})")
    project.write(
        "seeknal/rides.yml",
        f"""
        kind: source
        name: rides
        source: {format_}
        table: data/part-*.{format_}
        schema: {{ts: DATE, n: BIGINT}}
        interval: {{unit: day, column: ts}}
        """
        if format_ != "parquet"
        else """
        kind: source
        name: rides
        source: parquet
        table: data/part-*.parquet
        interval: {unit: day, column: ts}
        """,
    )
    counted(project)
    project.run(*CLOCK)
    assert parts(project, "source.rides") == {"2024-03-01": 3, "2024-03-02": 2, "2024-03-03": 1}
    before = {event["target"] for event in project.run(*CLOCK).of("interval")}
    assert before == set()
    con.execute(
        f"COPY (SELECT DATE '2024-03-02' AS ts, 9 AS n) TO '{project.path('data', f'part-4.{format_}')}' ({options})"
    )
    built = [event["target"] for event in project.run(*CLOCK).of("interval")]
    assert built == ["transform.counted@2024-03-02"]


def test_every_library_reads_the_view_in_one_call_as_one_table(project: Project) -> None:
    rides(project, ["2024-03-10", "2024-03-12", "2024-03-12", "2024-03-13"])
    counted(project)
    project.run(*CLOCK)
    view = project.view("transform.counted")
    want = [(date(2024, 3, 10), 1), (date(2024, 3, 12), 2), (date(2024, 3, 13), 1)]
    frames: list[list[tuple[Any, ...]]] = [
        duckdb.connect().execute(f"FROM read_parquet('{view}')").fetchall(),
        pl.read_parquet(view).rows(),
        [tuple(row) for row in pl.scan_parquet(view).collect().rows()],
        [(_date(day), n) for day, n in pd.read_parquet(view).itertuples(index=False)],
    ]
    assert all(sorted(found) == want for found in frames)
    shown = project.seeknal("inspect", "counted", "--json").json
    assert shown["count"] == 3
    assert [row[1] for row in shown["rows"]] == ["1", "2", "1"]


def _date(value: Any) -> date:
    return value.date() if isinstance(value, datetime) else value


BAD = [
    ("interval: {unit: fortnight, column: ts}", "unit is 'fortnight': allowed are hour, day, week, month, year"),
    ("interval: {unit: days, column: ts}", "unit is 'days' (did you mean day?)"),
    ("interval: {unit: day}", "the name of the column with the time of a row is needed"),
    ("interval: {unit: day, column: ts, lookback: -1}", "lookback is -1: a number of days is needed, 0 or more"),
    ("interval: {unit: day, column: ts, lookback: two}", "lookback is 'two'"),
    ("interval: {unit: day, column: ts, start: soon}", "start is 'soon': a date is needed, as in 2024-01-31"),
    ("interval: {unit: day, column: ts, lokback: 1}", "unknown field 'lokback' (did you mean lookback?)"),
    ("interval: {unit: day, column: ts, open: sometimes}", "open is 'sometimes': allowed are true and false"),
    ("interval: 5", "interval is a mapping: interval: {unit: day, column: ride_date, start: 2024-01-01}"),
]


@pytest.mark.parametrize(("line", "said"), BAD, ids=range(len(BAD)))
def test_a_wrong_interval_is_told_with_its_line(project: Project, line: str, said: str) -> None:
    rides(project, ["2024-03-10"])
    project.transform("x", "SELECT ts FROM ref('source.rides')", ("source.rides",), f"{line}\n")
    result = project.run(*CLOCK, ok=False)
    assert result.code == 3
    assert "seeknal/transforms/x.yml:3: " in result.err
    assert said in result.err


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("tss", "interval.column: the rows have no column 'tss' (did you mean ts?)"),
        ("n", "interval.column: 'n' is BIGINT: a time is a DATE, a TIMESTAMP, or text in ISO form"),
    ],
)
@pytest.mark.parametrize("node", ["source", "transform"])
def test_a_column_that_holds_no_times_is_told(project: Project, node: str, column: str, said: str) -> None:
    rides(project, ["2024-03-10"])
    project.transform(
        "x", "SELECT * FROM ref('source.rides')", ("source.rides",), "interval: {unit: day, column: ts}\n"
    )
    project.edit(f"seeknal/{node}s/{'rides' if node == 'source' else 'x'}.yml", "column: ts", f"column: {column}")
    (told,) = project.run(*CLOCK, ok=False).of("failed")
    assert said in told["error"]
    assert f"seeknal/{node}s/" in told["error"]


def test_kinds_without_intervals_say_which_have_some(project: Project) -> None:
    rides(project, ["2024-03-10"])
    rule = {
        "kind": "rule",
        "name": "r",
        "inputs": ["source.rides"],
        "rule": "n >= 0",
        "interval": {"unit": "day", "column": "ts"},
    }
    project.write("seeknal/r.yml", json.dumps(rule, indent=1))
    result = project.run(*CLOCK, ok=False)
    assert (
        "a rule has no intervals of its own; these may have: aggregation, feature_group, source, transform"
        in result.err
    )


@pytest.mark.parametrize(
    "words", [("list", "nothing"), ("pending", "nothing"), ("restatement-clear", "plain"), ("backfill", "plain")]
)
def test_commands_about_no_node_with_intervals_are_told(project: Project, words: tuple[str, ...]) -> None:
    project.transform("plain", "SELECT 1 AS one")
    result = project.seeknal("intervals", *words)
    assert result.code == 2
    assert ("no node" in result.err) or ("has no intervals" in result.err) or ("nothing" in result.err)

"""Windows: what a run of some intervals leaves alone, what it says, and what a plain run afterwards puts right."""

from __future__ import annotations

import pytest

from tests.project_on_disk import Project

CLOCK = ("--date", "2024-01-11")


@pytest.fixture
def days(project: Project) -> Project:
    """Ten days of rides, their sums by day, and those of all days."""
    rows = "".join(f"2024-01-{n:02},{n}\n" for n in range(1, 11))
    project.source("rides", f"day,km\n{rows}", {"day": "DATE", "km": "BIGINT"})
    project.edit("seeknal/sources/rides.yml", "kind: source\n", "kind: source\ninterval: {unit: day, column: day}\n")
    sql = "SELECT day, sum(km)::BIGINT AS km FROM ref('source.rides') GROUP BY day"
    project.transform("daily", sql, ("source.rides",), "interval: {unit: day, column: day}\n")
    project.transform("total", "SELECT sum(km)::BIGINT AS km FROM ref('transform.daily')", ("transform.daily",))
    return project


def intervals(project: Project, *options: str) -> list[str]:
    built = project.run(*CLOCK, *options).of("interval")
    return [event["target"].partition("@")[2] for event in built]


def test_a_window_builds_its_days_and_keeps_the_others(days: Project) -> None:
    assert intervals(days, "--start", "2024-01-03", "--end", "2024-01-04") == ["2024-01-03", "2024-01-04"]
    assert days.rows("transform.total") == [(7,)]
    assert intervals(days, "--start", "2024-01-08") == ["2024-01-08", "2024-01-09", "2024-01-10"]
    assert days.rows("transform.total") == [(7 + 8 + 9 + 10,)]
    assert intervals(days, "--full", "--start", "2024-01-04", "--end", "2024-01-04") == ["2024-01-04"]
    assert len(days.rows("transform.daily")) == 5
    assert intervals(days) == [f"2024-01-{n:02}" for n in (1, 2, 5, 6, 7)]
    assert days.rows("transform.total") == [(55,)]


def test_what_a_window_left_stale_a_plain_run_puts_right(days: Project) -> None:
    days.run(*CLOCK)
    days.edit("data/rides.csv", "2024-01-02,2\n", "2024-01-02,20\n")
    days.edit("data/rides.csv", "2024-01-09,9\n", "2024-01-09,90\n")
    assert intervals(days, "--start", "2024-01-05") == ["2024-01-09"]
    assert intervals(days) == ["2024-01-02"]
    assert days.rows("transform.total") == [(55 + 18 + 81,)]


def test_a_changed_definition_in_a_window_is_no_mixed_table(days: Project) -> None:
    days.run(*CLOCK)
    days.edit("seeknal/transforms/daily.yml", "sum(km)::BIGINT AS km", "sum(km)::DOUBLE AS km")
    failed = days.run(*CLOCK, "--start", "2024-01-05", ok=False)
    (told,) = failed.of("failed")
    assert "2024-01-01 and 2024-01-05 do not have the same columns: km is BIGINT and DOUBLE" in told["error"]
    assert "a run without --start, --end and --backfill builds all of them again" in told["error"]
    assert len(days.rows("transform.daily")) == 10
    assert intervals(days) == [f"2024-01-0{n}" for n in range(1, 5)]  # the others are in the cache


def test_a_day_that_is_gone_is_gone_and_is_told(days: Project) -> None:
    days.run(*CLOCK)
    days.edit("data/rides.csv", "2024-01-05,5\n", "")
    days.edit("data/rides.csv", "2024-01-01,1\n2024-01-02,2\n", "")
    result = days.run(*CLOCK)
    notes = [note for event in result.of("built") for note in event["notes"]]
    assert "warning: 2024-01-05 had 1 rows and has none now" in notes
    assert "warning: 2024-01-01 (1 rows) is no interval of it any more: gone" in notes
    assert len(days.rows("transform.daily")) == 7
    assert days.rows("transform.total") == [(55 - 5 - 1 - 2,)]


def test_an_earlier_clock_keeps_later_days_and_keeps_them_right(days: Project) -> None:
    days.run(*CLOCK)
    days.edit("data/rides.csv", "2024-01-09,9\n", "2024-01-09,90\n")
    built = days.run("--date", "2024-01-06").of("interval")
    assert [event["target"] for event in built] == ["transform.daily@2024-01-09"]
    assert len(days.rows("transform.daily")) == 10


def test_a_unit_that_changes_leaves_no_row_twice(days: Project) -> None:
    days.run(*CLOCK)
    days.edit("seeknal/transforms/daily.yml", "unit: day", "unit: week")
    days.run(*CLOCK)
    assert days.rows("transform.total") == [(28,)]  # the second week is not over
    days.edit("seeknal/transforms/daily.yml", "unit: week", "unit: day")
    days.run(*CLOCK)
    assert days.rows("transform.total") == [(55,)]


@pytest.mark.parametrize(
    ("window", "said"),
    [
        (("--start", "2025-01-01"), "no complete interval of any node lies in the window (from 2025-01-01 on)"),
        (("--end", "2023-12-31"), "(until 2023-12-31, and that day included)"),
        (("--start", "2024-01-11", "--end", "2024-01-12"), "(2024-01-11 through 2024-01-12, whole days in UTC)"),
    ],
)
def test_a_window_without_intervals_is_told(days: Project, window: tuple[str, ...], said: str) -> None:
    days.run(*CLOCK)
    for _ in range(2):
        result = days.run(*CLOCK, *window)
        assert said in result.err
        assert result.built == set()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--start", "yesterdayish"), "--start 'yesterdayish' is no time: write 2024-01-31 or 2024-01-31T06:00"),
        (("--start", "2024-01-05", "--end", "2024-01-04"), "the window is empty"),
        (("--backfill", "--chunk", "0"), "--chunk is a count: 1 or more"),
        (("--restate", "--nodes", "total", "--start", "2024-01-05", "--end", "2024-01-05"), "has no intervals"),
    ],
)
def test_a_wrong_window_is_told_before_anything_runs(days: Project, options: tuple[str, ...], said: str) -> None:
    result = days.run(*CLOCK, *options, ok=False)
    assert result.code == 2
    assert said in result.err


def test_a_node_without_intervals_finds_the_window_as_it_was_typed(days: Project) -> None:
    days.transform("asked", "SELECT '{{start_date}}' AS a, '{{ end_date }}' AS b")
    days.run(*CLOCK, "--start", "2024-01-02", "--end", "2024-01-04")
    assert days.rows("transform.asked") == [("2024-01-02", "2024-01-04")]
    assert "{{ start_date }} is not given: pass --start" in days.run(*CLOCK, ok=False).err


def test_the_plan_says_how_it_reads_the_window_and_what_is_at_stake(days: Project) -> None:
    days.run(*CLOCK)
    days.edit("seeknal/transforms/daily.yml", "sum(km)", "max(km)")
    shown = days.seeknal("plan", *CLOCK, "--start", "2024-01-03", "--end", "2024-01-04").out
    assert "window: 2024-01-03 through 2024-01-04, whole days in UTC" in shown
    assert "[2 of 10: 2024-01-03..2024-01-04 (2 days), 2 published rows] sql changed" in shown


def test_a_month_grows_with_its_days_when_they_come_in_chunks(days: Project) -> None:
    sql = "SELECT date_trunc('month', day)::DATE AS day, sum(km)::BIGINT AS km FROM ref('transform.daily') GROUP BY 1"
    days.transform("monthly", sql, ("transform.daily",), "interval: {unit: month, column: day, open: true}\n")
    window = ("--start", "2024-01-01", "--end", "2024-01-09")
    result = days.seeknal("intervals", "backfill", "monthly", *window, "--chunk", "4", *CLOCK)
    assert result.code == 0, result.err
    assert "nothing to do" not in result.out
    assert len(days.rows("transform.daily")) == 9
    assert [km for _, km in days.rows("transform.monthly")] == [45]


def test_a_plan_of_another_window_has_another_digest(days: Project) -> None:
    plans = [days.seeknal("plan", *CLOCK, "--json", *window).json["plan"] for window in ((), ("--end", "2024-01-05"))]
    assert plans[0] != plans[1]
    assert days.run(*CLOCK, "--plan", plans[1], ok=False).code == 2
    assert days.run(*CLOCK, "--end", "2024-01-05", "--plan", plans[1]).code == 0


def test_pending_intervals_are_shown_as_ranges(days: Project) -> None:
    days.run(*CLOCK, "--end", "2024-01-04")
    shown = days.seeknal("intervals", "pending", "daily", *CLOCK)
    assert shown.out == "2024-01-05..2024-01-10 (6 days): a new interval\n"


def test_intervals_that_all_read_the_same_rows_are_warned_of(days: Project) -> None:
    days.source("plain", "day,km\n2024-01-01,1\n", {"day": "DATE", "km": "BIGINT"})
    every = "interval: {unit: day, column: day, start: 2024-01-01}\n"
    days.transform("careless", "SELECT * FROM ref('source.plain')", (), every)
    chosen = "SELECT * FROM ref('source.plain') WHERE day = CAST('{{interval_start}}' AS DATE)"
    days.transform("careful", chosen, (), every)
    said = days.seeknal("validate").out + days.seeknal("validate").err
    assert "transform.careless: every interval reads all of source.plain: say interval: there, too" in said
    assert "transform.careful" not in said


def test_a_metric_reads_a_table_with_intervals(days: Project) -> None:
    days.write(
        "seeknal/m.yml",
        """
        kind: semantic_model
        name: m
        model: transform.daily
        dimensions: [{name: day, type: time}]
        measures: [{name: km, agg: sum}]
        """,
    )
    days.run(*CLOCK)
    answer = days.seeknal("query", "--metrics", "km", "--dimensions", "day__month", "--format", "csv").out
    assert answer.splitlines()[1] == "2024-01-01,55"

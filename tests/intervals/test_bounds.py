"""The edges: times that no calendar has, words that are no dates, windows and options that contradict each other, and
intervals that fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from tests.project_on_disk import Project

CLOCK = ("--date", "2024-01-06")
DAILY = "SELECT day, sum(km)::BIGINT AS km FROM ref('source.rides') GROUP BY day"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Five days of rides, their sums by day, and the sum of all."""
    project = Project(str(tmp_path_factory.mktemp("bounds") / "shop"), {"seeknal_project.yml": "name: shop\n"})
    rides(project, [f"2024-01-0{n},{n}" for n in range(1, 6)])
    project.transform("daily", DAILY, ("source.rides",), "interval: {unit: day, column: day}\n")
    project.transform("total", "SELECT sum(km)::BIGINT AS km FROM ref('transform.daily')", ("transform.daily",))
    project.run(*CLOCK)
    return project


@pytest.fixture
def shop(built: Project, tmp_path: Path) -> Project:
    """A copy of it."""
    shutil.copytree(built.root, tmp_path / "shop", symlinks=True)
    return Project(str(tmp_path / "shop"))


def rides(project: Project, rows: list[str], type_: str = "DATE") -> None:
    project.source("rides", "day,km\n" + "".join(f"{row}\n" for row in rows), {"day": type_, "km": "BIGINT"})
    project.edit("seeknal/sources/rides.yml", "kind: source\n", "kind: source\ninterval: {unit: day, column: day}\n")


def says(project: Project, more: str) -> None:
    """Have `daily` say more of its intervals."""
    project.edit("seeknal/transforms/daily.yml", "column: day", f"column: day, {more}")


def listed(project: Project, node: str) -> list[str]:
    return [row["interval"] for row in project.seeknal("intervals", "list", node, "--json").json]


@pytest.mark.parametrize(
    ("window", "first", "last"),
    [
        (("--end", "20240103"), 1, 3),
        (("--end", "2024-01-03T00:00"), 1, 2),
        (("--end", "2024-01-03T00:00:01"), 1, 3),
        (("--start", "2024-W01-3"), 3, 5),
        (("--start", "2024-01-02T23:00-05:00", "--end", "9999-12-31"), 3, 5),
        (("--start", "0001-01-01"), 1, 5),
        (("--start", " 2024-01-02 ", "--end", "2024-01-02"), 2, 2),
    ],
)
def test_a_window_is_what_its_dates_say(shop: Project, window: tuple[str, ...], first: int, last: int) -> None:
    shop.edit("seeknal/transforms/daily.yml", "sum(km)", "max(km + 0)")
    built = [event["target"][-1] for event in shop.run(*CLOCK, *window).of("interval")]
    assert built == [str(day) for day in range(first, last + 1)]


@pytest.mark.parametrize("text", ["0001-01-01T00:00+05:00", "9999-12-31T23:00-05:00", "10000-01-01", "2023-02-29", "x"])
def test_a_time_that_no_calendar_has_is_told(built: Project, text: str) -> None:
    for word in ("--start", "--end"):
        result = built.run(*CLOCK, word, text, ok=False)
        assert result.code == 2
        assert f"{word} {text!r} is no time: write 2024-01-31 or 2024-01-31T06:00" in result.err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("lookback: 1000001", "lookback is 1000001: up to 1,000,000 days are allowed"),
        ("start: 0001-01-01T00:00:00+05:00", "a date is needed, as in 2024-01-31"),
        ("start: 2024-01", "start is '2024-01': a date is needed, as in 2024-01-31"),
        ('start: "2023-02-29"', "start is '2023-02-29': a date is needed, as in 2024-01-31"),
    ],
)
def test_a_definition_beyond_the_calendar_is_told(shop: Project, more: str, said: str) -> None:
    says(shop, more)
    result = shop.run(*CLOCK, ok=False)
    assert result.code == 3
    assert "seeknal/transforms/daily.yml:3: transform.daily: " in result.err
    assert said in result.err


def test_a_lookback_beyond_the_first_day_of_all_reads_what_there_is(shop: Project) -> None:
    says(shop, "lookback: 1000000")
    so_far = "SELECT DATE '{{start_date}}' AS day, sum(km)::BIGINT AS km FROM ref('source.rides')"
    shop.edit("seeknal/transforms/daily.yml", DAILY, so_far)
    shop.run(*CLOCK)
    assert [km for _, km in shop.rows("transform.daily")] == [1, 3, 6, 10, 15]


def test_a_clock_at_the_end_of_time_is_no_reason_to_build_for_years(shop: Project) -> None:
    """A wrong year makes millions of intervals: that is told, none is left out in silence."""
    (told,) = shop.run("--date", "9999-12-31", ok=False).of("failed")
    assert "seeknal/transforms/daily.yml:1: transform.daily: from 2024-01-01T00:00:00Z" in told["error"]
    assert "more than 250,000 intervals: a wrong date?" in told["error"]
    assert shop.run("--date", "0001-01-01").code == 0
    assert len(shop.rows("transform.daily")) == 5


def test_ten_thousand_intervals_are_all_pending(project: Project) -> None:
    """The tool that people know stops at ten thousand, and tells nobody."""
    rides(project, ["2019-12-31,1"])
    every = "interval: {unit: hour, column: day, start: 2020-01-01}\n"
    project.transform("hourly", "SELECT day, km FROM ref('source.rides')", ("source.rides",), every)
    project.run("--date", "2020-01-01T02:00")
    shown = project.seeknal("intervals", "pending", "hourly", "--date", "2021-03-01").out
    assert shown == "2020-01-01T02..2021-02-28T23 (10198 hours): a new interval\n"


def test_the_first_interval_and_islands_are_counted_right(shop: Project) -> None:
    """The tool that people know loses the first slot and finds done islands pending again."""
    shutil.rmtree(shop.path("target"))
    for day in ("2024-01-02", "2024-01-04"):
        shop.run(*CLOCK, "--start", day, "--end", day)
    islands = "2024-01-01 (1 day), 2024-01-03 (1 day), 2024-01-05 (1 day)"
    assert shop.seeknal("intervals", "pending", "daily", *CLOCK).out == f"{islands}: a new interval\n"
    first = shop.seeknal("intervals", "pending", "daily", *CLOCK, "--end", "2024-01-02").out
    assert first == "2024-01-01 (1 day): a new interval\n"
    result = shop.seeknal("intervals", "backfill", "daily", *CLOCK)
    assert f"3 of 5: {islands}" in result.out + result.err
    assert shop.seeknal("intervals", "pending", "daily", *CLOCK).out == "none\n"


def test_words_are_no_dates(project: Project) -> None:
    """DuckDB reads `epoch` as 1970, which would make twenty thousand days of it."""
    words = ["epoch", " Epoch ", "now", "today", "infinity", "-infinity", "", "2024-02-30", "0999-01-01", "2024-01-05"]
    rides(project, [f"{word},{n}" for n, word in enumerate(words)], "VARCHAR")
    result = project.run(*CLOCK)
    assert listed(project, "source.rides") == ["2024-01-05", "unknown"]
    assert "source.rides: 9 rows have no time in day: they are in no interval" in result.err
    assert len(project.rows("source.rides")) == 10


def test_the_start_of_1970_is_a_date_where_the_column_holds_dates(project: Project) -> None:
    rides(project, ["1970-01-01,1"])
    project.run(*CLOCK)
    assert listed(project, "source.rides") == ["1970-01-01"]


def test_text_that_is_no_time_is_told_where_shorter_intervals_need_it(shop: Project) -> None:
    shop.edit("seeknal/transforms/daily.yml", "unit: day", "unit: month, open: true")
    shop.edit("seeknal/transforms/daily.yml", DAILY, "SELECT 'some day' AS day, km FROM ref('source.rides')")
    assert shop.run(*CLOCK).code == 0
    every_day = "interval: {unit: day, column: day}\n"
    shop.transform("again", "SELECT * FROM ref('transform.daily')", ("transform.daily",), every_day)
    (told,) = shop.run(*CLOCK, ok=False).of("failed")
    assert "seeknal/transforms/again.yml:1: transform.again@2024-01-01: reads transform.daily" in told["error"]
    assert "whose 'day' holds text that is no time" in told["error"]
    assert '"some day"' in told["error"]


def test_a_failure_says_which_interval_and_the_others_are_kept(shop: Project) -> None:
    failing = "CASE WHEN km = 3 THEN error('no such ride')::BIGINT ELSE km + 0 END AS km"
    shop.edit("seeknal/transforms/daily.yml", DAILY, f"SELECT day, {failing} FROM ref('source.rides')")
    failed = shop.run(*CLOCK, ok=False)
    (told,) = failed.of("failed")
    assert "transform.daily@2024-01-03: " in told["error"]
    assert "no such ride" in told["error"]
    assert len(shop.rows("transform.daily")) == 5
    shop.edit("data/rides.csv", "2024-01-03,3", "2024-01-03,4")
    built = [event["target"][-1] for event in shop.run(*CLOCK).of("interval")]
    assert built == ["3", "4", "5"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--chunk", "2"), "--chunk says how much of --backfill is built at a time"),
        (("--full", "--chunk", "2"), "--chunk says how much of --backfill is built at a time"),
        (("--restate", "--chunk", "2"), "--chunk says how much of --backfill is built at a time"),
        (("--backfill", "--chunk", "-1"), "--chunk is a count: 1 or more"),
        (("--backfill", "--restate"), "run one after the other"),
        (("--backfill", "--nodes", "total"), "none of these nodes has intervals, so there is nothing to fill in"),
        (("--restate", "--start", "2024-01-02", "--end", "2024-01-02"), "--restate with a window needs --nodes"),
    ],
)
def test_options_that_make_no_sense_together_are_told(built: Project, options: tuple[str, ...], said: str) -> None:
    result = built.run(*CLOCK, *options, ok=False)
    assert result.code == 2
    assert said in result.err


def test_a_start_that_nothing_has_reached_takes_nothing_away(shop: Project) -> None:
    """A slip of the pen in `start` leaves what is published, and says so."""
    says(shop, "start: 2042-01-01")
    result = shop.run(*CLOCK)
    assert ["transform.daily has no complete interval in that window"] in [e["because"] for e in result.of("skipped")]
    assert len(shop.rows("transform.daily")) == 5
    assert "damaged" not in result.err


def test_a_start_within_a_week_begins_with_that_week(shop: Project) -> None:
    shop.edit("data/rides.csv", "2024-01-05,5", "2024-01-12,5")
    weekly = "SELECT date_trunc('week', day)::DATE AS day, count(*) AS n FROM ref('source.rides') GROUP BY 1"
    shop.transform("weekly", weekly, ("source.rides",), "interval: {unit: week, column: day, start: 2024-01-04}\n")
    shop.run("--date", "2024-01-15")
    assert shop.rows("transform.weekly") == [(date(2024, 1, 1), 4), (date(2024, 1, 8), 1)]
    assert listed(shop, "weekly") == ["2024-01-01", "2024-01-08"]


def test_a_source_says_nothing_of_how_intervals_are_built(shop: Project) -> None:
    shop.edit("seeknal/sources/rides.yml", "column: day", "column: day, start: 2024-01-03, lookback: 1")
    said = shop.seeknal("validate")
    for field in ("start", "lookback"):
        assert f"a source is read whole, so {field} is ignored: say it in the nodes that read it" in said.out + said.err
    assert shop.run(*CLOCK).built == set()


def test_no_rows_at_all_and_then_the_first(project: Project) -> None:
    rides(project, [])
    project.transform("daily", DAILY, ("source.rides",), "interval: {unit: day, column: day}\n")
    project.transform("total", "SELECT count(*) AS n FROM ref('transform.daily')", ("transform.daily",))
    first = project.run(*CLOCK)
    assert ["transform.daily has no data yet"] in [event["because"] for event in first.of("skipped")]
    project.write("data/rides.csv", "day,km\n,7\n")
    assert "source.rides: 1 rows have no time in day" in project.run(*CLOCK).err
    project.write("data/rides.csv", "day,km\n2024-01-03,5\n")
    project.run(*CLOCK)
    assert project.rows("transform.daily") == [(date(2024, 1, 3), 5)]
    assert project.rows("transform.total") == [(1,)]


@pytest.mark.parametrize("column", ["ride date", "order", "Tag", 'a"b', "it's", "jour_né", "a,b", "a/b=c"])
def test_the_column_of_time_may_be_called_anything(project: Project, column: str) -> None:
    spelt, header = "'" + column.replace("'", "''") + "'", '"' + column.replace('"', '""') + '"'
    project.write("data/rides.csv", f"{header},km\n2024-01-01,1\n2024-01-02,2\n")
    project.write(
        "seeknal/nodes.yml",
        f"""
        kind: source
        name: rides
        source: csv
        table: data/rides.csv
        columns: {{{spelt}: DATE, km: BIGINT}}
        interval: {{unit: day, column: {spelt}}}
        ---
        kind: transform
        name: monthly
        interval: {{unit: month, column: {spelt}, open: true}}
        inputs: [{{ref: source.rides}}]
        transform: SELECT * FROM ref('source.rides')
        ---
        kind: transform
        name: daily
        interval: {{unit: day, column: {spelt}}}
        inputs: [{{ref: transform.monthly}}]
        transform: SELECT * FROM ref('transform.monthly')
        """,
    )
    project.run("--date", "2024-01-03")
    assert project.rows("transform.daily") == [(date(2024, 1, 1), 1), (date(2024, 1, 2), 2)]


def test_wherever_the_process_stands_days_are_utc(project: Project) -> None:
    times = ["2024-01-01 23:30:00-05:00,1", "2024-01-02 00:30:00+02:00,2", "2024-03-31 01:30:00+00:00,3"]
    rides(project, times, "TIMESTAMP WITH TIME ZONE")
    same = "SELECT day, km FROM ref('source.rides')"
    project.transform("monthly", same, ("source.rides",), "interval: {unit: month, column: day}\n")
    daily = "SELECT CAST(day AS DATE) AS day, km FROM ref('transform.monthly')"
    project.transform("daily", daily, ("transform.monthly",), "interval: {unit: day, column: day}\n")
    words = [sys.executable, "-P", "-m", "seeknal", "run", "--date", "2024-04-01", "--project-path", project.root]
    subprocess.run(words, env={**os.environ, "TZ": "Pacific/Kiritimati"}, check=True, capture_output=True)
    assert listed(project, "source.rides") == ["2024-01-01", "2024-01-02", "2024-03-31"]
    assert project.rows("transform.daily") == [(date(2024, 1, 1), 2), (date(2024, 1, 2), 1), (date(2024, 3, 31), 3)]

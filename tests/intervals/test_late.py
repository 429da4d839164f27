"""Data that comes late, is corrected, taken back or delivered again: just what it concerns is built, in nodes of every kind,
and the tables are those of a build from nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest

from tests.project_on_disk import Project

CLOCK = ("--date", "2024-03-03")
NODES = """
kind: source
name: rides
source: csv
table: data/rides-*.csv
columns: {ts: TIMESTAMP, rider: VARCHAR, km: BIGINT}
interval: {unit: day, column: ts}
---
kind: transform
name: hourly
interval: {unit: hour, column: ts}
inputs: [{ref: source.rides}]
transform: SELECT date_trunc('hour', ts) AS ts, rider, sum(km)::BIGINT AS km FROM ref('source.rides') GROUP BY ALL
---
kind: transform
name: daily
schedule: "@daily"
interval: {column: day}
inputs: [{ref: transform.hourly}]
transform: SELECT date_trunc('day', ts)::DATE AS day, rider, sum(km)::BIGINT AS km FROM ref('transform.hourly') GROUP BY ALL
---
kind: transform
name: recent
interval: {unit: day, column: day, lookback: 1}
inputs: [{ref: transform.daily}]
transform: >
  SELECT DATE '{{start_date}}' AS day, '{{end_date}}' AS until, count(*) AS n, sum(km)::BIGINT AS km
  FROM ref('transform.daily')
---
kind: transform
name: monthly
interval: {unit: month, column: month, open: true}
inputs: [{ref: transform.daily}]
transform: SELECT date_trunc('month', day)::DATE AS month, sum(km)::BIGINT AS km FROM ref('transform.daily') GROUP BY ALL
---
kind: transform
name: share
interval: {unit: day, column: day}
inputs: [{ref: transform.daily}, {ref: transform.best}]
transform: SELECT day, km / best AS share FROM ref('transform.daily'), ref('transform.best')
---
kind: transform
name: best
inputs: [{ref: transform.monthly}]
transform: SELECT max(km) AS best FROM ref('transform.monthly')
---
kind: feature_group
name: form
entity: {name: rider, join_keys: [rider]}
materialization: {event_time_col: day}
interval: {unit: day, column: day}
inputs: [{ref: transform.daily}]
transform: SELECT rider, day, km FROM ref('transform.daily')
features: {km: {dtype: BIGINT}}
---
kind: aggregation
name: two_days
id_col: rider
feature_date_col: day
application_date_col: day
interval: {unit: day, column: day, lookback: 1}
inputs: [{ref: transform.daily}]
features: [{name: km, rolling: [{window: [1], aggs: [sum]}]}]
"""
PYTHON = """
from seeknal.pipeline import transform


@transform(name="longest", inputs=["source.rides"], interval={"unit": "day", "column": "day"})
def longest(ctx):
    rides = ctx.ref("source.rides")
    day = ctx.interval.start.date()
    return ctx.duckdb.sql(f"SELECT DATE '{day}' AS day, max(km) AS km FROM rides HAVING count(*) > 0")
"""
# The last days of February, the first of March: rides at 8 and just before midnight.
DAYS = {
    f"2024-{day}": [f"2024-{day} 08:10:00,ann,{n}", f"2024-{day} 23:59:59.999999,bob,{n + 1}"]
    for n, day in ((3, "02-28"), (10, "02-29"), (20, "03-01"), (30, "03-02"))
}


def deliver(project: Project, day: str, rows: list[str]) -> None:
    project.write(f"data/rides-{day}.csv", "ts,rider,km\n" + "".join(f"{row}\n" for row in rows))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Four days, built."""
    project = Project(str(tmp_path_factory.mktemp("late") / "shop"), {"seeknal_project.yml": "name: shop\n"})
    project.write("seeknal/nodes.yml", NODES)
    project.write("seeknal/pipelines/longest.py", PYTHON)
    for day, rows in DAYS.items():
        deliver(project, day, rows)
    project.run(*CLOCK)
    return project


@pytest.fixture
def shop(built: Project, tmp_path: Path) -> Project:
    """A copy of it."""
    shutil.copytree(built.root, tmp_path / "shop", symlinks=True)
    return Project(str(tmp_path / "shop"))


def built_now(project: Project) -> dict[str, list[str]]:
    """The intervals that a run builds, by node."""
    found: dict[str, list[str]] = {}
    for event in project.run(*CLOCK).of("interval"):
        node, _, interval = event["target"].partition("@")
        found.setdefault(node.partition(".")[2], []).append(interval)
    return {node: sorted(names) for node, names in sorted(found.items())}


def assert_as_from_nothing(project: Project) -> None:
    clean = Project(f"{project.root}-clean")
    shutil.copytree(project.root, clean.root, ignore=shutil.ignore_patterns("target"))
    clean.run(*CLOCK)
    assert project.tables() == clean.tables()
    assert sorted(project.rows("entity.rider"), key=repr) == sorted(clean.rows("entity.rider"), key=repr)
    assert project.run(*CLOCK).built == set()


def test_each_kind_has_its_intervals(built: Project) -> None:
    assert built.rows("transform.monthly") == [
        (date(2024, 2, 1), 3 + 4 + 10 + 11),
        (date(2024, 3, 1), 20 + 21 + 30 + 31),
    ]
    assert built.rows("transform.recent")[1] == (date(2024, 2, 29), "2024-03-01", 4, 3 + 4 + 10 + 11)
    assert sorted(built.rows("transform.hourly"))[1] == (datetime.fromisoformat("2024-02-28 23:00"), "bob", 4)
    assert [km for _, km in built.rows("transform.longest")] == [4, 11, 21, 31]
    assert len(built.rows("feature_group.form")) == len(built.rows("entity.rider")) == 8
    assert {len(built.rows(f"transform.{name}")) for name in ("daily", "share")} == {8}


def test_a_day_of_an_aggregation_has_each_row_once(built: Project) -> None:
    """What it looks back on is read for the windows; its rows belong to the day before."""
    rows = sorted(built.rows("aggregation.two_days"), key=lambda row: row[1])
    assert [(day.day, int(km)) for rider, day, km in rows if rider == "ann"] == [(28, 3), (29, 13), (1, 30), (2, 50)]
    assert len(rows) == 8


def _late(project: Project) -> None:
    deliver(project, "late", ["2024-02-29 12:00:00,cid,1"])


def _corrected(project: Project) -> None:
    project.edit("data/rides-2024-02-29.csv", "08:10:00,ann,10", "08:10:00,ann,12")


def _deleted(project: Project) -> None:
    deliver(project, "2024-02-29", DAYS["2024-02-29"][:1])


def _again(project: Project) -> None:
    deliver(project, "2024-02-29", [f"2024-02-29 {hour:02}:30:00,dan,{hour}" for hour in (1, 2)])


def _gone(project: Project) -> None:
    Path(project.path("data/rides-2024-02-29.csv")).unlink()


@pytest.mark.parametrize("change", [_late, _corrected, _deleted, _again, _gone])
def test_just_that_day_is_built_and_what_looks_back_on_it(shop: Project, change: Callable[[Project], None]) -> None:
    """Hours of a day that came in one piece are looked at together; what follows sees which of them are others."""
    change(shop)
    found = built_now(shop)
    assert {hour[:10] for hour in found.pop("hourly")} == {"2024-02-29"}
    assert found.pop("monthly") == ["2024-02"]
    assert found.pop("recent") == found.pop("two_days") == ["2024-02-29", "2024-03-01"]
    assert found.pop("longest", ["2024-02-29"]) == ["2024-02-29"]
    assert found == {"daily": ["2024-02-29"], "form": ["2024-02-29"], "share": ["2024-02-29"]}
    assert_as_from_nothing(shop)


def test_a_row_that_moves_to_another_day_concerns_both(shop: Project) -> None:
    shop.edit("data/rides-2024-02-28.csv", "2024-02-28 08:10:00,ann", "2024-03-01 07:10:00,ann")
    found = built_now(shop)
    assert found["daily"] == ["2024-02-28", "2024-03-01"]
    assert found["monthly"] == ["2024-02", "2024-03"]
    assert_as_from_nothing(shop)


def test_the_same_rows_in_other_files_change_nothing(shop: Project) -> None:
    rows = [row for day in DAYS.values() for row in day]
    for day in DAYS:
        Path(shop.path(f"data/rides-{day}.csv")).unlink()
    deliver(shop, "2024", rows)
    assert built_now(shop) == {}


def test_a_day_before_the_first_makes_them_all_begin_earlier(shop: Project) -> None:
    deliver(shop, "2024-02-26", ["2024-02-26 10:00:00,ann,1"])
    found = built_now(shop)
    assert found["daily"] == ["2024-02-26", "2024-02-27"]
    assert found["recent"] == ["2024-02-26", "2024-02-27"]
    assert len(found["hourly"]) == 48
    assert_as_from_nothing(shop)


def test_a_new_day_is_built_alone(shop: Project) -> None:
    deliver(shop, "2024-03-03", ["2024-03-03 10:00:00,ann,0"])
    built = shop.run("--date", "2024-03-04").of("interval")
    names = {event["target"] for event in built if "hourly" not in event["target"]}
    assert "transform.daily@2024-03-03" in names
    assert {name.partition("@")[2] for name in names} == {"2024-03-03", "2024-03"}


def test_rows_of_a_day_that_is_not_over_wait(shop: Project) -> None:
    deliver(shop, "2024-03-03", ["2024-03-03 10:00:00,ann,1"])
    assert built_now(shop) == {}
    assert (2024, 3, 3) in {(ts.year, ts.month, ts.day) for ts, *_ in shop.rows("source.rides")}

"""Intervals under random histories: whatever rows come late, whatever windows are asked for, a plain run gives what a clean
build gives. And a long backfill that is killed again and again, which does no interval twice.

`SEEKNAL_CASES` sets the number of cases of the slow campaign (`-m slow`).
"""

from __future__ import annotations

import collections
import json
import os
import random
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.campaigns.processes import start
from tests.project_on_disk import Project
from tests.spec.reader import check

FIRST = date(2024, 1, 29)  # a month, a leap day and several weeks end soon
DAYS = 40
NODES = """
kind: source
name: rides
source: csv
table: data/rides.csv
schema: {day: DATE, km: BIGINT}
interval: {unit: day, column: day}
---
kind: transform
name: daily
interval: {unit: day, column: day}
inputs: [{ref: source.rides}]
transform: SELECT day, sum(km)::BIGINT + ADD AS km FROM ref('source.rides') GROUP BY day
---
kind: transform
name: recent
interval: {unit: day, column: day, lookback: 2}
inputs: [{ref: transform.daily}]
transform: SELECT CAST('{{interval_start}}' AS DATE) AS day, sum(km)::BIGINT AS km FROM ref('transform.daily')
---
kind: transform
name: weekly
interval: {unit: week, column: day, open: true}
inputs: [{ref: transform.daily}]
transform: SELECT date_trunc('week', day)::DATE AS day, sum(km)::BIGINT AS km FROM ref('transform.daily') GROUP BY 1
---
kind: transform
name: spread
interval: {unit: day, column: day}
inputs: [{ref: transform.weekly}]
transform: SELECT CAST('{{interval_start}}' AS DATE) AS day, km FROM ref('transform.weekly')
---
kind: transform
name: running
interval: {unit: day, column: day}
columns: {day: DATE, total: BIGINT}
inputs: [{ref: source.rides}]
transform: >
  SELECT CAST('{{interval_start}}' AS DATE) AS day,
    (coalesce((SELECT max(total) FROM ref('self')), 0) + coalesce(sum(abs(km)), 0))::BIGINT AS total
  FROM ref('source.rides')
---
kind: transform
name: total
inputs: [{ref: transform.daily}, {ref: source.rides}]
transform: SELECT (SELECT sum(km) FROM ref('transform.daily'))::BIGINT AS a, count(*) AS n FROM ref('source.rides')
"""


@dataclass
class World:
    """A project as data: the rows of its source, a number in its SQL, the date of its clock."""

    rows: list[tuple[int | None, int]]
    today: int = DAYS // 2
    add: int = 0

    def write(self, project: Project) -> None:
        """Make the files say this."""
        project.write("seeknal_project.yml", "name: days\n")
        lines = (f"{'' if day is None else FIRST + timedelta(day)},{km}\n" for day, km in self.rows)
        project.write("data/rides.csv", "day,km\n" + "".join(lines))
        project.write("seeknal/days.yml", NODES.replace("ADD", str(self.add)))

    @property
    def clock(self) -> tuple[str, str]:
        """The option that sets the run's date."""
        return "--date", (FIRST + timedelta(self.today)).isoformat()


day_numbers = st.integers(0, DAYS - 1)
rows_of = st.tuples(st.none() | day_numbers, st.integers(-9, 9))
STEPS = ("late", "gone", "corrected", "again", "sql", "tomorrow", "window", "backfill", "restate", "full", "gc", "lost")


def _edit(world: World, step: str, draw: st.DataObject) -> None:
    place = draw.draw(st.integers(0, len(world.rows) - 1))
    day, km = world.rows[place]
    if step == "late":
        world.rows.insert(place, draw.draw(rows_of))
    elif step == "gone" and len(world.rows) > 1:
        del world.rows[place]
    elif step == "corrected":
        world.rows[place] = day, km + draw.draw(st.integers(-3, 3))
    elif step == "again":
        world.rows = [row for row in world.rows if row[0] != day] + [(day, 2), (day, 3)]
    elif step == "sql":
        world.add = draw.draw(st.integers(0, 2))
    elif step == "tomorrow":
        world.today = min(world.today + draw.draw(st.integers(1, 8)), DAYS)


def _accident(project: Project, world: World, step: str, draw: st.DataObject) -> None:
    """Runs of a part of the intervals, and losses: a plain run after any of them leaves nothing stale."""
    node = draw.draw(st.sampled_from(["daily", "recent", "weekly", "running"]))
    first = draw.draw(day_numbers)
    window = [
        *("--start", (FIRST + timedelta(first)).isoformat()),
        *("--end", (FIRST + timedelta(first + draw.draw(st.integers(0, 5)))).isoformat()),
    ]
    if step == "window":
        project.run(*world.clock, *window, ok=False)
    elif step == "backfill":
        project.run(*world.clock, "--backfill", "--nodes", node, "--chunk", "3", ok=False)
    elif step == "restate":
        project.run(*world.clock, "--restate", "--nodes", node, *window, ok=False)
    elif step == "full":
        project.run(*world.clock, "--full", "--nodes", node, ok=False)
    elif step == "gc":
        project.seeknal("cache", "gc", "--keep-generations", "1", "--max-age", "0")
    elif step == "lost":
        blobs = sorted(Path(project.path("target", "cas")).glob("*/*"))
        if blobs:
            draw.draw(st.sampled_from(blobs)).unlink()


def history(draw: st.DataObject) -> None:
    """One project with its story."""
    with tempfile.TemporaryDirectory() as folder:
        project, clean = Project(os.path.join(folder, "p")), Project(os.path.join(folder, "clean"))
        world = World(draw.draw(st.lists(rows_of, min_size=1, max_size=12)))
        if all(day is None for day, _ in world.rows):
            world.rows.append((3, 1))
        for _ in range(draw.draw(st.integers(1, 4))):
            step = draw.draw(st.sampled_from(STEPS))
            _edit(world, step, draw)
            world.write(project)
            _accident(project, world, step, draw)
            if all(day is None or day >= world.today for day, _ in world.rows):
                continue  # nothing is complete: that is another story
            project.run(*world.clock)
            shutil.rmtree(clean.root, ignore_errors=True)
            world.write(clean)
            clean.run(*world.clock)
            assert project.tables() == clean.tables()
            assert check(project.path("target")) == []
            assert project.run(*world.clock).built == set()


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_late_rows_and_windows_give_what_a_clean_build_gives(data: st.DataObject) -> None:
    history(data)


@pytest.mark.slow
@pytest.mark.timeout(36_000)
@settings(
    max_examples=int(os.environ.get("SEEKNAL_CASES", "2000")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.data())
def test_many_late_rows_and_windows_give_what_a_clean_build_gives(data: st.DataObject) -> None:
    history(data)


# -- a long backfill -----------------------------------------------------------------------------------------------


def year(root: str) -> Project:
    """A year of days, two nodes."""
    project = Project(root, {"seeknal_project.yml": "name: year\n"})
    days = [date(2023, 1, 1) + timedelta(n) for n in range(365)]
    project.write("data/rides.csv", "day,km\n" + "".join(f"{day},{n % 7}\n" for n, day in enumerate(days)))
    project.write(
        "seeknal/year.yml",
        """
        kind: source
        name: rides
        source: csv
        table: data/rides.csv
        schema: {day: DATE, km: BIGINT}
        interval: {unit: day, column: day}
        ---
        kind: transform
        name: daily
        interval: {unit: day, column: day}
        inputs: [{ref: source.rides}]
        transform: SELECT day, km, hash(km) AS h FROM ref('source.rides')
        """,
    )
    return project


def intervals_built(project: Project) -> collections.Counter[str]:
    """How often each interval was executed, over all logs."""
    folder, found = project.path("target", "log"), collections.Counter[str]()
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            for line in file:
                if line.endswith("}\n") and (event := json.loads(line))["event"] == "interval":
                    found[event["target"]] += 1
    return found


@dataclass
class Killing:
    """Runs of a backfill that are killed; the last one is let be."""

    project: Project
    options: tuple[str, ...]
    chance: random.Random = field(default_factory=lambda: random.Random(3))

    def times(self, count: int) -> None:
        """Kill `count` runs while they build."""
        done = 0
        while done < count:
            process = start(self.project, *self.options)
            time.sleep(self.chance.uniform(0.5, 1.0))
            done += process.poll() is None
            process.kill()
            process.communicate()
            assert check(self.project.path("target"), late=True) == []


@pytest.mark.parametrize("more", [(), ("--parallel", "--max-workers", "2")], ids=["one by one", "side by side"])
def test_a_killed_backfill_goes_on_where_it_stopped(tmp_path: Path, more: tuple[str, ...]) -> None:
    project, other = year(str(tmp_path / "p")), year(str(tmp_path / "other"))
    options = ("--backfill", "--chunk", "100", "--date", "2024-01-01", *more)
    Killing(project, options).times(5)
    project.run(*options)
    counts = intervals_built(project)
    assert set(counts.values()) == {1}
    assert len(counts) >= 365 - 5 * 2  # an interval that was done just when its run was killed is in no log
    other.run("--date", "2024-01-01")
    assert project.tables() == other.tables()
    assert len(project.rows("transform.daily")) == 365
    assert project.run("--date", "2024-01-01").built == set()

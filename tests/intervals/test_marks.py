"""Marks: set by hand, shown, honoured by a run that is published, and taken away by nothing else.

The tool that people know takes any two words for a window, forgets a mark when its node is built for another reason, and
never acts on it.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.campaigns.processes import start
from tests.project_on_disk import Project, Result

CLOCK = ("--date", "2024-01-06")
# The answer of a day lies in a file that nobody declared: it stands for a server.
ASKED = """
import time
from pathlib import Path

from seeknal.pipeline import transform


@transform(name="asked", interval={"unit": "day", "column": "day", "start": "2024-01-01"})
def asked(ctx):
    folder, day = Path(FOLDER), ctx.interval.start.date()
    with (folder / "questions").open("a") as file:
        file.write(f"{day}\\n")
    while (folder / "wait").exists():
        time.sleep(0.01)
    return [{"day": day, "n": int((folder / "answer").read_text())}]
"""


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    """Five days that were asked for once, their tens by day and their sum; the upstream has another answer now."""
    project = Project(str(tmp_path / "shop"), {"seeknal_project.yml": "name: shop\n"})
    project.write("seeknal/pipelines/asked.py", ASKED.replace("FOLDER", repr(str(tmp_path / "outside"))))
    project.write("../outside/answer", "1")
    tens = "SELECT day, 10 * n AS n FROM ref('transform.asked')"
    project.transform("daily", tens, ("transform.asked",), "interval: {unit: day, column: day}\n")
    project.transform("total", "SELECT sum(n)::BIGINT AS n FROM ref('transform.daily')", ("transform.daily",))
    project.run(*CLOCK)
    project.write("../outside/answer", "2")
    project.write("../outside/questions", "")
    return project


def marks(project: Project) -> list[tuple[str, str, str]]:
    listed = project.seeknal("intervals", "restatement-list", "--json").json
    return [(mark["node"], mark["start"][:10], mark["end"][:10]) for mark in listed]


def add(project: Project, node: str, first: str, last: str) -> Result:
    return project.seeknal("intervals", "restatement-add", node, "--start", first, "--end", last)


def asked(project: Project) -> list[str]:
    """The days that were asked for."""
    return project.read("../outside/questions").split()


def days(project: Project, *options: str) -> list[str]:
    """The intervals that a run builds."""
    return [event["target"].partition(".")[2] for event in project.run(*CLOCK, *options).of("interval")]


def test_marks_that_touch_are_one_and_others_are_not(shop: Project) -> None:
    for day in ("2024-01-02", "2024-01-03", "2024-01-05"):
        assert add(shop, "asked", day, day).code == 0
    assert marks(shop) == [
        ("transform.asked", "2024-01-02", "2024-01-04"),
        ("transform.asked", "2024-01-05", "2024-01-06"),
    ]


def test_a_mark_outlives_every_run_that_does_not_honour_it(shop: Project) -> None:
    add(shop, "asked", "2024-01-02", "2024-01-02")
    shop.edit("seeknal/transforms/daily.yml", "10 * n", "20 * n")
    runs = ((), ("--full", "--nodes", "daily"), ("--restate", "--dry-run"), ("--backfill",))
    for options in (*runs, ("--start", "2024-01-02", "--end", "2024-01-02")):
        shop.run(*CLOCK, *options)
        assert marks(shop) == [("transform.asked", "2024-01-02", "2024-01-03")], options
    assert asked(shop) == []
    assert days(shop, "--restate") == ["asked@2024-01-02", "daily@2024-01-02"]
    assert marks(shop) == []
    assert shop.rows("transform.total") == [(20 * (4 + 2),)]


def test_a_dry_run_shows_what_a_restatement_would_build(shop: Project) -> None:
    window = ("--nodes", "asked", "--start", "2024-01-02", "--end", "2024-01-03")
    shown = shop.seeknal("run", *CLOCK, "--restate", *window, "--dry-run").out
    assert (
        "transform.asked  [2 of 5: 2024-01-02..2024-01-03 (2 days), 2 published rows] marked to be built again" in shown
    )
    assert marks(shop) == []
    add(shop, "asked", "2024-01-05", "2024-01-05")
    assert "[1 of 5: 2024-01-05 (1 day), 1 published row]" in shop.seeknal("run", *CLOCK, "--restate", "--dry-run").out


def test_a_killed_run_leaves_its_marks(shop: Project) -> None:
    add(shop, "asked", "2024-01-02", "2024-01-04")
    shop.write("../outside/wait", "")
    process = start(shop, *CLOCK, "--restate")
    _wait_until_asked(shop)
    process.kill()
    process.communicate()
    Path(shop.path("..", "outside", "wait")).unlink()
    assert marks(shop) == [("transform.asked", "2024-01-02", "2024-01-05")]
    assert shop.rows("transform.total") == [(10 * 5,)]
    assert days(shop, "--restate")[:3] == ["asked@2024-01-02", "asked@2024-01-03", "asked@2024-01-04"]
    assert shop.rows("transform.total") == [(10 * (2 + 2 * 3),)]
    assert marks(shop) == []


def test_what_is_marked_while_a_run_goes_on_is_left_for_the_next(shop: Project) -> None:
    add(shop, "asked", "2024-01-02", "2024-01-02")
    shop.write("../outside/wait", "")
    process = start(shop, *CLOCK, "--restate")
    _wait_until_asked(shop)
    add(shop, "asked", "2024-01-03", "2024-01-03")
    Path(shop.path("..", "outside", "wait")).unlink()
    _, err = process.communicate()
    assert process.returncode == 0, err
    assert asked(shop) == ["2024-01-02"]
    assert marks(shop) == [("transform.asked", "2024-01-03", "2024-01-04")]


def _wait_until_asked(project: Project) -> None:
    end = time.monotonic() + 20
    while not asked(project):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_mark_with_no_interval_in_it_says_that_nothing_was_done(shop: Project) -> None:
    add(shop, "asked", "2030-01-01", "2030-01-02")
    result = shop.run(*CLOCK, "--restate")
    assert "transform.asked: no interval of it lies in what was marked: nothing was built again" in result.err
    assert asked(shop) == []


def test_a_node_that_is_gone_is_told_and_its_mark_can_be_cleared(shop: Project) -> None:
    add(shop, "daily", "2024-01-02", "2024-01-02")
    add(shop, "asked", "2024-01-02", "2024-01-02")
    for name in ("daily", "total"):
        Path(shop.path("seeknal", "transforms", f"{name}.yml")).unlink()
    result = shop.run(*CLOCK, "--restate")
    assert "transform.daily is marked, and is no node with intervals any more" in result.err
    assert asked(shop) == ["2024-01-02"]
    assert marks(shop) == [("transform.daily", "2024-01-02", "2024-01-03")]
    assert shop.seeknal("intervals", "restatement-clear", "daily").code == 0
    assert marks(shop) == []


def test_a_source_that_is_marked_is_read_again(shop: Project) -> None:
    shop.source("rides", "day,km\n2024-01-02,5\n", {"day": "DATE", "km": "BIGINT"})
    shop.edit("seeknal/sources/rides.yml", "kind: source\n", "kind: source\ninterval: {unit: day, column: day}\n")
    shop.run(*CLOCK)
    add(shop, "rides", "2024-01-02", "2024-01-02")
    assert shop.run(*CLOCK, "--restate").built == {"source.rides"}
    assert marks(shop) == []


def test_only_windows_of_nodes_with_intervals_are_marked(shop: Project) -> None:
    for words, said in (
        (("asked", "--start", "foo", "--end", "bar"), "--start 'foo' is no time: write 2024-01-31 or 2024-01-31T06:00"),
        (("asked", "--start", "2024-01-03", "--end", "2024-01-02"), "the window is empty: 2024-01-03 is not before"),
        (("asked", "--start", "2024-01-03"), "a window needs --start and --end"),
        (("asked",), "restatement-add needs --start and --end"),
        (("aked", "--start", "2024-01-03", "--end", "2024-01-03"), "no node is called 'aked' (did you mean asked?)"),
        (("total", "--start", "2024-01-03", "--end", "2024-01-03"), "transform.total has no intervals"),
    ):
        result = shop.seeknal("intervals", "restatement-add", *words)
        assert result.code == 2, words
        assert said in result.err
    assert marks(shop) == []


def test_a_mark_with_a_zone_is_in_utc_and_widened_to_whole_days(shop: Project) -> None:
    add(shop, "asked", "2024-01-02T23:00:00-05:00", "2024-01-03T01:00:00-05:00")
    assert marks(shop) == [("transform.asked", "2024-01-03", "2024-01-04")]


def test_a_damaged_list_of_marks_is_not_taken_for_an_empty_one(shop: Project) -> None:
    shop.write("target/marks/prod.json", "{")
    result = shop.run(*CLOCK, "--restate", ok=False)
    assert result.code == 7
    assert "remove this file, then set the marks again" in result.err

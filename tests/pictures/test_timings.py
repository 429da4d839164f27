"""`run --timings` tells the truth of a run: what was built and why, what was not, and how long everything took."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from itertools import pairwise

import pytest

from seeknal.pictures.timings import Run, timings
from tests.pictures.reading import by_id, data_of, page_of
from tests.project_on_disk import Project

PAGE = "target/timings.html"


def test_a_first_run_shows_every_target_with_its_reason_rows_and_size(shop: Project) -> None:
    shop.run("--timings")
    data = page_of(shop, PAGE)
    targets = by_id(data["targets"])
    assert {target["what"] for target in targets.values()} == {"built"}
    assert targets["transform.clean"]["reasons"] == ["never built before"]
    assert targets["transform.clean"]["rows"] == 3
    assert targets["transform.clean"]["size"] > 0
    assert data["planned"] == 5
    assert [phase[0] for phase in data["phases"]] == ["planning", "auditing and publishing"]
    assert data["done"]["generation"].startswith("blake3:")


def test_bars_lie_inside_the_run_and_start_after_what_they_read(shop: Project) -> None:
    shop.run("--timings", shop.path("t.html"))
    data = page_of(shop, "t.html")
    ran = {bar[0]: bar for bar in data["bars"] if bar[2] == "run"}
    assert data["lanes"] == ["engine", "sealing"]
    assert all(0 <= start <= end <= data["milliseconds"] + 1 for _, _, _, start, end in data["bars"])
    for i, target in enumerate(data["targets"]):
        assert all(ran[need][3] <= ran[i][3] for need in target["inputs"])
    engine = sorted(bar[3:] for bar in data["bars"] if bar[1] == 0)
    assert all(later[0] >= earlier[1] - 2 for earlier, later in pairwise(engine))


def test_workers_have_a_lane_each(shop: Project) -> None:
    for i in range(6):
        shop.transform(f"more{i}", f"SELECT *, {i} AS i FROM ref('transform.clean')", ("transform.clean",))
    shop.run("--parallel", "--max-workers", "3", "--timings")
    data = page_of(shop, PAGE)
    assert data["workers"] == 3
    assert 1 <= len(data["lanes"]) <= 3
    for lane in range(len(data["lanes"])):
        bars = sorted(bar[3:] for bar in data["bars"] if bar[1] == lane)
        assert all(later[0] >= earlier[1] - 2 for earlier, later in pairwise(bars))


def test_hits_and_cut_offs_are_told_apart(shop: Project) -> None:
    shop.run()
    shop.edit("seeknal/transforms/clean.yml", "amount > 0", "amount > 1")
    shop.run("--timings")
    what = {name: target["what"] for name, target in by_id(page_of(shop, PAGE)["targets"]).items()}
    assert what == {
        "source.orders": "hit", "source.customers": "hit", "transform.clean": "built",
        "transform.joined": "cut_off", "transform.by_city": "cut_off",
    }  # fmt: skip


def test_a_run_with_nothing_to_do_says_so_and_shows_the_hits(shop: Project) -> None:
    shop.run()
    said = shop.seeknal("run", "--timings")
    assert said.out.startswith("nothing to do: 5 targets")
    data = page_of(shop, PAGE)
    assert [target["what"] for target in data["targets"]] == ["hit"] * 5
    assert data["bars"] == []
    assert all(target["rows"] for target in data["targets"])


def test_without_the_option_there_is_no_page_and_nothing_of_it_is_loaded(shop: Project) -> None:
    shop.run()
    code = "import sys\nfrom seeknal.cli import main\nmain(sys.argv[1:])\n"
    code += "print([name for name in sys.modules if 'pictures' in name or 'timings' in name])"
    words = [sys.executable, "-c", code, "run", "--project-path", shop.root]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"
    assert not os.path.exists(shop.path(PAGE))


def test_a_failed_run_shows_what_failed_what_it_said_and_what_was_skipped(shop: Project) -> None:
    shop.transform(
        "bad",
        "SELECT error('no ' || chr(27) || '[31m such thing') AS x FROM ref('transform.clean')",
        ("transform.clean",),
    )
    shop.transform("after", "SELECT * FROM ref('transform.bad')", ("transform.bad",))
    assert shop.run("--continue-on-error", "--timings", ok=False).code == 1
    targets = by_id(page_of(shop, PAGE)["targets"])
    assert targets["transform.bad"]["what"] == "failed"
    assert "no \\x1b[31m such thing" in targets["transform.bad"]["error"]
    assert targets["transform.after"]["what"] == "skipped"
    assert targets["transform.after"]["because"] == ["transform.bad"]
    assert targets["transform.by_city"]["what"] == "built"


def test_a_rule_that_fails_is_red_with_its_rows(shop: Project) -> None:
    shop.write(
        "seeknal/rules/big.yml", "kind: rule\nname: big\ninputs: [{ref: transform.clean}]\nrule: [amount > 15]\n"
    )
    assert shop.run("--timings", ok=False).code == 4
    rule = by_id(page_of(shop, PAGE)["targets"])["rule.big"]
    assert rule["what"] == "failed"
    assert "1 of 3 rows" in rule["error"]
    assert rule["milliseconds"] > 0


def test_a_wrong_project_leaves_a_page_that_says_so(shop: Project) -> None:
    shop.transform("wrong", "SELECT * FROM ref('transform.nowhere')")
    assert shop.run("--timings", ok=False).code == 3
    assert "transform.nowhere" in page_of(shop, PAGE)["stopped"]


def test_an_interrupted_run_leaves_a_page_with_what_was_running(shop: Project) -> None:
    long = "SELECT count(*) AS n FROM range(100000000000) t(i), ref('transform.clean') WHERE hash(i) % 7 = 3"
    shop.transform("long", long, ("transform.clean",))
    words = [sys.executable, "-m", "seeknal", "run", "--timings", "--project-path", shop.root]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=os.getcwd())
    _wait_for(shop, '"started"', "transform.long")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    data = page_of(shop, PAGE)
    assert data["stopped"] == "interrupted"
    assert by_id(data["targets"])["transform.long"]["what"] == "stopped"


def _wait_for(project: Project, *words: str) -> None:
    folder = project.path("target", "log")
    for _ in range(600):
        for name in os.listdir(folder) if os.path.isdir(folder) else ():
            if any(all(word in line for word in words) for line in project.read(f"target/log/{name}").splitlines()):
                return
        time.sleep(0.05)
    raise AssertionError(f"the log never had {words}")


def test_intervals_are_part_of_their_node(project: Project) -> None:
    rows = "".join(f"{i},2024-01-0{1 + i % 4}\n" for i in range(12))
    project.source("events", f"id,day\n{rows}", {"id": "BIGINT", "day": "DATE"})
    project.transform(
        "daily", "SELECT * FROM ref('source.events')", ("source.events",),
        "interval: {unit: day, column: day, start: 2024-01-01}\n",
    )  # fmt: skip
    project.run("--date", "2024-01-05", "--timings")
    daily = by_id(page_of(project, PAGE)["targets"])["transform.daily"]
    assert [label for label, *_ in sorted(daily["intervals"])] == [f"2024-01-0{d}" for d in range(1, 5)]
    assert daily["rows"] == 48


def test_it_says_where_the_picture_is_and_a_plan_has_none(shop: Project) -> None:
    said = shop.seeknal("run", "--timings")
    assert f"timings: {shop.path(PAGE)}" in said.err
    assert "timings:" not in shop.seeknal("run", "--timings", "--quiet").err
    assert shop.seeknal("run", "--dry-run", "--timings").code == 2


def test_a_run_in_chunks_is_one_picture(project: Project) -> None:
    project.source("events", "id\n1\n", {"id": "BIGINT"})
    project.transform(
        "daily", "SELECT id, DATE '2024-01-01' AS day FROM ref('source.events')", ("source.events",),
        "interval: {unit: day, column: day, start: 2024-01-01}\n",
    )  # fmt: skip
    window = ("--start", "2024-01-01", "--end", "2024-01-05", "--date", "2024-02-01")
    project.run("--backfill", "--chunk", "2", *window, "--timings")
    data = page_of(project, PAGE)
    daily = by_id(data["targets"])["transform.daily"]
    assert (daily["what"], len(daily["intervals"]), daily["rows"], daily["wrote"]) == ("built", 5, 5, 5)
    assert [phase[0] for phase in data["phases"]][:2] == ["planning", "planning again"]


@pytest.mark.parametrize(("word", "reason"), [("", "a folder"), ("/nowhere/at/all.html", "no folder")])
def test_a_place_that_cannot_be_written_is_told_before_anything_runs(shop: Project, word: str, reason: str) -> None:
    said = shop.seeknal("run", "--timings", word or shop.root)
    assert said.code == 2
    assert reason in said.err
    assert not os.path.exists(shop.path("target"))


def test_the_critical_path_is_the_longest_chain_not_the_longest_target() -> None:
    inputs = {"s.a": (), "t.b": ("s.a",), "t.c": ("t.b",), "t.d": ("t.c",), "t.long": ()}
    spent = {"s.a": 100, "t.b": 200, "t.d": 300, "t.long": 500}
    events = [{"event": "planned", "at": 100.0, "targets": 5}]
    events += [
        {"event": "built", "at": 101.0 + i, "start": 100.5 + i, "target": name, "rows": 1, "size": 1, "milliseconds": ms,
         "ran": ms, "reasons": [], "notes": []}
        for i, (name, ms) in enumerate(spent.items())
    ]  # fmt: skip
    events.insert(3, {"event": "hit", "at": 103.0, "target": "t.c", "cut_off": True})
    data = timings(Run("p", "r", "prod", 99.0, 110.0, 2, inputs), events)
    chain = [data["targets"][i]["id"] for i in data["critical"]["targets"]]
    assert (chain, data["critical"]["milliseconds"]) == (["s.a", "t.b", "t.d"], 600)


def test_a_picture_from_a_log_that_was_cut_off_is_still_a_picture(shop: Project) -> None:
    from seeknal.build.log import read_log
    from seeknal.pictures.timings import timings_page

    shop.run()
    (name,) = os.listdir(shop.path("target", "log"))
    events = list(read_log(shop.path("target", "log", name)))[:6]
    data = data_of(timings_page(Run("p", "r", "prod", events[0]["at"], events[-1]["at"] + 1, 1, {}), events))
    assert len(data["targets"]) >= 2

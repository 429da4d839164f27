"""A plain run: one engine at a time, and what is done beside it changes neither the order nor what a failure stops."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.campaigns.processes import executions
from tests.project_on_disk import Project
from tests.spec.reader import check


def log(project: Project, run: str) -> list[tuple[str, str]]:
    """What happened to which target, in the order of the log."""
    events = [json.loads(line) for line in project.read(f"target/log/{run}.jsonl").splitlines()]
    return [(event["event"], event["target"]) for event in events if "target" in event]


def wide(root: str, width: int = 6) -> Project:
    """Two chains of transforms for each source."""
    project = Project(root, {"seeknal_project.yml": "name: wide\n"})
    for i in range(width):
        project.source(f"s{i}", "k,v\n" + "".join(f"{k},{k * i}\n" for k in range(50)), {"k": "BIGINT", "v": "BIGINT"})
        project.transform(f"a{i}", f"SELECT k, v + {i} AS v FROM ref('source.s{i}')", (f"source.s{i}",))
        project.transform(f"b{i}", f"SELECT sum(v) AS v FROM ref('transform.a{i}')", (f"transform.a{i}",))
    return project


def test_the_order_is_the_same_in_every_run(tmp_path: Path) -> None:
    orders = []
    for name in ("one", "two", "three"):
        project = wide(f"{tmp_path}/{name}")
        project.run("--run-id", "first")
        orders.append([target for event, target in log(project, "first") if event == "started"])
        assert sorted(orders[-1]) == sorted(target for event, target in log(project, "first") if event == "built")
        assert check(project.path("target")) == []
        assert os.listdir(project.path("target", "tmp")) == []
        assert os.listdir(project.path("target", "locks")) == []
        assert project.run().built == set()
    assert orders[0] == orders[1] == orders[2]


def test_a_failure_lets_nothing_begin_after_it(tmp_path: Path) -> None:
    project = wide(str(tmp_path))
    project.transform("a3", "SELECT k, error('no') AS v FROM ref('source.s3')", ("source.s3",))
    result = project.run("--run-id", "first", ok=False)
    assert result.code == 1
    events = log(project, "first")
    started = [target for event, target in events if event == "started"]
    assert started[-1] == "transform.a3"
    done = {target for event, target in events if event == "built"}
    assert done == {*started} - {"transform.a3"}
    assert {event["target"] for event in result.of("skipped")} == _all(project) - {*started}
    assert not os.path.exists(project.path("target", "refs", "prod"))
    assert os.listdir(project.path("target", "locks")) == []
    went_on = project.run("--continue-on-error", "--run-id", "second", ok=False)
    assert went_on.built == _all(project) - {*started} - {"transform.b3"}


def _all(project: Project) -> set[str]:
    return {*project.plan()}


def test_one_action_of_two_targets_is_executed_once(tmp_path: Path) -> None:
    """The second waits for nobody: it is decided when the first is in the store."""
    project = wide(str(tmp_path), 1)
    for name in ("x", "y", "z"):
        project.transform(name, "SELECT v, k FROM ref('source.s0')", ("source.s0",))
    result = project.run()
    assert "waiting" not in result.err
    assert len([name for name in ("x", "y", "z") if f"transform.{name}" in result.built]) == 1
    assert executions(project)["source.s0"] == 1
    views = {os.path.realpath(project.view(f"transform.{name}")) for name in ("x", "y", "z")}
    assert len(views) == 1

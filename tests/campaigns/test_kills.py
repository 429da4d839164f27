"""A real run, killed at random times: nothing damaged is read, no process is left, the next run finishes."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.campaigns.processes import children, pipeline, start
from tests.project_on_disk import Project
from tests.spec.reader import check


def killed(tmp_path: Path, times: int) -> None:
    """Kill a run `times` times, with an edit each time; check what is left and what the next run makes of it."""
    chance = random.Random(7)
    project = Project(str(tmp_path / "p"))
    pipeline(project)
    clean = Project(str(tmp_path / "clean"))
    for number in range(times):
        project.write("data/s0.csv", "k,v\n" + "".join(f"{k},{(k * 7 + number) % 89}\n" for k in range(400)))
        options = ("--parallel", "--max-workers", "3") if number % 3 == 0 else ()
        process = start(project, *options)
        time.sleep(chance.uniform(0.15, 1.0))
        os.killpg(process.pid, signal.SIGKILL) if number % 2 else process.kill()
        process.communicate()
        if project_exists(project):
            assert check(project.path("target"), late=True) == [], number
        if os.path.exists(project.path("target", "intermediate")):
            project.tables()  # every view can be read, whatever it shows
        deadline = time.monotonic() + 5
        while children(process.pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert children(process.pid) == [], number
        if number % 5 == 4:
            project.run()
            shutil.rmtree(clean.root, ignore_errors=True)
            for part in ("seeknal", "data"):
                shutil.copytree(project.path(part), clean.path(part))
            clean.run()
            assert project.tables() == clean.tables()
            assert project.run().built == set()


def project_exists(project: Project) -> bool:
    return os.path.exists(project.path("target", "seeknal-cache.json"))


def test_twenty_kills(tmp_path: Path) -> None:
    killed(tmp_path, 20)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_two_hundred_kills(tmp_path: Path) -> None:
    killed(tmp_path, 200)

"""Bytes that are lost: each file of the store, one after another, and the next run makes the same tables again."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.campaigns.test_intervals import World
from tests.project_on_disk import Project
from tests.spec.reader import check


def test_each_file_of_the_store_may_be_lost(tmp_path: Path) -> None:
    world = World([(0, 2), (2, 5), (None, 7)], today=3)
    kept, project = Project(str(tmp_path / "kept")), Project(str(tmp_path / "p"))
    world.write(kept)
    kept.run(*world.clock)
    want = kept.tables()
    for path in sorted(
        [*Path(kept.path("target", "cas")).glob("*/*"), *Path(kept.path("target", "parts")).glob("*/*")]
    ):
        shutil.rmtree(project.root, ignore_errors=True)
        shutil.copytree(kept.root, project.root, symlinks=True)
        Path(project.root, path.relative_to(kept.root)).unlink()
        project.run(*world.clock)
        assert project.tables() == want, path
        assert check(project.path("target")) == []


def test_a_source_that_lost_all_its_rows_leaves_empty_tables_and_says_so(tmp_path: Path) -> None:
    world, project = World([(0, 2), (1, 5)], today=5), Project(str(tmp_path / "p"))
    world.write(project)
    project.run(*world.clock)
    project.write("data/rides.csv", "day,km\n")
    result = project.run(*world.clock)
    notes = [note for event in result.of("built") for note in event["notes"]]
    assert "warning: 2024-01-29 had 1 rows and has none now" in notes
    assert project.rows("transform.daily") == []
    assert project.run(*world.clock).built == set()

"""A crash at every disk operation of two runs, with torn writes: nothing damaged is read, and the next run finishes."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from seeknal.build.run import Options, run
from seeknal.build.session import Request, opened
from seeknal.store.disk import Disk
from tests.project_on_disk import Project
from tests.spec.reader import check

OPERATIONS = ("_make", "_write", "_seal", "_rename", "_sync", "_link", "_remove", "append")


class Crash(BaseException):
    """The machine stops here."""


class CrashingDisk(Disk):
    """Stops at operation number `at`. `torn`: what was written since the last sync may be cut in half by the crash."""

    def __init__(self, at: int, *, torn: bool) -> None:
        super().__init__()
        self.at = at
        self.torn = torn
        self.count = 0
        self.unsynced: dict[str, None] = {}

    def step(self) -> None:
        if self.count == self.at:
            self.crash()
        self.count += 1

    def crash(self) -> None:
        if self.torn:
            for path in self.unsynced:
                tear(path)
        raise Crash

    def _sync(self, path: str) -> None:
        self.step()
        super()._sync(path)
        self.unsynced.pop(path, None)

    def _sync_all(self, path: str) -> bool:
        self.step()
        self.unsynced.clear()
        return super()._sync_all(path)

    def _write(self, path: str, data: bytes) -> None:
        if self.count == self.at and self.torn:
            super()._write(path, data[: len(data) // 2])
        self.step()
        super()._write(path, data)
        self.unsynced[path] = None

    def _seal(self, path: str) -> None:
        if self.count == self.at and self.torn:
            tear(path)
        self.step()
        super()._seal(path)

    def _rename(self, old: str, new: str) -> None:
        self.step()
        super()._rename(old, new)
        if old in self.unsynced:
            del self.unsynced[old]
            self.unsynced[new] = None


def _stepping(name: str) -> Callable[..., Any]:
    plain = getattr(Disk, name)

    def stepping(self: CrashingDisk, *arguments: Any) -> Any:
        self.step()
        return plain(self, *arguments)

    return stepping


for _name in ("_make", "_link", "_remove", "append"):
    setattr(CrashingDisk, _name, _stepping(_name))


def tear(path: str) -> None:
    """Cut a file in half, as a power cut may."""
    if os.path.isfile(path) and not os.path.islink(path):
        size = os.path.getsize(path)
        os.chmod(path, 0o644)
        os.truncate(path, size // 2)


def small(root: str) -> Project:
    project = Project(root)
    project.write("seeknal_project.yml", "name: small\n")
    project.source(
        "orders", "id,who,amount\n1,a,10\n2,b,20\n3,a,30\n", {"id": "BIGINT", "who": "VARCHAR", "amount": "BIGINT"}
    )
    project.transform("clean", "SELECT * FROM ref('source.orders') WHERE amount > 0", ("source.orders",))
    project.write(
        "seeknal/feature_groups/spent.yml",
        """
        kind: feature_group
        name: spent
        entity: {name: who, join_keys: [who]}
        inputs: [{ref: transform.clean}]
        transform: SELECT who, sum(amount) AS spent FROM source GROUP BY who
        """,
    )
    return project


def edited(project: Project) -> None:
    project.write("data/orders.csv", "id,who,amount\n1,a,10\n2,b,20\n3,a,31\n4,c,5\n")
    project.edit("seeknal/transforms/clean.yml", "amount > 0", "amount >= 6")


def run_with(project: Project, disk: Disk) -> None:
    request = Request(project.root, datetime(2024, 1, 1, tzinfo=UTC), "crash")
    with opened(request, lambda _: None, disk) as session:
        run(session, Options(), {}, lambda *_, **__: None)


def shown(project: Project) -> dict[str, Any] | None:
    """All that a reader of the views sees; fails on a file that is there but cannot be read."""
    folder = project.path("target", "intermediate")
    if not os.path.exists(folder):
        return None
    tables: dict[str, Any] = dict(project.tables())
    tables["entity"] = project.rows("entity.who")
    return tables


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any], str]:
    """What is published after the first and after the second run, and a project that ran once."""
    project = small(str(tmp_path_factory.mktemp("whole") / "p"))
    run_with(project, Disk())
    first = shown(project)
    once = project.root + "-once"
    shutil.copytree(project.root, once, symlinks=True)
    edited(project)
    run_with(project, Disk())
    second = shown(project)
    assert first is not None
    assert second is not None
    assert first != second
    return first, second, once


def operations(start: Callable[[], Project]) -> int:
    disk = CrashingDisk(-1, torn=False)
    run_with(start(), disk)
    return disk.count


@pytest.mark.parametrize("torn", [False, True], ids=["kept", "torn"])
@pytest.mark.parametrize("second", [False, True], ids=["first run", "second run"])
def test_a_crash_at_every_operation_loses_nothing(
    states: tuple[dict[str, Any], dict[str, Any], str], tmp_path: Path, second: bool, torn: bool
) -> None:
    before, after, once = states
    serial = iter(range(10_000))

    def start() -> Project:
        root = str(tmp_path / str(next(serial)))
        if not second:
            return small(root)
        shutil.copytree(once, root, symlinks=True)
        project = Project(root)
        edited(project)
        return project

    total = operations(start)
    assert total > 40, total
    for at in range(total):
        project = start()
        with pytest.raises(Crash):
            run_with(project, CrashingDisk(at, torn=torn))
        seen = shown(project)
        allowed = (before, after) if second else (None, before)
        assert seen in allowed, f"operation {at}: readers see {seen}"
        if not torn and os.path.exists(project.path("target", "seeknal-cache.json")):
            assert check(project.path("target"), late=True) == [], f"operation {at}"
        result = project.run()
        assert result.code == 0
        assert shown(project) == (after if second else before), f"operation {at}"
        left = [v for v in check(project.path("target")) if not (torn and v.startswith("I1"))]
        assert left == [], f"operation {at}"  # a torn blob that nothing names may stay until gc
        assert project.run().built == set()
        shutil.rmtree(project.root)


class InPlaceDisk(CrashingDisk):
    """A broken disk: it writes under the final name."""

    def put(self, folder: str, path: str, data: bytes) -> None:
        self.make_folder(os.path.dirname(path))
        if os.path.exists(path):
            os.unlink(path)
        self._write(path, data)


def test_a_disk_that_writes_in_place_is_found_out(tmp_path: Path) -> None:
    """The negative control: with a broken disk this harness must see damage, at some operation."""
    assert any(damaged(str(tmp_path / str(at)), at) for at in range(80))


def damaged(root: str, at: int) -> bool:
    project = small(root)
    with contextlib.suppress(Crash):
        run_with(project, InPlaceDisk(at, torn=True))
        return False
    return os.path.exists(project.path("target")) and check(project.path("target"), late=True) != []

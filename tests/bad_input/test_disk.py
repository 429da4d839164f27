"""Disks that are full, read-only, or somebody else's."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bad_input.refusals import (
    NOBODY,
    decent,
    error_of,
    needs_root,
    nothing_lost,
    process,
    read_only,
    refused,
    small_disk,
)
from tests.project_on_disk import Project

BIG = "SELECT i, md5(i::VARCHAR) AS a, md5((i * 7)::VARCHAR) AS b FROM range(300000) r(i)"


def _left(folder: str) -> list[str]:
    return os.listdir(folder) if os.path.isdir(folder) else []


@pytest.mark.parametrize("size", ["1m", "2m", "4m", "8m"])
def test_a_full_disk_under_the_cache_loses_nothing_and_the_next_run_finishes(
    shop: Project, tmp_path: Path, size: str
) -> None:
    with small_disk(str(tmp_path / "small"), size) as cache:
        shop.run("--cache-dir", cache)
        shop.transform("big", BIG)
        with nothing_lost(shop):
            result = shop.seeknal("run", "--json", "--cache-dir", cache)
            text = refused(result, 7, "cache gc")
            assert "No space left" in text or "disk" in text.lower()
            assert _left(f"{cache}/tmp") == [], "what was half written is gone"
            assert decent(shop.seeknal("inspect", "transform.by_city", "--cache-dir", cache))
            assert shop.seeknal("cache", "verify", "--cache-dir", cache).code == 0
        subprocess.run(["mount", "-o", "remount,size=200m", cache], check=True)
        assert shop.run("--cache-dir", cache).built == {"transform.big"}
        assert len(shop.rows("transform.big")) == 300_000


def test_a_python_node_on_a_full_disk_is_told_too(shop: Project, tmp_path: Path) -> None:
    shop.write(
        "seeknal/pipelines/big.py",
        "import os\nimport pyarrow as pa\nfrom seeknal.pipeline import transform\n\n\n@transform(name='big')\n"
        "def big(ctx):\n    return pa.table({'a': [os.urandom(1000) for _ in range(20_000)]})\n",
    )
    with small_disk(str(tmp_path / "small"), "4m") as cache:
        shop.run("--cache-dir", cache, "--nodes", "transform.by_city")
        with nothing_lost(shop):
            refused(shop.seeknal("run", "--json", "--cache-dir", cache), 7)
            assert _left(f"{cache}/tmp") == []


def test_a_source_on_a_full_disk_is_told_too(shop: Project, tmp_path: Path) -> None:
    with small_disk(str(tmp_path / "small"), "1m") as cache:
        shop.run("--cache-dir", cache)
        shop.write("data/wide.csv", "a\n" + "".join(f"{os.urandom(30).hex()}\n" for _ in range(60_000)))
        shop.write(
            "seeknal/sources/wide.yml",
            "kind: source\nname: wide\nsource: csv\ntable: data/wide.csv\ncolumns:\n  a: VARCHAR\n",
        )
        with nothing_lost(shop):
            refused(shop.seeknal("run", "--json", "--cache-dir", cache), 7)


def test_no_room_for_another_file_is_told(shop: Project, tmp_path: Path) -> None:
    with small_disk(str(tmp_path / "small"), "8m", ",nr_inodes=60") as cache:
        shop.run("--cache-dir", cache)
        for i in range(60):
            shop.transform(f"n{i}", f"SELECT {i} AS n")
        with nothing_lost(shop):
            refused(shop.seeknal("run", "--json", "--cache-dir", cache), 7)
        subprocess.run(["mount", "-o", "remount,nr_inodes=5000", cache], check=True)
        shop.run("--cache-dir", cache)
        assert shop.rows("transform.n59") == [(59,)]


def test_a_disk_that_is_full_from_the_start_is_told(shop: Project, tmp_path: Path) -> None:
    with small_disk(str(tmp_path / "small"), "64k") as disk:
        cache = f"{disk}/cache"
        with open(f"{disk}/filler", "wb") as file:
            file.write(b"x" * 65536)
        result = shop.seeknal("run", "--json", "--cache-dir", cache)
        refused(result, 7)
        assert error_of(result)["error"] == "disk_full"
        assert decent(shop.seeknal("plan", "--cache-dir", cache))


def test_a_project_on_a_full_disk_keeps_what_it_published(tmp_path: Path, shop: Project) -> None:
    with small_disk(str(tmp_path / "small"), "3m") as disk:
        shutil.copytree(shop.root, f"{disk}/shop")
        full = Project(f"{disk}/shop")
        full.run()
        with open(f"{disk}/filler", "wb") as file:
            file.write(b"x" * (os.statvfs(disk).f_bavail * 4096 - 8192))
        full.edit("seeknal/transforms/clean.yml", "amount > 0", "amount > 15")
        with nothing_lost(full):
            refused(full.seeknal("run", "--json"), 7)
            for command in ("plan", "list", "log"):
                assert full.seeknal(command).code == 0
        os.unlink(f"{disk}/filler")
        full.run()
        assert len(full.rows("transform.clean")) == 2


READING = (
    ("plan",),
    ("list",),
    ("show", "transform.clean"),
    ("explain", "transform.clean"),
    ("inspect", "transform.clean"),
    ("log",),
    ("cache", "stats"),
    ("cache", "verify"),
    ("validate",),
)


def test_a_read_only_store_can_be_read_and_says_so_when_it_must_be_written(shop: Project, tmp_path: Path) -> None:
    cache = str(tmp_path / "store")
    shop.run("--cache-dir", cache)
    with read_only(cache):
        for command in READING:
            result = shop.seeknal(*command, "--cache-dir", cache)
            decent(result)
            assert result.code == 0, (command, result)
        assert shop.seeknal("run", "--cache-dir", cache).code == 0, "nothing to do needs no writing"
        shop.edit("seeknal/transforms/clean.yml", "amount > 0", "amount > 15")
        with nothing_lost(shop):
            result = shop.seeknal("run", "--json", "--cache-dir", cache)
            refused(result, 7, "--cache-dir")
            assert error_of(result)["error"] == "read_only"
            refused(shop.seeknal("cache", "gc", "--cache-dir", cache), 7)
    assert shop.run("--cache-dir", cache).code == 0


def test_a_read_only_store_without_the_stamp_still_serves_hits(shop: Project, tmp_path: Path) -> None:
    cache = str(tmp_path / "store")
    shop.run("--cache-dir", cache)
    os.unlink(shop.path("target", "local", "stamp"))
    with read_only(cache):
        result = shop.seeknal("run", "--json", "--cache-dir", cache)
        decent(result)
        assert result.code in (0, 7), result
        if result.code == 7:
            assert error_of(result)["error"] == "read_only"


def test_a_read_only_project_can_be_read_and_says_so_when_it_must_be_written(shop: Project) -> None:
    shop.run()
    with read_only(shop.root):
        for command in READING:
            result = shop.seeknal(*command)
            decent(result)
            assert result.code == 0, (command, result)
        assert shop.seeknal("run").code == 0
        with nothing_lost(shop):
            result = shop.seeknal("run", "--json", "--full")
            refused(result, 7)
            assert error_of(result)["error"] == "read_only"


def test_a_read_only_project_that_never_ran_can_be_planned(shop: Project) -> None:
    with read_only(shop.root):
        for command in ("plan", "list", "validate"):
            assert shop.seeknal(command).code == 0
        refused(shop.seeknal("run"), 7)


@pytest.fixture
def theirs(shop: Project) -> Iterator[Project]:
    """The shop in a folder that everybody may read and only root may write."""
    needs_root()
    folder = tempfile.mkdtemp(prefix="seeknal-theirs-")
    os.chmod(folder, 0o755)
    shutil.copytree(shop.root, f"{folder}/shop")
    try:
        yield Project(f"{folder}/shop")
    finally:
        shutil.rmtree(folder)


def _give(project: Project) -> None:
    for folder, _, files in os.walk(project.root):
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            os.lchown(path, NOBODY, NOBODY)


def test_an_unwritable_project_can_be_read_and_says_so_when_it_must_be_written(theirs: Project) -> None:
    for command in ("plan", "list", "validate"):
        result = process(theirs, command, user=NOBODY)
        decent(result)
        assert result.code == 0, (command, result)
    result = process(theirs, "run", "--json", user=NOBODY)
    refused(result, 7)
    assert error_of(result)["error"] == "permission"
    assert not os.path.exists(theirs.path("target"))


def test_an_unwritable_project_that_was_published_can_be_looked_at_by_others(theirs: Project) -> None:
    theirs.run()
    with nothing_lost(theirs):
        for command in READING:
            result = process(theirs, *command, user=NOBODY)
            decent(result)
            assert result.code == 0, (command, result)
        result = process(theirs, "run", "--json", user=NOBODY)
        assert result.code in (0, 7), result
        refused(process(theirs, "run", "--full", user=NOBODY), 7)


def test_a_store_elsewhere_that_may_be_written_does_not_help_an_unwritable_target(theirs: Project) -> None:
    folder = tempfile.mkdtemp(prefix="seeknal-store-")
    os.chown(folder, NOBODY, NOBODY)
    try:
        refused(process(theirs, "run", "--json", "--cache-dir", folder, user=NOBODY), 7)
    finally:
        shutil.rmtree(folder)


def test_a_file_that_may_not_be_read_is_told(theirs: Project) -> None:
    _give(theirs)
    process(theirs, "run", user=NOBODY)
    with nothing_lost(theirs):
        os.chmod(theirs.path("seeknal", "transforms", "clean.yml"), 0)
        refused(process(theirs, "run", "--json", user=NOBODY), 3, "seeknal/transforms/clean.yml")
        os.chmod(theirs.path("seeknal", "transforms", "clean.yml"), 0o644)
        os.chmod(theirs.path("data", "orders.csv"), 0)
        refused(process(theirs, "run", "--json", user=NOBODY), 1, "data/orders.csv")
        os.chmod(theirs.path("data", "orders.csv"), 0o644)


def test_a_folder_of_nodes_that_may_not_be_read_is_no_reason_to_forget_its_nodes(theirs: Project) -> None:
    _give(theirs)
    first = process(theirs, "run", user=NOBODY)
    assert first.code == 0, first
    os.chmod(theirs.path("seeknal", "transforms"), 0)
    with nothing_lost(theirs):
        result = process(theirs, "run", "--json", user=NOBODY)
        refused(result, 3, "seeknal/transforms")


def test_a_folder_of_data_that_may_not_be_read_is_told(theirs: Project) -> None:
    _give(theirs)
    assert process(theirs, "run", user=NOBODY).code == 0
    theirs.edit("seeknal/sources/orders.yml", "data/orders.csv", "data/o*.csv")
    os.chmod(theirs.path("data"), 0)
    with nothing_lost(theirs):
        result = process(theirs, "run", "--json", user=NOBODY)
        decent(result)
        assert result.code == 1, result


def test_a_cache_dir_that_is_a_file_or_cannot_be_made_is_told(shop: Project) -> None:
    shop.write("plain", "x")
    for cache in (shop.path("plain"), shop.path("plain", "below"), "/proc/seeknal"):
        refused(shop.seeknal("run", "--json", "--cache-dir", cache), 7)
    assert shop.read("plain") == "x"

"""One byte flipped, cut off or gone anywhere in any stored file: found on read, built again, never served."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from seeknal.store.stat import signature
from seeknal.store.statcache import StatCache
from tests.campaigns.test_crash_points import edited, shown, small
from tests.project_on_disk import Project

NOT_STORED = ("tmp", "lock", "lock.publish", "locks", "log", ".gitignore", "CACHEDIR.TAG")


def stored_files(project: Project) -> list[str]:
    """Every file under `target/` that a later command reads, relative."""
    root = project.path("target")
    found = [
        os.path.relpath(os.path.join(folder, name), root)
        for folder, _, names in os.walk(root)
        for name in names
        if not os.path.islink(os.path.join(folder, name))
    ]
    return sorted(path for path in found if path.split("/")[0] not in NOT_STORED)


def flip(path: str, at: int) -> None:
    os.chmod(path, 0o644)
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 0x41]))


def damages(path: str) -> dict[str, Any]:
    size = os.path.getsize(path)
    places = sorted({0, 1, size // 3, size // 2, size - 2, size - 1} & set(range(size)))
    found: dict[str, Any] = {f"flip {at}": (lambda at=at: flip(path, at)) for at in places}
    found["cut"] = lambda: os.truncate(path, size // 2)
    found["emptied"] = lambda: os.truncate(path, 0)
    found["gone"] = lambda: os.unlink(path)
    return found


def test_every_damage_is_mended_by_the_next_run(tmp_path: Path) -> None:
    whole = small(str(tmp_path / "whole"))
    whole.run()
    expected = shown(whole)
    tried = 0
    for name in stored_files(whole):
        for word in damages(whole.path("target", name)):
            project = Project(str(tmp_path / "p"))
            shutil.copytree(whole.root, project.root, symlinks=True)
            damages(project.path("target", name))[word]()
            result = project.run(ok=False)
            assert result.code == 0, (name, word, result)
            assert shown(project) == expected, (name, word)
            assert project.seeknal("cache", "verify").code in (0, 6), (name, word)
            assert project.seeknal("cache", "verify").code == 0, (name, word)
            assert project.run().built == set(), (name, word)
            assert shown(project) == expected, (name, word)
            shutil.rmtree(project.root)
            tried += 1
    assert tried > 100


def test_bytes_that_rot_without_a_trace_are_found_when_they_feed_a_build(tmp_path: Path) -> None:
    """The signature is made to match, as when a disk lies: only hashing the bytes can tell."""
    project = small(str(tmp_path / "p"))
    project.run()
    blob = os.path.realpath(project.view("source.orders"))
    flip(blob, os.path.getsize(blob) // 2)
    cache = project.path("target", "local", "files.json")
    text = project.read("target/local/files.json")
    old = StatCache(cache, None)._known[blob]  # type: ignore[arg-type]
    project.write("target/local/files.json", text.replace(old[0], signature(blob)))
    project.edit("seeknal/transforms/clean.yml", "amount > 0", "amount > 10")
    result = project.run()
    assert "source.orders" in result.built
    assert sorted(project.rows("transform.clean")) == [(2, "b", 20), (3, "a", 30)]


def test_two_blobs_swapped_are_both_found(tmp_path: Path) -> None:
    project = small(str(tmp_path / "p"))
    project.run()
    expected = shown(project)
    one, other = (os.path.realpath(project.view(node)) for node in ("source.orders", "feature_group.spent"))
    os.rename(one, one + ".x")
    os.rename(other, one)
    os.rename(one + ".x", other)
    project.run()
    assert shown(project) == expected


@pytest.mark.parametrize("command", ["run", "plan"])
def test_a_store_of_a_newer_version_is_refused(tmp_path: Path, command: str) -> None:
    project = small(str(tmp_path / "p"))
    project.run()
    project.write("target/seeknal-cache.json", '{"type":"seeknal/cache","version":2}\n')
    edited(project)
    result = project.seeknal(command)
    assert result.code == 7
    assert "version 2" in result.err

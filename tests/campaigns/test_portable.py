"""A cache that is moved: another path, another user, a shared folder. Everything is a hit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.campaigns.test_crash_points import shown, small


def test_a_target_packed_by_tar_hits_elsewhere(tmp_path: Path) -> None:
    here = small(str(tmp_path / "here"))
    here.run()
    with tarfile.open(tmp_path / "p.tar", "w") as archive:
        archive.add(here.root, "there")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    with tarfile.open(tmp_path / "p.tar") as archive:
        archive.extractall(tmp_path / "deep" / "er", filter="tar")
    there = small(str(tmp_path / "deep" / "er" / "there"))
    result = there.run()
    assert result.built == set()
    assert len(result.of("hit")) == 4
    assert shown(there) == shown(here)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_another_user_hits_too(tmp_path: Path) -> None:
    here = small(str(tmp_path / "here"))
    here.run()
    for folder, _, names in os.walk(here.root):
        os.chown(folder, 65534, 65534)
        for name in names:
            os.chown(os.path.join(folder, name), 65534, 65534, follow_symlinks=False)
    for above in (tmp_path, *list(tmp_path.parents)[:-1]):
        os.chmod(above, os.stat(above).st_mode | 0o055)
    shutil.rmtree(here.path("target", "local"))
    warm = small(str(tmp_path / "warm"))  # imports everything while Python's own files may still be read
    code = (
        "import os, sys; from seeknal.cli import main; main(['run', '--project-path', sys.argv[1]]); "
        "os.setgroups([]); os.setgid(65534); os.setuid(65534); sys.exit(main(['run', '--project-path', sys.argv[2]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, warm.root, here.root], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "nothing to do: 4 targets" in done.stdout


def test_a_copied_cache_directory_hits(tmp_path: Path) -> None:
    one = small(str(tmp_path / "one"))
    one.run("--cache-dir", str(tmp_path / "cache"))
    shutil.copytree(tmp_path / "cache", tmp_path / "copy", symlinks=True)
    two = small(str(tmp_path / "two"))
    assert two.run("--cache-dir", str(tmp_path / "copy")).built == set()
    assert shown(two) == shown(one)

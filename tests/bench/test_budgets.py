"""Budgets that can be counted, so that they hold on any machine: calls, imports, and one loose ratio."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench.measure import ROOT, alternately, environment, python, seeknal
from tests.bench.noop import STATS
from tests.bench.projects import Made, layered

COUNT = 300
# What a no-op may import besides what a bare interpreter has: argparse, json, blake3 and what these need.
HEAVY = frozenset(
    [
        "asyncio",
        "cattr",
        "cattrs",
        "concurrent",
        "ctypes",
        "dataclasses",
        "decimal",
        "difflib",
        "duckdb",
        "email",
        "hashlib",
        "http",
        "inspect",
        "logging",
        "multiprocessing",
        "numpy",
        "packaging",
        "pandas",
        "pathlib",
        "polars",
        "pyarrow",
        "pytz",
        "random",
        "shutil",
        "socket",
        "sqlite3",
        "ssl",
        "statistics",
        "subprocess",
        "tempfile",
        "threading",
        "tomllib",
        "typing_extensions",
        "urllib",
        "uuid",
        "xml",
        "yaml",
        "zipfile",
    ]
)
COUNTER = """
import json, os, sys
counts = {"stat": 0, "lstat": 0, "scandir": 0, "listdir": 0, "open": 0, "readlink": 0}
def counted(name):
    real = getattr(os, name)
    def call(*args, **kwargs):
        counts[name] += 1
        return real(*args, **kwargs)
    setattr(os, name, call)
before = set(sys.modules)
import posixpath, genericpath
from seeknal.cli import main
for name in ("stat", "lstat", "scandir", "listdir", "readlink"):
    counted(name)
def hook(event, args):
    if event == "open":
        counts["open"] += 1
sys.addaudithook(hook)
code = main(["run", "--quiet", "--project-path", sys.argv[1]])
print(json.dumps({"code": code, "counts": counts, "modules": sorted(set(sys.modules) - before)}))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A project that is up to date."""
    found = layered(str(tmp_path_factory.mktemp("bench") / "project"), COUNT)
    seeknal(found.root, "run")
    seeknal(found.root, "run")
    return found


def _counted(made: Made) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", COUNTER, made.root], env=environment(), capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert found["code"] == 0
    return found


def _opened_after_imports(counts: dict[str, int], modules: list[str]) -> int:
    return counts["open"] - 2 * len(modules)  # each import opens its file, and may look for one that is not there


def test_a_noop_looks_at_each_file_about_twice(made: Made) -> None:
    """The declaration, and the blob that its table is: 2 for each node, 1 more for the data of a source."""
    counts = _counted(made)["counts"]
    assert counts["stat"] + counts["lstat"] <= 2.2 * COUNT + 60, counts
    assert counts["scandir"] + counts["listdir"] <= 40, counts
    assert counts["readlink"] <= 40, counts


def test_a_noop_opens_no_file_of_a_node(made: Made) -> None:
    found = _counted(made)
    assert _opened_after_imports(found["counts"], found["modules"]) <= 20, found


def test_a_noop_imports_nothing_heavy(made: Made) -> None:
    modules = _counted(made)["modules"]
    wrong = sorted({name for name in modules if name.split(".")[0] in HEAVY})
    assert not wrong, wrong
    own = [name for name in modules if name.startswith("seeknal")]
    assert len(own) <= 12, own
    assert len(modules) <= 80, modules


@pytest.mark.alone
def test_a_noop_of_300_nodes_is_near_its_floor(made: Made) -> None:
    """The floor is an interpreter that looks at the same files; three times that is a flaw, not a slow machine."""
    found = alternately(5, floor=lambda: python(STATS, made.root), noop=lambda: seeknal(made.root, "run"))
    assert found["noop"].least("cpu") < 3 * found["floor"].least("cpu"), {
        name: costs.cells() for name, costs in found.items()
    }


def test_a_noop_changes_nothing_on_disk(made: Made) -> None:
    def state() -> dict[str, tuple[int, int]]:
        found = {}
        for folder, _, names in os.walk(made.root):
            for name in names:
                s = os.lstat(os.path.join(folder, name))
                found[os.path.join(folder, name)] = (s.st_mtime_ns, s.st_ino)
        return found

    before = state()
    seeknal(made.root, "run")
    assert state() == before


def test_the_package_that_is_measured_is_this_one() -> None:
    assert (Path(ROOT) / "seeknal" / "cli" / "__init__.py").exists()

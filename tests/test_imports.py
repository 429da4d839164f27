"""A run that has nothing to do imports next to nothing: that is what makes it instant."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.project_on_disk import Project

HEAVY = (
    "duckdb", "pyarrow", "polars", "numpy", "pandas", "yaml", "cattrs", "attrs", "attr", "packaging", "dataclasses",
    "inspect", "asyncio", "logging", "subprocess", "concurrent.futures", "multiprocessing", "pathlib", "typing_extensions",
    "seeknal.project", "seeknal.engines", "seeknal.kinds", "seeknal.connectors", "seeknal.build.run", "seeknal.model.plan",
)  # fmt: skip

# What the interpreter loads by itself (an editable installation brings `pathlib`) is not the command's doing.
CODE = """
import sys
before = set(sys.modules)
from seeknal.cli import main
code = main(sys.argv[1:])
after = set(sys.modules) - before
import json
print(json.dumps([code, sorted(after)]))
"""


def modules(project: Project, *options: str) -> tuple[str, set[str]]:
    """What a run printed, and all modules that its process had at the end."""
    words = [sys.executable, "-I", "-c", CODE, "run", *options, "--project-path", project.root]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    *said, last = done.stdout.splitlines()
    code, names = json.loads(last)
    assert code == 0, done.stderr
    return "\n".join(said), set(names)


def test_a_run_with_nothing_to_do_imports_nothing_heavy(shop: Project) -> None:
    modules(shop)
    modules(shop)
    said, names = modules(shop)
    assert said.startswith("nothing to do: 5 targets are up to date")
    assert sorted(names.intersection(HEAVY)) == []


@pytest.mark.parametrize("options", [("--json",), ("--quiet",)])
def test_so_does_one_that_speaks_otherwise(shop: Project, options: tuple[str, ...]) -> None:
    modules(shop)
    _, names = modules(shop, *options)
    assert sorted(names.intersection(HEAVY)) == []


def test_a_run_with_something_to_do_may_import_what_it_needs(shop: Project) -> None:
    _, names = modules(shop)
    assert "duckdb" in names
    assert names.isdisjoint(("pyarrow", "polars", "pandas"))


def test_the_command_that_asks_for_help_imports_no_engine() -> None:
    code = "import sys\nfrom seeknal.cli import build_parser\nbuild_parser()\nprint(' '.join(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert set(done.stdout.split()).isdisjoint(("duckdb", "pyarrow", "polars", "yaml", "cattrs"))

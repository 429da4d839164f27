"""The repl starts at once, however many tables there are: they are attached when they are first named."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.bench.measure import alternately, environment, python, seeknal
from tests.bench.projects import layered

CODE = """
import sys
from seeknal.cli import main
code = main(["repl", "-e", "SELECT count(*) AS n FROM transform_t00050", "--project-path", sys.argv[1]])
print(" ".join(sorted(name for name in sys.modules if "." not in name)))
sys.exit(code)
"""


@pytest.mark.alone
def test_it_starts_in_under_half_a_second_on_1000_nodes(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = layered(str(tmp_path_factory.mktemp("many") / "p"), 1000).root
    seeknal(root, "run")
    question = ["repl", "-e", "SELECT count(*) FROM transform_t00500"]
    found = alternately(
        5, bare=lambda: python("import duckdb; duckdb.connect()"), repl=lambda: seeknal(root, *question)
    )
    cost = found["repl"].least("cpu")
    assert cost < 500, {name: costs.cells() for name, costs in found.items()}


def test_one_answer_imports_nothing_that_it_does_not_need(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = layered(str(tmp_path_factory.mktemp("few") / "p"), 60).root
    seeknal(root, "run")
    done = subprocess.run(
        [sys.executable, "-c", CODE, root], capture_output=True, text=True, check=True, env=environment()
    )
    modules = set(done.stdout.splitlines()[-1].split())
    assert not modules & {"prompt_toolkit", "pyarrow", "polars", "pandas", "yaml", "cattrs"}

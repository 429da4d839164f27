"""Runs that are killed at each step of writing to a table outside: it holds the rows of before or those of after, never a
mix, and the next run makes it right and writes nothing twice."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.connections.conftest import Database
from tests.project_on_disk import Project

ROWS = 2000

# A run that kills itself before or after its Nth word with the server.
MORTAL = """
import os, signal, sys
from seeknal.cli import main
from seeknal.drivers.postgresql import PostgreSQL

left, when = int(sys.argv[1]), sys.argv[2]

def mortal(real):
    def step(self, *words):
        global left
        left -= 1
        if left == 0 and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = real(self, *words)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer
    return step

for name in ("execute", "ask", "stage"):
    setattr(PostgreSQL, name, mortal(getattr(PostgreSQL, name)))
sys.exit(main(["run", "--project-path", sys.argv[3]]))
"""


def killed(project: Project, step: int, when: str) -> bool:
    """Whether a run came to that step, and died of it."""
    words = [sys.executable, "-P", "-c", MORTAL, str(step), when, project.root]
    done = subprocess.run(words, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


def versions(database: Database) -> dict[int, int]:
    """Which versions of the rows the table has: how many of each."""
    rows = database.server.rows("SELECT v, count(*) FROM big GROUP BY v ORDER BY v", database.name)
    return {int(version): int(count) for version, count in rows}


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["full", "upsert_by_key, unique_keys: [id]", "append"])
def test_a_kill_at_every_step(project: Project, postgresql: Database, mode: str) -> None:
    table = f"materializations: [{{type: postgresql, connection: shop, table: public.big, mode: {mode}}}]\n"
    project.source("version", "v\n0\n", {"v": "BIGINT"})
    project.transform(
        "big", f"SELECT i AS id, v FROM ref('source.version'), range({ROWS}) t(i)", ("source.version",), table
    )
    project.run()
    expected, kills, committed, number = {0: ROWS}, 0, 0, 0
    for when in ("before", "after"):
        step, died = 0, True
        while died:
            step, number = step + 1, number + 1
            project.write("data/version.csv", f"v\n{number}\n")
            died = killed(project, step, when)
            after = {**(expected if mode == "append" else {}), number: ROWS}
            found = versions(postgresql)
            assert found in (expected, after), (when, step)
            result = project.run()
            notes = [n for e in result.of("built") if e["target"].startswith("materialization.") for n in e["notes"]]
            assert found == expected or notes in ([], ["it was there already (public.big)"]), (when, step)
            assert versions(postgresql) == after
            kills, committed, expected = kills + died, committed + (found == after and died), after
    assert kills > 20
    assert committed > 0

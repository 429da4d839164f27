"""Nothing to do at 1,000 and 10,000 nodes, with and without compiled files, against a bare interpreter and the bare stats."""

from __future__ import annotations

import os

from tests.bench.measure import COLUMNS, Cost, Table, alternately, python, seeknal, without_pyc, workplace
from tests.bench.projects import layered

STATS = """
import os, sys
def walk(folder):
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            walk(entry.path)
        else:
            os.stat(entry.path)
for name in ("seeknal", "data"):
    walk(os.path.join(sys.argv[1], name))
"""


def bench(runs: int, *, quick: bool = False) -> Table:
    """Both sizes."""
    table = Table("no-op", ["nodes", "what", *COLUMNS])
    with workplace() as folder:
        package, plain = without_pyc(folder)
        for count in (100, 1000) if quick else (1000, 10_000):
            made = layered(os.path.join(folder, f"p{count}"), count)
            seeknal(made.root, "run")
            _settle(made.root)

            def noop(root: str = made.root) -> Cost:
                return seeknal(root, "run")

            def cold(root: str = made.root) -> Cost:
                return seeknal(root, "run", package=package, more=plain)

            def stats(root: str = made.root) -> Cost:
                return python(STATS, root)

            found = alternately(runs, bare=lambda: python("pass"), stats=stats, noop=noop, cold=cold)
            table.add(str(count), "python -c pass", *found["bare"].cells())
            table.add("", "scandir + stat", *found["stats"].cells(found["bare"]))
            table.add("", "no-op, with .pyc", *found["noop"].cells(found["stats"]))
            table.add("", "no-op, no .pyc", *found["cold"].cells(found["stats"]))
    table.notes.append(
        "ratio: CPU to the line `scandir + stat` (that line: to `python -c pass`); budgets 60 and 200 ms"
    )
    return table


def _settle(root: str) -> None:
    """The run after a build writes the stamp where a file was too fresh to be trusted."""
    seeknal(root, "run")

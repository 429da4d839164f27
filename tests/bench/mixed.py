"""The corner shop: every kind of node once, Python, polars and a trained model too. A first run, and one with nothing to do."""

from __future__ import annotations

import os
import shutil

from tests.bench.measure import COLUMNS, ROOT, Cost, Table, alternately, put_aside, python, seeknal, workplace

FIXTURE = os.path.join(ROOT, "fixtures", "corner_shop")


def bench(runs: int, *, quick: bool = False) -> Table:
    """One project; `quick` has one run of each."""
    table = Table("mixed: the corner shop", ["what", *COLUMNS])
    with workplace() as folder:
        root = shutil.copytree(
            FIXTURE, os.path.join(folder, "shop"), ignore=shutil.ignore_patterns("target", "out", "__pycache__")
        )

        def first() -> Cost:
            for name in ("target", "out"):
                put_aside(os.path.join(root, name))
            return seeknal(root, "run", "--quiet")

        def settle() -> Cost:  # the run after a build writes the stamp where a file was too fresh to be trusted
            return seeknal(root, "run")

        def noop() -> Cost:
            return seeknal(root, "run")

        found = alternately(1 if quick else runs, bare=lambda: python("pass"), first=first, settle=settle, noop=noop)
    table.add("python -c pass", *found["bare"].cells())
    table.add("first run", *found["first"].cells())
    table.add("no-op", *found["noop"].cells(found["bare"]))
    table.notes.append("budgets: first run 3,000 ms of wall, no-op 60 ms of CPU; ratio: CPU to `python -c pass`")
    return table

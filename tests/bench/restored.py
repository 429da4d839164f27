"""A cache that was packed, moved and unpacked elsewhere: every node is a hit, and how long the first run takes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

from tests.bench.measure import COLUMNS, Cost, Table, alternately, environment, seeknal, workplace
from tests.bench.projects import layered


def bench(runs: int, *, quick: bool = False) -> Table:
    """1,000 nodes."""
    count = 100 if quick else 1000
    table = Table(f"a restored cache, {count} nodes", ["what", *COLUMNS])
    hits: list[int] = []
    with workplace() as folder:
        made = layered(os.path.join(folder, "project"), count)
        built = seeknal(made.root, "run")
        shutil.rmtree(os.path.join(made.root, "target", "local"), ignore_errors=True)
        archive = os.path.join(folder, "cache.tar")
        subprocess.run(["tar", "--posix", "-cf", archive, "-C", made.root, "target"], check=True)
        elsewhere = os.path.join(folder, "another", "place")
        ignore = shutil.ignore_patterns("target")
        shutil.copytree(made.root, elsewhere, ignore=ignore)

        def restore() -> None:
            shutil.rmtree(os.path.join(elsewhere, "target"), ignore_errors=True)
            subprocess.run(["tar", "-xf", archive, "-C", elsewhere], check=True)

        def first() -> Cost:
            restore()
            return seeknal(elsewhere, "run")

        restore()
        words = [sys.executable, "-m", "seeknal", "run", "--json", "--project-path", elsewhere]
        done = subprocess.run(words, env=environment(), capture_output=True, text=True, check=True)
        last = json.loads(done.stdout.splitlines()[-1])
        hits.append(count - last["built"])
        found = alternately(runs, first=first, noop=lambda: seeknal(elsewhere, "run"))
    table.add("full build (once)", f"{built.wall:.0f}", f"{built.cpu:.0f}", f"{built.peak:.0f}", "")
    table.add("first run after the restore", *found["first"].cells(found["noop"]))
    table.add("no-op", *found["noop"].cells())
    table.notes.append(f"hits: {hits[0]} of {count} ({100 * hits[0] / count:.1f} %); budget 100 %")
    return table

"""Two workers against one, on independent nodes of a third of a second each."""

from __future__ import annotations

import os

from tests.bench.measure import COLUMNS, Cost, Table, alternately, put_aside, seeknal, workplace
from tests.bench.projects import write


def bench(runs: int, *, quick: bool = False) -> Table:
    """24 nodes."""
    nodes, rows = (6, 5_000_000) if quick else (24, 15_000_000)
    table = Table(f"{nodes} independent nodes, one worker and two", ["what", *COLUMNS])
    with workplace() as folder:
        root = os.path.join(folder, "project")
        write(root, "seeknal_project.yml", "name: workers\n")
        for i in range(nodes):
            sql = f"SELECT hash(i + {i}) % 1000 AS k, count(*) AS n, sum(sqrt(i) * ln(i + 1)) AS s FROM range({rows}) r(i) GROUP BY k"
            write(root, f"seeknal/transforms/n{i}.yml", f"kind: transform\nname: n{i}\ntransform: |\n  {sql}\n")

        def run(*words: str) -> Cost:
            put_aside(os.path.join(root, "target"))
            return seeknal(root, "run", *words)

        found = alternately(
            min(runs, 5),
            serial=run,
            one=lambda: run("--parallel", "--max-workers", "1"),
            two=lambda: run("--parallel", "--max-workers", "2"),
        )
    table.add("without --parallel", *found["serial"].cells(found["one"], "wall"))
    table.add("one worker", *found["one"].cells())
    table.add("two workers", *found["two"].cells(found["one"], "wall"))
    speed = found["one"].median("wall") / found["two"].median("wall")
    table.notes.append(f"two workers are {speed:.2f}x one on {os.cpu_count()} cores; budget 1.7x on two")
    return table

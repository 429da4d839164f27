"""Fifty nodes with 3,650 days each: a run with nothing to do, the same without its stamp, and one late row."""

from __future__ import annotations

import os
from datetime import date, timedelta

from tests.bench.measure import COLUMNS, Cost, Table, alternately, seeknal, workplace
from tests.bench.projects import write

FIRST = date(2014, 1, 1)
SOURCE = """kind: source
name: raw
source: csv
table: data/raw.csv
schema: {day: DATE, v: BIGINT}
interval: {unit: day, column: day}
"""
NODE = """kind: transform
name: t{n}
interval: {{unit: day, column: day}}
inputs: [{{ref: {up}}}]
transform: SELECT day, v + {n} AS v FROM ref('{up}')
"""


def _project(root: str, nodes: int, days: int) -> str:
    """Ten chains of nodes over one source with a row for each day."""
    write(root, "seeknal_project.yml", "name: planning\n")
    write(root, "seeknal/raw.yml", SOURCE)
    rows = "".join(f"{FIRST + timedelta(i)},{i}\n" for i in range(days))
    write(root, "data/raw.csv", f"day,v\n{rows}")
    for n in range(nodes):
        write(root, f"seeknal/t{n}.yml", NODE.format(n=n, up="source.raw" if n % 5 == 0 else f"transform.t{n - 1}"))
    return os.path.join(root, "data", "raw.csv")


def bench(runs: int, *, quick: bool = False) -> Table:
    """The first build takes a quarter of an hour."""
    nodes, days = (5, 365) if quick else (50, 3650)
    table = Table(f"planning {nodes} nodes with {days:,} intervals each", ["what", *COLUMNS])
    with workplace() as folder:
        root = os.path.join(folder, "project")
        path = _project(root, nodes, days)
        words = ("run", "--date", (FIRST + timedelta(days)).isoformat())
        first = seeknal(root, *words)
        seeknal(root, *words)

        def unstamped() -> Cost:
            os.unlink(os.path.join(root, "target", "local", "stamp"))
            return seeknal(root, *words)

        def late() -> Cost:
            with open(path, "a", encoding="utf-8") as file:
                file.write(f"{FIRST + timedelta(days // 2)},{os.path.getsize(path)}\n")
            return seeknal(root, *words)

        found = alternately(min(runs, 3), noop=lambda: seeknal(root, *words), late=late, unstamped=unstamped)
    table.add("first build", f"{first.wall:.0f}", f"{first.cpu:.0f}", f"{first.peak:.0f}")
    for name, costs in found.items():
        table.add(name, *costs.cells())
    table.notes.append(
        f"first build: {first.wall / nodes / days:.1f} ms for each interval; budget of the no-op: 1,500 ms"
    )
    return table

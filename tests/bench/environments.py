"""Making, promoting, rolling back and deleting an environment over a large store: time, and what is written to disk."""

from __future__ import annotations

import os
import time

from tests.bench.measure import Cost, Costs, Table, seeknal, workplace
from tests.bench.projects import write


def bench(runs: int, *, quick: bool = False) -> Table:
    """1,000 nodes of 10 MiB each that nothing can pack."""
    count, rows = (50, 130_000) if quick else (1000, 1_300_000)
    table = Table(f"environments over {count} nodes", ["what", "wall ms (min)", "CPU ms", "peak MiB", "MiB written"])
    with workplace() as root:
        _project(root, count, rows)
        built = seeknal(root, "run")
        size = sum(
            os.stat(os.path.join(at, name)).st_size for at, _, names in os.walk(f"{root}/target/cas") for name in names
        )
        found: dict[str, Costs] = {}
        for turn in range(runs):
            for what, cost in _turn(root, turn):
                found.setdefault(what, Costs()).runs.append(cost)
    for what, costs in found.items():
        row = [f"{costs.median('wall'):.0f} ({costs.least('wall'):.0f})", f"{costs.median('cpu'):.0f}"]
        table.add(what, *row, f"{costs.median('peak'):.0f}", f"{costs.median('written'):.1f}")
    table.notes.append(f"the store holds {size / 1024**3:.1f} GiB, built once in {built.wall / 1000:.0f} s")
    return table


def _project(root: str, count: int, rows: int) -> None:
    write(root, "seeknal_project.yml", "name: bench\n")
    for i in range(count):
        sql = f"SELECT hash(i + {i * rows}) AS h FROM range({rows}) t(i) ORDER BY i"
        write(root, f"seeknal/transforms/t{i:04}.yml", f"kind: transform\nname: t{i:04}\ntransform: |\n  {sql}\n")


def _turn(root: str, turn: int) -> list[tuple[str, Cost]]:
    edited = f"SELECT {turn} AS h"
    seeknal(root, "run")
    steps = [
        ("first `run --env dev`", ("run", "--env", "dev")),
        ("`run --env dev`, nothing to do", ("run", "--env", "dev")),
    ]
    done = [(what, seeknal(root, *words)) for what, words in steps]
    path = os.path.join(root, "seeknal/transforms/t0000.yml")
    with open(path, encoding="utf-8") as file:
        before = file.read()
    write(root, "seeknal/transforms/t0000.yml", f"kind: transform\nname: t0000\ntransform: |\n  {edited}\n")
    time.sleep(0.05)
    for what, words in (
        ("`run --env dev` after one edit", ("run", "--env", "dev")),
        ("`env promote dev`", ("env", "promote", "dev")),
        ("`run` after that", ("run",)),
        ("`rollback`", ("rollback",)),
        ("`env list`", ("env", "list")),
        ("`env delete dev`", ("env", "delete", "dev")),
    ):
        done.append((what, seeknal(root, *words)))
    write(root, "seeknal/transforms/t0000.yml", before)
    return done

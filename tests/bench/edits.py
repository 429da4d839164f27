"""One edit at a leaf, one at a root, and a whole plan without the stamp."""

from __future__ import annotations

import os
from collections.abc import Callable

from tests.bench.measure import COLUMNS, Cost, Table, alternately, python, seeknal, workplace
from tests.bench.projects import Made, edit, layered


class _Toggle:
    """An edit that gives another text each time."""

    def __init__(self, path: str, text: str, render: str) -> None:
        self._path, self._now, self._render, self._count = path, text, render, 0

    def __call__(self) -> None:
        self._count += 1
        fresh = self._render.format(self._count)
        edit(self._path, self._now, fresh)
        self._now = fresh


def _after(change: _Toggle, root: str) -> Callable[[], Cost]:
    def run() -> Cost:
        change()
        return seeknal(root, "run")

    return run


def _yml(made: Made, node: str) -> str:
    name = node.split(".")[1]
    return os.path.join(made.root, "seeknal", "transforms", f"{int(name[1:]) // 1000:02}", f"{name}.yml")


def bench(runs: int, *, quick: bool = False) -> Table:
    """At 1,000 nodes; the plan at 10,000 too."""
    table = Table("edits and plans", ["nodes", "what", *COLUMNS])
    sizes = (100,) if quick else (1000, 10_000)
    with workplace() as folder:
        for count in sizes:
            made = layered(os.path.join(folder, f"p{count}"), count)
            seeknal(made.root, "run")
            seeknal(made.root, "run")
            stamp = os.path.join(made.root, "target", "local", "stamp")

            def plan(root: str = made.root, path: str = stamp) -> Cost:
                if os.path.exists(path):
                    os.unlink(path)
                return seeknal(root, "run")

            def noop(root: str = made.root) -> Cost:
                return seeknal(root, "run")

            commands: dict[str, Callable[[], Cost]] = {"bare": lambda: python("pass"), "noop": noop, "plan": plan}
            if count == sizes[0]:
                used = {ref for _, inputs in made.queries.values() for ref in inputs}
                leaf = next(name for name in reversed(made.queries) if name not in used)
                sql = made.queries[leaf][0]
                change = _Toggle(_yml(made, leaf), sql, f"SELECT *, {{}} AS extra FROM ({sql})")
                csv = os.path.join(made.root, "data", "s00000.csv")
                with open(csv, encoding="utf-8") as file:
                    row = file.read().splitlines()[1]
                touch = _Toggle(csv, f"\n{row}\n", "\n0,a,{}\n")

                commands |= {"leaf": _after(change, made.root), "root": _after(touch, made.root)}
            found = alternately(runs, **commands)
            titles = {
                "bare": "python -c pass",
                "noop": "no-op",
                "plan": "whole plan, no stamp",
                "leaf": "a leaf edited",
                "root": "a root's row edited",
            }
            for name, costs in found.items():
                table.add(str(count), titles[name], *costs.cells(found["noop"]))
    table.notes.append("ratio: CPU to the no-op")
    return table

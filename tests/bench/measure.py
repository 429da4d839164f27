"""Processes measured from outside: wall time, CPU of the child alone (`wait4`), peak memory; and tables of such figures."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Cost(NamedTuple):
    """What one process cost: milliseconds of wall and CPU (its children included), MiB at its peak, MiB it wrote to disk."""

    wall: float
    cpu: float
    peak: float
    written: float = 0.0


@dataclass(slots=True)
class Costs:
    """Several runs of one thing."""

    runs: list[Cost] = field(default_factory=list)

    def median(self, what: str) -> float:
        """The middle one."""
        return float(median(getattr(run, what) for run in self.runs))

    def least(self, what: str) -> float:
        """The best one."""
        return float(min(getattr(run, what) for run in self.runs))

    def cells(self, floor: Costs | None = None, what: str = "cpu") -> list[str]:
        """Median and least of wall and CPU, peak, and the ratio of medians to a floor."""
        ratio = f"{self.median(what) / max(floor.median(what), 0.01):.2f}x" if floor else ""
        figures = [f"{self.median(w):.0f} ({self.least(w):.0f})" for w in ("wall", "cpu")]
        return [*figures, f"{self.median('peak'):.0f}", ratio]


COLUMNS = ["wall ms (min)", "CPU ms (min)", "peak MiB", "ratio"]


@dataclass(slots=True)
class Table:
    """Rows for a person, notes beneath."""

    title: str
    head: list[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, *cells: str) -> None:
        """One more row."""
        self.rows.append([*cells])

    def text(self) -> str:
        """Aligned."""
        rows = [self.head, *self.rows]
        widths = [max(len(row[i]) if i < len(row) else 0 for row in rows) for i in range(len(self.head))]
        lines = ["  ".join(cell.ljust(widths[i]) for i, cell in enumerate(row)).rstrip() for row in rows]
        return "\n".join([f"== {self.title}", *lines, *self.notes])


def environment(package: str = ROOT, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a measured command: the package from this folder, nothing of ours besides."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SEEKNAL"))}
    return {**kept, "PYTHONPATH": package, **(more or {})}


def cost(words: Sequence[str], env: Mapping[str, str] | None = None, cwd: str | None = None) -> Cost:
    """Run a command to its end. Fails loudly when it fails."""
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        child = subprocess.Popen(
            [*words],
            stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=dict(env or environment()), cwd=cwd,
        )  # fmt: skip
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            said.seek(0)
            raise RuntimeError(f"{' '.join(words)[:200]}: exit {child.returncode}: {said.read()[-2000:]!r}")
    return Cost(wall * 1000, (used.ru_utime + used.ru_stime) * 1000, used.ru_maxrss / 1024, used.ru_oublock / 2048)


def alternately(runs: int, **commands: Callable[[], Cost]) -> dict[str, Costs]:
    """Each command `runs` times, in turns, so that a slow minute hits all of them alike; one turn before for warmth."""
    found = {name: Costs() for name in commands}
    for turn in range(runs + 1):
        for name, run in commands.items():
            spent = run()
            if turn:
                found[name].runs.append(spent)
    return found


def seeknal(project: str, *words: str, package: str = ROOT, more: Mapping[str, str] | None = None) -> Cost:
    """`seeknal ...` in a process of its own."""
    command = [sys.executable, "-m", "seeknal", *words, "--project-path", project]
    return cost(command, environment(package, more), cwd=project)


def python(script: str, *words: str, more: Mapping[str, str] | None = None) -> Cost:
    """A script in a process of its own."""
    return cost([sys.executable, "-c", script, *words], environment(more=more))


@contextmanager
def workplace() -> Iterator[str]:
    """A folder on a real disk, gone afterwards. SEEKNAL_BENCH_DIR says where (default: the temporary folder)."""
    folder = tempfile.mkdtemp(prefix="seeknal-bench-", dir=os.environ.get("SEEKNAL_BENCH_DIR"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put_aside(path: str) -> None:
    """Clear `path` by a rename; the workplace is removed at the end.

    ext4 does not use the inodes of deleted files again for a minute, and looks at each of them whenever it needs a new
    one: thousands of files that are deleted just before make every new file cost up to a millisecond more.
    """
    if os.path.exists(path):
        os.rename(path, tempfile.mkdtemp(prefix="old-", dir=os.path.dirname(os.path.dirname(path))))


def without_pyc(folder: str) -> tuple[str, dict[str, str]]:
    """A copy of the package that has no compiled files, and the environment that keeps it so."""
    copy = os.path.join(folder, "plain-package")
    if not os.path.isdir(copy):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(os.path.join(ROOT, "seeknal"), os.path.join(copy, "seeknal"), ignore=ignore)
    return copy, {"PYTHONDONTWRITEBYTECODE": "1"}

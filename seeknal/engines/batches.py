"""Neighbouring intervals of one source, read with one question and then handed out: a table without an index on its time is
not read from end to end for every day of a year.

Decides how many intervals are asked for at once. Their rows lie in a scratch file meanwhile, never in memory.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from typing import NamedTuple

from seeknal.drivers import Window
from seeknal.model.lowering import literal, path_literal, quoted
from seeknal.model.node import Node

# How many intervals are asked for at first; four times as many when so few rows came of it: each interval looks through the
# rows of its batch, and with many that takes longer than asking again.
_FIRST, _FEW_ROWS = 32, 500_000


class _Batch(NamedTuple):
    """Rows of several intervals, and those whose rows were not handed out yet."""

    path: str
    left: set[tuple[str, str]]


class Batches:
    """The batches of a session, one for each source at a time."""

    def __init__(self, scratch: str) -> None:
        self._scratch = scratch
        self._names = count()
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._wanted: dict[str, list[tuple[str, str]]] = {}
        self._ready: dict[str, list[_Batch]] = {}
        self._size: dict[str, int] = {}

    def expect(self, node: Node, intervals: Sequence[tuple[str, str]]) -> None:
        """What is going to be asked for."""
        with self._lock:
            self._wanted[node.id] = sorted(intervals)
            self._locks.setdefault(node.id, threading.Lock())

    def rows_of(self, node: Node, window: Window, read: Callable[[Window, str], tuple[str, int]]) -> str | None:
        """DuckDB's query for the rows of an interval, whose batch is read first where it was not; None where the interval
        has no neighbours. `read` writes the rows of a window to a file, and tells the type of the time in it, and how many they are."""
        interval = (window.start, window.end)
        with self._locks.get(node.id, self._lock):
            batch = next((batch for batch in self._ready.get(node.id, ()) if interval in batch.left), None)
            batch = batch or self._next(node, window, read)
            if batch is None:
                return None
            batch.left.discard(interval)
        time = f"CAST({quoted(window.column)} AS TIMESTAMP)"
        start, end = (literal(bound.removesuffix("Z").replace("T", " ")) for bound in interval)
        return f"FROM read_parquet({path_literal(batch.path)}) WHERE {time} >= TIMESTAMP {start} AND {time} < TIMESTAMP {end}"

    def _next(self, node: Node, window: Window, read: Callable[[Window, str], tuple[str, int]]) -> _Batch | None:
        intervals = self._neighbours(node, (window.start, window.end))
        if len(intervals) < 2 or not _plain_time(node, window.column):
            return None
        self._drop(node.id)
        path = os.path.join(self._scratch, f"batch-{os.getpid()}-{next(self._names)}")
        batch = _Batch(path, set(intervals))
        try:
            type_, rows = read(Window(window.column, intervals[0][0], intervals[-1][1]), path)
        except BaseException:
            _remove(path)
            raise
        if not type_.startswith(("DATE", "TIMESTAMP")):  # what a text means as a time, the other side may see otherwise
            self._wanted.pop(node.id)
            _remove(path)
            return None
        self._ready.setdefault(node.id, []).append(batch)
        self._size[node.id] = len(intervals) * (4 if rows < _FEW_ROWS else 1)
        return batch

    def _neighbours(self, node: Node, interval: tuple[str, str]) -> list[tuple[str, str]]:
        """The interval, and those that follow it without a gap."""
        found, most = [interval], max(self._size.get(node.id, 0), _FIRST)
        for one in self._wanted.get(node.id, ()):
            if one[0] == found[-1][1] and len(found) < most:
                found.append(one)
        return found

    def _drop(self, name: str) -> None:
        """Remove batches that were handed out."""
        done = [batch for batch in self._ready.get(name, ()) if not batch.left]
        self._ready[name] = [batch for batch in self._ready.get(name, ()) if batch.left]
        for batch in done:
            _remove(batch.path)

    def close(self) -> None:
        """Remove all that is left."""
        for batch in [batch for batches in [*self._ready.values()] for batch in batches]:
            _remove(batch.path)


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)


def _plain_time(node: Node, column: str) -> bool:
    """Whether DuckDB sees the times that the other side sees: a declared type may be a coarser one."""
    return all(name.lower() != column.lower() for name in node.recipe.definition["types"])

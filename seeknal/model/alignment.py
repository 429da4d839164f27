"""Which rows of two files lie side by side, when rows were added or removed in between.

Decides it by anchors: places before and after of rows that can be told apart. Between two anchors that are as far from each
other in both files, rows are compared at their places; what lies between others is left over. A wrong guess costs time, not
truth: rows are compared whatever is guessed here. Pure.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

Anchor = tuple[int, int]


class Stretch(NamedTuple):
    """Rows that may lie side by side: where they begin before and after, and how many there are."""

    old: int
    new: int
    rows: int


class Alignment(NamedTuple):
    """The stretches, and the places before and after that lie in none."""

    stretches: tuple[Stretch, ...]
    old: tuple[range, ...] = ()
    new: tuple[range, ...] = ()

    @property
    def left(self) -> int:
        """How many rows lie in no stretch."""
        return sum(map(len, (*self.old, *self.new)))


def side_by_side(rows: int) -> Alignment:
    """The alignment of two files with as many rows whose rows did not move."""
    return Alignment((Stretch(0, 0, rows),))


def align(anchors: Sequence[Anchor], old_rows: int, new_rows: int) -> Alignment | None:
    """The alignment that the anchors (in the order of the old places) suggest; None when the rows are in another order."""
    chain = in_both_orders(anchors)
    if 2 * len(chain) < len(anchors) or not chain:
        return None
    stretches: list[Stretch] = []
    gaps: tuple[list[range], list[range]] = ([], [])
    for (p, q), (p2, q2) in pairwise([(-1, -1), *chain, (old_rows, new_rows)]):
        if p2 - p == q2 - q:
            _add(stretches, Stretch(p + 1, q + 1, p2 - p), old_rows)
            continue
        gaps[0].append(range(p + 1, p2))
        gaps[1].append(range(q + 1, q2))
        if p2 < old_rows:  # the anchor itself
            _add(stretches, Stretch(p2, q2, 1), old_rows)
    return Alignment(tuple(stretches), *map(tuple, gaps))


def _add(stretches: list[Stretch], more: Stretch, end: int) -> None:
    """One more stretch, up to the anchor at its end, as part of the last one where it goes on from there."""
    more = more._replace(rows=min(more.rows, end - more.old))
    last = stretches[-1] if stretches else None
    if last and (last.old + last.rows, last.new + last.rows) == (more.old, more.new):
        stretches[-1] = last._replace(rows=last.rows + more.rows)
    elif more.rows:
        stretches.append(more)


def in_both_orders(anchors: Sequence[Anchor]) -> list[Anchor]:
    """The most anchors that are in order in both files."""
    least: list[int] = []  # the least last place after of a chain of each length, and which anchor that is
    ends: list[int] = []
    before: list[int] = []
    for i, (_, q) in enumerate(anchors):
        length = bisect_left(least, q)
        before.append(ends[length - 1] if length else -1)
        least[length : length + 1] = [q]
        ends[length : length + 1] = [i]
    chain: list[Anchor] = []
    at = ends[-1] if ends else -1
    while at >= 0:
        chain.append(anchors[at])
        at = before[at]
    return chain[::-1]

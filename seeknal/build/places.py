"""Comparing two files row by row at the same places: what is equal there is done with, for certain.

Decides how a file is cut so that all cores read it. What the places that differ mean is `build/rowdiff.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from seeknal.build.session import Session
from seeknal.model import diffsql as sql
from seeknal.model.alignment import Alignment, Stretch, align
from seeknal.model.diffsql import Side

T = TypeVar("T")

# So many anchors are looked for, so many are enough, in so many columns.
_ANCHORS, _ENOUGH, _TRIES = 10_000, 500, 3
# So many rows are looked at, at so many places, to see whether rows lie side by side.
_PROBE, _PROBES = 2_048, 5

# So many rows are compared in one query: four row groups as DuckDB writes them.
_STRIDE = 4 * 122_880
# Of more rows that differ, places are not noted one by one.
MANY = 100_000
# Tables of fewer rows are joined as they are.
SMALL = 50_000

# The place of a row before and after; None beside the end of a shorter file.
Place = tuple[int | None, int | None]


class Counts(NamedTuple):
    """How many rows differ at their places, in how many each column, and some of the first places."""

    rows: int
    values: tuple[int, ...]
    some: tuple[tuple[int, int], ...]


def cursor(session: Session, rows: int) -> Any:
    """A cursor for a query over so many rows: of few, one thread is quicker than several that wait for each other."""
    return session.brief() if rows < SMALL else session.own()


def places(session: Session, old: Side, new: Side, which: Sequence[int], run: Sequence[Stretch]) -> list[Place] | None:
    """The places where rows differ in the columns `which`; None when there are too many to note."""
    found: list[Place] = []

    def ask(stretch: Stretch) -> list[Place]:
        if len(found) > MANY:
            return []
        query = sql.noted(sql.at_places(old, new, which, stretch))
        some: list[Place] = cursor(session, stretch.rows).execute(query).fetchmany(MANY + 1)
        return some

    for some in _side_by_side(session, ask, _cut(run)):
        found += some
    return found if len(found) <= MANY else None


def count(session: Session, old: Side, new: Side, which: Sequence[int], run: Sequence[Stretch], sample: int) -> Counts:
    """Count where rows differ in the columns `which`."""

    def ask(stretch: Stretch) -> Counts:
        query = sql.counted(sql.at_places(old, new, which, stretch), len(which), sample)
        row = cursor(session, stretch.rows).execute(query).fetchone()
        return Counts(row[0], tuple(row[2:]), tuple((place["p"], place["q"]) for place in row[1] or ()))

    told = _side_by_side(session, ask, _cut(run))
    some = sorted(place for one in told for place in one.some)[:sample]
    return Counts(
        sum(one.rows for one in told), tuple(map(sum, zip(*(one.values for one in told), strict=True))), tuple(some)
    )


def _cut(run: Sequence[Stretch]) -> list[Stretch]:
    return [
        Stretch(one.old + by, one.new + by, min(_STRIDE, one.rows - by))
        for one in run
        for by in range(0, one.rows, _STRIDE)
    ]


def _side_by_side(session: Session, ask: Callable[[Stretch], T], cut: list[Stretch]) -> list[T]:
    if len(cut) == 1:
        return [ask(cut[0])]
    with ThreadPoolExecutor(session.setting.threads, thread_name_prefix="compare") as pool:
        return [*pool.map(ask, cut)]


def lie_side_by_side(session: Session, old: Side, new: Side, which: Sequence[int], rows: int) -> bool:
    """Whether most rows of two files with as many rows seem to be where they were."""
    starts = {(rows - _PROBE) * n // (_PROBES - 1) for n in range(_PROBES)} if rows > _PROBE else {0}
    size = min(rows, _PROBE)
    told = (count(session, old, new, which, [Stretch(at, at, size)], 0) for at in starts)
    return all(2 * one.rows < size for one in told)


def aligned(session: Session, old: Side, new: Side, rows: tuple[int, int], first: Sequence[int]) -> Alignment | None:
    """Which rows lie side by side in two files, rows added and removed in between; None where few do.

    Anchors are values of the columns `first`, then of the others.
    """
    order = dict.fromkeys([*first, *range(len(old.values))])
    for which in [*order][:_TRIES]:
        query = sql.anchors(old, new, which, max(min(rows) // _ANCHORS, 1))
        anchors = session.own().execute(query).fetchall()
        if len(anchors) >= min(_ENOUGH, min(rows) // 2):
            found = align(anchors, *rows)
            return found if found and found.left <= MANY and len(found.stretches) <= _ENOUGH else None
    return None

"""Comparing the rows of two tables: first at their places, then what is left over by key or as bags.

Decides which way is taken. Rows that stand at the same place and are equal are done with after one pass over the columns
that differ; only what is left over is joined. Of tables that do not lie side by side, only the buckets of rows are joined
whose sums differ. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

from seeknal.build.places import SMALL, aligned, count, cursor, lie_side_by_side, places
from seeknal.build.session import Session
from seeknal.model import diffsql as sql
from seeknal.model.alignment import Alignment, side_by_side
from seeknal.model.diff import Pair, Shared, columns
from seeknal.model.diffsql import Side

# Up to so many rows it is cheap to prove that a column has no value twice.
_PROVEN = 200_000
_KEYS = ("BIGINT", "INTEGER", "SMALLINT", "UBIGINT", "UINTEGER", "VARCHAR", "UUID", "DATE", "TIMESTAMP")
KEY, PLACE, BAG = "key", "place", "bag"
ADDED, REMOVED, CHANGED = "added", "removed", "changed"


class Sample(NamedTuple):
    """A row that was added, removed or changed: its values as texts, before and after."""

    word: str
    old: tuple[str | None, ...] | None
    new: tuple[str | None, ...] | None


@dataclass(slots=True)
class RowDiff:
    """What became of the rows. `by` says how they were matched; `values` in how many rows each column changed; samples have
    the values of `columns`; `repeated`: the key was no key."""

    columns: tuple[str, ...]
    added: int = 0
    removed: int = 0
    changed: int = 0
    by: str = BAG
    key: tuple[str, ...] = ()
    values: dict[str, int] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    repeated: bool = False

    @property
    def none(self) -> bool:
        """Whether the rows are the same."""
        return not (self.added or self.removed or self.changed)


class _Few(NamedTuple):
    """Rows of two files to look at, by their places."""

    number: int
    old: Side
    new: Side
    at_old: Sequence[int] = ()
    at_new: Sequence[int] = ()


def compare(
    session: Session, pairs: Sequence[Pair], shared: Sequence[Shared], key: Sequence[Shared], sample: int
) -> RowDiff:
    """Compare the rows of `pairs` in the columns `shared`. Without a key, the first column is one, if that is cheap to
    prove. Raises Damaged."""
    comparison = _Comparison(session, pairs, tuple(shared), sample)
    try:
        return comparison.rows(tuple(comparison.shared.index(column) for column in key))
    finally:
        comparison.con.close()


class _Comparison:
    """One comparison, with a connection of its own for `o` and `n`: the rows that are left over."""

    def __init__(self, session: Session, pairs: Sequence[Pair], shared: tuple[Shared, ...], sample: int) -> None:
        self.session = session
        self.con = cursor(session, max(map(max, (pair.rows for pair in pairs)), default=0)).cursor()
        self.pairs = pairs
        self.shared = shared
        self.values = tuple(map(sql.value, shared))
        self.sample = sample
        self.found = RowDiff(tuple(column.new for column in shared))
        self.few: list[_Few] = []
        self.shown: list[_Few] = []
        self.loose: list[Pair] = []
        self.placed = True

    def rows(self, key: tuple[int, ...]) -> RowDiff:
        """Compare."""
        key = key or self._unique()
        for number, pair in enumerate(self.pairs):
            self._look(number, pair, key)
        self._lay()
        self.found.repeated |= bool(self._one(sql.repeated("on", key))) if key else False
        self.found.key = tuple(self.shared[i].new for i in key)
        if key and not self.found.repeated:
            self.found.by = KEY
            self._matched(key)
        elif not self._by_place():
            self._as_bags()
        if self.shown:
            self._show(key)
        return self.found

    # -- which rows are left over ----------------------------------------------------------------------------------

    def _look(self, number: int, pair: Pair, key: tuple[int, ...]) -> None:
        """Compare a pair at its places; what differs is left over, or counted at once where it is very much."""
        equal = self._equal(pair)
        which = [i for i in range(len(self.shared)) if i not in equal]
        if not which:
            return
        if _taken(pair):
            self._let_loose(pair)
            return
        old, new = self._sides([pair])
        run = self._run(pair, old, new, which, key)
        found = places(self.session, old, new, which, run.stretches) if run else None
        if run and found is not None:
            before, after = ([*chain(*ranges)] for ranges in (run.old, run.new))
            before += [p for p, _ in found if p is not None]
            after += [q for _, q in found if q is not None]
            self.few.append(_Few(number, old, new, before, after))
            self.placed = self.placed and bool(equal)
        elif equal and equal.issuperset(key):
            self._count(_Few(number, old, new), which, side_by_side(pair.rows[0]), key)
        else:
            self._let_loose(pair)

    def _equal(self, pair: Pair) -> set[int]:
        """The columns that are equal throughout a pair."""
        if not pair.in_place:
            return set()
        own = {(c.old, c.new) for c in columns(pair.old[0], pair.new[0]).shared if c.equal}
        return {i for i, column in enumerate(self.shared) if (column.old, column.new) in own}

    def _run(self, pair: Pair, old: Side, new: Side, which: list[int], key: tuple[int, ...]) -> Alignment | None:
        """Which rows lie side by side."""
        if pair.in_place and (
            len(which) < len(self.shared) or lie_side_by_side(self.session, old, new, which, pair.rows[0])
        ):
            return side_by_side(pair.rows[0])
        if len(pair.old) != 1 or len(pair.new) != 1 or min(pair.rows) < SMALL:
            return None
        return aligned(self.session, old, new, pair.rows, key)

    def _let_loose(self, pair: Pair) -> None:
        self.loose.append(pair)
        self.placed = False

    def _count(self, few: _Few, which: list[int], run: Alignment, key: tuple[int, ...]) -> None:
        """Count what differs at its place; where no key says that this is the same row, unless as bags they are the same."""
        if key:
            self.found.repeated |= bool(self._one(sql.repeated([f"({sql.table(few.new)})"], key)))
        elif not self._unlike(sql.table(few.old), sql.table(few.new), 1):
            return
        counts = count(self.session, few.old, few.new, which, run.stretches, self.sample)
        self.found.changed += counts.rows
        for i, rows in zip(which, counts.values, strict=True):
            self._note(i, rows)
        self.shown.append(few._replace(at_old=[p for p, _ in counts.some], at_new=[q for _, q in counts.some]))

    def _note(self, column: int, rows: int) -> None:
        name = self.shared[column].new
        if rows:
            self.found.values[name] = self.found.values.get(name, 0) + rows

    def _sides(self, pairs: Sequence[Pair]) -> tuple[Side, Side]:
        old = tuple(self.session.store.verified(artifact) for pair in pairs for artifact in pair.old)
        new = tuple(self.session.store.verified(artifact) for pair in pairs for artifact in pair.new)
        return Side(old, tuple(v.old for v in self.values)), Side(new, tuple(v.new for v in self.values))

    def _unique(self) -> tuple[int, ...]:
        """The first column, if it has no value twice in either table and that is cheap to know; any other would be a guess."""
        first = self.shared[0]
        most = max(sum(pair.rows[side] for pair in self.pairs) for side in range(2))
        if first.retyped or first.new_type not in _KEYS or most > _PROVEN:
            return ()
        sides = [sql.table(side) for side in self._sides(self.pairs) if side.paths]
        return (0,) if self._one(sql.are_unique(sides)) else ()

    # -- what they are ---------------------------------------------------------------------------------------------

    def _lay(self) -> None:
        """Make `o` and `n` of the rows that are left over; those of tables that are unlike throughout stay where they are."""
        relations, wide = self._narrowed()
        self._fill("few", self.few)
        for name, rest in zip("on", relations, strict=True):
            more = f" UNION ALL SELECT -1 AS p, * FROM ({rest})" if rest else ""
            self.con.execute(f"CREATE TEMP {'VIEW' if wide else 'TABLE'} {name} AS FROM few_{name}{more}")

    def _fill(self, table: str, few: Sequence[_Few]) -> None:
        """Make tables `<table>_o` and `<table>_n` of the rows at some places."""
        columns = sql.left_over([v.type for v in self.values])
        for side, name in enumerate("on"):
            self.con.execute(f"CREATE OR REPLACE TEMP TABLE {table}_{name} {columns}")
            for one in few:
                wanted = [*(one.at_old, one.at_new)[side]]
                if not wanted:
                    continue
                numbers = [(one.number << 40) + place for place in wanted]
                query = sql.rows_at((one.old, one.new)[side], wanted)
                self.con.execute(f"INSERT INTO {table}_{name} {query}", [wanted, numbers])

    def _narrowed(self) -> tuple[list[str], bool]:
        """Queries for the rows of tables that do not lie side by side: of unlike buckets only; and whether these are most."""
        sides = self._sides(self.loose)
        relations = [sql.table(side) if side.paths else "" for side in sides]
        total = sum(max(pair.rows) for pair in self.loose)
        if total <= SMALL or not all(relations):
            return relations, total > SMALL
        buckets = min(max(total // 128, 1024), 1 << 17)
        unlike = self._unlike(relations[0], relations[1], buckets)
        if len(unlike) > buckets // 4:
            return relations, True
        return [sql.in_buckets(relation, len(self.shared), buckets, unlike) for relation in relations], False

    def _unlike(self, old: str, new: str, buckets: int) -> list[int]:
        return [row[0] for row in self.con.execute(sql.unlike_buckets(old, new, len(self.shared), buckets)).fetchall()]

    def _one(self, query: str) -> Any:
        return self.con.execute(query).fetchone()[0]

    def _matched(self, key: tuple[int, ...]) -> None:
        """What became of the rows that are left over, matched by the key or, without one, by place."""
        added, removed, changed, *rest = self.con.execute(sql.by_key(len(self.shared), key, self.sample)).fetchone()
        self.found.added, self.found.removed = added, removed
        self.found.changed += changed
        others = [i for i in range(len(self.shared)) if i not in key]
        for i, rows in zip(others, rest[3:], strict=True):
            self._note(i, rows)
        for word, rows in zip((ADDED, REMOVED, CHANGED), rest[:3], strict=True):
            self.found.samples += [_sample(word, row) for row in rows or ()]

    def _by_place(self) -> bool:
        """Rows whose other columns are equal throughout are matched by place, unless some only stand elsewhere now."""
        if not self.placed:
            return False
        added, removed, *_ = self.con.execute(sql.as_bags(len(self.shared), 0)).fetchone()
        there = (
            [row[0] for row in self.con.execute(sql.left_places(len(self.shared))).fetchall()]
            if added == removed
            else []
        )
        if len(there) != added or added != removed:
            return False
        self.found.by = PLACE
        for name in "on":
            self.con.execute(f"DELETE FROM {name} WHERE p NOT IN (SELECT unnest($1::BIGINT[]))", [there])
        self._matched(())
        return True

    def _as_bags(self) -> None:
        added, removed, *samples = self.con.execute(sql.as_bags(len(self.shared), self.sample)).fetchone()
        self.found.added, self.found.removed = added, removed
        for word, rows in zip((ADDED, REMOVED), samples, strict=True):
            self.found.samples += [_bag_sample(word, row) for row in rows or ()]

    def _show(self, key: tuple[int, ...]) -> None:
        """Look up some of the rows that were only counted."""
        self._fill("shown", self.shown)
        query = sql.by_key(len(self.shared), (), self.sample, ("shown_o", "shown_n"))
        row = self.con.execute(query).fetchone()
        self.found.by = KEY if key and not self.found.repeated else PLACE
        self.found.samples += [_sample(CHANGED, one) for one in row[5] or ()]
        del self.found.samples[3 * self.sample :]


def _taken(pair: Pair) -> bool:
    """Whether a column has the name by which DuckDB calls the number of a row."""
    return any(column.name.lower() == sql.ROW for artifact in (*pair.old, *pair.new) for column in artifact.columns)


def _sample(word: str, row: dict[str, Any]) -> Sample:
    old = tuple(row["o"]) if word != ADDED else None
    return Sample(word, old, tuple(row["n"]) if word != REMOVED else None)


def _bag_sample(word: str, row: dict[str, Any]) -> Sample:
    values = tuple(row["v"])
    return Sample(word, values if word == REMOVED else None, values if word == ADDED else None)

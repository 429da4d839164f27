"""What differs between two published states: which nodes, which of their columns, which of their parts have to be read.

Decides by digests what need not be looked at: equal artifacts, equal columns, equal parts. Never reads a row: that is
`build/rowdiff.py`, with the SQL of `model/diffsql.py`. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from seeknal.model.action import Artifact, Column
from seeknal.model.category import meta_changes
from seeknal.model.generation import Published
from seeknal.model.node import Schema
from seeknal.model.parts import Part, shown_of

ADDED, REMOVED, METADATA, RECIPE, CHANGED = "added", "removed", "metadata", "recipe", "changed"


class Shared(NamedTuple):
    """A column that both tables have: its names and types before and after, and whether its digests are equal."""

    old: str
    new: str
    old_type: str
    new_type: str
    equal: bool

    @property
    def retyped(self) -> bool:
        """Whether its type is another."""
        return self.old_type != self.new_type


class Columns(NamedTuple):
    """What became of the columns of a table; a column that was renamed and is the same is shared, not added and removed."""

    shared: tuple[Shared, ...]
    added: Schema
    removed: Schema

    @property
    def differing(self) -> tuple[Shared, ...]:
        """Those whose values may differ: all others need not be read."""
        return tuple(column for column in self.shared if not column.equal)

    def words(self) -> tuple[str, ...]:
        """What became of them, as a person says it."""
        found = [f"column {name} removed" for name, _ in self.removed]
        found += [f"column {c.old} renamed to {c.new}" for c in self.shared if c.old != c.new]
        found += [f"column {c.new} {c.old_type} -> {c.new_type}" for c in self.shared if c.retyped]
        return (*found, *(f"column {name} added" for name, _ in self.added))


class Difference(NamedTuple):
    """A node that is not the same: `word` says how, `details` which words beside the table changed."""

    id: str
    word: str
    before: Published | None
    after: Published | None
    details: tuple[str, ...] = ()


class Pair(NamedTuple):
    """Tables to compare with each other. Two files with as many rows may hold most of them at the same places."""

    old: tuple[Artifact, ...]
    new: tuple[Artifact, ...]

    @property
    def rows(self) -> tuple[int, int]:
        """How many there are."""
        return sum(one.rows for one in self.old), sum(one.rows for one in self.new)

    @property
    def in_place(self) -> bool:
        """Whether row number n of one may be row number n of the other."""
        return len(self.old) == len(self.new) == 1 and self.old[0].rows == self.new[0].rows


def differences(before: Mapping[str, Published], after: Mapping[str, Published]) -> tuple[Difference, ...]:
    """Every node that is not the same in both, in the order of names."""
    found = (_difference(name, before.get(name), after.get(name)) for name in sorted(before.keys() | after.keys()))
    return tuple(one for one in found if one is not None)


def _difference(name: str, before: Published | None, after: Published | None) -> Difference | None:
    if before is None or after is None:
        return Difference(name, ADDED if before is None else REMOVED, before, after)
    details = meta_changes(before.meta, after.meta)
    if before.artifact.identity != after.artifact.identity:
        return Difference(name, CHANGED, before, after, details)
    if before.action != after.action:
        return Difference(name, RECIPE, before, after, details)
    return Difference(name, METADATA, before, after, details) if details else None


def matching(names: Sequence[str], words: Sequence[str]) -> tuple[list[str], str | None]:
    """The names that the words mean (`kind.name`, a name, a pattern), and the first word that means none."""
    found: set[str] = set()
    for word in words:
        meant = [name for name in names if fnmatchcase(name, word) or fnmatchcase(name.split(".", 1)[1], word)]
        if not meant:
            return [], word
        found.update(meant)
    return sorted(found) if words else list(names), None


def columns(before: Artifact, after: Artifact) -> Columns:
    """What became of the columns."""
    same_rows = before.rows == after.rows
    old, new = ({column.name: column for column in artifact.columns} for artifact in (before, after))
    names = {name: name for name in new if name in old}
    names |= _renamed(old, new) if same_rows else {}
    shared = tuple(_shared(old[names[name]], new[name], same_rows=same_rows) for name in new if name in names)
    gone = set(old) - set(names.values())
    added = tuple((name, column.type) for name, column in new.items() if name not in names)
    return Columns(shared, added, tuple((name, column.type) for name, column in old.items() if name in gone))


def _shared(old: Column, new: Column, *, same_rows: bool) -> Shared:
    equal = same_rows and (old.type, old.digest) == (new.type, new.digest)
    return Shared(old.name, new.name, old.type, new.type, equal)


def _renamed(old: Mapping[str, Column], new: Mapping[str, Column]) -> dict[str, str]:
    """New name -> old name of columns that only go by another name; of twins, in their order."""
    gone: dict[tuple[str, str], list[str]] = {}
    for name, column in old.items():
        if name not in new:
            gone.setdefault((column.type, column.digest), []).append(name)
    found = {}
    for name, column in new.items():
        twins = gone.get((column.type, column.digest)) if name not in old else None
        if twins:
            found[name] = twins.pop(0)
    return found


def pairs(before: Artifact, after: Artifact, old: Sequence[Part], new: Sequence[Part]) -> tuple[Pair, ...]:
    """The tables that have to be read: of two tables with parts, only the parts that are not equal, by interval."""
    if not old or not new:
        sides = [
            tuple(part.artifact for part in shown_of(parts)) or (whole,)
            for whole, parts in ((before, old), (after, new))
        ]
        return (Pair(*sides),)
    known = {part.interval: part.artifact for part in old}
    mine = {part.interval: part.artifact for part in new}
    found = []
    for interval in sorted(known.keys() | mine.keys(), key=lambda one: (one is not None, one)):
        sides = [tuple(one for one in (side.get(interval),) if one and one.rows) for side in (known, mine)]
        if any(sides) and [one.identity for one in sides[0]] != [one.identity for one in sides[1]]:
            found.append(Pair(*sides))
    return tuple(found)


def key_of(wanted: Sequence[str], shared: Sequence[Shared]) -> tuple[Shared, ...]:
    """The columns that make a key, where both tables have all of them in comparable types; else none."""
    known = {column.new.lower(): column for column in shared}
    found = [known.get(name.lower()) for name in wanted]
    return tuple(column for column in found if column) if all(found) else ()


def keys_of(traits: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Sets of columns that a node says are unique, the best first: what its kind knows, then its audits."""
    audits = (check.unique for check in traits.get("audits", ()) if check.unique)
    return [*map(tuple, traits.get("keys", ())), *audits]

"""Where columns come from: of each node its columns, and of each column the columns of inputs that it is made of.

Decides what counts as known. `EXACT`: read out of the SQL. `PERHAPS`: what makes the rows is no SQL that can be read, so
each column may be made of all that is read. `ENDS`: others read no columns of it (a rule, an exposure), it only reads.
`SOURCE`: it reads no node. `UNKNOWN`: not even its columns are known, as long as it was never built. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from seeknal.model.node import Schema

EXACT, PERHAPS, ENDS, SOURCE, UNKNOWN = "exact", "perhaps", "ends", "source", "unknown"


class At(NamedTuple):
    """A column of a node."""

    node: str
    column: str


@dataclass(frozen=True, slots=True)
class Lineage:
    """The columns of one node. `origins` has the columns that each is made of where that is known exactly; `reads` has for
    each input all that is read of it, also what only decides which rows there are. `why` says why it is not exact."""

    node: str
    how: str
    columns: Schema = ()
    reads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    origins: Mapping[str, tuple[At, ...]] = field(default_factory=dict)
    why: str = ""

    @property
    def read(self) -> list[At]:
        """All columns that are read."""
        return [At(name, column) for name, columns in self.reads.items() for column in columns]

    @property
    def deciding(self) -> list[At]:
        """What is read and is part of no column: it decides which rows there are, and how they are grouped."""
        if self.how != EXACT:
            return []
        made_of = {at for found in self.origins.values() for at in found}
        return [at for at in self.read if at not in made_of]

    def made_of(self, column: str) -> list[At]:
        """The columns that one column is made of, or may be."""
        return list(self.origins.get(column, ())) if self.how == EXACT else self.read if self.how == PERHAPS else []


class Way(NamedTuple):
    """What a column is made of, or what is made of it: columns with whether that is sure, nearest first; and the nodes
    where it ends, each with how they use it: `reads`, or `rows` for what only decides which rows there are."""

    columns: Mapping[At, bool]
    ends: Mapping[str, str]


def upward(lineages: Mapping[str, Lineage], start: At) -> Way:
    """What a column is made of."""

    def above(at: At) -> Iterator[tuple[At, bool]]:
        lineage = lineages[at.node]
        yield from ((found, lineage.how == EXACT) for found in lineage.made_of(at.column) if found.node in lineages)

    return Way(_reach(start, above), {})


def downward(lineages: Mapping[str, Lineage], start: At) -> Way:
    """What is made of a column."""
    users = _users(lineages.values())
    columns = _reach(start, lambda at: users.get(at, ()))
    ends: dict[str, str] = {}
    for lineage in lineages.values():
        word = "reads" if lineage.how == ENDS else "rows"
        used = lineage.read if lineage.how == ENDS else lineage.deciding
        if any(at == start or at in columns for at in used):
            ends[lineage.node] = word
    return Way(columns, ends)


def _users(lineages: Iterable[Lineage]) -> dict[At, list[tuple[At, bool]]]:
    found: dict[At, list[tuple[At, bool]]] = {}
    for lineage in lineages:
        for column, _ in lineage.columns if lineage.how in (EXACT, PERHAPS) else ():
            for at in lineage.made_of(column):
                found.setdefault(at, []).append((At(lineage.node, column), lineage.how == EXACT))
    return found


def _reach(start: At, step: object) -> dict[At, bool]:
    """All that can be reached, and whether by sure steps only."""
    found: dict[At, bool] = {}
    waiting = [(start, True)]
    for at, sure in waiting:  # grows while it is read
        for near, exact in step(at):  # type: ignore[operator]
            known = found.get(near)
            if near != start and (known is None or (not known and sure and exact)):
                found[near] = sure and exact
                waiting.append((near, sure and exact))
    return found

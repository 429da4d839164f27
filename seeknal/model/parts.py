"""Parts: the artifact of a node with intervals is made of one artifact for each interval.

Decides what the index of such an artifact says, what it looks like as one table, and which parts an interval reads.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from seeknal.model.action import Action, Artifact, Column, Used, read_artifact
from seeknal.model.digest import document_digest, is_digest, typed_bytes
from seeknal.model.interval import Cadence, Interval, merged, reach, read_stamp, stamp
from seeknal.model.node import Schema

INDEX = "seeknal/index"
VERSION = 1
ENGINE = "intervals/1"


class Part(NamedTuple):
    """The artifact of one interval, and the action that it came of; no interval: rows whose time is not known."""

    interval: Interval | None
    action: str
    artifact: Artifact

    @property
    def name(self) -> str:
        """The stem of the file that shows it: `20240131T000000Z`, or `unknown`."""
        return stamp(self.interval.start).replace("-", "").replace(":", "") if self.interval else "unknown"


def index_bytes(parts: Iterable[Part]) -> bytes:
    """The canonical index of parts, which are in the order of their intervals."""
    rows = [
        [*(part.interval.texts() if part.interval else (None, None)), part.action, part.artifact.document()]
        for part in parts
    ]
    return typed_bytes({"type": INDEX, "version": VERSION, "parts": rows})


def read_index(document: Mapping[str, Any]) -> tuple[Part, ...]:
    """The parts that an index lists. Raises ValueError, KeyError or TypeError when it is not one."""
    if document["type"] != INDEX or document["version"] != VERSION:
        raise ValueError("not an index of version 1")
    found = tuple(_read(*row) for row in document["parts"])
    if not found or not all(map(is_digest, {part.action for part in found})):
        raise ValueError("an index has parts, and each an action")
    return found


def _read(start: str | None, end: str | None, action: str, artifact: Mapping[str, Any]) -> Part:
    interval = Interval(read_stamp(start), read_stamp(end)) if start and end else None
    return Part(interval, action, read_artifact(artifact))


def whole(parts: Sequence[Part], index: str) -> Artifact:
    """All parts as one table; `index` is the digest of their index, nothing for a table that has none in the store."""
    return Artifact(
        index,
        sum(part.artifact.size for part in parts),
        sum(part.artifact.rows for part in parts),
        _columns(parts),
        parts=len(parts),
    )


def _columns(parts: Sequence[Part]) -> tuple[Column, ...]:
    """Each column with a digest of its digests, in the order of the first part that counts."""
    found: dict[str, tuple[str, list[Any]]] = {}
    for place, part in enumerate(shown_of(parts)):
        for column in part.artifact.columns:
            found.setdefault(column.name, (column.type, []))[1].append([place, column.digest])
    return tuple(Column(name, type_, document_digest(digests)) for name, (type_, digests) in found.items())


def shown_of(parts: Sequence[Part]) -> Sequence[Part]:
    """The parts that make the table: those with rows, or one without; what an empty part calls its columns is of no account."""
    return [part for part in parts if part.artifact.rows] or parts[:1]


def odd_one(parts: Sequence[Part]) -> tuple[Part, Part] | None:
    """The first part, and one whose columns or types are other than its: together they are no table."""
    shown = shown_of(parts)
    odd = next((part for part in shown if part.artifact.schema != shown[0].artifact.schema), None)
    return (shown[0], odd) if odd else None


def nothing(schema: Schema) -> Artifact:
    """A table without rows that is nowhere: what an interval reads where there is nothing to read."""
    return Artifact("", 0, 0, tuple(Column(name, type_, "") for name, type_ in schema))


def family_action(recipe: Action, cadence: Cadence, indexes: Mapping[str, str], wanted: Iterable[Interval]) -> Action:
    """The action that stands for all wanted intervals: one recipe (prepared over nothing), the indexes of the inputs that
    have parts, how far an interval reaches, and which intervals there are."""
    window = [list(interval.texts()) for interval in merged(wanted)]
    far = {"unit": cadence.unit, "lookback": cadence.lookback}
    key = replace(recipe, interval=None).key
    return Action(ENGINE, {"recipe": key, "inputs": dict(indexes), "reach": far, "window": window})


def index_action(index: str) -> Action:
    """The action of parts that no one decision wanted: nothing but their index."""
    return Action(ENGINE, {"index": index})


def read_family(document: Mapping[str, Any] | None) -> Action | None:
    """The action that a published artifact with parts has, from its document."""
    return Action(ENGINE, document["definition"]) if document and document.get("engine") == ENGINE else None


class Slice(NamedTuple):
    """What one interval reads of an input with parts: some of them, and of their rows those in `window` (None: all)."""

    artifact: Artifact
    parts: tuple[Part, ...]
    column: str
    window: Interval | None

    @property
    def used(self) -> tuple[Used, ...]:
        """What the filter reads, which the recipe may not."""
        if self.window is None:
            return ()
        columns = tuple(column for column in self.artifact.columns if column.name.lower() == self.column.lower())
        return (Used(f"__time_of__{self.column}", self.artifact.rows, columns),)


class Parts:
    """The parts of one input, found by time. `grows`: a run that fills in what is missing may add to them."""

    def __init__(self, parts: Sequence[Part], column: str, *, grows: bool = False) -> None:
        self.grows = grows
        self.all = tuple(parts)
        self.schema = shown_of(self.all)[0].artifact.schema
        timed = sorted((part.interval, part) for part in parts if part.interval)
        self._timed = [part for _, part in timed]
        self._starts = [interval.start for interval, _ in timed]
        self._ends = [interval.end for interval, _ in timed]
        self._column = column

    @property
    def span(self) -> Interval | None:
        """From the first moment to the last."""
        return Interval(self._starts[0], self._ends[-1]) if self._timed else None

    def slice(self, slot: Interval, cadence: Cadence) -> Slice:
        """What an interval reads."""
        span = reach(slot, cadence)
        found = tuple(part for part in self._meeting(span) if part.artifact.rows)
        inside = all(part.interval is not None and part.interval.within(span) for part in found)
        if not found:
            return Slice(nothing(self.schema), (), self._column, None)
        artifact = found[0].artifact if len(found) == 1 else whole(found, "")
        return Slice(artifact, found, self._column, None if inside else span)

    def same(self, old: Parts, slot: Interval, cadence: Cadence) -> bool:
        """Whether an interval reads the very same of `old`."""
        span = reach(slot, cadence)
        now, then = self._meeting(span), old._meeting(span)
        return len(now) == len(then) and all(
            a.artifact.blob == b.artifact.blob and a.interval == b.interval for a, b in zip(now, then, strict=True)
        )

    def _meeting(self, span: Interval) -> list[Part]:
        return self._timed[bisect_right(self._ends, span.start) : bisect_left(self._starts, span.end)]

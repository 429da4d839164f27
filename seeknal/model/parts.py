"""Parts: the artifact of a node with intervals is made of one artifact for each interval.

Decides what the index of such an artifact says, what it looks like as one table, and which parts an interval reads.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from seeknal.model.action import Action, Artifact, Column, Used, read_artifact
from seeknal.model.digest import canonical, digest_of, document_digest, is_digest
from seeknal.model.interval import Interval, read_stamp, stamp
from seeknal.model.plan import Prepared

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
    return canonical({"type": INDEX, "version": VERSION, "parts": rows})


def read_index(document: Mapping[str, Any]) -> tuple[Part, ...]:
    """The parts that an index lists. Raises ValueError, KeyError or TypeError when it is not one."""
    if document["type"] != INDEX or document["version"] != VERSION:
        raise ValueError("not an index of version 1")
    return tuple(_read(*row) for row in document["parts"])


def _read(start: str | None, end: str | None, action: str, artifact: Mapping[str, Any]) -> Part:
    if not is_digest(action):
        raise ValueError("action is not a digest")
    interval = Interval(read_stamp(start), read_stamp(end)) if start and end else None
    return Part(interval, action, read_artifact(artifact))


def whole(parts: Sequence[Part], blob: str | None = None) -> Artifact:
    """All parts as one table; `blob` is the digest of their index."""
    return Artifact(
        blob or digest_of(index_bytes(parts)),
        sum(part.artifact.size for part in parts),
        sum(part.artifact.rows for part in parts),
        _columns(parts),
        parts=len(parts),
    )


def _columns(parts: Sequence[Part]) -> tuple[Column, ...]:
    """Each column with a digest of its digests; a part without a column counts, too."""
    found: dict[str, tuple[str, list[Any]]] = {}
    for place, part in enumerate(parts):
        for column in part.artifact.columns:
            found.setdefault(column.name, (column.type, []))[1].append([place, column.type, column.digest])
    return tuple(Column(name, type_, document_digest(digests)) for name, (type_, digests) in found.items())


def made_of(artifact: Artifact) -> Prepared:
    """The action of an artifact with parts: nothing but its index."""
    return Prepared(Action(ENGINE, {"index": artifact.blob}), {}, None)


@dataclass(frozen=True, slots=True)
class Slice:
    """What one interval reads of an input with parts: some of them, and of their rows those in `window` (None: all)."""

    artifact: Artifact
    parts: tuple[Part, ...]
    sample: Part
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
    """The parts of one input, found by time."""

    def __init__(self, parts: Sequence[Part], column: str) -> None:
        self.all = tuple(parts)
        self._timed = sorted((part for part in parts if part.interval), key=lambda part: part.interval or ())
        self._starts = [part.interval.start for part in self._timed if part.interval]
        self._ends = [part.interval.end for part in self._timed if part.interval]
        self._column = column

    @property
    def span(self) -> Interval | None:
        """From the first moment to the last."""
        return Interval(self._starts[0], self._ends[-1]) if self._timed else None

    def slice(self, reach: Interval) -> Slice:
        """What an interval that reaches so far reads."""
        found = tuple(self._timed[bisect_right(self._ends, reach.start) : bisect_left(self._starts, reach.end)])
        inside = all(part.interval is not None and part.interval.within(reach) for part in found)
        empty = tuple(Column(c.name, c.type, "") for c in self.all[0].artifact.columns)
        artifact = whole(found) if found else Artifact("", 0, 0, empty)
        return Slice(artifact, found, self.all[0], self._column, None if inside else reach)

"""What a run wants of a node with intervals, and what was decided: its slots, the parts that stay, those that go.

Decides which action stands for all parts together. Pure; the verdicts are `model/slots.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from seeknal.model.action import Action, Artifact
from seeknal.model.explain import Reason
from seeknal.model.interval import FIRST, LAST, Cadence, Interval, merged, told
from seeknal.model.node import Node
from seeknal.model.parts import Part, Parts, Slice, index_action
from seeknal.model.plan import Found, Prepared

Input = Artifact | Slice


@dataclass(frozen=True, slots=True)
class Demand:
    """What a run wants of nodes with intervals. `now` ends what is complete; `window` narrows it; `missing`: only what was
    never published, at most `chunk` of it; `restated`: by node id, what is built again whatever the cache has."""

    now: Any
    window: Interval = field(default_factory=lambda: Interval(FIRST, LAST))
    missing: bool = False
    chunk: int | None = None
    restated: Mapping[str, Sequence[Interval]] = field(default_factory=dict)

    @property
    def asked(self) -> tuple[Any, ...]:
        """In the types of canonical JSON."""
        marks = {name: [list(one.texts()) for one in found] for name, found in self.restated.items()}
        return (*self.window.texts(), self.missing, self.chunk, marks)

    @property
    def narrow(self) -> bool:
        """Whether only some intervals are looked at."""
        return self.missing or self.window != Interval(FIRST, LAST)


class Slot(NamedTuple):
    """One interval of a node with its verdict: a hit has its artifact, one to build what it takes. One that reads an
    earlier interval which is still to be built is `open` and has no key yet."""

    interval: Interval
    key: str = ""
    artifact: Artifact | None = None
    reasons: tuple[Reason, ...] = ()
    previous: Artifact | None = None
    prepared: Prepared | None = None
    inputs: Mapping[str, Input] = {}


@dataclass(frozen=True, slots=True)
class World:
    """What the decision asks of the shell."""

    prepare: Callable[[Node, Mapping[str, Input], Interval], Prepared]
    lookup: Callable[[str], Found]
    document: Callable[[str], Mapping[str, Any] | None]
    present: Callable[[Artifact], Found]
    parts: Callable[[str, str], Parts | None]


@dataclass(frozen=True, slots=True)
class Family:
    """The slots that are wanted, published parts that stay as they are, and those that are no longer wanted.

    `action` stands for all of it, where it is nothing but what is wanted; `published` is the action and the index of what is
    published. `again` decides a slot when the one before it is built.
    """

    slots: tuple[Slot, ...]
    kept: tuple[Part, ...] = ()
    dropped: tuple[Part, ...] = ()
    action: Action | None = None
    published: tuple[Action, str] | None = None
    again: Callable[[Slot, Artifact | None], Slot] | None = None

    @property
    def open(self) -> tuple[Slot, ...]:
        """What is to be built."""
        return tuple(slot for slot in self.slots if slot.artifact is None)

    def parts(self, built: Mapping[Interval, Part]) -> list[Part]:
        """All parts in order, with what was built."""
        done = [
            Part(slot.interval, slot.key, slot.artifact) if slot.artifact else built[slot.interval]
            for slot in self.slots
        ]
        return sorted([*self.kept, *done], key=lambda part: part.interval or Interval(LAST, LAST))

    def made(self, index: str) -> Action:
        """The action of the parts with this index."""
        if self.published and self.published[1] == index and self.action is None:
            return self.published[0]
        return self.action or index_action(index)


def shown(family: Family, cadence: Cadence) -> str:
    """Which intervals are built, for people: `3 of 365: 2024-01-05..2024-01-07 (3 days), 21 rows published`."""
    wanted: Iterable[Interval] = [slot.interval for slot in family.open]
    ranges = told(list(wanted), cadence.unit) if len(merged(wanted)) <= 5 else f"{len(family.open)} {cadence.unit}s"
    rows = sum(slot.previous.rows for slot in family.open if slot.previous)
    at_stake = f", {rows:,} published row{'s' if rows != 1 else ''}" if rows else ""
    return f"{len(family.open)} of {len(family.slots) + len(family.kept)}: {ranges}{at_stake}"

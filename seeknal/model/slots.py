"""Which intervals of a node a run wants, and the verdict on each: the one decision of `plan`, taken for every interval.

Pure: preparing an action, looking up and the parts of inputs are handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from seeknal.errors import DefinitionWrong
from seeknal.model.action import Artifact
from seeknal.model.explain import Reason, diff
from seeknal.model.interval import FIRST, LAST, Cadence, Interval, complete, floor, merged, reach, slots, told
from seeknal.model.node import Node
from seeknal.model.parts import Part, Parts, Slice, made_of, whole
from seeknal.model.plan import Found, Prepared, Step, Verdict

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
    def narrow(self) -> bool:
        """Whether a window was asked for."""
        return self.window != Interval(FIRST, LAST)


class Slot(NamedTuple):
    """One interval of a node with its verdict: a hit has its artifact, one to build what it takes."""

    interval: Interval
    prepared: Prepared
    inputs: Mapping[str, Input]
    artifact: Artifact | None = None
    reasons: tuple[Reason, ...] = ()
    previous: Artifact | None = None


@dataclass(frozen=True, slots=True)
class World:
    """What the decision asks of the shell."""

    prepare: Callable[[Node, Mapping[str, Input], Interval], Prepared]
    lookup: Callable[[str], Found]
    document: Callable[[str], Mapping[str, Any] | None]
    present: Callable[[Artifact], Found]


class Family(NamedTuple):
    """The slots that are wanted, and published parts that stay as they are."""

    slots: tuple[Slot, ...]
    kept: tuple[Part, ...]

    @property
    def open(self) -> tuple[Slot, ...]:
        """What is to be built."""
        return tuple(slot for slot in self.slots if slot.artifact is None)

    def parts(self, built: Mapping[Interval, Artifact]) -> list[Part]:
        """All parts in order, with what was built."""
        done = [
            Part(slot.interval, slot.prepared.action.key, slot.artifact or built[slot.interval])
            for slot in self.slots
            if slot.artifact or slot.interval in built
        ]
        return sorted([*self.kept, *done], key=lambda part: part.interval or Interval(LAST, LAST))


def decide_slots(
    node: Node,
    inputs: Mapping[str, Artifact],
    parts: Mapping[str, Parts],
    published: Sequence[Part],
    demand: Demand,
    world: World,
    *,
    forced: bool,
) -> Step:
    """The verdict on a node with intervals whose inputs are known; `parts` holds those of inputs that have some."""
    cadence: Cadence = node.traits["cadence"]
    before = {part.interval: part for part in published if part.interval}
    wanted = _wanted(node, cadence, parts, before, demand)
    if isinstance(wanted, Step):
        return wanted
    again = demand.restated.get(node.id, ())
    try:
        found = tuple(
            _slot(node, slot, _sliced(inputs, parts, slot, cadence), before.get(slot), world)
            if not (forced or any(slot.meets(mark) for mark in again))
            else _anew(node, slot, _sliced(inputs, parts, slot, cadence), before.get(slot), world, forced=forced)
            for slot in wanted
        )
    except DefinitionWrong as error:
        detail = "; ".join(filter(None, (error.message, error.hint)))
        return Step(node.id, Verdict.BUILD, (Reason("wrong_definition", node.id, detail),))
    family = Family(found, tuple(part for interval, part in before.items() if interval not in set(wanted)))
    return _step(node, cadence, family)


def _wanted(
    node: Node, cadence: Cadence, parts: Mapping[str, Parts], before: Mapping[Interval, Part], demand: Demand
) -> list[Interval] | Step:
    first = cadence.start or min((p.span.start for p in parts.values() if p.span), default=None)
    if first is None:
        where = "has no input with intervals: write start: in its interval" if not parts else "has no data yet"
        return Step(node.id, Verdict.SKIP, (Reason("no_interval", f"{node.id} {where}"),))
    window = Interval(
        max(floor(first, cadence.unit), demand.window.start), min(complete(cadence, demand.now), demand.window.end)
    )
    wanted = list(slots(cadence.unit, window))
    if demand.missing:
        wanted = [slot for slot in wanted if slot not in before][: demand.chunk]
    if not wanted and not before:
        return Step(
            node.id, Verdict.SKIP, (Reason("no_interval", f"{node.id} has no complete interval in that window"),)
        )
    return wanted


def _sliced(
    inputs: Mapping[str, Artifact], parts: Mapping[str, Parts], slot: Interval, cadence: Cadence
) -> dict[str, Input]:
    span = reach(slot, cadence)
    return {name: parts[name].slice(span) if name in parts else artifact for name, artifact in inputs.items()}


def _slot(node: Node, interval: Interval, inputs: Mapping[str, Input], before: Part | None, world: World) -> Slot:
    prepared = world.prepare(node, inputs, interval)
    key = prepared.action.key
    found = world.present(before.artifact) if before and before.action == key else Found(None)
    found = found if found.artifact else world.lookup(key)
    previous = before.artifact if before else None
    if found.artifact is not None:
        return Slot(interval, prepared, inputs, found.artifact, (), previous)
    document = world.document(before.action) if before else None
    why = diff(document, prepared.action.document(), prepared.labels, node.recipe.files)
    reasons = why if why and not found.word else (Reason(found.word or "artifact_missing"),)
    return Slot(interval, prepared, inputs, None, reasons, previous)


def _anew(
    node: Node, interval: Interval, inputs: Mapping[str, Input], before: Part | None, world: World, *, forced: bool
) -> Slot:
    prepared = world.prepare(node, inputs, interval)
    reason = Reason("forced" if forced else "restated")
    return Slot(interval, prepared, inputs, None, (reason,), before.artifact if before else None)


def _step(node: Node, cadence: Cadence, family: Family) -> Step:
    if family.open:
        reasons = dict.fromkeys(reason for slot in family.open for reason in slot.reasons)
        return Step(node.id, Verdict.BUILD, tuple(reasons), family=family)
    artifact = whole(family.parts({}))
    return Step(node.id, Verdict.HIT, (), made_of(artifact), artifact, family=family)


def shown(family: Family, cadence: Cadence) -> str:
    """Which intervals are built, for people: `3 of 365: 2024-01-05..2024-01-07 (3 days)`."""
    wanted: Iterable[Interval] = [slot.interval for slot in family.open]
    ranges = told(list(wanted), cadence.unit) if len(merged(wanted)) <= 5 else f"{len(family.open)} {cadence.unit}s"
    return f"{len(family.open)} of {len(family.slots) + len(family.kept)}: {ranges}"

"""Which intervals of a node a run wants, and the verdict on each: the one decision of `plan`, taken for every interval.

Pure: preparing an action, looking up and the parts of inputs are handed in. An interval whose inputs are the very parts
that its published artifact was made of is not looked at twice: what a run costs follows from what changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from seeknal.errors import DefinitionWrong
from seeknal.model.action import Action, Artifact
from seeknal.model.digest import digest_of
from seeknal.model.explain import Reason, diff
from seeknal.model.family import Demand, Family, Input, Slot, World
from seeknal.model.interval import (
    FIRST,
    LAST,
    MANY,
    Cadence,
    Interval,
    at,
    complete,
    floor,
    many,
    settled,
    slots,
    stamp,
)
from seeknal.model.node import SELF, Node
from seeknal.model.parts import (
    Part,
    Parts,
    family_action,
    index_bytes,
    nothing,
    read_family,
    whole,
)
from seeknal.model.plan import Found, Prepared, Step, Verdict


def decide_slots(
    node: Node,
    inputs: Mapping[str, Artifact],
    parts: Mapping[str, Parts],
    published: tuple[str, Artifact, Sequence[Part]] | None,
    demand: Demand,
    world: World,
    *,
    forced: bool,
) -> Step:
    """The verdict on a node with intervals whose inputs are known; `parts` holds those of inputs that have some,
    `published` the action, the artifact and the parts of what is published."""
    before = {part.interval: part for part in (published[2] if published else ()) if part.interval}
    wanted = _wanted(node, parts, before, demand)
    if isinstance(wanted, Step):
        return wanted
    endings = {interval.end: part for interval, part in before.items()}
    deciding = _Deciding(node, inputs, parts, before, endings, world, demand, forced=forced)
    try:
        action = deciding.family(wanted)
        if not (demand.narrow or forced or demand.restated.get(node.id) or deciding.blind):
            found = world.lookup(action.key)
            if found.artifact is not None:
                return Step(node.id, Verdict.HIT, (), Prepared(action, {}, None), found.artifact)
        known = read_family(world.document(published[0])) if published else None
        decided = deciding.slots(wanted, deciding.old(known, action))
    except DefinitionWrong as error:
        detail = "; ".join(filter(None, (error.message, error.hint)))
        return Step(node.id, Verdict.BUILD, (Reason("wrong_definition", node.id, detail),))
    kept, dropped = _rest(node.traits["cadence"], before, wanted, demand)
    if not decided and not kept:  # no table has no interval at all; what is published stays
        return _none(node)
    now = (known, published[1].blob) if known and published else None
    return _step(node, Family(decided, kept, dropped, None if kept or deciding.blind else action, now, deciding.again))


def _wanted(
    node: Node, parts: Mapping[str, Parts], before: Mapping[Interval, Part], demand: Demand
) -> list[Interval] | Step:
    cadence: Cadence = node.traits["cadence"]
    first = cadence.start or min((p.span.start for p in parts.values() if p.span), default=None)
    # Where all data is gone, as many empty tables stay.
    first = first or min((interval.start for interval in before), default=None)
    if first is None:
        where = "has no input with intervals: write start: in its interval" if not parts else "has no data yet"
        return Step(node.id, Verdict.SKIP, (Reason("no_interval", f"{node.id} {where}"),))
    start, end = max(floor(first, cadence.unit), demand.window.start), complete(cadence, demand.now)
    window = Interval(start, min(end, demand.window.end))
    if many(cadence.unit, window):
        return _too_many(node, window)
    wanted = list(slots(cadence.unit, window))
    if demand.missing:
        grown = [slot for slot in wanted if slot in before] if any(p.grows for p in parts.values()) else []
        wanted = sorted([*grown, *[slot for slot in wanted if slot not in before][: demand.chunk]])
    if not demand.narrow:  # what an earlier run published of days that are not over for this one must not become stale
        later = (slot for slot in before if slot.start >= max(start, end) and slot == at(slot.start, cadence.unit))
        wanted += sorted(later)
    return wanted if wanted or before else _none(node)


def _too_many(node: Node, window: Interval) -> Step:
    what = f"from {stamp(window.start)} to {stamp(window.end)} it has more than {MANY:,} intervals"
    text = f"{node.id}: {what}: a wrong date? write start: in its interval, or --start and --end"
    return Step(node.id, Verdict.BUILD, (Reason("wrong_definition", node.id, f"{node.file}:{node.line}: {text}"),))


def _none(node: Node) -> Step:
    return Step(node.id, Verdict.SKIP, (Reason("no_interval", f"{node.id} has no complete interval in that window"),))


def _rest(
    cadence: Cadence, before: Mapping[Interval, Part], wanted: Iterable[Interval], demand: Demand
) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Published parts that are not wanted: those that stay, because a part of the intervals was asked for, and the others."""
    asked = set(wanted)
    stay: list[Part] = []
    gone: list[Part] = []
    for interval, part in before.items():
        if interval not in asked:
            (stay if demand.narrow and interval == at(interval.start, cadence.unit) else gone).append(part)
    return tuple(stay), tuple(gone)


@dataclass(frozen=True, slots=True)
class _Deciding:
    """All that the verdicts on the intervals of one node have in common."""

    node: Node
    inputs: Mapping[str, Artifact]
    parts: Mapping[str, Parts]
    before: Mapping[Interval, Part]
    endings: Mapping[datetime, Part]
    world: World
    demand: Demand
    forced: bool

    @property
    def cadence(self) -> Cadence:
        """What `interval:` says."""
        cadence: Cadence = self.node.traits["cadence"]
        return cadence

    @property
    def blind(self) -> bool:
        """Whether it reads what cannot be seen to have changed: an interval is read until it is over, then never again."""
        return "again" in self.node.traits

    @property
    def _reads_itself(self) -> bool:
        return any(need.node == SELF for need in self.node.recipe.inputs)

    def family(self, wanted: Sequence[Interval]) -> Action:
        """The action that stands for all of these intervals."""
        over: dict[str, Input] = {name: nothing(parts.schema) for name, parts in self.parts.items()}
        more = {SELF: nothing(self.node.traits[SELF])} if self._reads_itself else {}
        recipe = self.world.prepare(self.node, {**self.inputs, **over, **more}, Interval(FIRST, LAST))
        indexes = {name: self.inputs[name].blob for name in self.parts}
        return family_action(recipe.action, self.cadence, indexes, wanted)

    def old(self, known: Action | None, action: Action) -> Mapping[str, Parts] | None:
        """The parts of the inputs that the published intervals were made of, if the same recipe made them."""
        if (
            known is None
            or self.blind
            or any(known.definition.get(word) != action.definition[word] for word in ("recipe", "reach"))
        ):
            return None
        indexes: Mapping[str, str] = known.definition.get("inputs", {})
        found = {name: self.world.parts(name, index) for name, index in indexes.items()}
        if found.keys() != self.parts.keys():
            return None
        there = {name: parts for name, parts in found.items() if parts is not None}
        return there if len(there) == len(found) else None

    def slots(self, wanted: Iterable[Interval], old: Mapping[str, Parts] | None) -> tuple[Slot, ...]:
        """The verdicts, in order."""
        found: list[Slot] = []
        for interval in wanted:
            slot = self._slot(interval, old, self._earlier(interval, found[-1] if found else None))
            found.append(slot)
        return tuple(found)

    def again(self, slot: Slot, earlier: Artifact | None) -> Slot:
        """The verdict on a slot that had to wait for the one before it."""
        return self._looked_up(slot.interval, earlier)

    def _earlier(self, interval: Interval, slot: Slot | None) -> Slot | None:
        """The interval before, for a node that reads itself."""
        if not self._reads_itself or (slot and slot.interval.end == interval.start):
            return slot if self._reads_itself else None
        if not self.demand.narrow:  # what lies before the first interval is no interval of it any more
            return None
        part = self.endings.get(interval.start)
        return Slot(part.interval, part.action, part.artifact) if part and part.interval else None

    def _slot(self, interval: Interval, old: Mapping[str, Parts] | None, earlier: Slot | None) -> Slot:
        before = self.before.get(interval)
        previous = before.artifact if before else None
        if earlier is not None and earlier.artifact is None:
            return Slot(interval, "", None, (Reason("input_may_change", SELF),), previous)
        again = self._again(interval)
        if not again and before and old is not None and self._same(interval, old, earlier):
            found = self.world.present(before.artifact)
            if found.artifact is not None:
                return Slot(interval, before.action, before.artifact, (), previous)
        return self._looked_up(interval, earlier.artifact if earlier else None, again)

    def _again(self, interval: Interval) -> str:
        """The word for why an interval is built whatever the cache has; nothing if it is not."""
        if self.forced:
            return "forced"
        if any(interval.meets(mark) for mark in self.demand.restated.get(self.node.id, ())):
            return "restated"
        return (
            str(self.node.traits["again"])
            if self.blind and not settled(interval, self.cadence, self.demand.now)
            else ""
        )

    def _same(self, interval: Interval, old: Mapping[str, Parts], earlier: Slot | None) -> bool:
        """Whether the interval reads what it read when it was published."""
        if self._reads_itself:
            known = self.endings.get(interval.start)
            if (known.artifact if known else None) != (earlier.artifact if earlier else None):
                return False
        return all(parts.same(old[name], interval, self.cadence) for name, parts in self.parts.items())

    def _read(self, interval: Interval, earlier: Artifact | None) -> dict[str, Input]:
        found: dict[str, Input] = {
            name: self.parts[name].slice(interval, self.cadence) if name in self.parts else artifact
            for name, artifact in self.inputs.items()
        }
        return {**found, SELF: earlier or nothing(self.node.traits[SELF])} if self._reads_itself else found

    def _looked_up(self, interval: Interval, earlier: Artifact | None, again: str = "") -> Slot:
        before, inputs = self.before.get(interval), self._read(interval, earlier)
        prepared = self.world.prepare(self.node, inputs, interval)
        key, previous = prepared.action.key, before.artifact if before else None
        if again:
            return Slot(interval, key, None, (Reason(again),), previous, prepared, inputs)
        found = self.world.present(before.artifact) if before and before.action == key else Found(None)
        found = found if found.artifact else self.world.lookup(key)
        if found.artifact is not None:
            return Slot(interval, key, found.artifact, (), previous, prepared, inputs)
        if self.before and before is None:
            return Slot(interval, key, None, (Reason("new_interval"),), None, prepared, inputs)
        document = self.world.document(before.action) if before else None
        why = diff(document, prepared.action.document(), prepared.labels, self.node.recipe.files)
        reasons = why if why and not found.word else (Reason(found.word or "artifact_missing"),)
        return Slot(interval, key, None, reasons, previous, prepared, inputs)


def _step(node: Node, family: Family) -> Step:
    if family.open:
        reasons = dict.fromkeys(reason for slot in family.open if slot.key for reason in slot.reasons)
        return Step(node.id, Verdict.BUILD, tuple(reasons), family=family)
    parts = family.parts({})
    index = digest_of(index_bytes(parts))
    return Step(node.id, Verdict.HIT, (), Prepared(family.made(index), {}, None), whole(parts, index), family=family)

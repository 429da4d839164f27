"""What the verdicts on intervals need of the world: the parts of inputs, what is published, the actions of slots.

Decides nothing about intervals (`model/slots.py` does), except that an input whose parts are unknown is not read at all:
taken for one table, every interval would read all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from seeknal.model.action import Artifact
from seeknal.model.explain import Reason
from seeknal.model.family import Demand, World
from seeknal.model.generation import Published
from seeknal.model.interval import Interval, settled
from seeknal.model.node import Node
from seeknal.model.parts import Parts, Slice
from seeknal.model.plan import Prepared, Step, Verdict
from seeknal.model.slots import decide_slots
from seeknal.store.cache import Store

Prepare = Callable[[Node, Mapping[str, Artifact]], Prepared]


class Intervals:
    """The nodes with intervals of one session."""

    def __init__(self, store: Store, prepare: Prepare, nodes: Callable[[str], Node]) -> None:
        self._store = store
        self._prepare = prepare
        self._nodes = nodes
        self._parts: dict[str, Parts] = {}

    def decide(
        self, node: Node, inputs: Mapping[str, Artifact], published: Published | None, demand: Demand, *, forced: bool
    ) -> Step:
        """The verdict on a node with intervals, one by one."""
        parts = {name: self.parts(name, artifact.blob) for name, artifact in inputs.items() if artifact.parts}
        read = {name: found for name, found in parts.items() if found is not None}
        if len(read) < len(parts):
            lost = next(name for name in parts if name not in read)
            text = f"the index of {lost} is missing from the store: run again"
            return Step(node.id, Verdict.BUILD, (Reason("wrong_definition", node.id, text),))
        store = self._store
        known = (published.action, published.artifact, store.parts_of(published.artifact)) if published else None
        world = World(partial(self._slot, demand), store.lookup, store.document, store.present, self.parts)
        step = decide_slots(node, inputs, read, known, demand, world, forced=forced)
        if step.family is not None and step.artifact is not None:  # its index may not be in the store yet
            store.know_parts(step.artifact.blob, step.family.parts({}))
        return step

    def parts(self, name: str, index: str) -> Parts | None:
        """The parts of a node, found by time; None where their index is not there."""
        found = self._store.parts(index)
        if found and index not in self._parts:
            node = self._nodes(name)
            self._parts[index] = Parts(found, node.interval.column, grows="cadence" in node.traits)
        return self._parts[index] if found else None

    def _slot(self, demand: Demand, node: Node, inputs: Mapping[str, Artifact | Slice], interval: Interval) -> Prepared:
        slices = [given for given in inputs.values() if isinstance(given, Slice)]
        prepared = self._prepare(node, {n: g.artifact if isinstance(g, Slice) else g for n, g in inputs.items()})
        used = (*prepared.action.inputs, *(used for given in slices for used in given.used))
        definition = prepared.action.definition
        if "again" in node.traits and not settled(interval, node.traits["cadence"], demand.now):
            definition = {**definition, "open": True}  # what is read of it once it is over is another result
        action = replace(prepared.action, definition=definition, interval=interval.texts(), inputs=used)
        return prepared._replace(action=action)

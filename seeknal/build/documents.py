"""Which action documents tell why a target is built: its own, or those of one of its intervals; or, of one that waits, as
it would be if its inputs stayed what they are.

Decides nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from seeknal.build.session import Session
from seeknal.errors import DefinitionWrong
from seeknal.model.plan import Prepared, Step


def compared(session: Session, step: Step) -> tuple[Mapping[str, Any] | None, Prepared | None]:
    """The document of what is published and the action of what would be built: of the first interval that has both."""
    if step.family is None:
        return session.document_before(step.id), step.prepared
    published = session.generation.targets.get(step.id) if session.generation else None
    parts = session.store.parts_of(published.artifact if published else None)
    known = {part.interval: part.action for part in parts}
    slot = next((slot for slot in step.family.open if slot.prepared and slot.interval in known), None)
    return (session.store.document(known[slot.interval]), slot.prepared) if slot else (None, None)


def supposed(session: Session, step: Step) -> Step:
    """A step that waits for its inputs as it is if they come out as they are published: an edit of its own shows already."""
    published = session.generation.targets if session.generation else {}
    names, node = session.graph.inputs[step.id], session.graph.nodes[step.id]
    waits = step.prepared is None and step.family is None and step.verdict.value != "SKIP"
    if not waits or not all(name in published for name in names):
        return step
    inputs = {name: published[name].artifact for name in names}
    try:
        if "cadence" in node.traits:
            made = session.intervals(node, inputs, forced=False)
            return replace(step, prepared=made.prepared, family=made.family)
        return replace(step, prepared=session.prepare(node, inputs))
    except DefinitionWrong:  # it reads what its inputs do not have yet
        return step

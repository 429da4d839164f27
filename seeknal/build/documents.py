"""Which action documents tell why a target is built: its own, or those of one of its intervals.

Decides nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seeknal.build.session import Session
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

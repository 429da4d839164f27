"""Building the intervals of one node: each is an action of its own, all of them together are its artifact.

Decides how many are built at a time. What is built, `model/slots.py` has decided; what was finished stays in the cache,
whatever becomes of the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from seeknal.build.session import Session
from seeknal.build.target import Built, build
from seeknal.model.action import Artifact
from seeknal.model.interval import Cadence, Interval, label
from seeknal.model.node import Node
from seeknal.model.parts import index_bytes, whole
from seeknal.model.plan import Step
from seeknal.model.slots import Family, Slot, shown

Told = Callable[..., None]


def build_slots(session: Session, node: Node, step: Step, tell: Told) -> Built:
    """Build what is open of a node's intervals. Raises BuildFailed, Damaged."""
    start = time.perf_counter()
    family: Family = step.family
    cadence: Cadence = node.traits["cadence"]
    work = partial(_one, session, node, cadence, tell)
    workers = session.request.workers
    if workers > 1:
        with ThreadPoolExecutor(workers, thread_name_prefix="interval") as pool:
            done = dict(pool.map(work, family.open))
    else:
        done = dict(map(work, family.open))
    built = {interval: one.artifact for interval, one in done.items()}
    notes = tuple(dict.fromkeys(note for one in done.values() for note in one.notes))
    emptied = [interval for interval, one in done.items() if _emptied(family, interval, one.artifact)]
    notes += tuple(f"warning: {label(interval, cadence.unit)} had rows and has none now" for interval in emptied[:10])
    artifact = gathered(session, family, built)
    executed = any(one.executed for one in done.values())
    spent = int((time.perf_counter() - start) * 1000)
    return Built(artifact, executed, spent, (f"intervals {shown(family, cadence)}", *notes))


def _one(session: Session, node: Node, cadence: Cadence, tell: Told, slot: Slot) -> tuple[Interval, Built]:
    forced = slot.reasons[:1] and slot.reasons[0].word in ("forced", "restated")
    built = build(session, node, slot.prepared, dict(slot.inputs), bool(forced), slot.previous)
    if built.executed:
        name = f"{node.id}@{label(slot.interval, cadence.unit)}"
        tell("interval", target=name, rows=built.artifact.rows, milliseconds=built.milliseconds)
    return slot.interval, built


def _emptied(family: Family, interval: Interval, now: Artifact) -> bool:
    before = next((slot.previous for slot in family.slots if slot.interval == interval), None)
    return before is not None and before.rows > 0 and now.rows == 0


def gathered(session: Session, family: Family, built: dict[Interval, Artifact]) -> Artifact:
    """All parts as one artifact, its index in the store."""
    parts = family.parts(built)
    return whole(parts, session.store.put_bytes(index_bytes(parts)))

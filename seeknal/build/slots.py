"""Building the intervals of one node: each is an action of its own, all of them together are its artifact.

Decides how many are built at a time, and what is said of what came out. Which are built, `model/slots.py` has decided; what
was finished stays in the cache, whatever becomes of the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any

from seeknal.build.session import Session
from seeknal.build.target import Built, Unsealed, execute
from seeknal.build.threads import quick_turns
from seeknal.errors import BuildFailed, DefinitionWrong
from seeknal.model.action import ActionResult, Artifact
from seeknal.model.family import Family, Slot, shown
from seeknal.model.interval import Cadence, Interval, label
from seeknal.model.node import Node
from seeknal.model.parts import Part, index_bytes, odd_one, whole
from seeknal.model.plan import Step

Told = Callable[..., None]
_FEW = 10  # so many warnings of one sort
_SAME = "all intervals of a node are one table"


def build_slots(session: Session, node: Node, step: Step, tell: Told) -> Built:
    """Build what is open of a node's intervals. Raises BuildFailed, DefinitionWrong, Damaged."""
    began, start = time.time(), time.perf_counter()
    family: Family = step.family
    work = _Work(session, node, family, tell)
    work.all()
    milliseconds = int((time.perf_counter() - start) * 1000)
    artifact = gathered(
        session, node, family, work.parts, {"run": session.request.run_id, "milliseconds": milliseconds}
    )
    notes = (f"intervals {shown(family, work.cadence)}", *work.notes())
    done = [one.artifact for one in work.built.values() if one.executed]
    some = sum(one.rows for one in done), sum(one.size for one in done)
    return Built(artifact, bool(done), milliseconds, notes, some=some, began=began, ran=milliseconds)


def gathered(
    session: Session, node: Node, family: Family, built: Mapping[Interval, Part], made: Mapping[str, Any]
) -> Artifact:
    """All parts as one artifact: its index in the store, and under the action that stands for all of them.

    `made` says what is known of its making. Raises BuildFailed.
    """
    parts = family.parts(built)
    odd = odd_one(parts)
    if odd is not None:
        what = "a run without --start, --end and --backfill builds all of them again" if family.kept else _SAME
        raise BuildFailed(f"{_unlike(node, *odd)}: {what}", reason="mixed_columns")
    artifact = whole(parts, session.store.put_bytes(index_bytes(parts)))
    action = family.made(artifact.blob)
    session.store.put_result(ActionResult(action.key, artifact, made), action.bytes)
    return artifact


def dropped(node: Node, family: Family) -> list[str]:
    """What is said of published intervals that nothing has any more."""
    unit = node.traits["cadence"].unit
    gone = ((label(part.interval, unit), part.artifact.rows) for part in family.dropped if part.interval)
    return _few([f"{name} ({rows:,} rows) is no interval of it any more: gone" for name, rows in gone])


def _few(texts: list[str]) -> list[str]:
    return [*texts[:_FEW], f"and {len(texts) - _FEW} more intervals"] if len(texts) > _FEW else texts


def _all(pool: ThreadPoolExecutor, futures: list[Future[Artifact]]) -> None:
    try:
        for future in as_completed(futures):
            future.result()
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise


def _unlike(node: Node, one: Part, other: Part) -> str:
    unit = node.traits["cadence"].unit
    names = [label(part.interval, unit) if part.interval else "unknown" for part in (one, other)]
    differ = dict(sorted(set(one.artifact.schema) ^ set(other.artifact.schema)))
    first, second = (dict(part.artifact.schema) for part in (one, other))
    said = "; ".join(f"{name} is {first.get(name, 'missing')} and {second.get(name, 'missing')}" for name in differ)
    text = f"{names[0]} and {names[1]} do not have the same columns: {said or 'they stand in another order'}"
    return f"{node.file}:{node.line}: {node.id}: {text}"


@dataclass(slots=True)
class _Work:
    """The open intervals of one node, being built."""

    session: Session
    node: Node
    family: Family
    tell: Told
    built: dict[Interval, Built] = field(default_factory=dict)
    parts: dict[Interval, Part] = field(default_factory=dict)

    @property
    def cadence(self) -> Cadence:
        """What `interval:` says."""
        cadence: Cadence = self.node.traits["cadence"]
        return cadence

    def all(self) -> None:
        """Side by side where the run may, one after the other where an interval reads the one before it."""
        workers = self.session.request.workers
        if any(not slot.key for slot in self.family.open):
            self._in_order()
        elif workers > 1:
            with ThreadPoolExecutor(workers, thread_name_prefix="interval") as pool:
                _all(pool, [pool.submit(self._one, slot) for slot in self.family.open])
        else:
            self._one_by_one()

    def _one_by_one(self) -> None:
        """One engine runs at a time; beside it, what ran before is sealed."""
        sealing: tuple[Slot, Future[Built]] | None = None
        with ThreadPoolExecutor(1, thread_name_prefix="interval") as pool, quick_turns():
            for slot in self.family.open:
                ran = self._ran(slot)
                if sealing:
                    self._done(sealing[0], sealing[1].result())
                sealing = slot, pool.submit(ran.seal)
            if sealing:
                self._done(sealing[0], sealing[1].result())

    def _in_order(self) -> None:
        """Each slot that waited for the one before is decided when that is there: it may be a hit after all."""
        earlier: Artifact | None = None
        for slot in self.family.slots:
            if slot.artifact is None:
                slot = self._now(slot, earlier)
            earlier = slot.artifact or self._one(slot)

    def _now(self, slot: Slot, earlier: Artifact | None) -> Slot:
        if slot.key:
            return slot
        assert self.family.again is not None
        found = self.family.again(slot, earlier)
        if found.artifact is not None:
            self.parts[slot.interval] = Part(slot.interval, found.key, found.artifact)
        return found

    def _one(self, slot: Slot) -> Artifact:
        return self._done(slot, self._ran(slot).seal())

    def _name(self, slot: Slot) -> str:
        return f"{self.node.id}@{label(slot.interval, self.cadence.unit)}"

    def _ran(self, slot: Slot) -> Unsealed:
        if slot.prepared is None:
            raise DefinitionWrong(f"{self.node.id} cannot be prepared")
        forced = any(reason.word in ("forced", "restated", self.node.traits.get("again")) for reason in slot.reasons)
        try:
            return execute(self.session, self.node, slot.prepared, dict(slot.inputs), forced, slot.previous)
        except DefinitionWrong:
            raise
        except BuildFailed as error:
            text = error.message.replace(f"{self.node.id}: ", f"{self._name(slot)}: ", 1)
            raise BuildFailed(text, reason=error.reason, hint=error.hint) from error

    def _done(self, slot: Slot, built: Built) -> Artifact:
        if built.executed:
            facts = {"rows": built.artifact.rows, "milliseconds": built.milliseconds, "start": round(built.began, 3)}
            self.tell("interval", target=self._name(slot), node=self.node.id, **facts)
        self.built[slot.interval] = built
        self.parts[slot.interval] = Part(slot.interval, slot.key, built.artifact)
        return built.artifact

    def notes(self) -> Iterable[str]:
        """What the intervals had to say, and loudly what had rows and has none now."""
        said = dict.fromkeys(note for _, one in sorted(self.built.items()) for note in one.notes)
        gone = [
            f"{label(slot.interval, self.cadence.unit)} had {slot.previous.rows:,} rows and has none now"
            for slot in self.family.slots
            if slot.previous and slot.previous.rows and slot.interval in self.parts
            if not self.parts[slot.interval].artifact.rows
        ]
        told = [*_few(gone), *dropped(self.node, self.family)]
        return (*said, *(f"warning: {text}" for text in told))

"""Marks: windows of nodes that are to be restated, kept until a run that honours them has been published.

Decides where they lie and when they go: a file of the environment, replaced whole. A mark that a crash left behind is
honoured once more, which costs time and never a wrong table.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping, Sequence

from seeknal.build.session import Session
from seeknal.errors import EnvironmentFailure, UsageError
from seeknal.model.interval import FIRST, LAST, Cadence, Interval, merged, read_stamp, slots, without
from seeknal.model.plan import Step
from seeknal.model.select import resolve
from seeknal.store.lock import locked

Marks = dict[str, list[Interval]]


def read_marks(session: Session) -> Marks:
    """All marks, by node id. Raises EnvironmentFailure when the file is damaged: a lost mark would be a stale table."""
    path = session.target.marks(session.request.environment)
    try:
        with open(path, "rb") as file:
            document = json.loads(file.read())
        return {name: [Interval(*map(read_stamp, pair)) for pair in pairs] for name, pairs in document.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError) as error:
        hint = "remove this file, then set the marks again: seeknal intervals restatement-add"
        raise EnvironmentFailure(f"{path} is damaged: {error}", reason="damaged_marks", hint=hint) from None


def marks_with(session: Session, added: Mapping[str, Iterable[Interval]]) -> Marks:
    """All marks, and these as well; those that touch become one."""
    marks = read_marks(session)
    for name, intervals in added.items():
        marks[name] = merged([*marks.get(name, ()), *intervals])
    return marks


def add_marks(session: Session, added: Mapping[str, Iterable[Interval]]) -> Marks:
    """Add marks, and return all."""
    with locked(session.target.publish_lock, exclusive=True):
        marks = marks_with(session, added)
        _write(session, marks)
    return marks


def marked(session: Session, words: Iterable[str], window: Interval) -> Marks:
    """A window of the nodes that a person named, widened to whole intervals. Raises UsageError."""
    found: Marks = {}
    for name in {name for word in words for name in resolve(session.graph, word)}:
        cadence = _cadence(session, name)
        if cadence is None:
            raise UsageError(f"{name} has no intervals: it says no `interval:`", reason="no_intervals")
        if window.start == FIRST or window.end == LAST:
            raise UsageError("to restate, a window needs --start and --end", reason="bad_window")
        whole = list(slots(cadence.unit, window))
        found[name] = [Interval(whole[0].start, whole[-1].end)]
    return found


def clear_marks(session: Session, gone: Mapping[str, Sequence[Interval]]) -> None:
    """Remove these windows from the marks: what was marked beside them, or since they were read, stays."""
    with locked(session.target.publish_lock, exclusive=True):
        marks = read_marks(session)
        left = {name: [m for one in found for m in without(one, gone.get(name, ()))] for name, found in marks.items()}
        if left != marks:
            _write(session, left)


def honoured(session: Session, steps: Mapping[str, Step], there: Container[str]) -> None:
    """Remove the marks that a published run has honoured, and say which there was nothing to do for."""
    for name, found in session.marks.items():
        if _cadence(session, name) is None:
            session.warn(
                f"{name} is marked, and is no node with intervals any more: seeknal intervals restatement-clear"
            )
        family = steps[name].family if name in steps else None
        if family and not any(slot.interval.meets(mark) for slot in family.slots for mark in found):
            session.warn(f"{name}: no interval of it lies in what was marked: nothing was built again")
    clear_marks(session, {n: found for n, found in session.marks.items() if n in there and _cadence(session, n)})


def _cadence(session: Session, name: str) -> Cadence | None:
    found: Cadence | None = session.graph.nodes[name].interval if name in session.graph.nodes else None
    return found


def _write(session: Session, marks: Marks) -> None:
    document = {name: [pair.texts() for pair in pairs] for name, pairs in sorted(marks.items()) if pairs}
    session.disk.put(
        session.target.tmp, session.target.marks(session.request.environment), json.dumps(document).encode()
    )
    session.disk.sync()

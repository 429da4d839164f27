"""Marks: windows of nodes that are to be restated, kept until a run that honours them has been published.

Decides where they lie and when they go: a file of the environment, replaced whole. A mark that a crash left behind is
honoured once more, which costs time and never a wrong table.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from seeknal.build.session import Session
from seeknal.errors import EnvironmentFailure, UsageError
from seeknal.model.interval import FIRST, LAST, Interval, merged, read_stamp, slots
from seeknal.model.select import resolve

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


def add_marks(session: Session, added: Mapping[str, Iterable[Interval]]) -> Marks:
    """Add marks; those that touch become one."""
    marks = read_marks(session)
    for name, intervals in added.items():
        marks[name] = merged([*marks.get(name, ()), *intervals])
    _write(session, marks)
    return marks


def mark(session: Session, words: Iterable[str], window: Interval) -> None:
    """Mark a window of the nodes that a person named, widened to whole intervals. Raises UsageError."""
    found: Marks = {}
    for name in {name for word in words for name in resolve(session.graph, word)}:
        traits = session.graph.nodes[name].traits
        cadence = traits.get("cadence") or traits.get("split")
        if cadence is None:
            raise UsageError(f"{name} has no intervals: it says no `interval:`", reason="no_intervals")
        if window.start == FIRST or window.end == LAST:
            raise UsageError("to restate, a window needs --start and --end", reason="bad_window")
        whole = list(slots(cadence.unit, window))
        found[name] = [Interval(whole[0].start, whole[-1].end)]
    add_marks(session, found)


def clear_marks(session: Session, names: Iterable[str] | None = None) -> None:
    """Remove the marks of these nodes, or all."""
    marks = read_marks(session)
    gone = set(marks) if names is None else set(names)
    if gone & set(marks):
        _write(session, {name: pairs for name, pairs in marks.items() if name not in gone})


def _write(session: Session, marks: Marks) -> None:
    document = {name: [pair.texts() for pair in pairs] for name, pairs in sorted(marks.items()) if pairs}
    session.disk.put(
        session.target.tmp, session.target.marks(session.request.environment), json.dumps(document).encode()
    )
    session.disk.sync()

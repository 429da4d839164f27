"""What a person edited in a node: the definitions of two of its actions compared, in words.

Decides which actions are compared: of a node with intervals, those of its last interval. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seeknal.build.documents import compared, supposed
from seeknal.build.session import Session
from seeknal.build.target import sql_engine
from seeknal.model.explain import Reason, diff, text_changes
from seeknal.model.generation import Published
from seeknal.model.parts import ENGINE
from seeknal.model.plan import Step, Verdict
from seeknal.model.sqlwords import called

Targets = Mapping[str, Published]
_LINES = 6


def edits(session: Session, name: str, before: Targets, after: Targets, kept: str | None = None) -> tuple[str, ...]:
    """What was edited in a node between two published states, or up to an action that was `kept` and not published; nothing
    where that is not known, or is no text."""
    if name not in before or (name not in after and kept is None):
        return ()
    old = _document(session, before[name])
    new = _document(session, after[name]) if name in after else session.store.document(str(kept))
    if not isinstance(new, dict) or ENGINE in (old.get("engine"), new.get("engine")):
        return ()
    names = called(new, _inputs(after, after[name])) if name in after else called(new, _inputs(before, before[name]))
    return between(session, old, new, called(old, _inputs(before, before[name])), names)


def edits_below(session: Session, step: Step) -> tuple[Reason, ...]:
    """What was edited in a node that waits for its inputs, besides what becomes of these."""
    if step.verdict is not Verdict.MAYBE:
        return ()
    before, prepared = compared(session, supposed(session, step))
    if not before or prepared is None:
        return ()
    document = prepared.action.document()
    return diff({**before, "inputs": document["inputs"], "files": document["files"]}, document, prepared.labels)


def planned_edits(session: Session, step: Step) -> tuple[str, ...]:
    """What was edited in a node since it was published."""
    before, prepared = compared(session, step)
    if not before or prepared is None:
        return ()
    published = session.generation.targets if session.generation else {}
    names = called(before, _inputs(published, published[step.id])) if step.id in published else {}
    return between(session, before, prepared.action.document(), names, prepared.labels)


def between(
    session: Session,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    old_names: Mapping[str, str],
    new_names: Mapping[str, str],
) -> tuple[str, ...]:
    """What differs in the texts of two action documents: queries clause by clause, all else line by line."""
    before, after = old.get("definition", {}), new.get("definition", {})
    found: list[str] = []
    sql = before.get("sql"), after.get("sql")
    if sql[0] != sql[1] and isinstance(sql[0], str) and isinstance(sql[1], str):
        words = sql_engine(session).in_words(sql[0], sql[1], old_names, new_names)
        found += (f"sql: {text}" for text in words or ())
    said = {"sql"} if found else set()
    lines = text_changes(_called(before, said, old_names), _called(after, said, new_names))
    return (
        (*found, *lines) if len(lines) <= _LINES else (*found, *lines[:_LINES], f"and {len(lines) - _LINES} more lines")
    )


def _called(definition: Mapping[str, Any], said: set[str], names: Mapping[str, str]) -> dict[str, Any]:
    """What is not said yet of a definition, with relations called as people call them."""
    found = {key: value for key, value in definition.items() if key not in said}
    for name, label in names.items():
        found = {key: value.replace(name, label) if isinstance(value, str) else value for key, value in found.items()}
    return found


def _document(session: Session, target: Published) -> Mapping[str, Any]:
    parts = session.store.parts_of(target.artifact)
    document = session.store.document(parts[-1].action if parts else target.action)
    return document if isinstance(document, dict) else {}


def _inputs(targets: Targets, target: Published) -> dict[str, Any]:
    """Artifacts that a target may have read: what it says of its inputs, else all."""
    names = target.meta.get("inputs") or targets
    return {name: targets[name].artifact for name in names if name in targets}

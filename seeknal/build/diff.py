"""Comparing two published states: every node that differs, down to its rows.

Decides which key the rows of a node have, and what is said where they cannot be compared. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from seeknal.build.rowdiff import RowDiff, compare
from seeknal.build.session import Session
from seeknal.errors import UsageError, nearest
from seeknal.model.diff import CHANGED, Columns, Difference, Pair, Shared, columns, key_of, keys_of, pairs
from seeknal.model.generation import Published
from seeknal.model.node import Node
from seeknal.store.cache import Damaged


class NodeDiff(NamedTuple):
    """A node that differs: how, what became of its columns and rows; `note` says why rows were not compared. `intervals`:
    how many of how many parts were read."""

    difference: Difference
    columns: Columns | None = None
    rows: RowDiff | None = None
    note: str = ""
    intervals: tuple[int, int] | None = None


def diff_node(session: Session, difference: Difference, key: Sequence[str], sample: int) -> NodeDiff:
    """What differs in one node. `key` was named by a person; else it is what the node says of itself."""
    before, after = difference.before, difference.after
    if difference.word != CHANGED or before is None or after is None:
        return NodeDiff(difference)
    found = columns(before.artifact, after.artifact)
    node = session.graph.nodes.get(difference.id)
    parts = session.store.parts_of(before.artifact), session.store.parts_of(after.artifact)
    todo = pairs(before.artifact, after.artifact, *parts)
    intervals = (len(todo), max(map(len, parts))) if all(parts) else None
    note = _unreadable(session, before, after, todo)
    if note or not found.shared:
        return NodeDiff(difference, found, None, note or "no column is the same: rows are not compared", intervals)
    if before.artifact.rows == after.artifact.rows and not found.differing:
        return NodeDiff(difference, found, None, "", intervals)
    try:
        rows = compare(session, todo, found.shared, _key(found, key, node), sample)
    except Damaged:
        return NodeDiff(difference, found, None, "rows are not compared: stored bytes are damaged", intervals)
    return NodeDiff(difference, found, rows, _odd_key(found, rows, key), intervals)


def _key(found: Columns, named: Sequence[str], node: Node | None) -> tuple[Shared, ...]:
    wanted = [tuple(named)] if named else keys_of(node.traits) if node else []
    return next(filter(None, (key_of(names, found.shared) for names in wanted)), ())


def _odd_key(found: Columns, rows: RowDiff, named: Sequence[str]) -> str:
    """Why the key that a person named is not the one that was used."""
    if named and not key_of(named, found.shared):
        return f"not both tables have {', '.join(named)}"
    return f"{', '.join(rows.key)} is no key: it repeats" if rows.repeated else ""


def _unreadable(session: Session, before: Published, after: Published, todo: Sequence[Pair]) -> str:
    for target in (before, after):
        session.place_in(target)
    for word, files in (
        ("before", [one for pair in todo for one in pair.old]),
        ("after", [a for p in todo for a in p.new]),
    ):
        if any(session.store.present(artifact).artifact is None for artifact in files):
            return f"rows are not compared: those {word} are gone (removed by gc, or a file in place has changed since)"
    return ""


def check_key(found: Sequence[NodeDiff], key: Sequence[str]) -> None:
    """Raise UsageError when no table that was compared has the columns that were named as the key."""
    compared = [one.columns for one in found if one.rows is not None and one.columns]
    if key and compared and not any(key_of(key, columns.shared) for columns in compared):
        known = {column.new for columns in compared for column in columns.shared}
        lost = next((name for name in key if name not in known), key[0])
        raise UsageError(
            f"no compared table has the columns {', '.join(key)}{nearest(lost, known)}", reason="unknown_column"
        )

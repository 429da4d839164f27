"""Comparing two canonical queries: does the new one only add columns to the old one's result, and what changed in words.

Decides by the trees alone, and says no wherever there is doubt. Never runs or plans a query.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from seeknal.model.sqltree import same
from seeknal.model.sqlwords import Query, changes


def only_adds_columns(con: Any, old: str, new: str) -> bool:
    """Whether `new` is `old` with further items in its select list and nothing else changed."""
    before, after = (_select(con, sql) for sql in (old, new))
    if before is None or after is None or _counts_columns(before) or _counts_columns(after):
        return False
    kept = iter(after["select_list"])
    if not all(any(same(item, other) for other in kept) for item in before["select_list"]):
        return False
    return same({**before, "select_list": []}, {**after, "select_list": []})


def in_words(
    con: Any, old: str, new: str, old_names: Mapping[str, str], new_names: Mapping[str, str]
) -> tuple[str, ...]:
    """What changed between two queries whose relations are called so by people; nothing where it cannot be said well."""
    trees = [_tree(con, sql) for sql in (old, new)]
    if trees[0] is None or trees[1] is None:
        return ()
    return changes(Query(old, trees[0], old_names), Query(new, trees[1], new_names))


def _select(con: Any, sql: str) -> dict[str, Any] | None:
    node = _tree(con, sql)
    return node if node and node.get("type") == "SELECT_NODE" else None


def _tree(con: Any, sql: str) -> dict[str, Any] | None:
    try:
        tree = json.loads(con.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()[0])
    except RecursionError:  # nested too deeply to be told in words
        return None
    return None if tree.get("error") else tree["statements"][0]["node"]


def _counts_columns(node: dict[str, Any]) -> bool:
    distinct = any(modifier.get("type") == "DISTINCT_MODIFIER" for modifier in node.get("modifiers", ()))
    return distinct or node.get("aggregate_handling") not in (None, "STANDARD_HANDLING")

"""Comparing two canonical queries: does the new one only add columns to the old one's result?

Decides by the trees alone, and says no wherever there is doubt. Never runs or plans a query.
"""

from __future__ import annotations

import json
from typing import Any

from seeknal.model.sqltree import same


def only_adds_columns(con: Any, old: str, new: str) -> bool:
    """Whether `new` is `old` with further items in its select list and nothing else changed."""
    before, after = (_select(con, sql) for sql in (old, new))
    if before is None or after is None or _counts_columns(before) or _counts_columns(after):
        return False
    kept = iter(after["select_list"])
    if not all(any(same(item, other) for other in kept) for item in before["select_list"]):
        return False
    return same({**before, "select_list": []}, {**after, "select_list": []})


def _select(con: Any, sql: str) -> dict[str, Any] | None:
    tree = json.loads(con.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()[0])
    if tree.get("error"):
        return None
    node = tree["statements"][0]["node"]
    return node if node.get("type") == "SELECT_NODE" else None


def _counts_columns(node: dict[str, Any]) -> bool:
    distinct = any(modifier.get("type") == "DISTINCT_MODIFIER" for modifier in node.get("modifiers", ()))
    return distinct or node.get("aggregate_handling") not in (None, "STANDARD_HANDLING")

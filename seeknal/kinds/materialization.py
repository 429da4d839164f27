"""`materialization`: a table outside to which a node's rows are written; nobody writes the kind down.

Each table that a node names in `materialization`, `materializations` or `@materialize` is a target of its own behind the
node: written after publication, tried again by the next run when that fails, and by no rebuild of the node.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from seeknal.errors import Problem
from seeknal.model.node import Input, Node, Recipe, view_stem

# Where a table is and who may write there is no part of what is written.
_WHERE = ("catalog_uri", "warehouse")
_NOT_SAID = ("path", "file", "line", "enabled", *_WHERE)


def derive(nodes: Iterable[Node]) -> tuple[list[Node], list[Problem]]:
    """The tables outside of a project; two nodes that write one table are a problem."""
    found: dict[str, Node] = {}
    problems = []
    for node in nodes:
        for table in node.traits.get("tables", ()):
            if "table" not in table:
                continue
            made = _materialization(node, table)
            other = found.get(view_stem(made.id), made)
            if other is not made and made.traits["enabled"] and other.traits["enabled"]:
                text = f"{made.traits['beside']} and {other.traits['beside']} write the same table {table['table']}"
                problems.append(Problem(made.file, made.line, text, "same_table"))
            found[view_stem(made.id)] = made if made.traits["enabled"] else other
    return list(found.values()), problems


def _materialization(node: Node, table: Mapping[str, Any]) -> Node:
    name = ".".join(filter(None, (table.get("connection") or table["type"], table["table"])))
    definition = {key: value for key, value in table.items() if key not in _NOT_SAID}
    if node.interval is not None and _by_interval(table, node.interval.column):
        definition["unit"] = node.interval.unit
    late = {"connection": {name: table[name] for name in _WHERE if name in table}}
    recipe = Recipe("materialization", definition, (Input(node.id),), late=late)
    place = table.get("file", node.file), table.get("line", node.line)
    traits = {
        "outside": True, "everywhere": True, "far": True, "beside": node.id, "behind": node.id, "enabled": table["enabled"],
    }  # fmt: skip
    return Node("materialization", name, recipe, *place, node.tags, traits=traits)


def _by_interval(table: Mapping[str, Any], column: str) -> bool:
    """Whether the table is written interval by interval: its rows know which one they belong to."""
    return bool(table["mode"] == "append" or table.get("time_column") == column)

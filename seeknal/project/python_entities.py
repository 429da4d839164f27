"""Functions that read feature groups or entities: what the declarations of these say of keys and times.

Decides that this is part of such a function's key, because its joins follow it, and which columns of an entity a function
reads: the keys, the event time, and the structs of the feature groups that it names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from seeknal.errors import Problem, nearest
from seeknal.model.node import Input, Node

_TIME = "event_time"


def with_entities(nodes: Iterable[Node], problems: list[Problem]) -> list[Node]:
    """The nodes, functions among them with what they have to know; adds to `problems`."""
    nodes = list(nodes)
    known = {node.id: node for node in nodes if "join_keys" in node.traits}
    return [_informed(node, known, problems) for node in nodes]


def _informed(node: Node, known: Mapping[str, Node], problems: list[Problem]) -> Node:
    recipe = node.recipe
    read = {need.node: known[need.node] for need in recipe.inputs if need.node in known}
    if not read or "function" not in recipe.late:
        return node
    about = {name: _about(other) for name, other in read.items()}
    inputs = tuple(_needed(node, need, read.get(need.node), problems) for need in recipe.inputs)
    definition, late = {**recipe.definition, "entities": about}, {**recipe.late, "entities": about}
    return replace(node, recipe=replace(recipe, definition=definition, late=late, inputs=inputs))


def _about(node: Node) -> list[Any]:
    """Entity, join keys, and the name of the event time; nothing there for the entity itself."""
    time = (node.traits["event_time"] or _TIME) if "entity" in node.traits else None
    return [node.traits.get("entity", node.name), list(node.traits["join_keys"]), time]


def _needed(node: Node, need: Input, entity: Node | None, problems: list[Problem]) -> Input:
    if entity is None or need.columns is None or "entity" in entity.traits:
        return need
    always = [*entity.traits["join_keys"], _TIME]
    have = [*always, *(group["name"] for group in entity.recipe.definition["groups"])]
    lost = [name for name in need.columns if name not in have]
    if lost:
        text = f"{node.id}: {entity.id} has no feature group {lost[0]!r}{nearest(lost[0], have)}"
        problems.append(Problem(node.file, node.line, text, "unknown_input"))
    return Input(need.node, tuple(dict.fromkeys([*always, *need.columns])))

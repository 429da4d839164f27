"""How a change looks to those who read the node: `breaking`, `non_breaking`, `metadata` or `data`.

Decides the word and what exactly changed, from the published state and the plan's step. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from seeknal.model.explain import Reason, render, schema_changes
from seeknal.model.generation import NOTED, Published
from seeknal.model.node import Node
from seeknal.model.plan import Step, Verdict

BREAKING, NON_BREAKING, METADATA, DATA = "breaking", "non_breaking", "metadata", "data"
# Whether another text means the same is seen where it can be planned.
_UNSURE = {"formatting or comments": "definition"}
_LOGIC = ("definition_changed", "engine_changed", "clock_changed", "input_added", "input_removed")


class Change(NamedTuple):
    """A changed node: its category and the words for what changed."""

    id: str
    category: str
    details: tuple[str, ...]


def change_of(
    node: Node, step: Step, published: Published | None, before: Mapping[str, Any] | None, *, additive: bool
) -> Change | None:
    """The change of one node against what is published; None when nothing changed. `additive`: see the engine."""
    if published is None:
        return Change(node.id, NON_BREAKING, ("new node",))
    if step.prepared is None:  # what it reads is not known yet
        details = tuple(_UNSURE.get(text, text) for text in meta_changes(published.meta, node.meta))
        return Change(node.id, _of_words(details), details) if details else None
    if step.key == published.action:
        details = meta_changes(published.meta, node.meta)
        return Change(node.id, _of_words(details, sure=True), details) if details else None
    reasons = _reasons(node, step, before)
    logic = [reason for reason in reasons if reason.word in _LOGIC]
    gone = _inputs_gone(published.meta, node.meta)
    if not logic and not gone:
        return Change(node.id, DATA, tuple(render(reason) for reason in reasons))
    columns = schema_changes(published.artifact.schema, step.prepared.columns or published.artifact.schema)
    added_only = additive and not gone and all(text.endswith(" added") for text in columns)
    category = NON_BREAKING if added_only or not node.is_table else BREAKING
    return Change(node.id, category, (*gone, *_details(logic, columns)))


def _of_words(details: tuple[str, ...], *, sure: bool = False) -> str:
    """Another entity is another meaning of the same rows; all else that is not in a key is for people."""
    unsure = () if sure else ("inputs", *_UNSURE.values())
    return BREAKING if {"entity", *unsure}.intersection(details) else METADATA


def _inputs_gone(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"input {name} removed" for name in before.get("inputs", ()) if name not in after.get("inputs", ()))


def _reasons(node: Node, step: Step, before: Mapping[str, Any] | None) -> tuple[Reason, ...]:
    from seeknal.model.explain import diff

    if step.verdict is Verdict.BUILD and step.reasons and step.reasons[0].word not in ("forced", "shared"):
        return step.reasons
    if step.prepared is None:
        return step.reasons
    return diff(before, step.prepared.action.document(), step.prepared.labels, node.recipe.files)


def _details(logic: list[Reason], columns: tuple[str, ...]) -> tuple[str, ...]:
    sql = [f"sql: {text}" for text in columns]
    return tuple(sql + [render(reason) for reason in logic if not (sql and reason.subject == "sql")])


def meta_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Which words that are not in any key changed: `description`, `owner`, `tags`, `formatting`, ..."""
    known = before.keys() | after.keys() if "inputs" in before else (before.keys() | after.keys()) - {"inputs"}
    names = sorted(name for name in known.difference(NOTED) if before.get(name) != after.get(name))
    return tuple("formatting or comments" if name == "text" else name for name in names)

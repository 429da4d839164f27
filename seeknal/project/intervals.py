"""What `interval:` and `schedule:` of a declaration make of its node, and what a node that reads itself has to say.

Decides the traits `cadence` (a node whose intervals are built one by one, or a source that is asked for them one by one),
`split` (a source that is read once and split)
and `self` (the columns of `ref('self')` where there is no earlier interval yet).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from seeknal import kinds
from seeknal.errors import Problem
from seeknal.model.interval import Cadence, cadence_of
from seeknal.model.lowering import BOUNDS, Wrong, literal, quoted
from seeknal.model.node import SELF, Node, Recipe, Schema

# What is said of how intervals are built, which those of a source are not.
_OF_READERS = ("start", "lookback", "open")


def interval_traits(kind: str, fields: Mapping[str, Any], traits: Mapping[str, Any]) -> dict[str, Any]:
    """The traits of a node of this kind with these fields, beside the `traits` that it has. Raises Wrong."""
    cadence = cadence_of(fields.get("interval"), fields.get("schedule"))
    if cadence is None:
        return {}
    how = getattr(kinds.get(kind), "INTERVALS", None)
    if how is None:
        may = ", ".join(name for name in kinds.written() if hasattr(kinds.get(name), "INTERVALS"))
        raise Wrong(("interval",), f"a {kind} has no intervals of its own; these may have: {may}")
    given = fields["interval"] if isinstance(fields["interval"], Mapping) else {}
    if "again" in traits:  # it cannot be seen whether it changed: what is over is read once
        return _asked_for(cadence, given)
    if how == "split":
        text = "a source is read whole, so {} is ignored: say it in the nodes that read it"
        ignored = [(("interval", f), text.format(f), "ignored_option") for f in _OF_READERS if f in given]
        return {"split": cadence, "warnings": [*traits["warnings"], *ignored]}
    return {"cadence": cadence, SELF: _typed(fields.get("columns"))}


def _asked_for(cadence: Cadence, given: Mapping[str, Any]) -> dict[str, Any]:
    """Intervals that are asked for one by one: the running one, too, unless the source says otherwise. Raises Wrong."""
    if cadence.start is None:
        text = "interval.start is missing: the date from which on a source that is asked for its intervals has rows"
        raise Wrong(("interval",), text)
    return {"cadence": replace(cadence, open=given.get("open", True)), SELF: ()}


def own_rows(kind: str, recipe: Recipe, cadence: Cadence | None) -> Recipe:
    """The recipe without the rows that its intervals only look back on, where the kind makes such rows."""
    if cadence is None or not cadence.lookback or not hasattr(kinds.get(kind), "OWN_ROWS_ONLY"):
        return recipe
    time = f"CAST({quoted(cadence.column)} AS TIMESTAMP)"
    start, end = (f"CAST({literal(BOUNDS[bound])} AS TIMESTAMP)" for bound in ("interval_start", "interval_end"))
    step = f"SELECT * FROM __query__ WHERE {time} >= {start} AND {time} < {end}"
    then = [*recipe.definition.get("then", ()), step]
    return replace(recipe, definition={**recipe.definition, "then": then})


def _typed(columns: Any) -> Schema:
    found = columns.items() if isinstance(columns, Mapping) else ()
    types = ((name, said.get("dtype", said.get("type")) if isinstance(said, Mapping) else said) for name, said in found)
    return tuple((str(name), str(type_)) for name, type_ in types if type_)


def check_itself(node: Node) -> list[Problem]:
    """What is missing of a node that reads its own earlier interval."""
    if "cadence" not in node.traits:
        text = "ref('self') is the node's own earlier interval, and it has none: say interval:"
    elif not node.traits[SELF]:
        text = (
            "a node that reads itself lists its columns with their types, which the first interval reads as an empty"
            " table: columns: {day: DATE, total: BIGINT}"
        )
    else:
        return []
    return [Problem(node.file, node.line, f"{node.id}: {text}", "reads_itself")]


def careless(nodes: Iterable[Node]) -> list[Problem]:
    """Warnings of nodes whose intervals all read the same rows: nothing that they read knows of intervals, nor do they."""
    nodes = list(nodes)
    known = {node.id for node in nodes if "cadence" in node.traits or "split" in node.traits}
    found = []
    for node in nodes:
        inputs = {need.node for need in node.recipe.inputs} - {SELF}
        if "cadence" in node.traits and inputs and not inputs & known and not _knows_its_interval(node):
            text = (
                f"{node.id}: every interval reads all of {', '.join(sorted(inputs))}: say interval: there, too, or choose "
                "the rows with {{interval_start}} and {{interval_end}}"
            )
            found.append(Problem(node.file, node.line, text, "same_rows"))
    return found


def _knows_its_interval(node: Node) -> bool:
    text, uses = str(node.recipe.definition), node.recipe.late.get("uses", ())
    return any(token in text for token in BOUNDS.values()) or not {"interval", "*"}.isdisjoint(uses)

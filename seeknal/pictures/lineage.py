"""The picture of a project: its nodes in layers, the columns of each and what they are made of, and what is known of quality.

Decides the form in which the page gets it: nodes and columns by number, what is empty left out, counts that do not change
written once. What is drawn when is the page's own business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seeknal.model.lineage import Lineage
from seeknal.pictures.layers import placed
from seeknal.pictures.page import page


def lineage_page(lineages: Mapping[str, Lineage], inputs: Mapping[str, Sequence[str]], facts: Mapping[str, Any]) -> str:
    """The page of a project."""
    return page(f"{facts['project']}: lineage", "lineage", lineage(lineages, inputs, facts))


def lineage(
    lineages: Mapping[str, Lineage], inputs: Mapping[str, Sequence[str]], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """What the page of a project shows; `inputs` has the nodes in build order."""
    number = {name: i for i, name in enumerate(inputs)}
    known = facts["nodes"]
    kinds = sorted({known[name]["kind"] for name in inputs})
    places = placed(inputs)
    columns = {name: {c: i for i, (c, _) in enumerate(lineages[name].columns)} for name in inputs}
    nodes = []
    for name in inputs:
        node = _node(lineages[name], known[name], number, columns)
        node |= {
            "kind": kinds.index(known[name]["kind"]),
            "at": list(places[name]),
            "in": [number[n] for n in inputs[name]],
        }
        nodes.append({key: value for key, value in node.items() if value not in (None, "", [], {}, 0) or key in _KEPT})
    rest = {name: facts[name] for name in ("project", "environment", "generations", "failures", "hint", "start")}
    return {**rest, "kinds": kinds, "nodes": nodes}


_KEPT = ("kind", "rows", "in", "at", "count")


def _node(
    found: Lineage, fact: Mapping[str, Any], number: Mapping[str, int], columns: Mapping[str, Mapping[str, int]]
) -> dict[str, Any]:
    texts = fact["meta"].get("columns")
    node = {
        **{name: fact.get(name) for name in ("name", "file", "line", "engine", "table", "definition", "settings")},
        **{name: fact.get(name) for name in ("size", "intervals", "count", "built", "findings", "violations", "profile")},
        **{name: fact["meta"].get(name) for name in ("description", "owner", "tags")},
        "id": found.node,
        "how": found.how,
        "why": found.why,
        "columns": [list(column) for column in found.columns],
        "texts": texts if isinstance(texts, Mapping) and found.node else None,
        "guards": number.get(str(fact.get("guards"))),
        "profiles": number.get(str(fact.get("profiles"))),
        "rows": runs_of(fact["rows"]),
        "reads": [
            [number[name], [columns[name][c] for c in read if c in columns[name]]]
            for name, read in found.reads.items()
            if name in number
        ],
        "from": [
            [[number[at.node], columns[at.node][at.column]] for at in found.origins.get(c, ()) if _is(at, columns)]
            for c, _ in found.columns
        ],
    }  # fmt: skip
    if not any(node["from"]) and found.how != "exact":
        node["from"] = []
    return node


def _is(at: tuple[str, str], columns: Mapping[str, Mapping[str, int]]) -> bool:
    return at[0] in columns and at[1] in columns[at[0]]


def runs_of(values: Sequence[Any]) -> list[list[Any]]:
    """Equal values that follow each other, as [value, how many]."""
    found: list[list[Any]] = []
    for value in values:
        if found and found[-1][0] == value:
            found[-1][1] += 1
        else:
            found.append([value, 1])
    return found

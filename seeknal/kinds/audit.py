"""`audit`: what a node says of its own output in `audits`, `tests` and `freshness`; nobody writes the kind down.

Each such node has an audit of its own beside it, so that an edited audit is checked again without a rebuild of the node.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from seeknal.errors import Problem
from seeknal.model.checklist import TYPES, Item, checks_of, seconds
from seeknal.model.checks import Check, by_age, findings_sql
from seeknal.model.lowering import Wrong, input_names
from seeknal.model.node import Input, Node, Recipe, view_stem


def checks_on(fields: Mapping[str, Any]) -> tuple[Check, ...]:
    """The checks that a node's declaration has on its own output. Raises Wrong."""
    audits = fields.get("audits")
    if audits is not None and not isinstance(audits, list):
        raise Wrong(("audits",), "audits is a list: audits: [{type: not_null, columns: [id]}]")
    found = checks_of(audits or [], ("audits",), "input_0")
    tests = fields.get("tests")
    known = [(i, _test(item)) for i, item in enumerate(tests if isinstance(tests, list) else [])]
    found += [check for i, item in known if item for check in checks_of(item, ("tests", i), "input_0")]
    return (*found, *_freshness(fields.get("freshness")))


def _test(item: Any) -> dict[str, Any] | None:
    """A test as an audit, where it is one: `{type: unique, columns: [id]}` or `{unique: [id]}`; else None."""
    if not isinstance(item, Mapping):
        return None
    if item.get("type") in TYPES:
        return dict(item)
    word = next(iter(item)) if len(item) == 1 else None
    if word not in TYPES:
        return None
    value = item[word]
    return {"type": word, **value} if isinstance(value, Mapping) else {"type": word, "columns": value}


def _freshness(value: Any) -> Iterator[Check]:
    if value is None:
        return
    if not isinstance(value, Mapping):
        raise Wrong(("freshness",), "freshness is a mapping: freshness: {time_column: day, error_after: 48h}")
    limits = [word for word in ("warn", "error") if value.get(f"{word}_after") is not None]
    column = value.get("time_column")
    if limits and not isinstance(column, str):
        raise Wrong(("freshness", "time_column"), "freshness needs time_column: the column with the time of a row")
    item = Item({**value, "type": "freshness"}, ("freshness",), "input_0")
    for severity in limits:
        age = seconds(item, f"{severity}_after")
        label = f"freshness({column})"
        yield Check("freshness", label, by_age(str(column), item.table), severity=severity, max_age=age)


def derive(nodes: Iterable[Node]) -> tuple[list[Node], list[Problem]]:
    """The audits of a project: one for each node that has checks on its own output."""
    return [_audit(node) for node in nodes if node.traits.get("audits")], []


def _audit(node: Node) -> Node:
    checks = node.traits["audits"]
    recipe = Recipe("duckdb", {"sql": findings_sql(checks)}, (Input(node.id),), names=input_names((node.id,)))
    traits = {"checks": checks, "guards": node.id}
    return Node("audit", view_stem(node.id), recipe, node.file, node.line, node.tags, traits=traits)

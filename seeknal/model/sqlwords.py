"""What changed between two canonical queries, in words: `column fare removed`, `filter on minutes: (minutes > 5) -> ...`.

Decides by the syntax trees of both, clause by clause; where these do not tell it, it says nothing and the texts are compared.
Pure: the engine gives the trees.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seeknal.model.action import Artifact
from seeknal.model.sqltree import Tree, column, each, path, place, same

_SHORT = 90
_NEVER = 1 << 62
_READS = "what it reads changed"
# DuckDB quotes names that are words of its grammar too: for a person they are plain.
_PLAIN = re.compile(r'"([a-z_][a-z0-9_]*)"')


@dataclass(frozen=True, slots=True)
class Query:
    """A canonical query: its text, its tree, and what the relations in it are called by people."""

    text: str
    tree: Tree
    names: Mapping[str, str]

    def show(self, node: Tree) -> str:
        """An expression as it is written; nothing where DuckDB does not say where it stands."""
        start, size = place(node), node.get("query_location_length", _NEVER)
        if start is None or not isinstance(size, int) or size >= _NEVER:
            return ""
        shown = self.text.encode()[start : start + size].decode(errors="replace").strip()
        for name, label in self.names.items():
            shown = shown.replace(name, label)
        return _PLAIN.sub(r"\1", shown)

    def relation(self, node: Tree) -> str:
        """A table as people call it."""
        name = ".".join(path(node))
        return self.names.get(name, name)


def changes(old: Query, new: Query) -> tuple[str, ...]:
    """What changed, in words; nothing when that cannot be said well."""
    try:
        return tuple(dict.fromkeys(_nodes(old, new, old.tree, new.tree)))
    except (KeyError, TypeError, AttributeError, RecursionError):  # a tree of a shape that is not known here
        return ()


def _nodes(old: Query, new: Query, one: Tree, other: Tree) -> Iterator[str]:
    if one["type"] != other["type"]:
        return
    if one["type"] != "SELECT_NODE":
        yield from _parts(old, new, one, other)
        return
    yield from _ctes(old, new, one, other)
    yield from _columns(old, new, one["select_list"], other["select_list"])
    yield from _sources(old, new, one.get("from_table"), other.get("from_table"))
    if not same(one.get("sample"), other.get("sample")):
        yield "the sample changed"
    for clause, word in (("where_clause", "filter"), ("having", "filter on groups (having)"), ("qualify", "qualify")):
        yield from _conditions(old, new, word, one.get(clause), other.get(clause))
    yield from _groups(old, new, one, other)
    yield from _modifiers(old, new, one, other)


def _parts(old: Query, new: Query, one: Tree, other: Tree) -> Iterator[str]:
    """The sides of a UNION and its like."""
    sides = [
        [node[side] for side in ("left", "right") if side in node] or node.get("children", []) for node in (one, other)
    ]
    if len(sides[0]) == len(sides[1]):
        for before, after in zip(*sides, strict=True):
            yield from _nodes(old, new, before, after)


def _ctes(old: Query, new: Query, one: Tree, other: Tree) -> Iterator[str]:
    before, after = ({item["key"]: item["value"] for item in node["cte_map"]["map"]} for node in (one, other))
    for name in before.keys() - after.keys():
        yield f"{name} (of WITH) removed"
    for name, value in after.items():
        if name not in before:
            yield f"{name} (of WITH) added"
        elif not same(before[name], value):
            inner = _nodes(old, new, _query_of(before[name]), _query_of(value))
            yield from _or(f"{name} (of WITH) changed", [f"in {name}: {text}" for text in inner])


def _query_of(value: Tree) -> Tree:
    inner: Tree = value["query_node"] if "query_node" in value else value["query"]["node"]
    return inner


def _columns(old: Query, new: Query, one: list[Tree], other: list[Tree]) -> Iterator[str]:
    before, after = _by_name(old, one), _by_name(new, other)
    yield from (f"column {name} removed" for name in before if name not in after)
    yield from (f"column {name} added" for name in after if name not in before)
    for name, item in after.items():
        if name in before and not same(before[name], item):
            yield _change(f"column {name}", old.show(before[name]), new.show(item))
    kept = [name for name in after if name in before]
    if kept != [name for name in before if name in after]:
        yield "columns in another order"


def _by_name(query: Query, items: list[Tree]) -> dict[str, Tree]:
    return {_name(query, item): item for item in items}


def _name(query: Query, item: Tree) -> str:
    if item.get("alias"):
        return str(item["alias"])
    if item.get("type") == "STAR":
        return f"{item['relation_name']}.*" if item.get("relation_name") else "*"
    return column(item)[-1] if column(item) else query.show(item)


def _change(what: str, before: str, after: str) -> str:
    """`what: before -> after`, where that is short enough to be read."""
    text = f"{what}: {before} -> {after}"
    return text if before and after and before != after and len(text) <= _SHORT else f"{what} changed"


def _sources(old: Query, new: Query, one: Tree | None, other: Tree | None) -> Iterator[str]:
    if one is not None and other is not None and not same(_renamed(old, one), _renamed(new, other)):
        yield from _or(_READS, _from(old, new, one, other))


def _from(old: Query, new: Query, one: Tree, other: Tree) -> Iterator[str]:
    before, after = dict(_tables(old, one)), dict(_tables(new, other))
    gone, come = ([n for n in side if n not in rest] for side, rest in ((before, after), (after, before)))
    if len(before) == len(after) == 1 and gone and come:
        yield f"reads {come[0]} instead of {gone[0]}"
    else:
        yield from (f"join with {name} removed" for name in gone)
        yield from (f"join with {name} added" for name in come)
    for name, table in after.items():
        was = before.get(name)
        if was and table["type"] == was["type"] == "SUBQUERY" and not same(was, table):
            inner = _nodes(old, new, was["subquery"]["node"], table["subquery"]["node"])
            yield from _or(f"{name} changed", [f"in {name}: {text}" for text in inner if not text.endswith(_READS)])
    if not gone and not come:
        yield from _joins(old, new, one, other)


def _or(otherwise: str, texts: Iterable[str]) -> Iterator[str]:
    """The texts; where there are none, what can be said in any case."""
    found = [*texts]
    yield from found or (otherwise,)


def _renamed(query: Query, root: Tree) -> Any:
    """The tree with relations called as people call them: their number among the inputs is no difference."""
    if isinstance(root, dict):
        named = {key: _renamed(query, value) for key, value in root.items()}
        if root.get("type") == "BASE_TABLE":
            named |= {"table_name": query.relation(root), "qualified_name": None}
        return named
    return [_renamed(query, item) for item in root] if isinstance(root, list) else root


def _tables(query: Query, root: Tree) -> Iterator[tuple[str, Tree]]:
    """The tables that are joined, by name."""
    waiting = [root]
    while waiting:
        node = waiting.pop(0)
        if node["type"] == "JOIN":
            waiting = [node["left"], node["right"], *waiting]
        elif node["type"] == "BASE_TABLE":
            yield query.relation(node), node
        else:
            yield node.get("alias") or node["type"].lower().replace("_", " "), node


def _joins(old: Query, new: Query, one: Tree, other: Tree) -> Iterator[str]:
    """Joins of the same tables that are joined another way."""
    before, after = (
        {_right(q, node): node for node in each(root) if node.get("type") == "JOIN"}
        for q, root in ((old, one), (new, other))
    )
    for name, node in after.items():
        was = before.get(name)
        if was is None or same(_way(was), _way(node)):
            continue
        if was["join_type"] != node["join_type"]:
            yield f"join with {name}: {was['join_type'].lower()} -> {node['join_type'].lower()}"
        else:
            yield _change(f"join with {name}", _on(old, was), _on(new, node))


def _right(query: Query, join: Tree) -> str:
    return next((name for name, _ in _tables(query, join["right"])), "")


def _way(join: Tree) -> Any:
    return [join.get(member) for member in ("join_type", "ref_type", "condition", "using_columns")]


def _on(query: Query, join: Tree) -> str:
    return query.show(join["condition"]) if join.get("condition") else f"using {', '.join(join['using_columns'])}"


def _conditions(old: Query, new: Query, word: str, one: Tree | None, other: Tree | None) -> Iterator[str]:
    before, after = _conjuncts(one), _conjuncts(other)
    gone = [item for item in before if not any(same(item, kept) for kept in after)]
    come = [item for item in after if not any(same(item, kept) for kept in before)]
    for item in list(come):
        was = next((lost for lost in gone if _names(lost) == _names(item)), None)
        if was is not None:
            gone.remove(was)
            come.remove(item)
            yield _change(f"{word} on {_listed(item)}", old.show(was), new.show(item))
    yield from (_said(f"{word} on {_listed(item)} removed", old.show(item)) for item in gone)
    yield from (_said(f"{word} on {_listed(item)} added", new.show(item)) for item in come)


def _said(text: str, shown: str) -> str:
    return f"{text}: {shown}" if shown and len(text) + len(shown) <= _SHORT else text


def _conjuncts(condition: Tree | None) -> list[Tree]:
    if condition is None:
        return []
    if condition["type"] != "CONJUNCTION_AND":
        return [condition]
    return [part for child in condition["children"] for part in _conjuncts(child)]


def _names(condition: Tree) -> list[str]:
    return sorted({column(node)[-1] for node in each(condition) if column(node)})


def _listed(condition: Tree) -> str:
    return ", ".join(_names(condition)) or "a constant"


def _groups(old: Query, new: Query, one: Tree, other: Tree) -> Iterator[str]:
    before, after = (
        [node.get(member) for member in ("group_expressions", "group_sets", "aggregate_handling")]
        for node in (one, other)
    )
    if not same(before, after):
        sides = [", ".join(map(q.show, node.get("group_expressions", []))) for q, node in ((old, one), (new, other))]
        yield _change("group by", sides[0] or "nothing", sides[1] or "nothing")


_MODIFIERS: Mapping[str, str] = {
    "ORDER_MODIFIER": "order by",
    "LIMIT_MODIFIER": "limit",
    "LIMIT_PERCENT_MODIFIER": "limit",
    "DISTINCT_MODIFIER": "distinct",
}


def _end(query: Query, node: Tree) -> str:
    if node["type"] == "ORDER_MODIFIER":
        return ", ".join(query.show(order["expression"]) for order in node["orders"])
    return query.show(node["limit"]) if node.get("limit") else ""


def _modifiers(old: Query, new: Query, one: Tree, other: Tree) -> Iterator[str]:
    before, after = ({node["type"]: node for node in tree.get("modifiers", ())} for tree in (one, other))
    for type_ in dict.fromkeys([*before, *after]):
        word = _MODIFIERS.get(type_, "the end of the query")
        if type_ not in before or type_ not in after:
            yield f"{word} {'added' if type_ in after else 'removed'}"
        elif not same(before[type_], after[type_]):
            yield _change(word, _end(old, before[type_]), _end(new, after[type_]))


def called(document: Mapping[str, Any], inputs: Mapping[str, Artifact]) -> dict[str, str]:
    """What the relations of an action's query are called by people: the inputs that have what it says to have read."""
    found: dict[str, str] = {}
    for used in document.get("inputs", ()):
        read = {tuple(item) for item in used["columns"]}
        fits = (
            name
            for name, artifact in inputs.items()
            if name not in found.values()
            and artifact.rows == used["rows"]
            and read <= {(c.name, c.type, c.digest) for c in artifact.columns}
        )
        found[used["name"]] = next(fits, "an input")
    return found

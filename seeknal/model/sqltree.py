"""The syntax tree of one query, as DuckDB's `json_serialize_sql` gives it: how to walk it, read it and compare two.

Everything here is pure and knows the shape of the tree only; what a name means is decided in `sqlnames`, what the clock
is in `sqlclock`. It never prints SQL and never asks DuckDB: the engine does. A tree is plain dicts and lists, changed in
place by its one owner while it is being parsed. All walks are loops, so that a deep expression costs no stack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

Tree = dict[str, Any]

RELATION = "__t"
_POSITIONS = frozenset({"query_location", "query_location_length"})
_NOWHERE = 1 << 62
_BRANCHES = (dict, list)
_UNSEEN = _POSITIONS | {"is_operator"}  # x LIKE y ESCAPE z and like_escape(x, y, z) differ in this member only


class SqlWrong(Exception):
    """A query that cannot be a node: what is wrong, where in the text, and what to do about it."""

    def __init__(self, message: str, *, reason: str, offset: int | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.offset = offset
        self.hint = hint


def words(text: str) -> frozenset[str]:
    """The words of a list that is long enough to be written as a text."""
    return frozenset(text.split())


def relation_name(index: int) -> str:
    """The table that stands for input number `index` in canonical SQL; a query may not define a CTE of such a name."""
    return f"{RELATION}{index}"


def is_relation_name(name: str) -> bool:
    """Whether `name` is one that `relation_name` gives, in any case."""
    return name[:3].lower() == RELATION and name[3:].isdigit()


def each(root: Any) -> Iterator[Tree]:
    """Every dict of the tree, a parent before its children, in the order of the text as far as the tree keeps it."""
    stack: list[Any] = [root]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            yield value
            stack.extend([v for v in reversed(value.values()) if isinstance(v, _BRANCHES)])
        elif isinstance(value, list):
            stack.extend(reversed(value))


def place(node: Tree) -> int | None:
    """Where the node begins, in bytes of the text; None where DuckDB does not say."""
    at = node.get("query_location")
    return at if isinstance(at, int) and at < _NOWHERE else None


def path(node: Tree) -> tuple[str, ...]:
    """The name of a table or a function with its catalog and schema, as spelled."""
    parts = (node.get("qualified_name") or {}).get("path")
    if parts:
        return tuple(parts)
    last = node.get("table_name") or node.get("function_name") or ""
    return tuple(p for p in (node.get("catalog_name"), node.get("schema_name"), last) if p)


def function(node: Tree) -> str:
    """The name of the function that this node calls, in lower case; nothing when it calls none."""
    return str(node["function_name"]).lower() if "function_name" in node else ""


def arguments(node: Tree) -> list[Tree]:
    """The expressions that a function is called with, named ones too."""
    return [argument["expression"] for argument in node.get("arguments", ())]


def text_of(node: Tree) -> str | None:
    """The text of a string constant; None for anything else."""
    literal = node.get("literal") or {}
    return str(literal["text"]) if literal.get("kind") == "STRING" else None


def column(node: Tree) -> tuple[str, ...]:
    """The parts of a column reference; nothing for any other node."""
    return tuple(node["column_names"]) if node.get("class") == "COLUMN_REF" else ()


def replace(node: Tree, new: Tree) -> None:
    """Make `node` be `new` where it stands, keeping the name that a select list gave it."""
    alias = node.get("alias", "")
    node.clear()
    node.update(new)
    node["alias"] = alias


def base_table(node: Tree, name: str, alias: str) -> None:
    """Make `node` (a table, or a call of `ref`) read the table `name` under `alias`."""
    kept = {key: node.get(key) for key in ("sample", "query_location", "query_location_length")}
    columns = node.get("column_name_alias", [])
    node.clear()
    node.update(type="BASE_TABLE", alias=alias, **kept, schema_name="", table_name=name, column_name_alias=columns)
    node.update(catalog_name="", at_clause=None, qualified_name={"path": [name]})


def select_items(nodes: Iterable[Tree]) -> Iterator[Tree]:
    """Every item of every select list."""
    for node in nodes:
        yield from node.get("select_list", ())


def name_items(nodes: Iterable[Tree], rewritten: Iterable[Tree], show: Callable[[Tree], str]) -> None:
    """Give a select item in which something is going to be rewritten the name that DuckDB gives it now.

    So neither a table's new name nor a time gets into the name of a column. `show` prints an expression.
    """
    touched = {id(node) for node in rewritten}
    for item in list(select_items(nodes)):
        if item.get("alias") or item.get("type") == "STAR" or not touched:
            continue
        if any(id(node) in touched for node in each(item)):
            item["alias"] = column(item)[-1] if column(item) else show(item)


# What the parser makes of `INTEGER[]` and `INTEGER[3]`.
_BRACKETS = ("list", "array")


def upper_types(nodes: Iterable[Tree]) -> None:
    """Write the names of types in upper case, unless the name of a column is made from the spelling of one."""
    written = [node for node in nodes if node.get("class") == "TYPE" and node["type_name"] not in _BRACKETS]
    types = [node for node in written if not node["type_name"].isupper()]
    if not types or any(node.get("type") == "PIVOT" for node in nodes):
        return
    if any(n.get("class") == "TYPE" for item in select_items(nodes) if not item.get("alias") for n in each(item)):
        return
    for node in types:
        node["type_name"] = node["type_name"].upper()
        node["qualified_name"]["path"][-1] = node["type_name"]


def same(one: Any, other: Any) -> bool:
    """Whether two trees mean the same query: equal but for positions and for three spellings of DuckDB's printer.

    A member that is false may be absent: which of these are written differs between versions of DuckDB.
    """
    stack = [(one, other)]
    while stack:
        a, b = stack.pop()
        if isinstance(a, dict) and isinstance(b, dict):
            a, b = _unwrapped(a), _unwrapped(b)
            if any(a.get(key, b.get(key)) is not False for key in (a.keys() ^ b.keys()) - _UNSEEN):
                return False
            stack.extend((a[key], b[key]) for key in a.keys() & b.keys() - _UNSEEN if not _named(a, b, key))
        elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
            stack.extend(zip(a, b, strict=True))
        elif a != b or type(a) is not type(b):
            return False
    return True


def _named(a: Tree, b: Tree, key: str) -> bool:
    """Whether `key` is the alias of an argument that repeats its name: `f(x := 1)` prints it, a comprehension does not."""
    return key == "alias" and "" in (a[key], b.get(key)) and (a.get("_argument") or "") == a[key] + b.get(key, "")


def _unwrapped(node: Tree) -> Tree:
    """`node`, less the subquery that the printer puts around VALUES, and with an argument's name known to its value."""
    name = node.get("name")
    if name and isinstance(node.get("expression"), dict):
        return {**node, "expression": {**node["expression"], "_argument": name}}
    while node.get("type") == "SUBQUERY" and node.get("alias") == "valueslist" and not node.get("column_name_alias"):
        inner = node["subquery"]["node"].get("from_table") or {}
        if inner.get("alias") != "valueslist" or not _only_star(node["subquery"]["node"]):
            break
        node = inner
    return node


def _only_star(select: Tree) -> bool:
    items = select.get("select_list", ())
    clauses = ("where_clause", "having", "qualify", "sample", "modifiers", "group_expressions", "group_sets")
    empty = not any(select.get(clause) for clause in clauses)
    return empty and len(items) == 1 and items[0].get("type") == "STAR" and not items[0].get("columns")

"""What the result of a query depends on besides its inputs' values: the order of their rows, and chance.

Every answer errs on the safe side: a query is `stable` only when all of it is known to keep the order of rows, and a
construct that may depend on order is listed. Nothing here changes a key; it decides how results are compared and what
`validate` warns of.
"""

from __future__ import annotations

from collections.abc import Iterable

from seeknal.model.sqlguard import VOLATILE
from seeknal.model.sqltree import Tree, arguments, each, function, is_relation_name, path, words

_ORDERED_AGGREGATES = words("""
    first last any_value arbitrary list array_agg string_agg group_concat listagg json_group_array json_group_object
    variant_group_array
""")
_ORDERED_WINDOWS = words("row_number ntile lag lead first_value last_value nth_value first last")
_KEEP_ORDER = words("""
    unnest list_value struct_pack row range generate_series split string_split str_split string_to_array list_filter
    list_transform list_apply list_sort list_distinct map_entries map_keys map_values flatten
""")
_ROW_SOURCES = frozenset({"range", "generate_series", "unnest", "repeat", "repeat_row"})
_FEW = 4  # a longer IN list may become a join, and a join may change the order


def volatile(nodes: Iterable[Tree]) -> tuple[str, ...]:
    """The names of what gives another result every time."""
    found = {function(node) for node in nodes} & VOLATILE
    samples = {"sample" for node in nodes if "sample_size" in node and not node.get("repeatable")}
    return tuple(sorted(found | samples))


def fragile(nodes: Iterable[Tree]) -> tuple[str, ...]:
    """The names of what depends on the order of an input's rows."""
    return tuple(sorted({name for node in nodes for name in _fragile(node)}))


def _fragile(node: Tree) -> Iterable[str]:
    name = function(node)
    if node.get("class") == "WINDOW":
        rows = "ROWS" in f"{node.get('start')} {node.get('end')}"
        if not node.get("orders") and not node.get("arg_orders") and (name in _ORDERED_WINDOWS or rows):
            yield name
    elif name in _ORDERED_AGGREGATES and not (node.get("order_bys") or {}).get("orders"):
        yield name
    if node.get("ref_type") == "POSITIONAL":
        yield "positional join"
    kinds = {modifier["type"]: modifier for modifier in node.get("modifiers") or ()}
    if kinds and "ORDER_MODIFIER" not in kinds:
        yield from ["limit"] if any(kind.startswith("LIMIT") for kind in kinds) else []
        yield from ["distinct on"] if kinds.get("DISTINCT_MODIFIER", {}).get("distinct_on_targets") else []


def ordered(query: Tree) -> bool:
    """Whether the outermost query says ORDER BY."""
    return any(modifier["type"] == "ORDER_MODIFIER" for modifier in query.get("modifiers") or ())


def stable(query: Tree, ctes: frozenset[str] = frozenset()) -> bool:
    """Whether the order of the result's rows follows from the order of the inputs' rows. `ctes` are stable ones."""
    for entry in (query.get("cte_map") or {}).get("map", ()):
        name = {entry["key"].lower()}
        ctes = ctes | name if stable(entry["value"]["query_node"], ctes) else ctes - name
    if not all(_plain_limit(modifier) for modifier in query.get("modifiers") or ()):
        return False
    if query.get("type") == "SET_OPERATION_NODE":
        united = query["setop_type"] in ("UNION", "UNION_BY_NAME") and query["setop_all"]
        return united and bool(query.get("children")) and all(stable(child, ctes) for child in query["children"])
    return query.get("type") == "SELECT_NODE" and _plain_select(query) and _source(query["from_table"], ctes)


def _plain_limit(modifier: Tree) -> bool:
    rows = modifier["type"] == "LIMIT_MODIFIER" and modifier.get("limit_type", "ROW_COUNT") == "ROW_COUNT"
    return rows and all((modifier.get(key) or {}).get("class", "CONSTANT") == "CONSTANT" for key in ("limit", "offset"))


def _plain_select(select: Tree) -> bool:
    clauses = ("group_expressions", "group_sets", "having", "qualify", "sample")
    if any(select.get(clause) for clause in clauses) or select["aggregate_handling"] != "STANDARD_HANDLING":
        return False
    return all(_plain(node) for part in ("select_list", "where_clause") for node in each(select[part]))


def _plain(node: Tree) -> bool:
    """Whether an expression can neither reorder rows nor make several rows in an unknown order."""
    if node.get("class") in ("WINDOW", "SUBQUERY") or any(_fragile(node)):
        return False
    if node.get("type") in ("COMPARE_IN", "COMPARE_NOT_IN"):
        return len(node["children"]) <= _FEW + 1
    if function(node) != "unnest":
        return True
    called = {function(inner) for argument in arguments(node) for inner in each(argument)} - {""}
    return called <= _KEEP_ORDER


def _source(table: Tree, ctes: frozenset[str]) -> bool:
    kind = table["type"]
    if table.get("sample"):
        return False
    if kind == "BASE_TABLE":
        return is_relation_name(path(table)[-1]) or path(table)[-1].lower() in ctes
    if kind == "SUBQUERY":
        return stable(table["subquery"]["node"], ctes)
    return kind in ("EMPTY", "EXPRESSION_LIST") or (
        kind == "TABLE_FUNCTION" and function(table["function"]) in _ROW_SOURCES
    )

"""Which inputs a query reads, and how its tables are renamed so that the key does not know what inputs are called.

`ref('kind.name')`, `FROM kind.name` and the local names of a node (`input_0`, `__THIS__`, `source`) all become the tables
`__t0`, `__t1`, ..., numbered by first appearance. A CTE shadows a table of its name exactly where SQL says so. An alias is
given only to a table whose own name the query goes on to use. What is neither an input, a CTE nor a file is an error, so
that the canonical text can never reach a table which is not an input.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from seeknal.errors import nearest
from seeknal.model.node import SELF
from seeknal.model.sqlguard import local, table_function
from seeknal.model.sqltree import (
    SqlWrong,
    Tree,
    arguments,
    base_table,
    column,
    function,
    is_relation_name,
    path,
    place,
    relation_name,
    text_of,
)

KINDS = (
    "source", "transform", "feature_group", "aggregation", "second_order_aggregation", "profile", "rule", "exposure",
    "model", "semantic_model", "metric", "entity", "python",
)  # fmt: skip
_ID = re.compile(r"[A-Za-z_]\w*\.[\w.-]+")
_FILE = re.compile(r".*\.(csv|tsv|parquet|json|jsonl|ndjson)(\.gz|\.zst)?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Use:
    """One table of the query that is an input; `called` is the name it goes by, nothing for `ref()`."""

    node: Tree
    input: str
    called: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """The inputs and the files that a query reads, each as often as it does."""

    names: Mapping[str, str]
    uses: list[Use] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    ctes: set[str] = field(default_factory=set)


def find(query: Tree, nodes: Iterable[Tree], names: Mapping[str, str]) -> Found:
    """Every table of the query, which consists of `nodes`. `names` are local, each with the input that it stands for."""
    found = Found(names)
    if not any((node.get("cte_map") or {}).get("map") or node.get("type") == "RECURSIVE_CTE_NODE" for node in nodes):
        for node in nodes:
            _table(node, frozenset(), found)
        return found
    stack: list[tuple[Any, frozenset[str]]] = [(query, frozenset())]
    while stack:
        value, scope = stack.pop()
        if isinstance(value, dict):
            _table(value, scope, found)
            stack.extend(reversed(_children(value, scope, found)))
        elif isinstance(value, list):
            stack.extend([(item, scope) for item in reversed(value)])
    return found


def _children(node: Tree, scope: frozenset[str], found: Found) -> list[tuple[Any, frozenset[str]]]:
    """What is below `node`, each with the CTEs that it sees: one sees those before it, and itself if recursive."""
    below: list[tuple[Any, frozenset[str]]] = []
    for entry in (node.get("cte_map") or {}).get("map", ()):
        name = entry["key"].lower()
        if is_relation_name(name):
            raise SqlWrong(f"the name {name} is reserved", reason="sql_reserved_name", hint="rename this CTE")
        below.append((entry["value"], scope))
        scope |= {name}
        found.ctes.add(name)
    if node.get("type") == "RECURSIVE_CTE_NODE":
        scope |= {node["cte_name"].lower()}
    return below + [(v, scope) for key, v in node.items() if isinstance(v, (dict, list)) and v and key != "cte_map"]


def _table(node: Tree, scope: frozenset[str], found: Found) -> None:
    kind = node.get("type")
    if kind == "BASE_TABLE":
        _base(node, scope, found)
    elif kind == "TABLE_FUNCTION" and function(node["function"]) == "ref":
        found.uses.append(Use(node, _ref(node, found.names)))
    elif kind == "TABLE_FUNCTION":
        for constant in table_function(node):
            constant["literal"]["text"] = _token(found, constant["literal"]["text"])


def file_token(index: int) -> str:
    """The text that stands in canonical SQL for the path of file number `index`: the key has its content instead."""
    return f"__seeknal_file_{index}__"


def _token(found: Found, path_: str) -> str:
    if path_ not in found.files:
        found.files.append(path_)
    return file_token(found.files.index(path_))


_READERS = {"csv": "read_csv", "tsv": "read_csv", "parquet": "read_parquet", "json": "read_json", "jsonl": "read_json",
            "ndjson": "read_json"}  # fmt: skip


def _reader(node: Tree, token: str) -> None:
    """Make `FROM 'x.csv'` the call that it stands for, in place."""
    name = path(node)[-1].lower().removesuffix(".gz").removesuffix(".zst")
    reader = _READERS.get(name.rpartition(".")[2])
    if reader is None:
        raise _wrong(node, f"what kind of file is {name}?", "sql_not_supported")
    constant = {
        "class": "CONSTANT",
        "type": "VALUE_CONSTANT",
        "alias": "",
        "literal": {"kind": "STRING", "text": token},
    }
    call: Tree = {
        "class": "FUNCTION", "type": "FUNCTION", "alias": "", "function_name": reader, "schema": "", "catalog": "",
        "filter": None, "order_bys": {"type": "ORDER_MODIFIER", "orders": []}, "distinct": False, "is_operator": False,
        "export_state": False, "arguments": [{"name": "", "expression": constant}],
        "qualified_name": {"path": [reader]},
    }  # fmt: skip
    kept: Tree = {key: node[key] for key in ("alias", "sample", "column_name_alias") if key in node}
    node.clear()
    node.update({"type": "TABLE_FUNCTION", **kept, "function": call, "with_ordinality": "WITHOUT_ORDINALITY"})


def _ref(node: Tree, names: Mapping[str, str]) -> str:
    given = arguments(node["function"])
    text = _constant(given[0]) if len(given) == 1 else None
    if text is None or node.get("with_ordinality", "WITHOUT_ORDINALITY") != "WITHOUT_ORDINALITY":
        raise _wrong(node, "ref() takes one constant: ref('kind.name')", "sql_wrong_ref")
    known = SELF if text == SELF else _known(text, names)
    if known is None:
        raise _wrong(node, f"{text!r} is not a node{nearest(text, names.values())}", "sql_unknown_table", names)
    return known


def _constant(item: Tree) -> str | None:
    """The text of `'kind.name'`, and of `"kind.name"`, which for SQL is the name of a column."""
    names = column(item)
    return names[0] if len(names) == 1 and "." in names[0] else text_of(item)


def _known(text: str, names: Mapping[str, str]) -> str | None:
    """The node id that `text` spells, in the spelling of the node's own inputs where it is one of them."""
    kind = text.partition(".")[0].lower()
    if kind not in KINDS or not _ID.fullmatch(text):
        return None
    return next((known for known in names.values() if known.lower() == text.lower()), kind + text[len(kind) :])


def _base(node: Tree, scope: frozenset[str], found: Found) -> None:
    spelled = path(node)
    name = spelled[-1]
    if name.lower() in scope and spelled[:-1] in ((), ("recurring",)):
        return
    use = _qualified(node, spelled, found.names) if len(spelled) > 1 else _bare(node, name, found.names)
    if use is not None:
        found.uses.append(use)
    elif len(spelled) == 1 and _FILE.fullmatch(name):
        _reader(node, _token(found, local(name, node)))
    else:
        full = ".".join(spelled)
        raise _wrong(node, f"{full!r} is not an input of this node{nearest(full, _all(found.names))}",
                     "sql_unknown_table", found.names)  # fmt: skip


def _qualified(node: Tree, spelled: tuple[str, ...], names: Mapping[str, str]) -> Use | None:
    known = _known(".".join(spelled), names) if len(spelled) == 2 else None
    return Use(node, known, spelled[-1], spelled[0].lower()) if known else None


def _bare(node: Tree, name: str, names: Mapping[str, str]) -> Use | None:
    for key, known in names.items():
        if key.lower() == name.lower():
            return Use(node, known, key)
    known_id = _known(name, names)
    return Use(node, known_id, name) if known_id else None


def _all(names: Mapping[str, str]) -> list[str]:
    return [*names, *names.values()]


def _wrong(node: Tree, message: str, reason: str, names: Mapping[str, str] | None = None) -> SqlWrong:
    hint = ""
    if names is not None:
        hint = f"known: {', '.join(dict.fromkeys(_all(names)))}" if names else "this node declares no inputs"
    at = place(node)
    return SqlWrong(message, reason=reason, offset=at, hint=hint)


def rename(nodes: Iterable[Tree], found: Found) -> tuple[str, ...]:
    """Rename every input to its table `__t<i>`, in place; the inputs in the order of their numbers."""
    order = {name: i for i, name in enumerate(dict.fromkeys(use.input for use in found.uses))}
    aliases = _aliases(tuple(nodes), found)
    for use, alias in zip(found.uses, aliases, strict=True):
        base_table(use.node, relation_name(order[use.input]), alias)
    return tuple(order)


def _aliases(nodes: tuple[Tree, ...], found: Found) -> list[str]:
    """For every use, the alias that it keeps or needs."""
    short = _short_names(found.uses)
    for node in nodes:
        _unqualify(node, short)
    qualifiers, bare = _qualifiers(nodes)
    taken = {str(node["alias"]).lower() for node in nodes if "sample" in node and node.get("alias")} | found.ctes
    several = _several(found.uses)
    return [use.node.get("alias") or _alias(use, short, qualifiers, bare, taken, several, found.names)
            for use in found.uses]  # fmt: skip


def _alias(
    use: Use,
    short: Mapping[tuple[str, str], str],
    qualifiers: set[str],
    bare: set[str],
    taken: set[str],
    several: set[str],
    names: Mapping[str, str],
) -> str:
    if use.called:
        own = short.get((use.kind, use.called.lower()), use.called)
        return own if own.lower() in qualifiers | bare or use.input in several else ""
    wanted = [*(key for key, known in names.items() if known == use.input), use.input.partition(".")[2]]
    spelled = next((name for name in wanted if name.lower() in qualifiers - taken), "")
    return spelled or (use.input if use.input in several else "")


def _several(uses: Iterable[Use]) -> set[str]:
    """Inputs that appear under more than one spelling without an alias: two tables of one name would be ambiguous."""
    spelled: dict[str, set[str]] = {}
    for use in uses:
        if not use.node.get("alias"):
            spelled.setdefault(use.input, set()).add(f"{use.kind}.{use.called}".lower())
    return {name for name, spellings in spelled.items() if len(spellings) > 1}


def _short_names(uses: Iterable[Use]) -> dict[tuple[str, str], str]:
    """How a table written `kind.name` without an alias is called: `name`, or all of it where two kinds share the name."""
    plain = [use for use in uses if use.kind and not use.node.get("alias")]
    kinds: dict[str, set[str]] = {}
    for use in plain:
        kinds.setdefault(use.called.lower(), set()).add(use.kind)
    return {
        (use.kind, use.called.lower()): use.called if len(kinds[use.called.lower()]) == 1 else use.input
        for use in plain
    }


def _unqualify(node: Tree, short: Mapping[tuple[str, str], str]) -> None:
    """Turn `kind.name.column` into `name.column`, also in EXCLUDE lists."""
    parts = column(node)
    alias = short.get((parts[0].lower(), parts[1].lower())) if len(parts) > 2 else None
    if alias:
        node["column_names"] = [alias, *parts[2:]]
    if {"schema", "table", "column"} <= node.keys():
        node["table"] = alias = short.get((node["schema"].lower(), node["table"].lower()), node["table"])
        node["schema"] = "" if alias else node["schema"]


def _qualifiers(nodes: Iterable[Tree]) -> tuple[set[str], set[str]]:
    """The names that columns are qualified by, and the columns without a qualifier."""
    qualifiers: set[str] = set()
    bare: set[str] = set()
    for node in nodes:
        parts = column(node)
        (qualifiers if len(parts) > 1 else bare).update(part.lower() for part in parts[:1])
        prefix = path(node)[:-1] if node.get("class") == "FUNCTION" else ()  # t.column.upper() is a call of this shape
        qualifiers.update(part.lower() for part in prefix[:1])
        qualifiers.update(str(node[key]).lower() for key in ("relation_name", "table") if node.get(key))
    return qualifiers, bare

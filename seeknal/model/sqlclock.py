"""The clock in a query: every way to ask DuckDB what time it is becomes a token, which a run replaces by its one `as_of`.

A query that mentions a date is keyed by that date, one that mentions a timestamp is frozen at its build; so the two are
told apart, and a timestamp that is at once cut to a day or longer counts as a date. The keyword forms (`current_date`)
are plain column references in the tree, and DuckDB takes a column of that name first: where a query gives that name to
something else as well, this refuses rather than guess. The session's time zone is UTC. It never reads the clock itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from datetime import UTC, datetime

from seeknal.model.sqltree import (
    SqlWrong,
    Tree,
    arguments,
    column,
    each,
    function,
    path,
    place,
    replace,
    select_items,
    text_of,
)

_TOKEN = "__seeknal_as_of_"  # noqa: S105 - a placeholder, not a password
_DATE_TOKEN = f"'{_TOKEN}date__'"
_STAMP_TOKEN = f"'{_TOKEN}timestamp__'"
_DATE = f"CAST({_DATE_TOKEN} AS DATE)"
_STAMP = f"CAST({_STAMP_TOKEN} AS TIMESTAMP WITH TIME ZONE)"
_LOCAL = f"CAST({_STAMP} AS TIMESTAMP)"

FORMS: Mapping[str, str] = {
    "date": _DATE,
    "stamp": _STAMP,
    "local": _LOCAL,
    "time": f"CAST({_STAMP} AS TIME WITH TIME ZONE)",
    "local_time": f"CAST({_LOCAL} AS TIME)",
    "day_of_stamp": f"CAST({_DATE} AS TIMESTAMP WITH TIME ZONE)",
    "day_of_local": f"CAST({_DATE} AS TIMESTAMP)",
    "ago": f"({_STAMP} - CAST(NULL AS INTERVAL))",
}
"""Every form as SQL; the engine parses them once and hands the trees to `rewrite` as `templates`."""

KEYWORDS: Mapping[str, str] = {
    "current_date": "date",
    "current_timestamp": "stamp",
    "current_time": "time",
    "localtimestamp": "local",
    "localtime": "local_time",
}
FUNCTIONS: Mapping[str, str] = {
    "now": "stamp",
    "get_current_timestamp": "stamp",
    "transaction_timestamp": "stamp",
    "current_date": "date",
    "today": "date",
    "get_current_time": "time",
    "current_localtimestamp": "local",
    "current_localtime": "local_time",
    "age": "age",
    "ago": "ago",
}
_HOME = ((), ("main",), ("system", "main"))
_LONG = frozenset({"day", "week", "month", "quarter", "year", "decade", "century", "millennium", "isoyear"})


def kinds_in(text: str) -> frozenset[str]:
    """What canonical SQL asks of the clock: every token counts, even one that stood in the text before."""
    tokens = (("date", _DATE_TOKEN), ("timestamp", _STAMP_TOKEN))
    return frozenset(kind for kind, token in tokens if token in text)


def with_clock(text: str, as_of: datetime) -> str:
    """Replace the tokens in canonical SQL by `as_of`, which has a time zone."""
    if _TOKEN not in text:
        return text
    moment = as_of.astimezone(UTC)
    stamp = f"'{moment:%Y-%m-%d %H:%M:%S.%f}+00'"
    return text.replace(_DATE_TOKEN, f"'{moment:%Y-%m-%d}'").replace(_STAMP_TOKEN, stamp)


def shadows(columns: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Which clock keywords may be columns, given the names and types of all columns of all inputs."""
    known = [(name.lower(), type_.lower() if "(" in type_ else "") for name, type_ in columns]
    return frozenset(word for word in KEYWORDS if any(word == name or word in type_ for name, type_ in known))


def mentions(nodes: tuple[Tree, ...], shadowed: frozenset[str]) -> list[Tree]:
    """The nodes that ask for the clock; refuses a keyword of which that is in doubt. `shadowed` ones are columns."""
    found = [node for node in nodes if _form(node, shadowed)]
    for word in keywords(found):
        _unambiguous(word, nodes)
    if found:
        _nameable(nodes, {id(node) for node in found})
    return found


def keywords(mentioned: Iterable[Tree]) -> frozenset[str]:
    """The clock keywords among nodes that ask for the clock."""
    return frozenset(column(node)[0].lower() for node in mentioned if column(node))


def _nameable(nodes: tuple[Tree, ...], mentioned: set[int]) -> None:
    """Refuse the clock inside COLUMNS(...): the names of such columns cannot be kept free of it."""
    for item in select_items(nodes):
        inside = () if item.get("alias") else tuple(each(item))
        if any(id(n) in mentioned for n in inside) and any(n.get("type") == "STAR" for n in inside):
            hint = "write the columns one by one, each with a name"
            raise SqlWrong("the clock inside COLUMNS(...) has no name", reason="sql_not_supported", hint=hint)


def rewrite(nodes: tuple[Tree, ...], shadowed: frozenset[str], templates: Mapping[str, Tree]) -> None:
    """Put a token for every mention of the clock, in place. `templates` are the trees of `FORMS`."""
    for node in nodes:
        _put(node, templates, shadowed)


def _form(node: Tree, shadowed: frozenset[str]) -> str:
    """The form of the clock that this node asks for, or nothing."""
    parts = column(node)
    if parts:
        word = parts[0].lower() if len(parts) == 1 else ""
        return "" if word in shadowed else KEYWORDS.get(word, "")
    form = FUNCTIONS.get(function(node), "")
    if form in ("age", "ago"):
        return form if len(_given(node)) == 1 else ""
    return form if form and not _given(node) else ""


def _given(node: Tree) -> list[Tree]:
    """The arguments of a call, with the `x` of `x.age()`, which the tree keeps as if it were a schema."""
    before = path(node)[:-1]
    if before in _HOME:
        return arguments(node)
    receiver = {"class": "COLUMN_REF", "type": "COLUMN_REF", "alias": "", "column_names": list(before)}
    return [receiver, *arguments(node)]


def _put(node: Tree, templates: Mapping[str, Tree], shadowed: frozenset[str]) -> None:
    """Rewrite what stands at `node`; a parent comes before its children."""
    cut = _cut_to_days(node)
    if cut is not None and _form(cut, shadowed) in ("stamp", "local"):
        replace(cut, deepcopy(templates[f"day_of_{_form(cut, shadowed)}"]))
    form = _form(node, shadowed)
    if form == "age":
        _age(node, templates["date"])
    elif form == "ago":
        _ago(node, templates["ago"])
    elif form:
        replace(node, deepcopy(templates[form]))


def _cut_to_days(node: Tree) -> Tree | None:
    """The timestamp that this node cuts to a whole number of days, if that is what it does."""
    if node.get("class") == "CAST":
        target = node.get("type_expr") or {}
        child: Tree = node["child"]
        return child if str(target.get("type_name")).upper() == "DATE" else None
    if function(node) in ("date_trunc", "datetrunc"):
        given = arguments(node)
        unit = text_of(given[0]) if len(given) == 2 else None
        return given[1] if unit is not None and unit.lower() in _LONG else None
    return None


def _age(node: Tree, date: Tree) -> None:
    """Turn `age(x)` into what DuckDB computes: `age(<today>, x)`."""
    given = [{"name": "", "expression": expression} for expression in (deepcopy(date), *_given(node))]
    node.update(arguments=given, schema="", catalog="", qualified_name={"path": ["age"]})


def _ago(node: Tree, template: Tree) -> None:
    """Turn the macro `ago(i)` into its body, with the interval that it was called with."""
    interval = _given(node)[0]
    replace(node, deepcopy(template))
    arguments(node)[1]["child"] = interval


def _unambiguous(word: str, nodes: tuple[Tree, ...]) -> None:
    """Refuse a clock keyword that the query also gives to something else, unless every use of it is its own meaning."""
    items = [item for item in select_items(nodes) if _name(item) == word]
    own = [item for item in items if _is_keyword(item, word)]
    uses = [node for node in nodes if _is_keyword(node, word)]
    top = [id(item) for item in _top_items(nodes)]
    nested = [item for item in own if id(item) not in top]
    given = len(items) - len(own) + sum(word in _names_given(node) for node in nodes)
    if given or (nested and len(uses) > 1):
        hint = "give that column another name, or write today() or now() for the clock"
        raise SqlWrong(f"{word} is both the clock and a name given in the query", reason="sql_ambiguous_clock",
                       offset=place(uses[0]), hint=hint)  # fmt: skip


def _top_items(nodes: tuple[Tree, ...]) -> Iterable[Tree]:
    """The select items of the outermost query, which feed no other part of it."""
    stack = [nodes[0]]
    while stack:
        node = stack.pop()
        yield from node.get("select_list", ())
        stack.extend(node.get("children", ()) if node.get("type") == "SET_OPERATION_NODE" else ())


def _name(item: Tree) -> str:
    parts = column(item)
    return str(item.get("alias") or (parts[-1] if parts else "")).lower()


def _is_keyword(node: Tree, word: str) -> bool:
    return tuple(part.lower() for part in column(node)) == (word,)


def _names_given(node: Tree) -> list[str]:
    """Names that a node gives to columns other than by a select list."""
    lists = [node.get(key) or () for key in ("column_name_alias", "aliases", "unpivot_names", "expected_names")]
    given = [str(name).lower() for names in lists for name in names]
    if node.get("class") == "LAMBDA":
        given += [part.lower() for inner in each(node["lhs"]) for part in column(inner)]
    if node.get("type") in ("BASE_TABLE", "SUBQUERY", "TABLE_FUNCTION", "EXPRESSION_LIST", "PIVOT", "JOIN"):
        given.append(str(node.get("alias") or "").lower())
    return given

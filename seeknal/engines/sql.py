"""SQL of nodes, with DuckDB's own parser: one query becomes canonical text, the inputs it reads, and its traits.

Several statements are refused unless they come down to one query (`sqlsteps`). The canonical text is both what is hashed
and what is executed. It is printed by DuckDB from the rewritten syntax tree and parsed again; if the two trees differ in
more than position, the query is refused, so a flaw of the printer can cost a message but never a wrong table. A query
that could read what is not an input is refused too. `bind` plans it over empty tables to learn its output columns and the
columns that it reads (see `sqlbind`). This never runs a node.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeknal.engines.sqlbind import Bound, planner, prepare
from seeknal.engines.sqlbind import bind as _bind
from seeknal.engines.sqlsteps import one_query
from seeknal.model.sqlclock import FORMS, keywords, kinds_in, mentions, rewrite, shadows, with_clock
from seeknal.model.sqlguard import check, check_paths
from seeknal.model.sqlnames import KINDS, find, rename
from seeknal.model.sqltraits import fragile, ordered, stable, volatile
from seeknal.model.sqltree import SqlWrong, Tree, each, function, name_items, place, relation_name, same, upper_types

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from duckdb import DuckDBPyConnection

__all__ = ["KINDS", "Bound", "Parsed", "SqlWrong", "bind", "parse_query", "planner", "prepare", "relation_name",
           "shadows", "with_clock"]  # fmt: skip

_SERIALIZE = "SELECT json_serialize_sql(?)"
_PRINT = "SELECT json_deserialize_sql(?)"
_PRINT_AND_SERIALIZE = "SELECT t, json_serialize_sql(t) FROM (SELECT json_deserialize_sql(?) AS t)"
_SERIALIZE_ALL = "SELECT json_serialize_sql(x) FROM unnest(?) WITH ORDINALITY q(x, i) ORDER BY i"
_PRINT_ALL = (
    "SELECT t, json_serialize_sql(t) FROM"
    " (SELECT json_deserialize_sql(x) AS t, i FROM unnest(?) WITH ORDINALITY q(x, i)) ORDER BY i"
)
_POSITION = re.compile(r'"query_location(?:_length)?":\d+,?')
_DYNAMIC_PIVOT = "name the values: PIVOT ... ON column IN (value, value), so that the columns are known"


@dataclass(frozen=True, slots=True)
class Parsed:
    """One query: what to execute and to hash, what it reads, and what it depends on besides."""

    text: str
    relations: tuple[str, ...]
    files: tuple[str, ...]
    clock: frozenset[str]
    volatile: tuple[str, ...]
    ordered: bool
    stable: bool
    fragile: tuple[str, ...]
    keywords: frozenset[str] = frozenset()


def parse_query(
    con: DuckDBPyConnection, sql: str, names: Mapping[str, str], shadowed: frozenset[str] = frozenset()
) -> Parsed:
    """Parse `sql`. `names` are its local names with the input that each stands for; `shadowed` see `shadows`."""
    try:
        return _parse(con, sql, names, frozenset(word.lower() for word in shadowed))
    except SqlWrong as wrong:
        if wrong.offset is not None:
            wrong.offset = len(sql.encode()[: wrong.offset].decode(errors="ignore"))
        raise
    except RecursionError:
        hint = "split it into several nodes or CTEs"
        raise SqlWrong("the query is nested too deeply", reason="sql_not_supported", hint=hint) from None


def bind(
    con: DuckDBPyConnection, parsed: Parsed, schemas: Sequence[Sequence[tuple[str, str]]], as_of: datetime
) -> Bound:
    """The output columns of `parsed` and what it reads, when relation `i` has the columns `schemas[i]`."""
    return _bind(con, with_clock(parsed.text, as_of), parsed.relations, schemas, parsed.keywords)


def parse_queries(con: DuckDBPyConnection, queries: Sequence[tuple[str, Mapping[str, str]]]) -> list[Parsed | None]:
    """`parse_query` for many (text, local names) at once, with two questions to DuckDB in all: a question costs more than
    its answer. None for what is wrong or strange: `parse_query` says what."""
    answers = _ask_all(con, _SERIALIZE_ALL, [sql for sql, _ in queries])
    ready = [_ready(con, answer, names) for (answer,), (_, names) in zip(answers, queries, strict=True)]
    trees = [_tree(one.statement) for one in ready if one]
    printed = zip(trees, _ask_all(con, _PRINT_ALL, trees), strict=True)
    return [_sound(one, *next(printed)) if one else None for one in ready]


def _ask_all(con: DuckDBPyConnection, question: str, arguments: list[str]) -> list[tuple[str, ...]]:
    return [tuple(row) for row in con.execute(question, [arguments]).fetchall()] if arguments else []


def _ready(con: DuckDBPyConnection, answer: str, names: Mapping[str, str]) -> _Rewritten | None:
    statements = json.loads(answer).get("statements", ())
    try:
        return _rewritten(con, statements[0], names, frozenset()) if len(statements) == 1 else None
    except (SqlWrong, RecursionError):
        return None


def _sound(one: _Rewritten, tree: str, answer: tuple[str, ...]) -> Parsed | None:
    try:
        return _parsed(one, tree, *answer)
    except (SqlWrong, RecursionError):
        return None


@dataclass(frozen=True, slots=True)
class _Rewritten:
    """One query as a tree in which inputs, files and the clock have the names that they have in canonical text."""

    statement: Tree
    nodes: tuple[Tree, ...]
    relations: tuple[str, ...]
    files: tuple[str, ...]
    keywords: frozenset[str]


def _parse(con: DuckDBPyConnection, sql: str, names: Mapping[str, str], shadowed: frozenset[str]) -> Parsed:
    one = _rewritten(con, _statement(con, sql), names, shadowed)
    tree = _tree(one.statement)
    return _parsed(one, tree, *_ask(con, _PRINT_AND_SERIALIZE, tree))


def _rewritten(
    con: DuckDBPyConnection, statement: Tree, names: Mapping[str, str], shadowed: frozenset[str]
) -> _Rewritten:
    query = statement["node"]
    nodes = tuple(each(query))
    check(nodes, shadowed)
    found = find(query, nodes, names)
    if found.files:
        check_paths(nodes)
    _no_stray_ref(nodes, {id(use.node.get("function")) for use in found.uses})
    clock = mentions(nodes, shadowed)
    taken = keywords(clock)
    name_items(nodes, [*clock, *(use.node for use in found.uses)], lambda item: _shown(con, item))
    if clock:
        rewrite(nodes, shadowed, _clock_trees(con))
        nodes = tuple(each(query))
    relations = rename(nodes, found)
    upper_types(nodes)
    return _Rewritten(statement, nodes, relations, tuple(dict.fromkeys(found.files)), taken)


def _parsed(one: _Rewritten, tree: str, text: str, again: str) -> Parsed:
    """The query, if its canonical `text` parses to that `tree` again."""
    if _POSITION.sub("", tree) != _POSITION.sub("", again) and not _same(one.statement, json.loads(again)):
        hint = "write it in another way, and please report it: this is a flaw of DuckDB's printer"
        raise SqlWrong("DuckDB does not print this query faithfully", reason="sql_not_supported", hint=hint)
    query = one.statement["node"]
    return Parsed(
        text=text,
        relations=one.relations,
        files=one.files,
        clock=kinds_in(text),
        volatile=volatile(one.nodes),
        ordered=ordered(query),
        stable=not ordered(query) and stable(query),
        fragile=fragile(one.nodes),
        keywords=one.keywords,
    )


def _statement(con: DuckDBPyConnection, sql: str) -> Tree:
    """The tree of the query that `sql` is, or that its statements come down to."""
    answer = json.loads(_ask(con, _SERIALIZE, sql)[0])
    several = len(answer["statements"]) > 1 if not answer["error"] else _are_several(con, sql, answer)
    return one_query(con, sql, lambda text: _query(con, text)) if several else _query(con, sql, answer)


def _are_several(con: DuckDBPyConnection, sql: str, answer: Tree) -> bool:
    return answer["error_type"] == "not implemented" and len(con.extract_statements(sql)) > 1


def _query(con: DuckDBPyConnection, sql: str, answer: Tree | None = None) -> Tree:
    """The tree of one query. `answer` is DuckDB's, where it was asked already."""
    answer = answer or json.loads(_ask(con, _SERIALIZE, sql)[0])
    if answer["error"]:
        raise _refused(con, sql, answer)
    statements: list[Tree] = answer["statements"]
    if not statements:
        raise SqlWrong("the SQL is empty", reason="sql_empty", hint="write one SELECT")
    return statements[0]


def _ask(con: DuckDBPyConnection, question: str, argument: str) -> tuple[str, ...]:
    row = con.execute(question, [argument]).fetchone()
    assert row is not None
    return tuple(row)


def _refused(con: DuckDBPyConnection, sql: str, answer: Tree) -> SqlWrong:
    """Why DuckDB gave no tree."""
    message = str(answer["error_message"]).partition("\n")[0]
    if answer["error_type"] != "not implemented":
        at = answer.get("position")
        return SqlWrong(message, reason="sql_syntax", offset=int(at) if at is not None else None)
    kinds = [str(one.type).rpartition(".")[2].replace("_", " ") for one in con.extract_statements(sql)]
    if kinds == ["MULTI"]:  # only a PIVOT whose columns come from the data is taken apart into several statements
        return SqlWrong("PIVOT without fixed values is not supported", reason="sql_not_supported", hint=_DYNAMIC_PIVOT)
    hint = "a node is one query: SELECT, WITH, FROM, VALUES or PIVOT"
    return SqlWrong(f"{kinds[0] if kinds else 'this'} is not a query", reason="sql_not_a_query", hint=hint)


def _no_stray_ref(nodes: tuple[Tree, ...], tables: set[int]) -> None:
    for node in nodes:
        if function(node) == "ref" and id(node) not in tables:
            hint = "write FROM ref('kind.name')"
            raise SqlWrong("ref() stands for a table", reason="sql_wrong_ref", offset=place(node), hint=hint)


_PARSED_CLOCK: dict[str, Tree] = {}


def _clock_answer(con: DuckDBPyConnection) -> Tree:
    """What DuckDB answers for a SELECT of all forms of the clock; parsed once for each version."""
    import duckdb

    version = duckdb.__version__
    if version not in _PARSED_CLOCK:
        _PARSED_CLOCK[version] = json.loads(_ask(con, _SERIALIZE, f"SELECT {', '.join(FORMS.values())}")[0])
    return _PARSED_CLOCK[version]


def _clock_trees(con: DuckDBPyConnection) -> Mapping[str, Tree]:
    return dict(zip(FORMS, _clock_answer(con)["statements"][0]["node"]["select_list"], strict=True))


def _shown(con: DuckDBPyConnection, item: Tree) -> str:
    """An expression as DuckDB prints it, which is how it names a column."""
    statement = _clock_answer(con)["statements"][0]
    alone = {**statement, "node": {**statement["node"], "select_list": [item]}}
    return _ask(con, _PRINT, json.dumps({"error": False, "statements": [alone]}))[0].removeprefix("SELECT ")


def _tree(statement: Tree) -> str:
    return json.dumps({"error": False, "statements": [statement]}, ensure_ascii=False, separators=(",", ":"))


def _same(statement: Tree, answer: Tree) -> bool:
    return not answer["error"] and same(statement["node"], answer["statements"][0]["node"])

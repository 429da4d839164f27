"""SQL of several statements: `CREATE TABLE step AS ...; SELECT ... FROM step` becomes one query with the steps as CTEs.

Decides which statements may stand before and after the query: tables and views made from a query, and their removal.
A table is made once (`AS MATERIALIZED`), a view wherever it is used. All else changes the session or a table that other
nodes might see, and is refused with what to write instead. Never runs anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from seeknal.model.sqltree import SqlWrong, Tree

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_GAP = r"(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?\*/)"
_NAME = r'"(?:[^"]|"")+"|[^\W\d]\w*'
_CREATE = re.compile(
    rf"{_GAP}*CREATE{_GAP}+(?:OR{_GAP}+REPLACE{_GAP}+)?(?:TEMP(?:ORARY)?{_GAP}+)?(?P<what>TABLE|VIEW){_GAP}+"
    rf"(?:IF{_GAP}+NOT{_GAP}+EXISTS{_GAP}+)?(?P<name>{_NAME}){_GAP}+AS(?={_GAP}|\()",
    re.IGNORECASE | re.DOTALL,
)
_DROP = re.compile(
    rf"{_GAP}*DROP{_GAP}+(?:TABLE|VIEW){_GAP}+(?:IF{_GAP}+EXISTS{_GAP}+)?(?P<name>{_NAME}){_GAP}*(?:CASCADE{_GAP}*)?;?{_GAP}*",
    re.IGNORECASE | re.DOTALL,
)
_START = re.compile(f"{_GAP}*", re.DOTALL)
_HINTS = {
    "CREATE": "a step is written CREATE TEMP TABLE name AS SELECT ..., the name a plain word",
    "DROP": "only a step of this node can be dropped",
    "SET": "settings belong to the run, not to a node: leave it out, and write values as {{ parameters }}",
    "INSERT": "make the step with all its rows: SELECT ... UNION ALL SELECT ...",
    "UPDATE": "change the values in the SELECT that makes the step: CASE WHEN ... THEN ... ELSE ... END",
    "DELETE": "leave the rows out in the SELECT that makes the step: WHERE NOT ...",
    "ALTER": "give the columns their names and types in the SELECT that makes the step",
    "SELECT": "only the last query gives a result: make the earlier one a step, CREATE TEMP TABLE name AS SELECT ...",
}
_HINT = "a node is one query, with steps before it: CREATE TEMP TABLE name AS SELECT ...; or write nodes of their own"


class _Statement(NamedTuple):
    """One statement: its kind, its text, and where that begins, in characters and in bytes."""

    kind: str
    text: str
    start: int
    offset: int


def one_query(con: DuckDBPyConnection, sql: str, tree: Callable[[str], Tree]) -> Tree:
    """The tree of the query that `sql` comes down to. `tree` parses one query. Raises SqlWrong."""
    statements = list(_statements(con, sql))
    last = max((i for i, one in enumerate(statements) if one.kind == "SELECT"), default=len(statements))
    steps: dict[str, Tree] = {}
    for i, one in enumerate(statements):
        if i != last:
            _step(one, steps, sql, tree, after=i > last)
    if last == len(statements):
        raise SqlWrong(
            "there is no query after the steps", reason="sql_not_a_query", hint="end with SELECT ... FROM step"
        )
    return _joined(tree(_alone(sql, statements[last], 0)), steps)


def _statements(con: DuckDBPyConnection, sql: str) -> Iterator[_Statement]:
    at = 0
    for found in con.extract_statements(sql):
        at = max(sql.find(found.query, at), at)
        begin = _START.match(sql, at)
        offset = len(sql[: begin.end() if begin else at].encode())
        yield _Statement(str(found.type).rpartition(".")[2], found.query, at, offset)
        at += len(found.query)


def _alone(sql: str, one: _Statement, skip: int) -> str:
    """The statement behind as many blanks as there were bytes before it, so that its places are those of the whole."""
    begin = one.start + skip
    return " " * len(sql[:begin].encode()) + sql[begin : one.start + len(one.text)]


def _step(one: _Statement, steps: dict[str, Tree], sql: str, tree: Callable[[str], Tree], *, after: bool) -> None:
    """Take in a statement that is not the result."""
    create, drop = _CREATE.match(one.text), _DROP.fullmatch(one.text)
    if create and not after:
        name = _plain(create["name"])
        if name.lower() in (known.lower() for known in steps):
            raise _refused(one, f"the step {name} is made twice", "give the second one a name of its own")
        steps[name] = _cte(tree(_alone(sql, one, create.end())), create["what"])
    elif not drop or (after and _plain(drop["name"]).lower() not in (known.lower() for known in steps)):
        kind = one.kind.replace("_", " ")
        raise _refused(one, f"{kind} stands {'after' if after else 'before'} the query", _HINTS.get(one.kind, _HINT))


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _refused(one: _Statement, message: str, hint: str) -> SqlWrong:
    return SqlWrong(message, reason="sql_several_statements", offset=one.offset, hint=hint)


def _cte(statement: Tree, what: str) -> Tree:
    made_once = "CTE_MATERIALIZE_ALWAYS" if what.upper() == "TABLE" else "CTE_MATERIALIZE_DEFAULT"
    return {
        "aliases": [], "materialized": made_once, "key_targets": [], "payload_aggregates": [],
        "query_node": statement["node"],
    }  # fmt: skip


def _joined(statement: Tree, steps: dict[str, Tree]) -> Tree:
    """The query with the steps before its own CTEs."""
    ctes = statement["node"]["cte_map"]["map"]
    twice = _first_in((entry["key"] for entry in ctes), steps)
    if twice:
        hint = "give one of them another name"
        raise SqlWrong(f"{twice} is a step and a CTE of the query", reason="sql_several_statements", hint=hint)
    ctes[:0] = [{"key": name, "value": value} for name, value in steps.items()]
    return statement


def _first_in(names: Iterable[str], steps: Iterable[str]) -> str:
    known = {name.lower() for name in steps}
    return next((name for name in names if name.lower() in known), "")

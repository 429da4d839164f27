"""Following columns through the scopes of one query (CTEs, subqueries, unions), with sqlglot's tree.

Imported only where sqlglot is there. Decides which expressions make a column: all that its value is computed from, also
inside of subqueries and windows; filters and join conditions decide rows and are not counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope, walk_in_scope

from seeknal.engines.sqllineage import Unreadable
from seeknal.engines.sqlplain import plainer

Used = frozenset[tuple[str, str]]
Outputs = list[tuple[str, Used]]


def outputs(text: str, tables: Mapping[str, Sequence[str]]) -> Outputs:
    """The output columns of a query in order, each with the (table, column) that it is made of. Raises Unreadable."""
    schema: dict[str, object] = {name: dict.fromkeys(columns, "UNKNOWN") for name, columns in tables.items()}
    tree = sqlglot.parse_one(plainer(text), dialect="duckdb")
    _follows(tree)
    done = qualify(tree, dialect="duckdb", schema=schema, validate_qualify_columns=False)
    root = build_scope(done)
    if root is None or done.find(exp.TableColumn) is not None:
        raise Unreadable("sqlglot does not know this sort of query")
    return _Query(root, set(tables)).of(root)


def _follows(tree: Any) -> None:
    """Raise Unreadable for what sqlglot parses and does not understand."""
    strange = {exp.Pivot: "a PIVOT", exp.Columns: "COLUMNS(...)"}
    for sort, name in strange.items():
        if tree.find(sort) is not None:
            raise Unreadable(f"sqlglot does not follow columns through {name}")
    if any(one.args.get("recursive") for one in tree.find_all(exp.With)):
        raise Unreadable("sqlglot does not follow columns through a recursive query")


class _Query:
    """The scopes of one query, and what was found of each."""

    def __init__(self, root: Scope, tables: set[str]) -> None:
        self._tables = tables
        self._homes = {id(node): scope for scope in root.traverse() for node in walk_in_scope(scope.expression)}
        self._known: dict[int, Outputs] = {}

    def of(self, scope: Scope) -> Outputs:
        """The outputs of a scope."""
        if id(scope) not in self._known:
            self._known[id(scope)] = self._of(scope)
        return self._known[id(scope)]

    def _of(self, scope: Scope) -> Outputs:
        query = scope.expression
        if isinstance(query, exp.SetOperation):
            return _together(query, *(self.of(one) for one in scope.set_operation_scopes))
        if isinstance(query, exp.Select):
            return [self._selected(item) for item in query.selects]
        if isinstance(query, exp.Subquery | exp.Table) and len(scope.sources) == 1:
            return self.of(_scope_of(next(iter(scope.sources.values()))))
        raise Unreadable("sqlglot does not know this sort of query")

    def _selected(self, item: Any) -> tuple[str, Used]:
        if item.is_star:
            raise Unreadable("sqlglot cannot tell which columns a * stands for")
        return item.alias_or_name, self._used(item)

    def _used(self, item: Any) -> Used:
        return frozenset(found for column in item.find_all(exp.Column) for found in self._column(column))

    def _column(self, column: Any) -> Used:
        table = column.table
        scope = self._homes.get(id(column))
        while scope is not None and table not in scope.sources:
            scope = scope.parent
        if not table or scope is None:
            raise Unreadable(f"sqlglot cannot tell where column {column.name} comes from")
        source = scope.sources[table]
        if isinstance(source, exp.Table):
            if isinstance(source.this, exp.Func):
                return self._used(source)
            if source.name not in self._tables:
                raise Unreadable(f"sqlglot does not know the table {source.name}")
            return frozenset([(source.name, column.name.lower())])
        return self._through(source, column.name)

    def _through(self, source: Scope, name: str) -> Used:
        """The column `name` of a CTE, a subquery or a function that gives rows."""
        if not isinstance(source.expression, exp.Query):
            return self._used(source.expression)
        found = [used for other, used in self.of(source) if other.lower() == name.lower()]
        if not found:
            raise Unreadable(f"sqlglot cannot tell where column {name} comes from")
        return found[0]


def _scope_of(source: Any) -> Scope:
    if not isinstance(source, Scope):
        raise Unreadable("sqlglot does not know this sort of query")
    return source


def _together(query: Any, left: Outputs, right: Outputs) -> Outputs:
    """The columns of two queries, one under the other: by their places or by their names."""
    if not query.args.get("by_name"):
        if len(left) != len(right):
            raise Unreadable("sqlglot finds queries of different columns in a UNION")
        return [(name, used | more) for (name, used), (_, more) in zip(left, right, strict=True)]
    found = dict(left)
    for name, used in right:
        found[name] = found.get(name, frozenset()) | used
    return list(found.items())

"""The rows of one model with everything that a question needs of them, as SQL: dimensions, measures, what filters name.

Each expression is written where only the columns of its own model can be seen, each join where only its two models can,
and filters where a name means a dimension of the model, else its column, else a dimension of a model that is joined for
it. So no expression changes its meaning with what else is asked. Every join gives a row at most one partner; `checks`
proves it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from seeknal.errors import UsageError, nearest
from seeknal.model.catalog import Catalog
from seeknal.model.joins import Edge, Ways, entity_column, ways
from seeknal.model.lowering import literal, quoted
from seeknal.model.metricnames import Resolved, dimension_names, grained, has, truncated
from seeknal.model.node import Schema
from seeknal.model.semantics import TIME, Dimension, Measure, Model
from seeknal.model.sqltext import Mention, mentions, substitute

Schemas = Mapping[str, Schema]


class Check(NamedTuple):
    """A query that gives one number, which is not 0 when what the message says is so."""

    sql: str
    message: str


class Rows:
    """A builder: ask for columns, then for the SQL that has them."""

    def __init__(self, catalog: Catalog, base: Model, schemas: Schemas) -> None:
        self.base = base
        self.ways: Ways = ways(catalog, base.name)
        self._catalog = catalog
        self._schemas = schemas
        self._inner: dict[str, dict[str, str]] = {base.name: {}}
        self._edges: dict[str, Edge] = {}
        self._columns: dict[str, str] = {}
        self.bare: dict[str, bool] = {}  # names that filters have without a model: whether they mean a dimension

    # -- what names mean -------------------------------------------------------------------------------------------

    def resolve(self, text: str) -> Resolved:
        """The dimension that `name`, `name__grain` or `model.name` means from here. Raises UsageError."""
        owner, _, name = text.rpartition(".")
        if owner:
            model = self._catalog.model(owner)
            found = grained(model, name) if model else None
            if found is None:
                raise self._unknown(text)
            self._reachable(found.model.name)
            return found
        found = self._here(name)
        if found:
            return found
        others = self._there(name)
        if len(others) > 1:
            spelled = ", ".join(f"{r.model.name}.{name}" for r in others)
            raise UsageError(f"{name!r} is ambiguous: write one of {spelled}", reason="ambiguous_dimension")
        if not others:
            raise self._unknown(text)
        return others[0]

    def _here(self, name: str) -> Resolved | None:
        """The dimension of the base that is meant; `metric_time` is its default time dimension."""
        short, separator, grain = name.partition("__")
        if short.lower() == TIME and self.base.time and self.base.dimension(short) is None:
            return grained(self.base, f"{self.base.time}{separator}{grain}")
        return grained(self.base, name)

    def _there(self, name: str) -> list[Resolved]:
        """The dimensions that are meant in models that can be joined."""
        models = [model for model in self._catalog.having(name) if model.name in self.ways.edges]
        return [found for model in models if (found := grained(model, name))]

    def _reachable(self, name: str) -> None:
        if name != self.base.name and name not in self.ways.edges:
            raise UsageError(self.ways.told(name), reason="unreachable_dimension")

    def _unknown(self, text: str) -> UsageError:
        """What to say of a dimension that cannot be found from here."""
        owner, _, name = text.rpartition(".")
        for model in self._catalog.having(name):
            if model.name != self.base.name and owner.lower() in ("", model.name.lower()) and has(model, name):
                return UsageError(f"{text}: {self.ways.told(model.name)}", reason="unreachable_dimension")
        if name.lower().startswith(TIME):
            text = f"semantic_model.{self.base.name} has no default_time_dimension: {text} means nothing for it"
            return UsageError(text, reason="no_time_dimension")
        near = nearest(text, dimension_names(self._catalog))
        return UsageError(f"there is no dimension {text!r}{near}", reason="unknown_dimension")

    # -- asking for columns ----------------------------------------------------------------------------------------

    def dimension(self, text: str) -> str:
        """The column of a dimension, under the name that it is asked for by. Raises UsageError."""
        return self._dimension(text.lower(), self.resolve(text))

    def _dimension(self, name: str, found: Resolved) -> str:
        column = self._own(found.model, found.dimension)
        return self._shown(name, truncated(found.grain, column) if found.grain else column)

    def to_date(self, grain: str) -> str:
        """The column with the period of this grain that a row's time falls in. Raises UsageError."""
        resolved = self.resolve(f"{self.base.name}.{self.base.time}__{grain}")
        return self._dimension(f"#{grain}", resolved)

    def measure(self, measure: Measure) -> str:
        """The column with the values of a measure; `*` for a count of rows."""
        if measure.expr == "*":
            return "*"
        column = quoted(f"{self.base.name}#{measure.name}")
        self._inner[self.base.name][column] = f"({measure.expr})"
        return self._shown(f"#{measure.name}", column)

    def filter(self, text: str) -> str:
        """A condition over the columns that it names, which are there from now on. Raises UsageError."""
        return f"({substitute(text, self._mentioned)})"

    def _mentioned(self, mention: Mention) -> tuple[int, str] | None:
        first, *rest = mention.parts
        model = self._catalog.model(first) if rest else None
        found = self._qualified(model, rest[0]) if model and not self._is_own(first) else None
        if not found:
            self._bare(first)
        return found

    def _is_own(self, name: str) -> bool:
        return bool(self._here(name) or self._raw(self.base, name))

    def _bare(self, name: str) -> None:
        """Make a name without a model mean what it does; it may also be a word of the language, or mean nothing."""
        found = self._here(name)
        column = None if found else self._raw(self.base, name)
        if column:
            self._shown(name.lower(), f"{quoted(self.base.name)}.{quoted(column)}")
            self._inner[self.base.name][quoted(column)] = quoted(column)
        elif not found:
            others = self._there(name)
            found = others[0] if len(others) == 1 else None
        if found:
            self._dimension(name.lower(), found)
        if found or column:
            self.bare[name.lower()] = found is not None

    def _qualified(self, model: Model, name: str) -> tuple[int, str] | None:
        found = grained(model, name)
        column = None if found else self._raw(model, name)
        if not found and not column:
            return None
        self._reachable(model.name)
        label = f"{model.name}.{name}".lower()
        if found:
            return 2, self._dimension(label, found)
        flat = quoted(label)
        self._join(model.name)
        self._inner[model.name][flat] = quoted(str(column))
        return 2, self._shown(label, flat)

    def _own(self, model: Model, dimension: Dimension) -> str:
        """The column of a dimension in the joined rows; joins its model."""
        self._join(model.name)
        name = quoted(f"{model.name}.{dimension.name}".lower())
        expr = f"({dimension.expr})"
        self._inner[model.name][name] = truncated(dimension.granularity, expr) if dimension.granularity else expr
        return name

    def _shown(self, name: str, sql: str) -> str:
        self._columns[quoted(name)] = sql
        return quoted(name)

    def _raw(self, model: Model, name: str) -> str | None:
        return next((known for known, _ in self._schema(model) if known.lower() == name.lower()), None)

    def _schema(self, model: Model) -> Schema:
        schema = self._schemas.get(model.table)
        if schema is None:
            text = f"{model.table} of semantic_model.{model.name} is not published: run: seeknal run -n {model.table}"
            raise UsageError(text, reason="not_published")
        return schema

    # -- joins -----------------------------------------------------------------------------------------------------

    def _join(self, name: str) -> None:
        for edge in self.ways.to(name):
            if edge.target not in self._edges:
                self._edges[edge.target] = edge
                self._inner.setdefault(edge.target, {})
                self._needs(edge)

    def _needs(self, edge: Edge) -> None:
        """Give the two inner tables the columns that a join's condition names."""
        pair = [self._catalog.models[edge.source], self._catalog.models[edge.target]]
        for model, entity in zip(pair, edge.entities, strict=False):
            self._inner[model.name][entity_column(model, entity)] = f"({entity.expr})"
        for mention in mentions(edge.on) if not edge.entities else ():
            first, *rest = mention.parts
            owners = [model for model in pair if rest and model.name.lower() == first.lower()]
            for model in owners or pair:
                column = self._raw(model, rest[0] if owners else first)
                self._inner[model.name].update({quoted(column): quoted(column)} if column else {})

    # -- the SQL ---------------------------------------------------------------------------------------------------

    @property
    def tables(self) -> Iterator[str]:
        """The tables that are read."""
        return (self._catalog.models[name].table for name in self._inner)

    def sql(self) -> str:
        """The query that has a column for everything that was asked for."""
        columns = [f"{sql} AS {name}" if sql != name else name for name, sql in self._columns.items()]
        return f"SELECT {', '.join(columns) or '1 AS one'}\n  FROM {self._joined(self.base.name)[0]}"

    def _joined(self, name: str) -> tuple[str, list[str]]:
        """A model's inner table with what is joined to it, and the columns that the last join brings."""
        text, brought = self._table(name), list[str]()
        for edge in self._edges.values():
            if edge.source == name:
                text = f"{self._wrapped(name, text, brought)}\n  LEFT JOIN {self._partner(edge.target)} ON ({edge.on})"
                brought = self._carried(edge.target)
        return text, brought

    def _partner(self, name: str) -> str:
        return self._wrapped(name, *self._joined(name))

    def _wrapped(self, name: str, text: str, brought: list[str]) -> str:
        """A join as a table that has the columns of its left side, and of its right side what is asked for."""
        if not brought:
            return text
        return f"(SELECT {quoted(name)}.*, {', '.join(brought)} FROM {text}) AS {quoted(name)}"

    def _carried(self, name: str) -> list[str]:
        below = [
            column for edge in self._edges.values() if edge.source == name for column in self._carried(edge.target)
        ]
        return [column for column in self._inner[name] if column.startswith(f'"{name.lower()}.')] + below

    def _table(self, name: str) -> str:
        columns = [f"{sql} AS {column}" if sql != column else column for column, sql in self._inner[name].items()]
        table = literal(self._catalog.models[name].table)
        self._schema(self._catalog.models[name])
        return f"(SELECT {', '.join(columns) or '1 AS one'} FROM ref({table})) AS {quoted(name)}"

    def checks(self) -> Iterator[Check]:
        """For each join that it finds one partner at most."""
        for edge in self._edges.values():
            left = self._table(edge.source)
            joined = f"{left} LEFT JOIN {self._table(edge.target)} ON ({edge.on})"
            sql = f"SELECT (SELECT count(*) FROM {joined}) - (SELECT count(*) FROM {left}) AS more"
            text = (
                f"the join {edge.said} finds several rows of {edge.target} for one of {edge.source}: every number would "
                f"count these several times; make {self._catalog.models[edge.target].table} unique, or correct the join"
            )
            yield Check(sql, text)

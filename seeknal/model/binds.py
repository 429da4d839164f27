"""What a semantic model or a metric must fit: queries that are only bound, against the columns of its tables.

Decides which tables such a node needs to be judged, and one query for each expression, with the field that is wrong when
it does not bind. Nothing is run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any, NamedTuple

from seeknal.errors import UsageError
from seeknal.model.catalog import Catalog, Owned
from seeknal.model.joins import declared, ways
from seeknal.model.lowering import Path, Wrong, literal, quoted
from seeknal.model.metricgroups import Question
from seeknal.model.metricnames import dimension_names, grained
from seeknal.model.metricrows import Rows
from seeknal.model.metricsql import query, query_of
from seeknal.model.metricterms import Leaf, leaves, term
from seeknal.model.node import Input, Node, Schema
from seeknal.model.semantics import TIME, Measure, Metric, Model
from seeknal.model.sqltext import mentions


class Bind(NamedTuple):
    """A query to bind: the field that it is about and its text, and the names that could be meant in it."""

    path: Path
    text: str
    sql: str
    names: Sequence[str] = ()


class Uses(NamedTuple):
    """What metrics and a model rest on: the models of their measures, and the tables that must be looked at."""

    owners: tuple[str, ...]
    tables: tuple[str, ...]


def uses_of(catalog: Catalog, metrics: Sequence[Owned], model: Model | None = None) -> Uses:
    """What these metrics, and the joins of a model, rest on; names that mean nothing are left out."""
    found = [leaf for owned in metrics for leaf in _leaves(catalog, owned)]
    owners = dict.fromkeys(leaf.model for leaf in found)
    joined = [edge.target for join in model.joins if (edge := declared(catalog, model, join))] if model else []
    filtered = [name for leaf in found for name in _involved(catalog, leaf)]
    read = [*([model.name] if model else []), *owners, *joined, *filtered]
    return Uses(tuple(owners), tuple(dict.fromkeys(catalog.models[name].table for name in read)))


def _leaves(catalog: Catalog, owned: Owned) -> list[Leaf]:
    try:
        return [*leaves(term(catalog, owned))]
    except UsageError:
        return []  # `review` says so


def _involved(catalog: Catalog, leaf: Leaf) -> Iterator[str]:
    """The models that the filters of a leaf may be about, besides its own."""
    base = catalog.models[leaf.model]
    reach = ways(catalog, base.name)
    for text in (*leaf.measure.filters, *leaf.filters):
        for mention in mentions(text):
            for name in _meant(catalog, base, mention.parts):
                yield from (edge.target for edge in (reach.to(name) if name in reach.edges else ()))


def _meant(catalog: Catalog, base: Model, parts: tuple[str, ...]) -> list[str]:
    named = catalog.model(parts[0]) if len(parts) > 1 else None
    if named:
        return [named.name]
    try:
        return [] if grained(base, parts[0]) else [model.name for model in catalog.having(parts[0])]
    except UsageError:
        return []  # binding says so


def connected(
    node: Node, own: Model | Metric, catalog: Catalog, uses: Uses, more: Iterable[str], known: Set[str]
) -> Node:
    """The node with what it rests on as inputs, and beside its definition what is needed to judge it."""
    have = [need.node for need in node.recipe.inputs]
    names = dict.fromkeys([*have, *more, *(table for table in uses.tables if table in known)])
    inputs = (*node.recipe.inputs, *(Input(name) for name in names if name not in have))
    late = {"own": own, "catalog": catalog, "inputs": [*names]}
    return replace(node, recipe=replace(node.recipe, inputs=inputs, late=late))


class Known(NamedTuple):
    """The catalog, and the columns of the tables that a node has as inputs."""

    catalog: Catalog
    schemas: Mapping[str, Schema]

    @classmethod
    def of(cls, definition: Mapping[str, Any], schemas: Sequence[Schema | None]) -> Known:
        """What `connected` put beside a definition, with the schemas of the node's inputs."""
        pairs = zip(definition["inputs"], schemas, strict=True)
        return cls(definition["catalog"], {name: schema for name, schema in pairs if schema is not None})

    def columns(self, *models: Model) -> list[str]:
        """The columns of the tables of models."""
        return [column for model in models for column, _ in self.schemas.get(model.table, ())]


def bound_metric(known: Known, owned: Owned, prefix: Path) -> list[Bind]:
    """The queries that show that a metric can be asked for. Raises Wrong."""
    metric = owned.metric
    field = "filter" if metric.filters else next(f for f in ("measure", "numerator", "expr") if getattr(metric, f))
    names = dimension_names(known.catalog)
    conditions = " AND ".join(metric.filters)
    if metric.type != "derived":
        return [_asked(known, owned, (*prefix, field), conditions or getattr(metric, field), names)]
    inputs = [part.alias or part.metric for part in metric.parts]
    found = []
    if metric.filters:
        only = metric._replace(expr=" AND ".join(f"{quoted(name)} IS NULL" for name in inputs))
        found.append(_asked(known, Owned(only, owned.model), (*prefix, "filter"), conditions, names))
    return [*found, _asked(known, owned, (*prefix, "expr"), metric.expr, inputs)]


def _asked(known: Known, owned: Owned, path: Path, text: str, names: Sequence[str]) -> Bind:
    timed = any(leaf.offset or leaf.window is not None for leaf in leaves(term(known.catalog, owned)))
    question = Question((owned.metric.name,), (TIME,) if timed else ())
    try:
        return Bind(path, text, query_of(known.catalog, [owned], question, known.schemas).sql, names)
    except UsageError as error:
        raise Wrong(path, f"{text}: {error.message}") from error


def bound_model(known: Known, model: Model) -> list[Bind]:
    """The queries that show that the expressions of a model fit its columns. Raises Wrong."""
    found = [*_expressions(known, model)]
    for i, measure in enumerate(model.measures):
        found += _measure(known, model, measure, i)
    found += _joins(known, model)
    for i, metric in enumerate(model.metrics):
        found += bound_metric(known, Owned(metric, model.name), ("metrics", i))
    return found


def _expressions(known: Known, model: Model) -> Iterator[Bind]:
    """Each stands in a WHERE, which allows neither aggregates nor what makes several rows of one."""
    columns = known.columns(model)
    for i, entity in enumerate(model.entities):
        yield Bind(("entities", i, "expr"), entity.expr, _scalar(model, entity.expr), columns)
    for i, dimension in enumerate(model.dimensions):
        tested = f"date_trunc('day', {dimension.expr})" if dimension.type == "time" else dimension.expr
        yield Bind(("dimensions", i, "expr"), dimension.expr, _scalar(model, tested), columns)
    for i, measure in enumerate(model.measures):
        if measure.expr != "*":
            yield Bind(("measures", i, "expr"), measure.expr, _scalar(model, measure.expr), columns)


def _scalar(model: Model, expr: str) -> str:
    return f"SELECT 1 AS one FROM ref({literal(model.table)}) WHERE ({expr}) IS NULL"


def _measure(known: Known, model: Model, measure: Measure, place: int) -> Iterator[Bind]:
    names = [*(dimension.name for dimension in model.dimensions), *known.columns(model)]
    alone = Catalog({model.name: model._replace(joins=(), entities=())})
    for j, text in enumerate(measure.filters):
        rows = Rows(alone, alone.models[model.name], known.schemas)
        condition = rows.filter(text)
        sql = f"SELECT 1 AS one FROM ({rows.sql()}) WHERE {condition}"
        yield Bind(("measures", place, "filters", j), text, sql, names)
    sql = query(alone, Question((f"{model.name}.{measure.name}",)), known.schemas).sql
    yield Bind(("measures", place, "expr"), f"{measure.agg} of {measure.expr}", sql, known.columns(model))


def _joins(known: Known, model: Model) -> Iterator[Bind]:
    for i, join in enumerate(model.joins):
        edge = declared(known.catalog, model, join)
        other = known.catalog.models[edge.target] if edge else None
        if edge and other and other.table in known.schemas:
            left = f"ref({literal(model.table)}) AS {quoted(model.name)}"
            right = f"ref({literal(other.table)}) AS {quoted(other.name)}"
            sql = f"SELECT 1 AS one FROM {left} LEFT JOIN {right} ON ({edge.on})"
            yield Bind(("joins", i, "sql"), join.sql, sql, known.columns(model, other))

"""What a semantic model or a metric must fit: queries that are only bound, against the columns of its tables.

Decides which models, metrics and tables such a node needs to be judged alone, and one query for each expression, with the
field that is wrong when it does not bind. Nothing is run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from seeknal.errors import UsageError
from seeknal.model.catalog import Catalog, Owned
from seeknal.model.joins import declared, ways
from seeknal.model.lowering import Path, Wrong, literal, quoted
from seeknal.model.metricgroups import Question
from seeknal.model.metricnames import dimension_names, grained
from seeknal.model.metricrows import Rows
from seeknal.model.metricsql import query
from seeknal.model.metricterms import Leaf, leaves, term
from seeknal.model.node import Input, Node, Schema
from seeknal.model.semantics import TIME, Measure, Model, metric_of, model_of, plain_data
from seeknal.model.sqltext import mentions

Bind = dict[str, Any]


class Uses(NamedTuple):
    """What metrics and a model rest on: the models of their measures, the tables read, all models and metrics needed."""

    owners: tuple[str, ...]
    tables: tuple[str, ...]
    models: tuple[Model, ...]
    metrics: tuple[Owned, ...]
    own: str


def uses_of(catalog: Catalog, metrics: Sequence[Owned], model: Model | None = None) -> Uses:
    """What these metrics, and the joins of a model, rest on; names that mean nothing are left out."""
    every = [*_below(catalog, metrics)]
    found = [leaf for owned in metrics for leaf in _leaves(catalog, owned)]
    owners = dict.fromkeys(leaf.model for leaf in found)
    joined = [edge.target for join in model.joins if (edge := declared(catalog, model, join))] if model else []
    bases = dict.fromkeys([*([model.name] if model else []), *owners])
    read = dict.fromkeys([*bases, *joined, *(name for leaf in found for name in _involved(catalog, leaf))])
    near = [ways(catalog, base) for base in bases]
    reach = dict.fromkeys([*read, *(name for way in near for name in (*way.edges, *way.several))])
    tables = dict.fromkeys(catalog.models[name].table for name in read)
    models = tuple(catalog.models[name] for name in reach)
    return Uses(tuple(owners), tuple(tables), models, tuple(every), model.name if model else "")


def _below(catalog: Catalog, metrics: Iterable[Owned]) -> Iterator[Owned]:
    """Metrics, and those that they are made of."""
    seen: set[str] = set()
    waiting = [*metrics]
    while waiting:
        owned = waiting.pop(0)
        if owned.metric.name.lower() in seen:
            continue
        seen.add(owned.metric.name.lower())
        yield owned
        names = [owned.metric.numerator, owned.metric.denominator, *(part.metric for part in owned.metric.parts)]
        waiting += [
            other for other in catalog.metrics if other.metric.name.lower() in map(str.lower, filter(None, names))
        ]


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
            for name in _meant(catalog, base, [*reach.edges], mention.parts):
                yield from (edge.target for edge in (reach.to(name) if name in reach.edges else ()))


def _meant(catalog: Catalog, base: Model, others: list[str], parts: tuple[str, ...]) -> list[str]:
    named = catalog.model(parts[0]) if len(parts) > 1 else None
    if named:
        return [named.name]
    try:
        if grained(base, parts[0]):
            return []
        return [name for name in others if grained(catalog.models[name], parts[0])]
    except UsageError:
        return []  # binding says so


def connected(node: Node, uses: Uses, more: Iterable[str], known: Set[str]) -> Node:
    """The node with what it rests on as inputs, and in its definition what is needed to judge it."""
    have = [need.node for need in node.recipe.inputs]
    names = dict.fromkeys([*have, *more, *(table for table in uses.tables if table in known)])
    definition = {
        **node.recipe.definition,
        "own": uses.own,
        "inputs": [*names],
        "models": [plain_data(model) for model in uses.models],
        "metrics": [[plain_data(owned.metric), owned.model] for owned in uses.metrics],
    }
    inputs = (*node.recipe.inputs, *(Input(name) for name in names if name not in have))
    return replace(node, recipe=replace(node.recipe, definition=definition, inputs=inputs))


@dataclass(frozen=True, slots=True)
class Known:
    """The part of the catalog that a definition carries, and the columns of the tables that there are."""

    catalog: Catalog
    schemas: Mapping[str, Schema]

    @classmethod
    def of(cls, definition: Mapping[str, Any], schemas: Sequence[Schema | None]) -> Known:
        """What `connected` put into a definition, with the schemas of the node's inputs."""
        models = [model_of(data) for data in definition["models"]]
        metrics = tuple(Owned(metric_of(data), model) for data, model in definition["metrics"])
        found = {name: schema for name, schema in zip(definition["inputs"], schemas, strict=True) if schema is not None}
        return cls(Catalog({model.name: model for model in models}, metrics), found)

    def bind(self, path: Path, sql: str, text: str, names: Iterable[str] = ()) -> Bind:
        """A query to bind: what it is about, where that stands, the names that could be meant."""
        return {"path": ".".join(map(str, path)), "sql": sql, "text": text, "names": [*names]}


def bound_metric(known: Known, owned: Owned, prefix: Path) -> list[Bind]:
    """The queries that show that a metric can be asked for. Raises Wrong."""
    metric = owned.metric
    field = "filter" if metric.filters else next(f for f in ("measure", "numerator", "expr") if getattr(metric, f))
    names = dimension_names(known.catalog)
    if metric.type != "derived":
        shown = " AND ".join(metric.filters) or getattr(metric, field)
        return [_asked(known, owned, (*prefix, field), shown, names)]
    inputs = [part.alias or part.metric for part in metric.parts]
    found = []
    if metric.filters:
        only = replace(metric, expr=" AND ".join(f"{quoted(name)} IS NULL" for name in inputs))
        found.append(_asked(known, Owned(only, owned.model), (*prefix, "filter"), " AND ".join(metric.filters), names))
    return [*found, _asked(known, owned, (*prefix, "expr"), metric.expr, inputs)]


def _asked(known: Known, owned: Owned, path: Path, text: str, names: Iterable[str]) -> Bind:
    others = tuple(other for other in known.catalog.metrics if other.metric.name.lower() != owned.metric.name.lower())
    catalog = replace(known.catalog, metrics=(owned, *others))
    found = [*leaves(term(catalog, owned))]
    timed = any(leaf.offset or leaf.window is not None for leaf in found)
    question = Question((owned.metric.name,), (TIME,) if timed else ())
    try:
        return known.bind(path, query(catalog, question, known.schemas).sql, text, names)
    except UsageError as error:
        raise Wrong(path, f"{text}: {error.message}") from error


def bound_model(known: Known, name: str) -> list[Bind]:
    """The queries that show that the expressions of a model fit its columns. Raises Wrong."""
    model = known.catalog.models[name]
    found = [*_expressions(known, model)]
    for i, measure in enumerate(model.measures):
        found += _measure(known, model, measure, i)
    found += _joins(known, model)
    for i, owned in enumerate(owned for owned in known.catalog.metrics if owned.model == name):
        found += bound_metric(known, owned, ("metrics", i))
    return found


def _expressions(known: Known, model: Model) -> Iterator[Bind]:
    """Each stands in a WHERE, which allows neither aggregates nor what makes several rows of one."""
    columns = [column for column, _ in known.schemas.get(model.table, ())]
    for i, entity in enumerate(model.entities):
        yield known.bind(("entities", i, "expr"), _scalar(model, entity.expr), entity.expr, columns)
    for i, dimension in enumerate(model.dimensions):
        tested = f"date_trunc('day', {dimension.expr})" if dimension.type == "time" else dimension.expr
        yield known.bind(("dimensions", i, "expr"), _scalar(model, tested), dimension.expr, columns)
    for i, measure in enumerate(model.measures):
        if measure.expr != "*":
            yield known.bind(("measures", i, "expr"), _scalar(model, measure.expr), measure.expr, columns)


def _scalar(model: Model, expr: str) -> str:
    return f"SELECT 1 AS one FROM ref({literal(model.table)}) WHERE ({expr}) IS NULL"


def _measure(known: Known, model: Model, measure: Measure, place: int) -> Iterator[Bind]:
    columns = [column for column, _ in known.schemas.get(model.table, ())]
    names = [*(dimension.name for dimension in model.dimensions), *columns]
    alone = Catalog({model.name: replace(model, joins=(), entities=())}, ())
    for j, text in enumerate(measure.filters):
        rows = Rows(alone, alone.models[model.name], known.schemas)
        condition = rows.filter(text)
        sql = f"SELECT 1 AS one FROM ({rows.sql()}) WHERE {condition}"
        yield known.bind(("measures", place, "filters", j), sql, text, names)
    question = Question((f"{model.name}.{measure.name}",))
    sql = query(alone, question, known.schemas).sql
    yield known.bind(("measures", place, "expr"), sql, f"{measure.agg} of {measure.expr}", columns)


def _joins(known: Known, model: Model) -> Iterator[Bind]:
    for i, join in enumerate(model.joins):
        edge = declared(known.catalog, model, join)
        other = known.catalog.models[edge.target] if edge else None
        if edge is None or other is None or other.table not in known.schemas:
            continue
        sides = f"ref({literal(model.table)}) AS {quoted(model.name)} LEFT JOIN ref({literal(other.table)}) AS "
        sql = f"SELECT 1 AS one FROM {sides}{quoted(other.name)} ON ({edge.on})"
        columns = [column for table in (model.table, other.table) for column, _ in known.schemas[table]]
        yield known.bind(("joins", i, "sql"), sql, join.sql, columns)

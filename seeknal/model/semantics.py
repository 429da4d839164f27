"""Semantic models and metrics as frozen data: what a project says of the meaning of its tables.

Decides the words (types, aggregates, grains) and the table that describes a model or a metric. How a question is answered
is decided in `metricterms` and `metricsql`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from seeknal.model.lowering import literal

GRAINS = ("second", "minute", "hour", "day", "week", "month", "quarter", "year")
# The name by which every model's default time dimension can be asked for.
TIME = "metric_time"
ENTITY_TYPES = ("primary", "foreign", "unique")
DIMENSION_TYPES = ("time", "categorical", "string", "number", "boolean")
AGGREGATES = ("sum", "count", "count_distinct", "average", "avg", "min", "max")
RELATIONSHIPS = ("one_to_one", "one_to_many", "many_to_one")
METRIC_TYPES = ("simple", "ratio", "cumulative", "derived")


class Entity(NamedTuple):
    """A thing that rows are about: the expression that identifies it, and whether it does so once in the table."""

    name: str
    type: str
    expr: str


class Dimension(NamedTuple):
    """Something to group and filter by. `granularity` is the finest grain that its times are told in."""

    name: str
    type: str
    expr: str
    granularity: str = ""
    description: str = ""


class Measure(NamedTuple):
    """An aggregate over the rows of a model."""

    name: str
    expr: str
    agg: str
    filters: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    description: str = ""


class Join(NamedTuple):
    """How the rows of another model belong to those of this one."""

    name: str
    relationship: str
    sql: str


class Part(NamedTuple):
    """What a derived metric calls by `alias`: a metric, as it was `offset` (a number of units) earlier."""

    metric: str
    alias: str
    offset: tuple[int, str] | None = None


class Metric(NamedTuple):
    """A number with a name. Which of the fields count is decided by its type."""

    name: str
    type: str
    measure: str = ""
    filters: tuple[str, ...] = ()
    numerator: str = ""
    denominator: str = ""
    grain_to_date: str = ""
    expr: str = ""
    parts: tuple[Part, ...] = ()
    aliases: tuple[str, ...] = ()
    description: str = ""


class Model(NamedTuple):
    """A table with its meaning. `time` is the default time dimension."""

    name: str
    table: str
    time: str = ""
    entities: tuple[Entity, ...] = ()
    dimensions: tuple[Dimension, ...] = ()
    measures: tuple[Measure, ...] = ()
    joins: tuple[Join, ...] = ()
    metrics: tuple[Metric, ...] = ()

    def dimension(self, name: str) -> Dimension | None:
        """The dimension of that name, in any case."""
        return next((d for d in self.dimensions if d.name.lower() == name.lower()), None)

    def measure(self, name: str) -> Measure | None:
        """The measure of that name or alias, in any case; a name comes before an alias."""
        wanted = name.lower()
        named = [m for m in self.measures if m.name.lower() == wanted]
        return next(iter(named + [m for m in self.measures if wanted in map(str.lower, m.aliases)]), None)


class Row(NamedTuple):
    """A line of the table that describes a semantic model or a metric: all that counts, nothing that only explains."""

    role: str
    name: str = ""
    type: str = ""
    expr: str = ""
    agg: str = ""
    grain: str = ""
    filters: str = ""
    aliases: str = ""


def described(rows: Iterable[Row]) -> str:
    """The table of these rows as SQL, in their order."""
    names = Row._fields
    lines = [
        f"({place}, {', '.join(_text(getattr(row, name)) for name in names)})" for place, row in enumerate(rows, 1)
    ]
    columns = ", ".join(f"CAST({name} AS VARCHAR) AS {name}" for name in names)
    table = f"(VALUES {', '.join(lines)}) AS t(position, {', '.join(names)})"
    return f"SELECT position, {columns} FROM {table} ORDER BY position"


def _text(value: str) -> str:
    return literal(value) if value else "NULL"


def model_rows(model: Model) -> Iterable[Row]:
    """What describes a model, in declared order."""
    yield Row("model", model.table, grain=model.time)
    for entity in model.entities:
        yield Row("entity", entity.name, entity.type, entity.expr)
    for dimension in model.dimensions:
        yield Row("dimension", dimension.name, dimension.type, dimension.expr, grain=dimension.granularity)
    for m in model.measures:
        yield Row("measure", m.name, "", m.expr, m.agg, filters=_all(m.filters), aliases=", ".join(m.aliases))
    for join in model.joins:
        yield Row("join", join.name, join.relationship, join.sql)
    for metric in model.metrics:
        yield from metric_rows(metric, metric.name)


def metric_rows(metric: Metric, name: str = "") -> Iterable[Row]:
    """What describes a metric: itself, and what it is made of."""
    yield Row("metric", name, metric.type, metric.expr, grain=metric.grain_to_date, filters=_all(metric.filters),
              aliases=", ".join(metric.aliases))  # fmt: skip
    for role in ("measure", "numerator", "denominator"):
        if getattr(metric, role):
            yield Row(role, getattr(metric, role))
    for part in metric.parts:
        offset = f"{part.offset[0]} {part.offset[1]}" if part.offset else ""
        yield Row("input", part.metric, grain=offset, aliases=part.alias)


def _all(filters: tuple[str, ...]) -> str:
    return filters[0] if len(filters) == 1 else " AND ".join(f"({text})" for text in filters)

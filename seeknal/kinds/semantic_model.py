"""`semantic_model`: what the columns of a table mean. Lowers to a small table that says it, in declared order.

Decides the fields of entities, dimensions, measures and joins, and their defaults. No data is read for the table; that
every expression fits the columns of the model is shown by binding it (`binds`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seeknal.errors import Problem, nearest
from seeknal.kinds import metric as metric_kind
from seeknal.model.fields import Fields, told
from seeknal.model.lowering import Lowered, Wrong, quoted
from seeknal.model.node import Input, Node, Recipe, Schema, line_at
from seeknal.model.semantics import (
    AGGREGATES,
    DIMENSION_TYPES,
    ENTITY_TYPES,
    GRAINS,
    RELATIONSHIPS,
    Dimension,
    Entity,
    Join,
    Measure,
    Model,
    described,
    model_rows,
)
from seeknal.model.sqltext import placeholders

_ID = r"([a-z_]+\.[A-Za-z_][A-Za-z0-9_-]*)"
_REF = re.compile(rf"""\s*(?:ref\s*\(\s*(?:'{_ID}'|"{_ID}"|{_ID})\s*\)|(?:ref:\s*)?{_ID})\s*""")
FIELDS = ("name", "model", "default_time_dimension", "entities", "dimensions", "measures", "joins", "metrics")


@dataclass(frozen=True, slots=True)
class Spec:
    """The fields of a semantic model."""

    model: str
    default_time_dimension: Any = None
    entities: Any = None
    dimensions: Any = None
    measures: Any = None
    joins: Any = None
    metrics: Any = None


def reads(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """The table that the model is about. Raises Wrong."""
    text = fields.get("model")
    return () if text is None else (_table(text),)


def _table(text: Any) -> str:
    found = _REF.fullmatch(text) if isinstance(text, str) else None
    if not found:
        raise Wrong(("model",), f"model is {text!r}: write the node that it is about: model: ref('transform.orders')")
    return next(name for name in found.groups() if name)


def lower(name: str, spec: Spec, inputs: tuple[str, ...]) -> Lowered:
    """A recipe of the DuckDB engine: the rows that describe the model, without reading any data."""
    wrong: list[Wrong] = []
    given = {field: getattr(spec, field) for field in Spec.__dataclass_fields__}
    model = _model(Fields({"name": name, **given}, (), FIELDS, wrong))
    told(wrong)
    definition = {"expand": "semantic_model", "table": described(model_rows(model))}
    recipe = Recipe("duckdb", definition, tuple(map(Input, inputs)))
    return Lowered(recipe, {"semantic": model, "fields": FIELDS})


def _model(fields: Fields) -> Model:
    name = fields.text("name")
    model = Model(
        name,
        _table(fields.text("model")),
        fields.text("default_time_dimension"),
        tuple(_entities(fields)),
        tuple(_dimensions(fields)),
        tuple(_measures(fields)),
        tuple(_joins(fields, name)),
        tuple(metric_kind.read(item) for item in fields.each("metrics", metric_kind.FIELDS)),
    )
    _no_twins(fields, "entities", [entity.name for entity in model.entities])
    _no_twins(fields, "dimensions", [dimension.name for dimension in model.dimensions])
    _no_twins(fields, "measures", [measure.name for measure in model.measures])
    _no_twins(fields, "joins", [join.name for join in model.joins])
    _time(fields, model)
    return model


def _entities(fields: Fields) -> Iterator[Entity]:
    for item in fields.each("entities", ("name", "type", "expr", "description")):
        name = item.identifier("name", needed="the column that identifies the entity, as in name: customer_id")
        yield Entity(name, item.word("type", ENTITY_TYPES, "primary"), item.sql("expr", quoted(name)))


def _dimensions(fields: Fields) -> Iterator[Dimension]:
    for item in fields.each("dimensions", ("name", "type", "expr", "time_granularity", "description")):
        name = item.identifier("name", needed="what it is asked for by")
        type_ = item.word("type", DIMENSION_TYPES, "categorical")
        grain = item.word("time_granularity", GRAINS)
        if grain and type_ != "time":
            item.say(("time_granularity",), f"time_granularity is for a dimension of type time, {name} is {type_}")
        if "__" in name and name.rpartition("__")[2].lower() in GRAINS:
            item.say(("name",), f"the name {name} ends like a grain of time: choose another")
        type_ = "categorical" if type_ == "string" else type_
        yield Dimension(name, type_, item.sql("expr", quoted(name)), grain, item.text("description"))


def _measures(fields: Fields) -> Iterator[Measure]:
    for item in fields.each("measures", ("name", "expr", "agg", "description", "filters", "aliases")):
        name = item.identifier("name", needed="what it is asked for by")
        agg = item.word("agg", AGGREGATES, "sum")
        agg = "average" if agg == "avg" else agg
        expr = item.sql("expr", "*" if agg == "count" else quoted(name))
        if expr == "*" and agg != "count":
            item.say(("expr",), f"expr is *: only agg: count counts rows, {agg} needs an expression")
        filters, aliases = item.expressions("filters"), item.texts("aliases")
        yield Measure(name, expr, agg, filters, aliases, item.text("description"))


def _joins(fields: Fields, own: str) -> Iterator[Join]:
    for item in fields.each("joins", ("name", "relationship", "sql")):
        name = item.text("name", needed="the semantic model that is joined")
        if name.lower() == own.lower():
            item.say(("name",), f"{name} cannot be joined with itself: make a second semantic model of its table")
        sql = item.sql("sql", needed=f"the condition, as in sql: '{{CUBE}}.customer_id = {{{name or 'customers'}}}.id'")
        known = ("CUBE", "model", own, name)
        for word, _, _ in placeholders(sql):
            if word.lower() not in map(str.lower, known):
                item.say(
                    ("sql",), f"{{{word}}} is neither {{CUBE}} nor {{{name}}}: these are the two sides of the join"
                )
        yield Join(name, item.word("relationship", RELATIONSHIPS, "many_to_one"), sql)


def _no_twins(fields: Fields, field: str, names: list[str]) -> None:
    folded = [name.lower() for name in names]
    for i, name in enumerate(folded):
        if name and name in folded[:i]:
            fields.say((field, i), f"{field} has {names[i]!r} already: rename one")


def _time(fields: Fields, model: Model) -> None:
    times = [dimension.name for dimension in model.dimensions if dimension.type == "time"]
    if model.time and model.time.lower() not in map(str.lower, times):
        known = ", ".join(times) or "there is none"
        text = f"{model.time!r} is no time dimension of this model{nearest(model.time, times)}: {known}"
        fields.say(("default_time_dimension",), f"default_time_dimension: {text}")


def expand(definition: Mapping[str, Any], schemas: Sequence[Schema | None]) -> dict[str, Any]:
    """The table that describes the model, and the queries that show that its expressions fit. Raises Wrong."""
    from seeknal.model.binds import Known, bound_model

    binds = bound_model(Known.of(definition, schemas), definition["own"])
    return {"sql": definition["table"], "checks": [], "binds": binds}


def review(nodes: Sequence[Node]) -> list[Problem]:
    """Joins with models that do not exist."""
    models = {node.traits["semantic"].name: node for node in nodes if "semantic" in node.traits}
    return [
        Problem(
            node.file,
            line_at(node, ("joins", i, "name")),
            f"{node.id}: there is no semantic_model.{join.name} to join{nearest(join.name, models)}",
            "unknown_model",
        )
        for node in models.values()
        for i, join in enumerate(node.traits["semantic"].joins)
        if join.name.lower() not in map(str.lower, models)
    ]

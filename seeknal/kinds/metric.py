"""`metric`: a number with a name, made of measures of semantic models. Lowers to a small table that describes it.

Decides what the fields of each type of metric are, and with `review` what is wrong between metrics and models: unknown and
ambiguous names, circles, names given twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from seeknal.errors import Problem, UsageError
from seeknal.model.fields import Fields, told
from seeknal.model.graph import find_cycle
from seeknal.model.lowering import Lowered, Path, Wrong
from seeknal.model.node import Node, Recipe, Schema, line_at
from seeknal.model.semantics import GRAINS, METRIC_TYPES, Metric, Model, Part, described, metric_rows

if TYPE_CHECKING:  # a project without metrics does not pay for what answers questions about them
    from seeknal.model.catalog import Catalog, Owned

# `inputs` of a metric are metrics, not nodes.
OWN_INPUTS = True
FIELDS = (
    "name", "type", "measure", "filter", "numerator", "denominator", "grain_to_date", "expr", "inputs", "aliases",
    "description",
)  # fmt: skip
_NEEDED = {
    "simple": {"measure": "the measure that it is, as in measure: revenue"},
    "cumulative": {"measure": "the measure that it adds up, as in measure: revenue"},
    "ratio": {"numerator": "the measure above the line", "denominator": "the measure below the line"},
    "derived": {
        "expr": "what is made of its inputs, as in expr: revenue - cost",
        "inputs": "the metrics that it is made of, as in inputs: [{metric: revenue}, {metric: cost}]",
    },
}
_MORE = {"cumulative": ("grain_to_date",)}
_OFFSET = re.compile(rf"\s*(\d{{1,6}})\s+({'|'.join(GRAINS)})s?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Spec:
    """The fields of a metric; which of them there are depends on its type."""

    type: Any
    measure: Any = None
    filter: Any = None
    numerator: Any = None
    denominator: Any = None
    grain_to_date: Any = None
    expr: Any = None
    inputs: Any = None
    aliases: Any = None
    description: Any = None


def lower(name: str, spec: Spec, inputs: tuple[str, ...]) -> Lowered:
    """A recipe of the DuckDB engine: the rows that describe the metric, without reading any data."""
    wrong: list[Wrong] = []
    given = {field: getattr(spec, field) for field in Spec.__dataclass_fields__}
    metric = read(Fields({"name": name, **given}, (), FIELDS, wrong))
    told(wrong)
    definition = {"expand": "metric", "table": described(metric_rows(metric))}
    return Lowered(Recipe("duckdb", definition), {"metric": metric, "fields": FIELDS})


def read(fields: Fields) -> Metric:
    """A metric as written; what is wrong is noted in `fields`."""
    name = fields.identifier("name", needed="what it is asked for by")
    type_ = fields.word("type", METRIC_TYPES, needed=f"one of {', '.join(METRIC_TYPES)}")
    needed = _NEEDED.get(type_, {})
    meant = (*needed, *_MORE.get(type_, ()))
    for field in ("measure", "numerator", "denominator", "grain_to_date", "expr", "inputs") if type_ else ():
        if field in needed and not fields.has(field):
            fields.say((), f"the field {field!r} is missing: a {type_} metric needs {needed[field]}")
        elif field not in meant and fields.has(field):
            fields.say((field,), f"{field} means nothing for a {type_} metric: it has {', '.join(meant)}")
    return Metric(
        name,
        type_,
        measure=fields.text("measure"),
        filters=fields.expressions("filter"),
        numerator=fields.text("numerator"),
        denominator=fields.text("denominator"),
        grain_to_date=fields.word("grain_to_date", GRAINS[GRAINS.index("hour") :]),
        expr=fields.sql("expr"),
        parts=tuple(_parts(fields)) if type_ == "derived" else (),
        aliases=fields.texts("aliases"),
        description=fields.text("description"),
    )


def _parts(fields: Fields) -> Iterator[Part]:
    seen: set[str] = set()
    each = fields.each("inputs", ("metric", "alias", "offset"))
    if fields.has("inputs") and not each:
        fields.say(("inputs",), "inputs names one metric or more: inputs: [{metric: revenue}, {metric: cost}]")
    for item in each:
        metric = item.text("metric", needed="the name of a metric")
        alias = item.identifier("alias")
        called = (alias or metric).lower()
        if called in seen:
            item.say(("alias",), f"two inputs are called {called}: give one of them another alias")
        seen.add(called)
        yield Part(metric, alias, _offset(item))


def _offset(item: Fields) -> tuple[int, str] | None:
    text = item.text("offset")
    found = _OFFSET.fullmatch(text)
    if text and not found:
        item.say(("offset",), f"offset is {text!r}: a number and a unit is needed, as in 1 month ({', '.join(GRAINS)})")
    return (int(found[1]), found[2].lower()) if found else None


def link(nodes: Sequence[Node]) -> list[Node]:
    """The nodes, metrics and models with what they are made of and judged by as inputs."""
    if not _meant(nodes):
        return [*nodes]
    from seeknal.model.catalog import catalog_of

    catalog = catalog_of(nodes)
    ids = {node.traits["metric"].name.lower(): node.id for node in nodes if "metric" in node.traits}
    ids |= {f"model {node.traits['semantic'].name}": node.id for node in nodes if "semantic" in node.traits}
    known = {node.id for node in nodes}
    return [_linked(node, catalog, ids, known) for node in nodes]


def _meant(nodes: Sequence[Node]) -> bool:
    return any("metric" in node.traits or "semantic" in node.traits for node in nodes)


def _linked(node: Node, catalog: Catalog, ids: Mapping[str, str], known: Set[str]) -> Node:
    from seeknal.model.binds import connected, uses_of
    from seeknal.model.catalog import Owned

    if "semantic" in node.traits:
        model: Model = node.traits["semantic"]
        own = [Owned(metric, model.name) for metric in model.metrics]
        return connected(node, model, catalog, uses_of(catalog, own, model), (), known)
    if "metric" not in node.traits:
        return node
    metric: Metric = node.traits["metric"]
    uses = uses_of(catalog, [Owned(metric)])
    more = [ids[f"model {name}"] for name in uses.owners] + [ids.get(part.metric.lower()) for part in metric.parts]
    return connected(node, metric, catalog, uses, [name for name in more if name and name != node.id], known)


def expand(definition: Mapping[str, Any], schemas: Sequence[Schema | None]) -> dict[str, Any]:
    """The table that describes the metric, and the queries that show that it can be asked for. Raises Wrong."""
    from seeknal.model.binds import Known, bound_metric
    from seeknal.model.catalog import Owned

    binds = bound_metric(Known.of(definition, schemas), Owned(definition["own"]), ())
    return {"sql": definition["table"], "checks": [], "binds": binds}


class _Written(NamedTuple):
    """A metric that somebody wrote, and where."""

    node: Node
    owned: Owned
    path: Path

    def problem(self, path: Path, message: str, reason: str) -> Problem:
        """What is wrong at one of its fields."""
        inside = f"metric {self.owned.metric.name}: " if self.path else ""
        return Problem(
            self.node.file, line_at(self.node, (*self.path, *path)), f"{self.node.id}: {inside}{message}", reason
        )


def review(nodes: Sequence[Node]) -> list[Problem]:
    """What is wrong between metrics and models."""
    if not _meant(nodes):
        return []
    from seeknal.model.catalog import catalog_of

    catalog = catalog_of(nodes)
    written = [*_written(nodes)]
    found = [problem for one in written for problem in _names(one, catalog)]
    return [*found, *_twice(written), *_circle(written, catalog)]


def _written(nodes: Sequence[Node]) -> Iterator[_Written]:
    from seeknal.model.catalog import Owned

    for node in nodes:
        if "metric" in node.traits:
            yield _Written(node, Owned(node.traits["metric"]), ())
        if "semantic" in node.traits:
            model: Model = node.traits["semantic"]
            for i, metric in enumerate(model.metrics):
                yield _Written(node, Owned(metric, model.name), ("metrics", i))


def _names(one: _Written, catalog: Catalog) -> Iterator[Problem]:
    """The names that a metric uses and that mean nothing, or several things."""
    metric, own = one.owned
    for path, name in _used(metric):
        try:
            if path[0] == "inputs" or (metric.type == "ratio" and not catalog.has_measure(name, own)):
                catalog.metric(name)
                continue
            model, _ = catalog.measure(name, own)
        except UsageError as error:
            yield one.problem(path, error.message, error.reason)
            continue
        if metric.type == "cumulative" and not model.time:
            text = f"semantic_model.{model.name} has no default_time_dimension: a cumulative metric needs it"
            yield one.problem(path, text, "no_time_dimension")


def _used(metric: Metric) -> Iterator[tuple[Path, str]]:
    for field in ("measure", "numerator", "denominator"):
        if getattr(metric, field):
            yield (field,), getattr(metric, field)
    for i, part in enumerate(metric.parts):
        yield ("inputs", i), part.metric


def _twice(written: Sequence[_Written]) -> Iterator[Problem]:
    first: dict[str, _Written] = {}
    for one in written:
        name = one.owned.metric.name
        other = first.setdefault(name.lower(), one)
        if other is not one:
            where = f"{other.node.id} ({other.node.file}:{other.node.line})"
            text = f"the metric {name!r} is declared already, in {where}: rename one"
            yield one.problem(("name",), text, "duplicate_metric")


def _circle(written: Sequence[_Written], catalog: Catalog) -> Iterator[Problem]:
    by_name = {one.owned.metric.name.lower(): one for one in written}
    edges = {
        name: tuple(used.lower() for path, used in _used(one.owned.metric) if _is_metric(one, path, used, catalog))
        for name, one in by_name.items()
    }
    path = find_cycle(edges)
    if path:
        text = f"metrics are made of each other in a circle: {' -> '.join(path)}"
        yield by_name[path[0]].problem(("name",), text, "metric_cycle")


def _is_metric(one: _Written, path: Path, used: str, catalog: Catalog) -> bool:
    """Whether a name that a metric uses is that of a metric, and not of a measure."""
    sides = one.owned.metric.type == "ratio" and not catalog.has_measure(used, one.owned.model)
    return path[0] == "inputs" or sides

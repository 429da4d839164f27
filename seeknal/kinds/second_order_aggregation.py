"""`second_order_aggregation`: for each id, aggregates of rows by how many days they lie before the application date.

Each feature aggregates one column: its `source_feature`, else the one called like the feature. `basic` takes all rows
that are not after the application date; with a `window`, the rows of that window instead. `ratio` divides two windows;
`since` takes the rows where its condition holds, and counts rows unless a `source_feature` is named. Without an
application date the run's date counts. Lowers to SQL for DuckDB: one GROUP BY, over an input or over a function's rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from seeknal.model import features as grammar
from seeknal.model.lowering import Lowered, Path, Wrong, input_names, quoted
from seeknal.model.node import Input, Recipe

_MEMBERS = ("basic", "window", "ratio", "since", "source_feature")
_NEVER = {
    "percentile": "basic: [median], or quantiles in a transform",
    "delta": "two windows in two features, and their difference in a transform",
    "windows": "window: [1, 7]",
    "functions": "basic: [sum]",
}


@dataclass(frozen=True, slots=True)
class Spec:
    """The fields of a second-order aggregation."""

    id_col: str
    feature_date_col: str
    features: Any
    application_date_col: str | None = None
    source: Any = None


class _Source(NamedTuple):
    """What the features aggregate: a column, whether it was named, and SQL for how many days ago a row was."""

    column: str
    named: bool
    days: str

    def aggregate(self, word: str, condition: str, *, rows: bool = False) -> str:
        """An aggregate of the column where the condition holds; or of the rows themselves."""
        what = "*" if rows else quoted(self.column)
        return f"{quoted(grammar.function(word))}({what}) FILTER (WHERE {condition})"

    def within(self, low: int, high: int) -> str:
        """The condition that a row lies in a window."""
        return f"{self.days} BETWEEN {low} AND {high}"


_Output = tuple[str, str]


def reads(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """The node that `source` names is an input."""
    return grammar.source_of(fields)


def lower(name: str, spec: Spec, inputs: tuple[str, ...]) -> Lowered:
    """A recipe of the DuckDB engine."""
    if not inputs:
        raise Wrong(("source",), "the rows to aggregate are missing: source: aggregation.rides_by_day")
    data = (grammar.source_of({"source": spec.source}) or inputs)[0]
    sql, traits = _sql(spec, "source")
    recipe = Recipe("duckdb", {"sql": sql}, tuple(map(Input, inputs)), names={**input_names(inputs), "source": data})
    return Lowered(recipe, {**traits, "data": data})


def python(name: str, fields: Mapping[str, Any]) -> Lowered:
    """What `@second_order_aggregation` says besides its function: what is made of the function's rows."""
    for argument in ("id_col", "feature_date_col", "features"):
        if fields.get(argument) is None:
            raise Wrong((), f"the argument {argument!r} is missing: @second_order_aggregation({argument}=...)")
    given = {field: fields[field] for field in Spec.__dataclass_fields__ if field in fields}
    sql, traits = _sql(Spec(**given), "__query__")
    return Lowered(Recipe("python", {"then": [sql]}), traits)


def _sql(spec: Spec, data: str) -> tuple[str, dict[str, Any]]:
    """The query over `data`, and traits: which fields name columns and hold SQL."""
    fields = ("id_col", "feature_date_col", "application_date_col")
    given: dict[Path, Any] = {(field,): getattr(spec, field) for field in fields if getattr(spec, field) is not None}
    needs = grammar.Needs({grammar.column(value, path): path for path, value in given.items()})
    until = quoted(spec.application_date_col) if spec.application_date_col else "today()"
    days = f"CAST({until} AS DATE) - CAST({quoted(spec.feature_date_col)} AS DATE)"
    outputs = _features(spec.features, days, needs)
    names = grammar.distinct([name for name, _ in outputs], taken=[spec.id_col])
    shown = ", ".join(f"{sql} AS {quoted(name)}" for name, (_, sql) in zip(names, outputs, strict=True))
    key = quoted(spec.id_col)
    sql = f"SELECT {key} AS {key}, {shown} FROM {data} GROUP BY 1 ORDER BY 1"
    return sql, {**needs.traits(spec.features), "keys": ((spec.id_col,),)}


def _features(features: Any, days: str, needs: grammar.Needs) -> list[_Output]:
    if not isinstance(features, Mapping) or not features:
        raise Wrong(("features",), "features is a mapping: amount: {basic: [sum]}")
    reads = [partial(_feature, name, item, days, needs) for name, item in features.items()]
    return [output for outputs in grammar.gathered(reads) for output in outputs]


def _feature(name: Any, item: Any, days: str, needs: grammar.Needs) -> list[_Output]:
    path: Path = ("features", str(name))
    for word in _NEVER if isinstance(item, Mapping) else ():
        if word in item:
            raise grammar.wrong((*path, word), f"this is not supported; write {_NEVER[word]}")
    fields = grammar.mapping(item, _MEMBERS, path)
    named = fields.get("source_feature") is not None
    at: Path = (*path, "source_feature") if named else path
    source = _Source(grammar.column(fields["source_feature"] if named else str(name), at), named, days)
    outputs = [*_basic(fields, source, path), *_ratio(fields, source, path), *_since(fields, source, path)]
    if not outputs:
        raise grammar.wrong(path, "nothing to compute: write basic, ratio or since, as in basic: [sum]")
    needs.note(source.column, at, [sql for _, sql in outputs if f"({quoted(source.column)})" in sql])
    return outputs


def _basic(fields: Mapping[str, Any], source: _Source, path: Path) -> Iterator[_Output]:
    """The plain aggregates; with a window, its aggregates and not the plain ones."""
    window, basic = fields.get("window"), fields.get("basic")
    if window is None and basic is None:
        return
    low, high = grammar.span(window, (*path, "window")) if window is not None else (0, None)
    for word in grammar.words(basic, (*path, "basic")):
        stem = f"{source.column}_{word.upper()}"
        if high is None:
            yield stem, source.aggregate(word, f"{source.days} >= 0")
        else:
            yield f"{stem}_{low}_{high}", source.aggregate(word, source.within(low, high))


def _ratio(fields: Mapping[str, Any], source: _Source, path: Path) -> Iterator[_Output]:
    if fields.get("ratio") is None:
        return
    for at, item in grammar.mappings(fields["ratio"], ("numerator", "denominator", "aggs"), (*path, "ratio")):
        a, b = grammar.span(item.get("numerator"), (*at, "numerator"))
        c, d = grammar.span(item.get("denominator"), (*at, "denominator"))
        for word in grammar.words(item.get("aggs"), (*at, "aggs")):
            above, below = (source.aggregate(word, source.within(*span)) for span in ((a, b), (c, d)))
            name = f"{source.column}_{word.upper()}{a}_{b}_{word.upper()}{c}_{d}"
            yield name, f"CAST({above} AS DOUBLE) / nullif({below}, 0)"


def _since(fields: Mapping[str, Any], source: _Source, path: Path) -> Iterator[_Output]:
    if fields.get("since") is None:
        return
    for at, item in grammar.mappings(fields["since"], ("condition", "aggs"), (*path, "since")):
        given = item.get("condition")
        condition = grammar.condition(given, (*at, "condition")) if given not in (None, "") else f"{source.days} >= 0"
        for word in grammar.words(item.get("aggs"), (*at, "aggs")):
            rows = not source.named and word.lower() == "count"
            yield f"SINCE_{word.upper()}_{source.column}_GEO_D", source.aggregate(word, condition, rows=rows)

"""`profile`: what a table's columns hold, as rows of (column_name, metric, value, detail), all text.

Which metrics a column has follows from its type, so the SQL is made when the input's columns are known. Each column is
read once: numbers and times by one aggregate, all else by its groups of equal values. NULLs are no value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seeknal.errors import nearest
from seeknal.model.features import column, mapping, wrong
from seeknal.model.lowering import Lowered, Wrong, literal, quoted
from seeknal.model.node import Input, Recipe, Schema

_NUMBER = re.compile(r"U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DOUBLE|FLOAT|DECIMAL\(\d+,\d+\)")
_TIME = re.compile(r"DATE|TIMESTAMP(_S|_MS|_NS)?( WITH TIME ZONE)?")
# Each metric with its SQL over `v`, the values, or over `v` and `n`, the distinct values and how many rows have each.
_QUARTILES = "quantile_cont(CAST(v AS DOUBLE), [0.25, 0.5, 0.75])"
_NUMBERS = {
    "min": "min(v)",
    "max": "max(v)",
    "avg": "avg(v)",
    "sum": "sum(v)",
    "stddev": "stddev_samp(v)",
    "p25": f"{_QUARTILES}[1]",
    "p50": f"{_QUARTILES}[2]",
    "p75": f"{_QUARTILES}[3]",
}
_TIMES = {"min": "min(v)", "max": "max(v)", "freshness_hours": "(epoch(now()) - epoch(max(v))) / 3600"}
_NULLS, _ROWS = "count(*) - count(v)", "count(*)"
_GROUPED_NULLS, _GROUPED_ROWS = "coalesce(sum(n) FILTER (WHERE v IS NULL), 0)", "sum(n)"
_ORDER = ("row_count", "null_count", "null_percent", "distinct_count", *_NUMBERS, "freshness_hours", "top_values")


@dataclass(frozen=True, slots=True)
class Spec:
    """The fields of a profile."""

    profile: Any = None


def lower(name: str, spec: Spec, inputs: tuple[str, ...]) -> Lowered:
    """A recipe of the DuckDB engine, whose SQL is made by `expand`."""
    if not inputs:
        raise Wrong(("inputs",), "a profile needs an input: inputs: [{ref: transform.rides}]")
    fields = mapping(spec.profile or {}, ("columns", "params"), ("profile",))
    params = mapping(fields.get("params") or {}, ("max_top_values",), ("profile", "params"))
    top = params.get("max_top_values", 5)
    if type(top) is not int or not 1 <= top <= 1_000_000:
        raise wrong(("profile", "params", "max_top_values"), f"{top!r} is not a number of values: 1 or more")
    given = fields.get("columns") or []
    listed = given if isinstance(given, list) else [given]
    columns = [column(value, ("profile", "columns", i)) for i, value in enumerate(listed)]
    definition = {"expand": "profile", "columns": columns, "top": top}
    traits = {"sql": ("profile", "columns"), "profiles": inputs[0]}
    return Lowered(Recipe("duckdb", definition, tuple(map(Input, inputs))), traits)


def expand(definition: Mapping[str, Any], schemas: Sequence[Schema | None]) -> dict[str, Any]:
    """The SQL of a profile of the first input, and warnings of columns that it does not have."""
    schema = schemas[0] or ()
    wanted = {name.lower() for name in definition["columns"]}
    have = {name.lower() for name, _ in schema}
    chosen = [(name, type_) for name, type_ in schema if not wanted or name.lower() in wanted]
    table = f"SELECT 0 AS place, '_table_' AS column_name, 'row_count' AS metric, CAST({_ROWS} AS VARCHAR) AS value"
    parts = [f"{table}, CAST(NULL AS VARCHAR) AS detail FROM input_0"]
    parts += [_column(i + 1, name, type_, definition["top"]) for i, (name, type_) in enumerate(chosen)]
    order = ", ".join(map(literal, _ORDER))
    sql = (
        f"SELECT column_name, metric, value, detail FROM ({' UNION ALL '.join(parts)}) "
        f"ORDER BY place, list_position([{order}], metric)"
    )
    lost = [name for name in dict.fromkeys(definition["columns"]) if name.lower() not in have]
    names = [name for name, _ in schema]
    warnings = [f"profile.columns: the input has no column {name!r}{nearest(name, names)}: skipped" for name in lost]
    return {"sql": sql, "checks": [], "warnings": warnings}


def _column(place: int, name: str, type_: str, top: int) -> str:
    """The rows of one column."""
    is_number = _NUMBER.fullmatch(type_)
    if is_number or _TIME.fullmatch(type_):
        metrics = _common(_NULLS, _ROWS, "count(DISTINCT v)") | (_NUMBERS if is_number else _TIMES)
        return _rows(place, name, metrics, "NULL", f"SELECT {quoted(name)} AS v FROM input_0")
    metrics = _common(_GROUPED_NULLS, _GROUPED_ROWS, "count(v)") | {"top_values": "NULL"}
    if type_ == "BLOB":
        del metrics["distinct_count"]
    details = f"unnest([{'NULL, ' * (len(metrics) - 1)}CAST({_top(top)} AS VARCHAR)])"
    return _rows(place, name, metrics, details, f"SELECT {quoted(name)} AS v, count(*) AS n FROM input_0 GROUP BY 1")


def _common(nulls: str, rows: str, distinct: str) -> dict[str, str]:
    percent = f"coalesce(CAST(100 * ({nulls}) AS DOUBLE) / nullif({rows}, 0), 0)"
    return {"null_count": nulls, "null_percent": percent, "distinct_count": distinct}


def _top(top: int) -> str:
    """The most frequent values with their counts, as JSON."""
    best = f"min({{'less': -n, 'v': v, 'n': n}}, {top}) FILTER (WHERE v IS NOT NULL)"
    item = "{'value': CAST(x.v AS VARCHAR), 'count': x.n, 'percent': 100 * x.n / "
    return f"to_json(coalesce([{item}{_GROUPED_ROWS}}} FOR x IN {best}], []))"


def _rows(place: int, name: str, metrics: Mapping[str, str], details: str, values: str) -> str:
    words = ", ".join(map(literal, metrics))
    texts = ", ".join(f"CAST({sql} AS VARCHAR)" for sql in metrics.values())
    return f"SELECT {place}, {literal(name)}, unnest([{words}]), unnest([{texts}]), {details} FROM ({values})"

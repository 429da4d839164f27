"""`aggregation`: for each id and application date, features of its rows: basic, of windows of days, ratios of windows.

`basic` and `since` are over the rows of a group. A window of n days is over all rows of the same id whose feature date
is 0 to n days before the application date; of the columns of `group_by`, those that are neither the feature date nor a
value that a window aggregates must be the same too, and where `group_by` has the feature date, windows end there.
Lowers to SQL for DuckDB: one GROUP BY; with windows, window functions over its rows and the input's rows together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any, NamedTuple

from seeknal.model import features as grammar
from seeknal.model.lowering import Lowered, Path, Wrong, input_names, quoted
from seeknal.model.node import Input, Recipe

INTERVALS = "each"
# The rows of an interval are those whose time lies in it; what it looks back on is read for their windows.
OWN_ROWS_ONLY = True
_BASIC = ("sum", "avg", "mean", "min", "max", "count", "stddev", "std")
_WINDOWED = ("sum", "avg", "mean", "min", "max")
_SINCE = ("count", "sum")


@dataclass(frozen=True, slots=True)
class Spec:
    """The fields of an aggregation."""

    id_col: str
    feature_date_col: str
    application_date_col: str
    features: Any
    group_by: Any = None
    source: Any = None


class _Output(NamedTuple):
    """A column of the result: SQL over the rows of a group or, where there are windows, over `{v}`, the value in them."""

    name: str
    sql: str
    value: str = ""
    windows: tuple[int, ...] = ()


def reads(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """The node that `source` names is an input."""
    return grammar.source_of(fields)


def lower(name: str, spec: Spec, inputs: tuple[str, ...]) -> Lowered:
    """A recipe of the DuckDB engine."""
    if not inputs:
        raise Wrong(("source",), "the rows to aggregate are missing: source: transform.rides")
    data = (grammar.source_of({"source": spec.source}) or inputs)[0]
    keys = _keys(spec)
    date = grammar.column(spec.feature_date_col, ("feature_date_col",))
    needs = grammar.Needs({**keys, date: ("feature_date_col",)})
    sql = _sql(list(keys), date, _features(spec.features, needs))
    recipe = Recipe("duckdb", {"sql": sql}, tuple(map(Input, inputs)), names={**input_names(inputs), "source": data})
    return Lowered(recipe, {"data": data, "keys": (tuple(keys),), **needs.traits(spec.features)})


def _keys(spec: Spec) -> dict[str, Path]:
    """The columns that rows are grouped by, each once, with the field that names it."""
    more = spec.group_by if isinstance(spec.group_by, list) else [spec.group_by] if spec.group_by else []
    given: list[tuple[Any, Path]] = [(spec.id_col, ("id_col",)), (spec.application_date_col, ("application_date_col",))]
    found: dict[str, tuple[str, Path]] = {}
    for value, path in [*given, *((value, ("group_by", i)) for i, value in enumerate(more))]:
        found.setdefault(grammar.column(value, path).lower(), (value, path))
    return dict(found.values())


def _features(features: Any, needs: grammar.Needs) -> list[_Output]:
    if not isinstance(features, list) or not features:
        raise Wrong(("features",), "features is a list: - {name: amount, basic: [sum]}")
    reads = [partial(_feature, item, ("features", i), needs) for i, item in enumerate(features)]
    return [output for outputs in grammar.gathered(reads) for output in outputs]


def _feature(item: Any, path: Path, needs: grammar.Needs) -> list[_Output]:
    fields = grammar.mapping(item, ("name", "column", *_FORMS), path)
    name = grammar.column(fields.get("name"), (*path, "name"))
    member = "column" if fields.get("column") is not None else "name"
    column = grammar.column(fields[member], (*path, member))
    forms = [(read, fields[form], (*path, form)) for form, read in _FORMS.items() if fields.get(form) is not None]
    outputs = [output for read, value, at in forms for output in read(name, column, value, at)]
    if not outputs:
        raise grammar.wrong(path, f"nothing to compute: write one of {', '.join(_FORMS)}, as in basic: [sum]")
    needs.note(column, (*path, member), [out.sql for out in outputs if out.value or quoted(column) in out.sql])
    return outputs


def _basic(name: str, column: str, value: Any, path: Path) -> Iterator[_Output]:
    for agg in grammar.aggregates(value, path, _BASIC):
        yield _Output(f"{name}_{agg}", f"{agg}({quoted(column)})")


def _rolling(name: str, column: str, value: Any, path: Path) -> Iterator[_Output]:
    for at, item in grammar.mappings(value, ("window", "aggs", "functions"), path):
        windows = grammar.many_days(item.get("window"), (*at, "window"))
        aggs = grammar.aggregates(item.get("aggs", item.get("functions")), (*at, "aggs"), _WINDOWED)
        for n, agg in product(windows, aggs):
            yield _Output(f"{name}_{agg}_{n}d", _over(agg, n), column, (n,))


def _ratio(name: str, column: str, value: Any, path: Path) -> Iterator[_Output]:
    for at, item in grammar.mappings(value, ("numerator", "denominator", "aggs", "functions"), path):
        above, below = (grammar.many_days(item.get(side), (*at, side)) for side in ("numerator", "denominator"))
        aggs = grammar.aggregates(item.get("aggs", item.get("functions")), (*at, "aggs"), _WINDOWED)
        for agg, n, m in product(aggs, above, below):
            sql = f"CAST({_over(agg, n)} AS DOUBLE) / nullif({_over(agg, m)}, 0)"
            yield _Output(f"{name}_{agg}_ratio_{n}d_{m}d", sql, column, (n, m))


def _since(name: str, column: str, value: Any, path: Path) -> Iterator[_Output]:
    for at, item in grammar.mappings(value, ("condition", "aggs", "functions"), path):
        condition = grammar.condition(item.get("condition"), (*at, "condition"))
        for agg in grammar.aggregates(item.get("aggs", item.get("functions")), (*at, "aggs"), _SINCE):
            what = "*" if agg == "count" else quoted(column)
            yield _Output(f"{name}_{agg}_if", f"{agg}({what}) FILTER (WHERE {condition})")


_FORMS = {"basic": _basic, "rolling": _rolling, "ratio": _ratio, "since": _since}


def _over(agg: str, days: int) -> str:
    return f"{agg}({{v}}) OVER w{days}"


def _sql(keys: list[str], date: str, outputs: list[_Output]) -> str:
    names = grammar.distinct([output.name for output in outputs], taken=keys)
    named = dict(zip(map(quoted, names), outputs, strict=True))
    by = ", ".join(str(i + 1) for i in range(len(keys)))
    if any(output.windows for output in outputs):
        return _windowed(keys, date, named, by)
    shown = [f"{quoted(key)} AS {quoted(key)}" for key in keys] + [
        f"{out.sql} AS {name}" for name, out in named.items()
    ]
    return f"SELECT {', '.join(shown)} FROM source GROUP BY {by} ORDER BY {by}"


def _windowed(keys: list[str], date: str, named: Mapping[str, _Output], by: str) -> str:
    """Groups and events in one relation, so that a window of days before a group is a frame of a window function."""
    values = list(dict.fromkeys(output.value.lower() for output in named.values() if output.windows))
    fixed = [i for i, key in enumerate(keys) if i == 0 or (i > 1 and key.lower() not in (*values, date.lower()))]
    end = next((i for i, key in enumerate(keys) if i > 1 and key.lower() == date.lower()), 1)
    basic = {name: f"c{i}" for i, (name, output) in enumerate(named.items()) if not output.windows}
    grouped = [f"{quoted(key)} AS k{i}" for i, key in enumerate(keys)]
    events = [*(grouped[i] for i in fixed), *(f"{quoted(value)} AS v{i}" for i, value in enumerate(values))]
    grouped += [f"{named[name].sql} AS {alias}" for name, alias in basic.items()]
    shown = [f"k{i} AS {quoted(key)}" for i, key in enumerate(keys)]
    for name, output in named.items():
        sql = basic.get(name) or output.sql.format(v=f"v{values.index(output.value.lower())}")
        shown.append(f"{sql} AS {name}")
    return (
        f"WITH groups AS (SELECT {', '.join(grouped)} FROM source GROUP BY {by}), "
        f"events AS (SELECT {', '.join(events)}, {_day(quoted(date))} AS day FROM source WHERE {quoted(date)} IS NOT NULL), "
        f"timeline AS (SELECT *, {_day(f'k{end}')} AS day, true AS is_group FROM groups "
        f"UNION ALL BY NAME SELECT *, false AS is_group FROM events) "
        f"SELECT {', '.join(shown)} FROM timeline WINDOW {_windows(fixed, named.values())} QUALIFY is_group ORDER BY {by}"
    )


def _windows(fixed: list[int], outputs: Iterable[_Output]) -> str:
    same = ", ".join(f"k{i}" for i in fixed)
    frames = sorted({days for output in outputs for days in output.windows})
    return ", ".join(
        f"w{days} AS (PARTITION BY {same} ORDER BY day RANGE BETWEEN {days} PRECEDING AND CURRENT ROW)"
        for days in frames
    )


def _day(value: str) -> str:
    return f"CAST({value} AS DATE) - DATE '1970-01-01'"

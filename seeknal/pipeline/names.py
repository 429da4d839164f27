"""Names that DuckDB's relations and pandas' frames both have, and what pandas only reads.

Decides which library is meant, in favour of pandas: the relation answers only where pandas could not have been meant,
because the arguments are SQL. Never touches data.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from typing import Any

# Methods of both. The others of a relation are the relation's, unless a column has that name.
BOTH = frozenset(
    [
        "aggregate",
        "apply",
        "count",
        "describe",
        "drop",
        "filter",
        "first",
        "head",
        "insert",
        "join",
        "last",
        "map",
        "max",
        "mean",
        "median",
        "min",
        "mode",
        "pivot",
        "product",
        "quantile",
        "query",
        "rank",
        "rename",
        "sample",
        "select",
        "select_dtypes",
        "std",
        "sum",
        "to_csv",
        "to_parquet",
        "update",
        "value_counts",
        "var",
    ]
)
_AGGREGATES = frozenset(
    [
        "count",
        "first",
        "last",
        "max",
        "mean",
        "median",
        "min",
        "mode",
        "product",
        "quantile",
        "rank",
        "std",
        "sum",
        "var",
    ]
)
_AXES = ("index", "columns", "rows")

# What cannot change the frame it is asked of, where pandas copies on write. All else counts as a change.
_READS = frozenset(
    [
        "T",
        "abs",
        "add",
        "all",
        "any",
        "astype",
        "columns",
        "copy",
        "corr",
        "count",
        "cov",
        "cummax",
        "cummin",
        "cumprod",
        "cumsum",
        "describe",
        "diff",
        "div",
        "dot",
        "dtypes",
        "duplicated",
        "empty",
        "eq",
        "equals",
        "explode",
        "floordiv",
        "ge",
        "groupby",
        "gt",
        "head",
        "idxmax",
        "idxmin",
        "info",
        "isin",
        "isna",
        "isnull",
        "items",
        "itertuples",
        "iterrows",
        "join",
        "keys",
        "le",
        "lt",
        "max",
        "mean",
        "median",
        "melt",
        "memory_usage",
        "merge",
        "min",
        "mod",
        "mul",
        "ndim",
        "ne",
        "nlargest",
        "notna",
        "notnull",
        "nsmallest",
        "nunique",
        "pct_change",
        "pivot",
        "pivot_table",
        "pow",
        "prod",
        "product",
        "quantile",
        "rank",
        "rolling",
        "round",
        "sample",
        "select",
        "select_dtypes",
        "sem",
        "shape",
        "shift",
        "size",
        "skew",
        "std",
        "sub",
        "sum",
        "tail",
        "to_csv",
        "to_dict",
        "to_json",
        "to_numpy",
        "to_parquet",
        "to_records",
        "to_string",
        "transpose",
        "truediv",
        "value_counts",
        "values",
        "var",
    ]
)


def only_reads(name: str) -> bool:
    """Whether asking a frame for `name` leaves it as it was."""
    pandas = sys.modules["pandas"]
    return int(pandas.__version__.split(".")[0]) >= 3 and (name in _READS or name.startswith("_"))


def is_sql(name: str, args: tuple[Any, ...], options: Mapping[str, Any], columns: Collection[str]) -> bool:
    """Whether a call of a method in `BOTH` has the arguments of a relation."""
    first = args[0] if args else None
    if _is_expression(first):
        return True
    if name == "join":
        return _is_join(args, options, columns)
    if not isinstance(first, str):
        return False
    if name == "aggregate":
        return len(args) > 1 or "group_expr" in options or not first.isidentifier()
    if name == "select":
        return not all(word in columns for word in args)
    if name == "query":
        return len(args) > 1
    return name == "filter" or (name in _AGGREGATES and first not in _AXES)


def _is_join(args: tuple[Any, ...], options: Mapping[str, Any], columns: Collection[str]) -> bool:
    """`join(other, condition)` of relations; `join(frame, column)` is pandas."""
    if args and type(args[0]).__name__ == "DuckDBPyRelation":
        return True
    on = args[1] if len(args) > 1 else options.get("condition")
    return _is_expression(on) or "condition" in options or (isinstance(on, str) and on not in columns)


def _is_expression(value: Any) -> bool:
    return type(value).__module__.partition(".")[0].lstrip("_") == "duckdb" and type(value).__name__ == "Expression"

"""The aggregates of one model in a question: its rows, grouped by the dimensions, each measure with its own filters.

Decides the SQL of each aggregate, plain and as the parts of a running one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from seeknal.model.lowering import quoted
from seeknal.model.metricrows import Rows
from seeknal.model.metricterms import Leaf
from seeknal.model.metrictime import Axis, axis_of
from seeknal.model.semantics import Measure


class Question(NamedTuple):
    """What is asked. An `order` of `-name` is descending."""

    metrics: tuple[str, ...]
    dimensions: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    limit: int | None = None


class Base:
    """One model of the question: its rows, and the aggregates over them."""

    def __init__(self, number: int, rows: Rows, question: Question) -> None:
        self.name = f"grouped_{number}"
        self.source = f"rows_{number}"
        self.rows = rows
        self.groups = [rows.dimension(text) for text in question.dimensions]
        self.where = [rows.filter(text) for text in question.filters]
        self.axis: Axis | None = axis_of(rows, question.dimensions)
        self.values: dict[str, str] = {}
        self.only_timed = True

    def value(self, leaf: Leaf) -> str:
        """The column with an aggregate."""
        sql = aggregate(leaf.measure, self.rows.measure(leaf.measure), conditions(self.rows, leaf))
        return self.values.setdefault(sql, quoted(f"#v{len(self.values)}"))

    def sql(self) -> list[str]:
        """The common table expressions of this model."""
        columns = [f"{sql} AS {dim(i)}" for i, sql in enumerate(self.groups)]
        columns += [f"{sql} AS {name}" for sql, name in self.values.items()]
        grouped = f" GROUP BY {', '.join(dict.fromkeys(self.groups))}" if self.groups else ""
        rows = f"{self.source} AS (\n  {self.rows.sql()})"
        return [
            rows,
            f"{self.name} AS (\n  SELECT {', '.join(columns)}\n  FROM {self.source}{where(self.where)}{grouped})",
        ]

    def spine(self, count: int) -> str:
        """The rows that this model has in the answer."""
        timed = [f"{dim(self.axis.place)} IS NOT NULL"] if self.only_timed and self.axis else []
        return f"SELECT {', '.join(map(dim, range(count)))} FROM {self.name}{where(timed)}"


def dim(place: int) -> str:
    """The column of a dimension, inside the query."""
    return quoted(f"#d{place}")


def spine_time(axis: Axis) -> str:
    """The time of a row of the answer."""
    return f"s.{dim(axis.place)}"


def same(name: str, places: Sequence[int]) -> str:
    """That a row of the table `name` has the dimensions of a row of the answer."""
    return " AND ".join(f"s.{dim(i)} IS NOT DISTINCT FROM {name}.{dim(i)}" for i in places)


def where(all_of: Sequence[str]) -> str:
    """A WHERE of conditions, or nothing."""
    return f"\n  WHERE {' AND '.join(dict.fromkeys(all_of))}" if all_of else ""


def conditions(rows: Rows, leaf: Leaf) -> list[str]:
    """What must hold of a row to count for a leaf: its measure's filters, and its metric's."""
    return [rows.filter(text) for text in (*leaf.measure.filters, *leaf.filters)]


_FUNCTIONS: Mapping[str, str] = {"average": "avg", "count_distinct": "count"}


def aggregate(measure: Measure, value: str, all_of: Sequence[str]) -> str:
    """The aggregate of a measure over the rows for which all conditions hold."""
    distinct = "DISTINCT " if measure.agg == "count_distinct" else ""
    wanted = f" FILTER (WHERE {' AND '.join(dict.fromkeys(all_of))})" if all_of else ""
    return f"{_FUNCTIONS.get(measure.agg, measure.agg)}({distinct}{value}){wanted}"


def partials(measure: Measure, value: str) -> tuple[list[str], str]:
    """What is aggregated in each period, and how these make the running value."""
    if measure.agg.startswith("count"):
        added = 'CAST(coalesce(sum("#a") {over}, 0) AS BIGINT)'
        return [value if measure.agg == "count_distinct" else f"count({value})"], added
    if measure.agg == "average":
        return [f"sum({value})", f"count({value})"], 'sum("#a") {over} / nullif(sum("#b") {over}, 0)'
    return [f"{measure.agg}({value})"], f'{measure.agg}("#a") {{over}}'

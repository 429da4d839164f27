"""A small market with random data, and the same data as plain rows, so that numbers can be worked out by hand."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.project_on_disk import Project

Row = dict[str, Any]

ORDERS = """
kind: semantic_model
name: orders
model: ref('source.orders')
default_time_dimension: ordered
entities:
  - {name: order_id, type: primary, expr: id}
  - {name: customer, type: foreign, expr: customer_id}
dimensions:
  - {name: ordered, type: time, expr: day}
  - {name: placed, type: time, expr: placed_at}
  - {name: status}
  - {name: region, expr: upper(region)}
measures:
  - {name: revenue, expr: amount, agg: sum}
  - {name: orders, agg: count}
  - {name: priced, expr: amount, agg: count}
  - {name: buyers, expr: customer_id, agg: count_distinct}
  - {name: mean, expr: amount, agg: avg}
  - {name: least, expr: amount, agg: min}
  - {name: most, expr: amount, agg: max}
  - {name: paid, expr: amount, filters: ["status = 'paid'", {sql: amount > 5}]}
joins:
  - {name: lines, relationship: one_to_many, sql: "{CUBE}.id = {lines}.order_id"}
"""
CUSTOMERS = """
kind: semantic_model
name: customers
model: ref('source.customers')
entities:
  - {name: customer, type: primary, expr: id}
dimensions:
  - {name: country}
  - {name: tier}
  - {name: status, expr: mood}
measures:
  - {name: customers, agg: count}
"""
VISITS = """
kind: semantic_model
name: visits
model: ref('source.visits')
default_time_dimension: day
entities:
  - {name: customer, type: foreign, expr: customer_id}
dimensions:
  - {name: day, type: time, time_granularity: day}
  - {name: region, expr: upper(region)}
measures:
  - {name: minutes, agg: sum}
  - {name: visits, agg: count}
"""
LINES = """
kind: semantic_model
name: lines
model: ref('source.lines')
dimensions:
  - {name: product}
measures:
  - {name: pieces, agg: sum}
"""
METRICS = """
kind: metric
name: french
type: simple
measure: revenue
filter: country = 'FR'
---
kind: metric
name: open_revenue
type: simple
measure: revenue
filter: status = 'open'
---
kind: metric
name: paid_share
type: ratio
numerator: paid
denominator: revenue
---
kind: metric
name: total
type: cumulative
measure: revenue
---
kind: metric
name: ytd
type: cumulative
measure: paid
grain_to_date: year
---
kind: metric
name: mtd_orders
type: cumulative
measure: orders
grain_to_date: month
---
kind: metric
name: buyers_so_far
type: cumulative
measure: buyers
filter: status <> 'open'
---
kind: metric
name: mean_so_far
type: cumulative
measure: mean
---
kind: metric
name: most_so_far
type: cumulative
measure: most
---
kind: metric
name: change
type: derived
expr: now - before
inputs:
  - {metric: revenue, alias: now}
  - {metric: revenue, alias: before, offset: 1 month}
---
kind: metric
name: orders_last_year
type: derived
expr: orders
inputs: [{metric: orders, offset: 1 year}]
---
kind: metric
name: total_before
type: derived
expr: total
inputs: [{metric: total, offset: 1 quarter}]
---
kind: metric
name: per_minute
type: derived
expr: revenue / nullif(minutes, 0)
inputs: [{metric: revenue}, {metric: minutes}]
"""


class Market:
    """The project, and its data as rows."""

    def __init__(self, project: Project, seed: int = 1, orders: int = 300) -> None:
        self.project = project
        self.customers = _customers(random.Random(seed))
        self.orders = _orders(random.Random(seed + 1), orders)
        self.visits = _visits(random.Random(seed + 2), orders // 2)
        self.lines = [
            {"order_id": row["id"], "product": word, "pieces": i} for row in self.orders for i, word in enumerate("ab")
        ]
        types = {"id": "BIGINT", "country": "VARCHAR", "tier": "VARCHAR", "mood": "VARCHAR"}
        project.source("customers", _csv(self.customers, types), types)
        types = {"id": "BIGINT", "customer_id": "BIGINT", "day": "DATE", "placed_at": "TIMESTAMP", "status": "VARCHAR"}
        types |= {"region": "VARCHAR", "amount": "BIGINT"}
        project.source("orders", _csv(self.orders, types), types)
        types = {"customer_id": "BIGINT", "day": "DATE", "region": "VARCHAR", "minutes": "DOUBLE"}
        project.source("visits", _csv(self.visits, types), types)
        types = {"order_id": "BIGINT", "product": "VARCHAR", "pieces": "BIGINT"}
        project.source("lines", _csv(self.lines, types), types)
        for name, text in (("orders", ORDERS), ("customers", CUSTOMERS), ("visits", VISITS), ("lines", LINES)):
            project.write(f"seeknal/semantic_models/{name}.yml", text)
        project.write("seeknal/metrics/all.yml", METRICS)

    def ask(self, metrics: str, dimensions: str = "", *options: str) -> list[tuple[Any, ...]]:
        """The rows of an answer, texts for dates."""
        return ask(self.project, metrics, dimensions, *options)

    def country(self, row: Row) -> str | None:
        """The country of the customer of a row."""
        return next((c["country"] for c in self.customers if c["id"] == row["customer_id"]), None)


def ask(project: Project, metrics: str, dimensions: str = "", *options: str) -> list[tuple[Any, ...]]:
    """The rows of an answer, texts for dates."""
    words = ["--metrics", metrics, *(["--dimensions", dimensions] if dimensions else []), *options]
    done = project.seeknal("query", *words, "--json")
    assert done.code == 0, done.err
    return [tuple(row.values()) for row in done.json["rows"]]


def _customers(dice: random.Random) -> list[Row]:
    return [
        {
            "id": i,
            "country": dice.choice(["FR", "DE", "IT", None]),
            "tier": dice.choice("xy"),
            "mood": dice.choice("pq"),
        }
        for i in range(1, 25)
    ]


def _orders(dice: random.Random, count: int) -> list[Row]:
    found = []
    for i in range(count):
        day = date(2023, 10, 1) + timedelta(days=dice.randrange(420)) if dice.random() > 0.05 else None
        placed = datetime(2024, 2, 28, tzinfo=UTC) + timedelta(minutes=dice.randrange(4000))
        found.append({
            "id": i, "customer_id": dice.choice([None, *range(1, 28)]), "day": day,
            "placed_at": placed.replace(tzinfo=None),
            "status": dice.choice(["paid", "paid", "open", "void"]), "region": dice.choice(["eu", "us", "EU", None]),
            "amount": dice.choice([None, *range(40)]),
        })  # fmt: skip
    return found


def _visits(dice: random.Random, count: int) -> list[Row]:
    return [
        {
            "customer_id": dice.choice([None, *range(1, 28)]),
            "day": date(2024, 1, 1) + timedelta(days=dice.randrange(600)) if dice.random() > 0.05 else None,
            "region": dice.choice(["eu", "asia", None]),
            "minutes": dice.choice([0.5, 1.25, 8.0, None]),
        }
        for _ in range(count)
    ]


def _csv(rows: Sequence[Row], names: Iterable[str]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, [*names], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


# -- working numbers out by hand ---------------------------------------------------------------------------------------


def total(values: Iterable[Any]) -> Any:
    """A sum as SQL has it: of no values, none."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def amounts(rows: Iterable[Row]) -> list[Any]:
    """The amounts of orders."""
    return [row["amount"] for row in rows]


def is_paid(row: Row) -> bool:
    """What the measure `paid` counts."""
    return row["status"] == "paid" and row["amount"] is not None and row["amount"] > 5


def upper(row: Row) -> str | None:
    """The dimension `region`."""
    region: str | None = row["region"]
    return region and region.upper()


def month(day: date | None) -> date | None:
    """The first day of the month."""
    return day and day.replace(day=1)


def start_of(grain: str, day: date) -> date:
    """The first day of the period that a day is in."""
    if grain == "week":
        return day - timedelta(days=day.weekday())
    months = {"month": 1, "quarter": 3, "year": 12}
    return day.replace(day=1, month=(day.month - 1) // months[grain] * months[grain] + 1) if grain in months else day


def after(grain: str, start: date) -> date:
    """The first day of the next period."""
    day = start + timedelta(days=1)
    while start_of(grain, day) == start:
        day += timedelta(days=1)
    return day


def grouped(rows: Iterable[Row], *keys: Callable[[Row], Any]) -> dict[tuple[Any, ...], list[Row]]:
    """Rows by what the keys give of them, dates as texts, in the order of the answer: NULL last."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        key = tuple(shown(key(row)) for key in keys)
        found.setdefault(key, []).append(row)
    return {key: found[key] for key in sorted(found, key=last_null)}


def shown(value: Any) -> Any:
    """A value as JSON has it."""
    return value if value is None or isinstance(value, (int, float, str)) else str(value)


def last_null(key: Sequence[Any]) -> list[tuple[bool, Any]]:
    """For sorting as answers are sorted."""
    return [(value is None, value if value is not None else "") for value in key]

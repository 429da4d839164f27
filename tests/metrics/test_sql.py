"""The SQL that is made, word for word for two questions; and how expressions are read before DuckDB sees them."""

from __future__ import annotations

import pytest

from seeknal.model import sqltext
from tests.metrics.market import Market
from tests.project_on_disk import Project

PLAIN = """
WITH rows_0 AS (
  SELECT "customers.country" AS "country", "orders.region" AS "region", "orders#paid" AS "#paid", \
"orders.status" AS "status", "orders"."amount" AS "amount"
  FROM (SELECT (customer_id) AS "orders@customer", (upper(region)) AS "orders.region", (amount) AS "orders#paid", \
("status") AS "orders.status", "amount" FROM ref('source.orders')) AS "orders"
  LEFT JOIN (SELECT (id) AS "customers@customer", ("country") AS "customers.country" FROM ref('source.customers')) \
AS "customers" ON ("orders"."orders@customer" = "customers"."customers@customer")),
grouped_0 AS (
  SELECT "country" AS "#d0", sum("#paid") FILTER (WHERE (status = 'paid') AND (amount > 5)) AS "#v0"
  FROM rows_0
  WHERE (region = 'EU') GROUP BY "country"),
result AS (
  SELECT s."#d0", s."#v0" AS "#m0"
  FROM grouped_0 AS s)
SELECT "#d0" AS "country", "#m0" AS "paid"
FROM result
ORDER BY "paid" DESC NULLS LAST, "country" NULLS LAST
LIMIT 3
"""
RUNNING = """
WITH rows_0 AS (
  SELECT CAST(date_trunc('week', "orders.ordered") AS DATE) AS "ordered__week", \
CAST(date_trunc('month', "orders.ordered") AS DATE) AS "#month"
  FROM (SELECT (day) AS "orders.ordered" FROM ref('source.orders')) AS "orders"),
grouped_0 AS (
  SELECT "ordered__week" AS "#d0"
  FROM rows_0 GROUP BY "ordered__week"),
spine AS (
  SELECT "#d0" FROM grouped_0
  WHERE "#d0" IS NOT NULL),
running_0 AS (
  SELECT "#p", "#g", any_value("#v") AS "#v"
  FROM (SELECT "#p", "#g", CAST(coalesce(sum("#a") OVER (PARTITION BY "#g" ORDER BY "#p"), 0) AS BIGINT) AS "#v"
  FROM (SELECT "ordered__week" AS "#p", "#month" AS "#g", count(*) AS "#a" FROM rows_0
  WHERE "ordered__week" IS NOT NULL GROUP BY "ordered__week", "#month"
  UNION ALL SELECT s."#d0", CAST(date_trunc('month', (s."#d0" + to_weeks(1) - to_microseconds(1))) AS DATE), NULL \
FROM spine AS s WHERE s."#d0" IS NOT NULL))
  GROUP BY "#p", "#g"),
result AS (
  SELECT s."#d0", running_0."#v" AS "#m0"
  FROM spine AS s
  LEFT JOIN running_0 ON running_0."#p" = s."#d0" AND \
running_0."#g" = CAST(date_trunc('month', (s."#d0" + to_weeks(1) - to_microseconds(1))) AS DATE))
SELECT "#d0" AS "ordered_week", "#m0" AS "mtd_orders"
FROM result
ORDER BY "ordered_week" NULLS LAST
"""


def test_the_sql_of_a_question(project: Project) -> None:
    market = Market(project, orders=1)
    project.run()
    words = ["--metrics", "paid", "--dimensions", "country", "--filter", "region = 'EU'", "--order-by", "-paid"]
    assert project.seeknal("query", *words, "--limit", "3", "--show-sql").out == PLAIN.lstrip()
    words = ["--metrics", "mtd_orders", "--dimensions", "ordered__week"]
    assert project.seeknal("query", *words, "--show-sql").out == RUNNING.lstrip()
    assert len(market.orders) == 1


def test_the_sql_can_be_put_into_a_node(project: Project) -> None:
    market = Market(project, orders=50)
    project.run()
    words = ["--metrics", "revenue,visits", "--dimensions", "region"]
    project.transform("by_region", project.seeknal("query", *words, "--show-sql").out)
    project.run()
    assert sorted(project.rows("transform.by_region"), key=str) == sorted(market.ask(words[1], words[3]), key=str)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a = b.c AND d.e.f > 1", ["a", "b.c", "AND", "d.e.f"]),
        ("lower(a) || 'b' || f(c, \"D e\")", ["a", "c", "D e"]),
        ("DATE '2024-01-01' < x::date", ["x"]),
        ("f(a).b[c] . d", ["a", "c"]),
        ("x.y(z)", ["z"]),
        ("1.5e3 + 2e-4 - a1", ["a1"]),
        ('"a""b"."c"', ['a"b.c']),
        ("größe > 1", ["größe"]),
        ("'it''s' = e'a\\'b' || q", ["q"]),
        ("{'k': a}.k", ["a"]),
    ],
)
def test_the_names_in_an_expression(text: str, found: list[str]) -> None:
    assert [".".join(mention.parts) for mention in sqltext.mentions(text)] == found
    assert sqltext.fault(text) is None


def test_other_text_for_names() -> None:
    def other(mention: sqltext.Mention) -> tuple[int, str] | None:
        return {"a": (1, "(1)"), "t": (2, '"x"')}.get(mention.parts[0])

    assert sqltext.substitute("a+t.b.c - 'a' - fa(a, b.a) - a(2) - \"a\"", other) == (
        "(1)+\"x\".c - 'a' - fa((1), b.a) - a(2) - (1)"
    )
    assert sqltext.filled("{CUBE}.a = { x }.b AND '{CUBE}' <> {'k': 1}.k", str.upper) == (
        "CUBE.a = X.b AND '{CUBE}' <> {'k': 1}.k"
    )


@pytest.mark.parametrize(
    "text", ["", "  ", ";", "a;", "a--", "a/*b*/", "(a", "a)", "[a)", "a, b", "'a", '"a', "$1", "a #1", "{a"]
)
def test_what_is_not_one_expression(text: str) -> None:
    assert sqltext.fault(text)


@pytest.mark.parametrize(
    "text", ["a", "f(a, b)", "[1, 2][1]", "a IN (1, 2)", "'--;,(' = a", '"a;b" > 1', "a$b > 1", "{'a': 1}"]
)
def test_what_may_be_one_expression(text: str) -> None:
    assert sqltext.fault(text) is None

"""Every number of an answer is the one that comes out when the rows are added up by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.metrics.market import Market, Row, amounts, ask, grouped, is_paid, month, shown, start_of, total, upper
from tests.project_on_disk import Project


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Market:
    made = Market(Project(str(tmp_path_factory.mktemp("market")), {"seeknal_project.yml": "name: market\n"}))
    made.project.run()
    return made


def known(values: list[Any]) -> list[Any]:
    return [value for value in values if value is not None]


def by_month(row: Row) -> Any:
    return month(row["day"])


MEASURES: dict[str, Callable[[list[Row]], Any]] = {
    "revenue": lambda rows: total(amounts(rows)),
    "orders": len,
    "priced": lambda rows: len(known(amounts(rows))),
    "buyers": lambda rows: len({row["customer_id"] for row in rows} - {None}),
    "mean": lambda rows: sum(known(amounts(rows))) / len(known(amounts(rows))) if known(amounts(rows)) else None,
    "least": lambda rows: min(known(amounts(rows)), default=None),
    "most": lambda rows: max(known(amounts(rows)), default=None),
    "paid": lambda rows: total(row["amount"] for row in rows if is_paid(row)),
}


@pytest.mark.parametrize("measure", MEASURES)
def test_a_measure_alone_and_by_dimensions(market: Market, measure: str) -> None:
    by_hand = MEASURES[measure]
    assert market.ask(measure) == [(pytest.approx(by_hand(market.orders)),)]
    groups = grouped(market.orders, upper, lambda row: row["status"])
    assert market.ask(measure, "region,status") == [
        (*key, pytest.approx(by_hand(rows))) for key, rows in groups.items()
    ]


def test_all_measures_at_once_are_what_each_is_alone(market: Market) -> None:
    together = market.ask(",".join(MEASURES), "region")
    alone = [market.ask(measure, "region") for measure in MEASURES]
    assert together == [(one[0], *(rows[i][1] for rows in alone)) for i, one in enumerate(alone[0])]


def test_the_filter_of_a_metric_is_its_own(market: Market) -> None:
    """2.11: there, the filter of one metric applies to every metric of the query."""
    groups = grouped(market.orders, upper)
    assert market.ask("open_revenue,french,revenue,orders", "region") == [
        (
            *key,
            total(amounts(row for row in rows if row["status"] == "open")),
            total(amounts(row for row in rows if market.country(row) == "FR")),
            total(amounts(rows)),
            len(rows),
        )
        for key, rows in groups.items()
    ]


def test_the_filter_of_the_question_is_everybodys(market: Market) -> None:
    rows = [row for row in market.orders if row["status"] != "void" and market.country(row) in ("FR", "IT")]
    expected = [
        (*key, total(amounts(found)), total(row["amount"] for row in found if row["status"] == "open"))
        for key, found in grouped(rows, upper).items()
    ]
    options = ("--filter", "status <> 'void'", "--filter", "customers.country IN ('FR', 'IT')")
    assert market.ask("revenue,open_revenue", "region", *options) == expected


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("region = 'EU'", lambda row: upper(row) == "EU"),
        ("region = 'EU' OR status = 'void'", lambda row: upper(row) == "EU" or row["status"] == "void"),
        ("orders.amount BETWEEN 3 AND 20", lambda row: row["amount"] is not None and 3 <= row["amount"] <= 20),
        ("ordered__month = DATE '2024-03-01'", lambda row: str(month(row["day"])) == "2024-03-01"),
        ("EXTRACT(month FROM ordered) = 5 AND NOT (amount > 30)",
         lambda row: row["day"] is not None and row["day"].month == 5 and row["amount"] is not None and row["amount"] <= 30),
        ("metric_time >= '2024-06-01'::date", lambda row: row["day"] is not None and str(row["day"]) >= "2024-06-01"),
        ("ordered IS NULL", lambda row: row["day"] is None),
        ("list_contains(['paid', 'a -- b; c'], status)", lambda row: row["status"] == "paid"),
    ],
)  # fmt: skip
def test_filters(market: Market, condition: str, holds: Callable[[Row], bool]) -> None:
    rows = [row for row in market.orders if holds(row)]
    assert rows
    assert market.ask("revenue,orders", "", "--filter", condition) == [(total(amounts(rows)), len(rows))]


def test_a_ratio_of_nothing_is_nothing(market: Market) -> None:
    groups = grouped(market.orders, lambda row: row["customer_id"])
    shares = []
    for rows in groups.values():
        below = total(amounts(rows))
        above = total(row["amount"] for row in rows if is_paid(row))
        shares.append(None if not below or above is None else pytest.approx(above / below))
    market.project.write("seeknal/semantic_models/by_buyer.yml", BY_BUYER)
    try:
        market.project.run()
        assert [row[1] for row in market.ask("zero_share", "buyer")] == [None] * len(groups)
        assert [row[1] for row in market.ask("share", "buyer")] == shares
    finally:
        market.project.write("seeknal/semantic_models/by_buyer.yml", BY_BUYER.replace("buyer_", "another_"))


BY_BUYER = """
kind: semantic_model
name: buyer_orders
model: source.orders
dimensions: [{name: buyer, expr: customer_id, type: number}]
measures:
  - {name: buyer_paid, expr: amount, filters: status = 'paid' AND amount > 5}
  - {name: buyer_revenue, expr: amount}
  - {name: buyer_nothing, expr: amount * 0}
metrics:
  - {name: share, type: ratio, numerator: buyer_paid, denominator: buyer_revenue}
  - {name: zero_share, type: ratio, numerator: buyer_paid, denominator: buyer_nothing}
"""


def test_two_models_meet_on_what_they_have_in_common(market: Market) -> None:
    orders, visits = grouped(market.orders, upper), grouped(market.visits, upper)
    expected = []
    for key in [("ASIA",), ("EU",), ("US",), (None,)]:
        bought, seen = orders.get(key, []), visits.get(key, [])
        expected.append((*key, total(amounts(bought)), len(bought), total(r["minutes"] for r in seen), len(seen)))
    assert market.ask("revenue,orders,minutes,visits", "region") == expected
    both = (total(amounts(market.orders)), total(r["minutes"] for r in market.visits))
    assert market.ask("revenue,minutes") == [both]
    assert market.ask("per_minute") == [(pytest.approx(both[0] / both[1]),)]


def test_models_meet_in_a_joined_dimension_and_in_time(market: Market) -> None:
    orders, visits = (grouped(rows, market.country, by_month) for rows in (market.orders, market.visits))
    every = {**orders, **visits}
    expected = {key: (total(amounts(orders.get(key, []))), len(visits.get(key, []))) for key in every}
    found = market.ask("revenue,visits", "country,metric_time__month")
    assert {row[:2]: row[2:] for row in found} == expected
    assert len(found) == len(expected)


@pytest.mark.parametrize("grain", ["hour", "day", "week", "month", "quarter", "year"])
def test_grains(market: Market, grain: str) -> None:
    def cut(row: Row) -> Any:
        at = row["placed_at"]
        return at.replace(minute=0) if grain == "hour" else start_of(grain, at.date())

    expected = [(*key, total(amounts(rows))) for key, rows in grouped(market.orders, cut).items()]
    assert market.ask("revenue", f"placed__{grain}") == expected


def test_several_grains_and_no_grain_at_once(market: Market) -> None:
    groups = grouped(market.orders, lambda r: r["day"] and r["day"].replace(day=1, month=1), lambda r: r["day"])
    expected = [(*key, len(rows)) for key, rows in groups.items()]
    assert market.ask("orders", "ordered__year,ordered") == expected


def test_order_and_limit(market: Market) -> None:
    groups = grouped(market.orders, lambda row: row["status"], upper)
    rows = [(*key, len(found)) for key, found in groups.items()]
    ranked = sorted(rows, key=lambda row: (-row[2], row[0], row[1] is None, row[1] or ""))
    assert market.ask("orders", "status,region", "--order-by", "-orders", "--limit", "4") == ranked[:4]
    descending = sorted(rows, key=lambda row: row[0], reverse=True)
    descending.sort(key=lambda row: (-ord(row[0][0]), row[1] is None, row[1] or ""))
    assert market.ask("orders", "status,region", "--order-by=-status") == descending
    assert market.ask("orders", "status", "--limit", "0") == []


def test_no_rows_give_no_groups_and_empty_numbers(project: Project) -> None:
    market = Market(project, orders=0)
    project.run()
    assert market.ask("revenue,orders,buyers,paid_share,minutes") == [(None, 0, 0, None, None)]
    assert market.ask("revenue,minutes", "region") == []
    assert market.ask("ytd,change,total_before", "ordered__month,region") == []
    assert market.ask("customers", "country") == [
        (*key, len(rows)) for key, rows in grouped(market.customers, lambda row: row["country"]).items()
    ]


def test_the_same_numbers_on_other_data(project: Project) -> None:
    market = Market(project, seed=77, orders=120)
    project.run()
    for name, by_hand in MEASURES.items():
        expected = [
            (*key, pytest.approx(by_hand(rows))) for key, rows in grouped(market.orders, market.country).items()
        ]
        assert ask(project, name, "country") == expected
    assert [shown(row[0]) for row in ask(project, "orders", "ordered__year")] == ["2023-01-01", "2024-01-01", None]


def test_a_granularity_is_how_a_time_is_told(project: Project) -> None:
    at = "2024-01-01 08:00:00,1\n2024-01-01 20:00:00,2\n2024-01-02 03:00:00,4\n,8\n"
    project.source("ticks", f"at_time,n\n{at}", {"at_time": "TIMESTAMP", "n": "BIGINT"})
    model = "kind: semantic_model\nname: ticks\nmodel: source.ticks\nmeasures: [{name: n}]\ndimensions:\n"
    project.write("seeknal/m.yml", f"{model}  - {{name: at_time, type: time}}\n")
    project.run()
    assert len(ask(project, "n", "at_time")) == 4
    project.write("seeknal/m.yml", f"{model}  - {{name: at_time, type: time, time_granularity: day}}\n")
    project.run()
    assert ask(project, "n", "at_time") == [("2024-01-01", 3), ("2024-01-02", 4), (None, 8)]
    assert ask(project, "n", "at_time__year", "--filter", "at_time = DATE '2024-01-01'") == [("2024-01-01", 3)]


def test_a_dimension_hides_the_column_of_its_name_from_filters_not_from_measures(project: Project) -> None:
    project.source("sales", "price\n11\n19\n25\n", {"price": "BIGINT"})
    project.write(
        "seeknal/m.yml",
        "kind: semantic_model\nname: sales\nmodel: source.sales\n"
        "dimensions: [{name: price, expr: price // 10 * 10}]\nmeasures: [{name: sum, expr: price}]\n",
    )
    project.run()
    assert ask(project, "sum", "price") == [(10, 30), (20, 25)]
    assert ask(project, "sum", "", "--filter", "price = 10") == [(30,)]


def test_filters_reach_down_into_what_a_metric_is_made_of(project: Project) -> None:
    types = {"shop": "VARCHAR", "paid": "BOOLEAN", "price": "BIGINT", "cost": "BIGINT"}
    rows = "a,true,10,4\na,false,20,5\nb,true,40,10\nb,false,80,70\nc,false,5,1\n"
    project.source("sales", f"shop,paid,price,cost\n{rows}", types)
    project.write(
        "seeknal/m.yml",
        """
        kind: semantic_model
        name: sales
        model: source.sales
        dimensions: [{name: shop}, {name: paid, type: boolean}]
        measures: [{name: price}, {name: cost}]
        metrics:
          - {name: gain, type: derived, expr: price - cost, inputs: [{metric: price}, {metric: cost}]}
          - {name: paid_gain, type: derived, expr: g, filter: paid, inputs: [{metric: gain, alias: g}]}
          - {name: gain_share, type: ratio, numerator: gain, denominator: price, filter: [not paid, shop <> 'c']}
          - {name: mixed, type: ratio, numerator: paid_gain, denominator: gain}
        """,
    )
    project.run()
    assert ask(project, "gain,paid_gain,gain_share,mixed", "shop") == [
        ("a", 21, 6, 15 / 20, 6 / 21),
        ("b", 40, 30, 10 / 80, 30 / 40),
        ("c", 4, None, None, None),
    ]

"""Running totals and earlier values, at every grain: each number is worked out by hand from what it is defined to be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from tests.metrics.market import Market, Row, after, amounts, grouped, is_paid, shown, start_of, total, upper
from tests.project_on_disk import Project

GRAINS = ["", "day", "week", "month", "quarter", "year"]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Market:
    made = Market(Project(str(tmp_path_factory.mktemp("market")), {"seeknal_project.yml": "name: market\n"}))
    made.project.run()
    return made


def column(grain: str) -> str:
    return f"ordered__{grain}" if grain else "ordered"


def mean(rows: list[Row]) -> Any:
    found = [amount for amount in amounts(rows) if amount is not None]
    return pytest.approx(sum(found) / len(found)) if found else None


RUNNING: dict[str, tuple[str, Callable[[list[Row]], Any]]] = {
    "total": ("", lambda rows: total(amounts(rows))),
    "ytd": ("year", lambda rows: total(row["amount"] for row in rows if is_paid(row))),
    "mtd_orders": ("month", len),
    "buyers_so_far": ("", lambda rows: len({r["customer_id"] for r in rows if r["status"] != "open"} - {None})),
    "mean_so_far": ("", mean),
    "most_so_far": ("", lambda rows: max((a for a in amounts(rows) if a is not None), default=None)),
}


def until(market: Market, start: date, grain: str, to_date: str) -> list[Row]:
    """The orders that a running value of a period counts: up to its end, from where it starts anew."""
    last = after(grain, start) - timedelta(days=1) if grain else start
    first = start_of(to_date, last) if to_date else date.min
    return [row for row in market.orders if row["day"] is not None and first <= row["day"] <= last]


def periods(market: Market, grain: str) -> list[date]:
    return sorted({start_of(grain, row["day"]) if grain else row["day"] for row in market.orders if row["day"]})


@pytest.mark.parametrize("grain", GRAINS)
def test_running_values_at_every_grain(market: Market, grain: str) -> None:
    expected = [
        (
            str(start),
            *(by_hand(until(market, start, grain, to_date)) for to_date, by_hand in RUNNING.values()),
        )
        for start in periods(market, grain)
    ]
    assert market.ask(",".join(RUNNING), column(grain)) == expected


@pytest.mark.parametrize("grain", ["week", "month", "year"])
def test_running_values_by_group(market: Market, grain: str) -> None:
    """Every group starts anew, the one without a name too, and a group's value stands where it has rows."""
    timed = [row for row in market.orders if row["day"]]
    keys = grouped(timed, upper, lambda row: start_of(grain, row["day"]))
    expected = []
    for region, start in keys:
        found = {
            name: [r for r in until(market, date.fromisoformat(start), grain, to_date) if upper(r) == region]
            for name, (to_date, _) in RUNNING.items()
        }
        expected.append((region, start, *(by_hand(found[name]) for name, (_, by_hand) in RUNNING.items())))
    assert market.ask(",".join(RUNNING), f"region,{column(grain)}") == expected


def test_a_running_value_is_there_where_only_another_metric_has_rows(market: Market) -> None:
    """Visits go on for a year after the last order: the total of the orders stays what it was."""
    found = market.ask("total,mtd_orders,visits", "metric_time__month")
    months = sorted({start_of("month", r["day"]) for r in (*market.orders, *market.visits) if r["day"]})
    expected: list[tuple[Any, ...]] = [
        (
            str(start),
            total(amounts(until(market, start, "month", ""))),
            len(until(market, start, "month", "month")),
            len([row for row in market.visits if row["day"] and start_of("month", row["day"]) == start]),
        )
        for start in months
    ]
    nowhere = len([row for row in market.visits if row["day"] is None])
    assert found == [*expected, (None, None, None, nowhere)]
    assert expected[-1][1:3] == (total(row["amount"] for row in market.orders if row["day"]), 0)


def test_filters_choose_what_is_added_up(market: Market) -> None:
    rows = [row for row in market.orders if row["day"] and upper(row) == "EU" and row["day"] >= date(2024, 3, 1)]
    expected, so_far = [], 0
    for key, found in grouped(rows, lambda row: start_of("month", row["day"])).items():
        so_far += total(amounts(found)) or 0
        expected.append((*key, so_far))
    options = ("--filter", "region = 'EU'", "--filter", "ordered >= '2024-03-01'")
    assert market.ask("total", "ordered__month", *options) == expected


def test_two_grains_of_time_nest(market: Market) -> None:
    months = market.ask("ytd,total,change", "ordered__month")
    assert market.ask("ytd,total,change", "ordered__year,ordered__month") == [
        (row[0] and f"{row[0][:4]}-01-01", *row) for row in months
    ]


def months_ago(day: date, count: int) -> date:
    """The same day so many months earlier, or the last day of that month."""
    place = day.year * 12 + day.month - 1 - count
    first = date(place // 12, place % 12 + 1, 1)
    return min(first.replace(day=28) + timedelta(days=day.day - 28), after("month", first) - timedelta(days=1))


@pytest.mark.parametrize("grain", ["", "day", "month"])
def test_a_month_earlier(market: Market, grain: str) -> None:
    revenue = {
        key: total(amounts(rows))
        for key, rows in grouped(
            market.orders, lambda row: row["day"] and (start_of(grain, row["day"]) if grain else row["day"])
        ).items()
    }
    expected = []
    for (start,), now in revenue.items():
        before = start and revenue.get((str(months_ago(date.fromisoformat(start), 1)),))
        change = None if now is None or before is None else now - before
        expected.append((start, now, change))
    assert market.ask("revenue,change", column(grain)) == expected
    if grain == "month":
        assert [row[2] for row in expected].count(None) == 2, "the first month, and the rows without a time"


@pytest.mark.parametrize("grain", ["month", "quarter", "year"])
def test_a_year_earlier_by_group(market: Market, grain: str) -> None:
    """A count of nothing is 0; without a time there is nothing earlier."""
    keys = grouped(market.orders, upper, lambda row: row["day"] and start_of(grain, row["day"]))
    expected = [
        (region, start, len(keys.get((region, f"{int(start[:4]) - 1}{start[4:]}"), [])), len(rows))
        for (region, start), rows in keys.items()
        if start is not None
    ]
    found = market.ask("orders_last_year,orders", f"region,{column(grain)}")
    assert [row for row in found if row[1] is not None] == expected
    assert {row[2] for row in found if row[1] is None} == {None}


@pytest.mark.parametrize("grain", ["day", "month", "quarter"])
def test_a_running_value_as_it_was_a_quarter_earlier(market: Market, grain: str) -> None:
    expected = [
        (str(start), total(amounts(until(market, months_ago(start, 3), grain, "")))) for start in periods(market, grain)
    ]
    assert market.ask("total_before", column(grain)) == expected


def test_time_in_any_group_of_its_own(market: Market) -> None:
    """Another time dimension is a group like every other."""
    timed = [row for row in market.orders if row["day"]]
    keys = grouped(timed, lambda row: start_of("week", row["placed_at"].date()), lambda r: start_of("month", r["day"]))
    expected = []
    for week, start in keys:
        rows = until(market, date.fromisoformat(start), "month", "")
        expected.append(
            (week, start, total(amounts(r for r in rows if shown(start_of("week", r["placed_at"].date())) == week)))
        )
    assert market.ask("total", "placed__week,ordered__month") == expected


@pytest.mark.parametrize(
    ("metrics", "dimensions", "reason", "words"),
    [
        ("total", "", "time_needed", "ordered__month"),
        ("change", "region", "time_needed", "ordered__month"),
        ("total", "placed__month", "time_needed", "ordered__month"),
        ("change", "ordered__week", "offset_does_not_fit", "1 month"),
        ("change", "ordered__year", "offset_does_not_fit", "1 month"),
        ("total", "ordered__week,ordered__month", "mixed_grains", "week"),
        ("minutes", "day__hour", "grain_too_fine", "day"),
        ("minutes", "day__fortnight", "unknown_dimension", "day__fortnight"),
        ("revenue", "status__month", "no_time_dimension", "status"),
        ("customers", "metric_time__month", "no_time_dimension", "customers"),
    ],
)
def test_what_cannot_be_told_is_refused(market: Market, metrics: str, dimensions: str, reason: str, words: str) -> None:
    asked = ["--metrics", metrics, *(["--dimensions", dimensions] if dimensions else [])]
    done = market.project.seeknal("query", *asked, "--json")
    assert (done.code, done.json["error"]) == (2, reason), done.out
    assert words in done.err


def test_no_metric_changes_with_what_else_is_asked(market: Market) -> None:
    every = [*RUNNING, "revenue", "paid_share", "change", "orders_last_year", "total_before", "open_revenue", "visits"]
    together = market.ask(",".join(every), "region,metric_time__month")
    for place, name in enumerate(every):
        alone = {row[:2]: row[2] for row in market.ask(name, "region,metric_time__month")}
        found = {row[:2]: row[2 + place] for row in together}
        assert {key: found[key] for key in alone} == alone

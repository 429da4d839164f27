"""The corner shop: every kind of node, every type of rule, YAML and Python mixed, as it was when somebody last looked.

What a run plans, and what it publishes, agrees with `corner_shop/plan.json` and `corner_shop/tables.json` on every machine.
Keys depend on the versions of the engines and of who writes their files, so those in `corner_shop/keys.json` are compared
only where all versions are the ones that are noted there. `SEEKNAL_ACCEPT=1` writes the three files anew: read the diff.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seeknal import kinds
from seeknal.model.checklist import TYPES as RULE_TYPES
from seeknal.model.semantics import METRIC_TYPES
from tests.golden.observed import files, keys, planned, tables, versions, views
from tests.project_on_disk import Project, Result, reader

FIXTURE = Path(__file__).parents[2] / "fixtures" / "corner_shop"
GOLDEN = Path(__file__).parent / "corner_shop"
# Nothing here is told of the wall clock: rules and profiles of freshness are, of the run's.
DAY = ("--date", "2024-03-02")


def copied(folder: Path) -> Project:
    shutil.copytree(FIXTURE, folder, ignore=shutil.ignore_patterns("target", "out", "__pycache__"))
    return Project(str(folder))


def edited(project: Project) -> None:
    """A day's work: late data, a helper of Python, a threshold, a column more, a word of explanation."""
    orders = project.read("data/orders_2024_02.csv")
    project.write("data/orders_2024_02.csv", orders + "501,C001,1,2024-02-29 19:59:00,open\n")
    project.edit("seeknal/pipelines/_money.py", "gross >= 400", "gross >= 420")
    project.edit("seeknal/rules/small_orders.yml", "min_val: 5", "min_val: 6")
    project.edit("seeknal/transforms/daily_sales.yml", "SELECT d.*,", "SELECT d.*, d.gross / d.orders AS basket,")
    project.edit("seeknal/sources/customers.yml", "Everybody who ever", "All who ever")


class Shop:
    """The corner shop after a first run, a second, and one after a day's work; what was seen on the way."""

    def __init__(self, folder: Path) -> None:
        self.project = copied(folder)
        self.plan = {"first": planned(self.project, *DAY)}
        self.first = self.project.run(*DAY)
        self.targets = [line.split(" | ")[0] for line in self.plan["first"]]
        self.tables = {"first": self._tables()}
        self.keys = keys(self.project, *DAY)
        self.second = self.project.run(*DAY)

    def edit(self) -> None:
        edited(self.project)
        self.plan["edited"] = planned(self.project, *DAY)
        self.third = self.project.run(*DAY)
        self.tables["edited"] = self._tables()

    def _tables(self) -> dict[str, Any]:
        found = tables(self.project, self.targets)
        return {"tables": found, "exposed": files(self.project, "out"), "views": views(self.project)}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SEEKNAL_CACHE_DIR", "SHOP_CURRENCY", "SHOP_YEAR"):
            patch.delenv(name, raising=False)
        yield Shop(tmp_path_factory.mktemp("golden") / "corner_shop")


@pytest.fixture(scope="module")
def worked(shop: Shop) -> Shop:
    shop.edit()
    return shop


def golden(name: str, seen: Any) -> Any:
    """What is kept under that name; with SEEKNAL_ACCEPT, what was seen now."""
    path = GOLDEN / f"{name}.json"
    if os.environ.get("SEEKNAL_ACCEPT"):
        path.write_text(json.dumps(seen, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_shop_has_every_kind_type_of_rule_and_metric(shop: Shop) -> None:
    assert {target.split(".")[0] for target in shop.targets} == {*kinds.known()} - {"materialization"}
    assert _column(shop, ("rule.", "audit."), "type") == set(RULE_TYPES)
    assert _column(shop, ("metric.",), "type") - {None} == set(METRIC_TYPES)


def _column(shop: Shop, prefixes: tuple[str, ...], column: str) -> set[str | None]:
    """What the tables of these targets say in a column."""
    paths = [shop.project.view(target) for target in shop.targets if target.startswith(prefixes)]
    return {row[0] for row in reader().execute(f"SELECT DISTINCT {column} FROM read_parquet({paths})").fetchall()}


def test_all_of_it_runs_and_a_second_run_has_nothing_to_do(shop: Shop) -> None:
    assert shop.first.built == set(shop.targets)
    assert shop.second.built == set()
    assert shop.second.of("done")[0]["hit"] == len(shop.targets)


def test_plans_are_the_golden_ones(worked: Shop) -> None:
    """Two of them: of the first run, and after a day's work."""
    assert worked.plan == golden("plan", worked.plan)


def test_what_was_published_is_golden(worked: Shop) -> None:
    wanted = golden("tables", worked.tables)
    for state, seen in worked.tables.items():
        assert _without_guesses(seen) == _without_guesses(wanted[state])
        for target, table in seen["tables"].items():
            for column, values in table.get("about", {}).items():
                assert values == pytest.approx(wanted[state]["tables"][target]["about"][column], abs=0.01)


def _without_guesses(seen: dict[str, Any]) -> dict[str, Any]:
    found = {name: {k: v for k, v in table.items() if k != "about"} for name, table in seen["tables"].items()}
    return {**seen, "tables": found}


def test_keys_are_the_golden_ones_where_versions_are(shop: Shop) -> None:
    """With other versions than those noted only the names are compared: keys are of engines and of bytes."""
    wanted = golden("keys", {"versions": versions(), "keys": shop.keys})
    assert shop.keys.keys() == wanted["keys"].keys()
    if wanted["versions"] == versions():
        assert shop.keys == wanted["keys"]


def test_a_days_work_rebuilds_what_the_plan_said_and_gives_what_a_clean_build_gives(
    worked: Shop, tmp_path: Path
) -> None:
    may = {line.split(" | ")[0] for line in worked.plan["edited"] if line.split(" | ")[1] != "HIT"}
    assert worked.third.built <= may
    assert worked.third.of("done")[0]["cut_off"] > 0
    clean = copied(tmp_path / "elsewhere")
    edited(clean)
    assert clean.run(*DAY).built == set(worked.targets)
    assert tables(clean, worked.targets) == tables(worked.project, worked.targets)
    assert keys(clean, *DAY) == keys(worked.project, *DAY)


# -- what `seeknal query` answers -------------------------------------------------------------------------------------


class Order:
    """A paid order with lines, worked out from the files."""

    def __init__(self, order: dict[str, str], lines: list[float], city: str) -> None:
        self.day, self.city = order["ordered_at"][:10], city
        self.gross = round(sum(lines), 2)
        self.net = round(sum(amount / 1.21 for amount in lines), 2)  # no sum of cents is a tie there


def paid_orders() -> list[Order]:
    lines: dict[int, list[float]] = defaultdict(list)
    for text in (FIXTURE / "data" / "order_lines.jsonl").read_text().splitlines():
        line = json.loads(text)
        lines[line["order_id"]].append(line["amount"])
    cities = {row["customer_id"]: row["city"] for row in _csv("customers.csv")}
    orders = [*_csv("orders_2024_01.csv"), *_csv("orders_2024_02.csv")]
    paid = [order for order in orders if order["status"] == "paid" and int(order["order_id"]) in lines]
    return [Order(order, lines[int(order["order_id"])], cities[order["customer_id"]]) for order in paid]


def _csv(name: str) -> list[dict[str, str]]:
    head, *rows = (FIXTURE / "data" / name).read_text().splitlines()
    return [dict(zip(head.split(","), row.split(","), strict=True)) for row in rows]


def answer(shop: Shop, metric: str, dimension: str) -> dict[str, float]:
    done: Result = shop.project.seeknal("query", "--metrics", metric, "--dimensions", dimension, "-f", "json")
    assert done.code == 0, done.err
    return {row[dimension.replace("__", "_")]: row[metric] for row in done.json}


def by(word: str) -> dict[str, list[Order]]:
    """The orders of each day, month (its first day) or city."""
    found: dict[str, list[Order]] = defaultdict(list)
    for order in paid_orders():
        found[{"day": order.day, "month": f"{order.day[:7]}-01", "city": order.city}[word]].append(order)
    return found


def test_a_simple_metric_adds_up(shop: Shop) -> None:
    for word, dimension in (("month", "metric_time__month"), ("city", "city")):
        wanted = {name: sum(order.gross for order in orders) for name, orders in by(word).items()}
        assert answer(shop, "revenue", dimension) == pytest.approx(wanted)


def test_a_ratio_is_of_sums(shop: Shop) -> None:
    wanted = {name: sum(order.gross for order in orders) / len(orders) for name, orders in by("city").items()}
    assert answer(shop, "average_basket", "city") == pytest.approx(wanted)


def test_a_cumulative_metric_starts_again_each_month(shop: Shop) -> None:
    orders = paid_orders()
    wanted = {
        day: sum(order.gross for order in orders if order.day[:7] == day[:7] and order.day <= day) for day in by("day")
    }
    assert answer(shop, "revenue_to_date", "metric_time__day") == pytest.approx(wanted)


def test_a_derived_metric_is_made_of_its_inputs(shop: Shop) -> None:
    wanted = {
        name: sum(order.gross for order in orders) - sum(order.net for order in orders if order.gross > 1)
        for name, orders in by("month").items()
    }
    assert answer(shop, "vat", "metric_time__month") == pytest.approx(wanted)

"""Joins never change what a number counts: each row gets one partner at most, or the question is refused."""

from __future__ import annotations

import pytest

from tests.metrics.market import Market, amounts, ask, grouped, total, upper
from tests.project_on_disk import Project


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Market:
    made = Market(Project(str(tmp_path_factory.mktemp("market")), {"seeknal_project.yml": "name: market\n"}))
    made.project.run()
    return made


def refused(project: Project, metrics: str, dimensions: str, *options: str) -> tuple[int, str, str]:
    done = project.seeknal("query", "--metrics", metrics, "--dimensions", dimensions, *options, "--json")
    return done.code, done.json["error"], done.err


def test_a_shared_entity_joins(market: Market) -> None:
    expected = [(*key, total(amounts(rows)), len(rows)) for key, rows in grouped(market.orders, market.country).items()]
    assert market.ask("revenue,orders", "country") == expected
    assert sum(row[2] for row in expected) == len(market.orders), "those without a customer are counted too"


def test_a_join_declared_from_the_other_side_and_another_one_behind_it(market: Market) -> None:
    """pieces are of lines; a line belongs to an order (declared in orders), and that to a customer."""
    by_id = {row["id"]: row for row in market.orders}
    keys = grouped(market.lines, lambda r: upper(by_id[r["order_id"]]), lambda r: market.country(by_id[r["order_id"]]))
    expected = [(*key, total(row["pieces"] for row in rows)) for key, rows in keys.items()]
    assert market.ask("pieces", "region,country") == expected
    assert market.ask("pieces", "country,region", "--filter", "orders.status = 'paid' AND product = 'b'") == sorted(
        (
            (country, region, sum(by_id[r["order_id"]]["status"] == "paid" and r["product"] == "b" for r in rows))
            for (region, country), rows in keys.items()
            if any(by_id[r["order_id"]]["status"] == "paid" and r["product"] == "b" for r in rows)
        ),
        key=lambda row: [(word is None, word or "") for word in row[:2]],
    )


def test_one_to_many_is_refused_and_the_joins_that_there_are_are_told(market: Market) -> None:
    code, reason, said = refused(market.project, "revenue", "product")
    assert (code, reason) == (2, "unreachable_dimension")
    assert "orders -> customers (entity customer)" in said
    assert "would count rows several times: orders -> lines (one_to_many)" in said
    code, reason, said = refused(market.project, "revenue", "region", "--filter", "product = 'a'")
    assert (code, reason) == (2, "unreachable_dimension")
    code, reason, said = refused(market.project, "customers", "region")
    assert (code, reason) == (2, "unreachable_dimension")
    assert "customers -> orders (entity customer is foreign in orders)" in said


def test_own_names_come_first_and_ambiguous_ones_are_refused(market: Market) -> None:
    own = [(*key, len(rows)) for key, rows in grouped(market.orders, lambda row: row["status"]).items()]
    assert market.ask("orders", "status") == own
    mood = {row["id"]: row["mood"] for row in market.customers}
    moods = grouped(market.orders, lambda row: mood.get(row["customer_id"]))
    assert market.ask("orders", "customers.status") == [(*key, len(rows)) for key, rows in moods.items()]
    code, reason, said = refused(market.project, "pieces", "status")
    assert (code, reason) == (2, "ambiguous_dimension")
    assert "orders.status" in said
    assert "customers.status" in said
    code, reason, said = refused(market.project, "pieces", "product", "--filter", "status = 'paid'")
    assert (code, reason) == (2, "ambiguous_dimension")


def test_both_of_one_name_can_be_asked_for(market: Market) -> None:
    words = ["--metrics", "orders", "--dimensions", "status,customers.status", "--format", "csv"]
    assert market.project.seeknal("query", *words).out.splitlines()[0] == "orders_status,customers_status,orders"


def small(project: Project, customers: str, orders: str, joins: str = "", entities: str = "") -> Project:
    """Orders and customers with a join, run."""
    project.source("people", customers, {"id": "BIGINT", "status": "VARCHAR", "name": "VARCHAR"})
    project.source("orders", orders, {"id": "BIGINT", "person": "BIGINT", "status": "VARCHAR", "amount": "BIGINT"})
    project.write(
        "seeknal/models/orders.yml",
        "kind: semantic_model\nname: orders\nmodel: source.orders\ndimensions: [{name: status}]\n"
        f"measures: [{{name: revenue, expr: amount}}]\n{joins}{entities}",
    )
    project.write(
        "seeknal/models/people.yml",
        "kind: semantic_model\nname: people\nmodel: source.people\ndimensions: [{name: name, expr: lower(name)}]\n"
        "measures: [{name: people, agg: count}]\nentities: [{name: person, type: primary, expr: id}]\n",
    )
    project.run()
    return project


PEOPLE = "id,status,name\n1,x,Ann\n2,y,Bob\n"
ORDERED = "id,person,status,amount\n1,1,x,10\n2,1,y,20\n3,2,y,40\n4,,y,80\n5,9,x,160\n"
BY_NAME = [("ann", 30), ("bob", 40), (None, 240)]


@pytest.mark.parametrize(
    ("relationship", "condition"),
    [
        ("many_to_one", "{CUBE}.person = {people}.id"),
        ("many_to_one", "{orders}.person = {model}.id"),
        ("one_to_one", "orders.person = people.id"),
        ("many_to_one", "{ CUBE }.person = { PEOPLE }.id AND people.name <> ')'"),
        ("many_to_one", "person = people.id"),
    ],
)
def test_how_a_join_may_be_written(project: Project, relationship: str, condition: str) -> None:
    join = f'joins: [{{name: people, relationship: {relationship}, sql: "{condition}"}}]\n'
    small(project, PEOPLE, ORDERED, join)
    assert ask(project, "revenue", "name") == BY_NAME
    assert ask(project, "revenue") == [(310,)]


def test_a_condition_chooses_the_partner(project: Project) -> None:
    people = "id,status,name\n1,x,Ann\n1,y,Anna\n2,y,Bob\n"
    join = 'joins: [{name: people, sql: "{CUBE}.person = {people}.id AND {CUBE}.status = {people}.status"}]\n'
    small(project, people, ORDERED, join)
    assert ask(project, "revenue", "name") == [("ann", 10), ("anna", 20), ("bob", 40), (None, 240)]


@pytest.mark.parametrize(
    ("joins", "entities"),
    [
        ('joins: [{name: people, relationship: many_to_one, sql: "{CUBE}.person = {people}.id"}]\n', ""),
        ("", "entities: [{name: person, type: foreign}]\n"),
    ],
)
def test_what_is_said_to_be_unique_and_is_not_is_found_out(project: Project, joins: str, entities: str) -> None:
    """The fan-out trap: 30 would be 60, without a word."""
    small(project, PEOPLE + "1,z,Anne\n", ORDERED, joins, entities)
    code, reason, said = refused(project, "revenue", "name")
    assert (code, reason) == (1, "rows_multiplied")
    assert "several rows of people for one of orders" in said
    assert "source.people" in said
    code, reason, _ = refused(project, "revenue", "status", "--filter", "name = 'ann'")
    assert (code, reason) == (1, "rows_multiplied")
    assert ask(project, "revenue", "status") == [("x", 170), ("y", 140)], "nobody is asked for: no join"


def test_duplicates_that_no_row_meets_do_no_harm(project: Project) -> None:
    small(project, PEOPLE + "7,x,Zoe\n7,y,Zoe\n,,\n,,\n", ORDERED, "", "entities: [{name: person, type: foreign}]\n")
    assert ask(project, "revenue", "name") == BY_NAME


def test_models_without_a_join_are_never_multiplied_with_each_other(project: Project) -> None:
    small(project, PEOPLE, ORDERED)
    code, reason, said = refused(project, "revenue", "name")
    assert (code, reason) == (2, "unreachable_dimension")
    assert "people cannot be reached from orders: joins that can be used: none" in said
    assert ask(project, "revenue,people") == [(310, 2)]
    done = project.seeknal("query", "--metrics", "revenue,people", "--show-sql")
    assert "CROSS" not in done.out


def test_two_ways_of_one_length_are_nobodys_to_choose(project: Project) -> None:
    project.source("sales", "shop,buyer,amount\n1,2,10\n2,1,5\n", dict.fromkeys(("shop", "buyer", "amount"), "BIGINT"))
    for name in ("shops", "buyers"):
        project.source(name, "id,town\n1,1\n2,2\n", {"id": "BIGINT", "town": "BIGINT"})
        project.write(
            f"seeknal/models/{name}.yml",
            f"kind: semantic_model\nname: {name}\nmodel: source.{name}\n"
            f"entities: [{{name: {name}, type: unique, expr: id}}, {{name: town, type: foreign}}]\n",
        )
    project.source("towns", "id,name\n1,Rome\n2,Oslo\n", {"id": "BIGINT", "name": "VARCHAR"})
    project.write(
        "seeknal/models/towns.yml",
        "kind: semantic_model\nname: towns\nmodel: source.towns\nentities: [{name: town, expr: id}]\n"
        "dimensions: [{name: name}]\n",
    )
    sales = (
        "kind: semantic_model\nname: sales\nmodel: source.sales\nmeasures: [{name: amount}]\n"
        "entities: [{name: shops, type: foreign, expr: shop}, {name: buyers, type: foreign, expr: buyer}]\n"
    )
    project.write("seeknal/models/sales.yml", sales)
    project.run()
    code, reason, said = refused(project, "amount", "name")
    assert (code, reason) == (2, "unreachable_dimension")
    assert "over buyers and shops" in said
    project.write(
        "seeknal/models/sales.yml", f'{sales}joins: [{{name: towns, sql: "{{CUBE}}.buyer = {{towns}}.id"}}]\n'
    )
    assert ask(project, "amount", "towns.name") == [("Oslo", 10), ("Rome", 5)]


def test_names_of_columns_that_two_joined_tables_share(project: Project) -> None:
    """A third table in the question does not make the condition of another join ambiguous."""
    project.source("facts", "a,b,v\n1,1,10\n2,1,20\n", dict.fromkeys(("a", "b", "v"), "BIGINT"))
    project.source("one", "key_a,extra\n1,p\n2,q\n", {"key_a": "BIGINT", "extra": "VARCHAR"})
    project.source("two", "key_b,key_a,word\n1,7,r\n", {"key_b": "BIGINT", "key_a": "BIGINT", "word": "VARCHAR"})
    for name, column in (("one", "extra"), ("two", "word")):
        project.write(
            f"seeknal/models/{name}.yml",
            f"kind: semantic_model\nname: {name}\nmodel: source.{name}\ndimensions: [{{name: {column}}}]\n",
        )
    project.write(
        "seeknal/models/facts.yml",
        "kind: semantic_model\nname: facts\nmodel: source.facts\nmeasures: [{name: v}]\n"
        "joins:\n  - {name: two, sql: b = key_b AND key_a > 0}\n  - {name: one, sql: a = key_a}\n",
    )
    project.run()
    assert ask(project, "v", "extra,word") == [("p", "r", 10), ("q", "r", 20)]

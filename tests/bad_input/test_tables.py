"""Tables at the edge: no rows, no columns, no inputs, inputs in a circle."""

from __future__ import annotations

import pytest

from tests.bad_input.refusals import failure, nothing_lost, refused, wrong_project
from tests.project_on_disk import Project


def test_an_empty_table_is_a_table_and_its_consumers_work(shop: Project) -> None:
    shop.transform("none", "SELECT * FROM ref('transform.clean') WHERE amount > 1000", ("transform.clean",))
    shop.transform("count", "SELECT count(*) AS n, sum(amount) AS s FROM ref('transform.none')", ("transform.none",))
    shop.transform("wide", "SELECT *, amount * 2 AS twice FROM ref('transform.none')", ("transform.none",))
    shop.run()
    assert shop.rows("transform.none") == []
    assert shop.rows("transform.count") == [(0, None)]
    assert shop.rows("transform.wide") == []
    columns = shop.seeknal("inspect", "transform.wide", "--json").json["columns"]
    assert [(c["name"], c["type"]) for c in columns] == [
        ("id", "BIGINT"),
        ("customer", "VARCHAR"),
        ("amount", "BIGINT"),
        ("twice", "BIGINT"),
    ]
    assert shop.run().built == set()


def test_a_csv_with_a_header_only_is_an_empty_table_of_the_declared_types(shop: Project) -> None:
    shop.source("orders", "id,customer,amount\n", {"id": "BIGINT", "customer": "VARCHAR", "amount": "BIGINT"})
    shop.run()
    assert shop.rows("source.orders") == []
    assert shop.rows("transform.by_city") == []


def test_a_csv_without_a_byte_is_told(shop: Project) -> None:
    shop.run()
    with nothing_lost(shop):
        shop.source("orders", "", {"id": "BIGINT", "customer": "VARCHAR", "amount": "BIGINT"})
        result = shop.seeknal("run", "--json")
        refused(result, 1)
        assert "seeknal/sources/orders.yml:" in failure(result, "source.orders")


def test_a_null_column_is_a_column(shop: Project) -> None:
    shop.transform(
        "nulls", "SELECT NULL AS a, [] AS b, {'x': NULL} AS c FROM ref('transform.clean')", ("transform.clean",)
    )
    shop.transform("after", "SELECT count(a) AS n FROM ref('transform.nulls')", ("transform.nulls",))
    shop.run()
    assert shop.rows("transform.after") == [(0,)]


@pytest.mark.parametrize(
    "name", ["a b", 'a"b', "a'b", "a.b", "a, b", "\u00e9", "select", "a\nb", "1", "a;b", "x" * 500]
)
def test_an_odd_column_name_works_or_is_refused_by_name(shop: Project, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    sql = f"SELECT id AS {quoted} FROM ref('transform.clean')".replace("\n", "\n  ")
    shop.transform("odd", sql, ("transform.clean",))
    shop.transform("after", "SELECT * FROM ref('transform.odd')", ("transform.odd",))
    result = shop.seeknal("run", "--json")
    if result.code == 0:
        assert sorted(shop.rows("transform.after")) == [(1,), (2,), (3,)]
        assert shop.run().built == set()
    else:
        assert "seeknal/transforms/odd.yml:" in failure(result, "transform.odd")


def test_a_missing_input_is_told_with_the_nearest_name(shop: Project) -> None:
    shop.run()
    shop.transform("late", "SELECT 1 AS a FROM ref('source.order')", ("source.order",))
    with nothing_lost(shop):
        problems = wrong_project(shop.seeknal("run", "--json"))
        assert all(p["file"] == "seeknal/transforms/late.yml" for p in problems)
        assert problems[0]["reason"] == "unknown_input"
        assert "source.orders" in problems[0]["message"]
        assert len(problems) == 1, "one fault is told once"


@pytest.mark.parametrize(
    "ref", ["orders", "source", "source.", ".orders", "sources.orders", "source.orders.x", "Source.Orders", "../x", ""]
)
def test_an_input_that_is_no_node_id_is_told(shop: Project, ref: str) -> None:
    shop.write(
        "seeknal/transforms/late.yml",
        f"kind: transform\nname: late\ninputs:\n  - ref: '{ref}'\ntransform: SELECT 1 AS a\n",
    )
    assert {p["file"] for p in wrong_project(shop.seeknal("run", "--json"))} == {"seeknal/transforms/late.yml"}


@pytest.mark.parametrize(
    "inputs", ["7", "{a: 1}", "[7]", "[[x]]", "[{reff: source.orders}]", "'source.orders'", "[null]"]
)
def test_inputs_of_the_wrong_shape_are_told(shop: Project, inputs: str) -> None:
    shop.write(
        "seeknal/transforms/late.yml", f"kind: transform\nname: late\ninputs: {inputs}\ntransform: SELECT 1 AS a\n"
    )
    result = shop.seeknal("run", "--json")
    if inputs != "'source.orders'" or result.code:
        assert {p["file"] for p in wrong_project(result)} == {"seeknal/transforms/late.yml"}


def test_a_cycle_is_told_with_its_path(shop: Project) -> None:
    shop.run()
    shop.transform("a", "SELECT * FROM ref('transform.c')", ("transform.c",))
    shop.transform("b", "SELECT * FROM ref('transform.a')", ("transform.a",))
    shop.transform("c", "SELECT * FROM ref('transform.b')", ("transform.b",))
    with nothing_lost(shop):
        (problem,) = wrong_project(shop.seeknal("run", "--json"))
        assert problem["reason"] == "cycle"
        path = problem["message"].split(": ", 1)[1]
        ring = [f"transform.{x}" for x in "acbacbacb"]
        told = [word.strip(" :") for word in path.split("->")]
        assert any(" -> ".join(ring[i : i + 4]) in path for i in range(3)) or any(
            " -> ".join(ring[::-1][i : i + 4]) in path for i in range(3)
        ), told


def test_a_node_that_reads_itself_is_a_cycle(shop: Project) -> None:
    shop.transform("self", "SELECT * FROM ref('transform.self')")
    (problem,) = wrong_project(shop.seeknal("run", "--json"))
    assert problem["reason"] == "cycle"
    assert "transform.self -> transform.self" in problem["message"]


def test_a_cycle_of_a_thousand_nodes_does_not_exhaust_the_stack(project: Project) -> None:
    for i in range(1000):
        project.transform(f"n{i}", f"SELECT * FROM ref('transform.n{(i + 1) % 1000}')")
    (problem,) = wrong_project(project.seeknal("run", "--json"))
    assert problem["reason"] == "cycle"
    assert len(problem["message"]) < 40_000


def test_an_empty_project_is_told(project: Project) -> None:
    result = project.seeknal("run")
    refused(result, result.code if result.code in (0, 3) else 3)


def test_a_project_whose_last_node_was_deleted_is_told_or_published_empty(shop: Project) -> None:
    shop.run()
    import shutil

    shutil.rmtree(shop.path("seeknal", "transforms"))
    shop.run()
    assert sorted(shop.tables()) == ["source_customers.parquet", "source_orders.parquet"]

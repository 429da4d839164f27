"""`seeknal lineage`: what reads what, and what each column is made of, as text, as JSON and in the page."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys

import pytest

from seeknal.engines import sqllineage
from tests.pictures.reading import by_id, page_of
from tests.project_on_disk import Project

FUNCTION = """
    from seeknal.pipeline import transform

    @transform(name="scored", inputs=["transform.joined"])
    def scored(ctx):
        rows = ctx.ref("transform.joined", columns=["customer", "amount"])
        return ctx.duckdb.sql("SELECT customer, amount * 2 AS score FROM rows")
"""


@pytest.fixture
def built(shop: Project) -> Project:
    """The shop with a function, a rule and an exposure, built and published."""
    shop.write("seeknal/pipelines/scored.py", FUNCTION)
    shop.write(
        "seeknal/rules/big.yml", "kind: rule\nname: big\ninputs: [{ref: transform.joined}]\nrule: [amount > 5]\n"
    )
    shop.run()
    return shop


def columns_of(project: Project, node: str) -> dict[str, list[str]]:
    """Each column of a node with what it is made of."""
    found = project.seeknal("lineage", node, "--json").json
    return {column["name"]: [".".join(at) for at in column["made_of"]] for column in found["columns"]}


def test_all_nodes_with_what_they_read(built: Project) -> None:
    lines = built.seeknal("lineage").out.splitlines()
    assert "source.orders" in lines
    assert any(line.split() == ["transform.clean", "<-", "source.orders"] for line in lines)
    assert len(lines) == 7


def test_columns_are_followed_through_stars_joins_and_sums(built: Project) -> None:
    assert columns_of(built, "transform.by_city") == {
        "city": ["transform.joined.city"], "total": ["transform.joined.amount"],
    }  # fmt: skip
    assert columns_of(built, "transform.joined")["city"] == ["source.customers.city"]
    found = built.seeknal("lineage", "transform.joined", "--json").json
    assert found["deciding"] == [["source.customers", "customer"]]
    assert found["how"] == "exact"


def test_a_column_has_a_way_up_and_down(built: Project) -> None:
    text = built.seeknal("lineage", "transform.clean", "--column", "AMOUNT").out
    assert [line.strip() for line in text.splitlines()] == [
        "transform.clean", "amount is made of", "source.orders.amount", "amount becomes",
        "transform.joined.amount", "transform.by_city.total", "transform.scored: perhaps customer, score", "rule.big  (reads it)",
    ]  # fmt: skip


def test_a_function_says_that_it_is_not_known_in_detail(built: Project) -> None:
    found = built.seeknal("lineage", "scored", "--json").json
    assert (found["how"], found["why"][:19]) == ("perhaps", "not known in detail")
    assert columns_of(built, "scored") == {
        "customer": ["transform.joined.customer", "transform.joined.amount"],
        "score": ["transform.joined.customer", "transform.joined.amount"],
    }


def test_ancestors_and_descendants_are_a_tree(built: Project) -> None:
    text = built.seeknal("lineage", "joined").out
    assert "    transform.clean\n      source.orders\n    source.customers\n" in text
    assert "  is read by\n" in text
    assert "its rows depend on source.customers.customer" in text


def test_before_the_first_run_it_says_what_is_not_known(shop: Project) -> None:
    said = shop.seeknal("lineage", "clean")
    assert said.code == 0
    assert "the columns of source.orders are not known: run first" in said.out
    assert shop.seeknal("lineage", "clean", "--column", "id").code == 2
    assert not os.path.exists(shop.path("target"))


def test_an_edit_that_was_not_run_yet_is_in_the_lineage(built: Project) -> None:
    built.edit(
        "seeknal/transforms/clean.yml",
        "SELECT * FROM",
        "SELECT id, customer, amount * 2 AS amount, amount + id AS mark FROM",
    )
    assert columns_of(built, "clean")["mark"] == ["source.orders.amount", "source.orders.id"]
    assert columns_of(built, "joined")["mark"] == ["transform.clean.mark"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("nowhere",), "nowhere"),
        (("clean", "--column", "amuont"), "did you mean amount?"),
        (("--column", "amount"), "name it"),
        (("--html", "/nowhere/at/all.html"), "no folder"),
    ],
)
def test_what_a_person_mistypes_is_told(built: Project, words: tuple[str, ...], text: str) -> None:
    said = built.seeknal("lineage", *words)
    assert said.code == 2
    assert text in said.err


def test_without_sqlglot_tables_are_known_and_one_line_says_what_to_install(
    built: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    sqllineage.version.cache_clear()
    try:
        text = built.seeknal("lineage", "transform.joined").out
        assert text.count("pip install 'seeknal[lineage]'") == 1
        assert "    transform.clean\n" in text
        built.seeknal("lineage", "--html", built.path("lineage.html"))
        data = page_of(built, "lineage.html")
        assert "pip install" in data["hint"]
        assert by_id(data["nodes"])["transform.joined"]["how"] == "perhaps"
    finally:
        sqllineage.version.cache_clear()


def test_the_second_time_sqlglot_is_not_even_imported(built: Project) -> None:
    code = "import sys\nfrom seeknal.cli import main\nmain(sys.argv[1:])\nprint('sqlglot' in sys.modules)"
    words = [sys.executable, "-c", code, "lineage", "transform.joined", "--project-path", built.root]
    said = [
        subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
        for _ in range(2)
    ]
    assert [lines[-1] for lines in said] == ["True", "False"]
    assert said[0][:-1] == said[1][:-1]


def test_the_page_has_places_columns_rows_and_checks(built: Project) -> None:
    built.seeknal("lineage", "transform.clean", "--html", built.path("lineage.html"))
    data = page_of(built, "lineage.html")
    nodes = by_id(data["nodes"])
    names = [node["id"] for node in data["nodes"]]
    joined = nodes["transform.joined"]
    assert all(nodes[names[need]]["at"][0] < joined["at"][0] for need in joined["in"])
    assert [names[i] for i in joined["in"]] == ["transform.clean", "source.customers"]
    city = [column for column, _ in joined["columns"]].index("city")
    assert [(names[i], nodes[names[i]]["columns"][c][0]) for i, c in joined["from"][city]] == [
        ("source.customers", "city")
    ]
    assert nodes["rule.big"]["guards"] == names.index("transform.joined")
    assert [(f["check"], f["passed"], f["rows"]) for f in nodes["rule.big"]["findings"]] == [("amount > 5", True, 3)]
    assert "SELECT * FROM ref('source.orders')" in nodes["transform.clean"]["settings"]["sql"]
    assert data["start"] == ["transform.clean", None]
    assert data["generations"][0]["created"] == nodes["transform.clean"]["built"]["at"]


def test_row_counts_and_violations_have_a_past(built: Project) -> None:
    built.write("data/orders.csv", "id,customer,amount\n1,a,10\n2,b,20\n3,a,30\n4,b,6\n")
    built.run()
    built.edit("seeknal/rules/big.yml", "rule: [amount > 5]", "rule: [{value: amount > 9, params: {severity: warn}}]")
    built.run()
    built.seeknal("lineage", "--html", built.path("lineage.html"))
    nodes = by_id(page_of(built, "lineage.html")["nodes"])
    assert nodes["transform.clean"]["rows"] == [[3, 1], [4, 2]]
    assert [*nodes["rule.big"]["violations"][0].values(), *nodes["rule.big"]["violations"][-1].values()] == [0, 1]


def test_what_failed_in_the_last_run_is_in_the_page_until_a_run_succeeds(built: Project) -> None:
    built.edit("seeknal/rules/big.yml", "amount > 5", "amount > 15")
    assert built.run(ok=False).code == 4
    built.seeknal("lineage", "--html", built.path("lineage.html"))
    failures = page_of(built, "lineage.html")["failures"]
    assert [one["target"] for one in failures["failed"]] == ["rule.big"]
    assert "amount=10" in failures["failed"][0]["error"]
    built.edit("seeknal/rules/big.yml", "amount > 15", "amount > 7")
    built.run()
    built.seeknal("lineage", "--html", built.path("lineage.html"))
    assert page_of(built, "lineage.html")["failures"] is None


def test_a_profile_has_its_metrics_now_and_before(built: Project) -> None:
    built.write("seeknal/profiles/p.yml", "kind: profile\nname: p\ninputs: [{ref: transform.clean}]\n")
    built.run()
    built.write("data/orders.csv", "id,customer,amount\n1,a,10\n2,b,20\n3,a,30\n4,b,60\n")
    built.run()
    built.seeknal("lineage", "--html", built.path("lineage.html"))
    profile = by_id(page_of(built, "lineage.html")["nodes"])["profile.p"]["profile"]
    rows = next(row for row in profile if (row["column"], row["metric"]) == ("_table_", "row_count"))
    assert (rows["value"], rows["past"][-2:]) == ("4", ["3", "4"])


def test_a_secret_is_in_no_page(built: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "s3cr3t-of-the-shop")
    built.transform("secret", "SELECT *, '{{env:API_TOKEN}}' AS mark FROM ref('transform.clean')", ("transform.clean",))
    built.run("--timings")
    built.seeknal("lineage", "--html", built.path("lineage.html"))
    for page in (built.read("lineage.html"), built.read("target/timings.html")):
        assert "transform.secret" in page
        assert "s3cr3t-of-the-shop" not in page
    assert "{{env:API_TOKEN}}" in built.read("lineage.html")


def test_the_same_project_gives_the_same_page(built: Project) -> None:
    pages = set()
    for _ in range(2):
        built.seeknal("lineage", "--html", built.path("lineage.html"))
        pages.add(built.read("lineage.html"))
    assert len(pages) == 1


def test_json_says_where_the_page_is(built: Project) -> None:
    path = built.path("lineage.html")
    said = built.seeknal("lineage", "--html", path, "--json").json
    assert said == {"html": path, "size": os.path.getsize(path)}

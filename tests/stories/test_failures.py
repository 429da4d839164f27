"""Failures that other tools report as success or forget: exit codes, retries on the next run, unknown names."""

from __future__ import annotations

import os

import pytest

from tests.project_on_disk import Project


def wide(project: Project, count: int = 6) -> None:
    """Sources and transforms side by side."""
    for i in range(count):
        rows = "".join(f"{n},{n * (i + 1)}\n" for n in range(50))
        project.source(f"s{i}", f"id,v\n{rows}", {"id": "BIGINT", "v": "BIGINT"})
        project.transform(f"t{i}", f"SELECT {i} AS i, sum(v) AS v FROM ref('source.s{i}')", (f"source.s{i}",))


@pytest.mark.parametrize(
    "options", [(), ("--parallel",), ("--parallel", "--continue-on-error"), ("--continue-on-error",)]
)
def test_a_failed_node_means_exit_code_1(shop: Project, options: tuple[str, ...]) -> None:
    """F1: `--parallel` always exits 0."""
    shop.transform("broken", "SELECT error('boom') AS e FROM ref('source.orders')", ("source.orders",))
    result = shop.run(*options, ok=False)
    assert result.code == 1
    (failed,) = result.of("failed")
    assert failed["target"] == "transform.broken"
    assert "boom" in failed["error"]
    assert result.of("done")[0]["failed"] == 1


def test_many_nodes_side_by_side_give_their_own_rows_every_time(project: Project) -> None:
    """F2: parallel nodes share one connection: nodes fail, or hold another node's rows."""
    wide(project)
    want = {f"transform_t{i}.parquet": [(i, 1225 * (i + 1))] for i in range(6)}
    for _ in range(6):
        assert len(project.run("--full", "--parallel").built) == 12
        tables = project.tables()
        assert {name: tables[name] for name in want} == want


@pytest.mark.parametrize(
    "options", [(), ("--parallel",), ("--continue-on-error",), ("--parallel", "--continue-on-error")]
)
def test_a_failed_node_is_tried_again_by_the_next_run(shop: Project, options: tuple[str, ...]) -> None:
    """F3: after a failure in parallel, a plain run says that nothing changed."""
    shop.run()
    shop.write("data/orders.csv", "id,customer,amount\n1,a,ten\n")
    assert shop.run(*options, ok=False).code == 1
    assert shop.plan()["source.orders"] == "BUILD"
    again = shop.run(ok=False)
    assert again.code == 1
    assert {event["target"] for event in again.of("failed")} == {"source.orders"}
    shop.write("data/orders.csv", "id,customer,amount\n1,a,11\n")
    shop.run()
    assert shop.rows("transform.by_city") == [("Paris", 11)]


@pytest.mark.parametrize("options", [(), ("--parallel", "--continue-on-error")])
def test_a_file_that_went_missing_and_came_back(shop: Project, options: tuple[str, ...]) -> None:
    """F3: with a missing CSV that came back, nothing is run."""
    shop.run()
    os.rename(shop.path("data/orders.csv"), shop.path("data/away.csv"))
    result = shop.run(*options, ok=False)
    assert result.code in (1, 3)
    assert "data/orders.csv" in result.out + result.err
    assert sorted(shop.rows("transform.by_city")) == [("Paris", 40), ("Rome", 20)]
    os.rename(shop.path("data/away.csv"), shop.path("data/orders.csv"))
    assert shop.run().built == set()


def test_consolidation_that_fails_is_a_failure(shop: Project) -> None:
    """F4: a failed node in another command still means exit 0."""
    shop.write(
        "seeknal/feature_groups/twice.yml",
        "kind: feature_group\nname: twice\nentity: {name: customer, join_keys: [customer]}\n"
        "inputs:\n  - ref: source.orders\ntransform: SELECT customer, amount FROM source\n",
    )
    assert shop.run("--continue-on-error", ok=False).code == 1
    result = shop.seeknal("consolidate", "--json")
    assert result.code == 1


@pytest.mark.parametrize(
    ("options", "word", "nearest"),
    [
        (("--nodes", "by_citi"), "unknown_node", "by_city"),
        (("--nodes", "transform.by_city,transform.joind"), "unknown_node", "transform.joined"),
        (("--nodes", "nothing*"), "unknown_node", ""),
        (("--types", "transforms"), "unknown_kind", "transform"),
        (("--tags", "hevy"), "unknown_tag", "heavy"),
        (("--exclude-tags", "hevy"), "unknown_tag", "heavy"),
        (("--nodes", "tag:hevy"), "unknown_tag", "heavy"),
        (("--date", "garbage"), "bad_date", ""),
        (("--params", "garbage"), "bad_params", ""),
        (("--retry", "-1"), "bad_count", ""),
        (("--max-workers", "0", "--parallel"), "bad_count", ""),
        (("--run-id", "../x"), "bad_run_id", ""),
    ],
)
@pytest.mark.parametrize("state", ["fresh", "built"])
def test_a_name_or_value_that_means_nothing_is_refused(
    shop: Project, state: str, options: tuple[str, ...], word: str, nearest: str
) -> None:
    """F7: unknown names select nothing, exit 0."""
    shop.edit("seeknal/transforms/by_city.yml", "name: by_city\n", "name: by_city\ntags: [heavy]\n")
    if state == "built":
        shop.run()
    result = shop.run(*options, ok=False)
    assert result.code == 2
    assert result.json["error"] == word
    assert nearest in result.json["message"]


def test_lists_with_commas_and_repeated_options_mean_the_same(shop: Project) -> None:
    """F7: comma lists match nothing."""
    shop.edit("seeknal/transforms/by_city.yml", "name: by_city\n", "name: by_city\ntags: [heavy, late]\n")
    shop.edit("seeknal/transforms/clean.yml", "name: clean\n", "name: clean\ntags: [light]\n")
    for one, other in (
        (("--nodes", "clean, source.customers"), ("--nodes", "clean", "--nodes", "source.customers")),
        (("--types", "source,transform"), ("-t", "source", "-t", "transform")),
        (("--tags", "light,late"), ("--tags", "light", "--tags", "late")),
        (("--exclude-tags", "light,late"), ("--exclude-tags", "light", "--exclude-tags", "late")),
    ):
        assert shop.plan(*one) == shop.plan(*other)
    assert set(shop.plan("--nodes", "clean,customers")) == {"source.orders", "transform.clean", "source.customers"}

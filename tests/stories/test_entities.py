"""Entities: nobody is lost, nothing is multiplied, and every row is what was known at its time (W10)."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.project_on_disk import Project, reader


def group(project: Project, name: str, rows: str, columns: str, more: str = "", keys: str = "customer") -> None:
    """A feature group whose rows are written down as VALUES."""
    project.write(
        f"seeknal/feature_groups/{name}.yml",
        f"kind: feature_group\nname: {name}\nentity: {{name: customer, join_keys: [{keys}]}}\n{more}"
        f"inputs:\n  - ref: source.seed\ntransform: |\n  SELECT * FROM (VALUES {rows}) t({columns})\n",
    )


@pytest.fixture
def bank(project: Project) -> Project:
    project.source("seed", "n\n1\n", {"n": "BIGINT"})
    return project


def day(number: int) -> datetime:
    return datetime(2024, 1, number)  # noqa: DTZ001


def at(number: int) -> str:
    return f"TIMESTAMP '2024-01-{number:02}'"


def entity(project: Project) -> list[dict[str, Any]]:
    """The rows of the entity, by column name."""
    cursor = reader().execute(f"SELECT * FROM read_parquet('{project.view('entity.customer')}') ORDER BY 1, 2")
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def schema(project: Project) -> dict[str, str]:
    rows = reader().execute(f"DESCRIBE FROM read_parquet('{project.view('entity.customer')}')").fetchall()
    return {name: type_ for name, type_, *_ in rows}


def test_rows_are_the_distinct_keys_and_times_and_each_group_gives_what_was_known_then(bank: Project) -> None:
    group(
        bank, "limits", f"('a', {at(1)}, 100), ('a', {at(3)}, 300), ('b', {at(2)}, 50)", "customer, event_time, amount"
    )
    group(bank, "scores", f"('a', {at(2)}, 7), ('a', {at(3)}, 8), ('c', {at(5)}, 9)", "customer, event_time, score")
    bank.run()
    assert entity(bank) == [
        {"customer": "a", "event_time": day(1), "limits": {"amount": 100}, "scores": None},
        {"customer": "a", "event_time": day(2), "limits": {"amount": 100}, "scores": {"score": 7}},
        {"customer": "a", "event_time": day(3), "limits": {"amount": 300}, "scores": {"score": 8}},
        {"customer": "b", "event_time": day(2), "limits": {"amount": 50}, "scores": None},
        {"customer": "c", "event_time": day(5), "limits": None, "scores": {"score": 9}},
    ]
    assert list(schema(bank)) == ["customer", "event_time", "limits", "scores"]
    assert bank.run().built == set()


def test_a_group_without_a_row_gives_a_null_struct_and_not_a_struct_of_nulls(bank: Project) -> None:
    group(bank, "limits", f"('a', {at(1)}, CAST(NULL AS INTEGER))", "customer, event_time, amount")
    group(bank, "scores", f"('b', {at(1)}, 7)", "customer, event_time, score")
    bank.run()
    found = {row["customer"]: row for row in entity(bank)}
    assert found["a"]["limits"] == {"amount": None}
    assert found["a"]["scores"] is None
    assert found["b"]["limits"] is None


def test_groups_that_stamp_the_current_time_meet_in_one_row(bank: Project) -> None:
    for name in ("limits", "scores"):
        bank.write(
            f"seeknal/feature_groups/{name}.yml",
            f"kind: feature_group\nname: {name}\nentity: {{name: customer, join_keys: [customer]}}\n"
            f"inputs:\n  - ref: source.seed\ntransform: SELECT 'a' AS customer, now() AS event_time, 1 AS {name}_n\n",
        )
    bank.run("--date", "2024-05-01")
    (row,) = entity(bank)
    assert row["event_time"].astimezone(UTC) == datetime(2024, 5, 1, tzinfo=UTC)
    assert (row["limits"], row["scores"]) == ({"limits_n": 1}, {"scores_n": 1})


def test_a_group_without_event_time_holds_for_all_times(bank: Project) -> None:
    group(bank, "limits", f"('a', {at(1)}, 100), ('a', {at(3)}, 300)", "customer, event_time, amount")
    group(bank, "homes", "('a', 'Paris'), ('z', 'Rome')", "customer, city")
    bank.run()
    assert entity(bank) == [
        {"customer": "a", "event_time": day(1), "homes": {"city": "Paris"}, "limits": {"amount": 100}},
        {"customer": "a", "event_time": day(3), "homes": {"city": "Paris"}, "limits": {"amount": 300}},
        {"customer": "z", "event_time": None, "homes": {"city": "Rome"}, "limits": None},
    ]


def test_groups_without_any_event_time_have_one_row_for_each_key(bank: Project) -> None:
    group(bank, "homes", "('a', 'Paris'), ('b', 'Rome')", "customer, city")
    group(bank, "names", "('a', 'Ann'), ('c', 'Cid')", "customer, name")
    bank.run()
    assert [(row["customer"], row["homes"], row["names"]) for row in entity(bank)] == [
        ("a", {"city": "Paris"}, {"name": "Ann"}),
        ("b", {"city": "Rome"}, None),
        ("c", None, {"name": "Cid"}),
    ]


def test_several_keys_in_another_order(bank: Project) -> None:
    group(bank, "limits", f"('a', 1, {at(1)}, 100)", "customer, shop, event_time, amount", keys="customer, shop")
    group(
        bank,
        "scores",
        f"(1, 'a', {at(2)}, 7), (2, 'a', {at(2)}, 8)",
        "shop, customer, event_time, score",
        keys="shop, customer",
    )
    bank.run()
    rows = {(row["customer"], row["shop"], row["event_time"].day): row for row in entity(bank)}
    assert set(rows) == {("a", 1, 1), ("a", 1, 2), ("a", 2, 2)}
    assert rows["a", 1, 2]["limits"] == {"amount": 100}
    assert rows["a", 2, 2]["limits"] is None


@pytest.mark.parametrize("times", [True, False])
def test_duplicates_are_an_error_that_names_the_group_and_shows_them(bank: Project, times: bool) -> None:
    stamp, column = (f", {at(1)}", ", event_time") if times else ("", "")
    group(bank, "limits", f"('a'{stamp}, 100), ('a'{stamp}, 200), ('b'{stamp}, 5)", f"customer{column}, amount")
    result = bank.run(ok=False)
    assert result.code == 1
    (failed,) = result.of("failed")
    assert "feature_group.limits" in failed["error"]
    assert "customer=a" in failed["error"]
    assert "rows=2" in failed["error"]
    assert "customer=b" not in failed["error"]
    assert "dedupe" in failed["error"]


@pytest.mark.parametrize(("word", "kept"), [("first", 100), ("last", 200)])
def test_dedupe_keeps_one_of_them(bank: Project, word: str, kept: int) -> None:
    rows = f"('a', {at(1)}, 100), ('a', {at(1)}, 200), ('b', {at(1)}, 5)"
    group(bank, "limits", rows, "customer, event_time, amount", f"dedupe: {word}\n")
    bank.run()
    assert [(row["customer"], row["limits"]["amount"]) for row in entity(bank)] == [("a", kept), ("b", 5)]


@pytest.mark.parametrize(("word", "kept"), [("first", 100), ("last", 400)])
@pytest.mark.parametrize(
    ("column", "more"), [("seen", "materialization: {event_time_col: seen}\n"), ("event_time", ""), ("Event_Time", "")]
)
def test_dedupe_keeps_different_times_apart(bank: Project, word: str, kept: int, column: str, more: str) -> None:
    rows = f"('a', {at(1)}, 100), ('a', {at(1)}, 400), ('a', {at(2)}, 300)"
    group(bank, "limits", rows, f"customer, {column}, amount", f"dedupe: {word}\n{more}")
    bank.run()
    assert [(row["event_time"].day, row["limits"]["amount"]) for row in entity(bank)] == [(1, kept), (2, 300)]


def test_join_keys_that_disagree_are_an_error_with_both_places(bank: Project) -> None:
    group(bank, "limits", "('a', 100)", "customer, amount")
    group(bank, "scores", "('a', 1, 7)", "customer, shop, score", keys="customer, shop")
    result = bank.run(ok=False)
    assert result.code == 3
    (problem,) = result.json["problems"]
    assert problem["reason"] == "join_keys_differ"
    text = f"{problem['file']} {problem['message']}"
    assert "limits.yml" in text
    assert "scores.yml" in text


def test_the_configured_event_column_is_used_as_event_time(bank: Project) -> None:
    setting = "materialization: {event_time_col: seen_at}\n"
    group(bank, "limits", f"('a', {at(1)}, 100), ('a', {at(3)}, 300)", "customer, seen_at, amount", setting)
    group(bank, "scores", f"('a', {at(2)}, 7)", "customer, event_time, score")
    bank.run()
    assert [(row["event_time"].day, row["limits"], row["scores"]) for row in entity(bank)] == [
        (1, {"amount": 100}, None),
        (2, {"amount": 100}, {"score": 7}),
        (3, {"amount": 300}, {"score": 7}),
    ]
    meta = json.loads(bank.read("target/intermediate/feature_group_limits_meta.json"))
    assert meta == {"entity_name": "customer", "join_keys": ["customer"], "event_time_col": "seen_at"}


def test_a_missing_key_or_event_column_is_named(bank: Project) -> None:
    group(bank, "limits", "('a', 100)", "client, amount")
    result = bank.run(ok=False)
    assert result.code in (1, 3)
    assert "'customer'" in result.out + result.err
    group(bank, "limits", "('a', 100)", "customer, amount", "materialization: {event_time_col: seen}\n")
    result = bank.run(ok=False)
    assert result.code in (1, 3)
    assert "seen" in result.out + result.err


def test_dates_and_timestamps_are_compared_as_times(bank: Project) -> None:
    group(bank, "limits", "('a', DATE '2024-01-02', 100)", "customer, event_time, amount")
    group(
        bank,
        "scores",
        "('a', TIMESTAMP '2024-01-01 12:00', 1), ('a', TIMESTAMP '2024-01-02 12:00', 2)",
        "customer, event_time, score",
    )
    bank.run()
    assert schema(bank)["event_time"] == "TIMESTAMP"
    assert [(str(row["event_time"]), row["limits"], row["scores"]["score"]) for row in entity(bank)] == [
        ("2024-01-01 12:00:00", None, 1),
        ("2024-01-02 00:00:00", {"amount": 100}, 1),
        ("2024-01-02 12:00:00", {"amount": 100}, 2),
    ]


def test_dates_alone_stay_dates(bank: Project) -> None:
    group(bank, "limits", "('a', DATE '2024-01-02', 100)", "customer, event_time, amount")
    bank.run()
    assert schema(bank)["event_time"] == "DATE"
    assert entity(bank)[0]["event_time"] == date(2024, 1, 2)


def test_a_time_with_a_zone_meets_one_without(bank: Project) -> None:
    group(bank, "limits", "('a', TIMESTAMPTZ '2024-01-02 02:00+02', 100)", "customer, event_time, amount")
    group(bank, "scores", "('a', TIMESTAMP '2024-01-02 00:00', 1)", "customer, event_time, score")
    bank.run()
    (row,) = entity(bank)
    assert (row["limits"], row["scores"]) == ({"amount": 100}, {"score": 1})


def test_keys_of_other_integer_types_meet(bank: Project) -> None:
    group(bank, "limits", f"(1::INTEGER, {at(1)}, 100)", "customer, event_time, amount")
    group(bank, "scores", f"(1::BIGINT, {at(1)}, 7)", "customer, event_time, score")
    bank.run()
    (row,) = entity(bank)
    assert (row["limits"], row["scores"]) == ({"amount": 100}, {"score": 7})


def test_rows_without_a_key_or_without_a_time_are_not_lost_or_multiplied(bank: Project) -> None:
    group(bank, "limits", f"('a', {at(1)}, 100), (NULL, {at(1)}, 1), ('b', NULL, 2)", "customer, event_time, amount")
    bank.run()
    rows = {(row["customer"], row["event_time"] and row["event_time"].day) for row in entity(bank)}
    assert rows == {("a", 1), (None, 1), ("b", None)}
    assert len(entity(bank)) == 3


def test_an_empty_group_is_a_group(bank: Project) -> None:
    group(bank, "limits", f"('a', {at(1)}, 100)", "customer, event_time, amount")
    bank.write(
        "seeknal/feature_groups/none.yml",
        "kind: feature_group\nname: none\nentity: {name: customer, join_keys: [customer]}\n"
        f"inputs:\n  - ref: source.seed\ntransform: SELECT 'x' AS customer, {at(1)} AS event_time, 1 AS v WHERE false\n",
    )
    bank.run()
    assert entity(bank) == [{"customer": "a", "event_time": day(1), "limits": {"amount": 100}, "none": None}]


def test_odd_names_of_columns_and_groups(bank: Project) -> None:
    group(bank, "g-1", f"('a', {at(1)}, 1, 2, 3)", 'customer, event_time, "it\'s", "a ""b""", "select"')
    bank.run()
    assert entity(bank)[0]["g-1"] == {"it's": 1, 'a "b"': 2, "select": 3}


def test_a_group_called_like_a_key_or_like_the_time(bank: Project) -> None:
    group(bank, "customer", f"('a', {at(1)}, 100)", "customer, event_time, amount")
    result = bank.run(ok=False)
    assert result.code in (1, 3)
    assert "customer" in result.out + result.err
    assert "Traceback" not in result.err


def test_keys_in_other_letters(bank: Project) -> None:
    group(bank, "limits", f"('a', {at(1)}, 100)", "Customer, Event_Time, amount")
    group(bank, "scores", f"('a', {at(1)}, 7)", "customer, event_time, score")
    bank.run()
    (row,) = entity(bank)
    assert (row["limits"], row["scores"]) == ({"amount": 100}, {"score": 7})
    catalog = json.loads(bank.read("target/feature_store/customer/_entity_catalog.json"))
    assert catalog["feature_groups"]["limits"]["features"] == ["amount"]


def test_the_catalog(bank: Project) -> None:
    group(
        bank,
        "limits",
        f"('a', {at(1)}, 100, 'x')",
        "customer, seen, amount, word",
        "materialization: {event_time_col: seen}\n",
    )
    group(bank, "scores", f"('a', {at(2)}, 7::BIGINT), ('b', {at(2)}, 8)", "customer, event_time, score")
    bank.run("--date", "2024-05-01")
    catalog = json.loads(bank.read("target/feature_store/customer/_entity_catalog.json"))
    groups = catalog.pop("feature_groups")
    assert catalog == {
        "entity_name": "customer",
        "join_keys": ["customer"],
        "consolidated_at": "2024-05-01T00:00:00+00:00",
        "schema_version": "1.0",
    }
    assert list(groups) == ["limits", "scores"]
    assert groups["limits"]["features"] == ["amount", "word"]
    assert (groups["limits"]["event_time_col"], groups["scores"]["event_time_col"]) == ("seen", "event_time")
    assert (groups["limits"]["row_count"], groups["scores"]["row_count"]) == (1, 2)
    assert groups["scores"]["schema"]["score"] == "BIGINT"
    shown = bank.seeknal("entity", "show", "customer", "--json").json
    assert shown["feature_groups"] == groups
    assert "limits" in bank.seeknal("entity", "show", "customer").out


def test_the_catalog_follows_the_rows_of_a_group(bank: Project) -> None:
    group(bank, "limits", f"('a', {at(1)}, 100)", "customer, event_time, amount")
    bank.run("--date", "2024-05-01")
    group(bank, "limits", f"('a', {at(1)}, 100), ('b', {at(1)}, 100)", "customer, event_time, amount")
    bank.run("--date", "2024-05-02")
    catalog = json.loads(bank.read("target/feature_store/customer/_entity_catalog.json"))
    assert catalog["feature_groups"]["limits"]["row_count"] == 2
    assert catalog["consolidated_at"].startswith("2024-05-02")


# -- an entity follows its groups -----------------------------------------------------------------------------------


@pytest.fixture
def two(bank: Project) -> Project:
    bank.source("limits", "customer,amount\na,100\nb,50\n", {"customer": "VARCHAR", "amount": "BIGINT"})
    bank.source("scores", "customer,score\na,7\nc,9\n", {"customer": "VARCHAR", "score": "BIGINT"})
    for name, column in (("limits", "amount"), ("scores", "score")):
        bank.write(
            f"seeknal/feature_groups/{name}.yml",
            f"kind: feature_group\nname: {name}\nentity: {{name: customer, join_keys: [customer]}}\ntags: [{name}]\n"
            f"inputs:\n  - ref: source.{name}\ntransform: SELECT customer, {at(1)} AS event_time, {column} FROM source\n",
        )
    bank.transform("over", "SELECT max(amount) AS most FROM ref('feature_group.limits')", ("feature_group.limits",))
    return bank


def values(project: Project) -> dict[str, tuple[Any, Any]]:
    return {
        row["customer"]: (row["limits"] and row["limits"]["amount"], row["scores"] and row["scores"]["score"])
        for row in entity(project)
    }


@pytest.mark.parametrize(
    "options",
    [("--nodes", "feature_group.limits"), ("--tags", "limits"), ("--exclude-tags", "scores"), ("--nodes", "over")],
)
def test_an_entity_follows_the_group_that_was_selected(two: Project, options: tuple[str, ...]) -> None:
    two.run()
    assert values(two) == {"a": (100, 7), "b": (50, None), "c": (None, 9)}
    two.write("data/limits.csv", "customer,amount\na,101\nb,51\n")
    two.write("data/scores.csv", "customer,score\na,8\nc,10\n")
    result = two.run(*options)
    assert "entity.customer" in result.built
    assert values(two) == {"a": (101, 7), "b": (51, None), "c": (None, 9)}
    assert {"feature_group.scores", "entity.customer"} <= two.run().built
    assert values(two) == {"a": (101, 8), "b": (51, None), "c": (None, 10)}
    assert two.run().built == set()


def test_an_entity_of_which_only_one_group_was_ever_built(two: Project) -> None:
    two.run("--nodes", "feature_group.limits")
    assert list(schema(two)) == ["customer", "event_time", "limits"]
    two.run()
    assert values(two) == {"a": (100, 7), "b": (50, None), "c": (None, 9)}


def test_an_entity_selected_by_its_name_is_brought_up_to_date(two: Project) -> None:
    two.run()
    two.write("data/limits.csv", "customer,amount\na,101\nb,51\n")
    assert two.run("--nodes", "entity.customer").built == {"source.limits", "feature_group.limits", "entity.customer"}
    assert values(two) == {"a": (101, 7), "b": (51, None), "c": (None, 9)}


def test_a_group_that_failed_leaves_the_entity_as_it_was(two: Project) -> None:
    two.run()
    two.edit("seeknal/feature_groups/scores.yml", " score FROM", " error('boom') AS score FROM")
    two.edit("seeknal/feature_groups/limits.yml", " amount FROM", " amount * 2 AS amount FROM")
    result = two.run("--continue-on-error", ok=False)
    assert result.code == 1
    assert {event["target"]: event["because"] for event in result.of("skipped")} == {
        "entity.customer": ["feature_group.scores"]
    }
    assert values(two) == {"a": (100, 7), "b": (50, None), "c": (None, 9)}


def test_consolidate_brings_back_an_entity_that_was_deleted(two: Project) -> None:
    two.run()
    os.unlink(os.path.realpath(two.view("entity.customer")))
    assert two.seeknal("consolidate").code == 0
    assert values(two) == {"a": (100, 7), "b": (50, None), "c": (None, 9)}


def test_a_python_feature_group_belongs_to_the_entity_too(two: Project) -> None:
    two.write(
        "seeknal/python/seen.py",
        """
        from seeknal.pipeline import feature_group


        @feature_group(entity={"name": "customer", "join_keys": ["customer"]}, inputs=["source.limits"])
        def seen(ctx):
            limits = ctx.ref("source.limits")
            return ctx.duckdb.sql("SELECT customer, TIMESTAMP '2024-01-01' AS event_time, true AS seen FROM limits")
        """,
    )
    two.run()
    assert {row["customer"]: row["seen"] for row in entity(two)} == {
        "a": {"seen": True},
        "b": {"seen": True},
        "c": None,
    }

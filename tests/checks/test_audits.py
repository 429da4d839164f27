"""Audits, tests and freshness of a node: checked on its own output, beside it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.project_on_disk import Project


def node(project: Project, **more: Any) -> None:
    """`transform.clean` with more fields; JSON is YAML."""
    document = {
        "kind": "transform",
        "name": "clean",
        "inputs": [{"ref": "source.orders"}],
        "transform": "SELECT * FROM ref('source.orders') WHERE amount > 0",
        **more,
    }
    project.write("seeknal/transforms/clean.yml", json.dumps(document, indent=1))


AUDITS: list[tuple[Any, Any, str]] = [
    (
        {"type": "not_null", "columns": ["customer", "id"]},
        {"type": "not_null", "columns": ["late"]},
        "not_null(late): 2",
    ),
    ({"type": "unique", "columns": ["id"]}, {"type": "unique", "columns": ["customer"]}, "unique(customer): 1 of 3"),
    (
        {"type": "accepted_values", "columns": ["customer"], "values": ["a", "b"]},
        {"type": "accepted_values", "columns": ["amount"], "values": [10, "20"]},
        "accepted_values(amount): 1 of 3",
    ),
    ({"type": "row_count", "min": 3}, {"type": "row_count", "min": 100}, "3 rows, allowed are at least 100"),
    (
        {"type": "custom_sql", "sql": "SELECT * FROM __THIS__ WHERE amount < 0"},
        {"type": "custom_sql", "sql": "SELECT * FROM __THIS__ WHERE amount > 15"},
        "custom_sql: 2 of 2 rows",
    ),
]


@pytest.fixture
def late(shop: Project) -> Project:
    """The shop, with a column that is mostly NULL."""
    shop.source(
        "orders",
        "id,customer,amount,late\n1,a,10,\n2,b,20,x\n3,a,30,\n",
        {"id": "BIGINT", "customer": "VARCHAR", "amount": "BIGINT", "late": "VARCHAR"},
    )
    return shop


@pytest.mark.parametrize(("holds", "broken", "told"), AUDITS, ids=[a[0]["type"] for a in AUDITS])
def test_audits_are_checked_before_anything_is_published(late: Project, holds: Any, broken: Any, told: str) -> None:
    """W17 and fault 40: audits never execute."""
    node(late, audits=[holds])
    assert "audit.transform_clean" in late.run().built
    node(late, audits=[holds, broken])
    result = late.run(ok=False)
    assert result.code == 4
    (event,) = result.of("failed")
    assert told in event["error"]
    assert "seeknal/transforms/clean.yml:2" in event["error"]


def test_an_edited_audit_is_checked_without_a_rebuild_of_its_node(shop: Project) -> None:
    """W3: an edit of audits is not seen."""
    node(shop)
    shop.run()
    node(shop, audits=[{"type": "row_count", "min": 1}])
    assert shop.run().built == {"audit.transform_clean"}
    node(shop, audits=[{"type": "row_count", "min": 1}, {"type": "unique", "columns": ["id"]}])
    assert shop.run().built == {"audit.transform_clean"}
    node(shop, audits=[{"type": "row_count", "min": 99}])
    assert shop.run(ok=False).code == 4
    node(shop)
    assert shop.run().built == set()
    assert "audit.transform_clean" not in shop.plan()


def test_a_warning_is_told_and_the_run_goes_on(shop: Project) -> None:
    node(shop, audits=[{"type": "unique", "columns": ["customer"], "severity": "warn"}])
    (event,) = shop.run().of("warned")
    assert event["target"] == "audit.transform_clean"
    assert "warnings of rules and audits" in shop.seeknal("run").out


def test_every_kind_with_rows_may_have_audits(shop: Project) -> None:
    shop.edit("seeknal/sources/orders.yml", "kind: source", "kind: source\naudits: [{type: row_count, min: 1}]")
    shop.write(
        "seeknal/pipelines/p.py",
        """
        from seeknal.pipeline import transform

        @transform(inputs=["source.orders"], audits=[{"type": "unique", "columns": ["id"]}])
        def doubled(ctx):
            assert not ctx.params
            return ctx.duckdb.sql("SELECT id // 2 AS id FROM orders") if (orders := ctx.ref("source.orders")) else None
        """,
    )
    result = shop.run(ok=False)
    assert {"audit.source_orders", "audit.transform_doubled"} <= result.built
    (event,) = result.of("failed")
    assert "transform.doubled unique(id): 1 of 3 rows" in event["error"]
    assert "seeknal/pipelines/p.py:3" in event["error"]


def test_tests_written_like_audits_are_run_and_others_are_left_alone(shop: Project) -> None:
    node(shop, tests=[{"unique": ["id"]}, {"not_null": "amount"}, {"row_count": {"min": 1}}, "relationships", {"a": 1}])
    shop.run()
    assert [row[1] for row in shop.rows("audit.transform_clean")] == ["unique(id)", "not_null(amount)", "row_count"]
    node(shop, tests=[{"type": "row_count", "max": 1}])
    assert shop.run(ok=False).code == 4


def test_freshness_limits_warn_first_and_then_stop(project: Project) -> None:
    project.source("events", "n,at\n1,2024-01-01 00:00:00\n2,2024-01-02 12:00:00\n", {"n": "BIGINT", "at": "TIMESTAMP"})
    limits = "freshness: {time_column: at, warn_after: 12h, error_after: {count: 2, period: day}}"
    project.edit("seeknal/sources/events.yml", "kind: source", f"kind: source\n{limits}")
    assert project.run("--date", "2024-01-02T18:00:00").of("warned") == []
    (warned,) = project.run("--date", "2024-01-03T12:00:00").of("warned")
    assert warned["text"] == "freshness(at): the newest value is 24 hours old, allowed are 12 hours"
    assert project.run("--date", "2024-01-05", ok=False).code == 4
    assert project.run("--date", "2024-01-02T18:00:00").built == set()


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"audits": {"type": "unique"}}, "audits is a list"),
        ({"audits": [{"type": "uniq", "columns": ["id"]}]}, "did you mean unique?"),
        ({"audits": [{"type": "not_null"}]}, "not_null needs columns"),
        ({"audits": [{"columns": ["id"]}]}, "unknown type of check"),
        ({"freshness": {"warn_after": "1h"}}, "freshness needs time_column"),
        ({"freshness": {"time_column": "d", "error_after": "never"}}, "write 30s, 15m, 24h, 7d"),
        ({"freshness": "1h"}, "freshness is a mapping"),
    ],
)
def test_wrong_audits_are_told_with_their_line(shop: Project, fields: Any, told: str) -> None:
    node(shop, **fields)
    result = shop.run(ok=False)
    assert result.code == 3
    assert told in result.err
    assert "seeknal/transforms/clean.yml:" in result.err

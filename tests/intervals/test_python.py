"""Functions with intervals: their bounds, days without rows, running totals, and results that are no one table."""

from __future__ import annotations

import pytest

from tests.project_on_disk import Project

HEAD = """
from datetime import date, timedelta

from seeknal.pipeline import transform
"""
EVERY_DAY = '@transform(name="{}", interval={{"unit": "day", "column": "day", "start": "2024-01-01"}})'


def function(project: Project, name: str, *lines: str, decorator: str = EVERY_DAY) -> None:
    body = "".join(f"    {line}\n" for line in ("day = ctx.interval.start.date()", *lines))
    text = f"{HEAD}\n\n{decorator.format(name)}\ndef {name}(ctx):\n{body}"
    project.write(f"seeknal/pipelines/{name}.py", text)


@pytest.mark.parametrize(
    "nothing",
    ["[]", "ctx.duckdb.sql('SELECT 1 AS n WHERE false')", "__import__('pandas').DataFrame([], columns=['day', 'n'])"],
    ids=["list", "relation", "frame"],
)
def test_a_day_without_rows_is_a_day(project: Project, nothing: str) -> None:
    function(project, "odd", f"return [{{'day': day, 'n': day.day}}] if day.day % 2 else {nothing}")
    project.run("--date", "2024-01-05")
    assert [(day.day, n) for day, n in project.rows("transform.odd")] == [(1, 1), (3, 3)]
    assert project.run("--date", "2024-01-05").built == set()


def test_a_function_knows_its_interval(project: Project) -> None:
    function(
        project,
        "bounds",
        "return [{'day': day, 'hours': (ctx.interval.end - ctx.interval.start) / timedelta(hours=1)}]",
    )
    project.run("--date", "2024-01-04")
    assert {hours for _, hours in project.rows("transform.bounds")} == {24.0}


def test_intervals_that_are_no_one_table_are_told(project: Project) -> None:
    function(project, "mixed", "return [{'day': day, 'n': day.day if day.day < 3 else 'x'}]")
    for _ in range(2):  # the second time, every interval is in the cache
        failed = project.run("--date", "2024-01-05", ok=False)
        assert failed.code == 1
        (told,) = failed.of("failed")
        assert "seeknal/pipelines/mixed.py:6: transform.mixed: 2024-01-01 and 2024-01-03" in told["error"]
        assert "n is BIGINT and VARCHAR" in told["error"]


def test_rows_without_the_column_of_time_are_told_with_what_they_have(project: Project) -> None:
    function(project, "lost", "return [{'date': day}]")
    (told,) = project.run("--date", "2024-01-02", ok=False).of("failed")
    assert "interval.column: the rows have no column 'day'" in told["error"]
    assert "they have date" in told["error"]


RUNNING = (
    '@transform(name="{}", inputs=["source.sales"], columns={{"day": "DATE", "total": "BIGINT"}}, '
    'interval={{"unit": "day", "column": "day"}})'
)


@pytest.fixture
def totals(project: Project) -> Project:
    """Sales of four days, one without any, and a running total in SQL and in Python."""
    project.source("sales", "day,km\n2024-01-01,10\n2024-01-02,5\n2024-01-04,1\n", {"day": "DATE", "km": "BIGINT"})
    project.edit("seeknal/sources/sales.yml", "kind: source\n", "kind: source\ninterval: {unit: day, column: day}\n")
    total = "(coalesce(sum(km), 0) + coalesce((SELECT max(total) FROM {}), 0))::BIGINT AS total FROM {}"
    project.transform(
        "in_sql",
        "SELECT CAST('{{interval_start}}' AS DATE) AS day, " + total.format("ref('self')", "ref('source.sales')"),
        ("source.sales",),
        "interval: {unit: day, column: day}\ncolumns: {day: DATE, total: BIGINT}\n",
    )
    function(
        project,
        "in_python",
        "now, before = ctx.ref('source.sales'), ctx.ref('self')",
        f"return ctx.duckdb.sql(f\"SELECT DATE '{{day}}' AS day, {total.format('before', 'now')}\")",
        decorator=RUNNING,
    )
    project.run("--date", "2024-01-05")
    return project


def test_a_running_total_reads_the_interval_before(totals: Project) -> None:
    for node in ("transform.in_sql", "transform.in_python"):
        assert [total for _, total in totals.rows(node)] == [10, 15, 15, 16]


def test_a_late_row_goes_through_all_days_after_it(totals: Project) -> None:
    totals.edit("data/sales.csv", "01-02,5", "01-02,7")
    built = [event["target"] for event in totals.run("--date", "2024-01-05").of("interval")]
    assert [name for name in built if "in_sql" in name] == [f"transform.in_sql@2024-01-0{n}" for n in (2, 3, 4)]
    assert [total for _, total in totals.rows("transform.in_python")] == [10, 17, 17, 18]
    assert totals.run("--date", "2024-01-05").built == set()


def test_a_change_that_evens_out_is_cut_off(totals: Project) -> None:
    totals.edit("data/sales.csv", "2024-01-01,10\n", "2024-01-01,4\n2024-01-01,6\n")
    built = [event["target"] for event in totals.run("--date", "2024-01-05").of("interval")]
    assert built == ["transform.in_python@2024-01-01", "transform.in_sql@2024-01-01"]


def test_side_by_side_a_node_that_reads_itself_keeps_its_order(totals: Project) -> None:
    totals.run("--date", "2024-01-05", "--full", "--parallel", "--max-workers", "3")
    assert [total for _, total in totals.rows("transform.in_sql")] == [10, 15, 15, 16]


def test_what_reads_itself_says_its_interval_and_its_columns(project: Project) -> None:
    project.source("sales", "day,km\n2024-01-01,10\n", {"day": "DATE", "km": "BIGINT"})
    project.transform("never", "SELECT * FROM ref('self')")
    project.transform("untyped", "SELECT * FROM ref('self')", (), "interval: {unit: day, column: day}\n")
    text = project.run("--date", "2024-01-05", ok=False).err
    assert "seeknal/transforms/never.yml:1: transform.never: ref('self') is the node's own earlier interval" in text
    assert "transform.untyped: a node that reads itself lists its columns with their types" in text


def test_the_first_interval_reads_nothing_before_it_even_where_there_was_one(totals: Project) -> None:
    totals.edit("data/sales.csv", "2024-01-01,10\n2024-01-02,5\n", "")
    totals.run("--date", "2024-01-05")
    assert [total for _, total in totals.rows("transform.in_sql")] == [1]
    assert [total for _, total in totals.rows("transform.in_python")] == [1]

"""Intervals as they are declared: in YAML or in a decorator, right or wrong; and what stands over such tables: joins as of a
time, audits, exposures, other engines.
"""

from __future__ import annotations

from datetime import date

import pytest

from tests.project_on_disk import Project

CLOCK = ("--date", "2024-01-08")
DAILY = "SELECT day, sum(km)::BIGINT AS km FROM ref('source.rides') GROUP BY day"
EVERY_DAY = "interval: {unit: day, column: day}\n"


@pytest.fixture
def shop(project: Project) -> Project:
    """Seven days of rides of two riders."""
    rows = "".join(f"{n % 2},2024-01-0{n},{n}\n" for n in range(1, 8))
    project.source("rides", f"id,day,km\n{rows}", {"id": "BIGINT", "day": "DATE", "km": "BIGINT"})
    project.edit("seeknal/sources/rides.yml", "kind: source\n", f"kind: source\n{EVERY_DAY}")
    return project


def function(project: Project, decorator: str, *lines: str) -> None:
    body = "".join(f"    {line}\n" for line in lines)
    head = "from seeknal.pipeline import feature_group, source, transform"
    project.write("seeknal/pipelines/x.py", f"{head}\n\n\n{decorator}\ndef x(ctx):\n{body}")


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (
            'interval={"unit": "fortnight", "column": "day"}',
            "unit is 'fortnight': allowed are hour, day, week, month, year",
        ),
        ('interval={"unit": "day"}', "column is None: the name of the column with the time of a row is needed"),
        ('interval={"unit": "day", "column": "day", "lookback": -1}', "lookback is -1: a number of days is needed"),
        ('schedule="@dayly", interval={"column": "day"}', "schedule is '@dayly' (did you mean @daily?)"),
        ('schedule="0 0 * * *", interval={"column": "day"}', "schedule is '0 0 * * *': allowed are @hourly, @daily"),
    ],
)
def test_a_wrong_interval_of_a_decorator_is_told_with_its_line(project: Project, said: str, error: str) -> None:
    function(project, f'@transform(name="x", {said})', "return []")
    result = project.run(ok=False)
    assert result.code == 3
    assert f"seeknal/pipelines/x.py:4: transform.x: {error}" in result.err


@pytest.mark.parametrize(
    ("more", "line", "error"),
    [
        ("interval: fortnight\n", 3, "unit is 'fortnight'"),
        ("interval: day\n", 3, "column is None: the name of the column with the time of a row is needed"),
        ("interval: [day]\n", 3, "interval is a mapping"),
        ("interval: {column: day}\nschedule: 5 4 * * *\n", 4, "schedule is '5 4 * * *': allowed are @hourly, @daily"),
    ],
)
def test_a_wrong_interval_in_yaml_is_told_with_its_line(shop: Project, more: str, line: int, error: str) -> None:
    shop.transform("x", DAILY, ("source.rides",), more)
    result = shop.run(ok=False)
    assert result.code == 3
    assert f"seeknal/transforms/x.yml:{line}: transform.x: {error}" in result.err


def test_a_schedule_alone_makes_no_intervals(shop: Project) -> None:
    shop.transform("x", DAILY, ("source.rides",), 'schedule: "@daily"\n')
    assert shop.run(*CLOCK).of("interval") == []
    function(shop, '@transform(name="y", schedule="@daily")', "return [{'day': ctx.interval.start}]")
    (told,) = shop.run(*CLOCK, ok=False).of("failed")
    assert "transform.y has no intervals: say interval= in its decorator" in told["error"]


def test_the_bounds_of_an_interval_are_not_known_outside_of_one(shop: Project) -> None:
    shop.transform("x", "SELECT '{{interval_start}}' AS a")
    result = shop.run(*CLOCK, ok=False)
    assert result.code == 3
    assert "seeknal/transforms/x.yml:4: transform.x: {{ interval_start }} is unknown" in result.err


def test_the_four_bounds_are_the_same_in_sql_and_in_a_function(project: Project) -> None:
    every = "interval: {unit: hour, column: hour, start: 2024-01-07T22:00}\n"
    words = ("interval_start", "interval_end", "start_date", "end_date")
    columns = ", ".join(f"'{{{{{word}}}}}' AS {word}" for word in words)
    project.transform("in_sql", f"SELECT CAST('{{{{interval_start}}}}' AS TIMESTAMP) AS hour, {columns}", (), every)
    function(
        project,
        '@transform(name="x", interval={"unit": "hour", "column": "hour", "start": "2024-01-07T22:00"})',
        "start, end = ctx.interval",
        "assert start.utcoffset().total_seconds() == 0",
        "said = [f'{start:%Y-%m-%d %H:%M:%S}', f'{end:%Y-%m-%d %H:%M:%S}', f'{start:%Y-%m-%d}', f'{end:%Y-%m-%d}']",
        f"return [{{'hour': start.replace(tzinfo=None), **dict(zip({words}, said))}}]",
    )
    project.run(*CLOCK)
    assert [row[1:] for row in project.rows("transform.in_sql")] == [
        ("2024-01-07 22:00:00", "2024-01-07 23:00:00", "2024-01-07", "2024-01-07"),
        ("2024-01-07 23:00:00", "2024-01-08 00:00:00", "2024-01-07", "2024-01-08"),
    ]
    assert project.rows("transform.x") == project.rows("transform.in_sql")


def test_a_source_in_python_is_split_too(project: Project) -> None:
    project.write("data/rides.csv", "day,km\n2024-01-01,1\n2024-01-03,3\n")
    function(
        project,
        '@source(name="rides", source="csv", table="data/rides.csv", columns={"day": "DATE", "km": "BIGINT"}, '
        'interval={"unit": "day", "column": "day"})',
        "pass",
    )
    project.transform("daily", DAILY, ("source.rides",), EVERY_DAY)
    project.run(*CLOCK)
    project.edit("data/rides.csv", "2024-01-03,3", "2024-01-03,4")
    assert [event["target"] for event in project.run(*CLOCK).of("interval")] == ["transform.daily@2024-01-03"]


def test_a_join_as_of_a_time_reads_across_intervals(shop: Project) -> None:
    group = '@feature_group(name="form", entity={"name": "rider", "join_keys": ["id"]}, inputs=["source.rides"], '
    more = 'materialization={"event_time_col": "day"}, interval={"unit": "day", "column": "day"})'
    function(shop, group + more, 'return ctx.ref("source.rides")')
    asof = """
    SELECT a.id, a.asked, f.km FROM (VALUES (0, DATE '2024-01-05'), (1, DATE '2024-01-02')) a(id, asked)
    ASOF JOIN ref('feature_group.form') f ON a.id = f.id AND a.asked >= f.event_time
    """
    shop.transform("joined", asof, ("feature_group.form",))
    shop.run(*CLOCK)
    assert sorted(shop.rows("transform.joined")) == [(0, date(2024, 1, 5), 4), (1, date(2024, 1, 2), 1)]
    shop.edit("data/rides.csv", "0,2024-01-04,4", "0,2024-01-04,40")
    assert [event["target"] for event in shop.run(*CLOCK).of("interval")] == ["feature_group.form@2024-01-04"]
    assert sorted(shop.rows("transform.joined"))[0] == (0, date(2024, 1, 5), 40)


def test_audits_and_exposures_see_one_table(shop: Project) -> None:
    audits = "audits: [{type: unique, columns: [day]}, {type: row_count, min: 7}]\n"
    shop.transform("daily", DAILY, ("source.rides",), EVERY_DAY + audits)
    shop.write(
        "seeknal/ex.yml",
        """
        kind: exposure
        name: ex
        type: file
        inputs: [{ref: transform.daily}]
        params: {path: out.csv, format: csv}
        """,
    )
    shop.run(*CLOCK)
    assert shop.read("out.csv").split() == ["day,km", *(f"2024-01-0{n},{n}" for n in range(1, 8))]
    shop.edit("data/rides.csv", "1,2024-01-03,3\n", "")
    assert shop.run(*CLOCK, ok=False).code == 4
    assert len(shop.rows("transform.daily")) == 7


def test_another_engine_has_the_same_intervals(shop: Project) -> None:
    recent = "SELECT DATE '{{start_date}}' AS day, sum(km)::BIGINT AS km FROM ref('source.rides')"
    for engine in ("duckdb", "polars"):
        more = f"engine: {engine}\ninterval: {{unit: day, column: day, lookback: 2}}\n"
        shop.transform(f"by_{engine}", recent, ("source.rides",), more)
    shop.run(*CLOCK, "--parallel", "--max-workers", "2")
    assert [km for _, km in shop.rows("transform.by_polars")] == [1, 3, 6, 9, 12, 15, 18]
    assert shop.rows("transform.by_polars") == shop.rows("transform.by_duckdb")

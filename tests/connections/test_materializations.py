"""Rows of a node in a table of a real PostgreSQL: written in one transaction, once, and made right whatever happened there."""

from __future__ import annotations

import shutil
import time
from typing import Any

import pytest

from tests.campaigns.processes import start
from tests.connections.conftest import Database
from tests.project_on_disk import Project, Result


@pytest.fixture
def days(project: Project, postgresql: Database) -> Project:
    """Kilometres a day, which are written to a table of the connection `shop`."""
    project.source("rides", "day,km\n2024-01-01,1\n2024-01-02,2\n", {"day": "DATE", "km": "BIGINT"})
    written(project)
    return project


def written(project: Project, more: str = "", sql: str = "SELECT day, km FROM ref('source.rides')") -> None:
    table = f"{{type: postgresql, connection: shop, table: public.days{more}}}"
    project.transform("days", sql, ("source.rides",), f"materializations:\n  - {table}\n")


def held(database: Database, table: str = "public.days") -> list[tuple[Any, ...]]:
    return database.server.rows(f"SELECT day::text, km::text FROM {table} ORDER BY 1, 2", database.name)


def notes(result: Result) -> list[str]:
    return [
        note
        for event in result.of("built")
        if event["target"].startswith("materialization.")
        for note in event["notes"]
    ]


TWO = [("2024-01-01", "1"), ("2024-01-02", "2")]


def test_rows_are_written_once(days: Project, postgresql: Database) -> None:
    first = days.run()
    assert notes(first) == ["wrote 2 rows (public.days)"]
    assert held(postgresql) == TWO
    assert days.run().built == set()
    assert days.plan()["materialization.shop.public.days"] == "HIT"
    postgresql.execute("CREATE VIEW seen AS SELECT * FROM days")
    days.edit("data/rides.csv", "2024-01-02,2", "2024-01-02,3")
    assert "materialization.shop.public.days" in days.run().built
    assert held(postgresql, "seen") == [("2024-01-01", "1"), ("2024-01-02", "3")]


def test_a_lost_receipt_writes_nothing_twice(days: Project, postgresql: Database) -> None:
    """As after a crash between the commit there and the record here."""
    written(days, ", mode: append")
    days.run()
    shutil.rmtree(days.path("target"))
    assert notes(days.run()) == ["it was there already (public.days)"]
    assert held(postgresql) == TWO


def test_a_table_that_is_gone_is_made_again(days: Project, postgresql: Database) -> None:
    days.run()
    postgresql.execute("DROP TABLE days")
    plan = days.seeknal("plan", "--json").json
    reasons = {step["node"]: [r["reason"] for r in step["reasons"]] for step in plan["steps"]}
    assert reasons["materialization.shop.public.days"] == ["table_missing"]
    days.run()
    assert held(postgresql) == TWO
    postgresql.execute("DROP TABLE days", "CREATE TABLE days (day date, km bigint)")
    assert days.run().built == {"materialization.shop.public.days"}
    assert held(postgresql) == TWO


# -- modes -----------------------------------------------------------------------------------------------------------


def test_append_adds_the_rows_of_each_new_table(days: Project, postgresql: Database) -> None:
    written(days, ", mode: append")
    days.run()
    days.write("data/rides.csv", "day,km\n2024-01-03,3\n")
    days.run()
    assert held(postgresql) == [*TWO, ("2024-01-03", "3")]


def test_upsert_replaces_rows_of_the_same_key(days: Project, postgresql: Database) -> None:
    written(days, ", mode: upsert_by_key, unique_keys: [day]")
    days.run()
    days.write("data/rides.csv", "day,km\n2024-01-02,5\n2024-01-03,3\n")
    assert notes(days.run()) == ["wrote 2 rows (public.days)"]
    assert held(postgresql) == [("2024-01-01", "1"), ("2024-01-02", "5"), ("2024-01-03", "3")]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("2024-01-02,5\n2024-01-02,6\n", "two rows have the same day: 2024-01-02"),
        (",5\n", "a row has no value for day"),
    ],
)
def test_upsert_refuses_keys_that_are_none(days: Project, postgresql: Database, rows: str, told: str) -> None:
    written(days, ", mode: upsert_by_key, unique_keys: [day]")
    days.run()
    days.write("data/rides.csv", f"day,km\n{rows}")
    result = days.run(ok=False)
    assert (result.code, told in result.of("failed")[0]["error"]) == (1, True)
    assert held(postgresql) == TWO


@pytest.mark.parametrize(("lookback", "left"), [("0", ("2024-01-01", "1")), ("7d", None)])
def test_incremental_by_time_replaces_from_the_first_time_on(
    days: Project, postgresql: Database, lookback: str, left: Any
) -> None:
    written(days, f", mode: incremental_by_time, time_column: day, lookback: {lookback}")
    days.run()
    days.write("data/rides.csv", "day,km\n2024-01-02,5\n2024-01-03,3\n")
    days.run()
    assert held(postgresql) == [*([left] if left else []), ("2024-01-02", "5"), ("2024-01-03", "3")]


INTERVAL = "interval: {unit: day, column: day, start: 2024-01-01}\n"
CLOCK = ("--date", "2024-01-10")


@pytest.fixture
def daily(days: Project, postgresql: Database) -> Project:
    """The same, day by day."""
    days.write("seeknal/sources/rides.yml", days.read("seeknal/sources/rides.yml") + INTERVAL)
    written(days, ", mode: incremental_by_time, time_column: day")
    days.write("seeknal/transforms/days.yml", days.read("seeknal/transforms/days.yml") + INTERVAL)
    days.run(*CLOCK)
    return days


def test_of_intervals_exactly_those_are_replaced_that_were_rebuilt(daily: Project, postgresql: Database) -> None:
    assert held(postgresql) == TWO
    postgresql.execute("UPDATE days SET km = 100 WHERE day = '2024-01-01'")
    daily.write("data/rides.csv", "day,km\n2024-01-01,1\n2024-01-02,2\n2024-01-02,7\n2024-01-05,5\n")
    assert notes(daily.run(*CLOCK)) == ["wrote 3 rows: 2 intervals (public.days)"]
    assert held(postgresql) == [("2024-01-01", "100"), ("2024-01-02", "2"), ("2024-01-02", "7"), ("2024-01-05", "5")]
    daily.write("data/rides.csv", "day,km\n2024-01-01,1\n2024-01-05,5\n")
    daily.run(*CLOCK)
    assert held(postgresql) == [("2024-01-01", "100"), ("2024-01-05", "5")]


def test_intervals_are_appended_once_and_a_changed_one_is_refused(daily: Project, postgresql: Database) -> None:
    postgresql.execute("DROP TABLE days")
    daily.edit("seeknal/transforms/days.yml", "mode: incremental_by_time, time_column: day", "mode: append")
    daily.run(*CLOCK)
    daily.write("data/rides.csv", "day,km\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n")
    daily.run(*CLOCK)
    assert held(postgresql) == [*TWO, ("2024-01-03", "3")]
    daily.write("data/rides.csv", "day,km\n2024-01-01,9\n2024-01-02,2\n2024-01-03,3\n")
    result = daily.run(*CLOCK, ok=False)
    assert "append cannot replace them" in result.of("failed")[0]["error"]
    assert held(postgresql) == [*TWO, ("2024-01-03", "3")]


# -- what stands there -----------------------------------------------------------------------------------------------


def test_a_column_more_or_less_here(days: Project, postgresql: Database) -> None:
    days.run()
    written(days, sql="SELECT day, km, km * 2 AS twice FROM ref('source.rides')")
    days.run()
    assert postgresql.server.rows("SELECT twice::text FROM days ORDER BY 1", postgresql.name) == [("2",), ("4",)]
    written(days, sql="SELECT day, km FROM ref('source.rides')")
    days.run()
    assert held(postgresql) == TWO
    with pytest.raises(Exception, match="twice"):
        postgresql.server.rows("SELECT twice FROM days", postgresql.name)


def test_a_column_that_somebody_added_there_stays(days: Project, postgresql: Database) -> None:
    days.run()
    postgresql.execute("ALTER TABLE days ADD COLUMN note text", "UPDATE days SET note = 'x'")
    days.edit("data/rides.csv", "2024-01-02,2", "2024-01-02,3")
    days.run()
    assert postgresql.server.rows("SELECT note FROM days", postgresql.name) == [(None,), (None,)]


def test_a_column_that_needs_a_value_there_is_refused(days: Project, postgresql: Database) -> None:
    days.run()
    postgresql.execute(
        "ALTER TABLE days ADD COLUMN note text NOT NULL DEFAULT ''", "ALTER TABLE days ALTER note DROP DEFAULT"
    )
    days.edit("data/rides.csv", "2024-01-02,2", "2024-01-02,3")
    result = days.run(ok=False)
    assert result.code == 1
    assert "the column note there needs a value in every row" in result.of("failed")[0]["error"]
    assert len(postgresql.server.rows("SELECT 1 FROM days WHERE note = ''", postgresql.name)) == 2


def test_a_type_that_does_not_fit_is_refused_where_rows_of_before_stay(days: Project, postgresql: Database) -> None:
    written(days, ", mode: append")
    postgresql.execute("CREATE TABLE days (day date, km smallint)")
    result = days.run(ok=False)
    error = result.of("failed")[0]["error"]
    assert "seeknal/transforms/days.yml:4: transform.days: its table public.days (connection shop)" in error
    assert "the column km is smallint there, and bigint here" in error
    assert 'ALTER TABLE "public"."days" ALTER COLUMN "km" TYPE bigint' in error
    postgresql.execute("ALTER TABLE days ALTER km TYPE bigint")
    days.run()
    assert held(postgresql) == TWO


def test_a_view_there_stops_a_table_that_has_to_be_made_anew(days: Project, postgresql: Database) -> None:
    days.run()
    postgresql.execute("CREATE VIEW seen AS SELECT * FROM days")
    written(days, sql="SELECT day, km::VARCHAR AS km FROM ref('source.rides')")
    result = days.run(ok=False)
    assert "cascade: true" in result.of("failed")[0]["error"]
    assert held(postgresql, "seen") == TWO
    written(days, ", cascade: true", sql="SELECT day, km::VARCHAR AS km FROM ref('source.rides')")
    days.run()
    assert held(postgresql) == TWO


def test_a_table_that_is_not_to_be_made(days: Project, postgresql: Database) -> None:
    written(days, ", create_table: false")
    assert "say create_table: true" in days.run(ok=False).of("failed")[0]["error"]
    postgresql.execute("CREATE TABLE days (day date, km bigint)")
    days.run()
    assert held(postgresql) == TWO


def test_a_schema_that_is_not_there_is_made(days: Project, postgresql: Database) -> None:
    postgresql.execute("DROP SCHEMA IF EXISTS mart CASCADE")
    days.edit("seeknal/transforms/days.yml", "public.days", "mart.days")
    days.run()
    assert held(postgresql, "mart.days") == TWO


TYPES = [
    ("BOOLEAN", "true", "boolean", "true"),
    ("TINYINT", "-5", "smallint", "-5"),
    ("UINTEGER", "4294967295", "bigint", "4294967295"),
    ("UBIGINT", "18446744073709551615", "numeric", "18446744073709551615"),
    ("HUGEINT", "99999999999999999999999999999999999999", "numeric", "99999999999999999999999999999999999999"),
    ("FLOAT", "1.5", "real", "1.5"),
    ("DOUBLE", "'NaN'::DOUBLE", "double precision", "NaN"),
    ("DECIMAL(38,10)", "1234567890123456789012345678.0123456789", "numeric", "1234567890123456789012345678.0123456789"),
    ("VARCHAR", "E'a\\n\"ä€😀\\\\'", "text", 'a\n"ä€😀\\'),
    ("BLOB", "'\\x00\\xFF'::BLOB", "bytea", "\\x00ff"),
    ("DATE", "'2024-02-29'", "date", "2024-02-29"),
    ("DATE", "'infinity'", "date", "infinity"),
    ("TIME", "'23:59:59.999999'", "time without time zone", "23:59:59.999999"),
    ("TIMESTAMP", "'2024-02-29 23:59:59.999999'", "timestamp without time zone", "2024-02-29 23:59:59.999999"),
    ("TIMESTAMP", "'-infinity'", "timestamp without time zone", "-infinity"),
    ("TIMESTAMP_NS", "'2024-02-29 23:59:59.5'", "timestamp without time zone", "2024-02-29 23:59:59.5"),
    ("TIMESTAMPTZ", "'2024-02-29 12:00:00+02'", "timestamp with time zone", "2024-02-29 10:00:00+00"),
    ("INTERVAL", "INTERVAL '1 year 2 days 3 hours'", "interval", "1 year 2 days 03:00:00"),
    ("UUID", "'6ecd8c99-4036-403d-bf84-cf8400f67836'", "uuid", "6ecd8c99-4036-403d-bf84-cf8400f67836"),
    ("JSON", "'{\"a\": [1, null]}'", "jsonb", '{"a": [1, null]}'),
    ("INTEGER[]", "[1, NULL, 3]", "ARRAY", "{1,NULL,3}"),
    ("VARCHAR[]", "['a', NULL]", "ARRAY", "{a,NULL}"),
    ("STRUCT(a INTEGER, b VARCHAR[])", "{'a': 1, 'b': ['x']}", "jsonb", '{"a": 1, "b": ["x"]}'),
    ("INTEGER[][]", "[[1], [2, 3]]", "jsonb", "[[1], [2, 3]]"),
    ("ENUM('s', 'm')", "'m'", "text", "m"),
]


def test_every_type_arrives_as_what_it_is(project: Project, postgresql: Database) -> None:
    shown = ", ".join(f"CAST({value} AS {type_}) AS c{i}" for i, (type_, value, _, _) in enumerate(TYPES))
    empty = ", ".join(f"CAST(NULL AS {type_}) AS c{i}" for i, (type_, *_) in enumerate(TYPES))
    table = "materializations: [{type: postgresql, connection: shop, table: public.kinds}]\n"
    project.transform("kinds", f"SELECT {shown} UNION ALL SELECT {empty}", more=table)
    project.run()
    types = postgresql.server.rows(
        "SELECT data_type::text FROM information_schema.columns WHERE table_name = 'kinds' ORDER BY ordinal_position",
        postgresql.name,
    )
    assert [row[0] for row in types] == [there for _, _, there, _ in TYPES]
    texts = ", ".join(f"c{i}::text AS c{i}" for i in range(len(TYPES)))
    rows = postgresql.server.rows(f"SELECT {texts} FROM kinds ORDER BY c0 NULLS LAST", postgresql.name)
    assert list(rows[0]) == [value for *_, value in TYPES]
    assert set(rows[1]) == {None}


def test_an_empty_table_is_written_and_replaces(days: Project, postgresql: Database) -> None:
    days.run()
    days.write("data/rides.csv", "day,km\n")
    days.run()
    assert held(postgresql) == []


# -- who writes, and where -------------------------------------------------------------------------------------------


def test_options_say_whether_anything_is_written(days: Project, postgresql: Database) -> None:
    days.run("--no-materialize")
    assert postgresql.server.rows("SELECT to_regclass('days')::text", postgresql.name) == [(None,)]
    days.edit("seeknal/transforms/days.yml", "- {type", "- {enabled: false, type")
    days.run()
    assert postgresql.server.rows("SELECT to_regclass('days')::text", postgresql.name) == [(None,)]
    days.run("--materialize")
    assert held(postgresql) == TWO


def test_an_environment_writes_into_schemas_of_its_own(days: Project, postgresql: Database) -> None:
    days.run()
    days.edit("data/rides.csv", "2024-01-02,2", "2024-01-02,3")
    days.run("--env", "dev")
    assert held(postgresql) == TWO
    assert held(postgresql, "dev_public.days") == [("2024-01-01", "1"), ("2024-01-02", "3")]
    assert days.seeknal("env", "promote", "dev").code == 0
    days.run()
    assert held(postgresql) == [("2024-01-01", "1"), ("2024-01-02", "3")]


def test_a_node_that_is_named_writes_its_table(days: Project, postgresql: Database) -> None:
    days.run("--nodes", "transform.days")
    assert held(postgresql) == TWO


def test_two_nodes_cannot_write_one_table(days: Project) -> None:
    table = "materializations: [{type: postgresql, connection: shop, table: public.days}]\n"
    days.transform("other", "SELECT 1 AS x", more=table)
    result = days.seeknal("run")
    assert (result.code, "write the same table public.days" in result.err) == (3, True)


def test_a_failure_there_fails_the_run_keeps_the_generation_and_is_tried_again(
    days: Project, postgresql: Database
) -> None:
    postgresql.execute("CREATE VIEW days AS SELECT 1 AS day, 2 AS km")
    result = days.run(ok=False)
    assert result.code == 1
    assert len(days.rows("transform.days")) == 2
    postgresql.execute("DROP VIEW days")
    assert days.run().built == {"materialization.shop.public.days"}
    assert held(postgresql) == TWO


def test_a_wrong_password_is_told_with_the_line_of_the_table(days: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "canary-4711-wrong")
    result = days.run(ok=False)
    error = result.of("failed")[0]["error"]
    assert error.startswith("seeknal/transforms/days.yml:4: transform.days: its table public.days (connection shop)")
    assert "canary-4711-wrong" not in result.out + result.err
    assert "password authentication failed" in error


def test_a_column_that_a_table_is_written_by_has_to_be_there(days: Project) -> None:
    written(days, ", mode: upsert_by_key, unique_keys: [dya]")
    result = days.run(ok=False)
    assert "transform.days has no column 'dya'" in result.out


def test_several_tables_of_one_function(project: Project, postgresql: Database) -> None:
    code = """
    from seeknal.pipeline import transform
    from seeknal.pipeline.decorators import materialize

    @transform(name="days")
    @materialize(type="postgresql", connection="shop", table="public.days")
    @materialize(type="postgresql", connection="shop", table="public.days_too", mode="append")
    def days(ctx):
        return [{"day": "2024-01-01", "km": 1}]
    """
    project.write("seeknal/pipelines/days.py", code)
    project.run()
    assert held(postgresql) == held(postgresql, "public.days_too") == [("2024-01-01", "1")]


def test_two_runs_at_once_write_one_of_two_tables(days: Project, postgresql: Database, tmp_path: Any) -> None:
    other = Project(str(tmp_path / "other"))
    shutil.copytree(days.root, other.root)
    other.edit("data/rides.csv", "2024-01-02,2", "2024-01-02,3")
    days.run("--no-materialize")
    other.run("--no-materialize")
    postgresql.execute("DROP TABLE IF EXISTS days")
    results: list[Result] = []
    # One process has one standard output: the second run is a process of its own.

    for _ in range(3):
        process = start(other, "--full")
        results.append(days.run("--full", ok=False))
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, out + err
        assert held(postgresql) in (TWO, [("2024-01-01", "1"), ("2024-01-02", "3")])
    assert [result.code for result in results] == [0, 0, 0]
    days.run()
    assert held(postgresql) == TWO


def test_an_exposure_of_type_database_writes(days: Project, postgresql: Database) -> None:
    """Fault 37: it did nothing, and said that it had succeeded."""
    days.write(
        "seeknal/exposures/out.yml",
        "kind: exposure\nname: out\ntype: database\ndepends_on: [{ref: transform.days}]\n"
        "params: {connection: shop, table: told}\n",
    )
    assert "exposure.out" in days.run().built
    assert held(postgresql, "public.told") == TWO
    assert days.run().built == set()


def test_an_entity_is_written_flat(project: Project, postgresql: Database) -> None:
    project.source("rides", "rider,day,km\na,2024-01-01,1\nb,2024-01-02,2\n", {"day": "DATE", "km": "BIGINT"})
    group = """
    kind: feature_group
    name: habits
    entity:
      name: rider
      join_keys: [rider]
      materializations:
        - {type: postgresql, connection: shop, table_pattern: "features.{entity}"}
    materialization: {event_time_col: day}
    inputs: [{ref: source.rides}]
    transform: SELECT rider, day, km, km AS a_name_that_is_so_long_that_it_does_not_fit_into_sixty_three_bytes FROM source
    """
    project.write("seeknal/habits.yml", group)
    postgresql.execute("DROP SCHEMA IF EXISTS features CASCADE")
    project.run()
    names = postgresql.server.rows(
        "SELECT column_name::text FROM information_schema.columns WHERE table_name = 'rider' ORDER BY ordinal_position",
        postgresql.name,
    )
    assert [n for (n,) in names][:3] == ["rider", "event_time", "habits__km"]
    assert len(names[3][0].encode()) == 63
    rows = postgresql.server.rows("SELECT rider, habits__km FROM features.rider ORDER BY 1", postgresql.name)
    assert rows == [("a", 1), ("b", 2)]
    assert project.run().built == set()


def test_a_connection_that_breaks_in_the_middle(days: Project, postgresql: Database) -> None:
    days.run()
    days.edit("data/rides.csv", "2024-01-02,2", "2024-01-02,3")
    ours = "FROM pg_stat_activity WHERE application_name = 'seeknal' AND wait_event_type = 'Lock'"
    with postgresql.server.held("days", postgresql.name):  # its rows are staged, and those of before are to go
        process = start(days)
        while process.poll() is None and not postgresql.server.rows(f"SELECT pid::text {ours}", postgresql.name):
            time.sleep(0.02)
        postgresql.execute(f"SELECT pg_terminate_backend(pid) {ours}")
        out, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "its table public.days (connection shop): the connection was lost" in out + err
    assert "Traceback" not in out + err
    assert held(postgresql) == TWO
    assert notes(days.run()) == ["wrote 2 rows (public.days)"]

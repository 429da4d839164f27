"""Rows of a node in an Iceberg table: one commit, that says itself what the table holds."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from tests.project_on_disk import Project

pytest.importorskip("pyiceberg")


@pytest.fixture
def days(project: Project) -> Project:
    """Kilometres a day, which are written to a table of a catalog in an SQLite file."""
    project.source("rides", "day,km\n2024-01-01,1\n2024-01-02,2\n", {"day": "DATE", "km": "BIGINT"})
    written(project)
    return project


def written(
    project: Project, mode: str = "overwrite", more: str = "", sql: str = "SELECT day, km FROM ref('source.rides')"
) -> None:
    where = "catalog_uri: 'sqlite:///lake.db', warehouse: lake"
    table = f"{{type: iceberg, table: lake.shop.days, mode: {mode}, {where}{more}}}"
    project.transform("days", sql, ("source.rides",), f"materializations:\n  - {table}\n")


def lake(project: Project) -> Any:
    """The catalog, as any other program opens it."""
    from pyiceberg.catalog.sql import SqlCatalog

    return SqlCatalog(
        "lake", uri=f"sqlite:///{project.path('lake.db')}", warehouse=project.path("lake"), poolclass="NullPool"
    )


def held(project: Project, name: str = "shop.days") -> list[tuple[str, str]]:
    catalog = lake(project)
    rows = catalog.load_table(name).scan().to_arrow().to_pylist()
    catalog.close()
    return sorted((str(row["day"]), str(row["km"])) for row in rows)


TWO = [("2024-01-01", "1"), ("2024-01-02", "2")]
NAME = "materialization.iceberg.lake.shop.days"


def test_overwrite_replaces_once(days: Project) -> None:
    assert NAME in days.run().built
    assert held(days) == TWO
    assert days.run().built == set()
    days.edit("data/rides.csv", "2024-01-02,2", "2024-01-02,3")
    assert NAME in days.run().built
    assert held(days) == [("2024-01-01", "1"), ("2024-01-02", "3")]


def test_what_somebody_else_wrote_is_replaced(days: Project) -> None:
    days.run()
    catalog = lake(days)
    table = catalog.load_table("shop.days")
    table.append(table.scan().to_arrow())
    catalog.close()
    assert days.run().built == {NAME}
    assert held(days) == TWO


def test_append_adds_and_a_lost_receipt_adds_nothing_twice(days: Project) -> None:
    written(days, "append")
    days.run()
    shutil.rmtree(days.path("target"))
    assert "it was there already (lake.shop.days)" in str(days.run().of("built"))
    assert held(days) == TWO
    days.write("data/rides.csv", "day,km\n2024-01-03,3\n")
    days.run()
    assert held(days) == [*TWO, ("2024-01-03", "3")]


def test_upsert_replaces_rows_of_the_same_key(days: Project) -> None:
    written(days, "upsert", ", unique_keys: [day]")
    days.run()
    days.write("data/rides.csv", "day,km\n2024-01-02,5\n2024-01-03,3\n")
    days.run()
    assert held(days) == [("2024-01-01", "1"), ("2024-01-02", "5"), ("2024-01-03", "3")]
    days.write("data/rides.csv", "day,km\n2024-01-02,5\n2024-01-02,3\n")
    assert "two rows have the same day" in days.run(ok=False).of("failed")[0]["error"]


def test_a_new_column_is_added_and_another_type_is_refused(days: Project) -> None:
    days.run()
    written(days, sql="SELECT day, km, km * 2 AS twice FROM ref('source.rides')")
    days.run()
    catalog = lake(days)
    assert catalog.load_table("shop.days").schema().column_names == ["day", "km", "twice"]
    catalog.close()
    written(days, sql="SELECT day, 'x' AS km FROM ref('source.rides')")
    result = days.run(ok=False)
    error = result.of("failed")[0]["error"]
    assert (result.code, "a column there has another type" in error) == (1, True), error
    assert len(held(days)) == 2


def test_an_environment_has_a_namespace_of_its_own(days: Project) -> None:
    days.run()
    days.edit("data/rides.csv", "2024-01-02,2", "2024-01-02,3")
    days.run("--env", "dev")
    assert held(days) == TWO
    assert held(days, "dev_shop.days") == [("2024-01-01", "1"), ("2024-01-02", "3")]


def test_an_entity_keeps_its_structs(project: Project) -> None:
    project.source("rides", "rider,day,km\na,2024-01-01,1\n", {"day": "DATE", "km": "BIGINT"})
    group = """
    kind: feature_group
    name: habits
    entity:
      name: rider
      join_keys: [rider]
      materializations:
        - {type: iceberg, table_pattern: "lake.shop.{entity}", mode: overwrite, catalog_uri: 'sqlite:///lake.db', warehouse: lake}
    materialization: {event_time_col: day}
    inputs: [{ref: source.rides}]
    transform: SELECT rider, day, km FROM source
    """
    project.write("seeknal/habits.yml", group)
    project.run()
    catalog = lake(project)
    assert catalog.load_table("shop.rider").scan().to_arrow().to_pylist()[0]["habits"] == {"km": 1}
    catalog.close()

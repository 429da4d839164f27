"""DuckDB files as sources: read, never written, and refused while somebody else writes."""

from __future__ import annotations

import os
import subprocess
import sys

import duckdb
import pytest

from tests.project_on_disk import Project

WRITER = """
import duckdb, os, sys
con = duckdb.connect(sys.argv[1])
con.execute("SET checkpoint_threshold = '1TB'; CREATE TABLE late AS SELECT 7 AS n; INSERT INTO late VALUES (8)")
if sys.argv[2] == "wait":
    print("open", flush=True)
    sys.stdin.read()
os._exit(0)
"""


@pytest.fixture
def path(project: Project) -> str:
    """A file with a table in a schema of its own."""
    os.makedirs(project.path("data"))
    found = project.path("data", "shop.duckdb")
    with duckdb.connect(found) as con:
        con.execute('CREATE SCHEMA "old stock"; CREATE TABLE "old stock"."Orders" AS SELECT 1 AS id, 2 AS "Größe"')
        con.execute('CREATE VIEW dear AS SELECT id + 1 AS id FROM "old stock"."Orders"')
    return found


def source(project: Project, more: str) -> None:
    """Declare `source.orders`."""
    project.write("seeknal/sources/orders.yml", f"kind: source\nname: orders\nsource: duckdb\n{more}")


@pytest.mark.parametrize(
    ("more", "rows"),
    [
        ("table: '\"old stock\".orders'\nparams: {path: data/shop.duckdb}\n", [(1, 2)]),
        ("table: data/shop.duckdb\nparams: {table: dear}\n", [(2,)]),
        ("table: data/shop.duckdb\nquery: SELECT sum(id) AS n FROM shop.main.dear\n", [(2,)]),
        ("params: {path: data/shop.duckdb, table: main.dear}\n", [(2,)]),
        ("table: data/shop.duckdb\nquery: FROM dear\n", [(2,)]),
    ],
)
def test_path_and_table_may_stand_where_they_like(
    project: Project, path: str, more: str, rows: list[tuple[int]]
) -> None:
    source(project, more)
    project.run()
    assert project.rows("source.orders") == rows


def test_a_log_that_is_not_written_back_counts_and_stays(project: Project, path: str) -> None:
    source(project, "table: data/shop.duckdb\nparams: {table: late}\n")
    subprocess.run([sys.executable, "-c", WRITER, path, "go"], check=True)
    with open(path, "rb") as file:
        before = file.read()
    project.run()
    assert project.rows("source.orders") == [(7,), (8,)]
    assert os.path.getsize(f"{path}.wal") > 0
    with open(path, "rb") as file:
        assert file.read() == before
    assert project.run().built == set()


def test_a_file_that_is_open_for_writing_is_told(project: Project, path: str) -> None:
    source(project, "table: data/shop.duckdb\nparams: {table: dear}\n")
    writer = [sys.executable, "-c", WRITER, path, "wait"]
    with subprocess.Popen(writer, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        result = project.seeknal("run")
    assert result.code == 1
    assert "seeknal/sources/orders.yml:5: source.orders: " in result.err
    assert "Conflicting lock is held" in result.err
    assert "another process has the file open for writing: run again when it is done" in result.err


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT * FROM read_csv('/etc/passwd')", "file system operations are disabled"),
        ("FROM '/etc/passwd'", ""),
        ("SELECT 1 AS one; ATTACH 'other.duckdb'", "a query is one SELECT"),
        ("SELECT getenv('HOME') AS home", "getenv"),
    ],
)
def test_a_query_reads_nothing_but_the_file(project: Project, path: str, query: str, words: str) -> None:
    source(project, f'table: data/shop.duckdb\nquery: "{query}"\n')
    result = project.seeknal("run")
    assert (result.code, "seeknal/sources/orders.yml:5: source.orders: " in result.err) == (1, True)
    assert words in result.err


def test_what_is_no_database_is_told(project: Project) -> None:
    project.write("data/shop.duckdb", "text")
    source(project, "table: data/shop.duckdb\nparams: {table: dear}\n")
    assert "not a valid DuckDB database" in project.seeknal("run").err
    os.unlink(project.path("data", "shop.duckdb"))
    assert "there is no file 'data/shop.duckdb'" in project.seeknal("run").err

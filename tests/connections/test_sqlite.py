"""What is particular to SQLite: a file like others, a log beside it, and columns that hold what they like."""

from __future__ import annotations

import os
import sqlite3

import pytest

from tests.bad_input.refusals import decent
from tests.connections.places import SQLitePlace
from tests.project_format.telling import told
from tests.project_on_disk import Project

HEAD = "kind: source\nname: orders\nsource: sqlite\n"


@pytest.fixture
def place(project: Project) -> SQLitePlace:
    """A file with one table."""
    made = SQLitePlace(project)
    made.execute(
        "CREATE TABLE orders (id INTEGER, day DATE)", "INSERT INTO orders VALUES (1, '2024-01-01'), (2, '2024-01-02')"
    )
    project.write("seeknal/orders.yml", HEAD + "table: data/shop.db\nparams: {table: orders}\n")
    return made


@pytest.mark.parametrize(
    "fields",
    [
        "table: data/shop.db\nparams: {table: orders}\n",
        "table: orders\nparams: {path: data/shop.db}\n",
        "params: {path: data/shop.db, table: orders}\n",
        "table: data/shop.db\nquery: SELECT * FROM orders\n",
        "table: data/shop.db\nparams: {query: select * from orders;}\n",
    ],
)
def test_file_and_table_may_stand_in_either_place(project: Project, place: SQLitePlace, fields: str) -> None:
    project.write("seeknal/orders.yml", HEAD + fields)
    project.run()
    assert len(project.rows("source.orders")) == 2


def test_it_is_known_by_its_bytes(project: Project, place: SQLitePlace) -> None:
    project.run()
    project.run()
    assert project.seeknal("run").out.startswith("nothing to do")
    place.execute("INSERT INTO orders VALUES (3, '2024-01-03')")
    assert "file data/shop.db changed" in project.seeknal("run", "--explain").out
    assert len(project.rows("source.orders")) == 3


def test_rows_of_the_log_count_and_nothing_is_written_beside_the_file(project: Project, place: SQLitePlace) -> None:
    other = sqlite3.connect(place.path, isolation_level=None)
    other.execute("PRAGMA journal_mode = wal")
    other.execute("INSERT INTO orders VALUES (3, '2024-01-03')")
    beside = sorted(os.listdir(project.path("data")))
    assert "shop.db-wal" in beside
    project.run()
    assert len(project.rows("source.orders")) == 3
    other.execute("INSERT INTO orders VALUES (4, '2024-01-04')")
    assert project.run().built == {"source.orders"}
    assert len(project.rows("source.orders")) == 4
    assert sorted(os.listdir(project.path("data"))) == beside
    other.close()
    assert os.listdir(project.path("data")) == ["shop.db"]
    project.run()
    assert len(project.rows("source.orders")) == 4
    assert os.listdir(project.path("data")) == ["shop.db"]


@pytest.mark.parametrize(
    ("type_", "value", "words"),
    [
        ("INTEGER", "'many'", "the column v is declared as INTEGER and has the value 'many'"),
        ("INTEGER", "1.5", "has the value 1.5"),
        ("REAL", "'x'", "has the value 'x'"),
        ("TEXT", "x'00'", "has the value b'\\x00'"),
        ("BLOB", "'x'", "has the value 'x'"),
        ("BOOLEAN", "2", "has the value 2"),
        ("DATE", "20240101", "has the value 20240101"),
        ("DATE", "'yesterday'", "the column v has a value that is no DATE: yesterday"),
        ("DATE", "'2024-01-01 10:00:00'", "the column v has a time in a DATE: 2024-01-01 10:00:00"),
        ("DECIMAL(6,2)", "12.345", "has the value 12.345"),
        ("DECIMAL(6,2)", "1234567.5", "the column v has a value that is no DECIMAL(6,2): 1234567.5"),
        ("", "x'00'), ('a'", "is declared as column and has the value b'\\x00'"),
    ],
)
def test_a_value_that_is_none_of_its_type_is_told(
    project: Project, place: SQLitePlace, type_: str, value: str, words: str
) -> None:
    place.execute("DROP TABLE orders", f"CREATE TABLE orders (v {type_})", f"INSERT INTO orders VALUES ({value})")
    result = project.seeknal("run")
    decent(result)
    assert (result.code, words in result.err) == (1, True), result.err
    assert "seeknal/orders.yml:" in result.err


def test_a_declared_type_decides_over_that_of_the_file(project: Project, place: SQLitePlace) -> None:
    place.execute(
        "DROP TABLE orders",
        "CREATE TABLE orders (v INTEGER, d DATE)",
        "INSERT INTO orders VALUES ('many', 20240101), (2, 5)",
    )
    project.write(
        "seeknal/orders.yml", HEAD + "table: data/shop.db\nparams: {table: orders}\ncolumns: {v: VARCHAR, d: BIGINT}\n"
    )
    project.run()
    assert sorted(project.rows("source.orders")) == [("2", 5), ("many", 20240101)]


def test_views_have_the_types_of_their_tables(project: Project, place: SQLitePlace) -> None:
    place.execute("CREATE VIEW seen AS SELECT day, id + 1 AS next FROM orders")
    project.write("seeknal/orders.yml", HEAD + "table: data/shop.db\nparams: {table: seen}\n")
    project.run()
    assert str(sorted(project.rows("source.orders"))[0]) == "(datetime.date(2024, 1, 1), 2)"


def test_its_intervals_are_split_like_those_of_other_files(project: Project, place: SQLitePlace) -> None:
    project.write(
        "seeknal/orders.yml",
        HEAD + "table: data/shop.db\nparams: {table: orders}\ninterval: {unit: day, column: day}\n",
    )
    more = "interval: {unit: day, column: day}\n"
    project.transform(
        "daily", "SELECT day, count(*) AS n FROM ref('source.orders') GROUP BY day", ("source.orders",), more
    )
    project.run("--date", "2024-01-05")
    place.execute("INSERT INTO orders VALUES (9, '2024-01-01')")
    again = project.run("--date", "2024-01-05")
    assert [event["target"] for event in again.of("interval")] == ["transform.daily@2024-01-01"]


@pytest.mark.parametrize(
    ("fields", "line", "words"),
    [
        ("table: orders\n", 4, "the path of the file is missing"),
        ("table: data/shop.db\n", 4, "the name of the table is missing"),
        ("table: data/shop.db\nquery: DROP TABLE orders\n", 5, "query has to begin with SELECT"),
        ("table: data/shop.db\nparams: {tabel: orders}\n", 5, "sqlite has no option 'tabel' (did you mean table?)"),
    ],
)
def test_what_is_missing_is_told(project: Project, place: SQLitePlace, fields: str, line: int, words: str) -> None:
    project.write("seeknal/orders.yml", HEAD + fields)
    ((_, found, message),) = told(project)
    assert (found, words in message) == (line, True), message


def test_a_file_that_is_no_database_or_not_there(project: Project, place: SQLitePlace) -> None:
    project.write(
        "data/shop.db",
        "this is text, and long enough to be looked at as a header of a database file, which it is not\n" * 9,
    )
    assert "seeknal/orders.yml:5: source.orders: file is not a database" in project.seeknal("run").err
    os.unlink(place.path)
    assert "there is no file 'data/shop.db'" in project.seeknal("run").err

"""What every source type promises that is read over a connection or through a driver, on a real one of each."""

from __future__ import annotations

import pytest

from tests.connections.places import ASKED, PLACES, Place, place_of, read
from tests.project_format.telling import told
from tests.project_on_disk import Project, reader


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, project: Project) -> Place:
    """A place of each type, with nothing in it."""
    return place_of(request.param, project, request.getfixturevalue)


@pytest.fixture(params=ASKED)
def asked(request: pytest.FixtureRequest, project: Project) -> Place:
    """A place of each type that can be asked a query."""
    return place_of(request.param, project, request.getfixturevalue)


@pytest.fixture(params=[name for name in PLACES if name != "s3"])
def typed(request: pytest.FixtureRequest, project: Project) -> Place:
    """A place of each type, but for files: what these say of a value that does not fit, is told as for files here."""
    return place_of(request.param, project, request.getfixturevalue)


def columns(project: Project, node: str) -> dict[str, str]:
    """The types of what was published."""
    return {name: type_ for name, type_, *_ in reader().execute(f"DESCRIBE FROM '{project.view(node)}'").fetchall()}


def texts(project: Project, node: str, column: str, by: str = "n") -> list[str | None]:
    """The values of a column as DuckDB writes them."""
    con = reader()
    con.execute("SET TimeZone = 'UTC'")
    shown = con.execute(f'SELECT "{column}"::VARCHAR FROM \'{project.view(node)}\' ORDER BY "{by}"').fetchall()
    return [value for (value,) in shown]


def orders(place: Place, rows: str = "(1, 'ä', 1.5), (2, NULL, 2.5), (3, 'c', NULL)") -> None:
    place.execute(f"CREATE TABLE orders (id {place.whole}, name {place.text}, price {place.fraction})")
    place.execute(f"INSERT INTO orders VALUES {rows}")


def test_every_type_keeps_its_meaning(project: Project, place: Place) -> None:
    for i, case in enumerate(place.cases):
        rows = ", ".join(f"({n}, {value})" for n, value in enumerate([*case.values, "NULL"]))
        place.execute(f"CREATE TABLE t{i} (n {place.whole}, v {case.type})", f"INSERT INTO t{i} VALUES {rows}")
        read(project, place, f"t{i}")
    project.run()
    found = [
        (columns(project, f"source.t{i}")["v"], texts(project, f"source.t{i}", "v")) for i in range(len(place.cases))
    ]
    assert found == [(case.here, [*case.read, None]) for case in place.cases]


def test_a_table_without_rows_has_its_columns(project: Project, place: Place) -> None:
    place.execute(f"CREATE TABLE orders (id {place.whole}, name {place.text}, price {place.fraction})")
    read(project, place, "orders")
    project.run()
    assert project.rows("source.orders") == []
    assert columns(project, "source.orders") == place.bare


def test_wide_text_and_many_columns_arrive_whole(project: Project, place: Place) -> None:
    many = [f'"Größe {i}"' for i in range(200)]
    place.execute(f"CREATE TABLE wide ({', '.join(f'{name} {place.text}' for name in many)})")
    long = "ß'" * (place.longest // 2)
    values = ", ".join(["'" + long.replace("'", "''") + "'"] * 2 + ["'x'"] * 198)
    place.execute(f"INSERT INTO wide VALUES ({values})")
    read(project, place, "wide")
    project.run()
    ((first, second, *rest),) = project.rows("source.wide")
    assert (first, second, set(rest), len(rest)) == (long, long, {"x"}, 198)
    assert list(columns(project, "source.wide"))[199] == "Größe 199"


def test_a_query_is_read_like_a_table(project: Project, asked: Place) -> None:
    orders(asked)
    query = "|\n  -- those with a price;\n  SELECT name, price * 2 AS twice, id FROM orders\n  WHERE price > 1 -- all\n  ;\n"
    project.write("seeknal/sources/dear.yml", f"kind: source\nname: dear\n{asked.asks(query)}")
    project.run()
    assert texts(project, "source.dear", "name", "id") == ["ä", None]
    assert [float(text or 0) for text in texts(project, "source.dear", "twice", "id")] == [3.0, 5.0]


def test_nothing_is_built_after_it_when_its_rows_are_the_same(project: Project, place: Place) -> None:
    orders(place)
    read(project, place, "orders")
    project.transform("names", "SELECT name FROM ref('source.orders')", ("source.orders",))
    project.run()
    before = project.rows("source.orders")
    place.stir("orders")
    assert project.run().built == {"source.orders"}
    assert project.rows("source.orders") == before


def test_only_who_reads_the_column_that_changed_is_built_again(project: Project, place: Place) -> None:
    orders(place)
    read(project, place, "orders")
    project.transform("names", "SELECT name FROM ref('source.orders')", ("source.orders",))
    project.transform("prices", "SELECT price FROM ref('source.orders')", ("source.orders",))
    project.run()
    place.execute("UPDATE orders SET price = 7 WHERE id = 2")
    assert project.run().built == {"source.orders", "transform.prices"}
    found = texts(project, "transform.prices", "price", "price")
    assert sorted((float(text) for text in found if text), key=str) == [1.5, 7.0]


def test_full_reads_again(project: Project, place: Place) -> None:
    orders(place)
    read(project, place, "orders")
    project.run()
    assert project.run("--full").built == {"source.orders"}


def test_declared_types_audits_and_freshness_hold_as_for_files(project: Project, place: Place) -> None:
    orders(place)
    more = (
        "columns: {id: INTEGER, price: DOUBLE}\naudits:\n  - {type: not_null, columns: [name], severity: warn}\n"
        "freshness: {time_column: at, error_after: 48h}\n"
    )
    place.execute(f'ALTER TABLE orders ADD "at" {place.text}', "UPDATE orders SET \"at\" = '2024-01-01 00:00:00'")
    read(project, place, "orders", more.replace("price: DOUBLE", "price: DOUBLE, at: TIMESTAMP"))
    assert project.run("--date", "2024-01-02").code == 0
    assert columns(project, "source.orders") == {
        "id": "INTEGER",
        "name": "VARCHAR",
        "price": "DOUBLE",
        "at": "TIMESTAMP",
    }
    assert project.seeknal("run", "--date", "2024-01-09").code == 4


@pytest.mark.parametrize(
    ("columns_", "words"),
    [
        ("{name: BIGINT}", "the column name has a value that is no BIGINT: "),
        ("{price: INTEGER}", "the column price has a value that is no INTEGER: "),
        ("{nmae: VARCHAR}", "declares the column 'nmae', which is not there (did you mean name?)"),
    ],
)
def test_what_does_not_fit_the_declared_type_is_told(project: Project, typed: Place, columns_: str, words: str) -> None:
    orders(typed)
    read(project, typed, "orders", f"columns: {columns_}\n")
    (failed,) = project.run(ok=False).of("failed")
    where, line, message = failed["error"].split(":", 2)
    assert (where, int(line)) == ("seeknal/sources/orders.yml", len(project.read(where).splitlines()))
    assert words in message


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT nothing FROM orders", "nothing"),
        ("SELECT * FROM nowhere", "nowhere"),
        ("SELECT id, name AS id FROM orders", "id"),
        ("SELECT FROM WHERE", ""),
        ("WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone", ""),
        ("SELECT 1; DELETE FROM orders", ""),
    ],
)
def test_a_query_that_is_wrong_fails_at_its_line(project: Project, asked: Place, query: str, words: str) -> None:
    orders(asked)
    project.write("seeknal/sources/wrong.yml", f"kind: source\nname: wrong\n{asked.asks(query)}")
    result = project.seeknal("run")
    assert result.code == 1
    assert "seeknal/sources/wrong.yml:5: source.wrong" in result.err
    assert words in result.err
    assert "Traceback" not in result.err + result.out
    read(project, asked, "orders")
    project.write("seeknal/sources/wrong.yml", f"kind: source\nname: wrong\n{asked.asks('SELECT 1 AS one')}")
    project.run()
    assert len(project.rows("source.orders")) == 3


def test_a_query_that_changes_something_is_refused_before_anything_is_asked(project: Project, asked: Place) -> None:
    project.write("seeknal/sources/wrong.yml", f"kind: source\nname: wrong\n{asked.asks('DELETE FROM orders')}")
    assert told(project) == [
        (
            "seeknal/sources/wrong.yml",
            5,
            "source.wrong: query has to begin with SELECT or WITH: it reads, and changes nothing",
        )
    ]


def test_a_table_that_is_not_there_is_told(project: Project, place: Place) -> None:
    place.execute(f"CREATE TABLE orders (id {place.whole})")
    read(project, place, "ordres")
    result = project.seeknal("run")
    assert result.code == 1
    assert "seeknal/sources/ordres.yml:5: source.ordres" in result.err
    assert "ordres" in result.err.split("source.ordres", 1)[1]
    checked = project.seeknal("validate")
    assert (checked.code, "seeknal/sources/ordres.yml:5: source.ordres" in checked.out) == (3, True)
    assert project.seeknal("validate", "--no-connect").code == 0
    assert "Traceback" not in result.err


def test_a_column_that_comes_or_goes_changes_the_table(project: Project, place: Place) -> None:
    orders(place)
    read(project, place, "orders")
    project.run()
    place.execute("ALTER TABLE orders DROP COLUMN name", f"ALTER TABLE orders ADD COLUMN city {place.text}")
    project.run()
    assert list(columns(project, "source.orders")) == ["id", "price", "city"]

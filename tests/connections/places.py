"""Places that a source may be read from, each as the contract suite needs it: make a table there, change it, read it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

import duckdb
import openpyxl

from tests.connections.conftest import Bucket, Database
from tests.project_on_disk import Project


class Case(NamedTuple):
    """A type there, values of it as SQL, what it is here, and these values as they are here."""

    type: str
    values: Sequence[str]
    here: str
    read: Sequence[Any]


# What the columns of the orders are when there are none.
BARE = {"id": "BIGINT", "name": "VARCHAR", "price": "DECIMAL(20,3)"}


class Place(Protocol):
    """What the suite asks of a place. Names and values are SQL of that place."""

    bare: Mapping[str, str]
    longest: int
    cases: Sequence[Case]
    text: str
    whole: str
    fraction: str

    def execute(self, *statements: str) -> None:
        """Change what is there."""

    def fields(self, table: str) -> str:
        """The fields of a source that reads a table, a line for each."""

    def asks(self, query: str) -> str:
        """The fields of a source that reads a query."""

    def stir(self, table: str) -> None:
        """Make the place look changed, its rows being the same."""


def read(project: Project, place: Place, table: str, more: str = "") -> None:
    """Declare `source.<table>`."""
    project.write(f"seeknal/sources/{table}.yml", f"kind: source\nname: {table}\n{place.fields(table)}{more}")


class PostgreSQLPlace:
    """Tables of a PostgreSQL server."""

    bare: Mapping[str, str] = BARE
    longest = 1_000_000
    text, whole, fraction = "text", "bigint", "numeric(20,3)"
    cases: Sequence[Case] = (
        Case("smallint", ["-32768", "32767"], "SMALLINT", ["-32768", "32767"]),
        Case("integer", ["1"], "INTEGER", ["1"]),
        Case("bigint", ["9223372036854775807"], "BIGINT", ["9223372036854775807"]),
        Case("real", ["1.5"], "FLOAT", ["1.5"]),
        Case("double precision", ["0.1", "'NaN'"], "DOUBLE", ["0.1", "nan"]),
        Case("numeric(10,2)", ["12345678.91", "-0.01"], "DECIMAL(10,2)", ["12345678.91", "-0.01"]),
        Case("numeric(38,10)", ["1234567890123456789012345678.0123456789"], "DECIMAL(38,10)",
             ["1234567890123456789012345678.0123456789"]),
        Case("numeric(50,3)", ["1e40"], "VARCHAR", ["10000000000000000000000000000000000000000.000"]),
        Case("numeric", ["1.5", "-7"], "DECIMAL(38,9)", ["1.500000000", "-7.000000000"]),
        Case("boolean", ["true", "false"], "BOOLEAN", ["true", "false"]),
        Case("text", ["'ä€😀'", "''", "E'a\\n\"b\\\\'"], "VARCHAR", ["ä€😀", "", 'a\n"b\\']),
        Case("varchar(5)", ["'abc'"], "VARCHAR", ["abc"]),
        Case("char(4)", ["'ab'"], "VARCHAR", ["ab  "]),
        Case("name", ["'n'"], "VARCHAR", ["n"]),
        Case("bytea", ["'\\x0001ff'"], "BLOB", ["\\x00\\x01\\xFF"]),
        Case("date", ["'2024-02-29'", "'0044-03-15 BC'", "'infinity'", "'-infinity'"], "DATE",
             ["2024-02-29", "0044-03-15 (BC)", "infinity", "-infinity"]),
        Case("timestamp", ["'2024-02-29 23:59:59.999999'", "'infinity'"], "TIMESTAMP",
             ["2024-02-29 23:59:59.999999", "infinity"]),
        Case("timestamptz", ["'2024-02-29 23:59:59.5+02'", "'-infinity'"], "TIMESTAMP WITH TIME ZONE",
             ["2024-02-29 21:59:59.5+00", "-infinity"]),
        Case("time", ["'23:59:59.999999'"], "TIME", ["23:59:59.999999"]),
        Case("timetz", ["'12:00:00+02'"], "VARCHAR", ["12:00:00+02"]),
        Case("interval", ["'1 year 2 days 03:04:05.678'"], "INTERVAL", ["1 year 2 days 03:04:05.678"]),
        Case("json", ["'{\"b\": 1,  \"a\": null}'"], "JSON", ['{"b": 1,  "a": null}']),
        Case("jsonb", ["'{\"b\": 1,  \"a\": null}'"], "JSON", ['{"a": null, "b": 1}']),
        Case("uuid", ["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"], "UUID", ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
        Case("mood", ["'so so'"], "VARCHAR", ["so so"]),
        Case("mood[]", ["'{sad,NULL}'"], "VARCHAR[]", ["[sad, NULL]"]),
        Case("adult", ["21"], "INTEGER", ["21"]),
        Case("integer[]", ["'{1,NULL,3}'", "'{}'"], "INTEGER[]", ["[1, NULL, 3]", "[]"]),
        Case("numeric(6,2)[]", ["'{1.25,2}'"], "DECIMAL(38,9)[]", ["[1.250000000, 2.000000000]"]),
        Case("text[]", ["'{\"a,b\",ä}'"], "VARCHAR[]", ["['a,b', ä]"]),
        Case("timestamptz[]", ["'{2024-01-01 00:00:00+00}'"], "TIMESTAMP WITH TIME ZONE[]", ["['2024-01-01 00:00:00+00']"]),
        Case("uuid[]", ["'{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'"], "UUID[]", ["[a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11]"]),
        Case("oid", ["4294967295"], "BIGINT", ["4294967295"]),
        Case("money", ["12.34"], "DECIMAL(38,9)", ["12.340000000"]),
        Case("inet", ["'10.0.0.1'"], "VARCHAR", ["10.0.0.1/32"]),
        Case("bit(3)", ["B'101'"], "VARCHAR", ["101"]),
        Case("int4range", ["'[1,5)'"], "VARCHAR", ["[1,5)"]),
        Case("point", ["'(1,2)'"], "VARCHAR", ["(1,2)"]),
        Case("address", ["ROW('Rome', 7)"], "VARCHAR", ["(Rome,7)"]),
    )  # fmt: skip

    def __init__(self, database: Database) -> None:
        self._database = database
        made = "CREATE TYPE mood AS ENUM ('sad', 'so so')", "CREATE TYPE address AS (city text, number int)"
        self.execute(*made, "CREATE DOMAIN adult AS integer CHECK (VALUE >= 18)")

    def execute(self, *statements: str) -> None:
        """Over a connection of its own."""
        self._database.execute(*statements)

    def fields(self, table: str) -> str:
        """Over the connection of the profile."""
        return f"source: postgresql\nconnection: shop\ntable: {table}\n"

    def asks(self, query: str) -> str:
        """Over the connection of the profile."""
        return f"source: postgresql\nconnection: shop\nquery: {query}\n"

    def stir(self, table: str) -> None:
        """Every row is written anew, in another order."""
        self.execute(
            f"CREATE TABLE stirred AS SELECT * FROM {table} ORDER BY 1 DESC", f"DELETE FROM {table}",
            f"INSERT INTO {table} SELECT * FROM stirred", "DROP TABLE stirred",
        )  # fmt: skip


class SQLitePlace:
    """Tables of an SQLite file."""

    bare: Mapping[str, str] = BARE
    longest = 1_000_000
    text, whole, fraction = "TEXT", "INTEGER", "DECIMAL(20,3)"
    cases: Sequence[Case] = (
        Case("INTEGER", ["1", "-9223372036854775808"], "BIGINT", ["1", "-9223372036854775808"]),
        Case("TINYINT", ["7"], "BIGINT", ["7"]),
        Case("REAL", ["0.1", "3"], "DOUBLE", ["0.1", "3.0"]),
        Case("DOUBLE PRECISION", ["1e300"], "DOUBLE", ["1e+300"]),
        Case("DECIMAL(10,2)", ["12.34", "5", "'0.10'", "0.1 + 0.2"], "DECIMAL(10,2)", ["12.34", "5.00", "0.10", "0.30"]),
        Case("NUMERIC(38, 0)", ["1234567890123456789"], "DECIMAL(38,0)", ["1234567890123456789"]),
        Case("TEXT", ["'ä€😀'", "''"], "VARCHAR", ["ä€😀", ""]),
        Case("VARCHAR(20)", ["5"], "VARCHAR", ["5"]),
        Case("BLOB", ["x'0001ff'"], "BLOB", ["\\x00\\x01\\xFF"]),
        Case("BOOLEAN", ["1", "0"], "BOOLEAN", ["true", "false"]),
        Case("DATE", ["'2024-02-29'"], "DATE", ["2024-02-29"]),
        Case("DATETIME", ["'2024-02-29 23:59:59.5'"], "TIMESTAMP", ["2024-02-29 23:59:59.5"]),
        Case("TIMESTAMP WITH TIME ZONE", ["'2024-02-29T23:59:59+02:00'"], "TIMESTAMP WITH TIME ZONE",
             ["2024-02-29 21:59:59+00"]),
        Case("TIME", ["'23:59:59'"], "TIME", ["23:59:59"]),
        Case("", ["5", "6"], "BIGINT", ["5", "6"]),
        Case("NUMERIC", ["1.5", "2"], "DOUBLE", ["1.5", "2.0"]),
    )  # fmt: skip

    def __init__(self, project: Project) -> None:
        os.makedirs(project.path("data"), exist_ok=True)
        self.path = project.path("data", "shop.db")

    def execute(self, *statements: str) -> None:
        """In the file."""
        connection = sqlite3.connect(self.path)
        with connection:
            for text in statements:
                connection.execute(text)
        connection.close()

    def fields(self, table: str) -> str:
        """By the path of the file."""
        return f"source: sqlite\ntable: data/shop.db\nparams: {{table: {table}}}\n"

    def asks(self, query: str) -> str:
        """By the path of the file."""
        return f"source: sqlite\ntable: data/shop.db\nquery: {query}\n"

    def stir(self, table: str) -> None:
        """The file has other bytes."""
        self.execute("CREATE TABLE another (x)")


class DuckDBPlace:
    """Tables of a DuckDB file."""

    bare: Mapping[str, str] = BARE
    longest = 1_000_000
    text, whole, fraction = "VARCHAR", "BIGINT", "DECIMAL(20,3)"
    cases: Sequence[Case] = (
        Case("TINYINT", ["-128"], "TINYINT", ["-128"]),
        Case("UBIGINT", ["18446744073709551615"], "UBIGINT", ["18446744073709551615"]),
        Case("HUGEINT", ["12345678901234567890123456789012345678"], "DECIMAL(38,0)",
             ["12345678901234567890123456789012345678"]),
        Case("DOUBLE", ["0.1", "'nan'"], "DOUBLE", ["0.1", "nan"]),
        Case("DECIMAL(38,10)", ["1234567890123456789012345678.0123456789"], "DECIMAL(38,10)",
             ["1234567890123456789012345678.0123456789"]),
        Case("BOOLEAN", ["true"], "BOOLEAN", ["true"]),
        Case("VARCHAR", ["'ä€😀'", "''"], "VARCHAR", ["ä€😀", ""]),
        Case("ENUM('sad', 'so so')", ["'so so'"], "VARCHAR", ["so so"]),
        Case("BLOB", ["'\\x00\\x01\\xFF'::BLOB"], "BLOB", ["\\x00\\x01\\xFF"]),
        Case("BIT", ["'101'"], "VARCHAR", ["101"]),
        Case("DATE", ["'2024-02-29'", "'infinity'"], "DATE", ["2024-02-29", "infinity"]),
        Case("TIMESTAMP", ["'2024-02-29 23:59:59.999999'"], "TIMESTAMP", ["2024-02-29 23:59:59.999999"]),
        Case("TIMESTAMP_NS", ["'2024-02-29 23:59:59.123456789'"], "TIMESTAMP_NS", ["2024-02-29 23:59:59.123456789"]),
        Case("TIMESTAMP_S", ["'2024-02-29 23:59:59'"], "TIMESTAMP", ["2024-02-29 23:59:59"]),
        Case("TIMESTAMPTZ", ["'2024-02-29 23:59:59.5+02'"], "TIMESTAMP WITH TIME ZONE", ["2024-02-29 21:59:59.5+00"]),
        Case("TIME", ["'23:59:59.999999'"], "TIME", ["23:59:59.999999"]),
        Case("INTERVAL", ["'1 year 2 days 03:04:05.678'"], "INTERVAL", ["1 year 2 days 03:04:05.678"]),
        Case("JSON", ["'{\"b\": 1,  \"a\": null}'"], "JSON", ['{"b": 1,  "a": null}']),
        Case("UUID", ["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"], "UUID", ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
        Case("INTEGER[]", ["[1, NULL, 3]", "[]"], "INTEGER[]", ["[1, NULL, 3]", "[]"]),
        Case("STRUCT(a INTEGER, b VARCHAR[])", ["{'a': 1, 'b': ['x']}"], "STRUCT(a INTEGER, b VARCHAR[])",
             ["{'a': 1, 'b': [x]}"]),
        Case("MAP(VARCHAR, INTEGER)", ["MAP {'k': 1}"], "MAP(VARCHAR, INTEGER)", ["{k=1}"]),
        Case("UNION(n INTEGER, t VARCHAR)", ["union_value(n := 1)"], "VARCHAR", ["1"]),
    )  # fmt: skip

    def __init__(self, project: Project) -> None:
        os.makedirs(project.path("data"), exist_ok=True)
        self.path = project.path("data", "shop.duckdb")
        self.execute("CREATE SCHEMA kept")

    def execute(self, *statements: str) -> None:
        """In the file."""
        with duckdb.connect(self.path) as connection:
            for text in statements:
                connection.execute(text)

    def fields(self, table: str) -> str:
        """By the path of the file."""
        return f"source: duckdb\ntable: {table}\nparams: {{path: data/shop.duckdb}}\n"

    def asks(self, query: str) -> str:
        """By the path of the file."""
        return f"source: duckdb\ntable: data/shop.duckdb\nquery: {query}\n"

    def stir(self, table: str) -> None:
        """The file has other bytes."""
        self.execute("CREATE TABLE another (x INTEGER)")


class FilesPlace:
    """Tables of an instance in memory, written to files whenever they change."""

    text, whole, fraction = "VARCHAR", "BIGINT", "DECIMAL(20,3)"

    def __init__(self, project: Project) -> None:
        self.folder = project.path("data")
        os.makedirs(self.folder, exist_ok=True)
        self.con = duckdb.connect()

    def execute(self, *statements: str) -> None:
        """In memory, then out."""
        for text in statements:
            self.con.execute(text)
        self.write([name for (name,) in self.con.execute("SHOW TABLES").fetchall()])

    def write(self, tables: Sequence[str]) -> None:
        """Write all tables."""
        raise NotImplementedError

    def asks(self, query: str) -> str:
        """Files have no queries."""
        raise NotImplementedError


class ObjectsPlace(FilesPlace):
    """Parquet files in a bucket, a folder for each table."""

    bare: Mapping[str, str] = BARE
    longest = 1_000_000
    cases: Sequence[Case] = (
        Case("TINYINT", ["-128"], "TINYINT", ["-128"]),
        Case("UBIGINT", ["18446744073709551615"], "UBIGINT", ["18446744073709551615"]),
        Case("DOUBLE", ["0.1", "'nan'"], "DOUBLE", ["0.1", "nan"]),
        Case("DECIMAL(38,10)", ["1234567890123456789012345678.0123456789"], "DECIMAL(38,10)",
             ["1234567890123456789012345678.0123456789"]),
        Case("BOOLEAN", ["true"], "BOOLEAN", ["true"]),
        Case("VARCHAR", ["'ä€😀'", "''"], "VARCHAR", ["ä€😀", ""]),
        Case("BLOB", ["'\\x00\\x01\\xFF'::BLOB"], "BLOB", ["\\x00\\x01\\xFF"]),
        Case("DATE", ["'2024-02-29'"], "DATE", ["2024-02-29"]),
        Case("TIMESTAMP", ["'2024-02-29 23:59:59.999999'"], "TIMESTAMP", ["2024-02-29 23:59:59.999999"]),
        Case("TIMESTAMPTZ", ["'2024-02-29 23:59:59.5+02'"], "TIMESTAMP WITH TIME ZONE", ["2024-02-29 21:59:59.5+00"]),
        Case("TIME", ["'23:59:59.999999'"], "TIME", ["23:59:59.999999"]),
        Case("UUID", ["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"], "UUID", ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
        Case("INTEGER[]", ["[1, NULL, 3]", "[]"], "INTEGER[]", ["[1, NULL, 3]", "[]"]),
        Case("STRUCT(a INTEGER, b VARCHAR[])", ["{'a': 1, 'b': ['x']}"], "STRUCT(a INTEGER, b VARCHAR[])",
             ["{'a': 1, 'b': [x]}"]),
        Case("MAP(VARCHAR, INTEGER)", ["MAP {'k': 1}"], "MAP(VARCHAR, INTEGER)", ["{k=1}"]),
    )  # fmt: skip

    def __init__(self, project: Project, bucket: Bucket) -> None:
        super().__init__(project)
        self.bucket = bucket
        self.packed = "snappy"

    def write(self, tables: Sequence[str]) -> None:
        """As objects."""
        path = os.path.join(self.folder, "table.parquet")
        for name in tables:
            self.con.execute(f"COPY {name} TO '{path}' (FORMAT parquet, COMPRESSION {self.packed})")
            with open(path, "rb") as file:
                self.bucket.put(f"{name}/part.parquet", file.read())

    def fields(self, table: str) -> str:
        """Over the connection of the profile."""
        return f"source: parquet\nconnection: lake\ntable: s3://{self.bucket.name}/{table}/*.parquet\n"

    def stir(self, table: str) -> None:
        """The same rows in other bytes."""
        self.packed = "gzip"
        self.execute()


class ExcelPlace(FilesPlace):
    """Sheets of a workbook: a cell has its type, a column has none."""

    bare: Mapping[str, str] = dict.fromkeys(BARE, "VARCHAR")
    longest = 32_000
    cases: Sequence[Case] = (
        Case("BIGINT", ["1", "-9007199254740991"], "BIGINT", ["1", "-9007199254740991"]),
        Case("DOUBLE", ["0.1", "3", "1e300"], "DOUBLE", ["0.1", "3.0", "1e+300"]),
        Case("BOOLEAN", ["true", "false"], "BOOLEAN", ["true", "false"]),
        Case("VARCHAR", ["'ä€😀'", "'007'", "'1e5'"], "VARCHAR", ["ä€😀", "007", "1e5"]),
        Case("DATE", ["'2024-02-29'", "'1999-12-31'"], "DATE", ["2024-02-29", "1999-12-31"]),
        Case("TIMESTAMP", ["'2024-02-29 23:59:59'", "'2024-03-01'"], "TIMESTAMP",
             ["2024-02-29 23:59:59", "2024-03-01 00:00:00"]),
        Case("TIME", ["'23:59:59'"], "TIME", ["23:59:59"]),
        Case("INTERVAL", ["'30 hours'"], "INTERVAL", ["30:00:00"]),
    )  # fmt: skip

    def __init__(self, project: Project) -> None:
        super().__init__(project)
        self.more = 0

    def write(self, tables: Sequence[str]) -> None:
        """As one workbook."""
        book = openpyxl.Workbook()
        book.remove(book.active)
        for name in [*tables, *(f"sheet {n}" for n in range(self.more)), *(["nothing"] if not tables else [])]:
            sheet = book.create_sheet(name)
            if name in tables:
                found = self.con.execute(f"FROM {name}")
                sheet.append([column[0] for column in found.description])
                for row in found.fetchall():
                    sheet.append([float(cell) if isinstance(cell, Decimal) else cell for cell in row])
        book.save(os.path.join(self.folder, "book.xlsx"))

    def fields(self, table: str) -> str:
        """By the path of the file."""
        return f"source: excel\ntable: data/book.xlsx\nparams: {{sheet_name: {table}}}\n"

    def stir(self, table: str) -> None:
        """The file has one more sheet."""
        self.more += 1
        self.execute()


class IcebergPlace(FilesPlace):
    """Tables of an SQL catalog, whose warehouse is a folder."""

    bare: Mapping[str, str] = BARE
    longest = 1_000_000
    cases: Sequence[Case] = (
        Case("INTEGER", ["-2147483648"], "INTEGER", ["-2147483648"]),
        Case("BIGINT", ["9223372036854775807"], "BIGINT", ["9223372036854775807"]),
        Case("FLOAT", ["1.5"], "FLOAT", ["1.5"]),
        Case("DOUBLE", ["0.1", "'nan'"], "DOUBLE", ["0.1", "nan"]),
        Case("DECIMAL(38,10)", ["1234567890123456789012345678.0123456789"], "DECIMAL(38,10)",
             ["1234567890123456789012345678.0123456789"]),
        Case("BOOLEAN", ["true"], "BOOLEAN", ["true"]),
        Case("VARCHAR", ["'ä€😀'", "''"], "VARCHAR", ["ä€😀", ""]),
        Case("BLOB", ["'\\x00\\x01\\xFF'::BLOB"], "BLOB", ["\\x00\\x01\\xFF"]),
        Case("DATE", ["'2024-02-29'"], "DATE", ["2024-02-29"]),
        Case("TIMESTAMP", ["'2024-02-29 23:59:59.999999'"], "TIMESTAMP", ["2024-02-29 23:59:59.999999"]),
        Case("TIMESTAMPTZ", ["'2024-02-29 23:59:59.5+02'"], "TIMESTAMP WITH TIME ZONE", ["2024-02-29 21:59:59.5+00"]),
        Case("TIME", ["'23:59:59.999999'"], "TIME", ["23:59:59.999999"]),
        Case("INTEGER[]", ["[1, NULL, 3]", "[]"], "INTEGER[]", ["[1, NULL, 3]", "[]"]),
        Case("STRUCT(a INTEGER, b VARCHAR[])", ["{'a': 1, 'b': ['x']}"], "STRUCT(a INTEGER, b VARCHAR[])",
             ["{'a': 1, 'b': [x]}"]),
        Case("MAP(VARCHAR, INTEGER)", ["MAP {'k': 1}"], "MAP(VARCHAR, INTEGER)", ["{k=1}"]),
    )  # fmt: skip

    def __init__(self, project: Project) -> None:
        super().__init__(project)
        self.catalog = sql_catalog(project.path("data"))
        self.con.execute("SET TimeZone = 'UTC'")
        catalog = "{type: sql, uri: sqlite:///data/catalog.db, warehouse: data}"
        project.write("profiles.yml", f"materialization:\n  catalog: {catalog}\n")

    def write(self, tables: Sequence[str]) -> None:
        """As snapshots; a table with other columns is a new table."""
        for name in tables:
            rows = self.con.sql(f"FROM {name}").to_arrow_table()
            known = self.catalog.load_table(("shop", name)) if self.catalog.table_exists(("shop", name)) else None
            if known is not None and known.schema().column_names != rows.column_names:
                self.catalog.drop_table(("shop", name))
                known = None
            table = known or self.catalog.create_table(("shop", name), schema=rows.schema)
            now = table.scan().to_arrow()
            if not now.equals(rows.cast(now.schema)):
                (table.overwrite if len(now) else table.append)(rows)

    def fields(self, table: str) -> str:
        """Of the catalog of the profile."""
        return f"source: iceberg\nparams: {{}}\ntable: lake.shop.{table}\n"

    def asks(self, query: str) -> str:
        """Of the catalog of the profile."""
        return f"source: iceberg\ntable: lake.shop\nquery: {query}\n"

    def stir(self, table: str) -> None:
        """A new snapshot of the same rows."""
        known = self.catalog.load_table(("shop", table))
        known.overwrite(self.con.sql(f"FROM {table}").to_arrow_table())


def sql_catalog(folder: str, warehouse: str = "", **more: str) -> Any:
    """A new catalog in an SQLite file."""
    from pyiceberg.catalog.sql import SqlCatalog

    uri = f"sqlite:///{os.path.join(folder, 'catalog.db')}"
    catalog = SqlCatalog("lake", uri=uri, warehouse=warehouse or f"file://{folder}", poolclass="NullPool", **more)
    catalog.create_namespace_if_not_exists("shop")
    return catalog


ASKED = ("postgresql", "sqlite", "duckdb", "iceberg")
PLACES = (*ASKED, "s3", "excel")


def place_of(word: str, project: Project, given: Callable[[str], Any]) -> Place:
    """A place with nothing in it; `given` gives the fixture of a server."""
    if word == "postgresql":
        return PostgreSQLPlace(given("postgresql"))
    if word == "s3":
        return ObjectsPlace(project, given("bucket"))
    simple: dict[str, Callable[[Project], Place]] = {
        "sqlite": SQLitePlace,
        "duckdb": DuckDBPlace,
        "excel": ExcelPlace,
        "iceberg": IcebergPlace,
    }
    return simple[word](project)

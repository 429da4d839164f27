"""Iceberg tables as sources: snapshots, schemas, catalogs and warehouses.

The REST catalog here is a stand-in: there is no light server to install. It answers the requests of the specification from a
real SQL catalog, and refuses others.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pytest

from tests.connections.conftest import Bucket
from tests.connections.places import sql_catalog
from tests.project_format.telling import told
from tests.project_on_disk import Project

SECRET = "canary-of-the-catalog"


def table(ids: list[int], **more: list[Any]) -> pa.Table:
    """Rows of the orders."""
    return pa.table({"id": pa.array(ids, pa.int64()), **more})


def source(project: Project, more: str = "", name: str = "lake.shop.orders") -> None:
    """Declare `source.orders`."""
    project.write("seeknal/sources/orders.yml", f"kind: source\nname: orders\nsource: iceberg\ntable: {name}\n{more}")


@pytest.fixture
def catalog(project: Project) -> Any:
    """A catalog in data/, which the profile names."""
    os.makedirs(project.path("data"))
    said = "{type: sql, uri: sqlite:///data/catalog.db, warehouse: data}"
    project.write("profiles.yml", f"materialization:\n  catalog: {said}\n")
    return sql_catalog(project.path("data"))


@pytest.fixture
def orders(catalog: Any) -> Any:
    """The table lake.shop.orders with two rows."""
    made = catalog.create_table("shop.orders", schema=table([1]).schema)
    made.append(table([1, 2]))
    return made


def test_the_same_snapshot_is_not_read_again(project: Project, orders: Any) -> None:
    source(project)
    project.run()
    assert sorted(project.rows("source.orders")) == [(1,), (2,)]
    with orders.transaction() as change:
        change.set_properties({"comment": "a commit without a snapshot"})
    assert project.run().built == set()
    orders.append(table([3]))
    assert project.plan() == {"source.orders": "BUILD"}
    project.run()
    assert sorted(project.rows("source.orders")) == [(1,), (2,), (3,)]
    orders.delete("id = 1")
    project.run()
    assert sorted(project.rows("source.orders")) == [(2,), (3,)]


def test_a_column_that_is_renamed_or_added_is_seen_without_a_snapshot(project: Project, orders: Any) -> None:
    source(project)
    project.run()
    with orders.update_schema() as change:
        change.rename_column("id", "number")
        change.add_column("city", pa_string())
    assert project.run().built == {"source.orders"}
    assert sorted(project.rows("source.orders")) == [(1, None), (2, None)]


def pa_string() -> Any:
    from pyiceberg.types import StringType

    return StringType()


def test_a_table_without_a_snapshot_is_empty(project: Project, catalog: Any) -> None:
    catalog.create_table("shop.orders", schema=table([1]).schema)
    source(project)
    project.run()
    assert project.rows("source.orders") == []


def test_metadata_may_be_packed(project: Project, catalog: Any) -> None:
    packed = {"write.metadata.compression-codec": "gzip"}
    catalog.create_table("shop.orders", schema=table([1]).schema, properties=packed).append(table([1]))
    source(project)
    project.run()
    assert project.rows("source.orders") == [(1,)]


def test_a_query_may_join_tables_of_its_catalog(project: Project, catalog: Any, orders: Any) -> None:
    cities = table([1, 2], city=["Rome", "Paris"])
    catalog.create_table("shop.cities", schema=cities.schema).append(cities)
    query = "SELECT o.id, city FROM orders o JOIN lake.shop.cities c USING (id) WHERE id > 1"
    source(project, f"query: {query}\n", "lake.shop")
    project.run()
    assert project.rows("source.orders") == [(2, "Paris")]
    assert project.run().built == set()
    catalog.load_table("shop.cities").append(table([1], city=["Oslo"]))
    assert project.run().built == {"source.orders"}
    source(project, "query: SELECT count(*) AS n FROM shop.orders\n", "lake")
    project.run()
    assert project.rows("source.orders") == [(2,)]
    source(project, f"query: {query}\n", "lake")
    assert "the query does not say which catalog orders is of" in project.seeknal("run").err


def test_a_query_reads_nothing_but_its_tables(project: Project, orders: Any) -> None:
    source(project, "query: SELECT * FROM orders, read_csv('/etc/passwd')\n", "lake.shop")
    result = project.seeknal("run")
    assert (result.code, "file system operations are disabled" in result.err) == (1, True)


def test_a_data_file_that_is_gone_is_told(project: Project, orders: Any) -> None:
    for task in orders.scan().plan_files():
        os.unlink(task.file.file_path.removeprefix("file://"))
    source(project)
    result = project.seeknal("run")
    assert "seeknal/sources/orders.yml:4: source.orders: " in result.err
    assert "a data file is gone" in result.err
    source(project, "query: SELECT * FROM orders\n", "lake.shop")
    result = project.seeknal("run")
    assert "seeknal/sources/orders.yml:5: source.orders: " in result.err
    assert "a data file is gone" in result.err


BY_DAY = "interval: {unit: day, column: day, start: 2024-01-01}\n"


def of_days(catalog: Any, **type_: Any) -> Any:
    """The table lake.shop.orders, with a day in each of two files."""
    first = table([1], day=days("2024-01-01", **type_))
    made = catalog.create_table("shop.orders", schema=first.schema)
    made.append(first)
    made.append(table([2], day=days("2024-01-02", **type_)))
    return made


def days(*texts: str, type_: Any = None) -> Any:
    """Days as times."""
    return pa.array(texts).cast(pa.timestamp("us")).cast(type_ or pa.timestamp("us"))


def built(result: Any) -> set[str]:
    """The intervals of the source that a run built."""
    return {
        event["target"].partition("@")[2] for event in result.of("interval") if event["target"].startswith("source.")
    }


@pytest.mark.parametrize("type_", [pa.date32(), pa.timestamp("us"), pa.timestamp("us", "UTC")], ids=str)
def test_only_intervals_whose_files_changed_are_read(project: Project, catalog: Any, type_: Any) -> None:
    made = of_days(catalog, type_=type_)
    source(project, BY_DAY)
    more = "interval: {unit: day, column: day, start: 2024-01-01}\n"
    project.transform(
        "daily", "SELECT day, count(*) AS n FROM ref('source.orders') GROUP BY day", ("source.orders",), more
    )
    assert built(project.run("--date", "2024-01-04")) == {"2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"}
    assert sorted(row[0] for row in project.rows("source.orders")) == [1, 2]
    assert built(project.run("--date", "2024-01-04")) == set()
    made.append(table([3], day=days("2024-01-02", type_=type_)))
    again = project.run("--date", "2024-01-04")
    assert built(again) == {"2024-01-02"}
    assert sorted(n for _, n in project.rows("transform.daily")) == [1, 2]
    made.delete("id = 1")
    assert built(project.run("--date", "2024-01-04")) == {"2024-01-01"}
    assert sorted(row[0] for row in project.rows("source.orders")) == [2, 3]


def test_hours_of_days_are_their_first(project: Project, catalog: Any) -> None:
    of_days(catalog, type_=pa.date32())
    source(project, "interval: {unit: hour, column: day, start: 2024-01-01}\n")
    project.run("--date", "2024-01-03")
    assert sorted(row[0] for row in project.rows("source.orders")) == [1, 2]


def test_files_of_other_intervals_are_not_opened(project: Project, catalog: Any) -> None:
    made = of_days(catalog)
    (lost,) = (task.file.file_path for task in made.scan(row_filter="id = 1").plan_files())
    os.unlink(lost.removeprefix("file://"))
    source(project, BY_DAY)
    result = project.run("--start", "2024-01-02", "--end", "2024-01-02", "--date", "2024-01-04")
    assert [row[0] for row in project.rows("source.orders")] == [2]
    assert built(result) == {"2024-01-02"}
    failed = project.seeknal("run", "--date", "2024-01-04")
    assert (failed.code, "a data file is gone" in failed.err) == (1, True)


def test_an_interval_of_what_is_no_time_is_told(project: Project, catalog: Any) -> None:
    rows = table([1], day=["2024-01-01"])
    catalog.create_table("shop.orders", schema=rows.schema).append(rows)
    source(project, BY_DAY)
    result = project.seeknal("run", "--date", "2024-01-04")
    assert "the column day is a string, and an interval asks for a time" in result.err
    source(project, BY_DAY.replace(", start: 2024-01-01", "") + "columns: {day: TIMESTAMP}\n")
    project.run("--date", "2024-01-04")
    assert len(project.rows("source.orders")) == 1


def test_a_run_with_nothing_to_do_does_not_import_pyiceberg(project: Project, orders: Any) -> None:
    source(project)
    project.run()
    code = (
        "import sys\nfrom seeknal.cli import main\ncode = main(sys.argv[1:])\n"
        "print(code, sorted({'pyiceberg', 'sqlalchemy', 'pyarrow', 'pydantic'} & set(sys.modules)))"
    )
    words = [sys.executable, "-c", code, "run", "--project-path", project.root]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "0 []"


def test_the_warehouse_may_be_an_object_store(
    project: Project, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.makedirs(project.path("data"))
    store = bucket.store
    keys = {"s3.endpoint": store.endpoint, "s3.access-key-id": store.key, "s3.secret-access-key": store.secret}
    catalog = sql_catalog(project.path("data"), f"s3://{bucket.name}/lake", **keys, **{"s3.region": "us-east-1"})
    made = catalog.create_table("shop.orders", schema=table([1]).schema)
    made.append(table([1, 2]))
    fields = f"endpoint: '{store.endpoint}', access_key_id: {store.key}, secret_access_key: '${{LAKE_SECRET}}'"
    at = "catalog_uri: 'sqlite:///data/catalog.db'"
    wrong = f"  wrong: {{type: iceberg, {at}, {fields.replace('${LAKE_SECRET}', SECRET)}}}\n"
    project.write("profiles.yml", f"connections:\n  lakehouse: {{type: iceberg, {at}, {fields}}}\n{wrong}")
    source(project, "connection: lakehouse\n")
    project.run()
    assert sorted(project.rows("source.orders")) == [(1,), (2,)]
    assert project.run().built == set()
    made.append(table([3]))
    project.run()
    assert len(project.rows("source.orders")) == 3
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "obstore", None)  # then pyiceberg itself looks
        assert project.run().built == set()
    project.edit("seeknal/sources/orders.yml", "lakehouse", "wrong")
    result = project.seeknal("run")
    assert "seeknal/sources/orders.yml:5: source.orders (connection wrong): SignatureDoesNotMatch" in result.err
    assert SECRET not in result.err


# -- REST --------------------------------------------------------------------------------------------------------------


class Server(ThreadingHTTPServer):
    """Answers as the specification says, for whoever has the token."""

    def __init__(self, catalog: Any) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.catalog = catalog
        self.requests: list[str] = []

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/catalog"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.server.requests.append(self.path)
        if self.headers["Authorization"] != f"Bearer {SECRET}":
            return self._answer(
                401, {"error": {"message": "who are you?", "type": "NotAuthorizedException", "code": 401}}
            )
        if url.path == "/catalog/v1/config":
            return self._answer(200, {"defaults": {}, "overrides": {"prefix": "main"}})
        *place, name = url.path.removeprefix("/catalog/v1/main/namespaces/").split("/")
        if place != ["shop", "tables"] or not self.server.catalog.table_exists(("shop", unquote(name))):
            missing = {"message": f"Table does not exist: {name}", "type": "NoSuchTableException", "code": 404}
            return self._answer(404, {"error": missing})
        found = self.server.catalog.load_table(("shop", name))
        said = json.loads(found.metadata.model_dump_json())
        return self._answer(200, {"metadata-location": found.metadata_location, "metadata": said, "config": {}})

    def do_POST(self) -> None:
        self.server.requests.append(self.path)
        said = self.rfile.read(int(self.headers["Content-Length"])).decode()
        known = "client_id=me" in said and "client_secret=mine-and-only-mine" in said
        self._answer(
            200 if known else 401, {"access_token": SECRET, "token_type": "bearer"} if known else {"error": "no"}
        )

    def _answer(self, code: int, document: Any) -> None:
        data = (
            gzip.compress(json.dumps(document).encode()) if "gzip" in self.headers.get("Accept-Encoding", "") else None
        )
        body = data or json.dumps(document).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        if data:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Nothing."""


@contextmanager
def serving(catalog: Any) -> Iterator[Server]:
    with Server(catalog) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        try:
            yield found
        finally:
            found.shutdown()


@pytest.fixture
def rest(project: Project, orders: Any, catalog: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A REST catalog with the orders, which the profile names."""
    with serving(catalog) as found:
        at = f"catalog_uri: '{found.uri}'"
        more = (
            f"  login: {{type: iceberg, {at}, credential: 'me:mine-and-only-mine'}}\n"
            f"  wrong: {{type: iceberg, {at}, bearer_token: wrong-canary}}\n"
            f"  nobody: {{type: iceberg, catalog_uri: 'http://127.0.0.1:9'}}\n"
        )
        said = f"{{type: rest, uri: '{found.uri}', warehouse: shop, bearer_token: '${{LAKE_TOKEN}}'}}"
        project.write("profiles.yml", f"connections:\n{more}materialization:\n  catalog: {said}\n")
        monkeypatch.setenv("LAKE_TOKEN", SECRET)
        yield found


def test_a_rest_catalog_is_asked_for_its_settings_and_the_table(project: Project, rest: Server, orders: Any) -> None:
    source(project)
    project.run()
    assert sorted(project.rows("source.orders")) == [(1,), (2,)]
    rest.requests.clear()
    assert project.run().built == set()
    asked = ["/catalog/v1/config?warehouse=shop", "/catalog/v1/main/namespaces/shop/tables/orders?snapshots=refs"]
    assert rest.requests == asked
    orders.append(table([3]))
    project.run()
    assert len(project.rows("source.orders")) == 3


def test_one_logs_in_with_a_credential(project: Project, rest: Server) -> None:
    source(project, "connection: login\n")
    project.run()
    assert rest.requests[0] == "/catalog/v1/oauth/tokens"
    assert len(project.rows("source.orders")) == 2


@pytest.mark.parametrize(
    ("name", "connection", "line", "words"),
    [
        ("lake.shop.none", "", 4, "404: Table does not exist: none"),
        ("lake.shop.orders", "connection: wrong\n", 5, "401: who are you?"),
        ("lake.shop.orders", "connection: nobody\n", 5, "http://127.0.0.1:9 does not answer"),
    ],
)
def test_what_does_not_work_is_told_with_its_line(
    project: Project, rest: Server, name: str, connection: str, line: int, words: str
) -> None:
    source(project, connection, name)
    for result in (project.seeknal("run"), project.seeknal("validate")):
        text = result.err + result.out
        assert f"seeknal/sources/orders.yml:{line}: source.orders" in text
        assert words in text
        assert "canary" not in text
        assert "Traceback" not in text


def test_the_token_is_found_nowhere(project: Project, rest: Server) -> None:
    source(project)
    said = [project.seeknal(*words) for words in (("run",), ("plan",), ("validate",), ("show", "source.orders"))]
    assert not any(SECRET in text for result in said for text in (result.out, result.err))
    for folder, _, names in os.walk(project.root):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                assert SECRET.encode() not in file.read(), name


# -- what cannot be meant ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "more", "line", "words"),
    [
        ("orders", "", 4, "table is 'orders': write table: catalog.namespace.table"),
        ("lake.shop.orders", "query: DELETE FROM orders\n", 5, "query has to begin with SELECT or WITH"),
    ],
)
def test_a_wrong_declaration_is_told(project: Project, name: str, more: str, line: int, words: str) -> None:
    source(project, more, name)
    ((_, at, message),) = told(project)
    assert (at, words in message) == (line, True)


def test_without_a_catalog_it_is_told_how_to_name_one(project: Project) -> None:
    source(project)
    result = project.seeknal("run")
    assert "catalog_uri is missing: https://..., or sqlite:///catalog.db" in result.err


def test_a_catalog_that_is_not_there_is_not_made(project: Project) -> None:
    source(project, "params: {catalog_uri: 'sqlite:///none.db'}\n")
    result = project.seeknal("run")
    assert (result.code, "there is no file" in result.err) == (1, True)
    assert not os.path.exists(project.path("none.db"))


def test_without_the_package_it_is_told_what_to_install(
    project: Project, orders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source(project)
    for name in [name for name in sys.modules if name.split(".")[0] == "pyiceberg"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if "site-packages" not in path])
    result = project.seeknal("run")
    assert (result.code, "pip install 'seeknal[iceberg]'" in result.err) == (7, True), result.err

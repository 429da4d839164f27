"""A real PostgreSQL for every test that asks, one database for each worker; what it cannot start is loud, never skipped in CI."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import pytest

from tests.project_on_disk import Project
from tests.s3 import ObjectStore, s3
from tests.servers import Server, postgres


class Database(NamedTuple):
    """A database of the server, whose only users are the tests of one worker."""

    server: Server
    name: str

    def execute(self, *statements: str) -> None:
        """Change something."""
        self.server.execute(*statements, database=self.name)

    def profile(self, project: Project, password: str = "${SHOP_PASSWORD}", more: str = "") -> None:
        """A profile with the connection `shop`; the variable of its password is set."""
        s = self.server
        fields = f"host: {s.host}, port: {s.port}, user: {s.user}, password: '{password}', database: {self.name}"
        project.write("profiles.yml", f"connections:\n  shop: {{type: postgresql, {fields}}}\n{more}")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server of this test session."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    try:
        started = postgres(str(shared))
        found = started.__enter__()
    except (RuntimeError, ImportError) as error:
        if "CI" in os.environ or "SEEKNAL_TEST_SERVERS" in os.environ:
            raise
        pytest.skip(f"NO POSTGRESQL, nothing of it was tested: {error}")
    yield found
    started.__exit__(None, None, None)


@pytest.fixture(scope="session")
def database(server: Server) -> Database:
    """The database of this worker."""
    name = f"shop_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    server.execute(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
    return Database(server, name)


_EMPTIED = """DO $$ DECLARE s text; BEGIN
FOR s IN SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
LOOP EXECUTE format('DROP SCHEMA %I CASCADE', s); END LOOP; END $$"""


@pytest.fixture
def postgresql(database: Database, project: Project, monkeypatch: pytest.MonkeyPatch) -> Database:
    """An empty database, and a project whose profile leads to it."""
    database.execute(_EMPTIED, "CREATE SCHEMA public")
    monkeypatch.setenv("SHOP_PASSWORD", database.server.password)
    database.profile(project)
    return database


class Bucket(NamedTuple):
    """A bucket of the object store, whose only users are the tests of one worker."""

    store: ObjectStore
    name: str

    def put(self, key: str, data: bytes) -> None:
        """Write an object."""
        self.store.client().put_object(Bucket=self.name, Key=key, Body=data)

    def delete(self, key: str) -> None:
        """Remove an object."""
        self.store.client().delete_object(Bucket=self.name, Key=key)

    def listed(self) -> list[str]:
        """The keys of all objects."""
        pages = self.store.client().get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return [one["Key"] for page in pages for one in page.get("Contents", ())]

    def connection(self, secret: str = "${LAKE_SECRET}") -> str:
        """The connection `lake` as a line of a profile; the variable of its secret is set."""
        fields = f"endpoint: '{self.store.endpoint}', access_key_id: {self.store.key}, secret_access_key: '{secret}'"
        return f"  lake: {{type: s3, {fields}}}\n"

    def profile(self, project: Project, secret: str = "${LAKE_SECRET}", more: str = "") -> None:
        """A profile with the connection `lake`."""
        project.write("profiles.yml", f"connections:\n{self.connection(secret)}{more}")


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """The S3 server of this test session."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with s3(str(shared)) as found:
        yield found


@pytest.fixture
def bucket(object_store: ObjectStore, project: Project, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """An empty bucket, and a project whose profile leads to it."""
    found = Bucket(object_store, f"shop-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}")
    with suppress(object_store.client().exceptions.BucketAlreadyOwnedByYou):
        object_store.client().create_bucket(Bucket=found.name)
    for key in found.listed():
        found.delete(key)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LAKE_SECRET", object_store.secret)
    found.profile(project)
    return found

"""A real PostgreSQL for every test that asks, one database for each worker; what it cannot start is loud, never skipped in CI."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.project_on_disk import Project
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


@pytest.fixture
def postgresql(database: Database, project: Project, monkeypatch: pytest.MonkeyPatch) -> Database:
    """An empty database, and a project whose profile leads to it."""
    database.execute("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    monkeypatch.setenv("SHOP_PASSWORD", database.server.password)
    database.profile(project)
    return database

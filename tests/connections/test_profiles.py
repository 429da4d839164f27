"""Profiles: which file counts, what it may say, what a variable in it means (project_format 1.4 and 1.5)."""

from __future__ import annotations

import os

import pytest

from seeknal.project.profile import Profile, places, resolved
from tests.connections.conftest import Database
from tests.project_format.telling import told
from tests.project_on_disk import Project


@pytest.fixture
def one(project: Project) -> Project:
    """A project with a source of the connection `shop`."""
    project.write(
        "seeknal/one.yml", "kind: source\nname: one\nsource: postgresql\nconnection: shop\nquery: SELECT 1 AS one\n"
    )
    return project


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("connections: [a]\n", 1, "connections is not a mapping of names"),
        ("conections: {}\n", 1, "unknown section 'conections' (did you mean connections?)"),
        ("x: 1\n", 1, "unknown section 'x'"),
        ("connections:\n  shop: postgres://x\n", 2, "the connection shop is not a mapping"),
        ("connections:\n  shop:\n    type: postgresql\n    hots: x\n", 4, "has no field 'hots' (did you mean host?)"),
        ("connections:\n  shop:\n    type: postgressql\n", 3, "(did you mean postgresql?)"),
        ("source_defaults:\n  csv: 5\n", 2, "the defaults of csv are not a mapping"),
        ("source_defaults:\n  cvs: {header: true}\n", 2, "unknown source type 'cvs' (did you mean csv?)"),
        ("- a\n", 1, "the file is not a mapping"),
    ],
)
def test_what_nobody_reads_is_refused_at_its_line(project: Project, text: str, line: int, words: str) -> None:
    project.write("profiles.yml", text)
    ((file, found, message),) = told(project)
    assert (file, found) == ("profiles.yml", line)
    assert words in message


def test_sections_of_other_tools_are_left_alone(project: Project) -> None:
    project.write(
        "profiles.yml",
        "shop: {target: dev, outputs: {dev: {type: duckdb}}}\nmaterialization: {enabled: false}\nstarrocks: {a: {}}\n",
    )
    project.source("rides", "id\n1\n")
    assert project.run().code == 0


def test_a_connection_that_is_not_there_is_told_with_those_that_are(one: Project) -> None:
    result = one.seeknal("run")
    assert (
        "seeknal/one.yml:4: source.one: there is no connection 'shop'; there is no profile (profiles.yml, "
        in result.err
    )
    one.write("profiles.yml", "connections:\n  shpo: {type: postgresql}\n  main: {}\n")
    result = one.seeknal("run")
    assert "there is no connection 'shop' (did you mean shpo?); profiles.yml has: shpo, main" in result.err
    one.write("profiles.yml", "connections:\n  shop: {type: sqlite}\n")
    assert "the connection 'shop' is of type sqlite, and the source is postgresql" in one.seeknal("run").err


def test_a_variable_has_to_be_set_when_the_connection_is_used_and_no_earlier(
    one: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH", raising=False)
    one.write(
        "profiles.yml",
        "connections:\n  shop:\n    password: ${NO_SUCH}\n    port: 1\n  other: {host: '${NO_SUCH_EITHER}'}\n",
    )
    one.source("rides", "id\n1\n")
    assert one.seeknal("run", "--nodes", "rides").code == 0
    result = one.seeknal("run")
    assert "profiles.yml:3: connections.shop.password: the environment variable NO_SUCH is not set" in result.err
    assert "NO_SUCH_EITHER" not in result.err


@pytest.mark.parametrize(
    ("written", "secret", "means"),
    [
        ("${A}", False, "one"),
        ("a-${A}-${B:b}", False, "a-one-b"),
        ("${B:}", False, ""),
        ("${B:a:b}", False, "a:b"),
        ("$A", False, "one"),
        ("db_$A", False, "db_one"),
        ("$$A", False, "$A"),
        ("${D}", False, "$A ${A}"),
        ("$A", True, "one"),
        ("pa$A", True, "pa$A"),
        ("pa$$word", True, "pa$$word"),
        ("pa${A}", True, "paone"),
        ("${D}", True, "$A ${A}"),
        (5432, False, 5432),
    ],
)
def test_variables(written: object, secret: bool, means: object) -> None:
    """A value of a variable is never looked through again: `$word` in a password failed."""
    env = {"A": "one", "D": "$A ${A}"}
    assert resolved(Profile("p"), (), written, env, set(), secret=secret) == means


@pytest.mark.parametrize(
    ("fields", "path", "words"),
    [
        ("port: 70000", "profiles.yml:2", "port is 70000: allowed are 1 to 65535"),
        ("port: x", "profiles.yml:2", "port is 'x': a number is needed"),
        ("sslmode: on", "profiles.yml:2", "sslmode is"),
    ],
)
def test_a_field_that_is_wrong_is_told_where_it_stands(one: Project, fields: str, path: str, words: str) -> None:
    one.write("profiles.yml", f"connections:\n  shop: {{{fields}}}\n")
    err = one.seeknal("run").err
    assert f"{path}: source.one: " in err
    assert words in err


def test_the_first_of_the_files_counts_and_nothing_of_another(
    one: Project, postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = one.path("..", "home")
    os.makedirs(home, exist_ok=True)
    monkeypatch.setenv("SEEKNAL_BASE_CONFIG_PATH", home)
    s = postgresql.server

    def profile(path: str, schema: str) -> None:
        fields = f"host: {s.host}, port: {s.port}, user: {s.user}, password: '${{SHOP_PASSWORD}}', database: {postgresql.name}"
        one.write(path, f"connections:\n  shop: {{{fields}, schema: {schema}}}\n")

    for schema in ("home", "project", "named"):
        postgresql.execute(
            f"DROP SCHEMA IF EXISTS {schema} CASCADE",
            f"CREATE SCHEMA {schema}",
            f"CREATE TABLE {schema}.who AS SELECT '{schema}' AS w",
        )
    one.write("seeknal/one.yml", "kind: source\nname: one\nsource: postgresql\nconnection: shop\ntable: who\n")

    def who(*options: str) -> str:
        one.run(*options)
        return str(one.rows("source.one")[0][0])

    os.unlink(one.path("profiles.yml"))
    profile("../home/profiles.yml", "home")
    assert who() == "home"
    profile("profiles.yml", "project")
    assert who() == "project"
    profile("other.yml", "named")
    assert who("--profile", one.path("other.yml")) == "named"
    assert who() == "project"


def test_an_environment_has_a_file_of_its_own_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEKNAL_BASE_CONFIG_PATH", "/home/me/conf")
    assert places("/shop", "prod", "prod") == ("profiles.yml", "/home/me/conf/profiles.yml")
    own, home = ("profiles-dev.yml", "profiles.yml"), ("/home/me/conf/profiles-dev.yml", "/home/me/conf/profiles.yml")
    assert places("/shop", "dev", "prod") == (*own, *home)
    monkeypatch.delenv("SEEKNAL_BASE_CONFIG_PATH")
    monkeypatch.setenv("HOME", "/home/me")
    assert places("/shop", "prod", "prod")[1] == "/home/me/.seeknal/profiles.yml"


def test_defaults_of_a_type_lie_under_the_params_of_its_sources(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARK", ";")
    project.write("data/rides.csv", "id;n\n1;2\n")
    project.write("seeknal/rides.yml", "kind: source\nname: rides\nsource: csv\ntable: data/rides.csv\n")
    project.write(
        "profiles.yml", "source_defaults:\n  csv: {delimiter: '${MARK}', nullstr: x}\n  jsonl: {format: newline}\n"
    )
    project.run()
    assert project.rows("source.rides") == [(1, 2)]
    project.run()
    monkeypatch.setenv("MARK", ",")
    project.run()
    assert project.rows("source.rides") == [("1;2",)]
    project.write(
        "seeknal/rides.yml", "kind: source\nname: rides\nsource: csv\ntable: data/rides.csv\nparams: {delimiter: ';'}\n"
    )
    project.run()
    assert project.rows("source.rides") == [(1, 2)]


def test_defaults_may_be_a_connection_and_names_of_one_type_are_one(project: Project, postgresql: Database) -> None:
    postgresql.execute("CREATE TABLE rides AS SELECT 1 AS id")
    postgresql.profile(project, more="source_defaults:\n  postgres: {connection: shop, schema: nowhere}\n")
    project.write(
        "seeknal/rides.yml", "kind: source\nname: rides\nsource: postgresql\ntable: rides\nparams: {schema: public}\n"
    )
    project.run()
    assert project.rows("source.rides") == [(1,)]


def test_what_a_source_says_itself_wins_over_its_connection(project: Project, postgresql: Database) -> None:
    postgresql.execute("CREATE SCHEMA old", "CREATE TABLE old.rides AS SELECT 7 AS id")
    s = postgresql.server
    project.write(
        "seeknal/rides.yml",
        "kind: source\nname: rides\nsource: postgres\ntable: rides\nparams: {connection: shop, schema: old}\n",
    )
    project.run()
    assert project.rows("source.rides") == [(7,)]
    os.unlink(project.path("profiles.yml"))
    inline = f"host: {s.host}, port: '{s.port}', user: {s.user}, database: {postgresql.name}, schema: old"
    for password in ("${SHOP_PASSWORD}", "$SHOP_PASSWORD", "{{ env:SHOP_PASSWORD }}"):
        project.write(
            "seeknal/rides.yml",
            f"kind: source\nname: rides\nsource: postgres\ntable: rides\nparams: {{{inline}, password: '{password}'}}\n",
        )
        assert project.run().built == {"source.rides"}
        assert project.rows("source.rides") == [(7,)]

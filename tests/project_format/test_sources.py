"""Sources: types, paths, options (project_format 2.1)."""

from __future__ import annotations

import os

import pytest

from tests.project_format.telling import told, warned
from tests.project_on_disk import Project


def source(project: Project, text: str) -> None:
    project.write("seeknal/sources/rides.yml", f"kind: source\nname: rides\n{text}")


def data(project: Project, path: str, text: str) -> None:
    os.makedirs(os.path.dirname(project.path(path)), exist_ok=True)
    with open(project.path(path), "w", encoding="utf-8") as file:
        file.write(text)


@pytest.mark.parametrize("word", ["csv", "CSV", "Csv", " csv "])
def test_the_type_is_known_in_any_case(project: Project, word: str) -> None:
    """`CSV` was rejected."""
    data(project, "data/rides.csv", "id\n1\n")
    source(project, f"source: '{word}'\ntable: data/rides.csv\n")
    project.run()
    assert project.rows("source.rides") == [(1,)]


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("postgresqll", "did you mean postgresql?"), ("excel", "later version"), ("iceberg", "later version"),
        ("starrocks", "Parquet or CSV"),
        ("bigquery", "Parquet or CSV"),
        ("snowflake", "Parquet or CSV"), ("redshift", "Parquet or CSV"), ("hive", "source: parquet"),
        ("parquett", "did you mean parquet?"), ("tsv", "did you mean csv?"),
    ],
)  # fmt: skip
def test_a_type_that_is_not_here_is_told_at_its_line(project: Project, word: str, words: str) -> None:
    """Fault 39: bigquery, snowflake and others were accepted, and failed at execution."""
    source(project, f"table: x\nsource: {word}\nparams: {{connection: main}}\nquery: SELECT 1\n")
    ((file, line, message),) = told(project)
    assert (file, line) == ("seeknal/sources/rides.yml", 4)
    assert words in message


def test_the_path_may_stand_in_params(project: Project) -> None:
    data(project, "data/rides.csv", "id\n1\n")
    source(project, "source: csv\nparams:\n  path: data/rides.csv\n")
    project.run()
    assert project.rows("source.rides") == [(1,)]
    source(project, "source: csv\ntable: data/rides.csv\nparams:\n  path: data/other.csv\n")
    assert project.run().built == set()
    found = [(line, message) for _, line, message in warned(project) if "ignored" in message]
    assert found == [(6, "source.rides: params.path is ignored: table says data/rides.csv")]


def test_what_no_connector_reads_is_a_warning(project: Project) -> None:
    data(project, "data/rides.csv", "id\n1\n")
    text = "source: csv\ntable: data/rides.csv\nconnection: main\nparams:\n  compression: gzip\n  engine: fast\n"
    source(project, text)
    assert "ignored" not in project.seeknal("run").err
    found = {line: message for _, line, message in warned(project) if "ignored" in message}
    assert sorted(found) == [5, 7, 8]
    assert "csv has no option 'compression'" in found[7]


@pytest.mark.parametrize(("wrong", "right"), [("delimeter", "delimiter"), ("headers", "header"), ("nulstr", "nullstr")])
def test_a_misspelt_option_is_refused(project: Project, wrong: str, right: str) -> None:
    data(project, "data/rides.csv", "id\n1\n")
    source(project, f"source: csv\ntable: data/rides.csv\nparams:\n  skip: 0\n  {wrong}: x\n")
    ((_, line, message),) = told(project)
    assert line == 7
    assert f"did you mean {right}?" in message


def test_one_value_in_two_places_must_be_one(project: Project) -> None:
    data(project, "data/rides.csv", "id;n\n1;2\n")
    source(project, "source: csv\ntable: data/rides.csv\nparams:\n  delimiter: ';'\n  delim: ','\n")
    assert [line for _, line, _ in told(project)] == [7]
    source(project, "source: csv\ntable: data/rides.csv\nquery: a\nparams:\n  query: b\n")
    assert [line for _, line, _ in told(project)] == [5]


def test_options_are_taken_as_they_are_written(project: Project) -> None:
    data(project, "data/rides.csv", "note\nid;n\n1;0\n2;5\n")
    source(project, "source: csv\ntable: data/rides.csv\nparams: {sep: ';', header: 'yes', skip: '1', nullstr: '0'}\n")
    project.run()
    assert project.rows("source.rides") == [(1, None), (2, 5)]


@pytest.mark.parametrize(
    "name", ["o'clock.csv", "a;b.csv", 'q"x.csv', "a--b.csv", "a b.csv", "é ü.csv", "a#b.csv", "$x.csv", "{x}.csv"]
)
def test_any_path_can_be_read(project: Project, name: str) -> None:
    data(project, f"data/{name}", "id\n1\n")
    escaped = name.replace("'", "''")
    source(project, f"source: csv\ntable: 'data/{escaped}'\n")
    project.transform("t", "SELECT id + 1 AS n FROM ref('source.rides')", ("source.rides",))
    project.run()
    assert project.rows("transform.t") == [(2,)]


def test_patterns_are_of_the_project_wherever_one_is(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in (1, 2):
        data(project, f"data/in/rides_{day}.csv", f"id\n{day}\n")
    data(project, "elsewhere/data/in/rides_3.csv", "id\n3\n")
    monkeypatch.chdir(project.path("elsewhere"))
    source(project, "source: csv\ntable: data/*/rides_[12].csv\n")
    project.run()
    assert sorted(project.rows("source.rides")) == [(1,), (2,)]
    data(project, "data/in/rides_2.csv", "id\n5\n")
    assert project.run().built == {"source.rides"}
    os.remove(project.path("data/in/rides_1.csv"))
    project.run()
    assert project.rows("source.rides") == [(5,)]


def test_a_home_folder_is_meant(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", project.path("home"))
    data(project, "home/rides.csv", "id\n4\n")
    source(project, "source: csv\ntable: ~/rides.csv\n")
    project.run()
    assert project.rows("source.rides") == [(4,)]


@pytest.mark.parametrize("table", ["https://example.org/x.csv", "s3://bucket/x.csv", "file:///x.csv"])
def test_an_address_is_no_path(project: Project, table: str) -> None:
    """URLs were mangled into local paths."""
    source(project, f"source: csv\ntable: {table}\n")
    ((_, line, message),) = told(project)
    assert line == 4
    assert "is not a path" in message


@pytest.mark.parametrize(
    "columns", ["[id, {name: n, dtype: VARCHAR}]", "{id: the key, n: {dtype: VARCHAR}}", "{n: VARCHAR}"]
)
def test_the_forms_of_columns(project: Project, columns: str) -> None:
    data(project, "data/rides.csv", "id,n\n1,2\n")
    source(project, f"source: csv\ntable: data/rides.csv\ncolumns: {columns}\n")
    project.run()
    assert project.rows("source.rides") == [(1, "2")]


def test_empty_fields_are_not_there(project: Project) -> None:
    data(project, "data/rides.csv", "id\n1\n")
    source(project, "source: csv\ntable: data/rides.csv\nparams:\ncolumns:\ntags:\nfreshness:\nconnection:\n")
    project.run()
    assert project.rows("source.rides") == [(1,)]

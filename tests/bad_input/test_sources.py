"""Data that is not what its declaration says."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest

from tests.bad_input.refusals import decent, failure, nothing_lost, refused, wrong_project
from tests.project_on_disk import Project

TYPES = {"id": "BIGINT", "customer": "VARCHAR", "amount": "BIGINT"}


def _source(project: Project, table: str, more: str = "", source: str = "csv") -> None:
    text = f"kind: source\nname: odd\nsource: {source}\ntable: {table}\n{more}"
    project.write("seeknal/sources/odd.yml", text)


def _data(project: Project, name: str, text: str) -> None:
    os.makedirs(project.path("data"), exist_ok=True)
    with open(project.path("data", name), "w", encoding="utf-8") as file:
        file.write(text)


def test_a_value_that_does_not_fit_its_declared_type_is_told_with_its_row(shop: Project) -> None:
    shop.run()
    rows = "".join(f"{i},a,10\n" for i in range(1, 500))
    with nothing_lost(shop):
        shop.source("orders", f"id,customer,amount\n{rows}500,a,twelve\n", TYPES)
        result = shop.seeknal("run", "--json")
        refused(result, 1)
        text = failure(result, "source.orders")
        assert "seeknal/sources/orders.yml:" in text
        assert "twelve" in text
        assert "501" in text, "the line of the file"
        assert "amount" in text
        assert "orders.csv" in text


@pytest.mark.parametrize("value", ["1.5", "99999999999999999999", "1e400", "1_000", " ", "1;2", "NULL"])
def test_a_whole_number_is_never_silently_another_one(shop: Project, value: str) -> None:
    shop.source("orders", f"id,customer,amount\n1,a,10\n2,b,{value}\n", TYPES)
    result = shop.seeknal("run", "--json")
    if result.code == 0:
        kept = {row[0]: row[2] for row in shop.rows("source.orders")}[2]
        assert kept is None or str(kept) == value.replace("_", ""), f"{value!r} became {kept!r}"
    else:
        assert "orders" in failure(result, "source.orders")


def test_a_late_odd_value_in_a_column_without_a_type_is_kept_as_it_is(shop: Project) -> None:
    rows = "".join(f"{i}\n" for i in range(1, 60_000))
    for odd in ("60000.5", "sixty thousand", "60000000000000000000"):
        _data(shop, "odd.csv", f"v\n{rows}{odd}\n")
        _source(shop, "data/odd.csv")
        shop.run()
        kept = {str(row[0]) for row in shop.rows("source.odd")}
        assert odd in kept or any("e+" in k and float(k) == float(odd) for k in kept if k[0].isdigit())


def test_a_large_number_beside_a_fraction_is_not_rounded(shop: Project) -> None:
    _data(shop, "odd.csv", "v\n9007199254740993\n0.5\n")
    _source(shop, "data/odd.csv")
    result = shop.seeknal("run", "--json")
    decent(result)
    if result.code == 0:
        assert "9007199254740993" in {str(row[0]).partition(".")[0] for row in shop.rows("source.odd")}


def test_a_declared_column_that_the_file_does_not_have_is_told_with_the_nearest(shop: Project) -> None:
    shop.run()
    shop.source("orders", "id,customer,amuont\n1,a,10\n", TYPES)
    with nothing_lost(shop):
        result = shop.seeknal("run")
        refused(result, 1, "amount", "amuont", "seeknal/sources/orders.yml:")


@pytest.mark.parametrize(
    "text",
    [
        "id,customer,amount\n1,a,10\n2,b\n",
        "id,customer,amount\n1,a,10,more\n",
        'id,customer,amount\n1,"a,10\n2,b,20\n',
        "id,customer,id\n1,a,10\n",
        "id,customer,amount\n1,caf\udce9,10\n",
        "id,customer,amount\n1,a\0b,10\n",
        "\n\n\n",
    ],
    ids=["too few", "too many", "an open quote", "a column twice", "no UTF-8", "a NUL", "blank lines"],
)
def test_a_torn_csv_is_read_or_told(shop: Project, text: str) -> None:
    shop.run()
    with open(shop.path("data", "orders.csv"), "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    result = shop.seeknal("run", "--json")
    decent(result)
    assert result.code in (0, 1), result
    if result.code:
        assert any("orders" in e["error"] for e in result.of("failed"))


def test_a_deleted_csv_is_told_and_what_is_published_stays(shop: Project) -> None:
    shop.run()
    os.unlink(shop.path("data", "orders.csv"))
    with nothing_lost(shop):
        result = shop.seeknal("run", "--json")
        refused(result, 1)
        assert "data/orders.csv" in failure(result, "source.orders")
        refused(shop.seeknal("run"), 1, "data/orders.csv", "seeknal/sources/orders.yml:")
        assert decent(shop.seeknal("plan"))
        refused(shop.seeknal("validate"), 3, "data/orders.csv")


@pytest.mark.parametrize(
    "path",
    [
        "data",
        "data/nowhere.csv",
        "data/*.nothing",
        "data/orders.csv/x",
        '"data/a\\0b.csv"',
        "''",
        "7",
        "[a]",
        "/dev/zero",
        "/dev/stdin",
    ],
)
@pytest.mark.timeout(20)
def test_a_path_that_is_no_file_is_told(shop: Project, path: str) -> None:
    _source(shop, path)
    result = shop.seeknal("run", "--json")
    decent(result)
    if result.code == 3:
        assert {p["file"] for p in wrong_project(result)} == {"seeknal/sources/odd.yml"}
    else:
        assert result.code == 1
        assert "seeknal/sources/odd.yml:" in failure(result, "source.odd")


@pytest.mark.timeout(20)
def test_a_pipe_is_not_read(shop: Project) -> None:
    os.mkfifo(shop.path("data_pipe"))
    _source(shop, "data_pipe")
    result = shop.seeknal("run", "--json")
    refused(result, 1)
    assert "source.odd" in failure(result, "source.odd")


@pytest.mark.parametrize(
    "data", [b"", b"id,a\n1,2\n", b"PAR1", b"PAR1" + b"\0" * 100 + b"PAR1", b"PAR1\xff\xff\xff\x7fPAR1"]
)
def test_a_parquet_source_that_is_no_parquet_is_told(shop: Project, data: bytes) -> None:
    shop.run()
    with open(shop.path("data", "odd.parquet"), "wb") as file:
        file.write(data)
    _source(shop, "data/odd.parquet", source="parquet")
    with nothing_lost(shop):
        result = shop.seeknal("run", "--json")
        refused(result, 1)
        text = failure(result, "source.odd")
        assert "odd.parquet" in text
        assert "seeknal/sources/odd.yml:" in text


def test_a_parquet_source_cut_short_or_flipped_is_told_or_right(shop: Project) -> None:
    path = shop.path("data", "odd.parquet")
    duckdb.execute(f"COPY (SELECT i, i::VARCHAR AS t FROM range(5000) r(i)) TO '{path}' (FORMAT parquet)")
    whole = Path(path).read_bytes()
    shop.transform("sum", "SELECT sum(i) AS s, max(t) AS m FROM ref('source.odd')", ("source.odd",))
    for data in (whole[:-1], whole[: len(whole) // 2], whole[:2000] + b"\xff" * 50 + whole[2050:], whole + b"x"):
        Path(path).write_bytes(data)
        _source(shop, "data/odd.parquet", source="parquet")
        result = shop.seeknal("run", "--json")
        decent(result)
        assert result.code in (0, 1), result
    Path(path).write_bytes(whole)
    shop.run()
    assert shop.rows("transform.sum") == [(12497500, "999")]


@pytest.mark.parametrize(
    "name",
    [
        "it's.csv",
        'a"b.csv',
        "a b.csv",
        "a;b.csv",
        "a\nb.csv",
        "caf\u00e9.csv",
        "[ab].csv",
        "a*.csv",
        "what?.csv",
        "{a,b}.csv",
        "a\\b.csv",
        "-x.csv",
        "%s.csv",
        "$HOME.csv",
        "a\tb.csv",
        "~.csv",
    ],
)
def test_a_path_with_odd_characters_means_that_file(shop: Project, name: str) -> None:
    import json

    _data(shop, "a.csv", "v\n99\n")  # what `[ab].csv`, `a*.csv` and `{a,b}.csv` would mean as patterns
    _data(shop, "b.csv", "v\n98\n")
    _data(shop, name, "v\n1\n2\n")
    _source(shop, json.dumps(f"data/{name}"), "columns:\n  v: BIGINT\n")
    result = shop.seeknal("run", "--json")
    decent(result)
    if result.code == 3 and not name.isprintable():  # a control character in a path may be refused
        assert {p["file"] for p in wrong_project(result)} == {"seeknal/sources/odd.yml"}
        return
    assert result.code == 0, result
    assert shop.rows("source.odd") == [(1,), (2,)]
    assert shop.run().built == set()


def test_a_file_with_the_name_of_a_pattern_is_read_once_by_a_pattern(shop: Project) -> None:
    """The engine must not take a file's name for a pattern again: it would read what the key does not know."""
    os.makedirs(shop.path("data", "in"))
    shop.write("data/in/a.csv", "v\n1\n")
    shop.write("data/in/[a].csv", "v\n2\n")
    _source(shop, "data/in/*.csv", "columns:\n  v: BIGINT\n")
    shop.run()
    assert sorted(shop.rows("source.odd")) == [(1,), (2,)]


@pytest.mark.parametrize("type_", ["BIGNT", "INT; DROP TABLE x", "'", "7", "[BIGINT]", "DECIMAL(100, 2)", "STRUCT(a"])
def test_a_declared_type_that_is_none_is_told(shop: Project, type_: str) -> None:
    _data(shop, "odd.csv", "v\n1\n")
    _source(shop, "data/odd.csv", f'columns:\n  v: "{type_}"\n')
    result = shop.seeknal("run", "--json")
    decent(result)
    assert result.code in (0, 1, 3), result  # words that are no type are a description (project_format 2)
    if result.code == 0:
        assert shop.rows("source.odd") == [(1,)]


def test_names_of_files_that_a_query_lists_are_part_of_its_key(shop: Project) -> None:
    """glob() gives names, not content: renaming a file must not leave a stale list."""
    shop.transform("names", "SELECT parse_filename(file) AS f FROM glob('data/*.csv')")
    result = shop.seeknal("run", "--json")
    if result.code == 0:
        os.rename(shop.path("data", "customers.csv"), shop.path("data", "people.csv"))
        shop.edit("seeknal/sources/customers.yml", "data/customers.csv", "data/people.csv")
        shop.run()
        assert sorted(shop.rows("transform.names")) == [("orders.csv",), ("people.csv",)]
    else:
        assert {p["file"] for p in wrong_project(result)} == {"seeknal/transforms/names.yml"}


def test_times_of_files_are_not_data(shop: Project) -> None:
    """read_text() gives last_modified and an absolute path: neither is content, so neither may get into a table."""
    shop.transform("text", "SELECT filename, last_modified FROM read_text('data/orders.csv')")
    result = shop.seeknal("run", "--json")
    if result.code == 0:
        before = shop.rows("transform.text")
        os.utime(shop.path("data", "orders.csv"), (1, 1))
        shop.run()
        after = shop.rows("transform.text")
        shop.run("--full")
        assert shop.rows("transform.text") == after == before or after != before


def test_data_with_terminal_escapes_is_shown_harmless(shop: Project) -> None:
    shop.source("orders", 'id,customer,"a\x1b[31m\u202emount"\n1,"\x1b[2J\x1b]0;x\x07\u202e\x9b1m",10\n')
    for name in ("clean", "joined", "by_city"):
        os.unlink(shop.path("seeknal", "transforms", f"{name}.yml"))
    shop.run()
    for command in (
        ("inspect", "source.orders"),
        ("show", "source.orders"),
        ("explain", "source.orders"),
        ("list",),
        ("plan",),
        ("log",),
    ):
        assert decent(shop.seeknal(*command))
        decent(shop.seeknal(*command, "--json"))
    assert "\\x1b[2J" in shop.seeknal("inspect", "source.orders").out


def test_descriptions_with_terminal_escapes_are_shown_harmless(shop: Project) -> None:
    text = 'kind: transform\nname: d\ndescription: "\\e[2J\\u202E red"\n'
    text += 'tags: ["\\e[31mtag"]\nowner: "\\x9b1m"\ntransform: SELECT 1 AS a\n'
    shop.write("seeknal/transforms/d.yml", text)
    shop.run()
    for command in (("show", "transform.d"), ("list",), ("plan",), ("explain", "transform.d"), ("validate",)):
        decent(shop.seeknal(*command))


def test_a_source_option_that_is_wrong_is_told(shop: Project) -> None:
    for more in (
        "params:\n  delimeter: ';'\n",
        "params:\n  skip: many\n",
        "params:\n  header: perhaps\n",
        "params: 7\n",
    ):
        _source(shop, "data/orders.csv", more)
        assert {p["file"] for p in wrong_project(shop.seeknal("run", "--json"))} == {"seeknal/sources/odd.yml"}
    _source(shop, "data/orders.csv", source="cvs")
    (problem,) = wrong_project(shop.seeknal("run", "--json"))
    assert "csv" in problem["message"].replace("cvs", "")


@pytest.mark.parametrize("text", ["{", '{"a": 1}\n{"a":', "[1, 2]", "nonsense", "", "null", '{"a": 1}{"b": 2}'])
@pytest.mark.parametrize("source", ["json", "jsonl"])
def test_json_that_is_torn_is_read_or_told(shop: Project, source: str, text: str) -> None:
    _data(shop, "odd.json", text)
    _source(shop, "data/odd.json", source=source)
    result = shop.seeknal("run", "--json")
    decent(result)
    assert result.code in (0, 1), result

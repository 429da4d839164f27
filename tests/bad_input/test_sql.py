"""SQL that reaches for more than its inputs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.bad_input.refusals import failure, nothing_lost, process, refused, wrong_project
from tests.project_on_disk import Project

# Refused before anything runs: SQL -> the reason word (or any of several).
REFUSED = {
    "COPY (SELECT 1 AS a) TO '{marker}'": "sql_not_a_query",
    "COPY t FROM '/etc/passwd'": "sql_not_a_query",
    "EXPORT DATABASE '{marker}'": "sql_not_a_query sql_syntax",
    "ATTACH '{marker}' AS m": "sql_not_a_query",
    "DETACH x": "sql_not_a_query",
    "USE x": "sql_not_a_query",
    "INSTALL httpfs": "sql_not_a_query",
    "LOAD httpfs": "sql_not_a_query",
    "SET enable_external_access = true": "sql_not_a_query",
    "RESET lock_configuration": "sql_not_a_query",
    "PRAGMA database_list": "sql_not_a_query sql_forbidden_function",
    "CALL pragma_version()": "sql_not_a_query sql_forbidden_function",
    "CREATE TABLE x AS SELECT 1 AS a": "sql_not_a_query",
    "CREATE SECRET s (TYPE s3)": "sql_not_a_query",
    "CREATE MACRO m() AS 1": "sql_not_a_query",
    "INSERT INTO x VALUES (1)": "sql_not_a_query",
    "DELETE FROM x": "sql_not_a_query",
    "DROP TABLE x": "sql_not_a_query",
    "EXPLAIN SELECT 1": "sql_not_a_query",
    "CHECKPOINT": "sql_not_a_query",
    "BEGIN": "sql_not_a_query",
    "PREPARE p AS SELECT 1": "sql_not_a_query",
    "SELECT 1 AS a; SELECT 2 AS a": "sql_several_statements",
    "SELECT 1 AS a; COPY (SELECT 1) TO '{marker}'": "sql_several_statements",
    "SET VARIABLE x = 1; SELECT getvariable('x') AS a": "sql_several_statements",
    "": "sql_empty wrong_field",
    ";": "sql_empty",
    "-- nothing": "sql_empty",
    "SELEC 1": "sql_syntax",
    "SELECT (1 AS a": "sql_syntax",
    "SELECT 'open AS a": "sql_syntax",
    "SELECT * FROM glob('/etc/*')": "sql_forbidden_function sql_undeclared_file",
    "SELECT getenv('HOME') AS a": "sql_forbidden_function",
    "SELECT \"getenv\"('HOME') AS a": "sql_forbidden_function",
    "SELECT main.getenv('HOME') AS a": "sql_forbidden_function",
    "SELECT system.main.getenv('HOME') AS a": "sql_forbidden_function",
    "SELECT list_transform([1], x -> getenv('HOME')) AS a": "sql_forbidden_function",
    "SELECT 1 AS a ORDER BY getenv('HOME')": "sql_forbidden_function",
    "SELECT current_setting('temp_directory') AS a": "sql_forbidden_function",
    "SELECT getvariable('x') AS a": "sql_forbidden_function",
    "SELECT setseed(0.5) AS a": "sql_forbidden_function",
    "SELECT nextval('s') AS a": "sql_forbidden_function",
    "SELECT * FROM read_csv('http://localhost:1/x.csv')": "sql_forbidden_function",
    "SELECT * FROM read_parquet('s3://bucket/x.parquet')": "sql_forbidden_function",
    "FROM 'https://localhost:1/x.parquet'": "sql_forbidden_function",
    "SELECT * FROM read_csv('/etc/' || 'passwd')": "sql_undeclared_file",
    "SELECT * FROM read_text((SELECT '/etc/passwd'))": "sql_undeclared_file sql_forbidden_function",
    "SELECT * FROM read_csv(getenv('HOME'))": "sql_undeclared_file sql_forbidden_function",
    "SELECT * FROM duckdb_settings()": "sql_forbidden_function",
    "SELECT * FROM duckdb_secrets()": "sql_forbidden_function",
    "SELECT * FROM duckdb_tables()": "sql_forbidden_function",
    "SELECT * FROM pragma_database_list()": "sql_forbidden_function",
    "SELECT * FROM information_schema.tables": "",
    "SELECT * FROM query('SELECT 1 AS a')": "sql_forbidden_function",
    "SELECT * FROM query_table('x')": "sql_forbidden_function",
    "SELECT * FROM sniff_csv('/etc/passwd')": "sql_forbidden_function",
    "SELECT * FROM parquet_metadata('/etc/passwd')": "",
    "SELECT * FROM sqlite_scan('/etc/passwd', 'x')": "sql_forbidden_function",
    "SELECT ? AS a": "sql_parameter",
    "SELECT $1 AS a": "sql_parameter",
    "SELECT $name AS a": "sql_parameter",
    "DESCRIBE SELECT 1 AS a": "sql_not_a_query",
    "SHOW TABLES": "sql_not_a_query",
    "SUMMARIZE SELECT 1 AS a": "sql_not_a_query",
    "SELECT ref('transform.clean') AS a": "sql_wrong_ref",
    "FROM ref('transform.' || 'clean')": "sql_wrong_ref",
    "FROM ref()": "sql_wrong_ref",
    "FROM ref('a', 'b')": "sql_wrong_ref",
    "FROM nowhere": "unknown_input sql_unknown_table",
    "FROM ref('transform.claen')": "unknown_input",
    "FROM ref('../x')": "unknown_input sql_wrong_ref sql_unknown_table",
}


@pytest.mark.parametrize(("sql", "reasons"), REFUSED.items(), ids=[sql or "nothing" for sql in REFUSED])
def test_sql_that_is_not_one_query_over_inputs_is_refused(shop: Project, sql: str, reasons: str) -> None:
    marker = shop.path("marker")
    shop.write(
        "seeknal/transforms/bad.yml", f"kind: transform\nname: bad\ntransform: |\n  {sql.replace('{marker}', marker)}\n"
    )
    result = shop.seeknal("run", "--json")
    assert not os.path.lexists(marker)
    if result.code == 1 and not reasons:
        assert "seeknal/transforms/bad.yml:" in failure(result, "transform.bad")
        return
    (problem,) = wrong_project(result)
    assert problem["file"] == "seeknal/transforms/bad.yml"
    assert problem["line"] in (3, 4)
    assert not reasons or problem["reason"] in reasons.split(), problem
    assert "bad" in problem["message"], "the node is named"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT content FROM read_text('/etc/passwd')",
        "SELECT content FROM read_blob('/proc/self/environ')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "FROM '/etc/passwd'",
    ],
)
def test_a_file_outside_of_the_project_is_refused_or_declared(shop: Project, sql: str) -> None:
    """A file named in a query becomes an input of the node, so its key is sound; what is in it is never told."""
    shop.transform("bad", sql)
    result = shop.seeknal("run", "--json")
    assert "root:x:0" not in result.out + result.err
    if result.code == 0:
        assert "/etc/passwd" in sql, "what is not a file of the disk is no input"
        shown = shop.seeknal("show", "transform.bad", "--json")
        assert "/etc/passwd" in shown.out
    else:
        refused(result, result.code if result.code in (1, 3) else 3)


def test_a_file_that_the_query_names_is_found_from_any_folder(shop: Project, tmp_path: Path) -> None:
    """Paths are relative to the project, not to where the person stands; a file of that name here is not meant."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "orders.csv").write_text("n\n77\n")
    shop.transform("direct", "SELECT count(*) AS n FROM read_csv('data/orders.csv')")
    for cwd in (shop.root, str(tmp_path), "/"):
        assert process(shop, "run", "--full", "--nodes", "transform.direct", cwd=cwd).code == 0
        assert shop.rows("transform.direct") == [(3,)]


def test_a_file_that_the_query_names_but_does_not_exist_is_told(shop: Project) -> None:
    shop.transform("bad", "SELECT * FROM read_csv('data/nowhere.csv')")
    result = shop.seeknal("run", "--json")
    refused(result, result.code if result.code in (1, 3) else 3, "data/nowhere.csv", "seeknal/transforms/bad.yml:")


def test_a_query_cannot_reach_the_data_of_a_node_that_it_does_not_read(shop: Project) -> None:
    shop.run()
    blob = os.path.realpath(shop.view("transform.clean"))
    for sql in (f"SELECT * FROM read_parquet('{blob}')", f"FROM '{blob}'", "FROM read_parquet('target/cas/*/*')"):
        shop.transform("bad", sql)
        result = shop.seeknal("run", "--json")
        if result.code == 0:  # then it is a declared input: the key follows it
            assert "bad" in str(shop.seeknal("show", "transform.bad", "--json").json)
        else:
            refused(result, result.code if result.code in (1, 3) else 3)


def test_an_unknown_column_names_node_file_line_and_the_nearest_name(shop: Project) -> None:
    shop.run()
    shop.transform("bad", "SELECT id,\n  amuont AS x\nFROM ref('transform.clean')", ("transform.clean",))
    with nothing_lost(shop):
        result = shop.seeknal("run", "--json")
        refused(result, 1)
        text = failure(result, "transform.bad")
        assert "seeknal/transforms/bad.yml:" in text
        assert "transform.bad" in text
        assert "amount" in text, "the nearest name"
        assert "transform.clean" in text, "the input that has no such column"
    shown = shop.seeknal("run")
    refused(shown, 1, "amount", "seeknal/transforms/bad.yml:")


def test_an_unknown_column_is_told_by_plan_and_validate_too_once_the_inputs_are_known(shop: Project) -> None:
    shop.run()
    shop.transform("bad", "SELECT amuont AS x FROM ref('transform.clean')", ("transform.clean",))
    plan = shop.seeknal("plan")
    assert "amount" in plan.out + plan.err


def test_two_output_columns_of_one_name_are_refused(shop: Project) -> None:
    for sql in ("SELECT 1 AS a, 2 AS a", "SELECT 1 AS a, 2 AS A", "SELECT * FROM (SELECT 1 AS a) x, (SELECT 2 AS a) y"):
        shop.transform("bad", sql)
        result = shop.seeknal("run", "--json")
        refused(result, result.code if result.code in (1, 3) else 1, "seeknal/transforms/bad.yml:")
        assert "called a" in result.out or "duplicate" in result.out.lower()


def test_a_failing_value_is_told_without_its_terminal_escapes(shop: Project) -> None:
    shop.source("odd", "v\n\x1b[2J\x1b]0x\x07\u202ebad\n", {"v": "VARCHAR"})
    shop.transform("bad", "SELECT v::INTEGER AS n FROM ref('source.odd')", ("source.odd",))
    result = shop.seeknal("run")
    refused(result, 1, "transform.bad", "seeknal/transforms/bad.yml:")
    assert "INT" in result.err


@pytest.mark.timeout(30)
def test_sql_that_is_nested_too_deeply_is_told(shop: Project) -> None:
    shop.transform("bad", "SELECT " + "(" * 5000 + "1" + ")" * 5000 + " AS a")
    problems = wrong_project(shop.seeknal("run", "--json"))
    assert problems[0]["file"] == "seeknal/transforms/bad.yml"


def test_division_by_zero_and_casts_fail_the_node_only(shop: Project) -> None:
    shop.run()
    shop.transform("bad", "SELECT error('stop here') AS a FROM ref('transform.clean')", ("transform.clean",))
    shop.transform("after_bad", "SELECT count(*) AS n FROM ref('transform.bad')", ("transform.bad",))
    shop.transform("fine", "SELECT count(*) AS n FROM ref('transform.clean')", ("transform.clean",))
    result = shop.seeknal("run", "--json", "--continue-on-error")
    refused(result, 1)
    assert "stop here" in failure(result, "transform.bad")
    assert [e["target"] for e in result.of("skipped")] == ["transform.after_bad"]
    assert shop.rows("transform.fine") == [(3,)]
    assert not os.path.lexists(shop.view("transform.bad"))


def test_no_temporary_file_is_left_by_a_failure(shop: Project) -> None:
    shop.transform("bad", "SELECT error('stop') AS a FROM ref('transform.clean')", ("transform.clean",))
    refused(shop.seeknal("run"), 1)
    assert os.listdir(shop.path("target", "tmp")) == []

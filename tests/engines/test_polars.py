"""Stories of `engine: polars`: the same answers as DuckDB, the same keys but for the engine, the same walls around it."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from decimal import Decimal
from typing import Any

import pytest

from tests.bad_input.refusals import ROOT, failure, process, refused, wrong_project
from tests.project_on_disk import Project, reader

POLARS = "engine: polars\n"
QUERIES = {
    "columns": "SELECT k, v, s FROM ref('source.a') WHERE v > 3 AND (s LIKE 'x%' OR s IS NULL)",
    "star": "SELECT * FROM input_0",
    "this": "SELECT k, d FROM __THIS__ WHERE d >= DATE '2024-01-10'",
    "arithmetic": "SELECT k + v AS p, k * v AS t, v / 2 AS h, v % 3 AS r, -k AS n FROM ref('source.a')",
    "grouped": "SELECT k, count(*) AS n, sum(v) AS v, min(d) AS d, avg(v) AS m FROM ref('source.a') GROUP BY k",
    "having": "SELECT s, count(DISTINCT k) AS n FROM ref('source.a') GROUP BY s HAVING count(*) > 2",
    "all": "SELECT count(*) AS n, count(v) AS v, max(s) AS s FROM ref('source.a')",
    "joined": "SELECT a.k, a.v, b.w FROM ref('source.a') a JOIN ref('source.b') b ON a.k = b.k",
    "using": "SELECT k, w FROM ref('source.a') LEFT JOIN ref('source.b') USING (k)",
    "semi": "SELECT k, v FROM ref('source.a') WHERE k IN (SELECT k FROM ref('source.b') WHERE w > 4)",
    "exists": "SELECT k FROM ref('source.b') b WHERE NOT EXISTS (SELECT 1 FROM ref('source.a') a WHERE a.k = b.k)",
    "union": "SELECT k FROM ref('source.a') UNION ALL SELECT k FROM ref('source.b')",
    "except": "SELECT k FROM ref('source.a') EXCEPT SELECT k FROM ref('source.b')",
    "cte": "WITH big AS (SELECT k, v, s FROM ref('source.a') WHERE v > 2), n AS (SELECT k, count(*) AS n FROM big GROUP BY k) "
    "SELECT big.k, n.n FROM big JOIN n USING (k)",
    "windows": "SELECT k, v, row_number() OVER (PARTITION BY k ORDER BY v, d, s) AS i, "
    "sum(v) OVER (PARTITION BY k) AS total FROM ref('source.a') WHERE v IS NOT NULL AND s IS NOT NULL",
    "qualify": "SELECT k, d, v FROM ref('source.b') QUALIFY row_number() OVER (PARTITION BY k ORDER BY d DESC, v) = 1",
    "cases": "SELECT CASE WHEN v > 5 THEN 'big' WHEN v IS NULL THEN 'none' ELSE 'small' END AS c, coalesce(s, '?') AS s "
    "FROM ref('source.a')",
    "texts": "SELECT upper(s) AS u, length(s) AS n, substring(s, 2, 2) AS m, left(s, 1) AS l, s || '!' AS e, "
    "replace(s, 'x', 'y') AS r, trim(s) AS t, s ~ '^x' AS x FROM ref('source.a')",
    "dates": "SELECT d + INTERVAL 3 DAY AS later, d - INTERVAL '1 month' AS before, date_part('year', d) AS y, "
    "date_trunc('month', d) AS m, CAST(d AS VARCHAR) AS t FROM ref('source.a')",
    "distinct": "SELECT DISTINCT k, s FROM ref('source.a')",
    "casts": "SELECT CAST(v AS DOUBLE) AS f, CAST(v AS VARCHAR) AS t, CAST(k AS DECIMAL(9, 2)) AS p, k::REAL AS r "
    "FROM ref('source.a')",
    "constant": "SELECT 1 AS one, 'it''s' AS text, NULL IS NULL AS yes",
    "quoted": 'SELECT k AS "größe", v AS "Mixed Case", s AS "count_star()" FROM ref(\'source.a\')',
    "nothing": "SELECT k, d, s FROM ref('source.a') WHERE k > 1000",
}


def data(project: Project, seed: int) -> None:
    """Two sources of random rows with gaps."""
    dice = random.Random(seed)

    def rows(count: int, third: str) -> str:
        lines = [f"k,v,s,d{third}"]
        for _ in range(count):
            v, s = dice.choice(["", *map(str, range(10))]), dice.choice(["", "x", "xy", "abc", "é", "xx y"])
            lines.append(f"{dice.randint(0, 6)},{v},{s},2024-01-{dice.randint(1, 28):02}" + (",7" if third else ""))
        return "\n".join(lines) + "\n"

    types = {"k": "BIGINT", "v": "BIGINT", "s": "VARCHAR", "d": "DATE"}
    project.source("a", rows(60, ""), types)
    project.source("b", rows(15, ",w"), {**types, "w": "BIGINT"})


@pytest.fixture
def two(project: Project) -> Project:
    data(project, 1)
    return project


def plain(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Sorted, numbers by value: the engines choose other widths for a sum."""
    return sorted(
        (tuple(float(v) if isinstance(v, (int, float, Decimal)) else str(v)[:10] for v in row) for row in rows),
        key=repr,
    )


def names(project: Project, node: str) -> list[str]:
    return [n for n, *_ in reader().execute(f"DESCRIBE FROM read_parquet('{project.view(node)}')").fetchall()]


def types(project: Project, node: str) -> list[str]:
    return [t for _, t, *_ in reader().execute(f"DESCRIBE FROM read_parquet('{project.view(node)}')").fetchall()]


@pytest.mark.parametrize("seed", range(2))
def test_polars_gives_what_duckdb_gives(project: Project, seed: int) -> None:
    data(project, seed)
    for name, sql in QUERIES.items():
        inputs = ("source.a",) if "input_0" in sql or "__THIS__" in sql else ()
        project.transform(f"{name}_duckdb", sql, inputs)
        project.transform(f"{name}_polars", sql, inputs, POLARS)
    project.run()
    for name in QUERIES:
        one, other = f"transform.{name}_duckdb", f"transform.{name}_polars"
        assert names(project, one) == names(project, other), name
        assert plain(project.rows(one)) == plain(project.rows(other)), name
    assert project.rows("transform.nothing_polars") == []
    assert types(project, "transform.nothing_polars") == ["BIGINT", "DATE", "VARCHAR"]
    assert project.run().built == set()


def test_only_the_meaning_the_engine_and_what_is_read_are_in_the_key(two: Project) -> None:
    two.transform("t", "SELECT k, count(*) AS n FROM ref('source.a') GROUP BY k", more=POLARS)
    two.run()
    two.edit("seeknal/transforms/t.yml", "SELECT k, count(*) AS n", "-- counted\n  select   k,\n   count( * ) as n")
    assert two.run().built == set()
    two.edit("data/a.csv", "abc", "abd")
    assert two.run().built == {"source.a"}
    two.edit("seeknal/transforms/t.yml", POLARS, "")
    again = two.run()
    assert again.built == {"transform.t"}
    assert again.of("built")[0]["reasons"][0]["reason"] == "engine_changed"
    two.edit("data/a.csv", "2024", "2023")
    assert two.run().built == {"source.a"}


def test_columns_that_only_a_cte_names_are_read(two: Project) -> None:
    two.transform("t", "WITH c AS (SELECT k, v, s FROM ref('source.a')) SELECT k FROM c WHERE v > 2", more=POLARS)
    two.run()
    two.edit("data/a.csv", "abc", "abd")
    assert two.run().built == {"source.a", "transform.t"}
    assert two.run().built == set()


def test_a_function_that_only_polars_knows_reads_all_columns(two: Project) -> None:
    two.transform("t", "SELECT k, atand(v) AS angle FROM ref('source.a') WHERE v IS NOT NULL", more=POLARS)
    two.run()
    assert {round(row[1]) for row in two.rows("transform.t")} >= {0, 45}
    two.edit("data/a.csv", "abc", "abd")
    assert two.run().built == {"source.a", "transform.t"}


def test_rows_without_an_order_are_equal_bytes_and_an_order_is_kept(two: Project) -> None:
    two.transform("free", "SELECT k, v FROM ref('source.a') UNION ALL SELECT k, v FROM ref('source.b')", more=POLARS)
    two.transform("down", "SELECT v, k FROM ref('source.a') ORDER BY v DESC NULLS LAST, k", more=POLARS)
    two.transform("sum", "SELECT sum(k) AS k FROM ref('transform.free')")
    two.run()
    rows = two.rows("transform.down")
    assert rows == sorted(rows, key=lambda row: (row[0] is None, -(row[0] or 0), row[1]))
    header, *lines = two.read("data/a.csv").splitlines()
    two.write("data/a.csv", "\n".join([header, *reversed(lines)]) + "\n")
    ran = two.run()
    assert ran.built == {"source.a", "transform.free", "transform.down"}
    assert ran.of("done")[0]["cut_off"] == 1


def test_the_clock_is_the_runs_clock(two: Project) -> None:
    sql = "SELECT today() AS d, now() AS n, localtimestamp AS l, date_trunc('month', now()) AS m"
    two.transform("t", sql, more=POLARS)
    two.run("--date", "2024-05-06")
    moment = [str(value)[:19].replace("T", " ") for value in two.rows("transform.t")[0]]
    assert moment == ["2024-05-06", "2024-05-06 00:00:00", "2024-05-06 00:00:00", "2024-05-01 00:00:00"]
    assert two.run("--date", "2024-05-06").built == set()
    assert two.run("--date", "2024-05-07").built == {"transform.t"}


def test_a_form_of_the_clock_that_polars_does_not_have_is_refused(two: Project) -> None:
    two.transform("t", "SELECT\n  current_time AS t", more=POLARS)
    text = failure(two.run(ok=False), "transform.t")
    assert "polars refuses this query" in text
    assert "time" in text


KINDS = {
    "b": "true", "i8": "1::TINYINT", "i64": "9007199254740993", "u64": "18446744073709551615::UBIGINT", "f": "1.5::FLOAT",
    "d": "1.5::DOUBLE", "p": "1.10::DECIMAL(9,2)", "h": "12345678901234567890123456789012345678::DECIMAL(38,0)",
    "s": "'é'", "x": "'\\x00a'::BLOB", "day": "DATE '2024-02-29'", "t": "TIME '01:02:03.000004'",
    "ts": "TIMESTAMP '2024-01-01 00:00:00.000001'", "tz": "TIMESTAMPTZ '2024-01-01 00:00:00+00'",
    "ns": "'2024-01-01 00:00:00.000000001'::TIMESTAMP_NS", "l": "[1, NULL]", "st": "{'a': 1, 'b': ['x']}",
    "m": "map {'a': 1}", "j": "'{\"a\": 1}'::JSON",
}  # fmt: skip


def test_types_come_back_as_they_were(two: Project) -> None:
    given = ", ".join(f"{value} AS {name}" for name, value in KINDS.items())
    gaps = ", ".join(f"NULL AS {name}" for name in KINDS)
    two.transform("given", f"SELECT {given} UNION ALL SELECT {gaps}")
    two.transform("back", "SELECT * FROM ref('transform.given')", more=POLARS)
    two.transform("none", "SELECT * FROM ref('transform.given') WHERE b AND NOT b", more=POLARS)
    two.run()
    wanted = ["VARCHAR" if t == "JSON" else t for t in types(two, "transform.given")]
    assert types(two, "transform.back") == types(two, "transform.none") == wanted
    assert sorted(two.rows("transform.back"), key=repr) == sorted(two.rows("transform.given"), key=repr)


@pytest.mark.parametrize(("value", "type_"), [("uuid()", "UUID"), ("INTERVAL 1 DAY", "INTERVAL")])
def test_a_type_that_polars_would_lose_is_refused(two: Project, value: str, type_: str) -> None:
    two.transform("given", f"SELECT k, {value} AS x FROM ref('source.a')")
    two.transform("back", "SELECT * FROM ref('transform.given')", more=POLARS)
    text = failure(two.run(ok=False), "transform.back")
    assert f"the column x of transform.given, which is {type_}" in text
    assert "engine: duckdb" in text
    assert text.startswith("seeknal/transforms/back.yml:5:")


@pytest.mark.parametrize("name", ["a b", "__t0", "count_star()", "'q'", "select"])
def test_odd_names_of_columns_are_names(two: Project, name: str) -> None:
    two.transform("given", f"SELECT k AS \"{name}\", v FROM ref('source.a')")
    two.transform("back", f"SELECT \"{name}\" FROM ref('transform.given')", more=POLARS)
    two.run()
    assert names(two, "transform.back") == [name]
    assert sorted(two.rows("transform.back")) == sorted((row[0],) for row in two.rows("transform.given"))


@pytest.mark.parametrize("name", ["*", "^k.*$"])
def test_a_name_that_polars_takes_for_a_pattern_is_refused_and_no_column_is_lost(two: Project, name: str) -> None:
    two.transform("given", f"SELECT k AS \"{name}\", v FROM ref('source.a')")
    two.transform("back", "SELECT * FROM ref('transform.given')", more=POLARS)
    assert "for a pattern" in failure(two.run(ok=False), "transform.back")
    two.edit("seeknal/transforms/back.yml", "SELECT *", "SELECT v")
    two.run()
    assert len(two.rows("transform.back")) == 60


REFUSED = {
    "SELECT * FROM read_csv('data/a.csv')": "sql_undeclared_file",
    "SELECT * FROM read_parquet(['x.parquet'])": "sql_undeclared_file",
    "SELECT * FROM \"READ_CSV\"('/etc/passwd')": "sql_undeclared_file",
    "FROM 'data/a.csv'": "sql_undeclared_file",
    "SELECT (SELECT count(*) FROM read_json('x.json')) AS n FROM ref('source.a')": "sql_undeclared_file",
    "SELECT * FROM read_ipc('x.arrow')": "sql_forbidden_function",
    "SELECT * FROM scan_parquet('x.parquet')": "sql_forbidden_function",
    "SELECT * FROM read_csv('http://localhost:1/x.csv')": "sql_forbidden_function",
    "SHOW TABLES": "sql_not_a_query",
    "CREATE TABLE x AS SELECT 1 AS a": "sql_not_a_query",
    "SELECT 1 AS a; SELECT 2 AS a": "sql_several_statements",
    "SELECT getenv('HOME') AS a": "sql_forbidden_function",
    "SELECT * FROM nowhere": "sql_unknown_table",
}


@pytest.mark.parametrize("sql", REFUSED)
def test_polars_has_the_walls_of_duckdb(two: Project, sql: str) -> None:
    two.transform("t", sql, more=POLARS)
    (problem,) = wrong_project(two.run(ok=False))
    assert problem["reason"] == REFUSED[sql]
    assert (problem["file"], problem["line"]) == ("seeknal/transforms/t.yml", 5)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT list(k) AS l FROM ref('source.a')", "unsupported function 'list'"),
        ("SELECT nope FROM ref('source.a')", 'unable to find column "nope"'),
        ("PIVOT ref('source.a') ON k IN (1, 2) USING sum(v)", "PIVOT"),
        ("SELECT k, v AS K FROM ref('source.a')", "two columns"),
        ("SELECT * FROM ref('source.a') ASOF JOIN ref('source.b') USING (k, d)", "polars refuses"),
    ],
)
def test_what_polars_does_not_know_is_told_at_its_line_before_anything_runs(two: Project, sql: str, said: str) -> None:
    two.run()
    two.transform("t", sql, more=POLARS)
    text = refused(two.seeknal("validate"), 3, said)
    assert "seeknal/transforms/t.yml:5: transform.t: " in text
    if said != "two columns":
        assert "engine: duckdb" in text


def test_values_that_do_not_fit_fail_the_node_by_name(two: Project) -> None:
    two.transform("t", "SELECT CAST(s AS BIGINT) AS n FROM ref('source.a')", more=POLARS)
    ran = two.run(ok=False)
    assert ran.code == 1
    assert failure(ran, "transform.t").startswith(
        "seeknal/transforms/t.yml:5: transform.t: polars refuses this query: "
    )


def test_an_unknown_engine_is_told_at_its_line(two: Project) -> None:
    two.transform("t", "SELECT 1 AS a", more="engine: polar\n")
    (problem,) = wrong_project(two.run(ok=False))
    assert (problem["file"], problem["line"]) == ("seeknal/transforms/t.yml", 3)
    assert "did you mean polars?" in problem["message"]


def test_many_rows_run_in_the_background_and_come_back_whole(two: Project) -> None:
    two.transform("many", "SELECT i AS k, i % 7 AS v FROM range(600000) t(i)")
    two.transform("t", "SELECT v, count(*) AS n, sum(k) AS k FROM ref('transform.many') GROUP BY v", more=POLARS)
    two.transform("all", "SELECT k FROM ref('transform.many') WHERE v = 3", more=POLARS)
    two.run()
    assert two.rows("transform.t") == [(v, len(range(v, 600000, 7)), sum(range(v, 600000, 7))) for v in range(7)]
    assert two.rows("transform.all") == [(k,) for k in range(3, 600000, 7)]


def test_a_python_transform_may_say_its_sql_is_for_polars(two: Project) -> None:
    two.write(
        "seeknal/pipelines/p.py",
        "from seeknal.pipeline import transform\n\n"
        "@transform(name='p', sql=\"SELECT count(*) AS n FROM ref('source.a')\", engine='polars')\n"
        "def p(ctx):\n    pass\n",
    )
    two.run()
    assert two.rows("transform.p") == [(60,)]
    assert two.seeknal("show", "transform.p", "--json").json["action"]["engine"].startswith("polars/")


def test_polars_is_not_imported_where_nothing_is_planned_anew(two: Project) -> None:
    two.transform("t", "SELECT k, count(*) AS n FROM ref('source.a') GROUP BY k", more=POLARS)
    two.run()
    two.edit("seeknal/transforms/t.yml", "  SELECT", "  select")
    code = "import sys; from seeknal.cli import main; code = main(sys.argv[1:]); print(code, 'polars' in sys.modules)"
    words = [sys.executable, "-c", code, "run", "--project-path", two.root]
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT, timeout=60)
    assert done.stdout.splitlines()[-1] == "0 False", done.stdout + done.stderr


def test_ctrl_c_ends_a_long_query_at_once(two: Project) -> None:
    tables = " CROSS JOIN ".join(f"ref('source.a') t{i}" for i in range(7))
    two.transform("t", f"SELECT sum(t0.k + t6.k) AS n FROM {tables}", more=POLARS)
    words = [sys.executable, "-m", "seeknal", "run", "--json", "--parallel", "--project-path", two.root]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if json.loads(line) == {"event": "started", "target": "transform.t"}:
                break
        time.sleep(1)
        start = time.monotonic()
        running.send_signal(signal.SIGINT)
        rest = running.stdout.read()
    assert running.returncode == 130, rest
    assert time.monotonic() - start < 5


def test_an_upgrade_of_polars_is_seen_by_a_run_that_has_nothing_to_do(two: Project) -> None:
    two.transform("t", "SELECT k FROM ref('source.a')", more=POLARS)
    two.run()
    two.run()
    assert any(line.endswith("polars/__init__.py") for line in two.read("target/local/stamp").splitlines())
    assert "nothing to do" in process(two, "run").out

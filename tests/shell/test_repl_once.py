"""`seeknal repl -e`: what a statement may read, how answers are written, and what is said when there is none."""

from __future__ import annotations

import io
import json
import os

import pytest

from tests.project_on_disk import Project, Result, reader


@pytest.fixture
def sold(shop: Project) -> Project:
    shop.run()
    return shop


def ask(project: Project, sql: str, *words: str) -> Result:
    return project.seeknal("repl", "-e", sql, *words)


def rows(project: Project, sql: str, *words: str) -> list[list[object]]:
    done = ask(project, sql, "--json", *words)
    assert done.code == 0, done.err
    return [list(row.values()) for row in done.json]


def refused(project: Project, sql: str, *words: str) -> tuple[int, str, str]:
    done = ask(project, sql, "--json", *words)
    assert "Traceback" not in done.err
    return done.code, done.json["error"], done.json["message"]


def test_a_table_is_called_by_its_kind_and_name(sold: Project) -> None:
    for name in ("transform_by_city", "transform.by_city", "TRANSFORM_BY_CITY", '"transform_by_city"'):
        assert rows(sold, f"SELECT total FROM {name} ORDER BY total") == [[20], [40]]
    assert rows(sold, "FROM ref('transform.by_city') SELECT max(total)") == [[40]]
    assert rows(sold, "SELECT count(*) FROM transform.joined JOIN source_customers USING (customer, city)") == [[3]]
    assert rows(sold, "FROM query('FROM transform_by_city') SELECT count(*)") == [[2]]


def test_an_answer_as_a_table_csv_and_json(sold: Project) -> None:
    sql = "SELECT customer, amount, CASE WHEN amount > 10 THEN 'NULL' END AS big FROM source_orders ORDER BY amount, 1"
    assert ask(sold, sql, "--limit", "3").out.splitlines() == [
        "customer  amount  big",
        "────────  ──────  ──────",
        "a             10  NULL",
        "b             20  'NULL'",
        "a             30  'NULL'",
    ]
    assert ask(sold, sql, "-f", "csv", "--limit", "2").out == "customer,amount,big\na,10,\nb,20,NULL\n"
    assert ask(sold, sql, "--format", "json", "--limit", "1").json == [{"customer": "a", "amount": 10, "big": None}]
    assert ask(sold, sql, "--json", "--limit", "1").json == [{"customer": "a", "amount": 10, "big": None}]


def test_an_answer_in_a_file(sold: Project) -> None:
    sql = "SELECT city, total FROM transform_by_city ORDER BY city"
    for name in ("out.csv", "out.json", "out.parquet"):
        path = sold.path(name)
        assert ask(sold, sql, "-o", path).out == f"wrote 2 rows to {path}\n"
    assert sold.read("out.csv") == "city,total\nParis,40\nRome,20\n"
    assert json.loads(sold.read("out.json"))[1] == {"city": "Rome", "total": 20}
    assert reader().execute(f"FROM '{sold.path('out.parquet')}'").fetchall() == [("Paris", 40), ("Rome", 20)]
    assert ask(sold, sql, "-o", sold.path("one.parquet"), "--limit", "1").out.startswith("wrote 1 row to")
    path = sold.path("two.csv")
    assert ask(sold, sql, "-o", path, "--json").json == {"file": path, "rows": 2}
    assert ask(sold, sql, "-o", sold.path("x.txt")).code == 2
    assert ask(sold, f"{sql}; {sql}", "-o", sold.path("x.csv")).code == 2
    assert not os.path.exists(sold.path("x.csv"))


def test_values_are_told_as_they_are(sold: Project) -> None:
    sql = (
        "SELECT INTERVAL 3 MONTH AS i, DATE 'infinity' AS d, '2024-01-01 00:00:00.123456789'::TIMESTAMP_NS AS t, "
        "9007199254740993 AS n, [1, NULL] AS l, {'a': 'x'} AS s, 'a' || chr(27) || '[31m' AS e, 'b'::BLOB AS b, 1 AS n"
    )
    found = ask(sold, sql, "--json").json[0]
    assert found == {
        "i": "3 months", "d": "infinity", "t": "2024-01-01 00:00:00.123456789", "n": 9007199254740993, "l": [1, None],
        "s": {"a": "x"}, "e": "a\x1b[31m", "b": "b", "n_1": 1,
    }  # fmt: skip
    told = ask(sold, sql).out
    assert "\x1b" not in told
    assert "a\\x1b[31m" in told


def test_several_statements_and_commands_from_standard_input(sold: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    text = ".tables by_city\n-- a comment; not the end\nSELECT 1 AS a;\nSELECT ';' AS b; .schema transform.by_city\n"
    for words in (("-e", "-"), ()):
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        done = sold.seeknal("repl", *words)
        assert done.code == 0, done.err
        assert "transform_by_city" in done.out
        assert "\na\n─\n1\nb\n─\n;\n" in done.out
        assert done.out.endswith(
            "transform.by_city: 2 rows\ncolumn  type\n──────  ─────────────\ncity    VARCHAR\ntotal   DECIMAL(38,0)\n"
        )


def test_the_first_wrong_statement_ends_it(sold: Project) -> None:
    done = ask(sold, "SELECT 1 AS one; SELECT nothing; SELECT 2 AS two")
    assert done.code == 1
    assert "one" in done.out
    assert "two" not in done.out


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT * FROM transform_by_cty", "there is no table transform_by_cty (did you mean transform_by_city?)"),
        ("SELECT * FROM by_city", "there is no table by_city (did you mean transform_by_city?)"),
        ("SELECT * FROM transform.by_cit", "there is no table transform.by_cit (did you mean transform.by_city?)"),
        ("SELECT citi FROM transform_by_city", 'there is no column "citi" (did you mean city?)'),
        ("SELECT t.totl FROM transform_by_city t", 'there is no column "totl" (did you mean total?)'),
        ("SELEC 1", 'syntax error at or near "SELEC"'),
        ("SELECT CAST('x' AS INTEGER)", "Could not convert string 'x' to INT32"),
    ],
)
def test_a_wrong_statement_is_told_with_its_place(sold: Project, sql: str, told: str) -> None:
    done = ask(sold, sql)
    assert done.code == 1
    first, line, caret = done.err.removeprefix("error:\n").splitlines()
    assert first == told
    assert line == f"  LINE 1: {sql}"
    assert set(caret.strip()) == {"^"}


def test_an_unknown_generation_or_environment_is_told(sold: Project) -> None:
    assert ask(sold, "SELECT 1", "--generation", "beef").code == 2
    assert ask(sold, "SELECT 1", "--env", "Nope!").code == 2


def test_an_environment_shows_its_own_tables_over_those_of_prod(sold: Project) -> None:
    sql = "SELECT max(total) FROM transform_by_city"
    assert rows(sold, sql, "--env", "dev") == [[40]], "nothing of its own yet"
    sold.edit("seeknal/transforms/by_city.yml", "sum(amount)", "2 * sum(amount)")
    sold.run("--env", "dev", "--nodes", "transform.by_city")
    assert rows(sold, sql, "--env", "dev") == [[80]]
    assert rows(sold, sql) == [[40]]
    assert rows(sold, "SELECT count(*) FROM source_customers", "--env", "dev") == [[2]]
    assert "environment dev\n" in sold.read("target/local/names")


def test_an_earlier_generation_can_be_asked(sold: Project) -> None:
    before = sold.seeknal("log", "--json").json[0]["generation"]
    sold.edit("data/orders.csv", "a,30\n" if "a,30" in sold.read("data/orders.csv") else "30", "a,31\n")
    sold.run()
    sql = "SELECT max(amount) FROM source_orders"
    assert rows(sold, sql) == [[31]]
    assert rows(sold, sql, "--generation", before.removeprefix("blake3:")[:8]) == [[30]]
    assert rows(sold, "SHOW TABLES", "--generation", before) == rows(sold, "SHOW TABLES")


def test_nothing_published_is_no_error_before_a_table_is_asked_for(shop: Project) -> None:
    assert rows(shop, "SELECT 1 AS a") == [[1]]
    assert rows(shop, "SHOW TABLES") == []
    assert refused(shop, "FROM transform_by_city")[1] == "sql_wrong"
    assert not os.path.exists(shop.path("target"))


def test_a_table_of_many_intervals_is_one_table(project: Project) -> None:
    project.source("days", "day,n\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n", {"day": "DATE", "n": "BIGINT"})
    source = project.read("seeknal/sources/days.yml")
    project.write("seeknal/sources/days.yml", source + "interval: {unit: day, column: day}\n")
    project.run("--date", "2024-01-10")
    assert rows(project, "SELECT day, n FROM source_days ORDER BY n")[2] == ["2024-01-03", 3]
    assert rows(project, "SELECT count(*) FROM source.days a JOIN source_days b USING (day)") == [[3]]


def test_damaged_bytes_are_not_shown(sold: Project) -> None:
    blob = os.path.realpath(sold.view("transform.by_city"))
    with open(blob, "rb") as file:
        data = bytearray(file.read())
    data[20] ^= 1
    os.chmod(blob, 0o644)
    with open(blob, "wb") as file:
        file.write(data)
    assert refused(sold, "FROM transform_by_city")[:2] == (6, "integrity")
    assert rows(sold, "SELECT count(*) FROM source_customers") == [[2]], "only what is mentioned is looked at"


def test_only_what_is_mentioned_is_attached(sold: Project) -> None:
    found = rows(
        sold,
        "SELECT view_name FROM duckdb_views() WHERE NOT internal -- transform_joined\n AND 'transform_by_city' <> ''",
    )
    assert found == [["transform_by_city"]]


def test_a_plan_is_drawn(sold: Project) -> None:
    drawn = ask(sold, "EXPLAIN SELECT total FROM transform_by_city WHERE total > 20").out
    assert "\\n" not in drawn
    assert len(drawn.splitlines()) > 4


def test_a_parquet_source_that_stays_in_place_is_read_where_it_is(project: Project) -> None:
    path = project.path("it's [here]*", "a.parquet")
    os.makedirs(os.path.dirname(path))
    reader().execute(f"COPY (SELECT 7 AS a) TO '{path.replace(chr(39), chr(39) * 2)}' (FORMAT parquet)")
    project.write("seeknal/s.yml", 'kind: source\nname: s\nsource: parquet\ntable: "it\'s [[]here[]][*]/a.parquet"\n')
    project.run()
    assert rows(project, "SELECT a FROM source_s") == [[7]]
    elsewhere = ["--cache-dir", project.path("elsewhere")]
    project.run(*elsewhere)
    assert rows(project, "SELECT a FROM source_s", *elsewhere) == [[7]]

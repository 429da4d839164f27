"""`seeknal query`: how answers are written, what it may read, and what it says when there is no answer."""

from __future__ import annotations

import json
import os
import stat

import pytest

from tests.project_on_disk import Project

MODELS = """
kind: semantic_model
name: orders
model: ref('source.orders')
dimensions:
  - {name: customer, description: who bought}
  - {name: size, expr: amount // 20, type: number}
measures:
  - {name: revenue, expr: amount, description: what came in}
  - {name: price, expr: amount / 3.0, agg: max}
  - {name: count, agg: count, aliases: [orders]}
---
kind: semantic_model
name: customers
model: ref('source.customers')
entities: [{name: customer, type: primary}]
dimensions: [{name: city}]
measures: [{name: count, agg: count}]
metrics:
  - {name: share, type: ratio, numerator: orders.revenue, denominator: orders.count}
"""


@pytest.fixture
def asked(shop: Project) -> Project:
    shop.write("seeknal/models.yml", MODELS)
    shop.run()
    return shop


def query(project: Project, *words: str) -> tuple[int, str, str]:
    return tuple(project.seeknal("query", *words))  # type: ignore[return-value]


def wrong(project: Project, *words: str) -> tuple[int, str, str]:
    done = project.seeknal("query", *words, "--json")
    return done.code, done.json["error"], done.err


def test_an_answer_as_a_table(asked: Project) -> None:
    code, out, err = query(asked, "--metrics", "revenue,share", "--dimensions", "customer")
    assert (code, err) == (0, "")
    assert out == "customer  revenue  share\na         40       20.0\nb         20       20.0\n"


def test_an_answer_as_csv_and_json(asked: Project) -> None:
    words = ["--metrics", "revenue", "--metrics", "price", "--dimensions", "customer", "--order-by", "-revenue"]
    assert query(asked, *words, "-f", "csv")[1] == "customer,revenue,price\na,40,10.0\nb,20,6.666666666666667\n"
    records = [{"customer": "a", "revenue": 40, "price": 10.0}, {"customer": "b", "revenue": 20, "price": 20 / 3}]
    assert json.loads(query(asked, *words, "--format", "json")[1]) == records
    document = asked.seeknal("query", *words, "--json").json
    assert document["rows"] == records
    assert document["columns"][0] == {"name": "customer", "type": "VARCHAR"}
    assert document["sql"].startswith("WITH rows_0 AS")


def test_an_answer_in_a_file(asked: Project) -> None:
    path = asked.path("out", "answer.csv")
    os.makedirs(os.path.dirname(path))
    for _ in range(2):
        code, out, _ = query(asked, "--metrics", "revenue", "--output", path)
        assert (code, out) == (0, f"wrote 1 rows to {path}\n")
    assert asked.read("out/answer.csv") == "revenue\n60\n"
    assert stat.S_IMODE(os.stat(path).st_mode) & 0o200, "the file is the person's own"
    assert os.listdir(os.path.dirname(path)) == ["answer.csv"]
    assert query(asked, "--metrics", "revenue", "-o", asked.path("x.json"))[0] == 0
    assert json.loads(asked.read("x.json")) == [{"revenue": 60}]
    assert query(asked, "--metrics", "revenue", "-o", asked.path("x.txt"), "-f", "csv")[0] == 0
    assert asked.read("x.txt") == "revenue\n60\n"
    assert wrong(asked, "--metrics", "revenue", "-o", asked.path("x.xlsx"))[:2] == (2, "unknown_format")
    assert wrong(asked, "--metrics", "revenue", "-o", asked.path("no", "such", "x.csv"))[0] == 7


def test_numbers_keep_their_digits(project: Project) -> None:
    project.source("big", "n,d\n9007199254740993,0.1\n9007199254740993,\n", {"n": "BIGINT", "d": "DECIMAL(18,3)"})
    project.write(
        "seeknal/m.yml",
        "kind: semantic_model\nname: m\nmodel: source.big\n"
        "measures: [{name: n}, {name: d}, {name: nan, expr: \"'nan'::DOUBLE\"}]\n",
    )
    project.run()
    words = ["--metrics", "n,d,nan"]
    assert project.seeknal("query", *words, "-f", "json").out == '[{"n": 18014398509481986, "d": 0.1, "nan": "nan"}]\n'
    assert project.seeknal("query", *words, "-f", "csv").out == "n,d,nan\n18014398509481986,0.100,nan\n"


def test_the_list_of_what_there_is(asked: Project) -> None:
    code, out, _ = query(asked, "--list")
    assert code == 0
    assert [line.split() for line in out.splitlines()] == [
        ["metric", "type", "of"],
        ["customers.count", "simple", "customers.count"],
        ["orders.count", "simple", "orders.count"],
        ["price", "simple", "orders.price"],
        ["revenue", "simple", "orders.revenue", "what", "came", "in"],
        ["share", "ratio", "orders.revenue", "/", "orders.count"],
        [],
        ["dimension", "model", "type"],
        ["city", "customers", "categorical"],
        ["customer", "orders", "categorical", "who", "bought"],
        ["size", "orders", "number"],
    ]
    listed = asked.seeknal("query", "--list", "--json").json
    assert {metric["name"] for metric in listed["metrics"]} >= {"share", "revenue"}
    for metric in listed["metrics"]:
        assert query(asked, "--metrics", metric["name"])[0] == 0


def test_one_name_of_several_measures_is_told_apart(asked: Project) -> None:
    code, reason, said = wrong(asked, "--metrics", "count")
    assert (code, reason) == (2, "ambiguous_measure")
    assert "orders.count, customers.count" in said or "customers.count, orders.count" in said
    out = query(asked, "--metrics", "orders.count,customers.count", "-f", "csv")[1]
    assert out == "orders_count,customers_count\n3,2\n"
    assert query(asked, "--metrics", "orders", "-f", "csv")[1] == "count\n3\n", "an alias asks for the same metric"


@pytest.mark.parametrize(
    ("words", "reason", "said"),
    [
        (["--metrics", "revenu"], "unknown_metric", "did you mean revenue?"),
        (["--metrics", "revenue", "--dimensions", "custmer"], "unknown_dimension", "did you mean customer?"),
        (["--metrics", "revenue", "--dimensions", "order.customer"], "unknown_dimension", "orders.customer"),
        (["--metrics", "revenue", "--dimensions", "city"], "unreachable_dimension", "city"),
        (["--metrics", "revenue", "--order-by", "revenu"], "unknown_order", "did you mean revenue?"),
        (["--metrics", "revenue", "--filter", "custmer = 'a'"], "unknown_dimension", "did you mean customer?"),
        (["--metrics", "revenue", "--filter", "city = 'a'"], "unreachable_dimension", "customers"),
        (["--metrics", "revenue", "--filter", "sum(amount) > 3"], "sql_wrong", "aggregates"),
        (["--metrics", "revenue", "--limit", "-1"], "usage", "--limit"),
        (["--metrics", ","], "usage", "no metric"),
        ([], "usage", "query --list"),
        (["--metrics", "revenue", "--format", "xml"], "usage", "xml"),
        (["--metrics", "revenue", "--dimensions", "customer,orders.customer"], "duplicate_column", "ask for one"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_told(asked: Project, words: list[str], reason: str, said: str) -> None:
    code, word, text = wrong(asked, *words)
    assert (code, word) == (2, reason), text
    assert said in text


@pytest.mark.parametrize(
    "text",
    [
        "1 = 1; DROP TABLE x", "1 = 1 -- all", "1 = 1 /* all */", "1 = 1) OR (1 = 1", "1, 2", "", "(1 = 1", "'a", '"a',
        "amount > $1", "$$ ) $$ = 'x'", "#1 > 0", "amount IN (1, 2", "[1)", "e'\\') OR (1=1' = ';",
    ],
)  # fmt: skip
def test_a_filter_is_one_expression(asked: Project, text: str) -> None:
    code, reason, said = wrong(asked, "--metrics", "revenue", "--filter", text)
    assert (code, reason) == (2, "bad_filter"), said


@pytest.mark.parametrize(
    "text",
    [
        "customer IN (SELECT column0 FROM read_csv('/etc/passwd'))",
        "customer IN (SELECT content FROM read_text('/etc/passwd'))",
        "customer IN (FROM '/etc/passwd.csv')",
        "customer IN (SELECT customer FROM ref('source.customers'))",
        "customer IN (SELECT customer FROM source.customers)",
        "customer = getenv('HOME')",
        "customer IN (SELECT name FROM duckdb_settings())",
        "amount > ?",
        "customer SIMILAR",
        "1 = 1 UNION SELECT 1",
        "1 = 1 GROUP BY 1",
        "DROP TABLE orders",
    ],
)
def test_a_filter_reaches_nothing_but_the_tables_of_the_question(asked: Project, text: str) -> None:
    code, reason, said = wrong(asked, "--metrics", "revenue", "--filter", text)
    assert code == 2, said
    assert reason.startswith("sql_"), said


def test_words_in_texts_are_only_words(asked: Project) -> None:
    text = "customer NOT IN ('DROP TABLE; --', 'it''s', \"customer\" || '/*') AND e'a\\'b;' <> customer"
    assert query(asked, "--metrics", "revenue", "--filter", text, "-f", "csv")[1] == "revenue\n60\n"


def test_what_is_not_published_is_to_be_run_first(shop: Project) -> None:
    shop.write("seeknal/models.yml", MODELS)
    code, reason, said = wrong(shop, "--metrics", "revenue")
    assert (code, reason) == (2, "not_published")
    assert "seeknal run -n source.orders" in said
    shop.run("-n", "source.orders")
    assert query(shop, "--metrics", "revenue", "-f", "csv")[1] == "revenue\n60\n"
    assert wrong(shop, "--metrics", "revenue,customers.count")[1] == "not_published"


def test_it_reads_what_is_published_and_changes_nothing(asked: Project) -> None:
    asked.write("data/orders.csv", "id,customer,amount\n1,a,1000\n")
    before = {name: os.stat(asked.path("target", name)).st_mtime_ns for name in os.listdir(asked.path("target"))}
    assert query(asked, "--metrics", "revenue", "-f", "csv")[1] == "revenue\n60\n"
    assert {
        name: os.stat(asked.path("target", name)).st_mtime_ns for name in os.listdir(asked.path("target"))
    } == before
    asked.run()
    assert query(asked, "--metrics", "revenue", "-f", "csv")[1] == "revenue\n1000\n"


def test_damaged_bytes_are_no_answer(asked: Project) -> None:
    path = os.path.realpath(asked.view("source.orders"))
    os.chmod(path, 0o600)
    with open(path, "r+b") as file:
        file.seek(8)
        file.write(b"\xff\xff")
    code, reason, said = wrong(asked, "--metrics", "revenue")
    assert (code, reason) == (6, "integrity")
    assert "seeknal run" in said


def test_the_clock_is_the_one_of_the_command(project: Project) -> None:
    project.source("days", "day,n\n2024-01-01,1\n2024-02-01,2\n2024-03-01,4\n", {"day": "DATE", "n": "BIGINT"})
    project.write(
        "seeknal/m.yml",
        "kind: semantic_model\nname: m\nmodel: source.days\ndimensions: [{name: day, type: time}]\n"
        "measures: [{name: n}, {name: late, expr: n, filters: day >= current_date - 40}]\n",
    )
    project.run()
    words = ["--metrics", "n,late", "--filter", "day < today()", "-f", "csv"]
    assert query(project, *words, "--date", "2024-03-01")[1] == "n,late\n3,2\n"
    assert query(project, *words, "--date", "2024-02-01")[1] == "n,late\n1,1\n"


def test_times_with_zones_are_cut_in_utc(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    project.source(
        "at", "at,n\n2024-01-31 23:30:00+00,1\n2024-02-01 00:30:00+00,2\n", {"at": "TIMESTAMPTZ", "n": "BIGINT"}
    )
    project.write(
        "seeknal/m.yml",
        "kind: semantic_model\nname: m\nmodel: source.at\ndimensions: [{name: at_time, expr: '\"at\"', type: time}]\n"
        "measures: [{name: n}]\n",
    )
    project.run()
    out = query(project, "--metrics", "n", "--dimensions", "at_time__month", "-f", "csv")[1]
    assert out == "at_time_month,n\n2024-01-01,1\n2024-02-01,2\n"

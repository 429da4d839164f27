"""What a semantic model and a metric may say, what is told of one that says something else, and when they are rebuilt."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest

from tests.metrics.market import Market, ask
from tests.project_on_disk import Project, reader

MODEL = """
kind: semantic_model
name: sales
model: ref('source.orders')
default_time_dimension: ordered
entities:
  - {name: customer, type: foreign}
dimensions:
  - name: ordered
    type: time
    expr: DATE '2024-01-01' + INTERVAL (id) DAY
    time_granularity: day
  - {name: size, type: string, expr: amount // 10}
measures:
  - name: revenue
    expr: amount
    filters: ["size < 9"]
    aliases: [turnover, sales]
  - {name: orders, agg: count}
joins:
  - name: customers
    relationship: many_to_one
    sql: "{CUBE}.customer = {model}.customer"
metrics:
  - name: running
    type: cumulative
    measure: revenue
    grain_to_date: month
"""
CUSTOMERS = """
kind: semantic_model
name: customers
model: ref('source.customers')
dimensions:
  - {name: city}
"""
METRIC = """
kind: metric
name: change
type: derived
expr: now - before
inputs:
  - {metric: revenue, alias: now}
  - metric: revenue
    alias: before
    offset: 1 month
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One project for all tests of this file, built once: what is edited is put back, and then is in the cache."""
    project = Project(str(tmp_path_factory.mktemp("sales")), {"seeknal_project.yml": "name: sales\n"})
    types = {"id": "BIGINT", "customer": "VARCHAR", "amount": "BIGINT"}
    project.source("orders", ORDERS, types)
    project.source("customers", "customer,city\na,Paris\nb,Rome\n", {"customer": "VARCHAR", "city": "VARCHAR"})
    project.transform("clean", "SELECT * FROM ref('source.orders') WHERE amount > 0", ("source.orders",))
    written(project)
    project.run()
    return project


ORDERS = "id,customer,amount\n1,a,10\n2,b,20\n3,a,30\n"


def written(project: Project) -> None:
    project.write("seeknal/models/sales.yml", MODEL)
    project.write("seeknal/models/customers.yml", CUSTOMERS)
    project.write("seeknal/metrics/change.yml", METRIC)


@pytest.fixture
def sales(built: Project) -> Iterator[Project]:
    yield built
    written(built)
    built.write("data/orders.csv", ORDERS)
    for name in ("more", "most"):
        with contextlib.suppress(FileNotFoundError):
            os.remove(built.path("seeknal", "metrics", f"{name}.yml"))


def line_of(project: Project, path: str, text: str) -> int:
    return next(i for i, line in enumerate(project.read(path).splitlines(), 1) if text in line)


def described(project: Project, node: str) -> list[tuple[object, ...]]:
    columns = "role, name, type, expr, agg, grain, filters, aliases"
    return reader().execute(f"SELECT {columns} FROM '{project.view(node)}' ORDER BY position").fetchall()


def test_a_model_is_a_table_that_describes_it_in_declared_order(sales: Project) -> None:
    sales.run()
    day = "DATE '2024-01-01' + INTERVAL (id) DAY"
    assert described(sales, "semantic_model.sales") == [
        ("model", "source.orders", None, None, None, "ordered", None, None),
        ("entity", "customer", "foreign", '"customer"', None, None, None, None),
        ("dimension", "ordered", "time", day, None, "day", None, None),
        ("dimension", "size", "categorical", "amount // 10", None, None, None, None),
        ("measure", "revenue", None, "amount", "sum", None, "size < 9", "turnover, sales"),
        ("measure", "orders", None, "*", "count", None, None, None),
        ("join", "customers", "many_to_one", "{CUBE}.customer = {model}.customer", None, None, None, None),
        ("metric", "running", "cumulative", None, None, "month", None, None),
        ("measure", "revenue", None, None, None, None, None, None),
    ]
    assert described(sales, "metric.change") == [
        ("metric", None, "derived", "now - before", None, None, None, None),
        ("input", "revenue", None, None, None, None, None, "now"),
        ("input", "revenue", None, None, None, "1 month", None, "before"),
    ]
    assert [row[1] for row in ask(sales, "turnover", "city")] == [40, 20]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ref('source.orders')", "ref('transform.clean')"),
        ("default_time_dimension: ordered\n", ""),
        ("type: foreign", "type: unique"),
        ("INTERVAL (id)", "INTERVAL (id + 1)"),
        ("time_granularity: day", "time_granularity: month"),
        ("type: string, ", "type: number, "),
        ("expr: amount\n", "expr: amount + 1\n"),
        ("size < 9", "size < 8"),
        ("turnover", "takings"),
        ("agg: count", "agg: count, expr: id"),
        ("many_to_one", "one_to_one"),
        ("{CUBE}.customer =", "upper({CUBE}.customer) ="),
        ("grain_to_date: month", "grain_to_date: year"),
        ("name: running", "name: so_far"),
    ],
)
def test_an_edit_of_what_counts_rebuilds_the_model(sales: Project, old: str, new: str) -> None:
    """W3: there, nothing of a semantic model is in the hash."""
    if "default" in old:
        sales.edit("seeknal/models/sales.yml", "cumulative", "simple")
        sales.edit("seeknal/models/sales.yml", "    grain_to_date: month\n", "")
        sales.write("seeknal/metrics/change.yml", METRIC.replace("    offset: 1 month\n", ""))
        sales.run()
    before = described(sales, "semantic_model.sales")
    sales.edit("seeknal/models/sales.yml", old, new)
    assert sales.run().built == {"semantic_model.sales"}
    assert described(sales, "semantic_model.sales") != before


@pytest.mark.parametrize(
    ("old", "new"),
    [("now - before", "before - now"), ("1 month", "2 months"), ("alias: now", "alias: new_one"), ("derived", "ratio")],
)
def test_an_edit_of_what_counts_rebuilds_the_metric(sales: Project, old: str, new: str) -> None:
    sales.edit("seeknal/metrics/change.yml", old, new)
    if "new_one" in new:
        sales.edit("seeknal/metrics/change.yml", "expr: now", "expr: new_one")
    if new == "ratio":
        head = METRIC.partition("expr")[0].replace("derived", "ratio")
        sales.write("seeknal/metrics/change.yml", f"{head}numerator: revenue\ndenominator: orders\n")
    assert sales.run().built == {"metric.change"}


def test_neither_words_nor_data_rebuild_them(sales: Project) -> None:
    sales.edit("seeknal/models/sales.yml", "    expr: amount\n", "    description: what is sold\n    expr: amount\n")
    sales.edit("seeknal/models/sales.yml", "kind: ", "# a comment\nowner: me\nkind: ")
    sales.write("data/orders.csv", "id,customer,amount\n1,a,11\n7,b,20\n")
    built = sales.run().built
    assert "source.orders" in built
    assert not [name for name in built if name.startswith(("semantic_model", "metric"))]


@pytest.mark.parametrize(
    "model",
    [
        "ref('transform.riders_offer')",
        'ref("transform.riders_offer")',
        "transform.riders_offer",
        "ref( 'transform.riders_offer' )",
        "'ref: transform.riders_offer'",
        "ref(transform.riders_offer)",
    ],
)
def test_the_reference_is_read_as_it_is_written(shop: Project, model: str) -> None:
    """Fault 6: there, every one of the letters r, e, f at either end is cut off, and the edge is lost."""
    shop.transform("riders_offer", "SELECT * FROM ref('source.orders')", ("source.orders",))
    shop.write("seeknal/models/m.yml", f"kind: semantic_model\nname: m\nmodel: {model}\nmeasures: [{{name: amount}}]\n")
    shop.run()
    assert shop.seeknal("show", "semantic_model.m", "--json").json["inputs"] == ["transform.riders_offer"]
    assert ask(shop, "amount") == [(60,)]


FEES = {
    "source.orders": "",
    "transform.fee": "kind: transform\nname: fee\ntransform: SELECT * FROM ref('source.orders')\n",
    "feature_group.fee": """
kind: feature_group
name: fee
entity: {name: customer, join_keys: [customer]}
inputs: [{ref: source.orders}]
transform: SELECT customer, sum(amount) AS amount FROM source GROUP BY customer
""",
    "second_order_aggregation.fee": """
kind: second_order_aggregation
name: fee
id_col: customer
feature_date_col: day
application_date_col: day
source: source.orders
features:
  amount: {basic: [sum]}
""",
}


@pytest.mark.parametrize("node", FEES)
def test_every_kind_of_table_can_be_asked(project: Project, node: str) -> None:
    """Fault 48: there, the table of feature_group.fee is looked for as group_fee."""
    types = {"day": "DATE", "customer": "VARCHAR", "amount": "BIGINT"}
    project.source("orders", "day,customer,amount\n2024-01-01,a,10\n2024-01-02,b,50\n", types)
    if FEES[node]:
        project.write("seeknal/fee.yml", FEES[node])
    column = "amount_SUM" if node.startswith("second") else "amount"
    measures = f"measures: [{{name: fees, expr: {column}}}]"
    project.write("seeknal/m.yml", f"kind: semantic_model\nname: m\nmodel: ref('{node}')\n{measures}\n")
    project.run()
    assert ask(project, "fees") == [(60,)]


def test_several_nodes_in_one_file_have_lines_of_their_own(shop: Project) -> None:
    """1.2: only the loader of metrics takes several documents; here every file may hold several nodes."""
    shop.write(
        "seeknal/all.yml",
        CUSTOMERS + "---" + MODEL + "---" + METRIC + "---\nkind: transform\nname: last\ntransform: SELECT 1 AS one\n",
    )
    assert {"semantic_model.customers", "semantic_model.sales", "metric.change", "transform.last"} <= shop.run().built
    assert shop.run().built == set()
    assert shop.seeknal("show", "metric.change", "--json").json["line"] == line_of(
        shop, "seeknal/all.yml", "kind: metric"
    )
    shop.edit("seeknal/all.yml", "SELECT 1", "SELECT 2")
    assert shop.run().built == {"transform.last"}
    shop.edit("seeknal/all.yml", "kind: metric\nname: change", "kind: metrik\nname: change")
    shop.edit("seeknal/all.yml", "name: last", "name: 'the last'")
    done = shop.seeknal("run", "--json")
    wrong = [(problem["line"], problem["reason"]) for problem in done.json["problems"]]
    assert wrong == [
        (line_of(shop, "seeknal/all.yml", "metrik"), "unknown_kind"),
        (line_of(shop, "seeknal/all.yml", "the last"), "bad_name"),
    ]


FIELDS = [
    ("model: ref('source.orders')", "model: ref('orders')", "orders", "model: ref('transform.orders')"),
    ("model: ref('source.orders')", "model: ref('source.order')", "source.order'", "did you mean source.orders?"),
    ("model: ref('source.orders')\n", "", "kind:", "'model' is missing"),
    ("default_time_dimension: ordered", "default_time_dimension: orderd", "orderd", "did you mean ordered?"),
    ("default_time_dimension: ordered", "default_time_dimension: size", "n: size", "is no time dimension"),
    ("default_time_dimension", "default_time_dimensions", "dimensions: ordered", "did you mean default_time_dimension"),
    ("entities:\n  - {name: customer, type: foreign}", "entities: customer", "entities:", "a list is needed"),
    ("{name: customer, type: foreign}", "customer", "- customer", "a mapping is needed"),
    ("{name: customer, type: foreign}", "{type: foreign}", "{type: foreign}", "'name' is missing"),
    ("type: foreign", "type: forein", "forein", "allowed are primary, foreign, unique"),
    ("{name: size,", "{name: 'the size',", "the size", "a letter or _ comes first"),
    ("{name: size,", "{name: ordered,", "{name: ordered,", "'ordered' already"),
    ("{name: size,", "{name: size__day,", "size__day", "ends like a grain"),
    ("type: string", "type: text", "type: text", "allowed are time, categorical, string, number, boolean"),
    ("type: string, expr", "time_granularity: day, expr", "{name: size, time_gran", "for a dimension of type time"),
    ("time_granularity: day", "time_granularity: daily", "daily", "did you mean day?"),
    ("expr: amount // 10", "expr: ''", "expr: ''", "a text is needed"),
    ("expr: amount // 10", "expr: [1]", "[1]", "a text is needed"),
    ("expr: amount\n", "expr: amount)\n", "amount)", "closes nothing"),
    ("expr: amount\n", "expr: amount, 1\n", "amount, 1", "one expression"),
    ("expr: amount\n", "expr: amount -- all\n", "-- all", "comments"),
    ("expr: amount\n", "exp: amount\n", "exp: amount", "did you mean expr?"),
    ("expr: amount\n", "expr: '*'\n", "expr: '*'", "only agg: count counts rows"),
    ("agg: count", "agg: total", "agg: total", "allowed are sum, count, count_distinct"),
    ('["size < 9"]', '["size < 9", {where: 1}]', "where", "an SQL condition"),
    ('["size < 9"]', '["size < (9"]', "size < (9", ") is missing"),
    ("[turnover, sales]", "[turnover, 3]", "turnover, 3", "a text is needed"),
    ("  - name: customers\n", "  - name: customer\n", "  - name: customer\n", "did you mean customers?"),
    ("  - name: customers\n", "  - name: sales\n", "- name: sales\n", "cannot be joined with itself"),
    ("relationship: many_to_one", "relationship: many_to_many", "many_to_many", "one_to_one, one_to_many, many_to_one"),
    ("    sql: ", "    on: ", "  - name: customers", "'sql' is missing"),
    ("{model}.customer", "{client}.customer", "{client}", "the two sides of the join"),
    ("type: cumulative", "type: running", "type: running", "allowed are simple, ratio, cumulative, derived"),
    ("type: cumulative", "type: simple", "grain_to_date", "means nothing for a simple metric"),
    ("    measure: revenue\n", "", "name: running", "a cumulative metric needs the measure"),
    ("    measure: revenue\n", "    measure: revenu\n", "revenu\n", "did you mean revenue?"),
    ("grain_to_date: month", "grain_to_date: moon", "moon", "did you mean month?"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "place", "words"), FIELDS)
def test_a_wrong_field_of_a_model_is_told_at_its_line(
    sales: Project, old: str, new: str, place: str, words: str
) -> None:
    sales.edit("seeknal/models/sales.yml", old, new)
    told(sales, "seeknal/models/sales.yml", place, words)


def told(project: Project, path: str, place: str, words: str) -> None:
    done = project.seeknal("run", "--json")
    assert done.code == 3, done.out + done.err
    text = project.read(path) + "\n"
    line = text[: text.index(place)].count("\n") + 1
    found = {(problem["file"], problem["line"]): problem["message"] for problem in done.json["problems"]}
    assert words in found.get((path, line), ""), found


METRIC_FIELDS = [
    ("type: derived", "kinds: x", "kind: metric", "'type' is missing"),
    ("type: derived", "type: deriven", "deriven", "did you mean derived?"),
    ("expr: now - before\n", "", "kind: metric", "a derived metric needs what is made of its inputs"),
    ("expr: now - before", "expr: now - (before", "now - (before", ") is missing"),
    ("expr: now - before", "expr: now; before", "now; before", "semicolon"),
    ("{metric: revenue, alias: now}", "revenue", "- revenue", "a mapping is needed"),
    ("{metric: revenue, alias: now}", "{alias: now}", "{alias: now}", "'metric' is missing"),
    ("{metric: revenue, alias: now}", "{metric: revenues, alias: now}", "revenues", "did you mean revenue?"),
    ("{metric: revenue, alias: now}", "{metric: revenue, alias: before}", "alias: before\n", "two inputs are called"),
    ("offset: 1 month", "offset: a month", "offset", "a number and a unit is needed"),
    ("offset: 1 month", "offset: 1 fortnight", "offset", "a number and a unit is needed"),
    ("inputs:", "input:", "input:", "did you mean inputs?"),
    ("expr: now - before\n", "expr: now - before\nmeasure: revenue\n", "measure", "means nothing for a derived metric"),
]


@pytest.mark.parametrize(("old", "new", "place", "words"), METRIC_FIELDS)
def test_a_wrong_field_of_a_metric_is_told_at_its_line(
    sales: Project, old: str, new: str, place: str, words: str
) -> None:
    sales.edit("seeknal/metrics/change.yml", old, new)
    told(sales, "seeknal/metrics/change.yml", place, words)


def metric(name: str, type_: str, rest: str) -> str:
    return f"kind: metric\nname: {name}\ntype: {type_}\n{rest}\n"


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (metric("share", "ratio", "numerator: revenue"), "kind", "needs the measure below the line"),
        (metric("share", "ratio", "numerator: revenue\ndenominator: order"), "denominator", "did you mean orders?"),
        (metric("simple", "simple", "measure: paid"), "measure", "no measure 'paid'"),
        (metric("simple", "simple", "measure: other.revenue"), "measure", "no measure 'other.revenue'"),
        (metric("simple", "simple", "measure: revenue\nfilter: 1 = 1; 2"), "filter", "semicolon"),
        (metric("towns", "cumulative", "measure: customers.towns"), "measure", "no default_time_dimension"),
        (metric("doubled", "simple", "measure: towns"), "measure", "write one of customers.towns, sales.towns"),
        (metric("me", "derived", "expr: me + 1\ninputs: [{metric: me}]"), "name", "me -> me"),
        (
            metric("a", "derived", "expr: b\ninputs: [{metric: b}]") + "---\n"
            + metric("b", "ratio", "numerator: revenue\ndenominator: c") + "---\n"
            + metric("c", "derived", "expr: a\ninputs: [{metric: a}]"),
            "name: a",
            "a -> b -> c -> a",
        ),
        (metric("twin", "simple", "measure: revenue") + "---\n" + metric("Twin", "simple", "measure: orders"),
         "kind: metric\nname: Twin", "differ only in the case"),
    ],
)  # fmt: skip
def test_what_is_wrong_between_metrics_and_models_is_told(sales: Project, text: str, place: str, words: str) -> None:
    sales.edit("seeknal/models/customers.yml", "dimensions", "measures: [{name: towns, agg: count}]\ndimensions")
    sales.edit("seeknal/models/sales.yml", "joins:", "  - {name: towns, agg: count}\njoins:")
    sales.write("seeknal/metrics/more.yml", text)
    told(sales, "seeknal/metrics/more.yml", place, words)


def test_a_metric_that_is_declared_twice_is_told(sales: Project) -> None:
    sales.write("seeknal/metrics/more.yml", metric("Running", "simple", "measure: revenue"))
    told(sales, "seeknal/models/sales.yml", "  - name: running", "declared already, in metric.Running")


def test_problems_of_one_model_are_told_all_at_once_and_nothing_that_follows_from_them(sales: Project) -> None:
    sales.edit("seeknal/models/sales.yml", "agg: count", "agg: total")
    sales.edit("seeknal/models/sales.yml", "grain_to_date: month", "grain_to_date: moon")
    problems = sales.seeknal("run", "--json").json["problems"]
    lines = [line_of(sales, "seeknal/models/sales.yml", word) for word in ("agg: total", "moon")]
    assert [problem["line"] for problem in problems] == lines


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("{name: customer, type: foreign}", "{name: costumer}", "costumer", "did you mean customer?"),
        ("amount // 10", "amont // 10", "amont", "did you mean amount?"),
        ("amount // 10", "sum(amount)", "sum(amount)", "aggregates"),
        ("amount // 10", "'unnest([amount])'", "unnest", "UNNEST"),
        ("amount // 10", "(SELECT max(x) FROM ref('transform.clean'))", "SELECT", "columns of its model only"),
        ("amount // 10", "(SELECT max(x) FROM read_csv('/etc/passwd'))", "SELECT", "columns of its model only"),
        ("expr: DATE '2024-01-01' + INTERVAL (id) DAY", "expr: customer", "expr: customer", "date_trunc"),
        ("expr: amount\n", "expr: customer\n", "expr: customer", "sum(VARCHAR)"),
        ("expr: amount\n", "expr: amount +\n", "expr: amount +", "syntax error"),
        ("size < 9", "sice < 9", "sice < 9", "did you mean size?"),
        ("{model}.customer", "{model}.costumer", "costumer", "did you mean customer?"),
        ("    grain_to_date: month\n", "    grain_to_date: hour\n", "    measure: revenue", "told by the day"),
        ("    measure: revenue\n    grain", "    measure: revenue\n    filter: citi = 'x'\n    grain", "filter: citi", "city"),
    ],
)  # fmt: skip
def test_an_expression_that_does_not_fit_its_table_fails_the_model(
    sales: Project, old: str, new: str, place: str, words: str
) -> None:
    sales.edit("seeknal/models/sales.yml", old, new)
    done = sales.run("--continue-on-error", ok=False)
    assert done.code == 1, done.out + done.err
    failed = {event["target"]: event for event in done.of("failed")}
    line = line_of(sales, "seeknal/models/sales.yml", place)
    event = failed["semantic_model.sales"]
    assert f"seeknal/models/sales.yml:{line}:" in event["error"]
    assert words in event["error"]
    assert set(failed) <= {"semantic_model.sales", "metric.change"}
    assert any(p["line"] == line for p in sales.seeknal("validate", "--json").json["problems"])


def test_a_metric_that_does_not_fit_fails_alone(sales: Project) -> None:
    sales.edit("seeknal/metrics/change.yml", "now - before", "now - befor")
    done = sales.run("--continue-on-error", ok=False)
    (failed,) = done.of("failed")
    assert failed["target"] == "metric.change"
    assert "seeknal/metrics/change.yml:4:" in str(failed)
    assert "did you mean before?" in str(failed)


def test_edges_of_metrics_are_what_they_are_made_of(sales: Project) -> None:
    sales.write("seeknal/metrics/more.yml", metric("in_paris", "simple", "measure: revenue\nfilter: city = 'Paris'"))
    sales.write(
        "seeknal/metrics/most.yml", metric("twice", "derived", "expr: in_paris * 2\ninputs: [{metric: in_paris}]")
    )
    shown = {
        name: set(sales.seeknal("show", name, "--json").json["inputs"])
        for name in ("metric.in_paris", "metric.twice", "semantic_model.sales")
    }
    tables = {"source.orders", "source.customers"}
    assert shown == {
        "metric.in_paris": {"semantic_model.sales", *tables},
        "metric.twice": {"semantic_model.sales", "metric.in_paris", *tables},
        "semantic_model.sales": tables,
    }


def test_a_changed_column_upstream_is_noticed_before_anybody_asks(project: Project) -> None:
    market = Market(project, orders=20)
    project.run()
    columns = "SELECT id, customer_id, day, placed_at, status, region, amount AS total FROM ref('source.orders')"
    project.transform("renamed", columns, ("source.orders",))
    project.edit("seeknal/semantic_models/orders.yml", "source.orders", "transform.renamed")
    done = project.run("--continue-on-error", ok=False)
    failed = {event["target"] for event in done.of("failed")}
    assert failed == {"semantic_model.orders"}
    assert len(market.orders) == 20

"""Stories of a query: what its canonical text is, what it reads, what of the clock it asks, and what is refused.

The probes in `sql_probes.sql` are run twice on the same small tables, as written and in canonical form; then once more
with every column changed of which the planner says that the query does not read it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from seeknal.engines.sql import Bound, Parsed, SqlWrong, bind, parse_queries, parse_query, planner
from seeknal.model.sqlclock import FUNCTIONS
from seeknal.model.sqlguard import FORBIDDEN, HARMLESS, VOLATILE
from seeknal.model.sqltree import relation_name

NAMES = {"input_0": "source.orders", "input_1": "source.items"}
ORDERS = (
    ("k", "INTEGER"), ("v", "DOUBLE"), ("s", "VARCHAR"), ("d", "DATE"), ("ts", "TIMESTAMP"), ("l", "INTEGER[]"),
    ("st", "STRUCT(x INTEGER, y VARCHAR)"), ("m", "MAP(VARCHAR, INTEGER)"),
)  # fmt: skip
ITEMS = (("k", "INTEGER"), ("w", "INTEGER"), ("ts", "TIMESTAMP"))
SCHEMAS = {"source.orders": ORDERS, "source.items": ITEMS}
TABLES = {"source.orders": "input_0", "source.items": "input_1"}
NOON = datetime(2024, 5, 6, 12, 30, 15, 123456, tzinfo=UTC)
PROBES = (Path(__file__).parent / "sql_probes.sql").read_text().splitlines()


@pytest.fixture(scope="module")
def con() -> Iterator[Any]:
    made = planner()
    yield made
    made.close()


@pytest.fixture(scope="module")
def data() -> Iterator[Any]:
    made = duckdb.connect(config={"threads": 1})
    made.execute("SET TimeZone = 'UTC'")
    for name, schema in SCHEMAS.items():
        columns = ", ".join(f'"{column}" {type_}' for column, type_ in schema)
        made.execute(f"CREATE TABLE {TABLES[name]}({columns})")
    made.execute("""INSERT INTO input_0 SELECT i % 5, i * 1.5, 'x' || i, DATE '2024-01-01' + i::INT,
        TIMESTAMP '2024-01-01' + INTERVAL (i) HOUR, [i, i + 1], {'x': i, 'y': 'q'}, MAP {'a': i} FROM range(20) t(i)""")
    made.execute("INSERT INTO input_1 SELECT i, i * 10, TIMESTAMP '2024-01-01' + INTERVAL (i) HOUR FROM range(4) t(i)")
    yield made
    made.close()


def parse(con: Any, sql: str, **names: str) -> Parsed:
    return parse_query(con, sql, names or NAMES)


def bound(con: Any, sql: str) -> Bound:
    parsed = parse(con, sql)
    return bind(con, parsed, [SCHEMAS[name] for name in parsed.relations], NOON)


def reads(con: Any, sql: str) -> dict[str, tuple[str, ...] | None]:
    return dict(zip(parse(con, sql).relations, bound(con, sql).reads, strict=True))


def refused(con: Any, sql: str) -> str:
    with pytest.raises(SqlWrong) as caught:
        parse(con, sql)
    return caught.value.reason


def result(data: Any, sql: str) -> Any:
    table = data.sql(sql).to_arrow_table()
    rows = zip(*[column.to_pylist() for column in table.columns], strict=True)
    return table.schema.names, [str(type_) for type_ in table.schema.types], sorted(map(str, rows))


def stand_for_inputs(data: Any, parsed: Parsed, read: tuple[tuple[str, ...] | None, ...] | None = None) -> None:
    """Make the relations of a query; with `read`, columns that are not read hold something else."""
    for i, name in enumerate(parsed.relations):
        wanted = read[i] if read is not None else None
        columns = [column if wanted is None or column in wanted else f"NULL::{type_} AS {column}"
                   for column, type_ in SCHEMAS[name]]  # fmt: skip
        data.execute(
            f"CREATE OR REPLACE TEMP VIEW {relation_name(i)} AS SELECT {', '.join(columns)} FROM {TABLES[name]}"
        )


# --- the text ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        "SELECT k,v\nFROM input_0   WHERE k>1 AND d<DATE '2024-01-09'",
        "select k, v -- why\nfrom input_0 /* all */ where (k > 1) and (((d < date '2024-01-09')));",
        "  from input_0 select k, v where (k) > (1) AND d < '2024-01-09'::Date ;",
        "select k, v from ref('source.orders') where k > 1 and d < cast('2024-01-09' as DATE)",
        "select k, v from source.orders where k > 1 and d < date '2024-01-09'",
    ],
)
def test_only_the_meaning_counts(con: Any, other: str) -> None:
    plain = "select k, v from input_0 where k > 1 and d < date '2024-01-09'"
    assert parse(con, other).text == parse(con, plain).text


WRONG = ["", "selec k from input_0", "select 1; select 2", "drop table input_0", "select k from elsewhere",
         "select getenv('HOME')", "pivot input_0 on s using sum(v)"]  # fmt: skip


def test_many_queries_at_once_are_what_each_is_alone(con: Any) -> None:
    """In the order that they were given, with nothing for one that is refused when it comes alone."""

    def alone(sql: str) -> Parsed | None:
        try:
            return parse(con, sql)
        except SqlWrong:
            return None

    queries = [query for pair in zip(PROBES, WRONG * len(PROBES), strict=False) for query in pair]
    found = parse_queries(con, [(sql, NAMES) for sql in queries])
    assert found == [alone(sql) for sql in queries]
    assert None in found
    assert len([one for one in found if one]) > 50


def test_a_plan_is_over_the_columns_that_it_was_given(con: Any) -> None:
    """Although a table with other columns was there just before, and one that cannot be made."""
    parsed = parse(con, "select * from input_0")
    for schema in (ITEMS, ORDERS, [("k", "NO_TYPE")], ORDERS, ITEMS[:1], ITEMS):
        if schema[0][1] == "NO_TYPE":
            with pytest.raises(SqlWrong):
                bind(con, parsed, [schema], NOON)
        else:
            found = bind(con, parsed, [schema], NOON)
            assert [name for name, _ in found.columns] == [name for name, _ in schema]
            assert found.reads == (tuple(name for name, _ in schema),)


@pytest.mark.parametrize(
    "other", ["select k, v from input_0 where k > 2", "select v, k from input_0 where k > 1",
              "select k, v as w from input_0 where k > 1", "select k, v from input_0 where k > 1 or k > 1"],
)  # fmt: skip
def test_another_meaning_is_another_text(con: Any, other: str) -> None:
    assert parse(con, other).text != parse(con, "select k, v from input_0 where k > 1").text


@pytest.mark.parametrize("sql", PROBES)
def test_canonical_text_gives_what_was_written(con: Any, data: Any, sql: str) -> None:
    parsed = parse(con, sql)
    stand_for_inputs(data, parsed)
    assert result(data, parsed.text) == result(data, sql)


@pytest.mark.parametrize("sql", PROBES)
def test_columns_that_are_not_read_do_not_matter(con: Any, data: Any, sql: str) -> None:
    parsed = parse(con, sql)
    try:
        found = bind(con, parsed, [SCHEMAS[name] for name in parsed.relations], NOON)
    except SqlWrong as wrong:
        assert wrong.reason == "sql_duplicate_column"  # noqa: PT017 - some probes show that join keys come twice
        return
    stand_for_inputs(data, parsed)
    whole = result(data, parsed.text)
    assert [name for name, _ in found.columns] == whole[0]
    stand_for_inputs(data, parsed, found.reads)
    assert result(data, parsed.text) == whole


@pytest.mark.parametrize("sql", PROBES)
def test_canonical_text_can_be_part_of_another_query(con: Any, sql: str) -> None:
    parsed = parse(con, sql)
    names = {relation_name(i): name for i, name in enumerate(parsed.relations)}
    outer = parse_query(con, f"WITH q AS ({parsed.text}) SELECT * FROM q", names)
    assert sorted(outer.relations) == sorted(parsed.relations)
    assert outer.clock == parsed.clock


# --- names ---------------------------------------------------------------------------------------------------------


def test_swapped_inputs_are_other_relations(con: Any) -> None:
    one = parse(con, "from input_0 join input_1 using (k)", input_0="source.a", input_1="source.b")
    two = parse(con, "from input_0 join input_1 using (k)", input_0="source.b", input_1="source.a")
    assert (one.text, one.relations) == (two.text, two.relations[::-1])


def test_renamed_and_reordered_inputs_give_the_same_text(con: Any) -> None:
    sql = "select o.k, w from ref('source.{}') o join source.{} using (k) where w > 1"
    one = parse(con, sql.format("orders", "items"), input_0="source.orders", input_1="source.items")
    two = parse(con, sql.format("bills", "lines"), input_0="source.lines", input_1="source.bills")
    assert one.text == two.text
    assert two.relations == ("source.bills", "source.lines")


def test_one_input_under_two_names_is_one_relation(con: Any) -> None:
    found = parse_query(con, "from input_0 a, __THIS__ b, ref('source.a') c, source.a d",
                        {"input_0": "source.a", "__THIS__": "source.a"})  # fmt: skip
    assert found.relations == ("source.a",)


@pytest.mark.parametrize(
    ("sql", "alias"),
    [
        ("select orders.k from source.orders", "orders"),
        ("select source.orders.k from source.orders", "orders"),
        ("select * exclude (source.orders.k) from source.orders", "orders"),
        ("select input_0.k from ref('source.orders')", "input_0"),
        ("select orders.k from ref('source.orders')", "orders"),
        ("select input_0.s.upper() from input_0", "input_0"),
        ("select count(input_0.*) from input_0", "input_0"),
        ("select input_0 from input_0", "input_0"),
        ("select t.k from input_0 as t", "t"),
        ("select k from input_0", None),
    ],
)
def test_an_alias_is_kept_where_it_is_used(con: Any, sql: str, alias: str | None) -> None:
    assert (f"FROM __t0 AS {alias}" if alias else "FROM __t0") in parse(con, sql).text
    assert bound(con, sql).columns


def test_two_kinds_may_share_a_name(con: Any) -> None:
    found = parse(con, "select source.a.k, model.a.k as j from source.a, model.a")
    assert bind(con, found, [ITEMS, ITEMS], NOON).columns == (("k", "INTEGER"), ("j", "INTEGER"))


@pytest.mark.parametrize(
    ("sql", "relations"),
    [
        ("with input_0 as (select 1) from input_0", ()),
        ("with a as (from input_0), input_0 as (from a) from input_0", ("source.orders",)),
        ("with input_0 as (from input_0) from input_0", ("source.orders",)),
        ("with c as (with input_0 as (select 1) from input_0) from c, input_0", ("source.orders",)),
        ("with INPUT_0 as (select 1 as k) select (select max(k) from input_0) from input_1", ("source.items",)),
        ("with recursive input_0 as (select 1 as n union all select n + 1 from input_0 where n < 3) from input_0", ()),
        ("with recursive r as (select k from input_0 union all select k from r where k < 0) from r", ("source.orders",)),
    ],
)  # fmt: skip
def test_a_cte_hides_an_input_where_sql_says_so(con: Any, sql: str, relations: tuple[str, ...]) -> None:
    assert parse(con, sql).relations == relations


STEPS = "with t as materialized (select k from input_0), v as (select k + 1 as k from t) select * from v order by k"


@pytest.mark.parametrize(
    "sql",
    [
        "create temp table t as select k from input_0; create view v as select k + 1 as k from t; select * from v order by k",
        (
            "CREATE TEMPORARY TABLE IF NOT EXISTS t AS(SELECT k FROM input_0);create or replace temp view v as -- ;\n"
            "select k + 1 as k from t /* ; */ ; from v order by k ; drop view v; drop table if exists t;"
        ),
        (
            "drop table if exists t; create table \"t\" as from ref('source.orders') select k;\n\n"
            'create view "v" as select k + 1 as k from "t"; select * from v order by k'
        ),
    ],
)
def test_steps_before_a_query_are_its_ctes(con: Any, sql: str) -> None:
    assert parse(con, sql) == parse(con, STEPS)


def test_a_wrong_step_is_found_where_it_stands(con: Any) -> None:
    for text, word in [
        ("create table t as\nselect é from gone; from t", "gone"),
        ("create table t as selec 1; from t", "selec"),
    ]:
        with pytest.raises(SqlWrong) as caught:
            parse(con, text)
        assert caught.value.offset == text.index(word)
    with pytest.raises(SqlWrong) as caught:
        parse(con, "-- é\ncreate table t as select 1 as a;\n/* é */ insert into t values (1); from t")
    assert caught.value.offset == len("-- é\ncreate table t as select 1 as a;\n/* é */ ")


def test_files_are_listed(con: Any) -> None:
    found = parse(con, "from 'x.csv' join read_parquet(['a.parquet', 'b/*.parquet']) using (k)")
    assert found.files == ("x.csv", "a.parquet", "b/*.parquet")


# --- refusals ------------------------------------------------------------------------------------------------------

REFUSED = {
    "sql_not_a_query": [
        "copy input_0 to 'x'", "attach 'x'", "insert into x values (1)", "set threads = 1", "pragma version",
        "create table x as select 1", "call range(1)", "explain select 1", "install json", "load json", "use x",
        "describe input_0", "summarize input_0", "show tables", "select * from (describe input_0)", "export database 'x'",
        "begin", "vacuum", "drop table x", "delete from x", "update x set a = 1", "prepare p as select 1",
    ],
    "sql_several_statements": [
        "select 1; select 2", "set threads = 1; select 1", "create table t(a int); insert into t values (1); from t",
        "create table t as select 1 as a; insert into t values (2); from t", "create table x.t as select 1; select 1",
        "create table t as select 1; create table T as select 2; from t", "select 1; drop table orders",
        "create table t as select 1; with t as (select 2) from t", "create macro f(x) as x; select f(1)",
        "create table t as select 1; update t set a = 2; from t", "select 1 as a; create table t as select 1",
    ],
    "sql_empty": ["", "  ", "-- nothing", ";"],
    "sql_parameter": ["select $1", "select ?", "select $name", "from input_0 limit ?"],
    "sql_syntax": ["selec 1", "select 1 from", "select 'a"],
    "sql_unknown_table": [
        "from nothing", "from main.input_0", "from information_schema.tables", "from sqlite_master", "from s3.x",
        "from ref('orders')", "from memory.main.input_0", "from ref('nope.orders')", "from a.b.c.d", "from 'x.duckdb'",
    ],
    "sql_wrong_ref": ["from ref(k)", "from ref('source.a', 1)", "select ref('source.a')", "from ref()",
                      "from ref('source.' || 'a')"],
    "sql_undeclared_file": ["from read_csv(k)", "from read_csv('a' || 'b')", "from read_csv(['a', k])",
                            "from read_csv((select 'x'))", "from read_parquet([])"],
    "sql_forbidden_function": [
        "from query('select 1')", "from query_table('x')", "from duckdb_tables()", "from pragma_version()",
        "from sniff_csv('x')", "from sqlite_scan('a', 'b')", "from read_csv('http://x/y.csv')", "from 's3://a/b.parquet'",
        "from json_execute_serialized_sql('{}')", "from summary(input_0)", "from glob('x/*')", "from read_text('x.txt')",
        "from read_blob('x')",
        "from parquet_metadata('x.parquet')", "from read_csv('x.csv', filename=true)", "from arrow_scan(1)",
        "select getenv('X')", "select current_setting('threads')", "select getvariable('x')", "select nextval('x')",
        "select write_log('x')", "select txid_current()", "select current_schema", "select system.main.current_query()",
        "select x from input_0 where k = (select currval('s'))", "from x.read_csv('a.csv')",
    ],
    "sql_reserved_name": ["with __t0 as (select 1) from __t0", "with a as (with __T7 as (select 1) from __T7) from a"],
    "sql_not_supported": ["pivot input_0 on k using sum(v)", "from input_0 at (version => 1)",
                          "select columns(*) - now() from input_1"],
    "sql_ambiguous_clock": [
        "select k as current_date from input_0 where current_date = 7", "select current_date from (select current_date)",
        "select current_date from input_0 as t(current_date)", "select [current_date for current_date in l] from input_0",
        "with c(localtime) as (select 1) select localtime from c",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("reason", "sql"), [(reason, sql) for reason, many in REFUSED.items() for sql in many])
def test_refused(con: Any, reason: str, sql: str) -> None:
    assert refused(con, sql) == reason


def test_an_error_says_where_and_what_is_known(con: Any) -> None:
    with pytest.raises(SqlWrong) as caught:
        parse(con, "select 'größe'\nfrom input_2")
    assert caught.value.offset == len("select 'größe'\nfrom ")
    assert "did you mean input_" in caught.value.message
    assert "source.items" in caught.value.hint


def test_deep_nesting_is_an_answer_not_a_crash(con: Any) -> None:
    deep = "select " + "(" * 400 + "1" + " + 1)" * 400 + " as x"
    try:
        assert parse(con, deep).text
    except SqlWrong as wrong:
        assert wrong.reason in ("sql_not_supported", "sql_syntax")  # noqa: PT017 - either is fine, a traceback is not


def test_every_function_that_duckdb_does_not_call_consistent_is_known(con: Any) -> None:
    # What takes a time and is one with a zone depends on the session's time zone, which is always UTC here.
    zoned = "len(parameter_types) > 0 AND regexp_matches((return_type || parameter_types::VARCHAR), 'TIME ZONE|TIMESTAMPTZ')"
    words = "|".join(["current_", "now\\(", "today\\(", "duckdb_", "pragma_", "sleep_ms", "FROM "])
    found = con.execute(
        "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE database_name = 'system' AND"
        f" (function_type IN ('scalar', 'aggregate') AND stability <> 'CONSISTENT' AND NOT ({zoned}) AND function_name"
        f" NOT LIKE '\\_\\_%' ESCAPE '\\' OR function_type = 'macro' AND regexp_matches(macro_definition, '{words}'))"
    ).fetchall()
    known = set(FUNCTIONS) | VOLATILE | FORBIDDEN | HARMLESS | {"user", "pg_typeof"}
    assert {name for (name,) in found} - known == set()

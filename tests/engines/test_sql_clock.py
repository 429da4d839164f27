"""Stories of the clock in a query, of what a plan reads, and of what a result's order follows from."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from seeknal.engines.sql import SqlWrong, bind, parse_query, shadows, with_clock
from tests.engines.test_sql import ITEMS, NAMES, NOON, bound, con, data, parse, reads, result, stand_for_inputs

__all__ = ["con", "data"]

DATES = ["current_date", "today()", "current_date()", "age(ts)", "ts.age()", "input_0.ts.age()", "age(d)", "CURRENT_DATE",
         "now()::date", "cast(current_timestamp as DATE)", "date_trunc('month', now())", "date_trunc('day', localtimestamp)",
         "system.main.today()", "d - today()", "age(timestamptz '2020-01-01 03:00:00+01')"]  # fmt: skip
STAMPS = ["now()", "current_timestamp", "get_current_timestamp()", "transaction_timestamp()", "current_time", "localtime",
          "localtimestamp", "get_current_time()", "current_localtime()", "current_localtimestamp()", "NOW()",
          "system.main.now()", "main.now()", "ago(interval 1 day)", "epoch_ms(now())", "date_trunc('hour', now())",
          "(select now())", "now() - ts", "Current_Timestamp"]  # fmt: skip


@pytest.mark.parametrize(("form", "kind"), [*((f, "date") for f in DATES), *((f, "timestamp") for f in STAMPS)])
def test_every_form_of_the_clock(con: Any, data: Any, form: str, kind: str) -> None:
    sql = f"select {form} from input_0"
    parsed = parse(con, sql)
    assert parsed.clock == {kind}
    stand_for_inputs(data, parsed)
    text = with_clock(parsed.text, NOON)
    first, second = data.sql(text), data.sql(sql)
    assert (first.columns, first.types) == (second.columns, second.types)
    assert result(data, text) != result(data, with_clock(parsed.text, NOON + timedelta(days=40, hours=3)))


def test_values_of_the_clock(con: Any, data: Any) -> None:
    sql = "select current_date::varchar, now()::varchar, localtime::varchar, current_time::varchar, localtimestamp::varchar"
    rows = data.sql(with_clock(parse(con, sql).text, NOON)).fetchall()
    assert rows == [("2024-05-06", "2024-05-06 12:30:15.123456+00", "12:30:15.123456", "12:30:15.123456+00",
                     "2024-05-06 12:30:15.123456")]  # fmt: skip


def test_no_clock_no_token(con: Any) -> None:
    found = parse(con, "select d, date_trunc('day', ts), age(ts, ts), 'now()' from input_0")
    assert found.clock == frozenset()
    assert with_clock(found.text, NOON) == found.text


@pytest.mark.parametrize(
    "sql",
    ["select current_date as current_date, count(*) from input_0 group by current_date order by current_date",
     "select * from (select current_date, k from input_0)", "select localtime union all select localtime"],
)  # fmt: skip
def test_a_clock_column_may_keep_its_name(con: Any, sql: str) -> None:
    assert parse(con, sql).clock


def test_a_column_may_have_the_name_of_a_clock_keyword(con: Any) -> None:
    schema = [("k", "INTEGER"), ("current_date", "DATE")]
    shadowed = shadows(schema)
    assert shadowed == {"current_date"}
    found = parse_query(con, "select current_date from input_0", NAMES, shadowed)
    assert found.clock == frozenset()
    assert bind(con, found, [schema], NOON).reads == (("current_date",),)


@pytest.mark.parametrize("shadowed", [frozenset(), frozenset({"current_date"})])
def test_a_keyword_that_is_here_a_column_and_there_the_clock_is_refused(con: Any, shadowed: frozenset[str]) -> None:
    sql = "with a as (select current_date as x from input_1) select current_date from input_0, a"
    found = parse_query(con, sql, NAMES, shadowed)
    schemas = {"source.orders": [("current_date", "DATE")], "source.items": [("k", "INTEGER")]}
    with pytest.raises(SqlWrong) as caught:
        bind(con, found, [schemas[name] for name in found.relations], NOON)
    assert caught.value.reason == "sql_ambiguous_clock"


# --- what is read --------------------------------------------------------------------------------------------------

O, I = "source.orders", "source.items"  # noqa: E741 - orders and items
ALL = tuple(name for name, _ in ITEMS)
READS: list[tuple[str, dict[str, tuple[str, ...] | None]]] = [
    ("select count(*) from input_0", {O: ()}),
    ("select k from input_0 where v > 1", {O: ("k", "v")}),
    ("select w from input_0 join input_1 using (k)", {O: ("k",), I: ("k", "w")}),
    ("select 1 as one from input_0 where exists (from input_1 where input_1.k = input_0.k)", {O: ("k",), I: ("k",)}),
    (
        "select mw from input_0, lateral (select max(w) mw from input_1 where input_1.k = input_0.k)",
        {O: ("k",), I: ("k", "w")},
    ),
    ("select sum(v) over (partition by k order by ts) x from input_0", {O: ("k", "v", "ts")}),
    ("select st.x from input_0", {O: ("st",)}),
    ("select columns('^[kw]') from input_1", {I: ("k", "w")}),
    ("select columns(*) from input_1", {I: ALL}),
    ("with c as (from input_0) select a.k, b.v from c a, c b", {O: ("k", "v")}),
    ("select a.k, b.v from input_0 a join input_0 b on a.s = b.s", {O: ("k", "v", "s")}),
    ("with unused as (from input_1) select k from input_0", {I: (), O: ("k",)}),
    ("select distinct k from input_0", {O: ("k",)}),
    ("select count(*) from (select distinct k, v from input_0)", {O: ("k", "v")}),
    ("select k from input_0 union select w from input_1", {O: ("k",), I: ("w",)}),
    ("select k from input_0 order by v", {O: ("k", "v")}),
    ("select k from input_0 where false", {O: ("k",)}),
    ("select case when false then w else k end c from input_1", {I: ("k", "w")}),
    ("select k from (from input_0 order by v limit 3)", {O: ("k", "v")}),
    ("select * exclude (ts) from input_1", {I: ("k", "w")}),
    ("from input_1 positional join (select k as j from input_0)", {I: ALL, O: ("k",)}),
    ("select (select count(*) from input_1) c from input_0", {I: (), O: ()}),
    ("pivot (select k, v from input_0) on k in (1, 2) using sum(v)", {O: ("k", "v")}),
    ("select typeof(k) t from input_1", {I: None}),
    ("select k.typeof() t from input_1", {I: None}),
]


@pytest.mark.parametrize(("sql", "expected"), READS)
def test_columns_read(con: Any, sql: str, expected: dict[str, tuple[str, ...] | None]) -> None:
    assert reads(con, sql) == expected


@pytest.mark.parametrize(
    ("sql", "reason", "told"),
    [
        ("select amuont from input_0", "sql_unknown_column", "source.orders"),
        ("select vv from input_0 where k = 1", "sql_unknown_column", "did you mean v?"),
        ("select input_0.kk from input_0 join input_1 using (k)", "sql_unknown_column", "did you mean k?"),
        ("select rowid from input_0", "sql_unknown_column", "rowid"),
        ("select 1 as a, 2 as A", "sql_duplicate_column", "AS"),
        ("select sum(s) from input_0", "sql_wrong", ""),
    ],
)
def test_what_does_not_bind(con: Any, sql: str, reason: str, told: str) -> None:
    with pytest.raises(SqlWrong) as caught:
        bound(con, sql)
    assert caught.value.reason == reason
    assert told in caught.value.hint
    assert bound(con, "select k from input_0").columns == (("k", "INTEGER"),)


def test_awkward_names_of_columns(con: Any) -> None:
    schema = [("a.b", "INTEGER"), ("a", "STRUCT(b INTEGER)"), ('q"', "VARCHAR"), ("select", "DATE")]
    for sql, expected in [('select "q""" from input_0', ('q"',)), ('select "select" from input_0', ("select",)),
                          ("select t.a.b from input_0 t", ("a.b", "a"))]:  # fmt: skip
        assert bind(con, parse(con, sql), [schema], NOON).reads == (expected,)


# --- order and chance ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "ordered", "stable"),
    [
        ("from input_0", False, True),
        ("select k + 1 as j from input_0 where v > 1 and k in (1, 2)", False, True),
        ("from input_0 union all from input_0", False, True),
        ("select unnest(l) from input_0", False, True),
        ("from input_0 limit 3", False, True),
        ("with c as (from input_0) select k from (from c) where k > 1", False, True),
        ("from input_0 order by k", True, False),
        ("(from input_0) union (from input_0) order by k", True, False),
        ("select * from (from input_0 order by k)", False, False),
        ("from input_0 join input_1 using (k)", False, False),
        ("select k from input_0 group by k", False, False),
        ("select distinct k from input_0", False, False),
        ("from input_0 union from input_0", False, False),
        ("select row_number() over () r from input_0", False, False),
        ("from input_0 using sample 3", False, False),
        ("from input_0 where k in (select k from input_1)", False, False),
        ("from input_0 where k in (1, 2, 3, 4, 5, 6, 7)", False, False),
        ("select unnest(list(k)) from input_0", False, False),
        ("with c as (from input_0 group by all) from c", False, False),
        ("with recursive r as (select 1 n union all select n + 1 from r where n < 3) from r", False, False),
        ("from input_0 asof join input_1 using (k, ts)", False, False),
        ("pivot input_0 on k in (1) using sum(v)", False, False),
    ],
)
def test_order_of_rows(con: Any, sql: str, ordered: bool, stable: bool) -> None:
    found = parse(con, sql)
    assert (found.ordered, found.stable) == (ordered, stable)


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("select first(k), list(v), string_agg(s, ',') from input_0", ("first", "list", "string_agg")),
        ("select first(k order by v), list(v order by k) from input_0", ()),
        ("select row_number() over (), row_number() over (order by k) from input_0", ("row_number",)),
        ("select row_number() over (order by k) from input_0", ()),
        ("from input_0 limit 3", ("limit",)),
        ("from input_0 order by k limit 3", ()),
        ("select distinct on (k) k, v from input_0", ("distinct on",)),
        ("from input_0 positional join input_1", ("positional join",)),
    ],
)
def test_what_depends_on_the_order_of_rows(con: Any, sql: str, names: tuple[str, ...]) -> None:
    assert parse(con, sql).fragile == names


def test_chance_is_reported(con: Any) -> None:
    assert parse(con, "select random(), uuid(), gen_random_uuid()").volatile == ("gen_random_uuid", "random", "uuid")
    assert parse(con, "from input_0 using sample 10").volatile == ("sample",)
    assert parse(con, "from input_0 tablesample reservoir(5 rows) repeatable (1)").volatile == ()

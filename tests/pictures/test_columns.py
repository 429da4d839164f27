"""What each column is made of: said of DuckDB's canonical SQL, and held against what DuckDB does when the data changes."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from seeknal.engines.sql import bind, parse_query, planner
from seeknal.engines.sqllineage import Unreadable, origins, readable
from seeknal.engines.sqlplain import plainer
from tests.project_on_disk import reader

A = (("id", "BIGINT"), ("grp", "VARCHAR"), ("v", "BIGINT"), ("w", "DOUBLE"), ("l", "BIGINT[]"))
B = (("id", "BIGINT"), ("name", "VARCHAR"), ("w", "BIGINT"))


class Case(NamedTuple):
    """A query over `a` and `b`; each of its columns with what it is made of; what only decides rows or their groups."""

    sql: str
    made_of: dict[str, str]
    deciding: str = ""


CASES = [
    Case("SELECT id, v + 1 AS v FROM a WHERE w > 0.5", {"id": "a.id", "v": "a.v"}, "a.w"),
    Case("SELECT * FROM a", {"id": "a.id", "grp": "a.grp", "v": "a.v", "w": "a.w", "l": "a.l"}),
    Case("SELECT * EXCLUDE (l, w) REPLACE (v + id AS v) FROM a", {"id": "a.id", "grp": "a.grp", "v": "a.v a.id"}),
    Case("SELECT grp, sum(v) AS s, count(*) AS n FROM a GROUP BY grp", {"grp": "a.grp", "s": "a.v", "n": ""}, "a.grp"),
    Case("SELECT a.*, b.name FROM a JOIN b USING (id)",
         {"id": "a.id", "grp": "a.grp", "v": "a.v", "w": "a.w", "l": "a.l", "name": "b.name"}, "a.id b.id"),
    Case("SELECT coalesce(a.w, b.w) AS w FROM a LEFT JOIN b ON a.id = b.id", {"w": "a.w b.w"}, "a.id b.id"),
    Case("WITH x AS (SELECT id, v * 2 AS d FROM a), y AS (SELECT id, d + 1 AS e FROM x) SELECT e FROM y", {"e": "a.v"}),
    Case("SELECT id, (SELECT max(b.w) FROM b WHERE b.id = a.id) AS m FROM a", {"id": "a.id", "m": "a.id b.id b.w"}),
    Case("SELECT id AS x FROM a UNION ALL SELECT w FROM b", {"x": "a.id b.w"}),
    Case("SELECT id, v AS z FROM a UNION ALL BY NAME SELECT w AS z, id FROM b", {"id": "a.id b.id", "z": "a.v b.w"}),
    Case("SELECT id, unnest(l) AS x FROM a", {"id": "a.id", "x": "a.l"}, "a.l"),
    Case("SELECT id, u FROM a, unnest(l) AS t(u)", {"id": "a.id", "u": "a.l"}, "a.l"),
    Case("SELECT v + 1 AS p, p * id AS q FROM a", {"p": "a.v", "q": "a.v a.id"}),
    Case("SELECT id AS v, v * 2 AS q FROM a", {"v": "a.id", "q": "a.v"}),
    Case("SELECT list_transform(l, lambda x: x + v) AS q FROM a", {"q": "a.l a.v"}),
    Case("SELECT [y * v FOR y IN l IF y > id] AS q FROM a", {"q": "a.l a.v a.id"}),
    Case("SELECT s.p, s.q FROM (SELECT struct_pack(p := v, q := id) AS s FROM a)", {"p": "a.v a.id", "q": "a.v a.id"}),
    Case("SELECT id, sum(v) OVER (PARTITION BY grp ORDER BY w, id) AS r FROM a", {"id": "a.id", "r": "a.v a.grp a.w a.id"}),
    Case("SELECT id FROM a QUALIFY row_number() OVER (PARTITION BY grp ORDER BY v, id) = 1", {"id": "a.id"}, "a.grp a.v a.id"),
    Case("SELECT CASE WHEN v > 3 THEN w ELSE 0 END AS c FROM a", {"c": "a.v a.w"}),
    Case("SELECT count(DISTINCT v) FILTER (WHERE w > 0.3) AS n FROM a", {"n": "a.v a.w"}),
    Case("SELECT p, q FROM (SELECT id, v FROM a) AS t(p, q)", {"p": "a.id", "q": "a.v"}),
    Case("SELECT EXISTS (SELECT 1 FROM b WHERE b.w = a.v) AS e FROM a", {"e": "a.v b.w"}),
    Case("SELECT a.id FROM a SEMI JOIN b USING (id)", {"id": "a.id"}, "a.id b.id"),
    Case("SELECT max(w) FROM a", {"max(w)": "a.w"}),
    Case("FROM a SELECT id ORDER BY v, id LIMIT 3", {"id": "a.id"}, "a.v a.id"),
    Case("SELECT 1 AS one, 'x' AS two FROM a", {"one": "", "two": ""}),
    Case("SELECT first.id FROM a AS first ASOF JOIN b ON first.id >= b.id", {"id": "first.id"}, "a.id b.id"),
]  # fmt: skip
REFUSED = {
    "PIVOT a ON grp IN ('x', 'y') USING sum(v)": "PIVOT",
    "WITH RECURSIVE r AS (SELECT id, v FROM a UNION ALL SELECT v, id FROM r WHERE id < 0) SELECT * FROM r": "recursive",
    "SELECT COLUMNS(lambda c: c LIKE 'i%') FROM a": "COLUMNS",
    "SELECT a AS whole FROM a": "sort of query",
}


class Memo:
    """A dictionary that remembers."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        return self.known.get(key)

    def put(self, key: str, value: Any) -> None:
        self.known[key] = value


def read(sql: str) -> tuple[list[str], dict[str, set[str]]]:
    """The tables that a query reads, and of each column what it is made of, through the engine's own parser."""
    con = planner()
    parsed = parse_query(con, sql, {"a": "a", "b": "b"})
    schemas = [{"a": A, "b": B}[name] for name in parsed.relations]
    bound = bind(con, parsed, schemas, datetime(2024, 1, 1, tzinfo=UTC))
    found = origins(Memo(), parsed.text, schemas, bound.columns)
    return list(parsed.relations), {
        name: {f"{parsed.relations[i]}.{column}" for i, column in used} for name, used in found.items()
    }


def expected(case: Case) -> dict[str, set[str]]:
    return {name: set(made_of.replace("first.", "a.").split()) for name, made_of in case.made_of.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.sql)
def test_a_column_is_made_of_what_its_expression_reads(case: Case) -> None:
    assert read(case.sql)[1] == expected(case)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.sql)
def test_no_other_column_changes_it(case: Case) -> None:
    _, found = read(case.sql)
    for column in {f"a.{name}" for name, _ in A} | {f"b.{name}" for name, _ in B}:
        if column in case.deciding.split():
            continue
        for seed in range(2):
            for name in changed(case.sql, column, seed):
                assert column in found[name], f"{column} changes {name}"


@pytest.mark.parametrize("sql", REFUSED)
def test_what_cannot_be_followed_is_refused(sql: str) -> None:
    with pytest.raises(Unreadable, match=REFUSED[sql]):
        read(sql)


def changed(sql: str, column: str, seed: int) -> list[str]:
    """The output columns whose values are others when one input column has other values."""
    before, after = (results(sql, column if i else "", seed) for i in range(2))
    return [name for name in before if before[name] != after[name]]


def results(sql: str, other: str, seed: int) -> dict[str, list[Any]]:
    con = reader()
    for table, schema in (("a", A), ("b", B)):
        columns = [
            values(type_, f"{table}.{name}", seed + 100 * (other == f"{table}.{name}")) for name, type_ in schema
        ]
        cells = ", ".join(f"unnest(CAST(? AS {type_}[])) AS {name}" for name, type_ in schema)
        con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {cells}", columns)
    done = con.execute(sql)
    names = [item[0] for item in done.description]
    rows = done.fetchall()
    return {name: [row[i] for row in sorted(rows, key=repr)] if len(names) == 1 else sorted((row[i] for row in rows), key=repr)
            for i, name in enumerate(names)}  # fmt: skip


def values(type_: str, name: str, seed: int) -> list[Any]:
    chance = random.Random(f"{name} {seed}")
    made: dict[str, Callable[[], Any]] = {
        "BIGINT": lambda: chance.randint(0, 9),
        "VARCHAR": lambda: chance.choice("xyz"),
        "DOUBLE": lambda: chance.choice([0.25, 0.5, 0.75, None]),
        "BIGINT[]": lambda: [chance.randint(0, 9) for _ in range(2)],
    }
    return [made[type_]() for _ in range(12)]


def test_what_was_read_once_is_remembered(tmp_path: object) -> None:
    memo = Memo()
    first = origins(memo, "SELECT id FROM __t0", [A], (("id", "BIGINT"),))
    (key,) = memo.known
    memo.known[key] = {"id": [[0, "v"]]}
    assert origins(memo, "SELECT id FROM __t0", [A], (("id", "BIGINT"),)) == {"id": [(0, "v")]} != first
    assert origins(memo, "SELECT id FROM __t0", [A[:2]], (("id", "BIGINT"),)) == first, (
        "other columns, another question"
    )
    memo.known[key] = ["damaged"]
    assert origins(memo, "SELECT id FROM __t0", [A], (("id", "BIGINT"),)) == first


def test_lambdas_lose_their_parentheses_and_texts_do_not() -> None:
    assert plainer("SELECT f(l, (lambda x: ((x + 1)))) FROM t") == "SELECT f(l, lambda x: ((x + 1))) FROM t"
    assert plainer("SELECT f(l, (lambda x, y: g(')', x))), 1") == "SELECT f(l, lambda x, y: g(')', x)), 1"
    replaced = "SELECT COLUMNS(list_filter(*, (lambda c: (lower(c) != 'event_time')))), d AS event_time FROM q"
    assert plainer(replaced) == 'SELECT * EXCLUDE ("event_time"), d AS event_time FROM q'


def test_sql_is_shown_with_the_names_of_inputs() -> None:
    text = readable(Memo(), "SELECT id FROM __t0 AS x", {"__t0": "source.a"})
    assert "ref('source.a')" in text
    assert "__t0" not in text

"""An edit of a query in words: clause by clause, from DuckDB's own syntax trees."""

from __future__ import annotations

import json

import pytest

from seeknal.engines.sqldiff import in_words
from seeknal.model.sqlwords import Query, changes
from tests.project_on_disk import reader

NAMES = {"__t0": "transform.rides", "__t1": "source.zones"}
CASES = {
    ("SELECT a, fare FROM __t0", "SELECT a FROM __t0"): ("column fare removed",),
    ("SELECT a FROM __t0", "SELECT a, b + 1 AS c FROM __t0"): ("column c added",),
    ("SELECT sum(b) AS s FROM __t0", "SELECT avg(b) AS s FROM __t0"): ("column s: sum(b) -> avg(b)",),
    ("SELECT a, b FROM __t0", "SELECT b, a FROM __t0"): ("columns in another order",),
    ("SELECT a FROM __t0 WHERE minutes > 5 AND a = 1", "SELECT a FROM __t0 WHERE minutes > 10 AND a = 1"): (
        "filter on minutes: minutes > 5 -> minutes > 10",
    ),
    ("SELECT a FROM __t0", "SELECT a FROM __t0 WHERE b = 'x'"): ("filter on b added: b = 'x'",),
    ("SELECT a FROM __t0 WHERE b = 'x' AND c", "SELECT a FROM __t0 WHERE c"): ("filter on b removed: b = 'x'",),
    ("SELECT a FROM __t0", "SELECT a FROM __t0 JOIN __t1 USING (z)"): ("join with source.zones added",),
    ("SELECT a FROM __t0 JOIN __t1 USING (z)", "SELECT a FROM __t0 LEFT JOIN __t1 USING (z)"): (
        "join with source.zones: inner -> left",
    ),
    ("SELECT a FROM __t0 JOIN __t1 USING (z)", "SELECT a FROM __t0 JOIN __t1 USING (y, z)"): (
        "join with source.zones: using z -> using y, z",
    ),
    ("SELECT a FROM __t0", "SELECT a FROM __t1"): ("reads source.zones instead of transform.rides",),
    ("SELECT a FROM __t0 GROUP BY a", "SELECT a FROM __t0 GROUP BY a, b"): ("group by: a -> a, b",),
    ("SELECT a FROM __t0 GROUP BY a", "SELECT a FROM __t0 GROUP BY a HAVING count(*) > 1"): (
        "filter on groups (having) on a constant added: count_star() > 1",
    ),
    ("SELECT a FROM __t0 ORDER BY a", "SELECT a FROM __t0 ORDER BY b"): ("order by: a -> b",),
    ("SELECT a FROM __t0 LIMIT 5", "SELECT a FROM __t0 LIMIT 6"): ("limit: 5 -> 6",),
    ("SELECT DISTINCT a FROM __t0", "SELECT a FROM __t0"): ("distinct removed",),
    (
        "WITH q AS (SELECT a FROM __t0 WHERE a > 1) SELECT a FROM q",
        "WITH q AS (SELECT a FROM __t0 WHERE a > 2) SELECT a FROM q",
    ): ("in q: filter on a: a > 1 -> a > 2",),
    ("SELECT a FROM (SELECT a FROM __t0) s", "SELECT a FROM (SELECT a, b FROM __t0) s"): ("in s: column b added",),
    ("SELECT a FROM __t0", "SELECT a FROM __t0 UNION ALL SELECT a FROM __t1"): (),
    ("SELECT a FROM (VALUES (1)) t(a)", "SELECT a FROM (VALUES (2)) t(a)"): ("in t: valueslist changed",),
    ("SELECT a FROM range(3) t(a)", "SELECT a FROM range(4) t(a)"): ("what it reads changed",),
    (
        "WITH q AS (SELECT a FROM __t0) SELECT a FROM q",
        "WITH q AS (SELECT a FROM __t0 UNION ALL SELECT a FROM __t1) SELECT a FROM q",
    ): ("q of WITH changed",),
}


@pytest.mark.parametrize("pair", CASES, ids=lambda pair: pair[1])
def test_an_edit_in_words(pair: tuple[str, str]) -> None:
    con = reader()
    ask = "SELECT json_deserialize_sql(json_serialize_sql(?))"
    old, new = (con.execute(ask, [sql]).fetchall()[0][0] for sql in pair)
    told = tuple(text.replace("(", "").replace(")", "") for text in in_words(con, old, new, NAMES, NAMES))
    assert told == tuple(text.replace("(", "").replace(")", "") for text in CASES[pair])
    assert in_words(con, old, old, NAMES, NAMES) == ()


def test_a_tree_of_another_shape_says_nothing() -> None:
    for text in ('{"type": "SELECT_NODE"}', "{}", '{"type": "SELECT_NODE", "cte_map": 3}'):
        query = Query("SELECT 1", json.loads(text), {})
        assert changes(query, query) == ()

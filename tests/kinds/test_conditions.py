"""A condition stays inside its brackets: what is accepted is one expression for DuckDB too, whatever its characters."""

from __future__ import annotations

import json
from typing import Any

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from seeknal.model.features import condition
from seeknal.model.lowering import Wrong

PIECES = st.sampled_from(
    ["'", '"', "`", "$", "$$", "$a$", "\\", "e", "E", "x", "U&", "1", "1e", "_", "é", "(", ")", "[", "]", "{", "}", ";",
     "--", "/*", "*/", "-", "/", "*", ",", ".", ":", "::", "=", "==", " ", "\n", "\t", "\u00a0", "\u2028", "a", " a ", " AND ",
     " OR ", " FROM t ", " AS b", " WHERE ", "''", "\\'", "#", "@", "?", "SELECT ", "e'", "'a'", "'b'"]
)  # fmt: skip
CON = duckdb.connect(config={"threads": 1})


def tree(text: str) -> Any:
    """The syntax tree of a query, or None where it has none."""
    row = CON.execute("SELECT json_serialize_sql(?)", [text]).fetchone()
    answer = json.loads(row[0]) if row else {"error": True}
    return None if answer["error"] else answer["statements"]


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(st.lists(PIECES, min_size=1, max_size=14).map("".join), st.lists(PIECES, max_size=8).map("".join))
def test_what_is_accepted_is_one_expression_for_duckdb_too(first: str, second: str) -> None:
    accepted = []
    for text in (first, second):
        try:
            accepted.append(condition(text, ("condition",)))
        except Wrong:
            continue
    if not accepted:
        return
    filters = [f"count(*) FILTER (WHERE {text}) AS c" for text in accepted]
    statements = tree(f"SELECT {', '.join(filters)} FROM t GROUP BY 1 ORDER BY 1")
    if statements is None:
        return
    (statement,) = statements
    query = statement["node"]
    assert [item["alias"] for item in query["select_list"]] == ["c"] * len(accepted)
    assert all(item["filter"] for item in query["select_list"])
    assert (query["from_table"]["type"], query["from_table"]["table_name"]) == ("BASE_TABLE", "t")
    assert query["where_clause"] is None
    assert query["having"] is None
    assert len(query["group_expressions"]) == 1
    assert [modifier["type"] for modifier in query["modifiers"]] == ["ORDER_MODIFIER"]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(alphabet="ab'\"\\()-;$/* \n", max_size=12))
def test_any_text_can_be_a_literal_in_it(text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    assert condition(f"x = {quoted}", ("condition",)) == f"(x = {quoted})"

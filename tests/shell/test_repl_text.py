"""The pure half of the repl: where statements end, which tables they mention, what may come next, and what fits a screen."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seeknal.repl.complete import Known, candidates
from seeknal.repl.fit import table, wide
from seeknal.repl.history import kept
from seeknal.repl.names import aliases, mentioned
from seeknal.repl.text import split, tokens, whole

PIECES = st.sampled_from(
    [
        "select",
        " 1 ",
        ";",
        "';'",
        '";"',
        "--;\n",
        "/*;*/",
        "/*/*;*/*/",
        "$$;$$",
        "$a$;$a$",
        "e'\\';'",
        "''",
        "\n",
        "a.b",
        ",",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=8).map("".join))
def test_statements_end_where_duckdb_says(text: str) -> None:
    pieces, rest = split(text)
    try:
        expected = [statement.query.strip() for statement in duckdb.extract_statements(text)]
    except duckdb.Error:
        return
    found = [piece for piece in [*pieces, rest.strip()] if piece]
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert theirs.startswith(
            ours.rstrip(";").rstrip()
        )  # a second `;` and a comment after it are of the statement before


@given(st.text("se'\"$-/*;\\\n .a", max_size=30))
def test_no_text_is_lost_or_ends_in_an_error(text: str) -> None:
    assert "".join(token.text for token in tokens(text)) == text
    split(text)
    whole(text)


@pytest.mark.parametrize("text", ["SELECT 1;", ".tables", "", "SELECT 1\n\n", "SELECT 1; -- done"])
def test_enter_runs_what_is_whole(text: str) -> None:
    assert whole(text)


@pytest.mark.parametrize(
    "text", ["SELECT 1", "SELECT ';", "SELECT 1 -- ;", "/* ;", "SELECT 'a\n\n", "SELECT 1; SELECT 2", "SELECT $$;"]
)
def test_enter_goes_on_where_something_is_open(text: str) -> None:
    assert not whole(text)


KNOWN = Known(
    {
        "transform_orders": (("order_id", "BIGINT"), ("customer", "VARCHAR"), ("Total sum", "DOUBLE")),
        "transform.orders": (("order_id", "BIGINT"), ("customer", "VARCHAR"), ("Total sum", "DOUBLE")),
        "source_customers": (("customer", "VARCHAR"), ("city", "VARCHAR")),
        "side.s.u": (("b", "INTEGER"),),
    },
    {".tables": ("transform_orders",), ".schema": ("transform_orders", "source_customers"), ".format": ("json", "csv")},
)


def offered(before: str, after: str = "") -> list[str]:
    return [found.text for found in candidates(before, after, KNOWN)]


def test_tables_come_where_tables_come() -> None:
    assert offered("SELECT * FROM tr")[:1] == ["transform_orders"]
    assert offered("SELECT * FROM ord") == ["transform_orders"], "also by a part of the name"
    assert offered("SELECT * FROM transform_orders o, sou") == ["source_customers"]
    assert offered("SELECT * FROM transform_orders JOIN cust") == ["source_customers"]
    assert offered("DESCRIBE so") == ["source_customers"]
    assert offered("WITH big AS (SELECT 1) SELECT * FROM bi") == ["big"]
    assert "transform_orders" in offered("FROM ")


def test_columns_are_those_of_the_tables_that_are_named() -> None:
    assert offered("SELECT cu", " FROM transform_orders")[0] == "customer"
    assert offered("SELECT ci", " FROM transform_orders") == []
    assert offered("SELECT * FROM transform_orders WHERE tot") == ['"Total sum"'], "quoted where it must be"
    assert offered("SELECT o.", " FROM transform_orders AS o") == ["order_id", "customer", '"Total sum"']
    assert offered("SELECT c.ci", " FROM transform.orders o JOIN source_customers c ON true") == ["city"]
    assert offered("SELECT ci")[0] == "city", "of all tables before one is named"
    assert offered("SELECT * FROM transform.") == ["orders"]
    assert offered("SELECT * FROM side.s.") == ["u"]
    assert offered("SELECT * FROM side.") == ["s"]


def test_keywords_follow_the_hand() -> None:
    assert "group by" in offered("SELECT * FROM transform_orders gro")
    assert "GROUP BY" in offered("SELECT * FROM transform_orders GRO")


def test_nothing_is_offered_in_a_text_or_a_comment() -> None:
    assert offered("SELECT 'tr") == offered("SELECT 1 -- tr") == offered("/* tr") == offered("SELECT 1.") == []


def test_commands_and_their_arguments() -> None:
    assert offered(".sc") == [".schema"]
    assert offered(".schema so") == ["source_customers"]
    assert offered(".format ") == ["json", "csv"]


def test_a_statement_mentions_tables_in_every_form() -> None:
    known = ("transform_a", "transform.a", "source_b-c", "side")
    assert mentioned("PIVOT Transform_A ON x USING sum(y)", known) == {"transform_a"}
    assert mentioned("SELECT transform . a.x FROM transform.a", known) == {"transform.a"}
    assert mentioned("""FROM "source_b-c", query('FROM side.t')""", known) == {"source_b-c", "side"}
    assert mentioned("-- transform_a\nSELECT 1 /* side */", known) == set()
    assert aliases("FROM transform.a AS x JOIN transform_a USING (k)", dict.fromkeys(known)) == {
        "a": "transform.a", "transform.a": "transform.a", "x": "transform.a", "transform_a": "transform_a"
    }  # fmt: skip


@given(
    st.integers(20, 120),
    st.lists(st.integers(1, 60), min_size=1, max_size=30),
    st.sampled_from(["x", "漢", "\x1b", "é"]),
    st.sampled_from(["VARCHAR", "BIGINT", "TIMESTAMP"]),
)
def test_a_table_never_gets_wider_than_the_screen(width: int, sizes: list[int], char: str, type_: str) -> None:
    columns = [(f"c{i}", type_) for i in range(len(sizes))]
    made = table(columns, [[char * size for size in sizes]], width)
    assert all(wide(line) <= width for line in made.lines)
    assert made.shown == len(sizes) or "…" in made.lines[0]


def test_a_number_and_a_time_are_shown_whole_where_a_text_can_be_cut() -> None:
    columns = [("at", "TIMESTAMP"), ("text", "VARCHAR"), ("n", "BIGINT")]
    made = table(columns, [["2024-01-08 00:00:00", "x" * 100, 1234567890123]], 50)
    assert made.lines[2] == "2024-01-08 00:00:00  xxxxxxxxxxxxx…  1234567890123"


def test_a_cell_is_cut_before_a_column_is_left_out() -> None:
    made = table([("id", "BIGINT"), ("text", "VARCHAR")], [[1, "x" * 100]], 30)
    assert made.shown == 2
    assert made.lines[2] == " 1  " + "x" * 25 + "…"


@pytest.mark.parametrize(
    ("line", "left"),
    [
        (".connect postgresql://me:pa:ss@host/db", ".connect postgresql://me:***@host/db"),
        (".connect postgres:host=h password='a b' dbname=d", ".connect postgres:host=h password=*** dbname=d"),
        ("SELECT 'x://a:b@c'", "SELECT 'x://a:b@c'"),
    ],
)
def test_a_password_is_not_kept(line: str, left: str) -> None:
    assert kept(line) == left

"""The repl over connections: a server answers what is its own business, and its tables stand beside the published ones."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from tests.connections.conftest import Database
from tests.project_on_disk import Project, Result
from tests.shell.terminal import HOME, SEEKNAL, terminal


@pytest.fixture
def far(shop: Project, postgresql: Database) -> Project:
    """Tables of a server."""
    postgresql.execute(
        "CREATE TABLE orders (id int, customer text, price numeric(10,2), note text)",
        "INSERT INTO orders VALUES (1, 'a', 1.50, 'shop.public.orders'), (2, 'b', 2, NULL), (3, 'a', 10.25, ';')",
        'DROP SCHEMA IF EXISTS "Sales" CASCADE', 'CREATE SCHEMA "Sales"', 'CREATE TABLE "Sales"."Big Ones" (id int, "Total" numeric)',
        'INSERT INTO "Sales"."Big Ones" VALUES (1, 0.1), (2, 12345678901234567890)',
    )  # fmt: skip
    return shop


@pytest.fixture
def both(far: Project) -> Project:
    """Published tables, too."""
    far.run()
    return far


@pytest.fixture
def filed(shop: Project) -> str:
    """An SQLite file; a project's connection `till` leads to it."""
    path = shop.path("till.sqlite")
    with sqlite3.connect(path) as con:
        con.execute("CREATE TABLE sales (id INTEGER, day DATE, price DECIMAL(10,2), customer TEXT)")
        con.execute("INSERT INTO sales VALUES (1, '2024-01-01', 1.5, 'a'), (2, '2024-01-02', 2, 'b')")
    con.close()
    shop.write("profiles.yml", "connections:\n  till: {type: sqlite, path: till.sqlite}\n")
    return path


def ask(project: Project, sql: str, *words: str) -> Result:
    done = project.seeknal("repl", "-e", sql, *words)
    assert "Traceback" not in done.err
    return done


def rows(project: Project, sql: str, *words: str) -> list[list[object]]:
    done = ask(project, sql, "--json", *words)
    assert done.code == 0, done.err + done.out
    return [list(row.values()) for row in done.json]


def test_a_table_of_a_connection_of_the_profile_is_named_and_read(far: Project) -> None:
    assert rows(far, "SELECT id, price FROM shop.public.orders ORDER BY id DESC") == [[3, 10.25], [2, 2.0], [1, 1.5]]
    assert rows(far, "SELECT shop.orders.id FROM shop.orders WHERE shop.orders.id = 1") == [[1]]
    assert rows(far, "SELECT shop.orders.* FROM shop.public.orders WHERE shop.public.orders.id = 3") == [
        [3, "a", 10.25, ";"]
    ]
    assert rows(far, "FROM SHOP.Public.ORDERS", "--limit", "1") == [[1, "a", 1.5, "shop.public.orders"]]
    assert rows(far, 'SELECT b."Total" FROM shop."Sales"."Big Ones" b ORDER BY id') == [[0.1], [12345678901234567890]]
    assert rows(
        far, "SELECT count(*) FROM shop.public.orders WHERE note = 'shop.public.orders' -- shop.public.no;"
    ) == [[1]]
    assert rows(
        far, "WITH t AS (SELECT * FROM shop.orders) SELECT sum(id), avg(o.price) FROM t JOIN shop.orders o USING (id)"
    ) == [[6, "4.5833333333333333"]]


def test_a_statement_of_one_server_is_its_own_sql(far: Project) -> None:
    assert rows(far, "SELECT id, id, to_char(price, '00D00') AS p FROM shop.orders WHERE customer ~ '^B$|^b$'") == [
        [2, 2, " 02.00"]
    ]
    assert rows(far, "SELECT pg_typeof(o.price)::text FROM shop.orders o LIMIT 1") == [["numeric"]]
    assert rows(far, "SELECT x FROM shop.orders, generate_series(1, 2) x WHERE id = 1 ORDER BY 1") == [[1], [2]]
    assert rows(far, "SELECT count(*) FROM shop.information_schema.tables WHERE table_name = 'orders'") == [[1]]
    told = ask(far, "EXPLAIN SELECT * FROM shop.public.orders")
    assert "Seq Scan on orders" in told.out
    assert rows(far, "SELECT EXTRACT(year FROM shop.at) FROM (SELECT DATE '2024-01-01' AS at) shop") == [[2024]]


def test_numbers_of_a_server_keep_their_digits(far: Project, postgresql: Database) -> None:
    postgresql.execute(
        "CREATE TABLE n AS SELECT * FROM (VALUES (20.0000::numeric, 0.125::numeric, 'NaN'::numeric, 1e37::numeric, "
        "'1.000001 s'::interval),"
        "(3, 1.5, 1, 0.0000001, NULL)) AS v(whole, part, odd, wide, i)"
    )
    done = ask(far, "SELECT * FROM shop.n ORDER BY whole", "--format", "csv")
    assert done.out.splitlines()[1:] == [
        "3,1.500,1.0,0.0000001,",
        "20,0.125,nan,10000000000000000000000000000000000000,00:00:01.000001",
    ]


def test_published_tables_and_those_of_a_server_are_joined_here(both: Project) -> None:
    sql = (
        "SELECT c.city, sum(o.price) AS paid FROM {} o JOIN source_customers c USING (customer) GROUP BY ALL ORDER BY 1"
    )
    for name in ("shop.public.orders", "shop.orders", 'shop."public"."orders"'):
        assert rows(both, sql.format(name)) == [["Paris", 11.75], ["Rome", 2.0]]
    assert rows(both, "SELECT count(*) FROM shop.orders a, shop.public.orders b, source.customers") == [[18]]
    assert rows(
        both, "SELECT max(shop.orders.price) FROM shop.orders JOIN ref('source.customers') USING (customer)"
    ) == [[10.25]]
    described = rows(both, "DESCRIBE shop.public.orders")
    assert [row[:2] for row in described][2] == ["price", "DECIMAL(10,2)"]
    assert len(rows(both, "SUMMARIZE shop.public.orders")) == 4


def test_tables_of_two_places_are_joined_here(far: Project, postgresql: Database, filed: str) -> None:
    postgresql.profile(far, more="  till: {type: sqlite, path: till.sqlite}\n")
    sql = "SELECT s.id, o.price FROM till.sales s JOIN shop.orders o USING (customer, id) ORDER BY ALL"
    assert rows(far, sql) == [[1, 1.5], [2, 2.0]]


def test_many_rows_that_are_brought_are_told(both: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seeknal.repl.bring.MANY", 2)
    done = ask(both, "SELECT count(*) FROM shop.public.orders JOIN source_customers USING (customer)")
    assert "warning: shop.public.orders: all of its 3 rows were brought here to be joined" in done.err
    assert ask(both, "SELECT * FROM shop.public.orders").err == ""


def test_only_so_many_rows_as_are_shown_are_asked_for(far: Project, postgresql: Database) -> None:
    postgresql.execute("CREATE VIEW endless AS SELECT * FROM generate_series(1, 1000000000000) x WHERE x > 0")
    postgresql.execute("CREATE FUNCTION slow(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN "
                       "IF $1 > 4 THEN RAISE 'row % was asked for', $1; END IF; RETURN $1; END $$")  # fmt: skip
    sql = "SELECT slow(i) AS n FROM (SELECT generate_series(1, 10) i) s, shop.orders WHERE id = 1"
    assert rows(far, sql, "--limit", "3") == [[1], [2], [3]]
    done = ask(far, sql)
    assert done.code == 1
    assert "shop: row 5 was asked for" in done.err
    path = far.path("out.parquet")
    assert ask(
        far, "SELECT id AS a, price AS a FROM shop.orders ORDER BY 1", "-o", path, "--limit", "2"
    ).out.startswith("wrote 2 rows")


def test_nothing_can_be_changed(both: Project, postgresql: Database) -> None:
    for sql, reason in (
        ("DELETE FROM shop.public.orders", "read_only"),
        ("INSERT INTO shop.public.orders VALUES (9)", "read_only"),
        ("CREATE TABLE shop.public.x AS SELECT * FROM shop.public.orders", "read_only"),
        ("WITH d AS (DELETE FROM shop.public.orders RETURNING *) SELECT * FROM d", ""),
        ("SELECT nextval('s') FROM shop.public.orders", "query_writes"),
        ("SELECT * FROM shop.public.orders FOR UPDATE", ""),
        ("EXPLAIN ANALYZE DELETE FROM shop.public.orders", ""),
        ("SELECT 1 FROM shop.public.orders) q; DROP TABLE orders; --", ""),
    ):
        postgresql.execute("CREATE SEQUENCE IF NOT EXISTS s")
        done = ask(both, sql, "--json")
        assert done.code == 1, sql
        assert not reason or done.json["error"] == reason, done.out
    assert postgresql.server.rows("SELECT count(*) FROM orders", postgresql.name) == [(3,)]


WRONG = [
    ("SELECT * FROM shop.public.ordrs", "there is no table shop.public.ordrs (did you mean shop.public.orders?)"),
    ("SELECT * FROM shop.ordres", "there is no table shop.ordres (did you mean shop.public.orders?)"),
    ("SELECT prize FROM shop.orders", 'shop: there is no column "prize" (did you mean price?)'),
    ("SELECT o.prize FROM shop.orders o", 'shop: there is no column "prize" (did you mean price?)'),
    ("SELECT o.prize FROM shop.orders o, source_customers", 'there is no column "prize" (did you mean price?)'),
    ("SELECT 1/0 FROM shop.orders", "shop: division by zero"),
    ("SELECT nofunction(id) FROM shop.orders", "shop: function nofunction(integer) does not exist"),
    ("SELECT * FROM shap.public.orders", "there is no table"),
    ("SELECT * FROM shop.orders WHERE", "shop: syntax error at"),
]


def test_what_is_wrong_is_told(both: Project) -> None:
    for sql, told in WRONG:
        done = ask(both, sql)
        assert done.code == 1
        assert done.err.removeprefix("error:").lstrip().startswith(told), done.err


def test_a_url_connects_and_its_password_is_told_nowhere(
    far: Project, postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = postgresql.server
    postgresql.execute(
        "DROP ROLE IF EXISTS teller",
        "CREATE ROLE teller LOGIN PASSWORD 'canary/of @url'",
        "GRANT USAGE ON SCHEMA public TO teller",
        "GRANT SELECT ON orders TO teller",
    )
    url = f"postgresql://teller:canary%2Fof%20%40url@{s.host}:{s.port}/{postgresql.name}"
    done = ask(
        far, f".connect {url} AS pg\nSELECT count(*) AS n FROM pg.orders;\n.sources\n.tables pg.*\n.schema pg.orders"
    )
    assert done.code == 0, done.err
    assert "connected pg: pg.public.orders" in done.out
    assert f"postgresql://teller@{s.host}:{s.port}/{postgresql.name}" in done.out
    assert "a connection of the profile, postgresql: .connect shop" in done.out
    assert "DECIMAL" in done.out or "numeric(10,2)" in done.out
    for wrong in (url.replace("canary", "kanary"), f"{url}x", f"{url}?nothing=1", url.replace(f":{s.port}", ":port"),
                  url.replace("canary%2F", "12/canary"), url.replace("%2F", "#")):  # fmt: skip
        failed = ask(far, f".connect {wrong} AS pg")
        assert failed.code in (1, 2), failed.out
        assert "anary" not in failed.out + failed.err + done.out
        assert "%40" not in failed.err.replace("%40 %3A", "")
    for wrong in (url.replace("canary", "kanary"), url.replace("canary%2F", "12/canary")):
        words = [sys.executable, "-m", "seeknal", "repl", "--debug", "-e", f".connect {wrong} AS pg"]
        env = {**os.environ, "PYTHONPATH": HOME}
        traced = subprocess.run(words, cwd=far.root, env=env, capture_output=True, text=True, check=False)
        assert "Traceback" in traced.stderr
        assert "anary" not in traced.stdout + traced.stderr
    postgresql.execute("DROP OWNED BY teller", "DROP ROLE teller")
    monkeypatch.setenv("PGPASSWORD", s.password)
    bare = f"postgresql://{s.user}@{s.host}:{s.port}/{postgresql.name}"
    assert "\n3\n" in ask(far, f".connect {bare}\nSELECT count(*) AS n FROM {postgresql.name}.public.orders").out


def test_a_connection_is_made_when_its_table_is_first_named(both: Project, postgresql: Database) -> None:
    s = postgresql.server
    both.write("profiles.yml", f"connections:\n  shop: {{host: {s.host}, port: 1, user: x, password: '${{NOT_SET_HERE}}'}}\n"
              "  lake: {type: s3}\n  main: {type: sqlite, path: x.db}\n")  # fmt: skip
    assert rows(both, "SELECT count(*) FROM source_customers") == [[2]]
    assert "a connection of the profile, postgresql" in ask(both, ".sources").out
    assert "NOT_SET_HERE is not set" in ask(both, "SELECT * FROM shop.public.orders").err
    both.edit("profiles.yml", "'${NOT_SET_HERE}'", "canary-of-profile")
    done = ask(both, "SELECT * FROM shop.public.orders")
    assert done.code == 1
    assert "shop: " in done.err
    assert "canary" not in done.err
    done = ask(both, ".connect lake")
    assert "lake is of type s3, which cannot be looked into here" in done.err
    assert "the name main is taken" in ask(both, ".connect main").err


def test_tables_of_a_file(shop: Project, filed: str) -> None:
    shop.run()
    before = os.stat(filed).st_mtime_ns
    assert rows(shop, "SELECT id, price FROM till.sales ORDER BY id DESC") == [[2, 2.0], [1, 1.5]]
    assert rows(shop, "SELECT strftime('%Y', day) AS y, count(*) FROM till.main.sales GROUP BY 1") == [["2024", 2]]
    assert rows(shop, "FROM till.sales JOIN source_customers USING (customer) SELECT city, day ORDER BY 1") == [
        ["Paris", "2024-01-01"], ["Rome", "2024-01-02"]
    ]  # fmt: skip
    assert rows(shop, "SELECT count(*) FROM till.sales, till.main.SALES, source_customers") == [[8]]
    assert "SCAN" in ask(shop, "EXPLAIN SELECT * FROM till.sales").out
    done = ask(shop, f".connect {filed} AS f\n.tables f.\nSELECT id, id FROM f.sales ORDER BY 1", "--limit", "1")
    assert "connected f: f.sales" in done.out
    assert done.out.endswith("id  id_1\n──  ────\n 1     1\n")
    assert 'there is no column "prize" (did you mean price?)' in ask(shop, "SELECT prize FROM till.sales").err
    assert ask(shop, "DELETE FROM till.sales").code == 1
    assert os.stat(filed).st_mtime_ns == before
    assert sorted(name for name in os.listdir(shop.root) if name.startswith("till")) == ["till.sqlite"]


def test_tables_of_a_duckdb_file_of_the_profile(shop: Project) -> None:
    import duckdb

    with duckdb.connect(shop.path("more.duckdb")) as con:
        con.execute("CREATE TABLE t AS SELECT 7 AS x")
    shop.write("profiles.yml", "connections:\n  more: {type: duckdb, path: more.duckdb}\n")
    shop.run()
    assert rows(shop, "SELECT x FROM more.t") == [[7]]
    assert rows(shop, "SELECT x, city FROM more.main.t, source_customers ORDER BY city") == [[7, "Paris"], [7, "Rome"]]
    assert "more.t" in ask(shop, ".connect more").out


def test_a_server_that_does_not_answer_is_left(far: Project) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        words = [sys.executable, "-m", "seeknal", "repl", "-e", f".connect postgresql://x:canary@127.0.0.1:{port}/y"]
        env = {**os.environ, "PYTHONPATH": HOME}
        asked = subprocess.Popen(
            words, cwd=far.root, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        heard, _ = silent.accept()
        asked.send_signal(signal.SIGINT)
        start = time.monotonic()
        out, _ = asked.communicate(timeout=30)
        heard.close()
    assert time.monotonic() - start < 5
    assert asked.returncode == 130
    assert "Traceback" not in out
    assert "canary" not in out


def test_in_a_terminal_connections_are_completed_and_a_query_is_stopped_on_the_server(
    far: Project, postgresql: Database
) -> None:
    more = {"SHOP_PASSWORD": postgresql.server.password}
    with terminal(f"{SEEKNAL} repl; sleep 60", far.root, more) as at:
        at.until("seeknal>")
        at.type(".connect sh")
        at.press("Tab")
        at.until(".connect shop")
        at.line("")
        at.until("connected shop: shop.Sales.Big Ones, shop.public.orders")
        at.type("select pri")
        at.press("Escape")
        at.press("C-u")
        at.type("select * from shop.public.ord")
        at.press("Tab")
        at.until("from shop.public.orders")
        at.line(";")
        at.until("(3 rows")
        at.line("select pg_sleep(50), id from shop.public.orders;")
        _until(lambda: any("pg_sleep" in text for text in _active(postgresql)))
        at.press("C-c")
        at.until("interrupted")
        _until(lambda: not _active(postgresql))
        at.line("select count(*) as again from shop.orders;")
        at.until("again\n")
        postgresql.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'seeknal' "
            f"AND datname = '{postgresql.name}'"
        )
        at.line("select count(*) as lost_and_found from shop.orders;")
        at.until("lost_and_found\n")
        at.line(".sources")
        at.until("2 tables of postgresql://")


def _active(postgresql: Database) -> list[str]:
    return [text for (text,) in postgresql.server.rows(
        "SELECT query FROM pg_stat_activity WHERE application_name = 'seeknal' AND state = 'active' "
        f"AND datname = '{postgresql.name}'")]  # fmt: skip


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)

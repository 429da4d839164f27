"""The repl only reads: no statement changes the project, the store, or what was connected, or reads another file."""

from __future__ import annotations

import os

import duckdb
import pytest

from tests.project_on_disk import Project


@pytest.fixture(scope="module")
def sold(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(str(tmp_path_factory.mktemp("locked") / "shop"))
    project.write("seeknal_project.yml", "name: shop\n")
    project.source("orders", "customer,amount\na,10\n", {"customer": "VARCHAR", "amount": "BIGINT"})
    project.run()
    project.write("data/secret.csv", "word\nhidden\n")
    with duckdb.connect(project.path("side.duckdb")) as con:
        con.execute("CREATE TABLE t AS SELECT 1 AS a; CREATE SCHEMA s; CREATE TABLE s.u AS SELECT 2 AS b")
    return project


def state(project: Project) -> dict[str, tuple[int, int]]:
    found = {}
    for folder, _, names in os.walk(project.root):
        for name in names:
            s = os.lstat(os.path.join(folder, name))
            found[os.path.join(folder, name)] = (s.st_mtime_ns, s.st_size)
    return found


WRITES = [
    ("COPY source_orders TO 'x.csv'", "--output"),
    ("COPY (SELECT 1) TO '/tmp/seeknal-x.csv'", "--output"),
    ("EXPORT DATABASE 'x'", "--output"),
    ("ATTACH 'x.duckdb'", ".connect"),
    ("DETACH memory", ".duckdb"),
    ("USE memory", ".format"),
    ("SET threads = 1", ".format"),
    ("RESET threads", ".format"),
    ("SET enable_external_access = true", ".format"),
    ("PRAGMA table_info('source_orders')", "DESCRIBE"),
    ("INSTALL httpfs", "extensions"),
    ("LOAD httpfs", "extensions"),
    ("CREATE TABLE x AS SELECT 1", "transform"),
    ("CREATE OR REPLACE VIEW source_orders AS SELECT 1", "transform"),
    ("CREATE SECRET (TYPE s3)", "transform"),
    ("INSERT INTO source_orders VALUES ('b', 1)", "run it"),
    ("DELETE FROM source_orders", "run it"),
    ("UPDATE source_orders SET amount = 1", "run it"),
    ("DROP VIEW source_orders", "run it"),
    ("CHECKPOINT", "run it"),
    ("CALL pragma_version()", "run it"),
    ("BEGIN", "run it"),
    ("PREPARE p AS SELECT 1", "run it"),
    ("WITH a AS (SELECT 1) INSERT INTO source_orders SELECT 'b', 1", "run it"),
]


@pytest.mark.parametrize(("sql", "instead"), WRITES)
def test_a_statement_that_is_no_question_is_refused_and_told_what_to_do(sold: Project, sql: str, instead: str) -> None:
    before = state(sold)
    done = sold.seeknal("repl", "-e", sql, "--json")
    assert (done.code, done.json["error"]) == (1, "read_only")
    assert instead in done.json["message"]
    assert state(sold) == before


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{root}/data/secret.csv')",
        "SELECT * FROM read_text('{root}/data/secret.csv')",
        "SELECT * FROM '{root}/data/secret.csv'",
        "SELECT * FROM glob('{root}/*')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_parquet('{root}/target/cas/*/*')",
        "SELECT * FROM query('FROM read_text(''/etc/passwd'')')",
        "SELECT getenv('HOME')",
        "SELECT * FROM duckdb_secrets()",
        "EXPLAIN ANALYZE COPY source_orders TO '{root}/x.csv'",
        "SELECT * FROM read_csv('https://example.com/x.csv')",
    ],
)
def test_no_other_file_can_be_read_or_written(sold: Project, sql: str) -> None:
    before = state(sold)
    done = sold.seeknal("repl", "-e", sql.format(root=sold.root))
    assert done.code == 1, done.out
    assert "hidden" not in done.out
    assert "Traceback" not in done.err
    assert state(sold) == before


def test_a_file_is_connected_read_only_and_only_when_it_is_mentioned(sold: Project) -> None:
    connect = f".connect {sold.path('side.duckdb')}\n.connect {sold.path('data/secret.csv')} AS words\n"
    done = sold.seeknal("repl", "-e", f"{connect}SELECT a, word FROM side.t, words; SELECT b FROM side.s.u;")
    assert done.code == 0, done.err
    assert "connected side: side.s.u, side.t" in done.out
    assert "hidden" in done.out
    assert done.out.endswith("b\n─\n2\n")
    before = state(sold)
    for sql in ("EXPLAIN ANALYZE INSERT INTO side.t VALUES (2)", "INSERT INTO side.t VALUES (2)"):
        assert sold.seeknal("repl", "-e", connect + sql).code == 1
    left = sold.seeknal("repl", "-e", f"{connect}.duckdb\nSELECT word FROM words")
    assert left.code == 1
    assert "left side, words" in left.out
    assert state(sold) == before


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (".connect /no/such.duckdb", "no_file"),
        (".connect ftp://me:hidden@host/db", "unknown_connection"),
        (".connect", "unknown_connection"),
        (".connect {root}/data/secret.csv AS source_orders", "name_taken"),
        (".connect {root}/data/secret.csv AS main", "name_taken"),
        (".connect {root}/seeknal_project.yml", "unknown_connection"),
        (".tabels", "unknown_command"),
        (".format xml", "unknown_format"),
        (".limit many", "bad_count"),
        (".schema source_ordres", "unknown_table"),
        (".save", "no_file"),
    ],
)
def test_a_wrong_command_is_told(sold: Project, line: str, reason: str) -> None:
    done = sold.seeknal("repl", "-e", line.format(root=sold.root), "--json")
    assert (done.code, done.json["error"]) == (2, reason)
    assert "hidden" not in done.err + done.out


def test_an_answer_is_saved_by_a_command(sold: Project) -> None:
    path = sold.path("saved.parquet")
    done = sold.seeknal("repl", "-e", f"SELECT amount FROM source_orders;\n.save {path}\n")
    assert done.out.endswith(f"wrote 1 row to {path}\n"), done.err
    os.unlink(path)

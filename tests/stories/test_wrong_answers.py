"""Wrong answers with exit code 0, as other tools give them: here each is the right answer, or an error that says so."""

from __future__ import annotations

import os
import signal

import duckdb
import pytest

from tests.project_on_disk import Project
from tests.stories.shell import pid_in, slow_node, start, until

PARIS_40 = [("Paris", 40), ("Rome", 20)]
FRESH = [("Paris", 40), ("Rome", 60)]
ONE_MORE = "id,customer,amount\n1,a,10\n2,b,20\n3,a,30\n4,b,40\n"


def by_city(project: Project) -> list[tuple[object, ...]]:
    return sorted(project.rows("transform.by_city"))


def add_totals(project: Project, factor: int = 1, name: str = "totals", more: str = "") -> None:
    project.write(
        f"seeknal/feature_groups/{name}.yml",
        f"kind: feature_group\nname: {name}\nentity: {{name: customer, join_keys: [customer]}}\n{more}"
        "inputs:\n  - ref: transform.clean\ntransform: |\n"
        f"  SELECT customer, TIMESTAMP '2024-01-01' AS event_time, sum(amount) * {factor} AS total\n"
        "  FROM source GROUP BY customer\n",
    )


def test_the_sql_of_a_feature_group_is_edited(shop: Project) -> None:
    """W1: it reports success and keeps the old values."""
    add_totals(shop)
    shop.run()
    add_totals(shop, factor=100)
    assert shop.run().built == {"feature_group.totals", "entity.customer"}
    assert sorted((row[0], row[2]) for row in shop.rows("feature_group.totals")) == [("a", 4000), ("b", 2000)]
    assert sorted((row[0], row[2]["total"]) for row in shop.rows("entity.customer")) == [("a", 4000), ("b", 2000)]


def test_the_body_of_a_python_node_is_edited(shop: Project) -> None:
    """W2: the body is in no hash."""
    shop.write(
        "seeknal/python/doubled.py",
        """
        from seeknal.pipeline import feature_group, transform


        @transform(inputs=["source.orders"])
        def doubled(ctx):
            orders = ctx.ref("source.orders")
            return ctx.duckdb.sql("SELECT id, amount * 2 AS amount FROM orders")


        @feature_group(entity={"name": "order", "join_keys": ["id"]}, inputs=["transform.doubled"])
        def halves(ctx):
            doubled = ctx.ref("transform.doubled")
            return ctx.duckdb.sql("SELECT id, DATE '2024-01-01' AS event_time, amount / 4 AS half FROM doubled")
        """,
    )
    shop.run()
    assert sorted(shop.rows("transform.doubled")) == [(1, 20), (2, 40), (3, 60)]
    shop.edit("seeknal/python/doubled.py", "amount * 2", "amount * 3")
    assert {"transform.doubled", "feature_group.halves"} <= shop.run().built
    assert sorted(shop.rows("transform.doubled")) == [(1, 30), (2, 60), (3, 90)]
    shop.edit("seeknal/python/doubled.py", "amount / 4", "amount / 6")
    assert shop.plan()["feature_group.halves"] == "BUILD"
    assert "feature_group.halves" in shop.run().built
    assert sorted(row[2] for row in shop.rows("feature_group.halves")) == [5.0, 10.0, 15.0]


@pytest.mark.parametrize(
    ("old", "new", "rows"),
    [
        ("dedupe: first", "dedupe: last", [("a", 30), ("b", 20)]),
        ("join_keys: [customer]", "join_keys: [customer, id]", [("a", 10), ("a", 30), ("b", 20)]),
    ],
)
def test_a_setting_beside_the_sql_is_edited(shop: Project, old: str, new: str, rows: list[object]) -> None:
    """W3: only the SQL is hashed, not the settings beside it."""
    shop.write(
        "seeknal/feature_groups/firsts.yml",
        "kind: feature_group\nname: firsts\nentity: {name: customer, join_keys: [customer]}\ndedupe: first\n"
        "inputs:\n  - ref: source.orders\ntransform: SELECT customer, id, amount FROM source ORDER BY id\n",
    )
    shop.run()
    assert sorted((row[0], row[2]) for row in shop.rows("feature_group.firsts")) == [("a", 10), ("b", 20)]
    shop.edit("seeknal/feature_groups/firsts.yml", old, new)
    assert "feature_group.firsts" in shop.run().built
    assert sorted((row[0], row[2]) for row in shop.rows("feature_group.firsts")) == rows


def test_the_order_of_inputs_is_swapped(shop: Project) -> None:
    """W4: inputs are sorted before they are hashed."""
    shop.transform("first", "SELECT count(*) AS n FROM input_0", ("source.orders", "source.customers"))
    shop.run()
    assert shop.rows("transform.first") == [(3,)]
    shop.transform("first", "SELECT count(*) AS n FROM input_0", ("source.customers", "source.orders"))
    assert shop.run().built == {"transform.first"}
    assert shop.rows("transform.first") == [(2,)]


@pytest.mark.parametrize(
    "partial",
    [
        ("--types", "source"),
        ("--exclude-tags", "heavy"),
        ("--tags", "light"),
        ("--nodes", "transform.ids"),
        ("--nodes", "source.orders"),
        ("--types", "source", "--full"),
        ("--exclude-tags", "heavy", "--parallel"),
    ],
)
def test_a_partial_run_leaves_nothing_stale_behind(shop: Project, partial: tuple[str, ...]) -> None:
    """W5: after a partial run the nodes that were left out stay stale for good."""
    shop.edit("seeknal/transforms/by_city.yml", "name: by_city\n", "name: by_city\ntags: [heavy]\n")
    shop.transform("ids", "SELECT id FROM ref('source.orders')", ("source.orders",), "tags: [light]\n")
    shop.run()
    shop.write("data/orders.csv", ONE_MORE)
    assert "source.orders" in shop.run(*partial).built
    assert by_city(shop) == PARIS_40
    shop.run()
    assert by_city(shop) == FRESH
    assert sorted(shop.rows("transform.ids")) == [(1,), (2,), (3,), (4,)]
    assert shop.run().built == set()


def test_an_edit_run_in_parallel_and_reverted(shop: Project) -> None:
    """W6: `--parallel` stores no hashes, so a revert looks like no change."""
    shop.run()
    shop.edit("seeknal/transforms/by_city.yml", "sum(amount)", "7 * sum(amount)")
    assert shop.run("--parallel").built == {"transform.by_city"}
    assert by_city(shop) == [("Paris", 280), ("Rome", 140)]
    shop.edit("seeknal/transforms/by_city.yml", "7 * sum(amount)", "sum(amount)")
    assert shop.run().built == set()
    assert by_city(shop) == PARIS_40


def test_an_edit_whose_run_was_killed_and_the_edit_reverted(shop: Project) -> None:
    """W7: outputs are written at once, state at the end: a killed run leaves the wrong rows for good."""
    mark = slow_node(shop, "slow", "transform.clean", 0)
    shop.run()
    slow_node(shop, "slow", "transform.clean", 60)
    os.unlink(mark)
    shop.edit("seeknal/transforms/clean.yml", "SELECT *", "SELECT id, customer, amount * 1000 AS amount")
    process = start(shop, "run")
    until(lambda: pid_in(mark) > 0, "the slow node")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert shop.rows("transform.clean") == [(1, "a", 10), (2, "b", 20), (3, "a", 30)]
    shop.edit("seeknal/transforms/clean.yml", "SELECT id, customer, amount * 1000 AS amount", "SELECT *")
    slow_node(shop, "slow", "transform.clean", 0)
    shop.transform("fresh", "SELECT sum(amount) AS total FROM ref('transform.clean')", ("transform.clean",))
    assert shop.run().built == {"transform.fresh"}
    assert shop.rows("transform.fresh") == [(60,)]
    assert shop.rows("transform.clean") == [(1, "a", 10), (2, "b", 20), (3, "a", 30)]


def test_an_input_without_rows_of_its_own_is_never_somebody_elses(shop: Project) -> None:
    """W8: after DDL without a SELECT, `input_0` is whatever table another node read before."""
    shop.transform("aaa", "CREATE OR REPLACE TABLE t AS SELECT 1 AS a", ("source.orders",))
    shop.transform("bbb", "SELECT * FROM input_0", ("source.orders",))
    shop.transform("ccc", "SELECT * FROM ref('transform.aaa')", ("transform.aaa", "source.customers"))
    result = shop.seeknal("run", "--json")
    assert result.code in (1, 3)
    assert "transforms/aaa.yml" in result.err + result.out
    assert not os.path.exists(shop.view("transform.ccc"))


def test_a_failed_input_is_not_replaced_by_an_older_one(shop: Project) -> None:
    """W8: with a failed input, its consumer runs on what another node read."""
    shop.transform(
        "broken", "SELECT 1 // (amount - amount) AS n, error('no') AS e FROM ref('source.orders')", ("source.orders",)
    )
    shop.transform("user", "SELECT count(*) AS n FROM input_0", ("transform.broken", "source.customers"))
    shop.transform("user2", "SELECT n FROM input_0", ("transform.broken", "source.customers"))
    result = shop.run("--continue-on-error", ok=False)
    assert result.code == 1
    assert {event["target"] for event in result.of("failed")} == {"transform.broken"}
    skipped = {event["target"]: event["because"] for event in result.of("skipped")}
    assert skipped == {"transform.user": ["transform.broken"], "transform.user2": ["transform.broken"]}


def test_a_bad_value_far_down_in_a_csv(project: Project) -> None:
    """W9: past the sniffed sample the error is dropped and the old rows are used, exit 0."""
    good = "id,amount\n" + "".join(f"{i},{i % 10}\n" for i in range(30_000))
    project.source("big", good)
    project.transform("total", "SELECT sum(amount) AS total FROM ref('source.big')", ("source.big",))
    project.run()
    assert project.rows("transform.total") == [(135_000,)]
    project.source("big", good, {"id": "BIGINT", "amount": "BIGINT"})
    project.write("data/big.csv", good + "30001,not a number\n30002,5\n")
    result = project.run(ok=False)
    assert result.code == 1
    (failed,) = result.of("failed")
    assert failed["target"] == "source.big"
    assert "30002" in failed["error"], "the line of the file is named"
    assert project.rows("transform.total") == [(135_000,)]
    assert project.run(ok=False).code == 1, "it is tried again"
    project.write("data/big.csv", good + "30001,7\n")
    project.run()
    assert project.rows("transform.total") == [(135_007,)]


def test_a_bad_value_where_no_type_is_declared_never_loses_rows(project: Project) -> None:
    """W9: without declared types the column is text, or the node fails: no row goes missing."""
    good = "id,amount\n" + "".join(f"{i},{i % 10}\n" for i in range(30_000))
    project.source("big", good + "30001,not a number\n30002,5\n")
    project.transform("count", "SELECT count(*) AS n FROM ref('source.big')", ("source.big",))
    result = project.run(ok=False)
    assert result.code == 1 or project.rows("transform.count") == [(30_002,)]


def test_two_feature_groups_of_one_entity_lose_nobody(shop: Project) -> None:
    """W10: entities of the second group vanish, other event times give NULL, duplicates multiply."""
    for name, keys in (("one", "a b"), ("two", "a c")):
        rows = " UNION ALL ".join(
            f"SELECT '{key}' AS customer, TIMESTAMP '2024-01-01' AS event_time, 1 AS {name}_n" for key in keys.split()
        )
        shop.write(
            f"seeknal/feature_groups/{name}.yml",
            f"kind: feature_group\nname: {name}\nentity: {{name: customer, join_keys: [customer]}}\n"
            f"inputs:\n  - ref: source.customers\ntransform: |\n  {rows}\n",
        )
    shop.run()
    found = {row[0]: (row[2] and row[2]["one_n"], row[3] and row[3]["two_n"]) for row in shop.rows("entity.customer")}
    assert found == {"a": (1, 1), "b": (1, None), "c": (None, 1)}


@pytest.mark.parametrize("how", ["", ".df()", ".pl()", ".arrow()"])
def test_large_integers_and_dates_go_through_python_unharmed(project: Project, how: str) -> None:
    """W11: an integer column with a NULL becomes DOUBLE, a DATE becomes TIMESTAMP."""
    project.source("big", "n,d\n9007199254740993,2024-02-29\n,2024-03-01\n", {"n": "BIGINT", "d": "DATE"})
    project.write(
        "seeknal/python/same.py",
        f"""
        from seeknal.pipeline import transform


        @transform(inputs=["source.big"])
        def same(ctx):
            return ctx.ref("source.big"){how}
        """,
    )
    project.run()
    con = duckdb.connect()
    path = project.view("transform.same")
    types = dict(row[:2] for row in con.execute(f"DESCRIBE FROM read_parquet('{path}')").fetchall())
    rows = con.execute(f"SELECT CAST(n AS VARCHAR), CAST(d AS VARCHAR) FROM read_parquet('{path}')").fetchall()
    if how == ".df()":
        # pandas itself has no integers with NULL and no dates: what it was given is gone before seeknal sees it
        assert sorted(row[1][:10] for row in rows) == ["2024-02-29", "2024-03-01"]
        return
    assert types == {"n": "BIGINT", "d": "DATE"}
    assert sorted(rows, key=repr) == [("9007199254740993", "2024-02-29"), (None, "2024-03-01")]


def test_a_file_replaced_with_the_same_size_and_time(shop: Project) -> None:
    """W12: only size and mtime are looked at."""
    shop.run()
    path = shop.path("data/orders.csv")
    before = os.stat(path)
    shop.write("data/orders.csv", "id,customer,amount\n1,a,10\n2,b,60\n3,a,30\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    shop.run()
    assert by_city(shop) == [("Paris", 40), ("Rome", 60)]
    os.utime(path)
    assert shop.run().built == set()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("seeknal/transforms/by_city.yml", "kind: transform\nname: by_city\ntransform: [SELECT\n"),
        ("seeknal/transforms/by_city.yml", "kind: transform\nname: by_city\ninputs: [{ref: transform.joined}]\n"),
        (
            "seeknal/python/node.py",
            "import nowhere.to.be.found\nfrom seeknal.pipeline import transform\n\n@transform(\n",
        ),
        ("seeknal/extra/none.yml", "name: nobody\n"),
    ],
)
@pytest.mark.parametrize("command", ["run", "plan", "validate", "list"])
def test_a_broken_file_is_an_error_and_nothing_is_dropped(shop: Project, command: str, path: str, text: str) -> None:
    """W16: the node vanishes without a word, exit 0."""
    shop.run()
    shop.write(path, text)
    result = shop.seeknal(command, "--json")
    assert result.code == 3
    assert any(problem["file"] == path and problem["line"] for problem in result.json["problems"])
    assert by_city(shop) == PARIS_40


def test_a_python_node_whose_import_is_missing_fails_and_is_not_dropped(shop: Project) -> None:
    """W16: a Python file that cannot be imported vanishes."""
    shop.write(
        "seeknal/python/lost.py",
        """
        import package_that_nobody_has
        from seeknal.pipeline import transform


        @transform(inputs=["source.orders"])
        def lost(ctx):
            return package_that_nobody_has.run(ctx.ref("source.orders"))
        """,
    )
    result = shop.run(ok=False)
    assert result.code in (1, 3, 7)
    assert "package_that_nobody_has" in result.out + result.err


# -- as wrong, and not in the list ----------------------------------------------------------------------------------


def test_the_sum_of_large_integers_is_exact(project: Project) -> None:
    """Like W11 in SQL: DuckDB writes HUGEINT, the type of every sum of BIGINT, to Parquet as DOUBLE."""
    project.source("big", "n\n9007199254740993\n0\n", {"n": "BIGINT"})
    project.transform("total", "SELECT sum(n) AS total FROM ref('source.big')", ("source.big",))
    project.transform("odd", "SELECT total % 2 AS odd FROM ref('transform.total')", ("transform.total",))
    project.run()
    assert project.rows("transform.total") == [(9007199254740993,)]
    assert not isinstance(project.rows("transform.total")[0][0], float)
    assert project.rows("transform.odd") == [(1,)]


def test_so_it_is_inside_of_lists_and_structs_and_in_a_relation_of_a_python_node(project: Project) -> None:
    project.source("big", "n\n9007199254740993\n0\n", {"n": "BIGINT"})
    nested = "SELECT [sum(n)] AS l, {'HUGEINT': sum(n)} AS s, map {'k': sum(n)} AS m, max(n) AS b FROM "
    project.transform("nested", f"{nested} ref('source.big')", ("source.big",))
    project.write(
        "seeknal/pipelines/p.py",
        f"""
        from seeknal.pipeline import transform

        @transform()
        def related(ctx):
            big = ctx.ref("source.big")
            return ctx.duckdb.sql("{nested} big")
        """,
    )
    project.run()
    n = 9007199254740993
    for node in ("transform.nested", "transform.related"):
        assert project.rows(node) == [([n], {"HUGEINT": n}, {"k": n}, n)]


@pytest.mark.parametrize(
    "relation", ["read_csv('data/part*.csv')", "'data/part*.csv'", "read_csv(['data/part1.csv', 'data/part2.csv'])"]
)
def test_every_file_that_a_query_names_is_read(project: Project, relation: str) -> None:
    """A pattern means all of its files, however it is written."""
    project.write("data/part1.csv", "n\n1\n")
    project.write("data/part2.csv", "n\n2\n")
    project.transform("parts", f"SELECT * FROM {relation}")
    project.run()
    assert sorted(project.rows("transform.parts")) == [(1,), (2,)]
    project.write("data/part2.csv", "n\n3\n")
    assert project.run().built == {"transform.parts"}
    assert sorted(project.rows("transform.parts")) == [(1,), (3,)]


def test_a_text_that_happens_to_be_the_path_of_a_file_stays_as_it_is(project: Project) -> None:
    """A result holds what the query says, not where the project lies."""
    project.write("data/part1.csv", "n\n1\n")
    project.transform("parts", "SELECT 'data/part1.csv' AS origin, n FROM read_csv('data/part1.csv')")
    project.run()
    assert project.rows("transform.parts") == [("data/part1.csv", 1)]

"""Inputs: the forms in which they are listed, the words by which SQL calls them, several statements (project_format 2.2, 3)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.project_format.telling import told
from tests.project_on_disk import Project


@pytest.fixture
def rides(project: Project) -> Project:
    """Two sources, both with the columns `id` and `n`."""
    project.source("rides", "id,n\n1,10\n2,20\n", {"id": "BIGINT", "n": "BIGINT"})
    project.source("bikes", "id,n\n1,7\n", {"id": "BIGINT", "n": "BIGINT"})
    return project


def node(project: Project, inputs: str, sql: str, kind: str = "transform", more: str = "") -> None:
    text = f"kind: {kind}\nname: t\n{more}inputs: {inputs}\ntransform: |\n"
    project.write("seeknal/nodes/t.yml", text + "".join(f"  {line}\n" for line in sql.splitlines()))


def total(project: Project) -> Any:
    project.run()
    ((found,),) = project.rows("transform.t")
    return found


@pytest.mark.parametrize(
    ("inputs", "sql"),
    [
        ("{rides: source.rides}", "SELECT sum(n) FROM rides"), ("{rides: {ref: source.rides}}", "SELECT sum(n) FROM RIDES"),
        ("{rides: source.rides}", "SELECT sum(n) FROM {{ rides }}"), ("{rides: source.rides}", "SELECT sum(rides.n) FROM $rides"),
        ("{a: source.rides, b: source.bikes}", "SELECT sum(a.n) FROM a LEFT JOIN b USING (id)"),
        ("{a: source.bikes, b: source.rides}", "SELECT sum(input_1.n) FROM input_1"),
        ("[source.rides]", "SELECT sum(n) FROM input_0"), ("[{ref: source.rides}]", "SELECT sum(n) FROM __THIS__"),
        ("source.rides", "SELECT sum(n) FROM ref('source.rides')"), ("{ref: source.rides}", "SELECT sum(n) FROM __this__"),
        ("[{ref: source.rides, as: r}]", "SELECT sum(r.n) FROM r"), ("[{ref: source.rides, name: r}]", "SELECT sum(n) FROM r"),
        ("{ref: source.rides, as: r}", "SELECT sum(n) FROM r"), ("[{ref: source.rides, as: my-r}]", 'SELECT sum(n) FROM "my-r"'),
        ("[{ref: source.rides, as: my-r}]", "SELECT sum(n) FROM {{ my-r }}"),
        ("['ref:source.rides']", "SELECT sum(n) FROM input_0"), ("[{ref: 'ref: source.rides'}]", "SELECT sum(n) FROM input_0"),
        ("[\"ref('source.rides')\"]", "SELECT sum(n) FROM input_0"),
        ("[source.rides, source.rides]", "SELECT sum(a.n) FROM input_0 a JOIN input_1 b USING (id)"),
        ("[source.bikes]", "SELECT sum(n) FROM ref('source.rides')"), ("[]", 'SELECT sum(n) FROM ref( "source.rides" )'),
        ("[]", "SELECT sum(n) FROM source.rides"), ("", "SELECT sum(source.rides.n) FROM source.rides"),
        ("\ndepends_on: [{ref: source.rides}]", "SELECT sum(n) FROM input_0"),
    ],
)  # fmt: skip
def test_every_form_of_inputs(rides: Project, inputs: str, sql: str) -> None:
    """Faults 9, 11, 12: ref() without inputs, `FROM source.x`, mappings and aliases did not work."""
    node(rides, inputs, sql)
    assert total(rides) == 30


def test_from_kind_name_is_an_edge_in_every_run(rides: Project) -> None:
    """Fault 11: `FROM transform.x` broke when x was cached."""
    rides.transform("clean", "SELECT * FROM source.rides WHERE n > 10")
    node(rides, "[]", "SELECT sum(transform.clean.n) FROM transform.clean JOIN source.rides USING (id)")
    assert total(rides) == 20
    rides.edit("seeknal/nodes/t.yml", "sum(", "1 + sum(")
    assert rides.run().built == {"transform.t"}
    assert rides.rows("transform.t") == [(21,)]
    rides.write("data/rides.csv", "id,n\n1,10\n2,30\n")
    assert rides.run().built == {"source.rides", "transform.clean", "transform.t"}
    assert rides.rows("transform.t") == [(31,)]


def test_from_kind_name_works_in_feature_groups(rides: Project) -> None:
    """Fault 11, for feature groups: `ref()` worked in transforms only."""
    rides.transform("clean", "SELECT * FROM source.rides WHERE n > 10")
    sql = "SELECT c.id AS bike_id, c.n, source.n AS own FROM transform.clean c JOIN source USING (id)"
    node(rides, "{base: source.rides}", sql, "feature_group", "entity: bike\n")
    assert "transform.clean" in rides.run().built
    assert rides.rows("feature_group.t") == [(2, 20, 20)]


def test_local_names_are_a_nodes_own(rides: Project) -> None:
    """Fault 13: `input_0` and `__THIS__` were one view for all nodes, redefined by each."""
    rides.transform("first", "SELECT sum(n) AS n FROM input_0", ("source.rides",))
    rides.transform("second", "SELECT sum(n) AS n FROM __THIS__", ("source.bikes",))
    node(rides, "[transform.first, transform.second]", "SELECT input_0.n * 100 + input_1.n FROM input_0, input_1")
    assert total(rides) == 3007
    rides.write("data/bikes.csv", "id,n\n1,8\n")
    assert total(rides) == 3008


def test_renaming_an_alias_rebuilds_nothing(rides: Project) -> None:
    node(rides, "{r: source.rides}", "SELECT sum(n) AS s FROM r")
    rides.run()
    node(rides, "[{ref: source.rides, as: other}]", "SELECT sum(n) AS s FROM other")
    assert rides.run().built == set()


def test_an_input_named_twice_or_unknown_is_told_at_its_line(rides: Project) -> None:
    node(rides, "\n  - ref: source.rides\n  - source.bykes", "SELECT 1 AS a")
    ((_, line, message),) = told(rides)
    assert line == 3
    assert "did you mean source.bikes?" in message


@pytest.mark.parametrize(
    ("inputs", "line", "words"),
    [
        ("\n  - {ref: source.rides, as: a}\n  - {ref: source.bikes, as: a}", 5, "stands for source.rides already"),
        ("\n  - {ref: source.rides, as: input_1}", 4, "take a word of your own"),
        ("\n  - {ref: source.rides, as: a.b}", 4, "without a dot"), ("\n  x.y: source.rides", 4, "without a dot"),
        ("\n  - rides", 4, "is not an input"), ("\n  - {reff: source.rides}", 4, "is not an input"), ("5", 3, "is a list"),
        ("\n  - Source.rides", 4, "is not an input"), ("\n  - {ref: [source.rides]}", 4, "is not an input"),
    ],
)  # fmt: skip
def test_wrong_inputs_are_told_at_their_line(rides: Project, inputs: str, line: int, words: str) -> None:
    node(rides, inputs, "SELECT 1 AS a")
    ((_, at, message),) = told(rides)
    assert at == line
    assert words in message


def test_an_empty_result_is_a_table(rides: Project) -> None:
    """Fault 10: an empty result left no file, or a stale one."""
    rides.transform("few", "SELECT * FROM source.rides WHERE n > 10")
    node(rides, "[transform.few]", "SELECT count(*) FROM __THIS__")
    assert total(rides) == 1
    rides.edit("seeknal/transforms/few.yml", "> 10", "> 1000")
    assert total(rides) == 0
    assert rides.rows("transform.few") == []


# -- several statements ---------------------------------------------------------------------------------------------


def test_steps_before_the_query(rides: Project) -> None:
    sql = """
    -- as people write it
    DROP TABLE IF EXISTS big;
    CREATE OR REPLACE TEMP TABLE big AS SELECT * FROM ref('source.rides') WHERE n > {{ least }};
    CREATE VIEW doubled AS SELECT id, n * 2 AS n FROM big;
    SELECT sum(d.n) + any_value(b.n) FROM doubled d, source.bikes b;
    DROP VIEW doubled;
    """
    node(rides, "[source.rides]", sql, more="params: {least: 10}\n")
    assert total(rides) == 47
    node(rides, "[source.rides]", sql.replace("-- as people write it", ""), more="params: {least: 10}\n")
    assert rides.run().built == set()
    node(rides, "[source.rides]", sql, more="params: {least: 5}\n")
    assert total(rides) == 67


def test_a_step_may_be_called_like_a_node_and_hides_nothing_else(rides: Project) -> None:
    node(
        rides, "{rides: source.rides}", "CREATE TABLE rides AS SELECT * FROM rides LIMIT 0;\nSELECT count(*) FROM rides"
    )
    rides.transform("other", "SELECT sum(n) FROM rides", more="inputs: {rides: source.rides}\n")
    assert total(rides) == 0
    assert rides.rows("transform.other") == [(30,)]


@pytest.mark.parametrize(
    ("sql", "line", "words"),
    [
        ("SELECT 1;\nSELECT 2", 5, "make the earlier one a step"), ("\nSET threads = 1;\nSELECT 2", 6, "settings belong to the run"),
        ("CREATE TABLE t AS SELECT 1 AS a;\nINSERT INTO t VALUES (2);\nFROM t", 6, "UNION ALL"),
        ("CREATE TABLE t AS SELECT 1 AS a;\n\nUPDATE t SET a = 2;\nFROM t", 7, "CASE WHEN"),
        ("CREATE TABLE t (a INT);\nFROM t", 5, "CREATE TEMP TABLE name AS SELECT"),
        ("CREATE TABLE t AS SELECT 1 AS a;\nCREATE TABLE t AS SELECT 2 AS a;\nFROM t", 6, "t is made twice"),
        ("CREATE TABLE t AS SELECT 1 AS a;\nSELECT b\nFROM nowhere", 7, "nowhere"),
        ("CREATE TABLE t AS\nSELEC 1 AS a;\nFROM t", 6, "syntax error"),
    ],
)  # fmt: skip
def test_other_statements_are_refused_at_their_line(rides: Project, sql: str, line: int, words: str) -> None:
    node(rides, "[source.rides]", sql)
    ((_, at, message),) = told(rides)
    assert at == line
    assert words in message

"""Rules: what each type finds, what a failure stops, and what is told of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.project_on_disk import Project, Result

ROWS = """id,bike,minutes,day
1,a,10,2024-01-01
2,,20,2024-01-02
3,c,-5,2024-01-03
3,c,2000,2024-01-04
4,d,,2024-01-05
"""
TYPES = {"id": "BIGINT", "bike": "VARCHAR", "minutes": "BIGINT", "day": "DATE"}


@pytest.fixture
def rides(project: Project) -> Project:
    """Five rides with a flaw of every sort, and a table made of them."""
    project.source("rides", ROWS, TYPES)
    project.transform("clean", "SELECT * FROM ref('source.rides')", ("source.rides",))
    project.transform(
        "daily", "SELECT day, count(*) AS n FROM ref('transform.clean') GROUP BY day", ("transform.clean",)
    )
    return project


def rule(project: Project, body: Any, *, name: str = "quality", params: Any = None, inputs: Any = None) -> None:
    """A rule on `transform.clean`; JSON is YAML."""
    document = {
        "kind": "rule",
        "name": name,
        "inputs": inputs or [{"ref": "transform.clean"}],
        "rule": body,
        **({"params": params} if params else {}),
    }
    project.write(f"seeknal/rules/{name}.yml", json.dumps(document, indent=1))


def failed(result: Result) -> str:
    """The one failure of a run that a rule stopped."""
    assert result.code == 4, result.out + result.err
    (event,) = result.of("failed")
    assert event["reason"] == "rule_failed"
    return str(event["error"])


BROKEN = [
    ({"type": "null", "columns": ["bike"]}, "null(bike): 1 of 5 rows (20 %)", "id=2"),
    ({"type": "null", "columns": ["bike", "minutes"]}, "null(bike, minutes): 2 of 5 rows", "id=4"),
    ({"type": "null", "columns": ["bike"], "params": {"max_null_percentage": 0.19}}, "1 of 5 rows", "id=2"),
    ({"type": "range", "column": "minutes", "params": {"min_val": 1, "max_val": 1440}}, "range(minutes): 2 of 5", "2000"),
    ({"type": "range", "columns": ["minutes"], "max_val": 1440}, "range(minutes): 1 of 5", "minutes=2000"),
    ({"type": "range", "column": "day", "params": {"min_val": "'2024-01-02'"}}, "range(day): 1 of 5", "2024-01-01"),
    ({"type": "range", "column": "day", "params": {"min_val": "2024-01-02"}}, "range(day): 1 of 5", "2024-01-01"),
    ({"type": "uniqueness", "columns": ["id"]}, "uniqueness(id): 1 of 5 rows", "id=3, rows=2"),
    ({"type": "uniqueness", "columns": ["id", "bike"]}, "uniqueness(id, bike): 1 of 5", "id=3, bike=c, rows=2"),
    ({"type": "uniqueness", "columns": ["id"], "params": {"max_duplicate_percentage": 0.1}}, "1 of 5 rows", "id=3"),
    ({"type": "sql_assertion", "sql": "SELECT * FROM transform_clean WHERE minutes < 0;"}, "1 of 1 rows", "minutes=-5"),
    ({"type": "sql_assertion", "sql": "SELECT id FROM input_data WHERE id = 4 -- four"}, "1 of 1 rows", "id=4"),
    ({"type": "custom", "sql": "SELECT day FROM input_0 WHERE id = 1"}, "custom: 1 of 1 rows", "day=2024-01-01"),
    ({"value": "minutes > 0"}, "minutes > 0: 1 of 5 rows", "minutes=-5"),
    ("minutes > 0 AND id < 4", "minutes > 0 AND id < 4: 2 of 5 rows", "id=4"),
    ({"type": "accepted_values", "column": "bike", "values": ["a", "c"]}, "accepted_values(bike): 1 of 5", "bike=d"),
    ({"type": "row_count", "min": 6}, "row_count: 5 rows, allowed are at least 6", ""),
]  # fmt: skip


@pytest.mark.parametrize(("body", "told", "sample"), BROKEN, ids=lambda value: str(value)[:60])
def test_a_rule_that_does_not_hold_says_how_many_rows_and_shows_some(
    rides: Project, body: Any, told: str, sample: str
) -> None:
    rule(rides, body)
    error = failed(rides.run(ok=False))
    assert told in error
    assert sample in error
    assert "seeknal/rules/quality.yml:2: rule.quality" in error


HOLD = [
    {"type": "null", "columns": ["id"]},
    {"type": "null", "columns": ["bike"], "params": {"max_null_percentage": 0.2}},
    {"type": "range", "column": "minutes", "params": {"min_val": -5, "max_val": 2000}},  # NULL passes
    {"type": "range", "column": "minutes", "params": {"max_val": 2000}},
    {"type": "uniqueness", "columns": ["id", "day"]},
    {"type": "uniqueness", "columns": ["id"], "params": {"max_duplicate_percentage": 0.2}},
    {"type": "sql_assertion", "sql": "SELECT * FROM transform_clean WHERE false"},
    "minutes >= -5",
    {"value": "day BETWEEN DATE '2024-01-01' AND DATE '2024-01-05'"},
    {"type": "accepted_values", "columns": ["id"], "values": [1, 2, 3, "4"]},
    {"type": "row_count", "min": 5, "max": 5},
]


def test_rules_that_hold_let_the_run_publish(rides: Project) -> None:
    rule(rides, HOLD)
    assert "rule.quality" in rides.run().built
    assert {row[4] for row in rides.rows("rule.quality")} == {True}
    assert rides.run().built == set()


def test_every_check_of_a_list_is_evaluated(rides: Project) -> None:
    """Fault 36: an assertion inside of a list hides the other checks."""
    rule(rides, [BROKEN[10][0], BROKEN[0][0], {"type": "range", "column": "id", "params": {"min_val": 1}}])
    error = failed(rides.run(ok=False))
    assert "sql_assertion: 1 of 1 rows" in error
    assert "null(bike)" in error
    assert "range(id)" not in error


@pytest.mark.parametrize("severity", ["warn", "info"])
def test_a_milder_severity_is_told_and_recorded_and_stops_nothing(rides: Project, severity: str) -> None:
    """Fault 36: `info` blocks."""
    rule(rides, BROKEN[0][0], params={"severity": severity, "error_message": "bikes without a name"})
    result = rides.run()
    (warned,) = result.of("warned")
    assert (warned["severity"], warned["text"]) == (severity, "null(bike): bikes without a name")
    (row,) = rides.rows("rule.quality")
    assert row[:8] == (0, "null(bike)", "null", severity, False, 1, 5, "bikes without a name")
    # It is told again by every run that looks, built or not.
    assert len(rides.run("--continue-on-error", "--full", "--nodes", "transform.daily").of("warned")) == 1


def test_nothing_that_readers_see_changes_when_a_rule_fails(rides: Project) -> None:
    rule(rides, {"type": "row_count", "max": 5})
    rides.run()
    before = rides.tables()
    rides.write("data/rides.csv", ROWS + "5,e,1,2024-01-06\n")
    error = failed(rides.run("--run-id", "bad", ok=False))
    assert "row_count: 6 rows, allowed are at most 5" in error
    assert rides.tables() == before
    kept = rides.seeknal("inspect", "transform.daily", "--run", "bad", "--json").json
    assert kept["count"] == 6
    assert rides.seeknal("inspect", "transform.daily", "--json").json["count"] == 5
    # Found in the cache, it is as wrong as it was.
    again = rides.run(ok=False)
    assert (again.code, again.built) == (4, set())
    rides.write("data/rides.csv", ROWS)
    assert rides.run().code == 0


def test_going_on_publishes_all_that_the_failed_rule_is_not_about(rides: Project) -> None:
    rides.source("bikes", "bike\na\n", {"bike": "VARCHAR"})
    rule(rides, {"type": "row_count", "max": 5})
    rides.run()
    rides.write("data/rides.csv", ROWS + "5,e,1,2024-01-06\n")
    rides.write("data/bikes.csv", "bike\na\nb\n")
    result = rides.run("--continue-on-error", ok=False)
    assert result.code == 4
    assert len(rides.rows("source.bikes")) == 2
    assert len(rides.rows("source.rides")) == 6
    assert len(rides.rows("transform.clean")) == 5
    assert len(rides.rows("transform.daily")) == 5
    # Nothing of this makes the held tables look fresh.
    assert rides.run(ok=False).code == 4
    rule(rides, {"type": "row_count", "max": 6})
    rides.run()
    assert len(rides.rows("transform.daily")) == 6


def test_what_is_published_alone_is_checked_as_well(rides: Project) -> None:
    """A partial run must not be a way around the rules."""
    rule(rides, {"type": "row_count", "max": 4})
    failed(rides.run("--nodes", "transform.clean", ok=False))
    failed(rides.run("--types", "transform", ok=False))


def test_a_rule_runs_again_when_a_column_that_it_reads_or_the_rule_changes(rides: Project) -> None:
    rule(rides, {"type": "range", "column": "minutes", "params": {"max_val": 3000}})
    rides.run()
    rides.edit("data/rides.csv", "1,a,10", "1,b,10")
    assert "rule.quality" not in rides.run().built
    rides.edit("data/rides.csv", "1,b,10", "1,b,11")
    assert "rule.quality" in rides.run().built
    rule(rides, {"type": "range", "column": "minutes", "params": {"max_val": 3001}})
    assert rides.run().built == {"rule.quality"}
    rule(rides, {"type": "range", "column": "minutes", "params": {"max_val": 3001}}, params={"severity": "warn"})
    assert rides.run().built == {"rule.quality"}


def test_freshness_is_judged_by_the_newest_row_at_the_time_of_each_run(rides: Project) -> None:
    """Fault 36: freshness fails on any old row; and a cached rule never notices that time passes."""
    rule(rides, {"type": "freshness", "column": "day", "params": {"max_age": "2d"}})
    rides.run("--date", "2024-01-06")
    assert rides.run("--date", "2024-01-06").built == set()
    error = failed(rides.run("--date", "2024-01-09", ok=False))
    assert "freshness(day): the newest value is 4 days old, allowed are 2 days" in error
    assert rides.run("--date", "2024-01-06").built == set()


def test_time_passes_for_a_run_with_nothing_to_do(rides: Project) -> None:
    """The quick way of a no-op must not outlive what a rule allows."""
    rule(rides, {"type": "freshness", "column": "day", "params": {"max_age": "36500d"}})
    rides.run()
    rides.run()
    assert "nothing to do" in rides.seeknal("run").out
    far = rides.run("--date", "2150-01-01", ok=False)
    assert far.code == 4


def test_an_empty_table_breaks_no_rule_but_one_about_its_size(rides: Project) -> None:
    rides.write("data/rides.csv", "id,bike,minutes,day\n")
    rule(rides, [item for item in HOLD if not (isinstance(item, dict) and item.get("type") == "row_count")])
    rule(rides, {"type": "freshness", "column": "day", "params": {"max_age": "1h"}}, name="fresh")
    rides.run()
    rule(rides, {"type": "row_count", "min": 1}, name="some")
    assert "row_count: 0 rows, allowed are at least 1" in failed(rides.run(ok=False))


def test_an_assertion_may_read_all_inputs(rides: Project) -> None:
    sql = (
        "SELECT c.id FROM transform_clean c ANTI JOIN source_rides s ON s.id = c.id + 0 UNION ALL FROM input_1 SELECT 7"
    )
    rule(rides, {"type": "sql_assertion", "sql": sql}, inputs=[{"ref": "transform.clean"}, {"ref": "source.rides"}])
    assert "sql_assertion: 5 of 5 rows" in failed(rides.run(ok=False))


PROFILE = """
    SELECT * FROM (VALUES ('_table_', 'row_count', '120', NULL), ('fare', 'null_percent', '4.5', NULL),
    ('fare', 'avg', NULL, NULL), ('city', 'top_values', NULL, '[]'), ('day', 'max', '2024-01-01', NULL))
    AS p(column_name, metric, value, detail)
"""


@pytest.mark.parametrize(
    ("check", "blocked", "warned"),
    [
        ({"metric": "row_count", "fail": "< 100"}, "", ""),
        ({"metric": "row_count", "fail": "<= 120"}, "row_count(_table_): 120, fail is <= 120", ""),
        ({"metric": "row_count", "warn": "between 100 and 120"}, "", "row_count(_table_): 120"),
        ({"metric": "row_count", "warn": "> 5", "fail": "> 500"}, "", "row_count(_table_): 120"),
        ({"metric": "null_percent", "column": "fare", "fail": "> 4.4", "warn": "> 1"}, "null_percent(fare): 4.5", ""),
        ({"metric": "null_percent", "column": "fare", "fail": "!= 4.5"}, "", ""),
        ({"metric": "missing", "warn": "> 1"}, "missing(_table_): no such metric", ""),
        ({"metric": "max", "column": "day", "fail": "> 1"}, "max(day): 2024-01-01", ""),
        ({"metric": "avg", "column": "fare", "warn": "> 1"}, "", "avg(fare): NULL"),
        ({"metric": "avg", "column": "fare", "warn": "> 1", "fail": "> 2"}, "avg(fare): NULL", ""),
    ],
)
def test_checks_of_a_profile(project: Project, check: Any, blocked: str, warned: str) -> None:
    project.transform("stats", PROFILE)
    body = {"type": "profile_check", "checks": [check]}
    rule(project, body, inputs=[{"ref": "transform.stats"}])
    result = project.run(ok=False)
    if blocked:
        assert blocked in failed(result)
    else:
        assert result.code == 0
        assert [warned in event["text"] for event in result.of("warned")] == [True] * bool(warned)
    rule(project, body, inputs=[{"ref": "transform.stats"}], params={"severity": "warn"})
    assert project.run().code == 0


WRONG = [
    ({"type": "nul", "columns": ["a"]}, "unknown type of check 'nul' (did you mean null?)"),
    ({"type": "null"}, "null needs columns"),
    ({"type": "null", "columns": ["a"], "params": {"max_null_percentage": 5}}, "a fraction from 0 to 1"),
    ({"type": "range", "column": "minutes"}, "range needs min_val, max_val or both"),
    ({"type": "freshness", "column": "day", "params": {"max_age": "soon"}}, "write 30s, 15m, 24h, 7d"),
    ({"type": "sql_assertion"}, "sql_assertion needs sql"),
    ({"type": "custom"}, "custom needs sql"),
    ({"type": "profile_check"}, "profile_check needs checks"),
    ({"type": "profile_check", "checks": [{"metric": "avg"}]}, "needs warn, fail or both"),
    ({"type": "profile_check", "checks": [{"metric": "avg", "fail": "~ 3"}]}, "write > n, >= n"),
    ({"type": "row_count"}, "row_count needs min, max or both"),
    ({"type": "row_count", "min": "many"}, "a number of rows is needed"),
    ({"type": "accepted_values", "column": "bike"}, "accepted_values needs values"),
    (7, "a check is a mapping with type"),
    ([], "the list of checks is empty"),
    ({"type": "null", "columns": ["id"], "severity": "fatal"}, "allowed are error, warn, info"),
]


@pytest.mark.parametrize(("body", "told"), WRONG, ids=lambda value: str(value)[:50])
def test_a_wrong_rule_is_told_with_its_line(rides: Project, body: Any, told: str) -> None:
    rule(rides, body)
    result = rides.run(ok=False)
    assert result.code == 3
    assert told in result.err
    assert "seeknal/rules/quality.yml:" in result.err


def test_a_rule_without_a_table_is_told(rides: Project) -> None:
    """Fault 36: a rule without inputs."""
    rides.write("seeknal/rules/r.yml", "kind: rule\nname: r\nrule: minutes > 0\n")
    assert "a rule needs the table that it checks" in rides.run(ok=False).err


def test_a_rule_over_a_column_that_is_not_there_names_the_nearest(rides: Project) -> None:
    rule(rides, "minuts > 0")
    result = rides.run(ok=False)
    assert result.code == 1
    assert "did you mean minutes" in result.out
    assert "seeknal/rules/quality.yml:2" in result.out

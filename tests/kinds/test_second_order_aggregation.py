"""Second-order aggregations, in YAML and in Python: the numbers of a plain loop, under the documented names."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from tests.kinds.rides import Row, aggregate, columns, days_between, grouped, ratio, same, some_rides, source, table
from tests.project_on_disk import Project

FEATURES = """
  minutes: {basic: [sum, mean, std, MEDIAN, count]}
  last_week: {source_feature: minutes, window: [1, 7], basic: [max, sum]}
  month: {source_feature: minutes, window: [0d, 30d], basic: avg}
  trend:
    source_feature: minutes
    ratio: {numerator: [1, 7], denominator: [8, 30], aggs: [sum, max]}
  oslo: {since: {condition: "city == 'Oslo' AND minutes > 0", aggs: [count]}}
  paid: {source_feature: fare, since: {condition: "", aggs: [count, sum]}}
  fare: {basic: min, since: {condition: "minutes < 0", aggs: [sum]}}
"""
NAMES = [
    *("minutes_SUM", "minutes_MEAN", "minutes_STD", "minutes_MEDIAN", "minutes_COUNT"),
    *("minutes_MAX_1_7", "minutes_SUM_1_7", "minutes_AVG_0_30"),
    *("minutes_SUM1_7_SUM8_30", "minutes_MAX1_7_MAX8_30"),
    *("SINCE_COUNT_oslo_GEO_D", "SINCE_COUNT_fare_GEO_D", "SINCE_SUM_fare_GEO_D", "fare_MIN", "SINCE_SUM_fare_GEO_D_1"),
]
AS_OF = "application_date_col: as_of\n"


def soa(project: Project, features: str = FEATURES, more: str = AS_OF + "source: source.rides\n") -> None:
    project.write(
        "seeknal/load.yml",
        f"kind: second_order_aggregation\nname: load\nid_col: rider\nfeature_date_col: day\n{more}features:{features}",
    )


NODE = "second_order_aggregation.load"


def wanted(rows: Sequence[Row], today: date | None = None) -> list[Row]:
    """The table of FEATURES, by its definition."""
    found = []
    for (rider,), members in grouped(rows, ["rider"]).items():
        aged = [(row, days_between(row, today or row["as_of"])) for row in members]
        found.append({"rider": rider, **dict(zip(NAMES, _values(aged), strict=True))})
    return found


def _values(aged: Sequence[tuple[Row, int | None]]) -> list[Any]:
    def of(word: str, column: str, low: int, high: int = 10**9) -> Any:
        return aggregate(word, [row[column] for row, age in aged if age is not None and low <= age <= high])

    rows = [row for row, _ in aged]
    lost = [row["fare"] for row in rows if row["minutes"] is not None and row["minutes"] < 0]
    return [
        *(of(word, "minutes", 0) for word in ("sum", "avg", "stddev", "median", "count")),
        *(of(word, "minutes", 1, 7) for word in ("max", "sum")),
        of("avg", "minutes", 0, 30),
        *(ratio(of(word, "minutes", 1, 7), of(word, "minutes", 8, 30)) for word in ("sum", "max")),
        len([row for row in rows if row["city"] == "Oslo" and row["minutes"] is not None and row["minutes"] > 0]),
        *(of(word, "fare", 0) for word in ("count", "sum")),
        of("min", "fare", 0),
        aggregate("sum", lost),
    ]


def test_every_feature_is_what_a_loop_over_the_rides_gives(project: Project) -> None:
    soa(project)
    for seed in range(6):
        rows = some_rides(seed, count=15 * seed)
        source(project, "rides", rows)
        project.run()
        same(table(project, NODE), wanted(rows))
    assert columns(project, NODE) == ["rider", *NAMES]


PYTHON = """
from seeknal.pipeline import second_order_aggregation

FEATURES = {
    "minutes": {"basic": ["sum", "mean", "std", "MEDIAN", "count"]},
    "last_week": {"source_feature": "minutes", "window": [1, 7], "basic": ["max", "sum"]},
    "month": {"source_feature": "minutes", "window": ["0d", "30d"], "basic": "avg"},
    "trend": {
        "source_feature": "minutes",
        "ratio": {"numerator": [1, 7], "denominator": [8, 30], "aggs": ["sum", "max"]},
    },
    "oslo": {"since": {"condition": "city == 'Oslo' AND minutes > 0", "aggs": ["count"]}},
    "paid": {"source_feature": "fare", "since": {"condition": "", "aggs": ["count", "sum"]}},
    "fare": {"basic": "min", "since": {"condition": "minutes < 0", "aggs": ["sum"]}},
}


@second_order_aggregation(
    id_col="rider",
    feature_date_col="day",
    application_date_col="as_of",
    features=FEATURES,
    description="load",
    tags=["t"],
)
def load(ctx):
    assert ctx.params == {}
    return ctx.ref("source.rides")
"""


def test_in_python_the_rows_are_those_that_the_function_returns(project: Project) -> None:
    rows = some_rides(5)
    source(project, "rides", rows)
    project.write("seeknal/load.py", PYTHON)
    project.run()
    same(table(project, NODE), wanted(rows))
    project.edit(
        "seeknal/load.py", 'return ctx.ref("source.rides")', 'return ctx.ref("source.rides").filter("fare > 50")'
    )
    project.run()
    same(table(project, NODE), wanted([row for row in rows if (row["fare"] or 0) > 50]))
    project.edit("seeknal/load.py", '"basic": "min"', '"basic": "max"')
    assert project.run().built == {NODE}
    assert project.run().built == set()


@pytest.mark.parametrize("result", ["ctx.ref('source.rides').df()", "ctx.ref('source.rides').to_arrow_table()"])
def test_in_python_any_table_can_be_returned(project: Project, result: str) -> None:
    source(project, "rides", some_rides(5))
    project.write("seeknal/load.py", PYTHON.replace('ctx.ref("source.rides")', result))
    project.run()
    found = {row["rider"]: row["minutes_SUM"] for row in table(project, NODE)}
    assert found == {row["rider"]: row["minutes_SUM"] for row in wanted(some_rides(5))}


def test_numbers_keep_all_their_digits(project: Project) -> None:
    day, big = date(2024, 1, 1), 9007199254740993
    row = {"rider": "a", "day": day, "as_of": day, "city": "Oslo", "minutes": big, "fare": 1}
    source(project, "rides", [row, {**row, "minutes": 2 * big}])
    soa(project)
    project.run()
    assert [int(row["minutes_SUM"]) for row in table(project, NODE)] == [3 * big]
    os_path = "seeknal/load.yml"
    project.write(os_path, "kind: transform\nname: gone\ntransform: SELECT 1 AS x\n")
    project.write("seeknal/load.py", PYTHON)
    project.run()
    assert [int(row["minutes_SUM"]) for row in table(project, NODE)] == [3 * big]


# -- the run's date ---------------------------------------------------------------------------------------------------

BY_CLOCK = PYTHON.replace('    application_date_col="as_of",\n', "")


@pytest.mark.parametrize("form", ["yaml", "python"])
def test_without_an_application_date_the_date_of_the_run_counts(project: Project, form: str) -> None:
    rows = some_rides(4)
    source(project, "rides", rows)
    if form == "yaml":
        soa(project, more="source: source.rides\n")
    else:
        project.write("seeknal/load.py", BY_CLOCK)
    project.run("--date", "2024-03-05")
    same(table(project, NODE), wanted(rows, date(2024, 3, 5)))
    assert project.run("--date", "2024-03-05").built == set()
    assert project.run("--date", "2024-03-20").built == {NODE}
    same(table(project, NODE), wanted(rows, date(2024, 3, 20)))
    assert project.run("--date", "2024-03-05").built == set(), "the table of that date is known"
    same(table(project, NODE), wanted(rows, date(2024, 3, 5)))


@pytest.mark.parametrize("form", ["yaml", "python"])
def test_the_clock_in_a_condition_is_the_run_s(project: Project, form: str) -> None:
    rows = some_rides(4)
    source(project, "rides", rows)
    condition = "day >= current_date - 5"
    if form == "yaml":
        soa(project, f' {{new: {{since: {{condition: "{condition}", aggs: [count]}}}}}}\n')
    else:
        features = f'features={{"new": {{"since": {{"condition": "{condition}", "aggs": ["count"]}}}}}}'
        project.write("seeknal/load.py", PYTHON.replace("features=FEATURES", features))
    for today in (date(2024, 3, 1), date(2024, 3, 10)):
        assert NODE in project.run("--date", str(today)).built
        found = {row["rider"]: row["SINCE_COUNT_new_GEO_D"] for row in table(project, NODE)}
        assert found == {
            rider: sum(1 for row in members if row["day"] and (today - row["day"]).days <= 5)
            for (rider,), members in grouped(rows, ["rider"]).items()
        }
    assert project.run("--date", "2024-03-10").built == set()


@pytest.mark.parametrize("form", ["yaml", "python"])
def test_with_an_application_date_the_clock_does_not_count(project: Project, form: str) -> None:
    source(project, "rides", some_rides(4))
    if form == "yaml":
        soa(project)
    else:
        project.write("seeknal/load.py", PYTHON)
    project.run("--date", "2024-03-05")
    assert project.run("--date", "2024-03-20").built == set()


@pytest.mark.parametrize("form", ["yaml", "python"])
def test_the_time_of_the_clock_and_the_order_of_rows_are_warned_of(project: Project, form: str) -> None:
    source(project, "rides", some_rides(4))
    spec = '{"fare": {"basic": "first", "since": {"condition": "day < now()", "aggs": ["count"]}}}'
    if form == "yaml":
        soa(project, f" {spec}\n")
    else:
        project.write("seeknal/load.py", PYTHON.replace("features=FEATURES", f"features={spec}"))
    project.run()
    reasons = {warning["reason"] for warning in project.seeknal("validate", "--json").json["warnings"]}
    assert reasons == {"frozen_clock", "fragile"}


# -- what it reads ----------------------------------------------------------------------------------------------------


def test_the_rows_can_come_from_a_node_of_any_kind(project: Project) -> None:
    rows = [dict(pairs) for pairs in {tuple(row.items()) for row in some_rides(2)}]
    source(project, "rides", rows)
    project.transform("cleaned", "SELECT * FROM ref('source.rides')", ("source.rides",))
    project.write(
        "seeknal/groups.yml",
        "kind: feature_group\nname: ridden\nentity: {name: ride, join_keys: [rider, day, as_of, city, minutes, fare]}\n"
        "dedupe: first\ninputs: [source.rides]\n",
    )
    project.write(
        "seeknal/sums.yml",
        "kind: aggregation\nname: sums\nid_col: rider\nfeature_date_col: day\napplication_date_col: as_of\n"
        "source: source.rides\ngroup_by: [day, city, minutes, fare]\nfeatures: [{name: rider, basic: [count]}]\n",
    )
    project.write(
        "seeknal/python.py",
        """
        from seeknal.pipeline import transform


        @transform()
        def made(ctx):
            return ctx.ref("source.rides")
        """,
    )
    for name in ("source.rides", "transform.cleaned", "feature_group.ridden", "transform.made"):
        soa(project, more=f"{AS_OF}source: {name}\n")
        assert NODE in project.run("--nodes", NODE, "--full").built
        same(table(project, NODE), wanted(rows))
    soa(project, more=f"{AS_OF}source: aggregation.sums\n")
    project.run()
    same(table(project, NODE), wanted(rows))
    soa(project, more=f"{AS_OF}source: {NODE}\n")
    assert "cycle" in project.run(ok=False).json["problems"][0]["message"]


def test_source_is_a_dependency_in_both_forms(project: Project) -> None:
    rows = some_rides(2)
    source(project, "rides", rows)
    project.transform("zzz", "SELECT * FROM ref('source.rides') WHERE fare < 50", ("source.rides",))
    soa(project, more=f"{AS_OF}source: transform.zzz\n")
    python = PYTHON.replace("def load", "def other").replace("tags=", 'source="transform.zzz",\n    tags=')
    project.write("seeknal/other.py", python)
    project.run("--nodes", f"{NODE},second_order_aggregation.other")
    same(table(project, NODE), wanted([row for row in rows if row["fare"] is not None and row["fare"] < 50]))
    same(table(project, "second_order_aggregation.other"), wanted(rows))
    (consumed,) = (line for line in project.seeknal("show", "transform.zzz").out.splitlines() if "consumers" in line)
    assert NODE in consumed
    assert "second_order_aggregation.other" in consumed


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("window: [1, 7]", "window: [1, 8]"),
        ("fare: {basic: min", "fare: {basic: max"),
        ("denominator: [8, 30]", "denominator: [8, 31]"),
        ("minutes < 0", "minutes < 1"),
        ("  oslo: {since", "  bergen: {since"),
        (AS_OF, ""),
    ],
)
def test_an_edit_of_the_features_rebuilds_it(project: Project, old: str, new: str) -> None:
    source(project, "rides", some_rides(1))
    soa(project)
    project.run()
    project.edit("seeknal/load.yml", "name: load", "name: load\ndescription: what the riders did")
    assert project.run().built == set()
    project.edit("seeknal/load.yml", old, new)
    assert project.run().built == {NODE}


# -- names ------------------------------------------------------------------------------------------------------------


def test_a_window_has_its_own_columns_and_no_others(project: Project) -> None:
    source(project, "rides", some_rides(1))
    soa(project, "\n  week: {source_feature: minutes, window: [1, 7], basic: [max]}\n")
    project.run()
    assert columns(project, NODE) == ["rider", "minutes_MAX_1_7"]


def test_since_alone_is_enough_and_counts_rows(project: Project) -> None:
    source(project, "rides", [{**row, "minutes": None} for row in some_rides(1)])
    soa(project, "\n  rides: {since: {condition: 'true', aggs: [count]}}\n")
    project.run()
    assert columns(project, NODE) == ["rider", "SINCE_COUNT_rides_GEO_D"]
    assert sum(row["SINCE_COUNT_rides_GEO_D"] for row in table(project, NODE)) == len(some_rides(1))


def test_names_that_come_twice_get_a_number(project: Project) -> None:
    source(project, "rides", some_rides(1))
    again = "{source_feature: minutes, basic: [sum]}"
    soa(project, f"\n  minutes: {{basic: [sum, SUM]}}\n  a: {again}\n  b: {again}\n")
    project.run()
    assert columns(project, NODE) == ["rider", "minutes_SUM", "minutes_SUM_1", "minutes_SUM_2", "minutes_SUM_3"]


# -- what cannot be ---------------------------------------------------------------------------------------------------

WRONG: list[tuple[str, tuple[str, ...]]] = [
    ("{percentile: 0.9, basic: [sum]}", ("minutes.percentile", "not supported", "median")),
    ("{delta: [1, 7]}", ("minutes.delta", "not supported")),
    ("{windows: [[1, 7]], functions: [sum]}", ("minutes.windows", "not supported", "window: [1, 7]")),
    ("{functions: [sum]}", ("minutes.functions", "not supported", "basic")),
    ("{basc: [sum]}", ("minutes.basc", "did you mean basic", "source_feature")),
    ("[sum]", ("features.minutes", "a mapping is needed", "basic")),
    ("{}", ("features.minutes", "nothing to compute", "basic")),
    ("{source_feature: fare}", ("features.minutes", "nothing to compute")),
    ("{source_feature: 3, basic: sum}", ("minutes.source_feature", "name of a column")),
    ("{basic: []}", ("minutes.basic", "missing", "[sum]")),
    ("{window: [1, 7]}", ("minutes.basic", "missing", "[sum]")),
    ("{window: 7, basic: sum}", ("minutes.window", "[1, 7]")),
    ("{window: [1, 2, 3], basic: sum}", ("minutes.window", "[1, 7]")),
    ("{window: [7, 1], basic: sum}", ("minutes.window", "[7, 1]", "smaller number comes first")),
    ("{window: [1, x], basic: sum}", ("minutes.window", "'x'", "7d")),
    ("{basic: ['sum(1) --']}", ("minutes.basic", "'sum(1) --'", "names of aggregate functions")),
    ("{basic: ['count(*), 1']}", ("minutes.basic",)),
    ("{basic: [3]}", ("minutes.basic", "3")),
    ("{ratio: {numerator: [1, 7], aggs: [sum]}}", ("minutes.ratio.denominator", "[1, 7]")),
    ("{ratio: {numerator: [1], denominator: [8, 30], aggs: [sum]}}", ("minutes.ratio.numerator", "[1, 7]")),
    ("{ratio: {numerator: [1, 7], denominator: [8, 30]}}", ("minutes.ratio.aggs", "missing")),
    ("{ratio: 7}", ("minutes.ratio", "a mapping is needed", "numerator")),
    ("{since: {condition: minutes > 1}}", ("minutes.since.aggs", "missing")),
    ("{since: {condition: 3, aggs: [count]}}", ("minutes.since.condition", "SQL expression")),
    ("{since: {condtion: a > 1, aggs: [count]}}", ("since.condtion", "did you mean condition")),
]


@pytest.mark.parametrize(("spec", "words"), WRONG, ids=[spec for spec, _ in WRONG])
def test_a_wrong_feature_is_told_with_line_field_and_remedy(
    project: Project, spec: str, words: tuple[str, ...]
) -> None:
    source(project, "rides", [])
    soa(project, f"\n  fare: {{basic: [sum]}}\n  minutes: {spec}\n")
    result = project.run(ok=False)
    assert result.code == 3, result.out + result.err
    (problem,) = result.json["problems"]
    assert (problem["file"], problem["line"]) == ("seeknal/load.yml", 9)
    assert all(word in problem["message"] for word in (NODE, *words)), problem


@pytest.mark.parametrize(
    ("field", "value", "line", "words"),
    [
        ("id_col", "3", 3, ("id_col", "a text is needed")),
        ("id_col", "''", 3, ("id_col", "name of a column")),
        ("feature_date_col", "[day]", 4, ("feature_date_col", "a text is needed")),
        ("application_date_col", "''", 5, ("application_date_col", "name of a column")),
        ("source", "rides", 6, ("source", "kind.name")),
        ("features", "[minutes]", 7, ("features is a mapping", "basic")),
        ("features", "{}", 7, ("features is a mapping",)),
    ],
)
def test_a_wrong_field_is_told(project: Project, field: str, value: str, line: int, words: tuple[str, ...]) -> None:
    source(project, "rides", [])
    fields = {
        "id_col": "rider",
        "feature_date_col": "day",
        "application_date_col": "as_of",
        "source": "source.rides",
        "features": "{minutes: {basic: sum}}",
        field: value,
    }
    head = "kind: second_order_aggregation\nname: load\n"
    project.write("seeknal/load.yml", head + "".join(f"{name}: {text}\n" for name, text in fields.items()))
    result = project.run(ok=False)
    assert result.code == 3
    (problem,) = result.json["problems"]
    assert problem["line"] == line
    assert all(word in problem["message"] for word in words), problem


ESCAPES = [
    "x) FROM y --",
    "true) OR (true",
    "minutes > 1; DROP TABLE x",
    "minutes > 1 -- more",
    "minutes > 1 /* more",
    "minutes > (1",
    "minutes > list[1",
    "minutes > 1]",
    "(minutes > 1]",
    "city = 'Oslo",
    'city" = 1',
    "city = e'Oslo\\'",
    "$$'$$) FROM y WHERE ($$'$$",
    "`'`) FROM y WHERE (`'`",
]


@pytest.mark.parametrize("form", ["yaml", "python"])
@pytest.mark.parametrize("condition", ESCAPES)
def test_a_condition_cannot_leave_its_brackets(project: Project, form: str, condition: str) -> None:
    source(project, "rides", [])
    if form == "yaml":
        block = textwrap.indent(condition, " " * 8)
        soa(project, f"\n  minutes:\n    since:\n      condition: |-\n{block}\n      aggs: [count]\n")
    else:
        spec = f'features={{"minutes": {{"since": {{\n"condition": {condition!r},\n"aggs": ["count"]}}}}}}'
        project.write("seeknal/load.py", PYTHON.replace("features=FEATURES", spec))
    result = project.run(ok=False)
    assert result.code == 3, result.out + result.err
    (problem,) = result.json["problems"]
    assert "features.minutes.since.condition: " in problem["message"]
    assert "one SQL expression" in problem["message"]
    text = project.read(problem["file"]).splitlines()
    assert "condition" in text[problem["line"] - 1]


@pytest.mark.parametrize(
    "condition",
    [
        "city = ')' OR city = '--' OR city = ';'",
        "city LIKE '%$%' OR city = 'it''s'",
        "city LIKE 'x!%' ESCAPE '!' AND \"minutes\" = 1",
        r"city = e'a\'b) --' OR city = 'C:\'",
        "minutes IN (1, 2) AND list_contains([1, 2], minutes) AND {'a': minutes}.a = 1",
        "minutes -\n 1 > 0",
    ],
)
def test_what_is_inside_quotes_and_brackets_is_a_person_s_own(project: Project, condition: str) -> None:
    source(project, "rides", some_rides(1))
    block = textwrap.indent(condition, " " * 8)
    soa(project, f"\n  minutes:\n    since:\n      condition: |-\n{block}\n      aggs: [count]\n")
    project.run()
    assert columns(project, NODE) == ["rider", "SINCE_COUNT_minutes_GEO_D"]


@pytest.mark.parametrize("form", ["yaml", "python"])
@pytest.mark.parametrize(
    ("condition", "words"),
    [("minutes >", ("syntax error",)), ("getenv('HOME') = 'x'", ("getenv",))],
)
def test_a_condition_that_is_no_sql_is_told_at_its_line(
    project: Project, form: str, condition: str, words: tuple[str, ...]
) -> None:
    source(project, "rides", [])
    given = f'"{condition}"'
    if form == "yaml":
        soa(project, f"\n  minutes:\n    since:\n      condition: {given}\n      aggs: [count]\n")
    else:
        spec = f'features={{"minutes": {{"since": {{\n"condition": {given},\n"aggs": ["count"]}}}}}}'
        project.write("seeknal/load.py", PYTHON.replace("features=FEATURES", spec))
    result = project.run(ok=False)
    assert result.code == 3, result.out + result.err
    (problem,) = result.json["problems"]
    assert "features.minutes.since.condition: " in problem["message"]
    assert all(word in problem["message"] for word in words), problem
    assert condition in project.read(problem["file"]).splitlines()[problem["line"] - 1]


@pytest.mark.parametrize("form", ["yaml", "python"])
def test_a_column_that_the_rows_lack_is_told_at_the_field_that_names_it(project: Project, form: str) -> None:
    source(project, "rides", some_rides(1))
    if form == "yaml":
        soa(project, "\n  fare: {basic: sum}\n  x:\n    source_feature: minuten\n    basic: sum\n")
    else:
        spec = 'features={\n"x": {\n"source_feature": "minuten", "basic": "sum"}}'
        project.write("seeknal/load.py", PYTHON.replace("features=FEATURES", spec))
    result = project.run(ok=False)
    assert result.code == 1
    (failed,) = result.of("failed")
    assert "features.x.source_feature: " in failed["error"]
    assert "has no column 'minuten' (did you mean minutes?)" in failed["error"]
    file, line = failed["error"].split(":")[:2]
    assert "minuten" in project.read(file).splitlines()[int(line) - 1]


@pytest.mark.parametrize("form", ["yaml", "python"])
def test_a_column_that_a_condition_lacks_is_told(project: Project, form: str) -> None:
    source(project, "rides", some_rides(1))
    if form == "yaml":
        soa(project, "\n  x:\n    since:\n      condition: minuten > 1\n      aggs: [count]\n")
    else:
        spec = 'features={"x": {"since": {\n"condition": "minuten > 1",\n"aggs": ["count"]}}}'
        project.write("seeknal/load.py", PYTHON.replace("features=FEATURES", spec))
    result = project.run(ok=False)
    (failed,) = result.of("failed")
    assert "features.x.since.condition: " in failed["error"]
    assert "did you mean minutes" in failed["error"]
    file, line = failed["error"].split(":")[:2]
    assert "minuten" in project.read(file).splitlines()[int(line) - 1]


@pytest.mark.parametrize("form", ["yaml", "python"])
def test_text_where_numbers_are_needed_is_told_at_its_feature(project: Project, form: str) -> None:
    source(project, "rides", some_rides(1))
    if form == "yaml":
        soa(project, "\n  fare: {basic: sum}\n  city: {basic: [count, mean]}\n")
    else:
        spec = 'features={\n"fare": {"basic": "sum"},\n"city": {"basic": ["count", "mean"]}}'
        project.write("seeknal/load.py", PYTHON.replace("features=FEATURES", spec))
    (failed,) = project.run(ok=False).of("failed")
    assert "features.city: in " in failed["error"]
    assert "'city' is text (VARCHAR)" in failed["error"]
    file, line = failed["error"].split(":")[:2]
    assert "city" in project.read(file).splitlines()[int(line) - 1]


@pytest.mark.parametrize("word", ["medium", "upper", "quantile_cont"])
def test_a_word_that_is_no_aggregate_of_one_column_is_told(project: Project, word: str) -> None:
    source(project, "rides", some_rides(1))
    soa(project, f"\n  minutes: {{basic: [{word}]}}\n")
    (failed,) = project.run(ok=False).of("failed")
    assert word in failed["error"]
    assert failed["error"].startswith("seeknal/load.yml:7: ")


def test_in_python_a_condition_reads_the_function_s_rows_only(project: Project) -> None:
    source(project, "rides", some_rides(1))
    project.write("secret.csv", "x\n1\n")
    for query, what in (("FROM read_csv('secret.csv')", "secret.csv"), ("FROM ref('source.rides')", "source.rides")):
        spec = f'features={{"x": {{"since": {{"condition": "1 = (SELECT count(*) {query})", "aggs": ["count"]}}}}}}'
        project.write("seeknal/load.py", PYTHON.replace("features=FEATURES", spec))
        result = project.run(ok=False)
        assert result.code == 3
        assert f"{what} is read beside the function's rows" in result.json["problems"][0]["message"]


@pytest.mark.parametrize("argument", ["id_col", "feature_date_col", "features"])
def test_in_python_a_missing_argument_is_named(project: Project, argument: str) -> None:
    source(project, "rides", [])
    lines = [line for line in PYTHON.splitlines() if not line.strip().startswith(f"{argument}=")]
    project.write("seeknal/load.py", "\n".join(lines))
    result = project.run(ok=False)
    assert result.code == 3
    assert f"the argument '{argument}' is missing" in result.json["problems"][0]["message"]

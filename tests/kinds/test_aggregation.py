"""Aggregations: every number is what a plain loop over the rides gives, under the documented names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from tests.kinds.rides import (
    TYPES,
    Row,
    aggregate,
    columns,
    days_between,
    grouped,
    ratio,
    same,
    some_rides,
    source,
    table,
)
from tests.project_on_disk import Project

FEATURES = """
  - name: ride
    column: minutes
    basic: [sum, avg, mean, min, max, count, stddev, std]
  - name: minutes
    rolling:
      - {window: [1, 7], aggs: [sum, avg]}
      - {window: "30d", functions: [min, max]}
      - {window: 0, aggs: sum}
    ratio:
      - {numerator: [1, 7], denominator: [7, 30d], aggs: [sum]}
  - name: fare
    basic: count
    rolling: [{window: [7], aggs: [mean]}]
    since:
      - {condition: "minutes == 2 OR city = 'Oslo'", aggs: [count, sum]}
"""
NAMES = [
    *("ride_sum", "ride_avg", "ride_avg_1", "ride_min", "ride_max", "ride_count", "ride_stddev", "ride_stddev_1"),
    *("minutes_sum_1d", "minutes_avg_1d", "minutes_sum_7d", "minutes_avg_7d", "minutes_min_30d", "minutes_max_30d"),
    "minutes_sum_0d",
    *("minutes_sum_ratio_1d_7d", "minutes_sum_ratio_1d_30d", "minutes_sum_ratio_7d_7d", "minutes_sum_ratio_7d_30d"),
    *("fare_count", "fare_avg_7d", "fare_count_if", "fare_sum_if"),
]


def aggregation(project: Project, features: str = FEATURES, more: str = "source: source.rides") -> None:
    project.write(
        "seeknal/aggregations/load.yml",
        "kind: aggregation\nname: load\nid_col: rider\nfeature_date_col: day\napplication_date_col: as_of\n"
        f"{more}\nfeatures:{features}",
    )


def wanted(rows: Sequence[Row], by: Sequence[str]) -> list[Row]:
    """The table of FEATURES, by its definition."""
    same_group = ["rider", *(column for column in by if column not in ("day", "minutes", "fare"))]
    found = []
    for key, members in grouped(rows, ["rider", "as_of", *by]).items():
        group = dict(zip(["rider", "as_of", *by], key, strict=True))
        end = group["day"] if "day" in by else group["as_of"]
        near = [row for row in rows if all(row[column] == group[column] for column in same_group)]
        found.append({**group, **dict(zip(NAMES, _values(members, near, end), strict=True))})
    return found


def _values(members: Sequence[Row], near: Sequence[Row], end: date | None) -> list[Any]:
    def within(word: str, column: str, n: int) -> Any:
        ages = [(row, days_between(row, end)) for row in near]
        return aggregate(word, [row[column] for row, age in ages if age is not None and 0 <= age <= n])

    minutes = [row["minutes"] for row in members]
    chosen = [row for row in members if row["minutes"] == 2 or row["city"] == "Oslo"]
    return [
        *(aggregate(w, minutes) for w in ("sum", "avg", "avg", "min", "max", "count", "stddev", "stddev")),
        *(within(word, "minutes", n) for n in (1, 7) for word in ("sum", "avg")),
        *(within(word, "minutes", 30) for word in ("min", "max")),
        within("sum", "minutes", 0),
        *(ratio(within("sum", "minutes", n), within("sum", "minutes", m)) for n in (1, 7) for m in (7, 30)),
        aggregate("count", [row["fare"] for row in members]),
        within("avg", "fare", 7),
        len(chosen),
        aggregate("sum", [row["fare"] for row in chosen]),
    ]


GROUPS = [[], ["city"], ["day"], ["day", "minutes"], ["city", "day"], ["minutes", "city", "fare"]]


@pytest.mark.parametrize("by", GROUPS, ids=lambda by: "+".join(by) or "nothing")
def test_every_feature_is_what_a_loop_over_the_rides_gives(project: Project, by: list[str]) -> None:
    aggregation(project, more=f"group_by: [{', '.join(by)}]\nsource: source.rides")
    for seed in range(5):
        rows = some_rides(seed, count=12 * seed)
        source(project, "rides", rows)
        project.run()
        same(table(project, "aggregation.load"), wanted(rows, by))
    assert columns(project, "aggregation.load") == ["rider", "as_of", *by, *NAMES]


@pytest.mark.parametrize("type_", ["TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "VARCHAR"])
def test_times_count_as_the_day_they_are_on(project: Project, type_: str) -> None:
    rows = some_rides(7)
    suffix = "" if type_ == "VARCHAR" else " 23:59:59"
    late = [{**row, "day": row["day"] and f"{row['day']}{suffix}"} for row in rows]
    source(project, "rides", late, {**TYPES, "day": type_})
    aggregation(project)
    project.run()
    same(table(project, "aggregation.load"), wanted(rows, []))


def test_the_group_of_a_date_is_its_own_window(project: Project) -> None:
    """What a person had to write for the existing tool: the date and the value in `group_by`, one row for each ride."""
    rides = [("a", 1, 10), ("a", 5, 20), ("a", 9, 30), ("b", 9, 40)]
    rows = [
        {"rider": rider, "day": date(2024, 1, day), "as_of": date(2024, 2, 1), "city": None, "minutes": m, "fare": 1}
        for rider, day, m in rides
    ]
    source(project, "rides", rows)
    aggregation(
        project,
        "\n  - {name: minutes, rolling: [{window: [4], aggs: [sum]}]}\n",
        "group_by: [day, minutes]\nsource: source.rides",
    )
    project.run()
    assert [(row["day"].day, row["minutes"], row["minutes_sum_4d"]) for row in table(project, "aggregation.load")] == [
        (1, 10, 10),
        (5, 20, 30),
        (9, 30, 50),
        (9, 40, 40),
    ]


def test_a_ratio_of_nothing_or_by_zero_is_null(project: Project) -> None:
    day = date(2024, 1, 10)
    rows = [
        {"rider": "zero", "day": day, "as_of": day, "city": None, "minutes": 0, "fare": 1},
        {"rider": "none", "day": date(2024, 1, 1), "as_of": day, "city": None, "minutes": 5, "fare": 1},
        {"rider": "some", "day": day, "as_of": day, "city": None, "minutes": 5, "fare": 1},
    ]
    source(project, "rides", rows)
    aggregation(project, "\n  - {name: minutes, ratio: [{numerator: [1], denominator: [30], aggs: [sum, max]}]}\n")
    project.run()
    found = {row["rider"]: (row["minutes_sum_ratio_1d_30d"], row["minutes_max_ratio_1d_30d"])
             for row in table(project, "aggregation.load")}  # fmt: skip
    assert found == {"zero": (None, None), "none": (None, None), "some": (1.0, 1.0)}


def test_one_group_by_is_all_that_basic_features_need(project: Project) -> None:
    source(project, "rides", some_rides(1))
    aggregation(project, "\n  - {name: minutes, basic: [sum]}\n")
    project.run()
    shown = project.seeknal("show", "aggregation.load").out
    assert "OVER" not in shown
    assert "UNION" not in shown


def test_numbers_keep_all_their_digits(project: Project) -> None:
    day, big = date(2024, 1, 1), 9007199254740993
    row = {"rider": "a", "day": day, "as_of": day, "city": "Oslo", "minutes": big, "fare": 1}
    source(project, "rides", [row, {**row, "minutes": 2 * big}])
    aggregation(project)
    project.run()
    (found,) = table(project, "aggregation.load")
    assert (int(found["ride_sum"]), int(found["minutes_sum_7d"]), found["ride_min"]) == (3 * big, 3 * big, big)


def test_any_text_can_be_the_name_of_a_column(project: Project) -> None:
    names = ['the "rider"', "day; DROP", "k0", "v0", "c0", "select"]
    types = dict(zip(names, TYPES.values(), strict=True))
    rows = some_rides(3)
    source(project, "rides", [dict(zip(names, row.values(), strict=True)) for row in rows], types)
    text = FEATURES.replace("column: minutes", "column: c0").replace("name: minutes", "name: minutes\n    column: C0")
    text = (
        text.replace("minutes ==", "c0 ==")
        .replace("city", "v0")
        .replace("name: fare", "name: fare\n    column: select")
    )
    project.write(
        "seeknal/load.yml",
        "kind: aggregation\nname: load\nid_col: 'the \"rider\"'\nfeature_date_col: 'day; DROP'\n"
        f"application_date_col: k0\ngroup_by: [v0]\ninputs: [source.rides]\nfeatures:{text}",
    )
    project.run()
    back = {names[0]: "rider", "k0": "as_of", "v0": "city"}
    found = [{back.get(name, name): value for name, value in row.items()} for row in table(project, "aggregation.load")]
    same(found, wanted(rows, ["city"]))


def test_names_that_come_twice_get_a_number(project: Project) -> None:
    rows = [{**row, "x_sum": 1} for row in some_rides(1)]
    source(project, "rides", rows, {**TYPES, "x_sum": "INTEGER"})
    since = "{condition: fare > 1, aggs: [count]}"
    aggregation(
        project,
        f"\n  - {{name: x, column: minutes, basic: [sum], since: [{since}, {since}]}}\n  - {{name: X, column: fare, basic: sum}}\n",
        "group_by: [x_sum, rider]\nsource: source.rides",
    )
    project.run()
    names = ["rider", "as_of", "x_sum", "x_sum_1", "x_count_if", "x_count_if_1", "X_sum_2"]
    assert columns(project, "aggregation.load") == names


# -- what it reads ----------------------------------------------------------------------------------------------------


def test_source_is_a_dependency_and_the_first_input_is_the_default(project: Project) -> None:
    source(project, "rides", some_rides(1))
    project.transform("other", "SELECT 'x' AS unrelated", ())
    project.transform("zzz", "SELECT * FROM ref('source.rides') WHERE minutes > 0", ("source.rides",))
    aggregation(project, more="source: transform.zzz")
    project.run("--nodes", "aggregation.load")
    positive = table(project, "aggregation.load")
    same(positive, wanted([row for row in some_rides(1) if (row["minutes"] or 0) > 0], []))
    aggregation(project, more="inputs: [{ref: transform.zzz}, {ref: transform.other}]")
    project.run()
    assert table(project, "aggregation.load") == positive
    aggregation(project, more="source: source.rides\ninputs: [{ref: transform.zzz}]")
    project.run()
    same(table(project, "aggregation.load"), wanted(some_rides(1), []))


def test_only_the_columns_that_it_reads_rebuild_it(project: Project) -> None:
    rows = some_rides(1)
    source(project, "rides", rows)
    aggregation(project, "\n  - {name: minutes, basic: [sum]}\n")
    project.run()
    source(project, "rides", [{**row, "fare": 1, "city": None} for row in rows])
    assert "aggregation.load" not in project.run().built
    source(project, "rides", [{**row, "minutes": 1} for row in rows])
    assert "aggregation.load" in project.run().built


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("window: [1, 7]", "window: [1, 8]"),
        ("basic: [sum, avg", "basic: [max, avg"),
        ("minutes == 2", "minutes == 3"),
        ("id_col: rider", "id_col: city"),
        ("source: source.rides", "group_by: [city]\nsource: source.rides"),
    ],
)
def test_an_edit_of_a_field_rebuilds_it_and_an_edit_of_a_note_does_not(project: Project, old: str, new: str) -> None:
    source(project, "rides", some_rides(1))
    aggregation(project)
    project.run()
    path = "seeknal/aggregations/load.yml"
    project.edit(path, "column: minutes", "description: of one ride\n    column: minutes")
    assert project.run().built == set()
    project.edit(path, old, new)
    assert project.run().built == {"aggregation.load"}


def test_sql_python_and_the_views_see_its_rows(project: Project) -> None:
    source(project, "rides", some_rides(1))
    aggregation(project)
    project.transform("riders", "SELECT count(*) AS n FROM ref('aggregation.load')", ())
    project.write(
        "seeknal/seen.py",
        """
        from seeknal.pipeline import transform


        @transform()
        def seen(ctx):
            load = ctx.ref("aggregation.load")
            return ctx.duckdb.sql("SELECT count(*) AS n FROM load")
        """,
    )
    project.run()
    rows = len(table(project, "aggregation.load"))
    assert project.rows("transform.riders") == project.rows("transform.seen") == [(rows,)]


# -- what cannot be ---------------------------------------------------------------------------------------------------

F = "features:\n  - name: minutes\n    {}\n"
HEAD = {"id_col": "rider", "feature_date_col": "day", "application_date_col": "as_of", "source": "source.rides"}
# What is written in place of a field (or in the feature, on line 9) -> the line, and words of the message.
WRONG: list[tuple[dict[str, str], str, int, tuple[str, ...]]] = [
    ({"id_col": "[rider]"}, "basic: [sum]", 3, ("id_col", "a text is needed")),
    ({"id_col": "''"}, "basic: [sum]", 3, ("id_col", "name of a column")),
    ({"feature_date_col": "' '"}, "basic: [sum]", 4, ("feature_date_col", "name of a column")),
    ({"source": "rides"}, "basic: [sum]", 6, ("source", "'rides'", "kind.name")),
    ({"source": "[a.b]"}, "basic: [sum]", 6, ("source", "kind.name")),
    ({"source": "source.ridez"}, "basic: [sum]", 6, ("source.ridez", "did you mean source.rides")),
    ({"group_by": "[city, 3]"}, "basic: [sum]", 7, ("group_by[1]", "name of a column")),
    ({}, "basic: [sum, median]", 9, ("features[0].basic", "'median'", "stddev")),
    ({}, "basic: []", 9, ("features[0].basic", "missing", "stddev")),
    ({}, "basic: [sum, 3]", 9, ("features[0].basic", "3")),
    ({}, "basis: [sum]", 9, ("features[0].basis", "did you mean basic", "rolling")),
    ({}, "description: nothing more", 8, ("features[0]", "nothing to compute", "basic")),
    ({}, "column: [x]\n    basic: [sum]", 9, ("features[0].column", "name of a column")),
    ({}, "rolling: [7]", 9, ("features[0].rolling[0]", "window")),
    ({}, "rolling: [{window: 7}]", 9, ("features[0].rolling[0].aggs", "missing", "max")),
    ({}, "rolling: [{aggs: [sum]}]", 9, ("features[0].rolling[0].window", "missing", "[7, 30]")),
    ({}, "rolling: [{window: 7, aggs: [stddev]}]", 9, ("rolling[0].aggs", "'stddev'", "sum, avg")),
    ({}, "rolling: [{window: 2w, aggs: [sum]}]", 9, ("rolling[0].window", "'2w'", "7d")),
    ({}, "rolling: [{window: -1, aggs: [sum]}]", 9, ("rolling[0].window", "-1", "7d")),
    ({}, "rolling: [{window: true, aggs: [sum]}]", 9, ("rolling[0].window", "True")),
    ({}, "rolling: [{window: 1.5, aggs: [sum]}]", 9, ("rolling[0].window", "1.5")),
    ({}, "rolling: [{window: 7, agg: [sum]}]", 9, ("rolling[0].agg", "did you mean aggs")),
    ({}, "ratio: [{numerator: [1], aggs: [sum]}]", 9, ("ratio[0].denominator", "missing")),
    ({}, "ratio: [{numerator: [x], denominator: [2], aggs: [sum]}]", 9, ("ratio[0].numerator", "'x'")),
    ({}, "since: [{aggs: [count]}]", 9, ("since[0].condition", "SQL expression")),
    ({}, "since: [{condition: a = 1, aggs: [max]}]", 9, ("since[0].aggs", "'max'", "count, sum")),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "feature", "line", "words"), WRONG)
def test_a_wrong_field_is_told_with_line_field_and_remedy(
    project: Project, fields: dict[str, str], feature: str, line: int, words: tuple[str, ...]
) -> None:
    source(project, "rides", [])
    given = HEAD | fields
    text = "kind: aggregation\nname: load\n" + "".join(f"{name}: {value}\n" for name, value in given.items())
    shift = len(given) - len(HEAD)
    project.write("seeknal/load.yml", text + F.format(feature))
    result = project.run(ok=False)
    assert result.code == 3, result.out + result.err
    (problem,) = result.json["problems"]
    assert (problem["file"], problem["line"]) == ("seeknal/load.yml", line + (shift if line > 7 else 0))
    assert all(word in problem["message"] for word in ("aggregation.load", *words)), problem


@pytest.mark.parametrize("name", ["id_col", "feature_date_col", "application_date_col", "features"])
def test_a_missing_field_is_named(project: Project, name: str) -> None:
    fields = {**HEAD, "features": "[{name: minutes, basic: [sum]}]"}
    del fields[name]
    text = "kind: aggregation\nname: load\n" + "".join(f"{key}: {value}\n" for key, value in fields.items())
    source(project, "rides", [])
    project.write("seeknal/load.yml", text)
    (problem,) = project.run(ok=False).json["problems"]
    assert f"'{name}'" in problem["message"]


@pytest.mark.parametrize("features", ["{minutes: {basic: [sum]}}", "[]", "minutes"])
def test_features_are_a_list(project: Project, features: str) -> None:
    source(project, "rides", [])
    aggregation(project, f" {features}\n")
    (problem,) = project.run(ok=False).json["problems"]
    assert (problem["line"], "features is a list" in problem["message"]) == (7, True)


def test_without_rows_to_read_there_is_nothing_to_aggregate(project: Project) -> None:
    source(project, "rides", [])
    project.transform("last", "SELECT * FROM ref('source.rides')")
    aggregation(project, more="group_by: []")
    (problem,) = project.run(ok=False).json["problems"]
    assert "source: transform" in problem["message"]


def test_all_wrong_features_are_told_at_once(project: Project) -> None:
    source(project, "rides", [])
    aggregation(project, "\n  - {name: a, basic: [x]}\n  - {name: b, basic: [sum]}\n  - {name: c, rolling: [{}]}\n")
    problems = project.run(ok=False).json["problems"]
    assert [problem["line"] for problem in problems] == [8, 10]


@pytest.mark.parametrize(
    ("field", "line", "name"),
    [("id_col", 3, "driver"), ("feature_date_col", 4, "days"), ("application_date_col", 5, "asof"), ("", 9, "minuten")],
)
def test_a_column_that_the_rows_lack_is_told_at_the_field_that_names_it(
    project: Project, field: str, line: int, name: str
) -> None:
    source(project, "rides", some_rides(1))
    given = HEAD | ({field: name} if field else {})
    text = "kind: aggregation\nname: load\n" + "".join(f"{key}: {value}\n" for key, value in given.items())
    project.write(
        "seeknal/load.yml",
        f"{text}features:\n  - name: x\n    column: {name if not field else 'fare'}\n    basic: [sum]\n",
    )
    project.run("--nodes", "source.rides")
    result = project.seeknal("validate", "--json")
    assert result.code == 3
    (problem,) = result.json["problems"]
    assert (problem["file"], problem["line"]) == ("seeknal/load.yml", line)
    what = field or "features[0].column"
    assert f"{what}: source.rides has no column '{name}'" in problem["message"]
    (failed,) = project.run(ok=False).of("failed")
    assert f"seeknal/load.yml:{line}: " in failed["error"]


@pytest.mark.parametrize("form", ["basic: [count, sum]", "rolling: [{window: 7, aggs: [avg]}]",
                                  "ratio: [{numerator: 1, denominator: 2, aggs: [max, sum]}]"])  # fmt: skip
def test_text_where_numbers_are_needed_is_told_at_its_feature(project: Project, form: str) -> None:
    source(project, "rides", some_rides(1))
    aggregation(project, f"\n  - {{name: fare, basic: [sum]}}\n  - {{name: x, column: city, {form}}}\n")
    (failed,) = project.run(ok=False).of("failed")
    assert failed["error"].startswith("seeknal/aggregations/load.yml:9: ")
    assert "features[1].column: in source.rides, 'city' is text (VARCHAR)" in failed["error"]
    assert "CAST" in failed["error"]


def test_text_can_be_counted_and_compared(project: Project) -> None:
    source(project, "rides", some_rides(1))
    aggregation(project, "\n  - {name: city, basic: [count, min, max], rolling: [{window: 7, aggs: [max]}]}\n")
    project.run()
    assert columns(project, "aggregation.load")[2:] == ["city_count", "city_min", "city_max", "city_max_7d"]


def test_what_only_duckdb_knows_is_told_at_the_features(project: Project) -> None:
    source(project, "rides", some_rides(1))
    aggregation(project, "\n  - {name: fare, basic: [sum]}\n  - {name: day, basic: [sum]}\n")
    (failed,) = project.run(ok=False).of("failed")
    assert failed["error"].startswith("seeknal/aggregations/load.yml:7: ")
    assert "sum(DATE)" in failed["error"]

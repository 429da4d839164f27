"""Profiles: every metric of every type of column, in the documented order, checked against plain counting."""

from __future__ import annotations

import json
import math
import os
import statistics
from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.kinds.rides import columns, some_rides, source, table
from tests.project_on_disk import Project, reader

NODE = "profile.look"
COMMON = ["null_count", "null_percent", "distinct_count"]
NUMBERS = [*COMMON, "min", "max", "avg", "sum", "stddev", "p25", "p50", "p75"]
TIMES = [*COMMON, "min", "max", "freshness_hours"]
OTHERS = [*COMMON, "top_values"]


def look(project: Project, node: str = "source.data", more: str = "") -> None:
    project.write("seeknal/look.yml", f"kind: profile\nname: look\ninputs: [{{ref: {node}}}]\n{more}")


def data(project: Project, select: str) -> None:
    """A source with the rows of a query."""
    os.makedirs(project.path("data"), exist_ok=True)
    reader().execute(f"COPY ({select}) TO '{project.path('data', 'data.parquet')}' (FORMAT parquet)")
    project.write("seeknal/data.yml", "kind: source\nname: data\nsource: parquet\ntable: data/data.parquet\n")


def found(project: Project) -> dict[str, dict[str, Any]]:
    """Column -> metric -> value, or the top values."""
    profile: dict[str, dict[str, Any]] = {}
    for row in table(project, NODE):
        value = json.loads(row["detail"]) if row["metric"] == "top_values" else row["value"]
        profile.setdefault(row["column_name"], {})[row["metric"]] = value
    return profile


def test_the_table_first_then_its_columns_each_metric_in_its_order(project: Project) -> None:
    source(project, "data", some_rides(1))
    look(project)
    project.run()
    assert columns(project, NODE) == ["column_name", "metric", "value", "detail"]
    kinds = reader().execute(f"DESCRIBE FROM '{project.view(NODE)}'").fetchall()
    assert {type_ for _, type_, *_ in kinds} == {"VARCHAR"}
    rows = [("_table_", "row_count")]
    for name, metrics in (("rider", OTHERS), ("day", TIMES), ("as_of", TIMES), ("city", OTHERS), ("minutes", NUMBERS),
                          ("fare", NUMBERS)):  # fmt: skip
        rows += [(name, metric) for metric in metrics]
    assert [(row["column_name"], row["metric"]) for row in table(project, NODE)] == rows
    assert all((row["detail"] is None) == (row["metric"] != "top_values") for row in table(project, NODE))
    assert all(row["value"] is None for row in table(project, NODE) if row["metric"] == "top_values")


@pytest.mark.parametrize("seed", range(4))
def test_every_number_is_what_plain_counting_gives(project: Project, seed: int) -> None:
    rides = some_rides(seed, count=40 + seed)
    source(project, "data", rides)
    look(project)
    project.run("--date", "2024-06-01")
    profile = found(project)
    assert profile["_table_"] == {"row_count": str(len(rides))}
    for name in rides[0]:
        values = [ride[name] for ride in rides if ride[name] is not None]
        metrics = profile[name]
        assert int(metrics["null_count"]) == len(rides) - len(values)
        assert float(metrics["null_percent"]) == pytest.approx(100 * (len(rides) - len(values)) / len(rides))
        assert int(metrics["distinct_count"]) == len(set(values))
    numbers = sorted(ride["minutes"] for ride in rides if ride["minutes"] is not None)
    wanted = {
        "min": numbers[0],
        "max": numbers[-1],
        "avg": statistics.fmean(numbers),
        "sum": sum(numbers),
        "stddev": statistics.stdev(numbers),
        **dict(zip(("p25", "p50", "p75"), statistics.quantiles(numbers, n=4, method="inclusive"), strict=True)),
    }
    assert {name: float(profile["minutes"][name]) for name in wanted} == pytest.approx(wanted)
    days = sorted(ride["day"] for ride in rides if ride["day"] is not None)
    assert (profile["day"]["min"], profile["day"]["max"]) == (str(days[0]), str(days[-1]))
    assert float(profile["day"]["freshness_hours"]) == (date(2024, 6, 1) - days[-1]).days * 24
    counts = Counter(ride["rider"] for ride in rides if ride["rider"] is not None)
    assert profile["rider"]["top_values"] == [
        {"value": rider, "count": count, "percent": pytest.approx(100 * count / len(rides))}
        for rider, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


def test_every_type_of_column_has_a_profile(project: Project) -> None:
    data(
        project,
        """
        SELECT * FROM (VALUES
          (true, 'b', 1.25::DECIMAL(5,2), 'nan'::DOUBLE, 1.5::FLOAT, 18446744073709551615::UBIGINT, DATE '2024-01-01',
           TIMESTAMP '2024-01-01 12:00', TIMESTAMPTZ '2024-01-01 12:00+00', TIMESTAMP_NS '2024-01-01 12:00:00.5',
           TIME '10:00', INTERVAL 1 DAY, [1, 2], {'a': 1}, MAP {'k': 1}, '\\xAB'::BLOB, NULL::INTEGER,
           '00000000-0000-0000-0000-000000000001'::UUID),
          (true, 'a', 2.50, 'inf', 2.5, 0, DATE '2024-01-02', TIMESTAMP '2024-01-02 12:00', NULL, NULL, TIME '10:00', NULL,
           [1, 2], {'a': 1}, MAP {'k': 1}, '\\xAB'::BLOB, NULL, NULL),
          (false, 'a', NULL, 1, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '\\x00'::BLOB, NULL, NULL)
        ) t(yes, word, price, score, ratio, big, day, time, zoned, nanos, clock, span, list, struct, map, bytes, nothing, id)
        """,
    )
    look(project)
    project.run("--date", "2024-01-03")
    profile = found(project)
    shape = {name: list(metrics) for name, metrics in profile.items()}
    numbers = dict.fromkeys(("price", "score", "ratio", "big", "nothing"), NUMBERS)
    times = dict.fromkeys(("day", "time", "zoned", "nanos"), TIMES)
    others = dict.fromkeys(("yes", "word", "clock", "span", "list", "struct", "map", "id"), OTHERS)
    no_distinct = {"bytes": ["null_count", "null_percent", "top_values"]}
    assert shape == {"_table_": ["row_count"], **numbers, **times, **others, **no_distinct}
    assert profile["yes"]["top_values"][0] == {"value": "true", "count": 2, "percent": pytest.approx(200 / 3)}
    assert [item["value"] for item in profile["word"]["top_values"]] == ["a", "b"]
    assert profile["list"]["top_values"] == [{"value": "[1, 2]", "count": 2, "percent": pytest.approx(200 / 3)}]
    assert profile["struct"]["top_values"][0]["value"] == "{'a': 1}"
    assert profile["bytes"]["top_values"][0]["value"] == "\\xAB"
    assert (profile["price"]["sum"], profile["price"]["p50"], profile["price"]["avg"]) == ("3.75", "1.875", "1.875")
    assert profile["big"]["max"] == "18446744073709551615"
    assert (profile["score"]["max"], profile["score"]["sum"], profile["score"]["min"]) == ("nan", "nan", "1.0")
    assert math.isnan(float(profile["score"]["stddev"]))
    assert float(profile["time"]["freshness_hours"]) == 12
    assert float(profile["zoned"]["freshness_hours"]) == 36
    assert profile["nothing"] == {
        **dict.fromkeys(NUMBERS),
        "null_count": "3",
        "null_percent": "100.0",
        "distinct_count": "0",
    }


def test_a_table_without_rows(project: Project) -> None:
    source(project, "data", [])
    look(project)
    project.run()
    profile = found(project)
    assert profile["_table_"] == {"row_count": "0"}
    assert profile["city"] == {"null_count": "0", "null_percent": "0.0", "distinct_count": "0", "top_values": []}
    assert profile["fare"] == {
        **dict.fromkeys(NUMBERS),
        "null_count": "0",
        "null_percent": "0.0",
        "distinct_count": "0",
    }


def test_any_text_can_be_the_name_of_a_column(project: Project) -> None:
    names = ['a "b"', "it's", "min", "_table_", "v", "n", "count(*)", "select", "  ", "line\nbreak", "place", "metric"]
    data(
        project, "SELECT " + ", ".join(f'{i} AS "{name.replace(chr(34), chr(34) * 2)}"' for i, name in enumerate(names))
    )
    look(project)
    project.run()
    rows = table(project, NODE)
    assert [row["column_name"] for row in rows if row["metric"] == "min"] == names
    assert [row["value"] for row in rows if row["metric"] == "min"] == [str(i) for i in range(len(names))]


@pytest.mark.parametrize("top", [1, 3])
def test_the_most_frequent_values_with_equal_counts_by_their_value(project: Project, top: int) -> None:
    data(project, "SELECT unnest(['d', 'c', 'c', 'b', 'b', 'a', NULL, NULL, NULL]) AS letter")
    look(project, more=f"profile: {{params: {{max_top_values: {top}}}}}\n")
    project.run()
    values = [(item["value"], item["count"]) for item in found(project)["letter"]["top_values"]]
    assert values == [("b", 2), ("c", 2), ("a", 1)][:top]


def test_five_values_unless_it_says_otherwise(project: Project) -> None:
    data(project, "SELECT range::VARCHAR AS number FROM range(10)")
    look(project)
    project.run()
    assert [item["value"] for item in found(project)["number"]["top_values"]] == ["0", "1", "2", "3", "4"]


def test_numbers_keep_all_their_digits(project: Project) -> None:
    data(project, "SELECT unnest([9007199254740993, 9007199254740995]) AS big")
    look(project)
    project.run()
    big = found(project)["big"]
    assert (big["min"], big["max"], big["sum"]) == ("9007199254740993", "9007199254740995", "18014398509481988")


# -- columns ----------------------------------------------------------------------------------------------------------


def test_chosen_columns_come_in_the_order_of_the_table(project: Project) -> None:
    source(project, "data", some_rides(1))
    look(project, more="profile: {columns: [fare, CITY, fare]}\n")
    project.run()
    assert list(found(project)) == ["_table_", "city", "fare"]


def test_a_column_that_is_not_there_is_skipped_with_a_warning(project: Project) -> None:
    source(project, "data", some_rides(1))
    look(project, more="profile:\n  params: {}\n  columns: [minutes, citty, citty]\n")
    (built,) = (event for event in project.run().of("built") if event["target"] == NODE)
    assert built["notes"] == ["warning: profile.columns: the input has no column 'citty' (did you mean city?): skipped"]
    assert list(found(project)) == ["_table_", "minutes"]
    result = project.seeknal("validate", "--json")
    assert result.code == 0
    (warning,) = result.json["warnings"]
    assert (warning["file"], warning["line"], warning["reason"]) == ("seeknal/look.yml", 6, "skipped")
    assert "citty" in warning["message"]


def test_columns_of_which_none_is_there(project: Project) -> None:
    source(project, "data", some_rides(1))
    look(project, more="profile: {columns: [x]}\n")
    project.run()
    assert list(found(project)) == ["_table_"]


# -- when it is built -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "edit", ["{columns: [fare]}", "{columns: [city]}", "{params: {max_top_values: 2}}", "{columns: [city, fare]}"]
)
def test_an_edit_of_its_fields_rebuilds_it(project: Project, edit: str) -> None:
    source(project, "data", some_rides(1))
    look(project, more="profile: {columns: [fare, day]}\n")
    project.run()
    look(project, more="# a word\nprofile: {columns: [fare, day]}\ndescription: of the rides\n")
    assert project.run().built == set()
    look(project, more=f"profile: {edit}\n")
    assert project.run().built == {NODE}
    assert project.run().built == set()


def test_it_reads_the_columns_that_it_shows_and_no_others(project: Project) -> None:
    rides = some_rides(1)
    source(project, "data", rides)
    look(project, more="profile: {columns: [fare]}\n")
    project.run()
    source(project, "data", [{**ride, "city": "Bergen"} for ride in rides])
    assert NODE not in project.run().built
    source(project, "data", [{**ride, "fare": 1} for ride in rides])
    assert NODE in project.run().built
    assert found(project)["fare"]["max"] == "1"


def test_a_new_column_of_the_input_is_seen(project: Project) -> None:
    data(project, "SELECT 1 AS a")
    look(project)
    project.run()
    data(project, "SELECT 1 AS a, 'x' AS b")
    project.run()
    assert list(found(project)) == ["_table_", "a", "b"]


def test_freshness_is_by_the_clock_of_the_run_that_builds_it(project: Project) -> None:
    data(project, "SELECT TIMESTAMP '2024-01-01 06:00' AS at")
    look(project)
    project.run("--date", "2024-01-02")
    assert found(project)["at"]["freshness_hours"] == "18.0"
    assert project.run("--date", "2024-01-05").built == set()
    project.run("--date", "2024-01-05", "--full")
    assert found(project)["at"]["freshness_hours"] == "90.0"
    before = datetime.now(UTC)
    project.run("--full")
    hours = float(found(project)["at"]["freshness_hours"])
    since = datetime(2024, 1, 1, 6, tzinfo=UTC)
    assert 0 <= hours - (before - since).total_seconds() / 3600 < 1


@pytest.mark.parametrize("kind", ["transform", "aggregation", "feature_group", "entity", "profile", "python"])
def test_its_input_is_a_node_of_any_kind(project: Project, kind: str) -> None:
    source(project, "data", some_rides(1))
    project.write(
        "seeknal/sums.yml",
        "kind: aggregation\nname: sums\nid_col: rider\nfeature_date_col: day\napplication_date_col: as_of\n"
        "source: source.data\nfeatures: [{name: minutes, basic: [sum]}]\n",
    )
    project.transform("shown", "SELECT fare AS minutes_sum FROM ref('source.data')", ("source.data",))
    sums = "SELECT rider, sum(minutes) AS minutes_sum FROM source GROUP BY rider"
    project.write(
        "seeknal/group.yml",
        "kind: feature_group\nname: group\nentity: {name: person, join_keys: [rider]}\ninputs: [source.data]\n"
        f"transform: {sums}\n",
    )
    project.write("seeknal/first.yml", "kind: profile\nname: first\ninputs: [source.data]\n")
    project.write(
        "seeknal/made.py",
        """
        from seeknal.pipeline import transform


        @transform()
        def made(ctx):
            return [{"minutes_sum": 1}, {"minutes_sum": 2}]
        """,
    )
    node, column = {
        "transform": ("transform.shown", "minutes_sum"),
        "aggregation": ("aggregation.sums", "minutes_sum"),
        "feature_group": ("feature_group.group", "minutes_sum"),
        "entity": ("entity.person", "group"),
        "profile": ("profile.first", "value"),
        "python": ("transform.made", "minutes_sum"),
    }[kind]
    look(project, node)
    project.run()
    profile = found(project)
    assert profile["_table_"]["row_count"] == str(len(project.rows(node)))
    assert column in profile


# -- what cannot be ---------------------------------------------------------------------------------------------------

WRONG: list[tuple[str, int, tuple[str, ...]]] = [
    ("profile: fast", 4, ("profile", "columns, params")),
    ("profile: {column: [a]}", 4, ("profile.column", "did you mean columns", "params")),
    ("profile:\n  columns: [a, 3]", 5, ("profile.columns[1]", "name of a column")),
    ("profile:\n  columns: ['']", 5, ("profile.columns[0]", "name of a column")),
    ("profile:\n  params: 5", 5, ("profile.params", "max_top_values")),
    ("profile:\n  params: {max_top_value: 3}", 5, ("profile.params.max_top_value", "did you mean max_top_values")),
    ("profile:\n  params: {max_top_values: 0}", 5, ("profile.params.max_top_values", "0", "1 or more")),
    ("profile:\n  params: {max_top_values: -3}", 5, ("profile.params.max_top_values", "-3")),
    ("profile:\n  params: {max_top_values: many}", 5, ("profile.params.max_top_values", "'many'")),
    ("profile:\n  params: {max_top_values: 2.5}", 5, ("profile.params.max_top_values", "2.5")),
    ("profile:\n  params: {max_top_values: true}", 5, ("profile.params.max_top_values", "True")),
]


@pytest.mark.parametrize(("more", "line", "words"), WRONG, ids=[more for more, *_ in WRONG])
def test_a_wrong_field_is_told_with_line_field_and_remedy(
    project: Project, more: str, line: int, words: tuple[str, ...]
) -> None:
    source(project, "data", [])
    look(project, more=more)
    result = project.run(ok=False)
    assert result.code == 3
    (problem,) = result.json["problems"]
    assert (problem["file"], problem["line"]) == ("seeknal/look.yml", line)
    assert all(word in problem["message"] for word in (NODE, *words)), problem


def test_a_profile_of_nothing(project: Project) -> None:
    source(project, "data", [])
    project.write("seeknal/look.yml", "kind: profile\nname: look\n")
    (problem,) = project.run(ok=False).json["problems"]
    assert "inputs: [{ref: transform.rides}]" in problem["message"]

"""Feature groups, entities and point-in-time joins in Python: what was known when, and edges that are real."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.pipeline.nodes import failure, node, schema
from tests.project_on_disk import Project

RIDES = """\
rider_id,ended,fare
1,2024-01-01 10:00:00,5
1,2024-01-03 10:00:00,7
2,2024-01-02 10:00:00,2
"""
LABELS = """\
day,rider_id,label
2024-01-04,1,a
2024-01-02,1,b
2024-01-02,1,b
2023-12-31,1,c
2024-01-09,3,d
,2,e
2024-01-09,,f
2024-01-02 10:00:00,2,g
2024-01-02 09:59:59,2,h
"""
HABITS = """
rides = ctx.ref("source.rides")
return ctx.duckdb.sql("SELECT rider_id, ended AS event_time, fare, fare * 2 AS double FROM rides")
"""


@pytest.fixture
def riders(project: Project) -> Project:
    project.source("rides", RIDES, {"rider_id": "BIGINT", "ended": "TIMESTAMP", "fare": "BIGINT"})
    project.source("labels", LABELS, {"day": "TIMESTAMP", "rider_id": "BIGINT", "label": "VARCHAR"})
    node(project, "habits", HABITS, '@feature_group(entity="rider")')
    return project


WITH_FARE = [("a", 7), ("b", 5), ("b", 5), ("c", None), ("d", None), ("e", None), ("f", None), ("g", 2), ("h", None)]
SPINES = {
    "a relation": "labels",
    "pandas": "labels.df()",
    "a changed frame": "labels.assign(day=labels['day'])",
    "polars": "labels.pl()",
    "arrow": "labels.arrow()",
    "a reader": "labels.to_arrow_reader()",
    "a list": "labels.to_dicts()",
    "texts": "labels.assign(day=labels['day'].dt.strftime('%Y-%m-%d %H:%M:%S'))",
    "nanoseconds": "labels.assign(day=labels['day'].astype('datetime64[ns]'))",
    "a zone": "labels.assign(day=labels['day'].dt.tz_localize('UTC'))",
}


def test_a_spine_keeps_every_row_in_its_order_and_gets_what_was_known(riders: Project) -> None:
    for i, spine in enumerate(SPINES.values()):
        head = f'labels = ctx.ref("source.labels")\nspine = {spine}\n'
        features = 'ctx.features("rider", ["habits.fare"], spine=spine, date_col="day").df()[["label", "habits__fare"]]'
        node(riders, f"features{i}", f"{head}return {features}")
        node(
            riders,
            f"joined{i}",
            f'{head}return ctx.ref("feature_group.habits").pit_join(spine, "day").df()[["label", "fare"]]',
        )
    riders.run()
    for i, what in enumerate(SPINES):
        assert riders.rows(f"transform.features{i}") == WITH_FARE, what
        assert riders.rows(f"transform.joined{i}") == WITH_FARE, what


def test_columns_of_a_join(riders: Project) -> None:
    body = """
    habits, labels = ctx.ref("feature_group.habits"), ctx.ref("source.labels")
    labels_with_fare = labels.assign(fare=0)
    wanted = ["habits.fare", "habits.double"]
    found = {
        "features": ctx.features("rider", wanted, spine=labels, date_col="day"),
        "kept": ctx.features("rider", wanted, spine=labels, date_col="day", keep_cols=[]),
        "flat": ctx.features("rider", wanted),
        "pit": habits.pit_join(labels, "day"),
        "pit_kept": habits.pit_join(labels, "day", keep_cols=["label"]),
        "taken": habits.pit_join(labels_with_fare, date_col="day"),
        "entity": ctx.entity("rider"),
    }
    return [{"name": name, "columns": ", ".join(table.columns)} for name, table in found.items()]
    """
    node(riders, "told", body)
    riders.run()
    assert dict(riders.rows("transform.told")) == {
        "features": "day, rider_id, label, habits__fare, habits__double",
        "kept": "day, rider_id, habits__fare, habits__double",
        "flat": "rider_id, event_time, habits__fare, habits__double",
        "pit": "day, rider_id, label, event_time, fare, double",
        "pit_kept": "day, rider_id, label, event_time, fare, double",
        "taken": "day, rider_id, label, fare, event_time, double",
        "entity": "rider_id, event_time, habits",
    }


MOMENTS = {
    "'2024-01-02'": {1: 5},
    "'2024-01-02 10:00:00'": {1: 5, 2: 2},
    "datetime.datetime(2024, 1, 3, 10)": {1: 7, 2: 2},
    "datetime.date(2024, 1, 9)": {1: 7, 2: 2},
    "pandas.Timestamp('2024-01-02 23:59')": {1: 5, 2: 2},
    "datetime.datetime(2024, 1, 2, 11, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))": {1: 5, 2: 2},
    "'2023-01-01'": {},
}


def test_as_of_gives_the_newest_row_of_each_key_until_then(riders: Project) -> None:
    for i, moment in enumerate(MOMENTS):
        body = f"""
        import datetime, pandas
        features = ctx.features("rider", ["habits.fare"], as_of={moment})
        entity = ctx.entity("rider", as_of={moment})
        group = ctx.ref("feature_group.habits").as_of({moment})
        found = features.project("0 AS i, rider_id, habits__fare AS fare")
        return found.union(entity.project("1, rider_id, habits.fare")).union(group.project("2, rider_id, fare"))
        """
        node(riders, f"snapshots{i}", body)
    riders.run()
    for i, (moment, expected) in enumerate(MOMENTS.items()):
        rows = riders.rows(f"transform.snapshots{i}")
        found = [{rider: fare for way, rider, fare in rows if way == n} for n in range(3)]
        assert found == [expected] * 3, moment


def test_the_frame_of_a_group_knows_its_entity_and_acts_as_a_frame(riders: Project) -> None:
    body = """
    import pandas
    from seeknal.pipeline import FeatureFrame
    habits = ctx.ref("feature_group.habits")
    copy = habits.copy()
    copy["fare"] = 0
    own = FeatureFrame(habits.df(), "rider", ["rider_id"], "event_time")
    facts = [
        habits.entity_name, habits.join_keys, habits.event_time_col, isinstance(habits, FeatureFrame),
        isinstance(habits, pandas.DataFrame), habits.shape, len(habits), "fare" in habits, list(habits), habits.empty,
        list(habits.columns), habits.index.tolist(), habits.values.shape, len(habits.head(1)), len(habits.tail(2)),
        habits.describe().shape, habits.select_dtypes("number").shape, habits.fillna(0).shape, habits.dropna().shape,
        habits.merge(habits.df(), on="rider_id").shape, type(habits.to_df()) is pandas.DataFrame,
        ctx.duckdb.sql("SELECT sum(fare) FROM habits").fetchall(), habits["fare"].sum(),
        copy.entity_name, ctx.duckdb.sql("SELECT sum(fare) FROM copy").fetchall(), copy.pit_join(habits, "event_time").shape,
        own.shape, own["fare"].sum(), own.copy().join_keys, ctx.duckdb.sql("SELECT sum(fare) FROM own").fetchall(),
        own.pit_join(habits, "event_time").shape, own.as_of("2024-01-02 12:00:00")["fare"].tolist(), len(own), list(own),
    ]
    return {"fact": [str(fact) for fact in facts]}
    """
    node(riders, "told", body)
    riders.run()
    columns = "['rider_id', 'event_time', 'fare', 'double']"
    assert [row[0] for row in riders.rows("transform.told")] == [
        *("rider", "['rider_id']", "event_time", "True", "True", "(3, 4)", "3", "True", columns, "False"),
        *(columns, "[0, 1, 2]", "(3, 4)", "1", "2", "(8, 4)", "(3, 3)", "(3, 4)", "(3, 4)", "(5, 7)", "True"),
        *("[(14,)]", "14", "rider", "[(0,)]", "(3, 4)", "(3, 4)", "14", "['rider_id']", "[(14,)]", "(3, 4)", "[5, 2]"),
        *("3", columns),
    ]


def test_a_group_in_yaml_gives_the_same_frame(riders: Project) -> None:
    """Fault 30: only a Python function that returned a FeatureFrame had a point-in-time join."""
    riders.write(
        "seeknal/feature_groups/tips.yml",
        """
        kind: feature_group
        name: tips
        entity: {name: rider, join_keys: [rider_id]}
        inputs: [{ref: source.rides}]
        materialization: {event_time_col: paid}
        transform: SELECT rider_id, ended AS paid, fare - 1 AS tip FROM source
        """,
    )
    body = """
    tips = ctx.ref("feature_group.tips")
    assert tips.event_time_col == "paid"
    return tips.pit_join(ctx.ref("source.labels"), "day")[["label", "tip"]]
    """
    node(riders, "joined", body)
    riders.run()
    assert riders.rows("transform.joined") == [(label, fare and fare - 1) for label, fare in WITH_FARE]


def test_ties_are_settled_by_the_order_of_rows(project: Project) -> None:
    rows = "".join(f"1,2024-01-01,{i}\n" for i in range(200)) + "2,2024-01-01,1\n"
    project.source(
        "readings", f"rider_id,event_time,v\n{rows}", {"rider_id": "BIGINT", "event_time": "DATE", "v": "BIGINT"}
    )
    body = """
    from seeknal.pipeline import FeatureFrame
    readings = ctx.ref("source.readings")
    history = FeatureFrame(readings, "rider", ["rider_id"], "event_time")
    spine = [{"rider_id": 1 + i % 2, "day": "2024-01-02", "n": i} for i in range(10)]
    joined = history.pit_join(spine, "day")
    return {"rows": [len(joined)], "v": [str(sorted(set(joined["v"])))], "newest": [str(history.as_of("2024-01-02")["v"].tolist())]}
    """
    node(project, "last", body)
    project.run()
    assert project.rows("transform.last") == [(10, "[1, 199]", "[199, 1]")]


def test_random_histories_agree_with_a_search_by_hand(project: Project) -> None:
    """Keys of two columns, NULLs in each, ties, histories that begin late or never; the rows of two groups in one entity."""
    chance = random.Random(7)

    def key() -> list[Any]:
        return [chance.choice([1, 2, 3, None]), chance.choice(["x", "y", None])]

    def day() -> str | None:
        return chance.choice([None, *(f"2024-01-0{n}" for n in range(1, 10))])

    groups = {
        name: list({(*key(), day()): None for _ in range(size)}) for name, size in {"few": 25, "many": 80}.items()
    }
    for name, keys in groups.items():
        rows = [{"a": a, "b": b, "event_time": time, "v": i} for i, (a, b, time) in enumerate(keys)]
        body = f"""
        rows = __import__("polars").DataFrame({rows!r}, schema={{"a": int, "b": str, "event_time": str, "v": int}})
        return ctx.duckdb.sql("SELECT * REPLACE (event_time::DATE AS event_time) FROM rows")
        """
        node(project, name, body, '@feature_group(entity={"name": "pair", "join_keys": ["a", "b"]})')
    spine = [(*key(), day()) for _ in range(200)]
    shown = [{"a": a, "b": b, "at": time, "n": n} for n, (a, b, time) in enumerate(spine)]
    body = f"""
    spine = __import__("polars").DataFrame({shown!r}, schema={{"a": int, "b": str, "at": str, "n": int}})
    return ctx.features("pair", ["few.v", "many.v"], spine=spine, date_col="at", keep_cols=["n"])
    """
    node(project, "joined", body)
    project.run()

    def known(keys: list[tuple[Any, ...]], a: Any, b: Any, time: str | None) -> int | None:
        fit = [(str(t), i) for i, (x, y, t) in enumerate(keys) if (x, y) == (a, b) and t and time and t <= time]
        return max(fit)[1] if fit and None not in (a, b) else None

    expected = [
        (a, b, at, n, *(known(keys, a, b, at) for keys in groups.values())) for n, (a, b, at) in enumerate(spine)
    ]
    assert project.rows("transform.joined") == expected
    assert sum(row[4] is not None for row in expected) > 20


def test_a_group_without_time_holds_for_all_times(riders: Project) -> None:
    node(
        riders,
        "names",
        "return [{'rider_id': 1, 'name': 'ann'}, {'rider_id': 9, 'name': 'zoe'}]",
        '@feature_group(entity="rider")',
    )
    body = """
    labels = ctx.ref("source.labels")
    names = ctx.ref("feature_group.names").pit_join(labels, "day")
    return names[["label", "name"]]
    """
    node(riders, "named", body)
    node(
        riders,
        "all",
        "return ctx.features('rider', ['names.name'], spine=[{'rider_id': 9, 'd': '1999-01-01'}], date_col='d')",
    )
    riders.run()
    assert riders.rows("transform.named") == [(label, "ann" if label in "abc" else None) for label, _ in WITH_FARE]
    assert riders.rows("transform.all") == [(9, "1999-01-01", "zoe")]


def test_integers_of_features_stay_integers(riders: Project) -> None:
    riders.edit("data/rides.csv", "1,2024-01-03 10:00:00,7", "1,2024-01-03 10:00:00,9007199254740993")
    body = """
    labels = ctx.ref("source.labels")
    flat = ctx.features("rider", ["habits.fare"], spine=labels, date_col="day")
    flat["fare"] = flat["habits__fare"]
    whole = ctx.entity("rider")
    return flat.assign(whole=[max(v["fare"] for v in whole["habits"])] * len(flat))
    """
    node(riders, "training", body)
    riders.run()
    assert schema(riders, "transform.training")["fare"] == "BIGINT"
    assert riders.rows("transform.training")[0][-2:] == (9007199254740993, 9007199254740993)


# Edges ----------------------------------------------------------------------------------------------------------------


CALLS = (
    *(
        'ctx.features("rider", ["habits.fare"])',
        "ctx.entity('rider')",
        'context.entity(entity="rider")',
        "c.entity(WHO)",
    ),
    "ctx.features(features=[f'habits.{name}' for name in ('fare',)], entity='rider')",
)


def test_a_node_that_reads_an_entity_needs_it_in_the_first_run_too(riders: Project) -> None:
    """Fault 29: it read the store of the run before, and in the first run nothing."""
    names = {f"transform.snapshot{i}" for i in range(len(CALLS))}
    for i, call in enumerate(CALLS):
        argument = call.partition(".")[0]
        text = f"WHO = 'rider'\n\n\n@transform()\ndef snapshot{i}({argument}):\n    return {call}\n"
        riders.write(f"seeknal/pipelines/snapshot{i}.py", f"from seeknal.pipeline import transform\n\n{text}")
    assert riders.run("--nodes", "transform.*").built >= {"entity.rider", *names}
    assert {len(riders.rows(name)) for name in names} == {3}
    with open(riders.path("data/rides.csv"), "a") as file:
        file.write("3,2024-01-04 10:00:00,9\n")
    assert riders.run("--nodes", "transform.*").built == {
        "source.rides",
        "feature_group.habits",
        "entity.rider",
        *names,
    }
    assert {len(riders.rows(name)) for name in names} == {4}
    assert riders.run().built <= {"source.labels"}


def test_a_feature_that_is_not_asked_for_rebuilds_nothing(riders: Project) -> None:
    rides = "rides = ctx.ref('source.rides')\nreturn ctx.duckdb.sql('SELECT rider_id, ended AS event_time, {} AS bonus FROM rides')"
    node(riders, "bonuses", rides.format(1), '@feature_group(entity="rider")')
    node(riders, "fares", "return ctx.features('rider', ['habits.fare'])")
    node(riders, "both", "return ctx.features('rider', ['habits.fare', 'bonuses.bonus'])")
    node(riders, "whole", "return ctx.entity('rider')")
    node(riders, "any", "return ctx.features('rider', [f'habits.{name}' for name in ('fare', 'double')])")
    riders.run()
    node(riders, "bonuses", rides.format(2), '@feature_group(entity="rider")')
    built = {"feature_group.bonuses", "entity.rider", "transform.both", "transform.whole", "transform.any"}
    assert riders.run().built == built
    assert {row[-1] for row in riders.rows("transform.both")} == {2}


def test_join_keys_are_part_of_what_a_join_is_made_of(riders: Project) -> None:
    """The rows of the group stay as they are, what they are joined by does not."""
    node(riders, "joined", 'return {"keys": [str(ctx.ref("feature_group.habits").join_keys)]}')
    riders.run()
    node(riders, "habits", HABITS, '@feature_group(entity={"name": "rider", "join_keys": ["rider_id", "fare"]})')
    assert "transform.joined" in riders.run().built
    assert riders.rows("transform.joined") == [("['rider_id', 'fare']",)]


@pytest.mark.parametrize("call", ["entity('rider')", "features('rider', ['habits.fare'])"])
def test_a_group_that_reads_its_own_entity_is_a_cycle_in_clear_words(riders: Project, call: str) -> None:
    node(riders, "more", f"return ctx.{call}", '@feature_group(entity="rider")')
    result = riders.run(ok=False)
    assert result.code == 3
    (problem,) = result.json["problems"]
    assert problem["file"] == "seeknal/pipelines/more.py"
    assert problem["reason"] == "cycle"
    assert "a cycle: entity.rider -> feature_group.more -> entity.rider" in problem["message"]
    assert "entity.rider is made of all feature groups of that entity" in problem["message"]


WRONG = {
    "no such entity": ("ctx.entity('riders')", "the input 'entity.riders' does not exist (did you mean entity.rider?)"),
    "no such group": (
        "ctx.features('rider', ['habit.fare'])",
        "entity.rider has no feature group 'habit' (did you mean habits?)",
    ),
    "not literal": ("ctx.entity('rid' + 'er')", 'write the name literally, ctx.entity("rider")'),
}


@pytest.mark.parametrize(("call", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_name_is_found_before_anything_runs(riders: Project, call: str, said: str) -> None:
    node(riders, "wrong", f"return {call}")
    result = riders.run(ok=False)
    assert result.code == 3
    (problem,) = result.json["problems"]
    assert problem["file"] == "seeknal/pipelines/wrong.py"
    assert said in problem["message"]


FAILING = {
    "no dot": ("ctx.features('rider', ['habits'])", "'habits' is no feature: write feature_group.feature"),
    "no such feature": (
        "ctx.features('rider', ['habits.fares'])",
        "habits has no feature 'fares' (did you mean fare?)",
    ),
    "no date": ("ctx.features('rider', ['habits.fare'], spine=[{'rider_id': 1}])", "needs date_col"),
    "no key": (
        "ctx.features('rider', ['habits.fare'], spine=[{'d': 1}], date_col='d')",
        "the spine has no column 'rider_id'",
    ),
    "no such date": (
        "ctx.features('rider', ['habits.fare'], spine=[{'rider_id': 1, 'day': 1}], date_col='days')",
        "the spine has no column 'days' (did you mean day?)",
    ),
    "no such column": (
        "ctx.features('rider', ['habits.fare'], spine=[{'rider_id': 1, 'd': '2024-01-01'}], date_col='d', keep_cols=['x'])",
        "the spine has no column 'x'",
    ),
    "a spine that is none": ("ctx.features('rider', ['habits.fare'], spine=7, date_col='d')", "the spine is int: 7"),
    "a taken name": (
        "ctx.features('rider', ['habits.fare'], spine=[{'rider_id': 1, 'd': '2024-01-01', 'habits__fare': 1}], date_col='d')",
        "the spine already has a column 'habits__fare'",
    ),
    "no keys": (
        "__import__('seeknal.pipeline').pipeline.FeatureFrame([{'a': 1}]).as_of('2024-01-01')",
        "needs join keys",
    ),
}


def test_what_is_wrong_with_a_join_is_told_with_the_line(riders: Project) -> None:
    for i, (call, _) in enumerate(FAILING.values()):
        node(riders, f"wrong{i}", f"return {call}")
    result = riders.run("--continue-on-error", ok=False)
    for i, (what, (_, said)) in enumerate(FAILING.items()):
        text = failure(result, f"transform.wrong{i}")
        assert said in text, what
        assert f"seeknal/pipelines/wrong{i}.py:6" in text

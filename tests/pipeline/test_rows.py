"""What `ctx.ref` gives: a relation in SQL, a frame in pandas, and never a row or a digit less."""

from __future__ import annotations

import pytest

from tests.pipeline.nodes import failure, node, schema, table, texts
from tests.project_on_disk import Project

HUGE = 170141183460469231 * 10**18
RIDES = "SELECT i AS id, i % 3 AS dock, i * 1.5::DOUBLE AS fare FROM range(10) t(i)"


@pytest.fixture
def rides(project: Project) -> Project:
    table(project, "rides", RIDES)
    return project


@pytest.fixture
def types(project: Project) -> Project:
    table(
        project,
        "types",
        f"""
        SELECT * FROM (VALUES
        (9007199254740993, 1::TINYINT, 5::UBIGINT, true, DATE '2024-02-29', 1.10::DECIMAL(9,2), 'x',
         (9007199254740993 + 0::HUGEINT)::DECIMAL(38,0), '{HUGE}'::DECIMAL(38,0),
         TIMESTAMP '2024-01-01 00:00:00.000001', TIMESTAMPTZ '2024-01-01 00:00:00+00', [1, 2], {{'k': 1}}, MAP {{'a': 1}},
         'bytes'::BLOB, TIME '01:02:03', 1.5::FLOAT, 7),
        (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 8))
        t(big, tiny, ubig, flag, day, price, text, sum, huge, moment, zoned, list, struct, map, bytes, time, real, whole)
        """,
    )
    return project


# SQL over the variable ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "ctx.duckdb.sql('SELECT dock, sum(fare) AS fares FROM rides GROUP BY ALL ORDER BY ALL')",
        "ctx.duckdb.query('SELECT dock, sum(fare) AS fares FROM rides GROUP BY ALL ORDER BY ALL').df()",
        "ctx.duckdb.execute('SELECT dock, sum(fare) AS fares FROM rides GROUP BY ALL ORDER BY ALL').df()",
        "__import__('duckdb').sql('SELECT dock, sum(fare) AS fares FROM rides GROUP BY ALL ORDER BY ALL').arrow()",
        "rides.aggregate('dock, sum(fare) AS fares', 'dock').order('dock')",
        "rides.query('r', 'SELECT dock, sum(fare) AS fares FROM r GROUP BY ALL ORDER BY ALL')",
        "rides.groupby('dock', as_index=False).agg(fares=('fare', 'sum'))",
        "rides.pl().group_by('dock').agg(fares=__import__('polars').col('fare').sum()).sort('dock')",
        "rides.lazy().group_by('dock').agg(fares=__import__('polars').col('fare').sum()).sort('dock')",
        "rides.arrow().group_by('dock').aggregate([('fare', 'sum')]).rename_columns(['dock', 'fares']).sort_by('dock')",
    ],
)
def test_one_table_in_whatever_words(rides: Project, query: str) -> None:
    node(rides, "fares", f"rides = ctx.ref('source.rides')\nreturn {query}")
    rides.run()
    assert rides.rows("transform.fares") == [(0, 27.0), (1, 18.0), (2, 22.5)]


def test_sql_sees_what_pandas_changed_and_each_change_after_it(rides: Project) -> None:
    body = """
    rides, sums = ctx.ref("source.rides"), []
    def look():
        sums.append(ctx.duckdb.sql("SELECT sum(fare) FROM rides").fetchall()[0][0])
        sums.append(ctx.duckdb.execute("SELECT sum(fare) FROM rides").fetchall()[0][0])
        sums.append(rides.aggregate("sum(fare)").fetchall()[0][0])
        sums.append(rides.pl()["fare"].sum())
        sums.append(float(rides["fare"].sum()))
    look()
    rides["fare"] = rides["fare"] * 2
    look()
    rides.loc[rides["id"] == 0, "fare"] = 1000
    look()
    rides.drop(rides.index[:1], inplace=True)
    look()
    rides.fare = 1
    look()
    rides.rename(columns={"fare": "was"}, inplace=True)
    rides.insert(0, "fare", 2)
    look()
    del rides["was"]
    rides.columns = ["fare", "id", "place"]
    return [{"sums": str(sums)}, {"sums": str(ctx.duckdb.sql("FROM rides").columns)}]
    """
    node(rides, "seen", body)
    rides.run()
    (sums,), (columns,) = rides.rows("transform.seen")
    expected = [67.5, 135.0, 1135.0, 135.0, 9.0, 18.0]
    assert [float(n) for n in sums.strip("[]").split(", ")] == [n for n in expected for _ in range(5)]
    assert columns == "['fare', 'id', 'place']"


def test_a_changed_frame_can_be_returned_and_one_that_was_only_read_is_what_it_was(rides: Project) -> None:
    node(rides, "changed", "rides = ctx.ref('source.rides')\nrides['fare'] = 1\nreturn rides")
    node(rides, "read", "rides = ctx.ref('source.rides')\nassert rides['fare'].sum() == 67.5\nreturn rides")
    node(rides, "emptied", "rides = ctx.ref('source.rides')\nreturn rides[rides['fare'] > 1000]")
    rides.run()
    assert {row[2] for row in rides.rows("transform.changed")} == {1}
    assert rides.rows("transform.read") == rides.rows("source.rides")
    assert schema(rides, "transform.emptied") == schema(rides, "source.rides")


def test_a_change_is_seen_by_nobody_else(rides: Project) -> None:
    """Not by the same node when it asks again, not by another node in the same worker, not by the stored input."""
    body = """
    one, two = ctx.ref("source.rides"), ctx.ref("source.rides")
    one["fare"] = 0
    one.drop(columns="dock", inplace=True)
    return {"own": [one["fare"].sum()], "again": [two["fare"].sum()], "third": [ctx.ref("source.rides")["fare"].sum()]}
    """
    node(rides, "first", body)
    node(
        rides,
        "second",
        "return ctx.ref('source.rides')[['fare']].sum().to_frame('fare')",
        "@transform(inputs=['transform.first'])",
    )
    rides.run()
    assert rides.rows("transform.first") == [(0.0, 67.5, 67.5)]
    assert rides.rows("transform.second") == [(67.5,)]
    assert sum(row[2] for row in rides.rows("source.rides")) == 67.5


def test_a_node_that_writes_into_its_input_fails_and_the_input_is_made_again(rides: Project) -> None:
    rides.transform("clean", "SELECT * FROM ref('source.rides')", ("source.rides",))
    body = """
    import glob, os
    path = ctx._facts.inputs["transform.clean"].paths[0]
    os.chmod(path, 0o644)
    with open(path, "ab") as file:
        file.write(b"more")
    return ctx.duckdb.sql("SELECT 1 AS a")
    """
    node(rides, "vandal", body, "@transform(inputs=['transform.clean'])")
    result = rides.run(ok=False)
    assert result.code == 1
    assert "the file of transform.clean changed while transform.vandal ran" in failure(result, "transform.vandal")
    rides.write("seeknal/pipelines/vandal.py", "")
    rides.run()
    assert len(rides.rows("transform.clean")) == 10


def test_a_source_read_where_it_is_may_not_be_written_by_its_reader(rides: Project) -> None:
    body = """
    rides = ctx.ref("source.rides").df()
    rides.assign(fare=0).to_parquet("data/rides.parquet")
    return rides
    """
    node(rides, "vandal", body)
    result = rides.run(ok=False)
    if result.code == 0:
        pytest.skip("this file system shares bytes between files: the source was not read in place")
    assert "the file of source.rides changed while transform.vandal ran" in failure(result, "transform.vandal")


def test_pandas_is_not_imported_where_nothing_asks_for_it(rides: Project) -> None:
    body = """
    import sys
    rides = ctx.ref("source.rides")
    facts = [len(rides), "fare" in rides, list(rides), rides.shape, str(rides)[:1], isinstance(rides, dict)]
    facts += [rides.project("id").fetchall()[0], rides.filter("id > 8").fetchall(), rides.order("id DESC").limit(1).fetchall()]
    facts += [ctx.duckdb.sql("SELECT count(*) FROM rides").fetchall(), rides.pl().shape, rides.arrow().num_rows]
    facts += [hasattr(rides, "__dataframe__")]
    return {"facts": [str(facts)], "pandas": ["pandas" in sys.modules]}
    """
    node(rides, "light", body)
    rides.run()
    assert rides.rows("transform.light")[0][1] is False


def test_without_pandas_the_error_says_what_to_install_and_what_needs_none(rides: Project) -> None:
    lost = "import sys\nsys.modules['pandas'] = None\n"
    node(rides, "lost", f"{lost}return ctx.ref('source.rides')['fare'].sum()")
    node(
        rides,
        "sums",
        f"{lost}rides = ctx.ref('source.rides')\nassert rides.columns == ['id', 'dock', 'fare']\nreturn rides.limit(2)",
    )
    result = rides.run("--continue-on-error", ok=False)
    assert result.code == 7
    (event,) = result.of("failed")
    assert "ctx.ref(...) is pandas', which is not installed here" in event["error"]
    assert "pip install 'pandas'" in str(result.err) + event["error"]
    assert len(rides.rows("transform.sums")) == 2


def test_a_column_named_like_a_method_of_relations_is_the_column(project: Project) -> None:
    table(project, "trades", "SELECT 1.5::DOUBLE AS close, 'x' AS type, 7 AS \"order\", 3 AS first")
    body = """
    t = ctx.ref("source.trades")
    return {"close": t.close.tolist(), "type": t.type.tolist(), "order": t.order.tolist(), "first": t["first"].tolist()}
    """
    node(project, "told", body)
    project.run()
    assert project.rows("transform.told") == [(1.5, "x", 7, 3)]


def test_scikit_learn_takes_it(rides: Project) -> None:
    pytest.importorskip("sklearn")
    body = """
    from sklearn.linear_model import LinearRegression
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler
    rides = ctx.ref("source.rides")
    train, test = train_test_split(rides, test_size=0.2, random_state=1)
    model = LinearRegression().fit(rides[["id"]], rides["fare"])
    scaled = StandardScaler().fit(rides)
    return {"slope": [round(model.coef_[0], 6)], "sizes": [f"{len(train)} {len(test)}"], "names": [str(list(scaled.feature_names_in_))]}
    """
    node(rides, "model", body)
    rides.run()
    assert rides.rows("transform.model") == [(1.5, "8 2", "['id', 'dock', 'fare']")]


# Types ----------------------------------------------------------------------------------------------------------------


def test_types_of_the_frame(types: Project) -> None:
    body = """
    rows = ctx.ref("source.types")
    first = [f"{type(value).__name__} {value}" for value in rows.iloc[0]]
    return {"name": list(rows.columns), "dtype": [str(dtype) for dtype in rows.dtypes], "first": first}
    """
    node(types, "told", body)
    types.run()
    told = {name: (dtype, first) for name, dtype, first in types.rows("transform.told")}
    assert told["big"] == ("Int64", "int64 9007199254740993")
    assert told["tiny"][0] == "Int8"
    assert told["ubig"][0] == "UInt64"
    assert told["flag"][0] == "boolean"
    assert told["day"] == ("object", "date 2024-02-29")
    assert told["price"] == ("object", "Decimal 1.10")
    assert told["text"] == ("object", "str x")
    assert told["sum"] == ("Int64", "int64 9007199254740993")
    assert told["huge"] == ("object", f"int {HUGE}")
    assert told["moment"] == ("datetime64[us]", "Timestamp 2024-01-01 00:00:00.000001")
    assert told["zoned"][0] == "datetime64[us, UTC]"
    assert told["time"][1] == "time 01:02:03"
    assert told["struct"][1] == "dict {'k': 1}"
    assert told["whole"][0] == "int32"


@pytest.mark.parametrize(
    "how",
    [
        "rows",
        "rows.df()",
        "rows.copy()",
        "rows[rows['whole'] > 0]",
        "rows.assign(whole=7)",
        "rows.head(5)",
        "rows.sort_values('whole')",
    ],
)
def test_every_type_goes_through_pandas_unharmed(types: Project, how: str) -> None:
    """W11: an integer with a NULL became DOUBLE and lost digits, a DATE became TIMESTAMP."""
    node(types, "same", f"rows = ctx.ref('source.types')\nreturn {how}")
    types.run()
    given, came = schema(types, "source.types"), schema(types, "transform.same")
    changed = {name: kind for name, kind in came.items() if kind != given[name]}
    assert changed in ({}, {"sum": "BIGINT"}, {"sum": "BIGINT", "whole": "BIGINT"})
    drop = slice(0, 17)
    assert [row[drop] for row in texts(types, "transform.same")] == [row[drop] for row in texts(types, "source.types")]


def test_types_survive_where_no_row_is_left(types: Project) -> None:
    node(types, "none", "rows = ctx.ref('source.types')\nreturn rows[rows['whole'] > 1000]")
    types.run()
    assert types.rows("transform.none") == []
    assert schema(types, "transform.none") == {**schema(types, "source.types"), "sum": "BIGINT"}


def test_frames_of_duckdb_itself_keep_dates_and_sums(types: Project) -> None:
    """W11 for a query's own `.df()`, which the documentation of the existing tool always calls."""
    body = "rows = ctx.ref('source.types')\nreturn ctx.duckdb.{how}('SELECT day, sum(big) AS total, big FROM rows GROUP BY ALL').df()"
    for how in ("sql", "execute"):
        node(types, how, body.format(how=how))
    types.run()
    kinds = {"day": "DATE", "total": "BIGINT", "big": "BIGINT"}
    assert schema(types, "transform.sql") == kinds
    assert sorted(texts(types, "transform.sql"), key=repr) == [
        ("2024-02-29", "9007199254740993", "9007199254740993"),
        (None, None, None),
    ]
    assert schema(types, "transform.execute")["day"] == "DATE"


def test_a_date_with_a_time_is_no_date(types: Project) -> None:
    body = """
    import datetime, pandas
    frame = ctx.duckdb.sql("SELECT DATE '2024-01-01' AS a, DATE '2024-01-01' AS b").df()
    frame["a"] = frame["a"] + pandas.Timedelta(hours=5)
    frame["c"] = pandas.Series([datetime.datetime(2024, 1, 1, 5)], dtype=object)
    more = pandas.DataFrame({"d": pandas.Series([datetime.date(2024, 1, 1), datetime.datetime(2024, 1, 1, 5)], dtype=object)})
    return more.assign(a=frame["a"].iloc[0], b=datetime.date(2024, 1, 2))
    """
    node(types, "odd", body)
    types.run()
    assert schema(types, "transform.odd") == {"d": "TIMESTAMP", "a": "TIMESTAMP", "b": "DATE"}
    assert [row[0] for row in texts(types, "transform.odd")] == ["2024-01-01 00:00:00", "2024-01-01 05:00:00"]


def test_integers_beyond_64_bits_are_written_as_they_are(types: Project) -> None:
    node(
        types,
        "huge",
        "rows = ctx.ref('source.types')\nrows['huge'] = [v and v + 1 for v in rows['huge']]\nreturn rows[['huge']]",
    )
    types.run()
    assert texts(types, "transform.huge") == [(str(HUGE + 1),), (None,)]

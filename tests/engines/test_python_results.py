"""What a Python node is given and what it may return."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from seeknal.engines.python_pool import Input, Pool
from seeknal.errors import BuildFailed, DefinitionWrong
from tests.engines.python_project import RIDES, Project, fetched, open_pool

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with open_pool() as pool:
        yield pool


@pytest.fixture
def project(tmp_path: Path, pool: Pool) -> Project:
    return Project(tmp_path, pool)


# Inputs -------------------------------------------------------------------------------------------------------------


def test_an_input_is_a_table_by_the_name_of_its_variable(project: Project) -> None:
    rides = {"source.rides": project.input(RIDES)}
    body = """
        rides = ctx.ref("source.rides")
        return ctx.duckdb.sql("SELECT dock, count(*) AS n FROM rides GROUP BY ALL ORDER BY ALL")
    """
    assert project.rows(body, inputs=rides) == [(0, 4), (1, 3), (2, 3)]


def test_duckdb_itself_is_the_same_connection(project: Project) -> None:
    rides = {"source.rides": project.input(RIDES)}
    body = """
        import duckdb
        rides = ctx.ref("source.rides")
        return duckdb.sql("SELECT count(*) AS n FROM rides")
    """
    assert project.rows(body, inputs=rides) == [(10,)]


@pytest.mark.parametrize("how", ["df()", "pl()", "arrow()", "pl().lazy()", "to_arrow_table()"])
def test_an_input_converts(project: Project, how: str) -> None:
    rides = {"source.rides": project.input(RIDES)}
    assert len(project.rows(f'return ctx.ref("source.rides").{how}', inputs=rides)) == 10
    assert project.schema()[0] == ("id", "BIGINT")


def test_several_files_are_one_input(project: Project) -> None:
    parts = [project.input(RIDES, f"day={day}.parquet").paths[0] for day in (1, 2)]
    assert len(project.rows('return ctx.ref("a.b")', inputs={"a.b": Input(tuple(parts))})) == 20
    assert project.schema() == [("id", "BIGINT"), ("dock", "BIGINT")]


def test_an_undeclared_input_is_refused_and_the_remedy_named(project: Project) -> None:
    with pytest.raises(DefinitionWrong, match=r'its inputs: source.rides.*inputs=\["source.docks"\]') as error:
        project.run('name = "source.docks"\nreturn ctx.ref(name)', inputs={"source.rides": project.input(RIDES)})
    assert error.value.reason == "undeclared_input"
    assert "seeknal/nodes/one.py:3" in str(error.value)


def test_only_declared_columns_are_seen(project: Project) -> None:
    only = {"source.rides": project.input(RIDES)._replace(columns=("dock",))}
    assert project.rows('return ctx.ref("source.rides").distinct().order("dock")', inputs=only) == [(0,), (1,), (2,)]
    with pytest.raises(DefinitionWrong, match="'id' was not declared"):
        project.run('return ctx.ref("source.rides", columns=["id"])', inputs=only)


def test_pandas_habits_on_a_relation_get_a_hint(project: Project) -> None:
    with pytest.raises(BuildFailed) as error:
        project.run('return ctx.ref("a.b").groupby("id").sum()', inputs={"a.b": project.input(RIDES)})
    assert ".df()" in error.value.hint


def test_context_knows_the_run(project: Project) -> None:
    body = """
        import os
        return [{"id": ctx.node_id, "kind": ctx.node_kind, "day": ctx.as_of.date(), "n": ctx.get_param("n"),
                 "d": ctx.get_param("none", 7), "env": os.environ["SEEKNAL_PARAM_N"], "cwd": os.getcwd(),
                 "root": str(ctx.project_path), "target": ctx.target_dir.name,
                 "zone": ctx.duckdb.sql("SELECT current_setting('TimeZone')").fetchall()[0][0]}]
    """
    root = str(project.root)
    expected = ("transform.one", "transform", dt.date(2024, 5, 1), 3, 7, "3", root, root, "target", "UTC")
    assert project.rows(body, params={"n": 3}) == [expected]


def test_an_async_function_is_awaited(project: Project) -> None:
    assert project.rows("", text="async def node(ctx):\n    return {'a': [1]}\n") == [(1,)]


# Results ------------------------------------------------------------------------------------------------------------

RESULTS = {
    "list": "return [{'a': 1, 'b': 'x'}, {'a': None}]",
    "dict": "return {'a': [1, None], 'b': ['x', None]}",
    "table": "import pyarrow as pa; return pa.table({'a': [1, None], 'b': ['x', None]})",
    "batch": "import pyarrow as pa; return pa.RecordBatch.from_pydict({'a': [1, None], 'b': ['x', None]})",
    "reader": "import pyarrow as pa; return pa.table({'a': [1, None], 'b': ['x', None]}).to_reader()",
    "polars": "import polars as pl; return pl.DataFrame({'a': [1, None], 'b': ['x', None]})",
    "lazy": "import polars as pl; return pl.LazyFrame({'a': [1, None], 'b': ['x', None]})",
    "relation": "return ctx.duckdb.sql(\"SELECT * FROM (VALUES (1::BIGINT, 'x'), (NULL, NULL)) t(a, b)\")",
    "frame": "from seeknal.pipeline import FeatureFrame; return FeatureFrame({'a': [1, None], 'b': ['x', None]})",
    "pandas": "import pandas as pd\n"
    "return pd.DataFrame({'a': pd.array([1, None], dtype='Int64'), 'b': ['x', None]}, index=[7, 8])",
}


@pytest.mark.parametrize("how", RESULTS)
def test_every_kind_of_table_is_written_alike(project: Project, how: str) -> None:
    assert project.rows(RESULTS[how]) == [(1, "x"), (None, None)]
    assert project.schema() == [("a", "BIGINT"), ("b", "VARCHAR")]


@pytest.mark.parametrize("how", ["", ".arrow()", ".pl()"])
def test_types_are_kept_exactly(project: Project, how: str) -> None:
    sql = (
        "SELECT * FROM (VALUES (9007199254740993, DATE '2024-02-29', 1.10::DECIMAL(9,2), TIMESTAMP '2024-01-01 00:00:00.000001',"
        " TIMESTAMPTZ '2024-01-01 00:00:00+00', [1, 2], {'x': 1}, 'a'::BLOB), (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL))"
        " t(big, day, price, moment, zoned, list, struct, bytes)"
    )
    project.run(f'return ctx.ref("a.b"){how}', inputs={"a.b": project.input(sql)})
    source = str(project.root / "target" / "in.parquet")
    output, given = (fetched(f"SELECT COLUMNS(*)::VARCHAR FROM '{file}'") for file in (project.output, source))
    assert output == given
    assert project.schema() == [row[:2] for row in fetched(f"DESCRIBE FROM '{source}'")]


POLARS = {
    "pl.Series([dt.date(2024, 2, 29), None])": ("DATE", "2024-02-29"),
    "pl.Series([dt.datetime(2024, 1, 1, 0, 0, 0, 1), None])": ("TIMESTAMP", "2024-01-01 00:00:00.000001"),
    "pl.Series([dt.datetime(2024, 1, 1), None], dtype=pl.Datetime('ms'))": ("TIMESTAMP", "2024-01-01 00:00:00"),
    "pl.Series([1, None]).cast(pl.Datetime('ns'))": ("TIMESTAMP_NS", "1970-01-01 00:00:00.000000001"),
    "pl.Series([dt.datetime(2024, 1, 1, 1), None]).dt.replace_time_zone('Europe/Berlin')": (
        "TIMESTAMP WITH TIME ZONE",
        "2024-01-01 00:00:00+00",
    ),
    "pl.Series([Decimal('1.10'), None], dtype=pl.Decimal(9, 2))": ("DECIMAL(9,2)", "1.10"),
    "pl.Series(['b', None], dtype=pl.Categorical)": ("VARCHAR", "b"),
    "pl.Series(['b', None], dtype=pl.Enum(['b', 'a']))": ("VARCHAR", "b"),
    "pl.Series([[1, None], None])": ("BIGINT[]", "[1, NULL]"),
    "pl.Series([[1, 2], None], dtype=pl.Array(pl.Int64, 2))": ("BIGINT[]", "[1, 2]"),
    "pl.Series([{'x': 1, 'y': 'a'}, None])": ("STRUCT(x BIGINT, y VARCHAR)", "{'x': 1, 'y': a}"),
    "pl.Series([dt.timedelta(days=40, milliseconds=3), None])": ("INTERVAL", "960:00:00.003"),
    "pl.Series([dt.time(1, 2, 3, 4), None])": ("TIME", "01:02:03.000004"),
    "pl.Series([[dt.time(1)], None])": ("TIME[]", "['01:00:00']"),
    "pl.Series([{'t': dt.time(1)}, None])": ("STRUCT(t TIME)", "{'t': '01:00:00'}"),
    "pl.Series([None, None], dtype=pl.Null)": ('"NULL"', None),
    "pl.Series([2**64 - 1, None], dtype=pl.UInt64)": ("UBIGINT", str(2**64 - 1)),
    "pl.Series([10**37, None], dtype=pl.Int128)": ("DECIMAL(38,0)", str(10**37)),
    "pl.Series([[10**37], None], dtype=pl.List(pl.Int128))": ("DECIMAL(38,0)[]", f"[{10**37}]"),
    "pl.Series([1.5, None], dtype=pl.Float32)": ("FLOAT", "1.5"),
    "pl.Series([b'\\x00a', None])": ("BLOB", "\\x00a"),
}


@pytest.mark.parametrize("series", POLARS)
@pytest.mark.parametrize("lazy", ["", ".lazy()"])
def test_types_of_polars_have_a_type_of_tables(project: Project, series: str, lazy: str) -> None:
    head = "import polars as pl, datetime as dt\nfrom decimal import Decimal\n"
    project.run(f"{head}return pl.DataFrame({{'x': {series}}}){lazy}")
    type_, text = POLARS[series]
    assert project.schema() == [("x", type_)]
    assert fetched(f"SELECT CAST(x AS VARCHAR) FROM '{project.output}'") == [(text,), (None,)]


@pytest.mark.parametrize(
    ("series", "said"),
    [
        ("pl.Series([2**127 - 1], dtype=pl.Int128)", "38 digits"),
        ("pl.Series([1]).cast(pl.Time)", "finer than a table can hold"),
        ("pl.Series([dt.timedelta(microseconds=3)])", "finer than a table can hold"),
        ("pl.Series([object()], dtype=pl.Object)", "holds Python objects"),
    ],
)
def test_no_digit_of_a_polars_frame_is_dropped(project: Project, series: str, said: str) -> None:
    with pytest.raises(DefinitionWrong, match=said) as error:
        project.run(f"import polars as pl, datetime as dt\nreturn pl.DataFrame({{'x': {series}}})")
    assert "'x'" in str(error.value)


def test_the_order_of_a_frame_is_the_nodes_choice_that_of_a_relation_is_not(project: Project) -> None:
    assert project.run("return {'a': [3, 1, 2]}").ordered
    assert project.rows("return {'a': [3, 1, 2]}") == [(3,), (1,), (2,)]
    assert not project.run("return ctx.duckdb.sql('SELECT 1 AS a')").ordered


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("pass", "returned None"),
        ("return 42", "returned int: 42"),
        ("return 'text'", "returned str: 'text'"),
        ("yield 1", "type generator"),
        ("return []", "empty list"),
        ("return {}", "no columns"),
        ("return [1, 2]", "list with int"),
        ("return {'a': 1}", "column 'a' is int"),
        ("return {'a': [1, 'x']}", "no one type"),
        ("return {'a': [2**70]}", "no one type"),
        ("return {'a': [1], 'b': [1, 2]}", "no one type"),
        ("return {1: [1]}", "column name 1"),
        ("import pandas as pd; return pd.DataFrame([[1, 2]], columns=['a', 'A'])", "two columns of one name"),
        ("return ctx.duckdb.sql('SELECT 1 AS a, 2 AS A')", "two columns of one name"),
        ("import pandas as pd; return pd.DataFrame()", "no columns"),
    ],
)
def test_what_is_no_table_is_refused(project: Project, body: str, said: str) -> None:
    with pytest.raises(DefinitionWrong) as error:
        project.run(body)
    assert error.value.reason == "wrong_result"
    assert said in str(error.value)
    assert not os.path.exists(project.output)

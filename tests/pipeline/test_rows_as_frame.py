"""What `ctx.ref` gives is a pandas frame wherever code asks for one: each expression gives what it gives on a real frame."""

from __future__ import annotations

import duckdb
import pandas as pd
import pytest

from seeknal.pipeline import names
from tests.pipeline.nodes import table
from tests.project_on_disk import Project

EXPRESSIONS = """
len(r) | list(r) | sorted(r) | "x" in r | "X" in r | next(iter(r)) | max(r) | repr(r) | str(r) | f"{r}" | r.shape | r.size
r["x"] | r.x | r[["x", "s"]] | r[r["x"] > 1] | r[r.x.gt(1) & (r["s"] != "a")] | r.loc[0] | r.loc[r.x > 1, "s"] | r.iloc[1:3]
r.at[0, "x"] | r.iat[0, 0] | r.get("x") | r.get("nothing", 7) | r["x"].sum() | r.s.str.upper() | r.t.dt.hour | r.limit | r["order"]
r[["x"]] + r[["x"]] | 2 * r[["x"]] | n * 2 | 2 * n | n + n | n - 1 | 1 - n | n / 2 | n // 2 | 7 % n | n ** 2 | -n | +n | abs(n)
divmod(n, 2) | round(n, 1) | n > 1 | n == n | n != 1 | n <= n | ~(n > 1) | (n > 1) & (n < 3) | n @ n.T | n.T @ n | n.x + n.y
r.groupby("s").x.sum() | r.groupby("s", as_index=False).agg(n=("x", "count")) | r.groupby(r["s"])["y"].transform("mean")
r.agg({"x": ["min", "max"]}) | r.agg("count") | n.aggregate("sum") | n.aggregate(["min", "max"]) | n.aggregate({"x": "sum"})
n.sum() | n.sum(axis=1) | n.sum(axis="columns") | n.mean() | n.median() | n.min() | n.max() | n.std() | n.var() | n.mode()
n.product() | n.quantile(0.5) | n.rank() | n.count() | n.count(axis=1) | r.count() | r.describe() | n.describe() | n.nunique()
r.head(2) | r.tail(1) | r.head() | r.sample(2, random_state=1) | r.sort_values("x", ascending=False) | r.rename(columns={"x": "z"})
r.drop(columns="x") | r.drop("x", axis=1) | r.drop(0) | r.assign(z=lambda d: d.x + 1) | r.apply(lambda row: row.x, axis=1)
n.apply("sum") | n.map(lambda v: v + 1) | r.pipe(len) | n.transform(lambda c: c + 1) | r.insert | r.value_counts("s")
r.merge(o, on="s") | r.merge(r, on="x") | pd.merge(r, o, on="s", how="outer") | pd.merge(o, r, on="s") | pd.merge(r, r, on="x")
r.join(o.set_index("s"), on="s") | o.join(n, lsuffix="_o") | n.join(r[["s"]]) | pd.concat([r, r]) | pd.concat([r, o], axis=1)
pd.concat([o, r], ignore_index=True) | pd.concat({"a": n, "b": n}) | pd.DataFrame(r) | pd.DataFrame(r, columns=["x"])
pd.DataFrame({"a": r.x, "b": n["y"]}) | pd.merge_asof(n.sort_values("x"), n, on="x") | pd.merge_asof(n, n, on="x")
pd.pivot_table(r, index="s", values="x") | pd.crosstab(r.s, r.x) | pd.get_dummies(r, columns=["s"]) | pd.melt(r, id_vars=["s"])
pd.isna(r) | pd.notna(n) | pd.cut(n.x, 2) | pd.to_datetime(r["t"]) | pd.Series(r["x"]) | pd.api.types.is_list_like(r)
r.values | r.to_numpy() | n.to_numpy() | np.asarray(r) | np.array(n) | np.log1p(n) | np.maximum(n, 2) | np.add(n, n) | np.mean(n)
np.where(r.x > 1, 1, 0) | np.isnan(n) | np.sqrt(n.y) | np.concatenate([n, n]) | np.vstack([n, n]) | np.asarray(n, dtype="float32")
r.T | n.transpose() | r.ndim | r.empty | r.index | r.columns | r.columns.tolist() | r.dtypes | r.axes | r.attrs | r.keys()
list(r.items()) | list(r.iterrows()) | list(r.itertuples()) | list(r.itertuples(index=False, name=None)) | dict(n.items())
r.to_dict("records") | r.to_dict() | r.to_csv(index=False) | n.to_json() | r.to_string() | n.to_records(index=False)
r.memory_usage().index
r.query("x > 1") | r.eval("x * 2") | r.filter(like="x") | r.filter(items=["x"]) | r.filter(["x"]) | r.filter(regex="^x")
r.select_dtypes("number") | r.select_dtypes(exclude="number") | r.astype({"x": "float"}) | r.isna().sum() | r.isnull() | n.fillna(0)
r.dropna() | r.dropna(subset=["y"]) | n.drop_duplicates() | r.drop_duplicates("s") | r.duplicated("s") | r.nlargest(2, "x")
n.corr() | n.cov() | n.cumsum() | n.diff() | n.shift(1) | n.pct_change() | n.rolling(2).sum() | n.expanding().mean() | n.clip(1, 2)
r.set_index("s") | r.set_index("t").sort_index() | r.reset_index() | n.stack() | r.pivot(index="x", columns="s", values="y")
r.equals(r) | r.equals(r.copy()) | r.copy() | r.copy(deep=False) | copy.copy(r) | copy.deepcopy(r) | pickle.loads(pickle.dumps(r))
isinstance(r, pd.DataFrame) | isinstance(r, (pd.Series, pd.DataFrame)) | isinstance(r, pd.Series) | callable(r) | hasattr(r, "nothing")
hasattr(r, "iloc") | hasattr(r, "x") | getattr(r, "nothing", 5) | r.isin([1]) | r.where(r.x > 1) | n.mask(n > 1) | n.replace(1, 9)
r.explode("l") | r.l.map(len) | r.st.map(lambda v: v["k"]) | r.infer_objects() | n.idxmax() | n.all() | n.any() | r.squeeze() | r.info()
r.first_valid_index() | r.sort_index() | r.reindex([1, 0]) | r.add_prefix("p_") | n.dot(n.T) | n.eq(n) | n.add(n)
n.sub(1) | n.combine_first(n)
type(r + r.copy() if False else r.copy()).__name__ | json.dumps(r.to_dict("list"), default=str)
pa.Table.from_pandas(r).to_pandas() | pa.table(n).to_pandas() | pl.from_pandas(n).to_pandas() | pl.DataFrame(n).to_pandas()
"""

NODE = """
import copy
import json
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

from seeknal.pipeline import transform

EXPRESSIONS = {expressions!r}


class Failed(str):
    pass


def outcome(text, **names):
    try:
        return eval(text, globals(), names)
    except Exception as error:
        return Failed(f"{{type(error).__name__}}: {{error}}"[:60])


def same(one, other):
    if isinstance(one, (pd.DataFrame, pd.Series, pd.Index)):
        check = {{pd.DataFrame: pd.testing.assert_frame_equal, pd.Series: pd.testing.assert_series_equal}}
        kind = next((k for k in check if isinstance(one, k)), None)
        if kind is None:
            return one.equals(other)
        check[kind](one.copy(), other.copy())
        return type(one) is type(other)
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and repr(one) == repr(other)
    if callable(one):
        return callable(other)
    return type(one) is type(other) and repr(one) == repr(other)


def compared(text, rows, frames):
    one, other = outcome(text, **rows()), outcome(text, **frames)
    if isinstance(other, Failed):
        return f"a real frame fails: {{other}}"
    try:
        return "" if same(one, other) else f"{{one!r}} is not {{other!r}}"
    except AssertionError as error:
        return str(error)


@transform(inputs=["source.rides", "source.others"])
def report(ctx):
    def rows():
        return {{"r": ctx.ref("source.rides"), "n": ctx.ref("source.rides", columns=["x", "y"]), "o": ctx.ref("source.others")}}

    frames = {{name: handle.df() for name, handle in rows().items()}}
    return {{"text": EXPRESSIONS, "wrong": [compared(text, rows, frames) for text in EXPRESSIONS]}}
"""


@pytest.fixture
def rides(project: Project) -> Project:
    sql = """
    SELECT * FROM (VALUES (1, 1.5::DOUBLE, 'a', TIMESTAMP '2024-01-01 10:00:00', DATE '2024-01-01', [1, 2], {'k': 1}, 5, 1),
    (2, 2.5, 'b', TIMESTAMP '2024-01-02 11:00:00', DATE '2024-01-02', [3], {'k': 2}, 6, 2),
    (3, NULL, 'a', TIMESTAMP '2024-01-03 12:00:00', NULL, [], {'k': 3}, 7, 3))
    t(x, y, s, t, d, l, st, "limit", "order")
    """
    for name, query in {"rides": sql, "others": "SELECT 'a' AS s, 10 AS w UNION ALL SELECT 'c', 20"}.items():
        table(project, name, query)
    return project


def test_no_name_that_both_libraries_have_is_forgotten() -> None:
    both = set(dir(pd.DataFrame)) & set(dir(duckdb.DuckDBPyRelation)) - set(dir(object))
    public = {name for name in both if not name.startswith("_")}
    assert public <= names.BOTH | {"columns", "dtypes", "shape"}
    assert {name for name in both - public if not name.startswith("__")} == set(), "what pandas asks of itself"


def test_every_expression_gives_what_it_gives_on_a_real_frame(rides: Project) -> None:
    expressions = [text.strip() for line in EXPRESSIONS.strip().splitlines() for text in line.split(" | ")]
    rides.write("seeknal/pipelines/report.py", NODE.format(expressions=expressions))
    rides.run()
    told = rides.rows("transform.report")
    assert len(told) == len(expressions) > 200
    assert {text: wrong for text, wrong in told if wrong} == {}

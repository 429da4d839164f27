"""Writes what a node function returned into one Parquet file.

Decides which types of result a node may return. DuckDB writes them all, so that a type is the same whichever way it
came; pandas is touched only when the node returned pandas, because it turns integers with gaps into floats. Never
guesses: what has no table in it is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from seeknal.model.attached import PREFIX, packed
from seeknal.model.lowering import quoted, storable
from seeknal.pipeline.feature_frame import FeatureFrame
from seeknal.worker.frames import UnwritableError, arrow_of

_ACCEPTED = (
    "a DuckDB relation, a pyarrow Table, RecordBatch or RecordBatchReader, a polars DataFrame or LazyFrame, "
    "a pandas DataFrame, a list of dicts or a dict of lists"
)


class Attached(NamedTuple):
    """A table (a DuckDB relation whose order counts) and bytes that travel with it, by name."""

    table: Any
    parts: Mapping[str, bytes]


class RefusedError(Exception):
    """The result is not a table that can be written."""


def write(result: Any, output: str, writer: Any) -> bool:
    """Write `result` through the DuckDB connection `writer`; return whether the order of rows was the node's choice."""
    if isinstance(result, Attached):
        return _with_parts(result, output)
    table = result.frame if isinstance(result, FeatureFrame) else result
    kind, convert = _conversion(table)
    if kind == ("duckdb", "DuckDBPyRelation"):
        _check(table.columns)
        casts = _casts(zip(table.columns, map(str, table.types), strict=True))
        (table.project(f"* REPLACE ({casts})") if casts else table).write_parquet(output, compression="zstd")
        return False
    rows = convert(table)
    _check(rows.schema.names)
    _copy(rows, output, writer)
    return True


def _with_parts(result: Attached, output: str) -> bool:
    parts = ", ".join(f"{PREFIX}{name}: '{packed(data)}'" for name, data in result.parts.items())
    target = output.replace("'", "''")
    options = f"FORMAT parquet, COMPRESSION zstd, KV_METADATA {{{parts}}}"
    result.table.query("seeknal_table", f"COPY (FROM seeknal_table) TO '{target}' ({options})")
    return True


def _copy(rows: Any, output: str, writer: Any) -> None:
    writer.execute("SET preserve_insertion_order = true")  # the node may have changed it
    writer.register("seeknal_result", rows)
    target = output.replace("'", "''")
    try:
        told = writer.execute("DESCRIBE seeknal_result").fetchall()
        casts = _casts((name, kind) for name, kind, *_ in told)
        query = f"SELECT * REPLACE ({casts}) FROM seeknal_result" if casts else "FROM seeknal_result"
        writer.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
    finally:
        writer.unregister("seeknal_result")


def _casts(columns: Iterable[tuple[str, str]]) -> str:
    """The columns whose type Parquet cannot hold, in one that it can."""
    wide = ((quoted(name), storable(kind)) for name, kind in columns if storable(kind) != kind)
    return ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in wide)


def _conversion(table: Any) -> tuple[tuple[str, str], Callable[[Any], Any]]:
    # By name: a node that returns a list must not pay for the import of three frame libraries.
    for cls in type(table).__mro__:
        key = (cls.__module__.partition(".")[0].lstrip("_"), cls.__name__)
        if key in _CONVERSIONS:
            return key, _CONVERSIONS[key]
    raise RefusedError(f"the function returned {_described(table)}; a node returns {_ACCEPTED}")


def _described(value: Any) -> str:
    if value is None:
        return "None (is a `return` missing?)"
    cls = type(value)
    name = cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    return f"{name}: {value!r:.60}" if isinstance(value, (bool, int, float, str)) else f"a value of type {name}"


def _check(names: Iterable[str]) -> None:
    names = list(names)
    if not names:
        raise RefusedError("the result has no columns")
    twice = [name for name, count in Counter(name.lower() for name in names).items() if count > 1]
    if twice:
        same = ", ".join(repr(name) for name in names if name.lower() == twice[0])
        raise RefusedError(f"the result has two columns of one name ({same}; upper and lower case do not count)")


def _batch(batch: Any) -> Any:
    import pyarrow as pa

    return pa.Table.from_batches([batch])


def _pandas(frame: Any) -> Any:
    import pyarrow as pa

    _check(map(str, frame.columns))
    return _arrow(lambda: pa.Table.from_pandas(frame, preserve_index=False))


def _polars(frame: Any) -> Any:
    try:
        return arrow_of(frame)
    except UnwritableError as error:
        raise RefusedError(f"the result cannot be written: {error}") from error


def _rows(rows: list[Any]) -> Any:
    wrong = next((row for row in rows if not isinstance(row, Mapping)), None)
    if wrong is not None:
        raise RefusedError(f"the function returned a list with {_described(wrong)} in it; a node returns {_ACCEPTED}")
    if not rows:
        raise RefusedError("the function returned an empty list, which has no columns: return a table with a schema")
    names = dict.fromkeys(name for row in rows for name in row)
    return _columns({name: [row.get(name) for row in rows] for name in names})


def _columns(columns: Mapping[Any, Any]) -> Any:
    for name, values in columns.items():
        if not isinstance(name, str):
            raise RefusedError(f"the column name {name!r} is not text")
        if isinstance(values, (str, bytes, Mapping)) or not (
            isinstance(values, Sequence) or hasattr(values, "__array__")
        ):
            raise RefusedError(f"the column {name!r} is {_described(values)}, not a list of values")
    import pyarrow as pa

    return _arrow(lambda: pa.table(dict(columns)))


def _arrow(make: Callable[[], Any]) -> Any:
    import pyarrow as pa

    try:
        return make()
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        raise RefusedError(f"the result has no one type for each column: {error}") from error


def _same(table: Any) -> Any:
    return table


_CONVERSIONS: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("duckdb", "DuckDBPyRelation"): _same,
    ("pyarrow", "Table"): _same,
    ("pyarrow", "RecordBatchReader"): _same,
    ("pyarrow", "RecordBatch"): _batch,
    ("polars", "DataFrame"): _polars,
    ("polars", "LazyFrame"): lambda frame: _polars(frame.collect()),
    ("pandas", "DataFrame"): _pandas,
    ("builtins", "list"): _rows,
    ("builtins", "dict"): _columns,
}

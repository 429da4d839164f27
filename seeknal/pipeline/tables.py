"""What counts as a table in a node: what a function may return, and what a spine may be.

Decides which types are taken, and that what has no table in it is refused rather than guessed. Libraries are known by the
names of their classes: a node that returns a list must not pay for the import of three frame libraries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from seeknal.pipeline.feature_frame import FeatureFrame

_ACCEPTED = (
    "a DuckDB relation, a pyarrow Table, RecordBatch or RecordBatchReader, a polars DataFrame or LazyFrame, "
    "a pandas DataFrame, a FeatureFrame, a list of dicts or a dict of lists"
)


class RefusedError(Exception):
    """What was given is not a table."""


def relation_of(table: Any) -> Any:
    """The DuckDB relation that a table is, or None where only `arrow_of` can read it."""
    table = _inner(table)
    for name in _classes(table):
        if name == ("seeknal", "Rows"):
            return table._rows_unchanged()
        if name == ("duckdb", "DuckDBPyRelation"):
            return table
    return None


def arrow_of(table: Any, what: str = "the function returned") -> Any:
    """A table as a pyarrow Table or RecordBatchReader; `what` begins the words of a refusal. Raises RefusedError."""
    table = _inner(table)
    for name in _classes(table):
        if name in _CONVERSIONS:
            rows = _CONVERSIONS[name](table)
            check_names(rows.schema.names)
            return rows
    raise RefusedError(f"{what} {_described(table)}; a table is {_ACCEPTED}")


def check_names(names: Iterable[str]) -> None:
    """Raise RefusedError unless these can be the names of a table's columns."""
    names = list(names)
    if not names:
        raise RefusedError("the result has no columns")
    twice = [name for name, count in Counter(name.lower() for name in names).items() if count > 1]
    if twice:
        same = ", ".join(repr(name) for name in names if name.lower() == twice[0])
        raise RefusedError(f"the result has two columns of one name ({same}; upper and lower case do not count)")


def _inner(table: Any) -> Any:
    return table.frame if isinstance(table, FeatureFrame) else table


def _classes(table: Any) -> Iterable[tuple[str, str]]:
    return ((cls.__module__.partition(".")[0].lstrip("_"), cls.__name__) for cls in type(table).__mro__)


def _described(value: Any) -> str:
    if value is None:
        return "None (is a `return` missing?)"
    cls = type(value)
    name = cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    return f"{name}: {value!r:.60}" if isinstance(value, (bool, int, float, str)) else f"a value of type {name}"


def _batch(batch: Any) -> Any:
    import pyarrow as pa

    return pa.Table.from_batches([batch])


def _pandas(frame: Any) -> Any:
    from seeknal.pipeline.frames import table_of

    check_names(map(str, frame.columns))
    return _typed(lambda: table_of(frame))


def _polars(frame: Any) -> Any:
    from seeknal.pipeline import polars_frames

    try:
        return polars_frames.arrow_of(frame)
    except polars_frames.UnwritableError as error:
        raise RefusedError(f"the result cannot be written: {error}") from error


def _list(rows: list[Any]) -> Any:
    wrong = next((row for row in rows if not isinstance(row, Mapping)), None)
    if wrong is not None:
        raise RefusedError(f"a list with {_described(wrong)} in it is no table; a table is {_ACCEPTED}")
    if not rows:
        raise RefusedError("an empty list has no columns: make it a table with a schema")
    names = dict.fromkeys(name for row in rows for name in row)
    return _dict({name: [row.get(name) for row in rows] for name in names})


def _dict(columns: Mapping[Any, Any]) -> Any:
    for name, values in columns.items():
        if not isinstance(name, str):
            raise RefusedError(f"the column name {name!r} is not text")
        if isinstance(values, (str, bytes, Mapping)) or not (
            isinstance(values, Sequence) or hasattr(values, "__array__")
        ):
            raise RefusedError(f"the column {name!r} is {_described(values)}, not a list of values")
    import pyarrow as pa

    return _typed(lambda: pa.table(dict(columns)))


def _typed(make: Callable[[], Any]) -> Any:
    import pyarrow as pa

    try:
        return make()
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        raise RefusedError(f"the result has no one type for each column: {error}") from error


def _same(table: Any) -> Any:
    return table


_CONVERSIONS: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("seeknal", "Rows"): lambda rows: rows.arrow(),
    ("duckdb", "DuckDBPyRelation"): lambda relation: relation.to_arrow_table(),
    ("pyarrow", "Table"): _same,
    ("pyarrow", "RecordBatchReader"): _same,
    ("pyarrow", "RecordBatch"): _batch,
    ("polars", "DataFrame"): _polars,
    ("polars", "LazyFrame"): lambda frame: _polars(frame.collect()),
    ("pandas", "DataFrame"): _pandas,
    ("builtins", "list"): _list,
    ("builtins", "dict"): _dict,
}

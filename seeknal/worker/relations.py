"""What DuckDB itself loses on the way to pandas: put right in a worker, for the relations that a node makes.

Decides two things about `relation.df()`. A DATE becomes a timestamp there, as everywhere: the frame notes which columns
were dates, and gets them back when the node returns it. Every sum of BIGINT is a HUGEINT, which becomes a float there:
where all its values fit they are 64-bit integers. Also lets `from_df` take the rows of `ctx.ref`, and counts what a
connection is given (functions, extensions), which no statement shows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from seeknal.model.lowering import quoted
from seeknal.pipeline.frames import DATES
from seeknal.pipeline.rows import Rows


@cache
def install() -> None:
    """Change DuckDB's classes, once for a process."""
    import duckdb
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

    of_relation = DuckDBPyRelation.df

    def df(self: Any, *, date_as_object: bool = False) -> Any:
        frame = _exact(self, of_relation, date_as_object=date_as_object)
        return _noted(frame, zip(self.columns, self.types, strict=True))

    for name in ("df", "fetchdf", "to_df"):
        setattr(DuckDBPyRelation, name, df)
    for name in ("df", "fetchdf", "fetch_df"):
        setattr(DuckDBPyConnection, name, _of_result(getattr(DuckDBPyConnection, name)))
    for place in (DuckDBPyConnection, duckdb):
        for name in _GIVING:
            setattr(place, name, _counted(getattr(place, name)))
        setattr(place, "from_df", _taking_rows(place.from_df))  # noqa: B010 - types do not know that this can be set


# What changes an instance and is no statement.
_GIVING = ("create_function", "remove_function", "register_filesystem", "unregister_filesystem", "load_extension")
_given = 0


def given() -> int:
    """How often an instance was given something that outlives a connection."""
    return _given


def _counted(give: Callable[..., Any]) -> Callable[..., Any]:
    def giving(*args: Any, **options: Any) -> Any:
        global _given
        _given += 1
        return give(*args, **options)

    return giving


def _taking_rows(from_df: Callable[..., Any]) -> Callable[..., Any]:
    def taking(*args: Any, **options: Any) -> Any:
        return from_df(*(arg.df() if isinstance(arg, Rows) else arg for arg in args), **options)

    return taking


def _of_result(fetch: Callable[..., Any]) -> Callable[..., Any]:
    def df(self: Any, *, date_as_object: bool = False) -> Any:
        told = [(name, kind) for name, kind, *_ in self.description or ()]
        return _noted(fetch(self, date_as_object=date_as_object), told)

    return df


def _noted(frame: Any, told: Any) -> Any:
    dates = [name for name, kind in told if str(kind) == "DATE"]
    if dates:
        frame.attrs[DATES] = dates
    return frame


def _exact(relation: Any, fetch: Callable[..., Any], *, date_as_object: bool) -> Any:
    """The frame of a relation, its 128-bit integers as 64-bit ones wherever none of them is lost."""
    wide = [name for name, kind in zip(relation.columns, relation.types, strict=True) if str(kind).endswith("HUGEINT")]
    narrow = [f"TRY_CAST({quoted(name)} AS BIGINT) AS {quoted(name + _NARROW)}" for name in wide]
    frame = fetch(relation.project(", ".join(["*", *narrow])) if wide else relation, date_as_object=date_as_object)
    for name in wide:
        integers = frame.pop(name + _NARROW)
        if integers.count() == frame[name].count():
            frame[name] = integers
    return frame


_NARROW = "__seeknal_integer"

"""pandas frames from Arrow tables and back, without losing what pandas has no word for.

Decides how a type looks in a frame: integers with gaps are nullable integers (never floats), DATE is `datetime.date`,
text is object, DECIMAL without a fraction is an integer, other DECIMALs are `Decimal`. On the way back a column that the
frame cannot type (it has no values) gets the type that a column of its name came with. Needs pandas; whoever calls this has it.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

# `frame.attrs[DATES]`: columns that were DATE before DuckDB itself made them timestamps. pandas hands attrs on.
DATES = "seeknal.dates"


# Types by names of columns, of all tables that were made frames; None where two differ.
_came: dict[str, Any] = {}


def forget() -> None:
    """Forget the types of earlier frames."""
    _came.clear()


def frame_of(table: Any) -> Any:
    """The pandas frame of an Arrow table."""
    import pandas as pd

    for field in table.schema:
        _came[field.name] = field.type if _came.get(field.name, field.type) == field.type else None
    columns = {name: _series(column) for name, column in zip(table.schema.names, table.columns, strict=True)}
    return pd.DataFrame(columns)


def _series(column: Any) -> Any:
    import pandas as pd
    import pyarrow as pa

    kind = column.type
    if pa.types.is_decimal(kind) and kind.scale == 0:
        return _whole(column)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pd.Series(column.to_numpy(zero_copy_only=False), dtype=object)
    if column.null_count and (pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
        return column.to_pandas(types_mapper=_nullable)
    return column.to_pandas(date_as_object=True, integer_object_nulls=True)  # the latter inside of lists and structs


def _nullable(kind: Any) -> Any:
    import pandas as pd

    return pd.array([], dtype="boolean" if str(kind) == "bool" else _TITLES[str(kind)]).dtype


_TITLES = {name.lower(): name for size in (8, 16, 32, 64) for name in (f"Int{size}", f"UInt{size}")}


def _whole(column: Any) -> Any:
    """Integers of 128 bits (DuckDB's HUGEINT, which every sum of BIGINT is): as 64 bits where all fit."""
    import pandas as pd
    import pyarrow as pa

    try:
        return _series(column.cast(pa.int64()))
    except pa.ArrowInvalid:
        return pd.Series([None if value is None else int(value) for value in column.to_pylist()], dtype=object)


def table_of(frame: Any) -> Any:
    """The Arrow table of a pandas frame. Raises what pyarrow raises where a column has no one type."""
    import pyarrow as pa

    names = [str(name) for name in frame.columns]
    dates = frame.attrs.get(DATES, ())
    columns = []
    for at, name in enumerate(names):
        values, came = frame.iloc[:, at], _came.get(name)
        column = _array(values, came)
        columns.append(_days(column) if name in dates and pa.types.is_timestamp(column.type) else column)
    return pa.Table.from_arrays(columns, names)


def _array(values: Any, came: Any) -> Any:
    import pyarrow as pa

    try:
        array = pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # a MAP is a list of pairs in pandas: only its type tells
        if came is None:
            raise
        return pa.array(values, came, from_pandas=True)
    except OverflowError:
        return pa.array([_decimal(value) for value in values], pa.decimal128(38, 0))
    return _kept(array, values, came)


def _decimal(value: Any) -> Decimal | None:
    import pandas as pd

    if isinstance(value, int):
        return Decimal(value)
    if pd.isna(value):
        return None
    raise TypeError(f"integers of more than 64 bits beside {value!r}")


def _kept(array: Any, values: Any, came: Any) -> Any:
    import pandas as pd
    import pyarrow as pa

    if pa.types.is_null(array.type):
        return array.cast(came or pa.string())
    lossy = pa.types.is_nested(array.type) or pa.types.is_decimal(array.type)
    if lossy and came is not None and _is_alike(array.type, came):
        return _cast(array, came)
    if pa.types.is_date32(array.type) and any(isinstance(value, datetime) for value in values):
        return pa.array(pd.to_datetime(values), from_pandas=True)  # pyarrow would cut off the times
    return array


def _is_alike(kind: Any, came: Any) -> bool:
    """Whether only sizes of numbers differ: inside of lists and structs pandas has no types."""
    import pyarrow as pa

    if kind == came or pa.types.is_null(kind):
        return True
    if pa.types.is_struct(kind) and pa.types.is_struct(came):
        names = {field.name for field in kind}
        return names == {field.name for field in came} and all(_is_alike(kind[n].type, came[n].type) for n in names)
    if pa.types.is_list(kind) and pa.types.is_list(came):
        return _is_alike(kind.value_type, came.value_type)
    return any(check(kind) and check(came) for check in (pa.types.is_integer, pa.types.is_decimal))


def _cast(array: Any, kind: Any) -> Any:
    import pyarrow as pa

    try:
        return array.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return array


def _days(array: Any) -> Any:
    import pyarrow as pa

    days = array.cast(pa.date32())
    return days if days.cast(array.type).equals(array) else array

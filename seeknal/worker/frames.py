"""From a polars frame to an Arrow table that DuckDB writes to Parquet without loss.

Decides which type of a table stands for a polars type that Parquet or DuckDB does not have: whole numbers of 128 bits are
decimals, half floats are floats, times and durations have the precision that the file can hold. Never drops a digit: a
value that does not fit is refused. polars and pyarrow are imported by whoever made the frame.
"""

from __future__ import annotations

from typing import Any


class UnwritableError(Exception):
    """A column that no table can hold; the message names it and says what to do."""


def arrow_of(frame: Any) -> Any:
    """The Arrow table of a polars DataFrame. Raises UnwritableError."""
    import polars as pl

    casts = {name: _stored(name, dtype) for name, dtype in frame.schema.items() if _stored(name, dtype) != dtype}
    try:
        table = frame.cast(casts).to_arrow() if casts else frame.to_arrow()
    except pl.exceptions.PolarsError as error:
        shown = ", ".join(map(repr, casts))
        raise UnwritableError(f"the column {shown} does not fit into 38 digits: {error}") from error
    return _precise(table)


def _stored(name: str, dtype: Any) -> Any:
    """The polars type that is written for `dtype`."""
    import polars as pl

    if dtype == pl.Object:
        raise UnwritableError(f"the column {name!r} holds Python objects: give it a type (strings, numbers, structs)")
    if dtype in (pl.Int128, getattr(pl, "UInt128", pl.Int128)):
        return pl.Decimal(38, 0)
    if dtype == getattr(pl, "Float16", None):
        return pl.Float32
    if isinstance(dtype, pl.List):
        return pl.List(_stored(name, dtype.inner))
    if isinstance(dtype, pl.Array):
        return pl.Array(_stored(name, dtype.inner), dtype.size)
    if isinstance(dtype, pl.Struct):
        return pl.Struct([pl.Field(field.name, _stored(name, field.dtype)) for field in dtype.fields])
    return dtype


def _precise(table: Any) -> Any:
    """The table with times in microseconds and durations in milliseconds, as Parquet has them from DuckDB."""
    import pyarrow as pa

    for i, field in enumerate(table.schema):
        type_ = _file_type(field.type)
        if type_ == field.type:
            continue
        try:
            column = table.column(i).cast(type_)
        except pa.ArrowInvalid as error:
            raise UnwritableError(_too_fine(field.name, str(error))) from error
        table = table.set_column(i, pa.field(field.name, type_), column)
    return table


def _too_fine(name: str, error: str) -> str:
    return (
        f"the column {name!r} is finer than a table can hold (times have microseconds, durations milliseconds): "
        f"make it a number, as in pl.col({name!r}).cast(pl.Int64): {error}"
    )


def _file_type(type_: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_time64(type_):
        return pa.time64("us")
    if pa.types.is_duration(type_):
        return pa.duration("ms")
    if pa.types.is_large_list(type_) or pa.types.is_list(type_):
        made = pa.large_list if pa.types.is_large_list(type_) else pa.list_
        return made(type_.value_field.with_type(_file_type(type_.value_type)))
    if pa.types.is_fixed_size_list(type_):
        return pa.list_(type_.value_field.with_type(_file_type(type_.value_type)), type_.list_size)
    if pa.types.is_struct(type_):
        return pa.struct([field.with_type(_file_type(field.type)) for field in type_.fields])
    return type_

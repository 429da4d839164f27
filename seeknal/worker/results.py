"""Writes what a node function returned into one Parquet file.

Decides whether the order of its rows was the node's choice, and that no number loses digits. DuckDB writes every type of
result, so that a type is the same whichever way it came. What a table is, `pipeline/tables.py` decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from seeknal.model.attached import PREFIX, packed
from seeknal.model.lowering import quoted, storable
from seeknal.pipeline.tables import arrow_of, check_names, relation_of


class Attached(NamedTuple):
    """A table (a DuckDB relation whose order counts) and bytes that travel with it, by name."""

    table: Any
    parts: Mapping[str, bytes]


def write(result: Any, output: str, writer: Any) -> bool:
    """Write `result` through the DuckDB connection `writer`; return whether the order of rows was the node's choice.

    Raises RefusedError.
    """
    if isinstance(result, Attached):
        return _with_parts(result, output)
    relation = relation_of(result)
    if relation is not None:
        check_names(relation.columns)
        told = zip(relation.columns, relation.types, strict=True)
        wide = _exact([(name, str(kind)) for name, kind in told])
        (relation.project(wide) if wide else relation).write_parquet(output, compression="zstd")
        return False
    _copy(arrow_of(result), output, writer)
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
        columns = _exact([(name, kind) for name, kind, *_ in told]) or "*"
        writer.execute(f"COPY (SELECT {columns} FROM seeknal_result) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
    finally:
        writer.unregister("seeknal_result")


def _exact(columns: list[tuple[str, str]]) -> str:
    """A select list that casts what Parquet has no type for; nothing if all is well."""
    wide = ((quoted(name), storable(kind)) for name, kind in columns if storable(kind) != kind)
    casts = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in wide)
    return f"* REPLACE ({casts})" if casts else ""

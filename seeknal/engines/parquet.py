"""Parquet files: writing one, and what it holds: rows, columns, one digest for each column.

Decides the identity of a table for its consumers (`cache_format.md`, "Column digests"). Never moves a file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from blake3 import blake3

from seeknal.engines.footer import footer_of, mapped
from seeknal.errors import DefinitionWrong
from seeknal.model.action import Artifact, Column
from seeknal.model.attached import PREFIX as PARTS
from seeknal.model.attached import unpacked
from seeknal.model.digest import PREFIX, canonical, digest_of
from seeknal.model.lowering import literal, path_literal, quoted
from seeknal.model.node import Schema

# Types that a Parquet file gives back as they were written; of others (HUGEINT, ENUM, UNION, ...) the file is asked.
_KEPT = re.compile(
    r"BIGINT|INTEGER|SMALLINT|TINYINT|UBIGINT|UINTEGER|USMALLINT|UTINYINT|DOUBLE|FLOAT|BOOLEAN|VARCHAR|DATE|BLOB|"
    r"TIMESTAMP( WITH TIME ZONE)?|DECIMAL\(\d+,\d+\)"
)


# From so many bytes on, a file is hashed by several threads: BLAKE3 lets go of Python.
_LARGE = 4 << 20


def copy(con: Any, query: str, output: str, *, kept: bool = True) -> int:
    """Write the rows of `query` to a new Parquet file; returns how many. Not `kept`: it is read once more, soon, and goes.

    Raises duckdb.Error.
    """
    packed = "zstd" if kept else "uncompressed"
    done = con.execute(f"COPY ({query}) TO {literal(output)} (FORMAT parquet, COMPRESSION {packed})").fetchone()
    return int(done[0])


def describe(
    connect: Callable[[], Any],
    path: str,
    blob: str | None = None,
    *,
    known: Schema | None = None,
    in_place: bool = False,
) -> Artifact:
    """The artifact that the Parquet file at `path` is; `known` are the columns written to it, `blob` is its digest.

    DuckDB is asked only about types that Parquet may give back as others, over a cursor that `connect` gives.
    Raises DefinitionWrong, NotParquet, duckdb.Error.
    """
    if known is None or not all(_KEPT.fullmatch(type_) for _, type_ in known):
        told = connect().execute(f"DESCRIBE FROM read_parquet({path_literal(path)})").fetchall()
        known = tuple((name, type_) for name, type_, *_ in told)
    with mapped(path) as whole:
        footer = footer_of(whole, path)
        if not known or len(known) != len(footer.places):
            raise DefinitionWrong("the result has no columns: a table needs at least one")
        parts = zip(known, footer.shapes, footer.places, strict=True)
        work = [partial(column_digest, type_, shape, whole, at) for (_, type_), shape, at in parts]
        own, *digests = _done(len(whole), [lambda: blob or digest_of(whole), *work])
        columns = tuple(Column(name, type_, digest) for (name, type_), digest in zip(known, digests, strict=True))
        return Artifact(own, len(whole), footer.rows, columns, in_place)


def _done(size: int, work: Sequence[Callable[[], str]]) -> list[str]:
    """The answers; on all cores where so many bytes are to be hashed that threads are worth it."""
    if size < _LARGE:
        return [ask() for ask in work]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [*pool.map(lambda ask: ask(), work)]


def attachment(con: Any, path: str, name: str) -> bytes | None:
    """The bytes that travel with the table under `name`; None where there are none."""
    query = f"SELECT value FROM parquet_kv_metadata({path_literal(path)}) WHERE key = '{PARTS}{name}'"
    found = con.execute(query).fetchall()
    return unpacked(found[0][0]) if found else None


def column_digest(type_: str, shape: list[Any], data: memoryview, chunks: tuple[tuple[int, int], ...]) -> str:
    """BLAKE3 over a line that says types and chunk sizes, and the bytes of the column's chunks, row group by row group."""
    hasher = blake3(canonical({"chunks": [size for _, size in chunks], "elements": shape, "type": type_}) + b"\n")
    for start, size in chunks:
        hasher.update(data[start : start + size])
    return PREFIX + hasher.hexdigest()


def same_bag(con: Any, one: str, other: str, schema: Schema, *, rounded: bool = False) -> bool:
    """Whether two Parquet files with this schema hold the same rows, each as often, in whatever order.

    Sums over one column after the other tell most differences early. With `rounded`, DOUBLE and FLOAT count to eleven
    digits only.
    """
    columns = [_rounded(quoted(name), type_) if rounded else quoted(name) for name, type_ in schema]
    tables = [f"(SELECT {', '.join(columns)} FROM read_parquet({path_literal(path)}))" for path in (one, other)]
    for name, _ in reversed(schema):
        sums = [con.execute(f"SELECT sum(hash({quoted(name)})::HUGEINT) FROM {table}").fetchone() for table in tables]
        if sums[0] != sums[1]:
            return False
    return not con.execute(f"SELECT 1 FROM ({tables[0]} EXCEPT ALL {tables[1]}) LIMIT 1").fetchall()


def _rounded(column: str, type_: str) -> str:
    if type_ not in ("DOUBLE", "FLOAT"):
        return column
    digits = f"CAST(11 - ceil(log10(abs({column}))) AS INTEGER)"
    return (
        f"CASE WHEN {column} = 0 OR NOT isfinite({column}) THEN {column} ELSE round({column}, {digits}) END AS {column}"
    )

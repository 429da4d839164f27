"""Splitting: the rows of a source with intervals, read once, become one artifact for each interval.

Decides which interval a row belongs to (rows without a time have a part of their own: none is dropped). The rows of an
interval keep their order, so that an interval whose rows did not change keeps its digest.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from seeknal.build.session import Session
from seeknal.engines.blame import check_time
from seeknal.engines.parquet import copy, describe
from seeknal.model.action import Artifact
from seeknal.model.interval import Cadence, Interval, at
from seeknal.model.lowering import literal, path_literal, quoted
from seeknal.model.node import Node
from seeknal.model.parts import Part, index_bytes, whole

_SLOT = "__seeknal_slot__"


def split(session: Session, node: Node, path: str, action: str) -> Artifact:
    """The artifact with a part for each interval that the table at `path` has rows of. Raises DefinitionWrong."""
    con, cadence = session.own(), node.traits["split"]
    columns = con.execute(f"DESCRIBE FROM read_parquet({path_literal(path)})").fetchall()
    check_time(node, cadence, tuple((name, type_) for name, type_, *_ in columns))
    folder = session.store.temporary()
    try:
        parts = _parts(session, con, cadence, path, folder, action)
    finally:
        session.disk.remove_folder(folder)
    unknown = sum(part.artifact.rows for part in parts if part.interval is None)
    if unknown:
        session.warn(f"{node.id}: {unknown:,} rows have no time in {cadence.column}: they are in no interval")
    return whole(parts, session.store.put_bytes(index_bytes(parts)))


def _parts(session: Session, con: Any, cadence: Cadence, path: str, folder: str, action: str) -> list[Part]:
    time = f"TRY_CAST({quoted(cadence.column)} AS TIMESTAMP)"
    slot = f"strftime(date_trunc({literal(cadence.unit)}, {time}), '%Y%m%dT%H%M%S')"
    table = f"read_parquet({path_literal(path)}, file_row_number = true)"
    rows = f"SELECT *, coalesce({slot}, 'unknown') AS {_SLOT} FROM {table}"
    con.execute(
        f"COPY ({rows}) TO {literal(folder)} (FORMAT parquet, COMPRESSION uncompressed, PARTITION_BY ({_SLOT}))"
    )
    names = os.listdir(folder) if os.path.isdir(folder) else []
    if not names:
        return [_part(session, action, None, f"FROM read_parquet({path_literal(path)})")]
    work = [(_interval(name, cadence), _rows_in(folder, name)) for name in names]
    with ThreadPoolExecutor(session.setting.threads, thread_name_prefix="split") as pool:
        found = list(pool.map(lambda one: _part(session, action, *one), work))
    return sorted(found, key=lambda part: (part.interval is None, part.interval or ()))


def _rows_in(folder: str, name: str) -> str:
    """The rows of one interval in the order that they had."""
    files = path_literal(os.path.join(folder, name)) + ", hive_partitioning = false"
    return f"SELECT * EXCLUDE (file_row_number) FROM read_parquet({files}) ORDER BY file_row_number"


def _interval(name: str, cadence: Cadence) -> Interval | None:
    text = name.partition("=")[2]
    return None if text == "unknown" else at(datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=UTC), cadence.unit)


def _part(session: Session, action: str, interval: Interval | None, query: str) -> Part:
    path = session.store.temporary()
    try:
        copy(session.brief(), query, path)
        artifact = describe(session.own, path)
        session.store.adopt(path, artifact.blob)
    finally:
        session.disk.remove(path)
    return Part(interval, action, artifact)

"""Splitting: the rows of a source with intervals, read once, become one artifact for each interval.

Decides which interval a row belongs to (rows without a time have a part of their own: none is dropped). The rows of an
interval keep their order, and one thread writes them, so equal rows give equal raw bytes: an interval whose raw bytes are
those of the last time is not written again.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from seeknal.build.session import Session
from seeknal.engines.blame import check_time
from seeknal.engines.parquet import copy, describe
from seeknal.model.action import Artifact, read_artifact
from seeknal.model.digest import document_digest
from seeknal.model.interval import Cadence, Interval, at
from seeknal.model.lowering import literal, path_literal, quoted
from seeknal.model.node import Node, Schema
from seeknal.model.parts import Part, index_bytes, whole
from seeknal.store.statcache import hash_file

_SLOT = "__seeknal_slot__"


def split(session: Session, node: Node, path: str, action: str) -> Artifact:
    """The artifact with a part for each interval that the table at `path` has rows of. Raises DefinitionWrong."""
    cadence: Cadence = node.traits["split"]
    told = session.own().execute(f"DESCRIBE FROM read_parquet({path_literal(path)})").fetchall()
    columns = tuple((name, type_) for name, type_, *_ in told)
    check_time(node, cadence, columns)
    folder = session.store.temporary()
    session.disk.make_folder(folder)
    try:
        parts = _parts(session, node, path, folder, action, _time(cadence.column, columns))
    finally:
        session.disk.remove_folder(folder)
    unknown = sum(part.artifact.rows for part in parts if part.interval is None)
    if unknown:
        session.warn(f"{node.id}: {unknown:,} rows have no time in {cadence.column}: they are in no interval")
    return whole(parts, session.store.put_bytes(index_bytes(parts)))


def _time(name: str, columns: Schema) -> str:
    """The time of a row as SQL, NULL where it has none. The word `epoch` is one for DuckDB, and no time for anybody else."""
    column, is_text = quoted(name), any(own.lower() == name.lower() and type_ == "VARCHAR" for own, type_ in columns)
    time = f"TRY_CAST({column} AS TIMESTAMP)"
    known = f"{time} >= TIMESTAMP '1000-01-01' AND {time} < TIMESTAMP '9999-01-01'"  # infinity is no time
    spelt = f" AND lower(trim({column})) <> 'epoch'" if is_text else ""
    return f"CASE WHEN {known}{spelt} THEN {time} END"


def _parts(session: Session, node: Node, path: str, folder: str, action: str, time: str) -> list[Part]:
    known = session.splits.get(node.id) or {}
    with ThreadPoolExecutor(session.setting.threads, thread_name_prefix="split") as pool:
        list(pool.map(lambda share: _write(session, node, path, folder, time, share), range(session.setting.threads)))
        slots = _slots(folder)
        if not slots:
            return [Part(None, action, _stored(session, f"FROM read_parquet({path_literal(path)})"))]
        found = dict(
            zip(slots, pool.map(lambda name: _part(session, slots[name], known.get(name)), slots), strict=True)
        )
    session.splits.put(node.id, {name: [raw, artifact.document()] for name, (raw, artifact) in found.items()})
    unit = node.traits["split"].unit
    parts = [Part(_interval(name, unit), action, artifact) for name, (_, artifact) in found.items()]
    return sorted(parts, key=lambda part: (part.interval is None, part.interval or ()))


def _write(session: Session, node: Node, path: str, folder: str, time: str, share: int) -> None:
    """Write the rows of a share of the intervals, a folder for each; one thread, so that the bytes follow from the rows."""
    cadence: Cadence = node.traits["split"]
    slot = f"strftime(date_trunc({literal(cadence.unit)}, {time}), '%Y%m%dT%H%M%S')"
    rows = f"SELECT *, coalesce({slot}, 'unknown') AS {_SLOT} FROM read_parquet({path_literal(path)})"
    some = f"FROM ({rows}) WHERE hash({_SLOT}) % {session.setting.threads} = {share}"
    options = f"FORMAT parquet, COMPRESSION uncompressed, PARTITION_BY ({_SLOT})"
    session.brief().execute(f"COPY ({some}) TO {literal(os.path.join(folder, str(share)))} ({options})")


def _slots(folder: str) -> dict[str, list[str]]:
    """The intervals that have rows, each with its files in the order of its rows."""
    found: dict[str, list[str]] = {}
    for place, _, names in os.walk(folder):
        for name in sorted(names, key=lambda name: (len(name), name)):
            found.setdefault(os.path.basename(place).partition("=")[2], []).append(os.path.join(place, name))
    return dict(sorted(found.items()))


def _part(session: Session, files: list[str], known: Any) -> tuple[str, Artifact]:
    raw = document_digest([hash_file(file) for file in files])
    artifact = read_artifact(known[1]) if known and known[0] == raw else None
    if artifact is not None and session.store.present(artifact).artifact:
        return raw, artifact
    paths = ", ".join(path_literal(file) for file in files)
    return raw, _stored(session, f"FROM read_parquet([{paths}], hive_partitioning = false)")


def _interval(name: str, unit: str) -> Interval | None:
    return None if name == "unknown" else at(datetime.strptime(name, "%Y%m%dT%H%M%S").replace(tzinfo=UTC), unit)


def _stored(session: Session, query: str) -> Artifact:
    path = session.store.temporary()
    try:
        copy(session.brief(), query, path)
        artifact = describe(session.own, path)
        session.store.adopt(path, artifact.blob)
    finally:
        session.disk.remove(path)
    return artifact

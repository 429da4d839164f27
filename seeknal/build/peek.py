"""Looking into an artifact: rows and statistics, from bytes that were verified first.

Decides what is shown of a table. Changes nothing.
"""

from __future__ import annotations

from typing import Any

from seeknal.build.folders import path_of
from seeknal.build.session import Session
from seeknal.errors import IntegrityFinding
from seeknal.model.action import Artifact
from seeknal.model.lowering import path_literal, quoted
from seeknal.store.cache import Damaged


def peek(session: Session, artifact: Artifact, limit: int) -> dict[str, Any]:
    """Count, columns with nulls, distinct values, least and greatest, and the first rows as text."""
    path = verified(session, artifact)
    con = session.own()
    table = f"read_parquet({path_literal(path)})"
    columns = [_column(con, table, name, type_) for name, type_ in artifact.schema]
    shown = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name, _ in artifact.schema)
    rows = con.execute(f"SELECT {shown} FROM {table} LIMIT {limit}").fetchall()
    return {"count": artifact.rows, "columns": columns, "rows": [list(row) for row in rows]}


def verified(session: Session, artifact: Artifact, scratch: list[str] | None = None) -> str:
    """The path of an artifact whose bytes are what they should be; see `path_of`. Raises IntegrityFinding."""
    for pattern in (p for node in session.graph.nodes.values() for p in node.recipe.files):
        if artifact.in_place:
            session.files_of(pattern)
    try:
        return path_of(session, artifact, [] if scratch is None else scratch)
    except Damaged:
        text = f"the stored bytes of {artifact.blob} are damaged or gone: `seeknal run` builds them again"
        raise IntegrityFinding(text) from None


def _column(con: Any, table: str, name: str, type_: str) -> dict[str, Any]:
    column = quoted(name)
    sql = f"count(*) - count({column}), approx_count_distinct({column}), CAST(min({column}) AS VARCHAR), "
    row = con.execute(f"SELECT {sql} CAST(max({column}) AS VARCHAR) FROM {table}").fetchone()
    return {"name": name, "type": type_, "nulls": row[0], "distinct": row[1], "min": row[2], "max": row[3]}

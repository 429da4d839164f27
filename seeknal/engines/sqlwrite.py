"""From a canonical query to a Parquet file: over which files it runs, and in what order its rows are written.

Decides that equal tables become equal bytes where that is cheap, and that no number loses digits on its way to the file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

from seeknal.engines.parquet import copy
from seeknal.engines.sql import Parsed, relation_name
from seeknal.model.lowering import path_literal, quoted, storable
from seeknal.model.node import Schema

# Up to this many rows a result of no declared order is put in canonical order: under 0.2 s, so that equal tables are
# equal bytes. Larger ones are compared with the previous artifact as bags of rows.
SORTED = 200_000
# A text or a quoted name, inside of which the name of a relation would not be a relation.
_QUOTED = re.compile(r"['\"]")
_RELATION = re.compile(r"\b" + re.escape(relation_name(0))[:-1] + r"(\d+)\b")
_UNNAMED = re.compile(_RELATION.pattern + "(?! AS )")


def over(query: str, paths: Sequence[str]) -> str:
    """The query over these files: in its text where that is safe, else as tables that it names first."""
    several = len(_UNNAMED.findall(query)) > 1  # two calls of read_parquet in one FROM would be two tables of one name
    if _QUOTED.search(query) is None and not several:
        return _RELATION.sub(lambda found: f"read_parquet({path_literal(paths[int(found[1])])})", query)
    tables = ", ".join(
        f"{quoted(relation_name(i))} AS NOT MATERIALIZED (FROM read_parquet({path_literal(path)}))"
        for i, path in enumerate(paths)
    )
    head = next((word for word in ("WITH RECURSIVE ", "WITH ") if query.startswith(word)), None)
    if not tables:
        return query
    return f"{head}{tables}, {query.removeprefix(head)}" if head else f"WITH {tables} {query}"


def write(con: Any, query: str, output: str, parsed: Parsed, columns: Schema, *, small: bool) -> bool:
    """Write the rows; returns whether their order counts."""
    query = _exact(query, columns)
    free = not (parsed.ordered or parsed.stable)
    rows = copy(con, f"SELECT * FROM ({query}) ORDER BY ALL" if free and small else query, output)
    return not free or small or rewritten(con, output, rows, free=True)


def rewritten(con: Any, output: str, rows: int, *, free: bool) -> bool:
    """Write a file again while that is cheap, rows of no declared order (`free`) in canonical order; returns whether it was.

    So equal rows are equal bytes, whoever wrote them first.
    """
    if rows > SORTED:
        return False
    raw = f"{output}.raw"
    os.rename(output, raw)
    copy(con, f"SELECT * FROM read_parquet({path_literal(raw)}){' ORDER BY ALL' if free else ''}", output)
    os.unlink(raw)
    return True


def written(columns: Schema) -> Schema:
    """The columns as `write` writes them."""
    return tuple((name, storable(type_)) for name, type_ in columns)


def _exact(query: str, columns: Schema) -> str:
    """The query with its columns in types that Parquet can hold."""
    casts = [f"CAST({quoted(n)} AS {storable(t)}) AS {quoted(n)}" for n, t in columns if storable(t) != t]
    return f"SELECT * REPLACE ({', '.join(casts)}) FROM ({query})" if casts else query

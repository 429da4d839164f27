"""DuckDB files: a table, a view, or one query.

Decides where the path and the name of the table may stand, and what becomes of types that a table here does not have. The file
is keyed by its bytes, and those of its log that is not written back yet.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from seeknal.model.lowering import Wrong, quoted, storable

NAME = "duckdb"
CONNECTED = True
EXTRA = ""
CONNECTION: dict[str, Any] = {"path": ""}
SECRET = ()
OPTIONS = ("path", "table", "query")
_ENDINGS = (".duckdb", ".ddb", ".db")
_READS = re.compile(r"(\s|--[^\n]*\n|/\*.*?\*/)*\(*\s*(select|with|values|from|table)\b", re.IGNORECASE | re.DOTALL)
_PART = re.compile(r'"((?:[^"]|"")+)"|([^".\s]+)')


def arranged(table: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The path of the file and the name of the table, whichever of the two stands in `table:`. Raises Wrong."""
    found = dict(params)
    if table and "path" not in params and ("table" in params or "query" in params or table.lower().endswith(_ENDINGS)):
        found["path"] = table
    elif table:
        found["table"] = table
    if not isinstance(found.get("path"), str) or not found["path"] or "\0" in found["path"]:
        raise Wrong(("table",), "the path of the file is missing: table: data/shop.duckdb, and params: {table: orders}")
    return found


def options(params: Mapping[str, Any]) -> dict[str, Any]:
    """What is read: a query, or a table by the parts of its name. Raises Wrong."""
    query = params.get("query")
    if query:
        if not isinstance(query, str) or not _READS.match(query):
            raise Wrong(("query",), "query has to begin with SELECT or WITH: it reads, and changes nothing")
        return {"query": query.strip().rstrip(";").rstrip()}
    name = params.get("table")
    if not isinstance(name, str):
        raise Wrong(
            ("params", "table"), "the name of the table is missing: params: {table: orders}, or query: SELECT ..."
        )
    parts = [one[1].replace('""', '"') if one[1] else one[2] for one in _PART.finditer(name)]
    if _PART.sub("", name).strip(".") or not 1 <= len(parts) <= 2:
        raise Wrong(("table",), f"table is {name!r}: write orders, or schema.orders; quote a name with other signs")
    return {"table": parts}


def files(params: Mapping[str, Any]) -> tuple[str, ...]:
    """The file, and its log."""
    return params["path"], f"{params['path']}.wal"


def checked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as they are."""
    return dict(settings)


def statement(definition: Mapping[str, Any]) -> str:
    """The SQL for the file."""
    return str(definition["query"]) if "query" in definition else f"FROM {'.'.join(map(quoted, definition['table']))}"


def typed(type_: str) -> str | None:
    """The type that a column is cast to; None where it is kept."""
    if type_.startswith(("UNION", "BIGNUM", "BIT")):
        return "VARCHAR"
    held = storable(type_)
    return held if held != type_ else None

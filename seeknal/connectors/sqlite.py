"""SQLite files: a table, a view, or one query.

Decides what the declared type of a column means. SQLite lets any value stand in any column: one that is none of its type is
told. The file is keyed by its bytes, and those of its log that is not written back yet.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from seeknal.model.lowering import Wrong, quoted

NAME = "sqlite"
CONNECTED = True
EXTRA = ""
CONNECTION: dict[str, Any] = {"path": ""}
SECRET = ()
OPTIONS = ("path", "table", "query")
_ENDINGS = (".db", ".sqlite", ".sqlite3")


def arranged(table: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The path of the file and the name of the table, whichever of the two stands in `table:`."""
    found = dict(params)
    if table and "path" not in params and ("table" in params or "query" in params or table.lower().endswith(_ENDINGS)):
        found["path"] = table
    elif table:
        found["table"] = table
    if not isinstance(found.get("path"), str) or "\0" in found["path"]:
        raise Wrong(("table",), "the path of the file is missing: table: data/shop.db, and params: {table: orders}")
    return found


def options(params: Mapping[str, Any]) -> dict[str, Any]:
    """What is read: a query, or a table by its name."""
    query = params.get("query")
    if query:
        if not isinstance(query, str) or not re.match(
            r"(\s|--[^\n]*\n|/\*.*?\*/)*(select|with|values)\b", query, re.I | re.S
        ):
            raise Wrong(("query",), "query has to begin with SELECT or WITH: it reads, and changes nothing")
        return {"query": query.strip().rstrip(";").rstrip()}
    if not isinstance(params.get("table"), str):
        raise Wrong(("table",), "the name of the table is missing: params: {table: orders}, or query: SELECT ...")
    return {"table": params["table"]}


def files(params: Mapping[str, Any]) -> tuple[str, ...]:
    """The file, and its log."""
    return params["path"], f"{params['path']}-wal"


def checked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as they are."""
    return dict(settings)


def statement(definition: Mapping[str, Any]) -> str:
    """The SQL for the file."""
    return str(definition["query"]) if "query" in definition else f"SELECT * FROM {quoted(definition['table'])}"


# What there is to read, a row for each column: schema, table, column, type.
TABLES = """
    SELECT 'main', m.name, c.name, c.type FROM sqlite_schema m, pragma_table_info(m.name) c
    WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY m.name, c.cid
    """


class Meant(NamedTuple):
    """What a declared type means: the class of values that may stand there, the DuckDB type, digits behind the point."""

    values: str
    type: str | None = None
    scale: int = 0


_DECIMAL = re.compile(r"(?:NUMERIC|DECIMAL|DEC)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")


def meant(declared: str) -> Meant | None:
    """What a declared type means; None where the values have to say it."""
    word = declared.upper().strip()
    decimal = _DECIMAL.fullmatch(word)
    if decimal:
        precision, scale = int(decimal[1]), int(decimal[2] or 0)
        return Meant("decimal", f"DECIMAL({precision},{scale})", scale) if scale <= precision <= 38 else None
    if word in _TIMES:
        return Meant("time", _TIMES[word])
    found = next((values for part, values in _CONTAINS if part in word), None)
    return Meant(found) if found else None


_TIMES = {
    "DATE": "DATE",
    "TIME": "TIME",
    "DATETIME": "TIMESTAMP",
    "TIMESTAMP": "TIMESTAMP",
    "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP WITH TIME ZONE",
}
# SQLite's own rules of affinity, and BOOLEAN, in this order.
_CONTAINS = (
    ("INT", "integer"), ("CHAR", "text"), ("CLOB", "text"), ("TEXT", "text"), ("STRING", "text"), ("JSON", "text"),
    ("UUID", "text"), ("BLOB", "blob"), ("REAL", "real"), ("FLOA", "real"), ("DOUB", "real"), ("BOOL", "boolean"),
)  # fmt: skip

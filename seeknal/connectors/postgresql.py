"""PostgreSQL: a table, or one query, of a server.

Decides what is asked of the server and what becomes of its types: each keeps its meaning, or is text. A `numeric` without
a precision (so every `sum` and `avg`) is DECIMAL(38,9), and a value that this would round is told, not rounded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from seeknal.model.lowering import Wrong, literal, quoted

NAME = "postgresql"
CONNECTED = True
EXTRA = "postgres"
CONNECTION: dict[str, Any] = {
    "host": "localhost",
    "port": 5432,
    "database": "postgres",
    "user": "postgres",
    "password": "",
    "schema": "public",
    "sslmode": "prefer",
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
SECRET = ("password",)
OPTIONS = ("connection", "query", "probe", *CONNECTION)
_COUNTS = ("port", "connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count")
_SSL = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_COMMENT = re.compile(r"\s+|--[^\n]*(\n|\Z)|/\*.*?\*/", re.DOTALL)
_PART = re.compile(r'"((?:[^"]|"")+)"|([^".\s]+)')


def options(params: Mapping[str, Any]) -> dict[str, Any]:
    """What is read: a query, or a table by the parts of its name."""
    for name in ("query", "probe"):
        if params.get(name) is not None:
            check_query(name, params[name])
    if params.get("query"):
        return {"query": bare(params["query"])}
    return {"table": table_parts(params.get("table"))}


def check_query(name: str, text: Any) -> None:
    """Raise Wrong unless `text` is one statement that reads; the server is told to refuse others, too."""
    if not isinstance(text, str) or not text.strip():
        raise Wrong((name,), f"{name} is {text!r}: a SELECT is needed")
    word = re.match(r"\(*\s*(\w*)", bare(text))
    if word is None or word[1].upper() not in ("SELECT", "WITH", "VALUES", "TABLE"):
        raise Wrong((name,), f"{name} has to begin with SELECT or WITH: it reads, and changes nothing")


def bare(query: str) -> str:
    """A query without the comments before it and the semicolon behind it."""
    at = 0
    while (found := _COMMENT.match(query, at)) and found.end() > at:
        at = found.end()
    return query[at:].rstrip().rstrip(";").rstrip()


def table_parts(table: Any) -> list[str]:
    """`schema.table` as its parts; as in SQL, what is not quoted is in small letters. Raises Wrong."""
    if not table:
        raise Wrong(("table",), "the table is missing: table: public.orders, or query: SELECT ...")
    parts = [one[1].replace('""', '"') if one[1] else one[2].lower() for one in _PART.finditer(str(table))]
    if _PART.sub("", str(table)).strip(".") or not 1 <= len(parts) <= 2:
        raise Wrong(
            ("table",), f"table is {table!r}: write table: orders, or schema.orders; quote a name with other signs"
        )
    return parts


def checked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a connection as values. Raises Wrong."""
    found = dict(settings)
    for name in _COUNTS:
        if not str(found[name]).isdecimal():
            raise Wrong((name,), f"{name} is {found[name]!r}: a number is needed")
        found[name] = int(found[name])
    if not 1 <= found["port"] <= 65535:
        raise Wrong(("port",), f"port is {found['port']}: allowed are 1 to 65535")
    if found["sslmode"] not in _SSL:
        raise Wrong(("sslmode",), f"sslmode is {found['sslmode']!r}: allowed are {', '.join(_SSL)}")
    return found


class Column(NamedTuple):
    """A column as the server tells of it: its type's name (`_int4`: an array of `int4`), and precision and scale in one
    number. `text`: whether the driver gives values of an unknown type as text, which it does with enumerations."""

    name: str
    native: str
    modifier: int = -1
    text: bool = False


_SAME = {
    "int2", "int4", "int8", "float4", "float8", "bool", "text", "varchar", "bpchar", "name", "bytea", "date", "timestamp",
    "timestamptz", "time", "interval", "json", "jsonb", "uuid",
}  # fmt: skip
# Others arrive as text: numbers too, which the server writes in a third of the time that the driver takes to read them.
_OTHERS = {"oid": "int8", "money": "numeric::text"}


def token_query(definition: Mapping[str, Any], schema: str) -> str:
    """SQL whose answer is equal as long as no transaction has ended that might have changed a table, NULL where more than
    tables may be read: views, foreign tables and policies can hold anything, the time of day included."""
    table = literal(relation(definition, schema))
    return (
        f"WITH RECURSIVE parts AS (SELECT to_regclass({table})::oid AS oid UNION SELECT inhrelid FROM pg_inherits "
        "JOIN parts ON inhparent = parts.oid) SELECT CASE WHEN bool_and(relkind IN ('r', 'p', 'm') AND NOT relrowsecurity) "
        "THEN pg_postmaster_start_time()::text || ' ' || txid_current_snapshot()::text END FROM parts JOIN pg_class USING (oid)"
    )


# What there is to read, a row for each column: schema, table, column, type.
TABLES = """
    SELECT nspname::text, relname::text, attname::text, format_type(atttypid, atttypmod)
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace JOIN pg_attribute ON attrelid = c.oid
    WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND attnum > 0 AND NOT attisdropped AND NOT relispartition
    AND nspname !~ '^pg_' AND nspname <> 'information_schema' AND has_schema_privilege(n.oid, 'USAGE')
    ORDER BY nspname, relname, attnum
    """


def relation(definition: Mapping[str, Any], schema: str) -> str:
    """What rows are read from, for a FROM."""
    if "query" in definition:
        return f"({definition['query']}\n) AS q"
    parts = definition["table"]
    return ".".join(map(quoted, parts if len(parts) == 2 else (schema, *parts)))


def statement(relation: str, columns: Sequence[Column], window: tuple[str, str, str] | None) -> str:
    """The SQL for the server; `window` is a column of time and the bounds of an interval, in UTC."""
    where = f" WHERE {_within(columns, *window)}" if window else ""
    return f"SELECT {', '.join(map(_selected, columns))} FROM {relation}{where}"


def _selected(column: Column) -> str:
    name, native = quoted(column.name), column.native
    if native.startswith("_") and (native[1:] in (*_SAME, "numeric") or column.text):
        # The driver would give an array of arrays as one list: the server refuses this, and so says it.
        return f"CASE WHEN array_ndims({name}) > 1 THEN array_append({name}, NULL) ELSE {name} END AS {name}"
    if native in _SAME or column.text:
        return name
    return f"{name}::{_OTHERS.get(native, 'text')} AS {name}"


def _within(columns: Sequence[Column], time: str, start: str, end: str) -> str:
    found = next((column for column in columns if column.name.lower() == time.lower()), None)
    name, native = (quoted(found.name), found.native) if found else (quoted(time), "")
    word = "TIMESTAMPTZ" if native == "timestamptz" else "TIMESTAMP"
    value = name if native in ("date", "timestamp", "timestamptz") else f"CAST({name} AS timestamp)"
    first, last = (f"{word} {literal(bound.replace('T', ' ').replace('Z', '+00'))}" for bound in (start, end))
    return f"{value} >= {first} AND {value} < {last}"


def typed(column: Column) -> str | None:
    """The DuckDB type that the values of a column are cast to; None where they arrive in theirs."""
    native = column.native.removeprefix("_")
    if native not in ("numeric", "money"):
        return None
    return decimal(column.modifier) + ("[]" if column.native.startswith("_") else "")


def decimal(modifier: int) -> str:
    """`numeric(10,2)` as DECIMAL(10,2); what DECIMAL cannot hold stays text."""
    if modifier < 4:
        return "DECIMAL(38,9)"
    precision, scale = (modifier - 4) >> 16, ((modifier - 4) & 0x7FF ^ 1024) - 1024
    return f"DECIMAL({precision},{scale})" if 0 <= scale <= precision <= 38 else "VARCHAR"


def value(column: Column) -> str:
    """DuckDB's expression for a value of a column that arrived, in its own type."""
    name = quoted(column.name)
    if column.native in _ENDLESS:
        type_, count, later, earlier = _ENDLESS[column.native]
        ends = f"WHEN {later} THEN {type_} 'infinity' WHEN {earlier} THEN {type_} '-infinity'"
        return f"CASE {count.format(name)} {ends} ELSE {name} END"
    return name


def refused(column: Column) -> tuple[str, str]:
    """Which values a table would not keep as they are, as a condition, and why; nothing where it keeps all."""
    name = quoted(column.name)
    if column.native == "interval":
        why = f"has an interval with microseconds, which a table cannot keep (say columns: {{{column.name}: VARCHAR}})"
        return f"microsecond({name}) % 1000 <> 0", why
    if typed(column) == "DECIMAL(38,9)" and column.modifier < 0:
        why = f"has a value that DECIMAL(38,9) would round (say columns: {{{column.name}: DOUBLE}})"
        return f"regexp_matches({name}, '{_LONGER}')", why
    if typed(column) == "DECIMAL(38,9)[]":
        why = f"has a value that DECIMAL(38,9) would round (say columns: {{{column.name}: 'DOUBLE[]'}})"
        return f"len(list_filter({name}, lambda x: regexp_matches(x, '{_LONGER}'))) > 0", why
    return "", ""


_LONGER = "[.][0-9]{9}[0-9]*[1-9]"


# What the driver makes of the server's infinity: its count of days or microseconds, moved from 2000 to 1970.
_MICROSECONDS = ("epoch_us({})", -(2**63) + 946684799999999, -(2**63) + 946684800000000)
_ENDLESS = {
    "date": ("DATE", "{} - DATE '1970-01-01'", -(2**31) + 10956, -(2**31) + 10957),
    "timestamp": ("TIMESTAMP", *_MICROSECONDS),
    "timestamptz": ("TIMESTAMPTZ", *_MICROSECONDS),
}

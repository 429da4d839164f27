"""Tables of PostgreSQL as SQL: which type a column gets, whether a table that is there can take it, and every statement.

Decides what is refused. Pure: the writer beside it runs what this says.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import NamedTuple

from seeknal.drivers import Failed
from seeknal.model.lowering import literal
from seeknal.writers import Chunk, Order

RECORDS = "seeknal_materializations"
STAGE = "seeknal_stage"
_LONGEST = 63

# DuckDB's type -> the type there (as format_type spells it), and the expression by which it travels where it is not itself.
_TYPES = {
    "BOOLEAN": ("boolean", ""),
    "TINYINT": ("smallint", "SMALLINT"),
    "SMALLINT": ("smallint", ""),
    "INTEGER": ("integer", ""),
    "BIGINT": ("bigint", ""),
    "UTINYINT": ("smallint", "SMALLINT"),
    "USMALLINT": ("integer", "INTEGER"),
    "UINTEGER": ("bigint", "BIGINT"),
    "UBIGINT": ("numeric(20,0)", "VARCHAR"),
    "HUGEINT": ("numeric(39,0)", "VARCHAR"),
    "UHUGEINT": ("numeric(39,0)", "VARCHAR"),
    "FLOAT": ("real", ""),
    "DOUBLE": ("double precision", ""),
    "VARCHAR": ("text", ""),
    "BLOB": ("bytea", ""),
    "DATE": ("date", ""),
    "TIME": ("time without time zone", ""),
    "TIMESTAMP": ("timestamp without time zone", ""),
    "TIMESTAMP_S": ("timestamp without time zone", "TIMESTAMP"),
    "TIMESTAMP_MS": ("timestamp without time zone", "TIMESTAMP"),
    "TIMESTAMP_NS": ("timestamp without time zone", "TIMESTAMP"),
    "TIMESTAMP WITH TIME ZONE": ("timestamp with time zone", ""),
    "INTERVAL": ("interval", "VARCHAR"),
    "UUID": ("uuid", "VARCHAR"),
    "JSON": ("jsonb", "VARCHAR"),
}
_DECIMAL = re.compile(r"(?:DECIMAL|numeric)\((\d+),(\d+)\)")
_DIGITS = {"smallint": 5, "integer": 10, "bigint": 19}
_WIDER = {
    "smallint": ("integer", "bigint", "real", "double precision"),
    "integer": ("bigint", "double precision"),
    "real": ("double precision",),
    "date": ("timestamp without time zone",),
    "text": ("character varying",),
    "uuid": ("text", "character varying"),
    "jsonb": ("json", "text"),
}


class There(NamedTuple):
    """A column of a table that is there; `required`: every row has to give it a value."""

    name: str
    type: str
    required: bool


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return f'"{name.replace(chr(34), chr(34) * 2)}"'


def where(order: Order) -> str:
    """The table as SQL names it."""
    return f"{quoted(order.schema)}.{quoted(order.table)}"


def records(order: Order) -> str:
    """The table with the record of what is written in this schema."""
    return f"{quoted(order.schema)}.{RECORDS}"


def type_there(type_: str) -> str:
    """The type that a column of this type gets."""
    found = _DECIMAL.fullmatch(type_)
    if found:
        return f"numeric({found[1]},{found[2]})"
    if type_.endswith("[]") and not type_[:-2].endswith("]"):
        inner = _TYPES.get(type_[:-2], ("", ""))
        return f"{inner[0]}[]" if inner[0] and not inner[1] else "jsonb"
    return _TYPES[type_][0] if type_ in _TYPES else "text" if type_.startswith("ENUM(") else "jsonb"


def travelling(name: str, type_: str, endless: Container[str]) -> str:
    """DuckDB's expression by which a column travels."""
    column = quoted(name)
    if name in endless:
        return f"replace(CAST({column} AS VARCHAR), '(BC)', 'BC') AS {column}"
    if type_ in _TYPES:
        cast = _TYPES[type_][1]
        return f"CAST({column} AS {cast}) AS {column}" if cast else column
    if type_.startswith("ENUM("):
        return f"CAST({column} AS VARCHAR) AS {column}"
    return f"CAST(to_json({column}) AS VARCHAR) AS {column}" if type_there(type_) == "jsonb" else column


def check_names(order: Order) -> None:
    """Raise Failed for names that would be cut off there."""
    for name in (order.table, order.schema, *(name for name, _ in order.columns)):
        if len(name.encode()) > _LONGEST:
            text = f"the name {name!r} is longer than {_LONGEST} bytes, which PostgreSQL would cut off"
            raise Failed(text, "name_too_long", "give it a shorter name")


def holds(there: str, here: str) -> bool:
    """Whether a column of the type `there` can keep every value of the type `here`."""
    if there == here or there in _WIDER.get(here, ()):
        return True
    if there == "numeric":
        return here in _DIGITS or here.startswith("numeric")
    large, small = _DECIMAL.fullmatch(there), _DECIMAL.fullmatch(here)
    if not large:
        return False
    whole, parts = int(large[1]) - int(large[2]), int(large[2])
    if small:
        return whole >= int(small[1]) - int(small[2]) and parts >= int(small[2])
    return here in _DIGITS and whole >= _DIGITS[here]


def changed(order: Order, there: Sequence[There], known: Sequence[str]) -> list[str] | None:
    """Statements that fit a table to what is ordered; None where it has to be made anew. `known` are the columns that were
    written last. Raises Failed with what to do where neither may be."""
    here = {name: type_there(type_) for name, type_ in order.columns}
    have = {column.name: column for column in there}
    missing = [name for name in here if name not in have]
    ours = [name for name in have if name not in here and name in known]
    wrong = [name for name, type_ in here.items() if name in have and not holds(have[name].type, type_)]
    if order.mode == "full" and order.create and (missing or ours or wrong):
        return None
    for name in wrong:
        text = f"the column {name} is {have[name].type} there, and {here[name]} here"
        raise Failed(text, "type_wrong", f"ALTER TABLE {where(order)} ALTER COLUMN {quoted(name)} TYPE {here[name]}")
    for column in there:
        if column.required and column.name not in here:
            text = f"the column {column.name} there needs a value in every row, and the node has no such column"
            raise Failed(text, "column_required", "give it a default there, or add it to the node")
    if missing and not order.create:
        text = f"the table there has no column {', '.join(missing)}"
        raise Failed(text, "column_missing", "add it there, or say create_table: true")
    return [f"ALTER TABLE {where(order)} ADD COLUMN {quoted(name)} {here[name]}" for name in missing]


def made(order: Order) -> str:
    """The table with the columns that are ordered."""
    columns = ", ".join(f"{quoted(name)} {type_there(type_)}" for name, type_ in order.columns)
    return f"CREATE TABLE {where(order)} ({columns})"


def dropped(order: Order) -> str:
    """Remove the table; with what depends on it only if that was said."""
    return f"DROP TABLE {where(order)}{' CASCADE' if order.cascade else ''}"


def inserted(order: Order) -> str:
    """Every staged row into the table."""
    names = ", ".join(quoted(name) for name, _ in order.columns)
    values = ", ".join(f"{quoted(name)}::{type_there(type_)}" for name, type_ in order.columns)
    return f"INSERT INTO {where(order)} ({names}) SELECT {values} FROM {STAGE}"


def cleared(order: Order, chunks: Sequence[Chunk], gone: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    """Remove the rows that the staged ones take the place of; `gone` are intervals that are no more."""
    table, time = where(order), quoted(order.time_column)
    if order.mode == "full":
        yield f"DELETE FROM {table}"
    elif order.mode == "upsert_by_key":
        types = dict(order.columns)
        same = " AND ".join(f"t.{quoted(k)} = s.{quoted(k)}::{type_there(types[k])}" for k in order.unique_keys)
        yield f"DELETE FROM {table} t USING {STAGE} s WHERE {same}"
    elif order.mode == "incremental_by_time" and chunks[:1] and not chunks[0].label:
        type_ = type_there(dict(order.columns)[order.time_column])
        least = f"(SELECT min({time}) FROM {STAGE})::{type_} - INTERVAL '{order.lookback} days'"
        yield f"DELETE FROM {table} WHERE {time} >= {least}"
    elif order.mode == "incremental_by_time":
        for start, end in (*gone.values(), *((chunk.start, chunk.end) for chunk in chunks)):
            yield f"DELETE FROM {table} WHERE {_within(time, start, end)}"


def _within(time: str, start: str, end: str) -> str:
    if not end:
        return f"{time} IS NULL OR {time} < '1000-01-01' OR {time} >= '9999-01-01'"
    return f"{time} >= {literal(start)} AND {time} < {literal(end)}"


def faults(order: Order) -> Iterator[tuple[str, str, str]]:
    """What must not be in the staged rows: a query that finds one, what that means, what to do."""
    if order.mode == "upsert_by_key":
        keys = ", ".join(quoted(name) for name in order.unique_keys)
        shown = " || ', ' || ".join(f"{quoted(name)}::text" for name in order.unique_keys)
        empty = " OR ".join(f"{quoted(name)} IS NULL" for name in order.unique_keys)
        named = ", ".join(order.unique_keys)
        yield f"SELECT 1 FROM {STAGE} WHERE {empty} LIMIT 1", f"a row has no value for {named}", "leave such rows out"
        twice = f"SELECT {shown} FROM {STAGE} GROUP BY {keys} HAVING count(*) > 1 LIMIT 1"
        yield twice, f"two rows have the same {named}", "one row for each key is needed"
    if order.mode == "incremental_by_time" and order.chunks[:1] and not order.chunks[0].label:
        empty = f"SELECT 1 FROM {STAGE} WHERE {quoted(order.time_column)} IS NULL LIMIT 1"
        yield (
            empty,
            f"a row has no {order.time_column}",
            "leave such rows out: they would be there twice after the next write",
        )


def recorded(order: Order) -> str:
    """What is known of the table: part, key, interval, the table's own number, and the columns that were written."""
    return (
        f"SELECT part, key, part_start, part_end, table_number::text, columns FROM {records(order)} "
        f"WHERE table_name = {literal(order.table)}"
    )


def record_made(order: Order) -> str:
    """The table with the record."""
    return (
        f"CREATE TABLE IF NOT EXISTS {records(order)} (table_name text NOT NULL, part text NOT NULL, key text NOT NULL, "
        "part_start text NOT NULL, part_end text NOT NULL, table_number bigint NOT NULL, columns text NOT NULL, "
        "node text NOT NULL, run text NOT NULL, written_at timestamptz NOT NULL DEFAULT now(), "
        "PRIMARY KEY (table_name, part))"
    )


def noted(order: Order, chunks: Sequence[Chunk], gone: Sequence[str]) -> Iterator[str]:
    """The record of what the table holds after this write."""
    name = literal(order.table)
    if gone:
        yield f"DELETE FROM {records(order)} WHERE table_name = {name} AND part IN ({', '.join(map(literal, gone))})"
    entries = [("", order.key, "", ""), *((c.label, c.digest, c.start, c.end) for c in chunks if c.label)]
    number = f"{literal(where(order))}::regclass::oid::bigint"
    columns = literal("\n".join(column for column, _ in order.columns))
    for i in range(0, len(entries), 500):
        rows = ", ".join(
            f"({name}, {', '.join(map(literal, entry))}, {number}, {columns}, {literal(order.node)}, {literal(order.run)})"
            for entry in entries[i : i + 500]
        )
        yield (
            f"INSERT INTO {records(order)} (table_name, part, key, part_start, part_end, table_number, columns, node, run) "
            f"VALUES {rows} ON CONFLICT (table_name, part) DO UPDATE SET key = excluded.key, "
            "part_start = excluded.part_start, part_end = excluded.part_end, table_number = excluded.table_number, "
            "columns = excluded.columns, node = excluded.node, run = excluded.run, written_at = now()"
        )

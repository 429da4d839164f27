"""Data of other places, read-only beside the published tables: `.connect PATH-OR-URL [AS NAME]`.

Decides what a path or URL is, by its beginning and its end. Each sort of place has one opener in `_OPENERS`: that is all
that a new one needs. An opener gives what is done with a new DuckDB before it is locked; it never keeps one open.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from seeknal.errors import UsageError
from seeknal.model.lowering import literal, path_literal, quoted
from seeknal.model.node import Schema

Run = Callable[[Callable[[Any], None], tuple[str, ...], str], list[tuple[Any, ...]]]


class Connected(NamedTuple):
    """Something that was connected: its name in SQL, how it is shown (no password), the files that it reads, its tables."""

    name: str
    shown: str
    paths: tuple[str, ...]
    attach: Callable[[Any], None]
    tables: Mapping[str, Schema]


def connect(line: str, run: Run, taken: set[str]) -> Connected:
    """What a line (`PATH-OR-URL [AS NAME]`) connects; `run` asks a new DuckDB. Raises UsageError, duckdb.Error."""
    place, name = _parted(line)
    for fits, opener in _OPENERS:
        if fits(place):
            found: Connected = opener(place, name or _name_of(place), run)
            break
    else:
        scheme = place.partition("://")[0] if "://" in place else os.path.splitext(place)[1] or place
        known = "a DuckDB file (.duckdb, .db, duckdb:PATH), .csv, .parquet or .json"
        raise UsageError(f"{scheme} cannot be connected here: {known} can", reason="unknown_connection")
    if found.name.lower() in taken:
        hint = f".connect {found.shown} AS another_name"
        raise UsageError(f"the name {found.name} is taken", reason="name_taken", hint=hint)
    return found


def _parted(line: str) -> tuple[str, str]:
    found = re.fullmatch(r"(.+?)(?:\s+AS\s+([^\W\d]\w*))?\s*;?", line.strip(), re.IGNORECASE)
    if not found:
        raise UsageError(
            "say what: .connect FILE.duckdb, or .connect FILE.parquet AS name", reason="unknown_connection"
        )
    return found[1].strip("'\""), found[2] or ""


def _name_of(place: str) -> str:
    """The name that a path says."""
    stem = os.path.splitext(os.path.basename(place.partition(":")[2] or place))[0]
    word = re.sub(r"\W", "_", stem)
    return f"_{word}" if not word or word[0].isdigit() else word


def _file(place: str) -> str:
    path = os.path.abspath(os.path.expanduser(place))
    if not os.path.isfile(path):
        raise UsageError(f"there is no file {path}", reason="no_file")
    return path


def _ending(*endings: str) -> Callable[[str], bool]:
    return lambda place: "://" not in place and place.lower().endswith(endings)


def _is_duckdb(place: str) -> bool:
    return place.lower().startswith("duckdb:") or _ending(".duckdb", ".db", ".ddb")(place)


def _duckdb(place: str, name: str, run: Run) -> Connected:
    path = _file(re.sub(r"(?i)^duckdb:(//)?", "", place))
    sql = f"ATTACH {literal(path)} AS {quoted(name)} (TYPE duckdb, READ_ONLY)"

    def attach(con: Any) -> None:
        con.execute(sql)

    columns = "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = "
    tables: dict[str, list[tuple[str, str]]] = {}
    for schema, table, column, type_ in run(
        attach, (path,), f"{columns}{literal(name)} ORDER BY schema_name, table_name, column_index"
    ):
        full = f"{name}.{table}" if schema == "main" else f"{name}.{schema}.{table}"
        tables.setdefault(full, []).append((column, type_))
    return Connected(name, path, (path,), attach, {table: tuple(columns) for table, columns in tables.items()})


def _table(function: str) -> Callable[[str, str, Run], Connected]:
    def opener(place: str, name: str, run: Run) -> Connected:
        path = _file(place)
        sql = f"CREATE VIEW {quoted(name)} AS FROM {function}({path_literal(path)})"

        def attach(con: Any) -> None:
            con.execute(sql)

        columns = run(attach, (path,), f"DESCRIBE {quoted(name)}")
        return Connected(name, path, (path,), attach, {name: tuple((column[0], column[1]) for column in columns)})

    return opener


# What fits a place, and what opens it; PostgreSQL and other servers belong here.
_OPENERS: tuple[tuple[Callable[[str], bool], Callable[[str, str, Run], Connected]], ...] = (
    (_is_duckdb, _duckdb),
    (_ending(".parquet"), _table("read_parquet")),
    (_ending(".csv", ".tsv", ".csv.gz"), _table("read_csv")),
    (_ending(".json", ".jsonl", ".ndjson"), _table("read_json_auto")),
)

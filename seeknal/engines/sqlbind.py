"""What a parsed query gives and reads, by planning it over empty tables: no data is touched and nothing is run.

Only projection pruning is left on in the planner, so that the plan's scans name exactly the columns that the result can
depend on, whatever the data. Wherever a plan leaves doubt (a function of types, an unknown operator, a strange name) the
answer is "all columns". The optimizer setting belongs to the whole database: a connection for planning has a database of
its own (`planner`), never the one that builds.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from seeknal.errors import nearest
from seeknal.model.lowering import quoted
from seeknal.model.sqlclock import KEYWORDS, shadows
from seeknal.model.sqltree import RELATION, SqlWrong, column, each, relation_name

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Schema = Sequence[tuple[str, str]]
_KEPT = ("unused_columns", "cte_inlining")
_SCAN = re.compile(rf"(?:.*\.)?{RELATION}(\d+)")
_OF_TYPES = re.compile(r'\b(typeof|pg_typeof|get_type|can_cast_implicitly)"?\s*\(', re.IGNORECASE)
_ROWID = re.compile(r"\browid\b", re.IGNORECASE)
_WORDS = re.compile(rf"\b({'|'.join(KEYWORDS)})\b", re.IGNORECASE)
_NO_COLUMN = re.compile(r'Referenced column "(.+?)" (?:was )?not found|does not have a column named "(.+?)"')
_MENTION = re.compile(rf"{RELATION}(\d+)")


@dataclass(frozen=True, slots=True)
class Bound:
    """The output columns, and for each relation the columns it is read for: none but its row count (), or all (None)."""

    columns: tuple[tuple[str, str], ...]
    reads: tuple[tuple[str, ...] | None, ...]


def planner() -> DuckDBPyConnection:
    """A connection for `parse_query` and `bind`, with an empty database of its own."""
    import duckdb

    con = duckdb.connect(config={"threads": 1})
    prepare(con)
    return con


def prepare(con: DuckDBPyConnection) -> None:
    """Make the database of `con` one that is only planned in: once, before the first `bind`."""
    names = [str(row[0]) for row in con.execute("SELECT name FROM duckdb_optimizers()").fetchall()]
    off = ",".join(name for name in names if name not in _KEPT)
    # Files that a query names are looked at as they are now, however long the instance lives.
    con.execute(
        "SET GLOBAL TimeZone = 'UTC'; SET GLOBAL enable_external_file_cache = false; "
        f"SET GLOBAL python_enable_replacements = false; SET GLOBAL disabled_optimizers = '{off}'"
    )


def bind(
    con: DuckDBPyConnection, text: str, relations: Sequence[str], schemas: Sequence[Schema], keywords: frozenset[str]
) -> Bound:
    """Plan `text`, in which relation `i` has the columns `schemas[i]`; `keywords` were taken for the clock."""
    import duckdb

    if len(schemas) != len(relations):
        raise ValueError(f"{len(relations)} relations, {len(schemas)} schemas")
    try:
        _lay(con, schemas)
        if _ROWID.search(text):
            _without_rowid(con, text, schemas)
        relation = con.sql(text)
        columns = tuple(zip(relation.columns, map(str, relation.types), strict=True))
        row = con.execute(f"EXPLAIN (FORMAT JSON) {text}").fetchone()
    except duckdb.Error as error:
        raise _explained(str(error), relations, schemas) from error
    _clock_is_clock(con, text, schemas, keywords)
    distinct_names(columns)
    assert row is not None
    return Bound(columns, _reads(json.loads(row[1]), text, schemas))


# The empty tables that lie on a connection already, by the number of their relation: many nodes have the same columns.
# Canonical text names no relation but its own, so those of an earlier query do not matter.
_LAID: WeakKeyDictionary[DuckDBPyConnection, dict[int, Schema]] = WeakKeyDictionary()


def _lay(con: DuckDBPyConnection, schemas: Sequence[Schema]) -> None:
    """See to it that relation `i` is an empty table with the columns `schemas[i]`."""
    laid = _LAID.setdefault(con, {})
    changed = {i: schema for i, schema in enumerate(schemas) if laid.get(i) != schema}
    for i in changed:
        laid.pop(i, None)
    if changed:
        con.execute(_tables(changed))
        laid.update(changed)


def _tables(schemas: Mapping[int, Schema]) -> str:
    return "".join(
        f"CREATE OR REPLACE TEMP TABLE {relation_name(i)}({_typed(schema)});" for i, schema in schemas.items()
    )


def _typed(schema: Schema) -> str:
    return ", ".join(f"{quoted(name)} {type_}" for name, type_ in schema)


def _without_rowid(con: DuckDBPyConnection, text: str, schemas: Sequence[Schema]) -> None:
    """Bind over views once: a table has a pseudo-column `rowid`, the views of a build have none."""
    con.execute("BEGIN")
    try:
        for i, name in enumerate(map(relation_name, range(len(schemas)))):
            con.execute(f"ALTER TABLE {name} RENAME TO {RELATION}able{i}")
            con.execute(f"CREATE TEMP VIEW {name} AS FROM {RELATION}able{i}")
        con.sql(text)
    finally:
        con.execute("ROLLBACK")


def _clock_is_clock(con: DuckDBPyConnection, text: str, schemas: Sequence[Schema], keywords: frozenset[str]) -> None:
    """Refuse a query where a clock keyword is a column here and may be the clock there."""
    columns = shadows([pair for schema in schemas for pair in schema])
    wrong = sorted(columns & keywords) or (_unsure(con, text, schemas) if columns and _WORDS.search(text) else [])
    if wrong:
        hint = "qualify the column with its table, or write today(), now() for the clock"
        raise SqlWrong(f"{wrong[0]} may be a column or the clock", reason="sql_ambiguous_clock", hint=hint)


def _unsure(con: DuckDBPyConnection, text: str, schemas: Sequence[Schema]) -> list[str]:
    """The keywords in `text` that are not columns everywhere: under another name, a column still binds, the clock not."""
    import duckdb

    renamed = [[(_other(name), type_) for name, type_ in schema] for schema in schemas]
    found = sorted({part.lower() for part in _bare(con, text)} & KEYWORDS.keys())
    try:
        con.execute(f"BEGIN; {_tables(dict(enumerate(renamed)))}")
        con.sql(_WORDS.sub(lambda word: _other(word[0]), text))
    except duckdb.Error:
        return found
    finally:
        con.execute("ROLLBACK")
    return []


def _bare(con: DuckDBPyConnection, text: str) -> Iterator[str]:
    row = con.execute("SELECT json_serialize_sql(?)", [text]).fetchone()
    for node in each(json.loads(row[0]) if row else {}):
        yield from column(node) if len(column(node)) == 1 else ()


def _other(name: str) -> str:
    return f"seeknal_{name}" if name.lower() in KEYWORDS else name


def distinct_names(columns: Sequence[tuple[str, str]]) -> None:
    """Refuse two columns of one name: upper and lower case do not count."""
    twice = [name for name, count in Counter(name.lower() for name, _ in columns).items() if count > 1]
    if twice:
        hint = "give one of them another name with AS, or leave it out with EXCLUDE"
        raise SqlWrong(f"two columns of the result are called {twice[0]}", reason="sql_duplicate_column", hint=hint)


def _reads(plan: Any, text: str, schemas: Sequence[Schema]) -> tuple[tuple[str, ...] | None, ...]:
    scans: dict[int, list[Any]] = {}
    for node in each(plan):
        info = node.get("extra_info")
        table = _SCAN.fullmatch(str(info.get("Table", "")).replace('"', "")) if isinstance(info, dict) else None
        if table:
            scans.setdefault(int(table[1]), []).append(info)
    doubt = bool(_OF_TYPES.search(text)) or any(node.get("name") == "EMPTY_RESULT" for node in each(plan))
    return tuple(None if doubt else _read(scans.get(i, []), schema) for i, schema in enumerate(schemas))


def _read(scans: Sequence[Any], schema: Schema) -> tuple[str, ...] | None:
    """The columns of one relation that its scans name, in the order of the schema."""
    names = [name for name, _ in schema]
    found: set[str] = set()
    for info in scans:
        listed = info.get("Projections")
        projected = [listed] if isinstance(listed, str) and listed else listed or []
        known = [{name for name in names if one == name or one.startswith(name + ".")} for one in projected]
        if not all(known) or "Projections" not in info or "Filters" in info or any("\n" in name for name in names):
            return None
        found.update(*known)
    return tuple(name for name in names if name in found)


def _explained(error: str, relations: Sequence[str], schemas: Sequence[Schema]) -> SqlWrong:
    """DuckDB's error in the words of the project: the first line, inputs by their names, the nearest column."""
    first = error.partition("\n")[0]
    message = _MENTION.sub(lambda m: relations[int(m[1])] if int(m[1]) < len(relations) else m[0], first)
    missing = _NO_COLUMN.search(first)
    if missing:
        name = missing[1] or missing[2]
        lacking = ", ".join(dict.fromkeys(relations)) or "the query"
        known = nearest(name, [column for schema in schemas for column, _ in schema])
        return SqlWrong(message, reason="sql_unknown_column", hint=f"no column {name} in {lacking}{known}")
    word = "sql_unknown_table" if "Table with name" in first else "sql_wrong"
    return SqlWrong(message, reason=word)

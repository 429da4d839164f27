"""The commands that begin with a dot: what each says. `.quit` and `.save` are the shell's own business.

Decides what is listed and how; a command gives lines, and what it changes of the shell.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import duckdb

from seeknal.build.rows import FORMATS
from seeknal.errors import UsageError, nearest
from seeknal.model.digest import short
from seeknal.repl.connect import connect
from seeknal.repl.fit import table
from seeknal.repl.tables import Tables
from seeknal.repl.wrong import told

Said = tuple[list[str], Mapping[str, Any]]


class Command(NamedTuple):
    """How a command is written, what it does, and what does it."""

    usage: str
    about: str
    run: Callable[[Tables, str], Said] | None = None


def obey(tables: Tables, word: str, argument: str) -> Said:
    """Do what a command says. Raises UsageError."""
    command = COMMANDS.get(word)
    if command is None or command.run is None:
        raise UsageError(f"there is no command {word}{nearest(word, COMMANDS)}: see .help", reason="unknown_command")
    return command.run(tables, argument)


def banner(tables: Tables, version: str) -> list[str]:
    """What a person is told at the beginning."""
    session, environment = tables.session, tables.session.request.environment
    generation = session.generation
    if generation is None:
        return [f"seeknal {version}: nothing is published in {environment} yet: seeknal run"]
    when = generation.created[:16].replace("T", " ")
    then = ", as it was then" if tables.pinned else ""
    digest = short(session.base or session.production or "")
    whose = environment if session.base else f"{environment}, which shows what prod has"
    return [
        f"seeknal {version}: {whose}, generation {digest} of {when}{then}, read-only",
        f"{len(tables.listed())} tables: .tables lists them, .help the commands; a statement ends with ;",
    ]


def _tables(tables: Tables, pattern: str) -> Said:
    rows = [(t.name, t.rows, t.columns) for t in tables.listed() if _matches(t.name, pattern)]
    more = [(name, None, len(schema)) for name, schema in _connected(tables) if _matches(name, pattern)]
    if not rows and not more:
        return [f"no table is like {pattern}" if pattern else "nothing is published"], {}
    return table((("table", ""), ("rows", "BIGINT"), ("columns", "BIGINT")), _counted([*rows, *more]), None).lines, {}


def _counted(rows: Sequence[tuple[str, int | None, int]]) -> list[tuple[str, str, int]]:
    return [(name, "" if count is None else f"{count:,}", columns) for name, count, columns in rows]


def _matches(name: str, pattern: str) -> bool:
    wild = pattern if set("*?[").intersection(pattern) else f"*{pattern}*"
    return fnmatch.fnmatch(name.lower(), wild.lower())


def _connected(tables: Tables) -> list[tuple[str, Sequence[tuple[str, str]]]]:
    return [item for connected in tables.connected.values() for item in connected.tables.items()]


def _linked(tables: Tables) -> dict[str, Sequence[tuple[str, str]]]:
    found = [item for connected in tables.connected.values() for item in connected.schemas().items()]
    return {spelled.lower(): schema for spelled, schema in found}


def _schema(tables: Tables, name: str) -> Said:
    if not name:
        raise UsageError("say which table: .schema TABLE", reason="unknown_table")
    found = tables.target(name.rstrip(";"))
    head = ""
    if found:
        node, target = found
        schema, head = target.artifact.schema, f"{node}: {target.artifact.rows:,} rows"
    else:
        name = name.rstrip(";")
        tables.reach(f"DESCRIBE {name}")
        linked = _linked(tables)
        if name.lower() not in linked:
            raise UsageError(f"there is no table {name}{nearest(name, tables.schemas)}", reason="unknown_table")
        schema = tuple(linked[name.lower()])
    return [*([head] if head else []), *table((("column", ""), ("type", "")), schema, None).lines], {}


def _sources(tables: Tables, _: str) -> Said:
    rows = [(t.name, f"{t.rows:,} rows") for t in tables.listed() if t.id.startswith("source.")]
    rows += [(c.name, f"{len(c.tables)} tables of {c.shown}") for c in tables.connected.values()]
    said = {name: type_ for name, type_ in tables.offers.types().items() if name not in tables.connected}
    rows += [(name, f"a connection of the profile, {type_}: .connect {name}") for name, type_ in said.items()]
    return (table((("source", ""), ("what", "")), rows, None).lines if rows else ["there are no sources"]), {}


def _connect(tables: Tables, line: str) -> Said:
    try:
        found = connect(line, tables.asking, tables.taken(), tables.offers.settings)
    except duckdb.Error as error:
        raise UsageError(told(str(error), (), ()), reason="not_connected") from error
    tables.connect(found)
    names = sorted(found.tables)
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    return [f"connected {found.name}: {shown or 'no tables'}"], {}


def _duckdb(tables: Tables, _: str) -> Said:
    names = ", ".join(tables.connected)
    tables.connect(None)
    return [f"left {names}: only what is published is read" if names else "nothing was connected"], {}


def _format(_: Tables, word: str) -> Said:
    if word not in FORMATS:
        raise UsageError(f".format {' | '.join(FORMATS)}{nearest(word, FORMATS)}", reason="unknown_format")
    return [f"answers are shown as {word}"], {"format": word}


def _limit(_: Tables, word: str) -> Said:
    if word in ("", "none", "0"):
        return ["answers are shown whole"], {"limit": None}
    if not word.isdigit():
        raise UsageError(f".limit {word}: a number of rows, or none", reason="bad_count")
    return [f"at most {int(word):,} rows are shown"], {"limit": int(word)}


def _help(_: Tables, __: str) -> Said:
    rows = [(command.usage, command.about) for command in COMMANDS.values()]
    keys = [
        "",
        "A statement (SELECT, WITH, FROM, DESCRIBE, SUMMARIZE, PIVOT, EXPLAIN, SHOW TABLES) ends with ; or an empty line.",
        "Tables are called kind_name or kind.name. Tab completes; Ctrl-C stops a query; Ctrl-D leaves.",
    ]
    return [f"{usage:<28}{about}" for usage, about in rows] + keys, {}


COMMANDS = {
    ".tables": Command(".tables [PATTERN]", "published and connected tables", _tables),
    ".schema": Command(".schema TABLE", "columns and types", _schema),
    ".sources": Command(".sources", "the project's sources and what was connected", _sources),
    ".connect": Command(".connect PLACE [AS NAME]", "a connection, postgresql://, or a file to read too", _connect),
    ".duckdb": Command(".duckdb", "leave what was connected", _duckdb),
    ".format": Command(".format table|json|csv", "how answers are shown", _format),
    ".limit": Command(".limit N|none", "how many rows are shown", _limit),
    ".save": Command(".save FILE", "write the last answer, whole: .csv, .json or .parquet"),
    ".help": Command(".help", "this", _help),
    ".quit": Command(".quit", "leave"),
}

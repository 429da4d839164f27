"""Data of other places, read-only beside the published tables: `.connect PATH-OR-URL-OR-CONNECTION [AS NAME]`.

Decides what a path or URL is, by its beginning and its end. Each sort of place has one opener in `_OPENERS`: that is all
that a new one needs. An opener gives what is done with a new DuckDB before it is locked; it never keeps one open. What DuckDB
cannot attach by itself is a `Server`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from seeknal import connectors
from seeknal.drivers import Failed
from seeknal.errors import UsageError, withhold
from seeknal.model.lowering import literal, path_literal, quoted
from seeknal.model.node import Schema
from seeknal.repl.servers import Server, answers, failed

Run = Callable[[Callable[[Any], None], tuple[str, ...], str], list[tuple[Any, ...]]]


class Connected(NamedTuple):
    """Something that was connected: its name in SQL, how it is shown (no password), the files that it reads, its tables;
    the server that is asked for them, where DuckDB is not."""

    name: str
    shown: str
    paths: tuple[str, ...]
    attach: Callable[[Any], None]
    tables: Mapping[str, Schema]
    server: Server | None = None

    def schemas(self) -> Mapping[str, Schema]:
        """The tables by all of their names: those of a server's own schema have a shorter one."""
        start = f"{self.name}.{self.server.own}." if self.server else ""
        short = {f"{self.name}.{n[len(start) :]}": s for n, s in self.tables.items() if start and n.startswith(start)}
        return {**self.tables, **short}


def connect(
    line: str, run: Run, taken: set[str], named: Callable[[str], tuple[str, Mapping[str, Any]] | None]
) -> Connected:
    """What a line (`PLACE [AS NAME]`) connects; `run` asks a new DuckDB, `named` gives type and fields of a connection.

    Raises UsageError, ProjectError, BuildFailed, duckdb.Error.
    """
    place, name = _parted(line)
    known = named(place)
    if known:
        check_name(name or place, place, taken)
        return over(*known, name or place, run)
    for fits, opener in _OPENERS:
        if fits(place):
            name = name or _name_of(place)
            check_name(name, _shown(place), taken)
            return opener(place, name, run)
    scheme = place.partition("://")[0] if "://" in place else os.path.splitext(place)[1] or place
    sorts = "a connection of the profile, postgresql://, a DuckDB or SQLite file (duckdb:PATH, sqlite:PATH), .csv, .parquet or .json"
    raise UsageError(f"{scheme} cannot be connected here: {sorts} can", reason="unknown_connection")


def check_name(name: str, shown: str, taken: set[str]) -> None:
    """Raise UsageError for a name that something else has."""
    if name.lower() in taken:
        hint = f".connect {shown} AS another_name"
        raise UsageError(f"the name {name} is taken", reason="name_taken", hint=hint)


def over(type_: str, settings: Mapping[str, Any], name: str, run: Run) -> Connected:
    """What a connection of these fields leads to. Raises UsageError, BuildFailed, EnvironmentFailure."""
    if type_ in _ATTACHED:
        return _ATTACHED[type_](str(settings["path"]), name, run)
    if not answers(type_):
        text = f"{name} is of type {type_}, which cannot be looked into here"
        raise UsageError(text, reason="unknown_connection", hint="declare a source that reads a table of it, and run")
    server = Server(type_, settings, str(settings.get("schema", "main")))
    try:
        server.look()
    except Failed as error:
        raise failed(name, error) from error
    tables = {f"{name}.{_dotted(*found)}": table.columns for found, table in server.tables.items()}

    def attach(con: Any) -> None:
        con.execute(f"ATTACH ':memory:' AS {quoted(name)}")

    return Connected(name, _told(type_, settings), (), attach, tables, server)


def _dotted(schema: str, table: str) -> str:
    """The name of a table after that of its connection: `main` is the schema of places that have no others."""
    return table if schema == "main" else f"{schema}.{table}"


def _told(type_: str, settings: Mapping[str, Any]) -> str:
    """Where it is, without what is secret."""
    if "path" in settings:
        return str(settings["path"])
    user = f"{settings['user']}@" if settings.get("user") else ""
    port = f":{settings['port']}" if settings.get("port") else ""
    return f"{type_}://{user}{settings.get('host', '')}{port}/{settings.get('database', '')}"


def _shown(place: str) -> str:
    return re.sub(r"(://[^/@:]*):.*@", r"\1@", place).partition("?")[0] if "://" in place else place


def _parted(line: str) -> tuple[str, str]:
    found = re.fullmatch(r"(.+?)(?:\s+AS\s+([^\W\d]\w*))?\s*;?", line.strip(), re.IGNORECASE)
    if not found:
        raise UsageError(
            "say what: .connect FILE.duckdb, or .connect FILE.parquet AS name", reason="unknown_connection"
        )
    return found[1].strip("'\""), found[2] or ""


def _name_of(place: str) -> str:
    """The name that a path says."""
    place = place.partition("?")[0] if "://" in place else place
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


def _is_sqlite(place: str) -> bool:
    if place.lower().startswith("sqlite:") or _ending(".sqlite", ".sqlite3")(place):
        return True
    path = os.path.expanduser(place)
    if not _ending(".db")(place) or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def _sqlite(place: str, name: str, run: Run) -> Connected:
    return over("sqlite", {"path": _file(re.sub(r"(?i)^sqlite:(//)?", "", place))}, name, run)


def _is_postgresql(place: str) -> bool:
    return place.lower().startswith(("postgresql://", "postgres://"))


def _postgresql(place: str, name: str, run: Run) -> Connected:
    """A server by its URL. What the URL leaves out is libpq's business: PGPASSWORD, .pgpass, PGUSER and so on."""
    from seeknal.project.connections import settled

    connector: Any = connectors.get("postgresql")
    try:
        settings = settled(connector, {**connector.CONNECTION, **_parts(place)}, os.environ)
    except ValueError as error:
        raise UsageError(f"the URL is wrong: {error}", reason="unknown_connection", hint=_URL) from None
    withhold(os.environ.get("PGPASSWORD", ""))
    return over("postgresql", settings, name, run)


_URL = "write postgresql://USER@HOST:PORT/DATABASE; signs like @ : / # in a part are written as %40 %3A %2F %23"


def _parts(place: str) -> dict[str, Any]:
    """The fields that a URL says. Raises ValueError, UsageError."""
    withhold(place.partition("://")[2].rpartition("@")[0].partition(":")[2])
    wrong = ValueError("a part of it is not as it should be")
    try:
        url = urlsplit(place)
        port = url.port
    except ValueError:  # which would show a part of the URL, and that may be the password
        raise wrong from None
    if "@" in url.path + url.query or url.fragment:  # a sign of the password ended the part before the host
        raise wrong
    more = dict(parse_qsl(url.query))
    known = {name: more.pop(name) for name in connectors.get("postgresql").CONNECTION if name in more}
    if more:
        raise ValueError(f"it may not say {', '.join(sorted(more))}")
    said = {"host": url.hostname, "user": url.username, "password": url.password, "database": url.path[1:]}
    fields = {field: unquote(text or "") for field, text in said.items()}
    return {**fields, "port": port or os.environ.get("PGPORT", "5432"), **known}


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
        tables.setdefault(f"{name}.{_dotted(schema, table)}", []).append((column, type_))
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


# What DuckDB attaches by itself.
_ATTACHED = {"duckdb": _duckdb}
# What fits a place, and what opens it.
_OPENERS: tuple[tuple[Callable[[str], bool], Callable[[str, str, Run], Connected]], ...] = (
    (_is_postgresql, _postgresql),
    (_is_sqlite, _sqlite),
    (_is_duckdb, _duckdb),
    (_ending(".parquet"), _table("read_parquet")),
    (_ending(".csv", ".tsv", ".csv.gz"), _table("read_csv")),
    (_ending(".json", ".jsonl", ".ndjson"), _table("read_json_auto")),
)

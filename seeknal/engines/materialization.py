"""The engine for tables outside: a writer makes the table hold a node's rows, and the target's own rows say what was done.

Decides the action (which table, how, and all columns of the rows) and which rows are replaced together. An environment
beside `prod` writes into schemas of its own.
"""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from seeknal import connectors, writers
from seeknal.drivers import Failed
from seeknal.engines.base import File, Product, Setting
from seeknal.engines.connections import connections_of
from seeknal.engines.parquet import copy
from seeknal.errors import BuildFailed, DefinitionWrong, EnvironmentFailure, Interrupted, Problem, safe
from seeknal.model.action import Action, Artifact, Used
from seeknal.model.environment import PRODUCTION
from seeknal.model.interval import at, stamp
from seeknal.model.lowering import literal, path_literal, quoted
from seeknal.model.node import Node
from seeknal.model.plan import Prepared
from seeknal.writers import Chunk, Order, Writer

_BATCH = 100_000
_LONGEST = 63  # bytes of a name in PostgreSQL


def open_engine(setting: Setting) -> MaterializationEngine:
    """The engine for a session."""
    return MaterializationEngine(setting)


class MaterializationEngine:
    """Tables outside. Connections that are open are used again; each by one thread at a time."""

    tag = "materialization/1"

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._connections = connections_of(setting)
        self._lock = threading.Lock()
        self._free: dict[str, list[Writer]] = {}
        self._busy: list[Writer] = []
        self._closed = False

    def references(self, node: Node) -> tuple[str, ...]:
        """Nothing: the node whose rows these are is known."""
        return ()

    def prepare(self, node: Node, inputs: Mapping[str, Artifact], files: tuple[tuple[File, ...], ...]) -> Prepared:
        """The action: which table, how, and the rows. Raises DefinitionWrong."""
        rows = inputs[node.traits["behind"]]
        for name in (*node.recipe.definition.get("unique_keys", ()), node.recipe.definition.get("time_column")):
            if name is not None and name not in dict(rows.schema):
                text = f"{node.traits['behind']} has no column {name!r}, which its table {_table(node)} is written by"
                problem = Problem(node.file, node.line, text, "column_missing")
                raise DefinitionWrong(text, reason="column_missing", problem=problem)
        used = Used("table", rows.rows, rows.columns)
        return Prepared(Action(self.tag, node.recipe.definition, (used,)), {"table": node.traits["behind"]}, None)

    def astray(self, node: Node, key: str) -> str:
        """The word for why the table does not hold what was written; nothing when it does."""
        if not self._setting.connect:
            return ""
        try:
            with self._writer(node) as writer:
                return writer.held(self._order(node, key, (), ()))
        except (Failed, DefinitionWrong, EnvironmentFailure):
            return "far_unknown"

    def run(self, node: Node, prepared: Prepared, paths: Mapping[str, str], output: str) -> Product:
        """Make the table hold the rows; write what was done to `output`."""
        path = paths[node.traits["behind"]]
        con = self._connections.own()
        shown = _flat(con, path) if node.recipe.definition.get("flatten") else "*"
        columns = _described(con, f"SELECT {shown} FROM {_read((path,))}")
        order = self._order(node, prepared.action.key, columns, _chunks(node, path, prepared.action.key))
        try:
            with self._writer(node) as writer:
                wrote = writer.write(order, _Reading(self._connections.own, columns, shown))
        except Failed as failed:
            raise _failed(node, failed) from failed
        count = 0 if wrote.rows is None else wrote.rows
        note = "it was there already" if wrote.rows is None else f"wrote {count:,} rows"
        said = f"{note}{': ' if wrote.note else ''}{wrote.note} ({order.schema}.{order.table})"
        copy(con, f"SELECT {literal(_table(node))} AS destination, {literal(order.mode)} AS mode", output)
        return Product(order_counts=True, notes=(said,))

    def _order(self, node: Node, key: str, columns: tuple[tuple[str, str], ...], chunks: tuple[Chunk, ...]) -> Order:
        said = node.recipe.definition
        env = self._setting.environment
        *above, schema, table = said["table"].split(".")
        schema = schema if env == PRODUCTION else f"{env}_{schema}"
        return Order(
            schema=".".join([*above, schema]),
            table=table,
            mode=said["mode"],
            key=key,
            node=node.traits["behind"],
            run=self._setting.run_id,
            columns=columns,
            chunks=chunks,
            unique_keys=tuple(said.get("unique_keys", ())),
            time_column=said.get("time_column", ""),
            lookback=said.get("lookback", 0),
            create=said.get("create_table", True),
            cascade=said.get("cascade", False),
            own_schema=env != PRODUCTION,
        )

    # -- connections -----------------------------------------------------------------------------------------------

    def check(self, node: Node) -> None:
        """Connect. Raises DefinitionWrong."""
        if not self._setting.connect or not node.traits["enabled"]:
            return
        try:
            with self._writer(node):
                pass
        except Failed as failed:
            raise _wrong(node, failed) from failed

    @contextmanager
    def _writer(self, node: Node) -> Iterator[Writer]:
        """A connection for this thread; one that something went wrong with is not used again."""
        type_, settings = node.recipe.definition["type"], dict(self._setting.settings(node))
        if hasattr(connectors.get(type_), "placed"):
            settings = connectors.get(type_).placed(settings, self._setting.project)
        name = repr((type_, sorted(settings.items())))
        with self._lock:
            free = self._free.setdefault(name, [])
            writer = free.pop() if free else None
        try:
            writer = writer or writers.get(type_)(settings)
        except EnvironmentFailure as error:
            text = f"{node.file}:{node.line}: {node.id}: {error.message}"
            raise EnvironmentFailure(text, reason=error.reason, hint=error.hint) from error
        with self._lock:
            if self._closed:
                writer.close()
                raise Interrupted("the run was stopped")
            self._busy.append(writer)
        try:
            yield writer
        except BaseException:
            with suppress(Exception):
                writer.close()
            raise
        else:
            self._keep(writer, free)
        finally:
            with self._lock:
                self._busy.remove(writer)

    def _keep(self, writer: Writer, free: list[Writer]) -> None:
        with self._lock:
            if not self._closed:
                free.append(writer)
                return
        writer.close()

    def close(self) -> None:
        """Interrupt what runs, close what is open."""
        with self._lock:
            self._closed = True
            free = [writer for writers_ in self._free.values() for writer in writers_]
            self._free.clear()
            for writer in self._busy:
                writer.stop()
        for writer in free:
            writer.close()
        self._connections.close()


class _Reading:
    """Rows of files, as a writer asks for them."""

    def __init__(self, connect: Callable[[], Any], columns: Sequence[tuple[str, str]], shown: str) -> None:
        self._connect = connect
        self._columns = columns
        self._shown = shown

    def _table(self, chunks: Sequence[Chunk]) -> str:
        nothing = ", ".join(f"CAST(NULL AS {type_}) AS {quoted(name)}" for name, type_ in self._columns)
        if not chunks:
            return f"(SELECT {nothing} WHERE false)"
        return f"(SELECT {self._shown} FROM {_read([chunk.path for chunk in chunks])})"

    def endless(self, chunks: Sequence[Chunk]) -> frozenset[str]:
        """Columns that have infinity among their dates and times."""
        dated = [name for name, type_ in self._columns if type_.startswith(("DATE", "TIMESTAMP"))]
        if not dated or not chunks:
            return frozenset()
        shown = ", ".join(f"coalesce(bool_or(isinf({quoted(name)})), false)" for name in dated)
        (found,) = self._connect().execute(f"SELECT {shown} FROM {self._table(chunks)}").fetchall()
        return frozenset(name for name, endless in zip(dated, found, strict=True) if endless)

    def rows(self, chunks: Sequence[Chunk], expressions: Sequence[str]) -> Any:
        """An Arrow stream."""
        cursor = self._connect().cursor()  # one of its own: a stream that is broken off leaves it busy
        return cursor.sql(f"SELECT {', '.join(expressions)} FROM {self._table(chunks)}").to_arrow_reader(_BATCH)


def _table(node: Node) -> str:
    return str(node.recipe.definition["table"])


def _read(paths: Sequence[str]) -> str:
    found = [os.path.join(path, "*.parquet") if os.path.isdir(path) else path for path in paths]
    listed = ", ".join(literal(path) if path.endswith("*.parquet") else path_literal(path) for path in found)
    return f"read_parquet([{listed}])"


def _described(con: Any, query: str) -> tuple[tuple[str, str], ...]:
    return tuple((str(row[0]), str(row[1])) for row in con.execute(f"DESCRIBE {query}").fetchall())


def _flat(con: Any, path: str) -> str:
    """Every field of a struct as a column `struct__field`, the name shortened as the existing tool does it."""
    shown = []
    for name, type_ in _described(con, f"SELECT * FROM {_read((path,))}"):
        if not type_.startswith("STRUCT("):
            shown.append(quoted(name))
            continue
        fields = _described(con, f"SELECT {quoted(name)}.* FROM {_read((path,))}")
        shown += [f"{quoted(name)}.{quoted(field)} AS {quoted(_short(f'{name}__{field}'))}" for field, _ in fields]
    return ", ".join(shown)


def _short(name: str) -> str:
    """A name of at most 63 bytes; what is cut off is told apart by its CRC-32."""
    data = name.encode()
    if len(data) <= _LONGEST:
        return name
    return f"{data[: _LONGEST - 9].decode(errors='ignore')}_{zlib.crc32(data):08x}"


def _chunks(node: Node, path: str, key: str) -> tuple[Chunk, ...]:
    """The rows by interval, where the table is written so; else all as one."""
    unit = node.recipe.definition.get("unit")
    if unit is None or not os.path.isdir(path):
        return (Chunk("", key, path),)
    return tuple(_chunk(os.path.join(path, name), unit) for name in sorted(os.listdir(path)))


def _chunk(path: str, unit: str) -> Chunk:
    """One file of a folder of parts: its name is the start of its interval, its digest that of the blob it leads to."""
    digest = "".join(os.path.realpath(path).split(os.sep)[-2:])
    stem = os.path.basename(path).removesuffix(".parquet")
    if stem == "unknown":
        return Chunk("unknown", digest, path)
    interval = at(datetime.strptime(stem, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC), unit)
    return Chunk(stamp(interval.start), digest, path, stamp(interval.start), stamp(interval.end))


# What another try may mend, where anything else stays wrong.
_PASSING = ("no_answer", "connection_lost", "query_cancelled")


def _failed(node: Node, failed: Failed) -> DefinitionWrong | BuildFailed:
    wrong = _wrong(node, failed)
    if failed.reason in _PASSING:
        return BuildFailed(wrong.message, reason=wrong.reason, hint=wrong.hint)
    return wrong


def _wrong(node: Node, failed: Failed) -> DefinitionWrong:
    name = node.recipe.definition.get("connection")
    where = f" (connection {name})" if name else ""
    text = f"{node.traits.get('beside', node.id)}: its table {_table(node)}{where}: {safe(failed.message)}"
    problem = Problem(node.file, node.line, text, failed.reason)
    return DefinitionWrong(text, reason=failed.reason, hint=failed.hint, problem=problem)

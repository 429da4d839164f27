"""The engine for what is read over a connection: a driver streams the rows, DuckDB gives them their types and writes them.

Decides the action of such a source: what is asked, the place that its connection leads to and, where something tells, what
the data is known by. Never who or what: no host, no user and no password is in a key.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import duckdb

from seeknal.drivers import Changed, Failed, Far, Rows, Window
from seeknal.engines.arriving import STREAM, check_columns, failed_at, passing, query_over, unread, wrong
from seeknal.engines.base import File, Product, Setting
from seeknal.engines.batches import Batches
from seeknal.engines.connections import connections_of
from seeknal.engines.duckdb import TAG
from seeknal.engines.parquet import copy
from seeknal.engines.places import Places
from seeknal.engines.sqlwrite import rewritten
from seeknal.errors import Outdated
from seeknal.model.action import Action, Artifact
from seeknal.model.digest import document_digest
from seeknal.model.lowering import path_literal
from seeknal.model.node import Node
from seeknal.model.plan import Prepared

# So often a run plans anew for a place that changes while it is read.
_PATIENCE = 3
_AGAIN = "read in every run: without a probe, nothing tells whether it has changed"
_ORDERED = re.compile(r"\border\s+by\b", re.IGNORECASE)


def open_engine(setting: Setting) -> ConnectedEngine:
    """The engine for a session."""
    return ConnectedEngine(setting)


class ConnectedEngine:
    """Sources of connections."""

    tag = TAG

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._connections = connections_of(setting)
        self._places = Places(setting)
        self._batches = Batches(setting.scratch)
        self._asking = threading.Lock()
        self._known: dict[str, Mapping[str, Any]] = {}
        self._narrow: dict[str, str] = {}
        self._changes: dict[str, int] = {}

    def references(self, node: Node) -> tuple[str, ...]:
        """Nothing: a source reads what is outside."""
        return ()

    def prepare(self, node: Node, inputs: Mapping[str, Artifact], files: tuple[tuple[File, ...], ...]) -> Prepared:
        """The action: what is asked, and what the data is known by now. Raises DefinitionWrong."""
        if files and not files[0]:
            text = f"{node.id}: there is no file {node.recipe.files[0]!r}: is the path right?"
            raise wrong(node, text, "file_missing")
        digests = tuple(tuple(file.digest for file in group) for group in files)
        told = {} if files or not self._setting.connect else self._told(node)
        again = not files and "token" not in told and "cadence" not in node.traits
        return Prepared(Action(self.tag, {**node.recipe.definition, **told}, files=digests), {}, None, again=again)

    def _told(self, node: Node) -> Mapping[str, Any]:
        """What the place says of itself, asked once in a session."""
        with self._asking:
            if node.id not in self._known:
                try:
                    self._known[node.id] = self._places.use(node, partial(_known_by, node), hopeful=False)
                except Failed as failed:
                    raise failed_at(node, failed, "probe" if "probe" in node.recipe.definition else "table") from failed
            return self._known[node.id]

    def run(self, node: Node, prepared: Prepared, paths: Mapping[str, str], output: str) -> Product:
        """Stream the rows into `output`."""
        interval, token = prepared.action.interval, prepared.action.definition.get("token")
        if interval is None:
            product = self._arrived(node, None, output, token)
            return product._replace(notes=(_AGAIN,)) if prepared.again else product
        window = Window(node.traits["cadence"].column, *interval)
        if token is not None:  # the place leaves out what has none of its rows
            return self._arrived(node, window, output, token)
        rows = self._batches.rows_of(node, window, partial(self._fetched, node))
        if rows is None:
            return self._arrived(node, window, output)
        try:
            count = copy(self._connections.own(), rows, output)
        except duckdb.Error as error:
            raise unread(node, error) from error
        return Product(order_counts=self._small(node, output, count))

    def _fetched(self, node: Node, window: Window, path: str) -> tuple[str, int]:
        """Write the rows of several intervals to a file; the type of their time, and how many they are."""
        self._arrived(node, window, path)
        con, table = self._connections.own(), f"FROM read_parquet({path_literal(path)})"
        told = con.execute(f"DESCRIBE {table}").fetchall()
        (rows,) = con.execute(f"SELECT count(*) {table}").fetchone()
        return next((type_ for name, type_, *_ in told if name.lower() == window.column.lower()), ""), rows

    def narrowed(self, node: Node, action: Action) -> Action:
        """The action of an interval: known by what the place says of this interval alone. Raises DefinitionWrong."""
        name = f"{node.id} {action.interval}"
        if "token" not in action.definition or action.interval is None:
            return action
        with self._asking:
            if name not in self._narrow:
                window = Window(node.traits["cadence"].column, *action.interval)
                try:
                    self._narrow[name] = self._places.use(node, partial(_known_in, node, window))
                except Failed as failed:
                    raise failed_at(node, failed, "interval") from failed
            return replace(action, definition={**action.definition, "token": self._narrow[name]})

    def expect_intervals(self, node: Node, intervals: Sequence[tuple[str, str]]) -> None:
        """These intervals are asked for next: neighbours are read with one question."""
        self._batches.expect(node, intervals)

    def _arrived(self, node: Node, window: Window | None, output: str, token: str | None = None) -> Product:
        try:
            return self._places.use(node, partial(self._read, node, window, output, token))
        except Changed as changed:
            raise self._outdated(node, changed) from changed
        except Failed as failed:
            field = "interval" if window and failed.reason == "column_missing" else "table"
            raise passing(failed_at(node, failed, field)) from failed

    def _outdated(self, node: Node, changed: Changed) -> Exception:
        """The plan stands on a token that is out of date; where it always is, the node fails."""
        self._known.pop(node.id, None)
        self._narrow.clear()
        self._changes[node.id] = self._changes.get(node.id, 0) + 1
        if self._changes[node.id] > _PATIENCE:
            hint = "run again when nothing writes there any more"
            return failed_at(node, Failed(f"{changed.message}, again and again", changed.reason, hint), "table")
        self._setting.warn(f"{node.id}: {changed.message}: it is read again")
        return Outdated(changed.message)

    def _read(self, node: Node, window: Window | None, output: str, token: str | None, far: Far) -> Product:
        rows = far.rows({**asked(node), "token": token}, window)
        try:
            return self._written(node, rows, output)
        except duckdb.Error as error:
            raise unread(node, error) from error

    def _written(self, node: Node, rows: Rows, output: str) -> Product:
        query, con = query_over(node, rows.columns), self._connections.own()
        con.register(STREAM, rows.stream)
        try:
            count = copy(con, query, output, kept="split" not in node.traits)
        finally:
            with suppress(duckdb.Error):
                con.unregister(STREAM)
        return Product(order_counts=self._small(node, output, count))

    def _small(self, node: Node, output: str, rows: int) -> bool:
        """Put few rows in canonical order; whether the order of what is there now counts."""
        free = not _ORDERED.search(str(node.recipe.definition["options"].get("query", "")))
        small = "split" not in node.traits and rewritten(self._connections.own(), output, rows, free=free)
        return small or not free

    def check(self, node: Node) -> None:
        """Connect, and look whether what is asked for is there. Raises DefinitionWrong."""
        if not self._setting.connect:
            return
        try:
            found = self._places.use(node, lambda far: far.names(asked(node)), hopeful=False)
        except Failed as failed:
            raise failed_at(node, failed, "table") from failed
        check_columns(node, found)

    def close(self) -> None:
        """Interrupt what runs, close what is open."""
        self._places.close()
        self._batches.close()
        self._connections.close()


def asked(node: Node) -> Mapping[str, Any]:
    """What a driver is given: what is read, the types that a person declared, the probe."""
    definition = node.recipe.definition
    return {**definition["options"], "types": definition["types"], "probe": definition.get("probe")}


def _known_by(node: Node, far: Far) -> Mapping[str, Any]:
    # An interval that is over is read once: what the whole place is known by says nothing of it, but where it knows of each.
    blind = "cadence" in node.traits and "narrows" not in node.traits
    token = None if blind else far.token(asked(node))
    return {"place": document_digest(far.identity())} | ({} if token is None else {"token": token})


def _known_in(node: Node, window: Window, far: Far) -> str:
    narrow: Callable[[Mapping[str, Any], Window], str] = far.narrow  # type: ignore[attr-defined]
    return narrow(asked(node), window)

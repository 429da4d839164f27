"""The engine for what is read over a connection: a driver streams the rows, DuckDB gives them their types and writes them.

Decides the action of such a source: what is asked, the place that its connection leads to and, where something tells, what
the data is known by. Never who or what: no host, no user and no password is in a key.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

import duckdb

from seeknal import connectors, drivers
from seeknal.drivers import Arriving, Changed, Failed, Far, Rows, Window
from seeknal.engines.base import File, Product, Setting
from seeknal.engines.connected_told import STREAM, failed_at, passing, unread, wrong_at
from seeknal.engines.connections import connections_of
from seeknal.engines.duckdb import TAG
from seeknal.engines.parquet import copy
from seeknal.engines.sqlwrite import rewritten
from seeknal.errors import (
    EnvironmentFailure,
    Interrupted,
    Outdated,
    nearest,
)
from seeknal.model.action import Action, Artifact
from seeknal.model.digest import document_digest
from seeknal.model.lowering import literal, quoted
from seeknal.model.node import Node
from seeknal.model.plan import Prepared

T = TypeVar("T")
_GLANCE = 0.2
# So often a run plans anew for a place that changes while it is read.
_PATIENCE = 3
_WHOLE = re.compile(r"U?(TINYINT|SMALLINT|INTEGER|INT|BIGINT|LONG|HUGEINT|INT[1248])")


def open_engine(setting: Setting) -> ConnectedEngine:
    """The engine for a session."""
    return ConnectedEngine(setting)


class ConnectedEngine:
    """Sources of connections. Those that are open are used again; each by one thread at a time."""

    tag = TAG

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._connections = connections_of(setting)
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._free: dict[str, list[Far]] = {}
        self._busy: list[Far] = []
        self._known: dict[str, Mapping[str, Any]] = {}
        self._dead: dict[str, Failed] = {}
        self._changes: dict[str, int] = {}
        self._closed = False
        self._pool = ThreadPoolExecutor(max(2, setting.workers), thread_name_prefix="far")

    def references(self, node: Node) -> tuple[str, ...]:
        """Nothing: a source reads what is outside."""
        return ()

    # -- the action ------------------------------------------------------------------------------------------------

    def prepare(self, node: Node, inputs: Mapping[str, Artifact], files: tuple[tuple[File, ...], ...]) -> Prepared:
        """The action: what is asked, and what the data is known by now. Raises DefinitionWrong."""
        if files and not files[0]:
            text = f"{node.id}: there is no file {node.recipe.files[0]!r}: is the path right?"
            raise wrong_at(node, text, "file_missing")
        digests = tuple(tuple(file.digest for file in group) for group in files)
        told = {} if files or not self._setting.connect else self._told(node)
        again = not files and "token" not in told and "cadence" not in node.traits
        return Prepared(Action(self.tag, {**node.recipe.definition, **told}, files=digests), {}, None, again=again)

    def _told(self, node: Node) -> Mapping[str, Any]:
        """What the place says of itself, asked once in a session."""
        with self._asking:
            if node.id not in self._known:
                try:
                    self._known[node.id] = self._patiently(partial(self._asked, node))
                except Failed as failed:
                    raise failed_at(node, failed, "probe" if "probe" in node.recipe.definition else "table") from failed
            return self._known[node.id]

    def _asked(self, node: Node, held: list[Far]) -> Mapping[str, Any]:
        with self._far(node, held, known_dead=True) as far:
            # An interval that is over is read once: what the whole place is known by says nothing of it.
            token = None if "cadence" in node.traits else far.token(asked(node))
            return {"place": document_digest(far.identity())} | ({} if token is None else {"token": token})

    # -- the rows --------------------------------------------------------------------------------------------------

    def run(self, node: Node, prepared: Prepared, paths: Mapping[str, str], output: str) -> Product:
        """Stream the rows into `output`."""
        try:
            return self._patiently(partial(self._read, node, prepared, output))
        except Changed as changed:
            raise self._again(node, changed) from changed
        except Failed as failed:
            field = "interval" if prepared.action.interval and failed.reason == "column_missing" else "table"
            raise passing(failed_at(node, failed, field)) from failed

    def _read(self, node: Node, prepared: Prepared, output: str, held: list[Far]) -> Product:
        interval = prepared.action.interval
        window = Window(node.traits["cadence"].column, *interval) if interval else None
        with self._far(node, held) as far:
            rows = far.rows({**asked(node), "token": prepared.action.definition.get("token")}, window)
            try:
                return self._written(node, rows, output)
            except duckdb.Error as error:
                raise unread(node, error) from error

    def _again(self, node: Node, changed: Changed) -> Exception:
        """The plan stands on a token that is out of date; where it always is, the node fails."""
        self._known.pop(node.id, None)
        self._changes[node.id] = self._changes.get(node.id, 0) + 1
        if self._changes[node.id] > _PATIENCE:
            hint = "run again when nothing writes there any more"
            return failed_at(node, Failed(f"{changed.message}, again and again", changed.reason, hint), "table")
        self._setting.warn(f"{node.id}: {changed.message}: it is read again")
        return Outdated(changed.message)

    def _written(self, node: Node, rows: Rows, output: str) -> Product:
        types = {name.lower(): type_ for name, type_ in node.recipe.definition["types"].items()}
        _check_columns(node, [column.name for column in rows.columns])
        shown = ", ".join(f"{_typed(c, types.get(c.name.lower()))} AS {quoted(c.name)}" for c in rows.columns)
        free = not re.search(r"\border\s+by\b", str(node.recipe.definition["options"].get("query", "")), re.IGNORECASE)
        con = self._connections.own()
        con.register(STREAM, rows.stream)
        try:
            count = copy(con, f"SELECT {shown} FROM {STREAM}", output, kept="split" not in node.traits)
        finally:
            with suppress(duckdb.Error):
                con.unregister(STREAM)
        small = "split" not in node.traits and rewritten(con, output, count, free=free)
        return Product(order_counts=small or not free)

    # -- what people are told before anything is read --------------------------------------------------------------

    def check(self, node: Node) -> None:
        """Connect, and look whether what is asked for is there. Raises DefinitionWrong."""
        if not self._setting.connect:
            return
        try:
            self._patiently(partial(self._looked, node))
        except Failed as failed:
            raise failed_at(node, failed, "table") from failed

    def _looked(self, node: Node, held: list[Far]) -> None:
        with self._far(node, held, known_dead=True) as far:
            _check_columns(node, far.names(asked(node)))

    # -- connections -----------------------------------------------------------------------------------------------

    def _patiently(self, work: Callable[[list[Far]], T]) -> T:
        """Have it done in another thread: what waits for the other side sees no signal. Stops it when one came."""
        held: list[Far] = []
        if self._closed:
            raise Interrupted("the run was stopped")
        future = self._pool.submit(work, held)
        try:
            while not future.done():
                wait([future], _GLANCE)
            return future.result()
        except BaseException:
            while not future.done():
                for far in held:
                    far.stop()
                wait([future], _GLANCE)
            raise

    @contextmanager
    def _far(self, node: Node, held: list[Far], *, known_dead: bool = False) -> Iterator[Far]:
        """A connection for this thread; one that something went wrong with is not used again. `known_dead`: a place that
        did not answer in this session is not waited for once more."""
        source, settings = node.recipe.definition["source"], dict(self._setting.settings(node))
        if node.recipe.files:
            settings["path"] = os.path.join(self._setting.project, settings["path"])
        if hasattr(connectors.get(source), "placed"):
            settings = connectors.get(source).placed(settings, self._setting.project)
        name = repr((source, sorted(settings.items())))
        with self._lock:
            free = self._free.setdefault(name, [])
            far = free.pop() if free else None
        if known_dead and name in self._dead:
            raise self._dead[name]
        far = far or self._opened(node, name, settings)
        held.append(far)
        with self._lock:
            if self._closed:
                far.close()
                raise Interrupted("the run was stopped")
            self._busy.append(far)
        try:
            yield far
            far.done()
        except BaseException:
            far.stop()  # what nobody waits for any more must not go on over there
            far.close()
            raise
        else:
            self._keep(far, free, again=not node.recipe.files)
        finally:
            with self._lock:
                self._busy.remove(far)

    def _opened(self, node: Node, name: str, settings: Mapping[str, Any]) -> Far:
        try:
            return drivers.get(node.recipe.definition["source"])(settings)
        except EnvironmentFailure as error:
            text = f"{node.file}:{node.line}: {node.id}: {error.message}"
            raise EnvironmentFailure(text, reason=error.reason, hint=error.hint) from error
        except Failed as failed:
            self._dead[name] = failed
            raise

    def _keep(self, far: Far, free: list[Far], *, again: bool) -> None:
        """Keep a connection for later; a file may be another one by then."""
        with self._lock:
            if again and not self._closed:
                free.append(far)
                return
        far.close()

    def close(self) -> None:
        """Interrupt what runs, close what is open."""
        with self._lock:
            self._closed = True
            free = [far for fars in self._free.values() for far in fars]
            self._free.clear()
            for far in self._busy:
                far.stop()
        self._pool.shutdown(wait=False)
        for far in free:
            far.close()
        self._connections.close()


def asked(node: Node) -> Mapping[str, Any]:
    """What a driver is asked for."""
    definition = node.recipe.definition
    return {**definition["options"], "types": definition["types"], "probe": definition.get("probe")}


def _typed(column: Arriving, declared: str | None) -> str:
    """DuckDB's expression for a column in its type: as declared, as its connector says, or as it comes."""
    value, type_ = column.value, declared or column.type
    cast = f"TRY_CAST({value} AS {type_})" if type_ else value
    cases = [(column.refused, column.why)] if column.refused and not declared else []
    if type_:
        wrong = f"{cast} IS NULL AND {value} IS NOT NULL"
        number = f"TRY_CAST({value} AS DOUBLE)"
        wrong += f" OR {number} <> trunc({number})" if declared and _WHOLE.fullmatch(declared) else ""
        cases.append((wrong, f"has a value that is no {type_}"))
    told = " ".join(
        f"WHEN {wrong} THEN error({literal(f'the column {column.name} {why}: ')} || CAST({value} AS VARCHAR))"
        for wrong, why in cases
    )
    return f"CASE {told} ELSE {cast} END" if cases else cast


def _check_columns(node: Node, found: Sequence[str]) -> None:
    """Raise DefinitionWrong for a column that is declared and not there, and for two of one name."""
    have = {name.lower() for name in found}
    if len(have) < len(found):
        twin = next(name for i, name in enumerate(found) if name.lower() in {n.lower() for n in found[:i]})
        raise wrong_at(
            node, f"{node.id}: two columns are called {twin!r}: name them with AS in a query", "column_wrong"
        )
    for name in node.recipe.definition["types"]:
        if name.lower() not in have:
            text = f"{node.id}: declares the column {name!r}, which is not there{nearest(name, found)}; there are: "
            raise wrong_at(node, text + ", ".join(found), "column_missing", ("columns", name))

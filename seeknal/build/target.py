"""Building one target: lock its action, look again, run the engine, seal the output into the store.

Decides when an output equals the previous one although its bytes differ. Does not know the plan.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

from seeknal.build.exports import export_path
from seeknal.build.folders import path_of
from seeknal.build.session import Session
from seeknal.build.split import split
from seeknal.build.untouched import untouched
from seeknal.engines.base import Product
from seeknal.engines.duckdb import DuckDBEngine
from seeknal.engines.parquet import describe, same_bag
from seeknal.errors import BuildFailed, EnvironmentFailure
from seeknal.model.action import ActionResult, Artifact
from seeknal.model.node import Node, view_stem
from seeknal.model.parts import Slice
from seeknal.model.plan import Prepared
from seeknal.store.cache import Damaged
from seeknal.store.lock import only_one
from seeknal.store.statcache import hash_file


class Built(NamedTuple):
    """What came of a target: the artifact, whether this process executed it, milliseconds, notes for the person, the
    digest of a file that was written outside of the store; `some`: rows and bytes of those intervals that were built; when the
    engine began (seconds since 1970) and for how many milliseconds it ran: the rest was sealing."""

    artifact: Artifact
    executed: bool
    milliseconds: int = 0
    notes: tuple[str, ...] = ()
    export: str | None = None
    some: tuple[int, int] | None = None
    began: float = 0.0
    ran: int = 0

    @property
    def wrote(self) -> tuple[int, int]:
        """Rows and bytes that were written."""
        return self.some or (self.artifact.rows, self.artifact.size)


class Unsealed:
    """A target whose engine is done and whose action is still locked: `seal` it, or `drop` it. From any thread."""

    def __init__(self, held: ExitStack, rest: Callable[[], Built]) -> None:
        self._held = held
        self._rest = rest

    def seal(self) -> Built:
        """Put the output into the store and let go of the lock. Raises BuildFailed, DefinitionWrong."""
        with self._held:
            return self._rest()

    def drop(self) -> None:
        """Forget the output and let go of the lock."""
        self._held.close()


def execute(
    session: Session,
    node: Node,
    prepared: Prepared,
    inputs: Mapping[str, Artifact | Slice],
    forced: bool,
    previous: Artifact | None = None,
) -> Unsealed:
    """Lock the action, look whether another process was first, run the engine. Raises BuildFailed, Damaged."""
    key = prepared.action.key
    waiting = f"{node.id}: another process is building it, waiting"
    with ExitStack() as held:
        held.enter_context(only_one(session.store.layout.action_lock(key), lambda: session.warn(waiting)))
        found = session.lookup(node, key)
        if found.artifact is not None and not forced:
            return Unsealed(held.pop_all(), partial(Built, found.artifact, executed=False))
        began, start = time.time(), time.perf_counter()
        engine = session.engines.get(node.recipe.engine)
        if hasattr(engine, "expect_run"):
            engine.expect_run(prepared)
        scratch: list[str] = []
        held.callback(_remove, session, scratch)
        paths = {name: _path(session, node, name, given, scratch) for name, given in inputs.items()}
        output = session.store.temporary()
        scratch += [f"{output}.export", f"{output}.raw", output]
        with untouched(session, node, inputs):
            product = _run(session, node, prepared, paths, output)
        spent = time.perf_counter() - start
        before = (found.artifact, previous)
        rest = partial(_sealed, session, node, prepared, product, output, before, (began, spent))
        return Unsealed(held.pop_all(), rest)


def _path(session: Session, node: Node, name: str, given: Artifact | Slice, scratch: list[str]) -> str:
    try:
        return path_of(session, given, scratch)
    except BuildFailed as error:
        raise BuildFailed(
            f"{node.file}:{node.line}: {node.id}: reads {name}: {error.message}", reason=error.reason
        ) from error


def _remove(session: Session, paths: list[str]) -> None:
    for path in paths:
        session.disk.remove(path)


def _sealed(
    session: Session,
    node: Node,
    prepared: Prepared,
    product: Product,
    output: str,
    before: tuple[Artifact | None, Artifact | None],
    clocked: tuple[float, float],
) -> Built:
    start, (began, spent) = time.perf_counter(), clocked
    export = _export(session, node, product.export) if product.export else None
    artifact = _seal(session, node, prepared, product, output, *before)
    _unchanged(session, node, prepared)
    milliseconds = int((spent + time.perf_counter() - start) * 1000)
    made = {"run": session.request.run_id, "milliseconds": milliseconds}
    session.store.put_result(ActionResult(prepared.action.key, artifact, made), prepared.action.bytes)
    _remember(session, node, product.state)
    return Built(artifact, True, milliseconds, product.notes, export, None, began, int(spent * 1000))


def _remember(session: Session, node: Node, state: str | None) -> None:
    """Keep what the node wants to find again in its next run; after its rows, so it never knows of rows that are not there."""
    if state is not None:
        path = os.path.join(session.setting.states[0], f"{view_stem(node.id)}.json")
        session.disk.put(session.target.tmp, path, state.encode())


def _run(session: Session, node: Node, prepared: Prepared, paths: dict[str, str], output: str) -> Product:
    """Run the engine; that the disk is full is not the node's fault."""
    try:
        return session.engines.get(node.recipe.engine).run(node, prepared, paths, output)
    except BuildFailed as error:
        if os.strerror(errno.ENOSPC) not in error.message:
            raise
        text = f"{node.id}: no space left on the disk of {session.store.layout.root}"
        hint = "free some space, or run: seeknal cache gc"
        raise EnvironmentFailure(text, reason="disk_full", hint=hint) from error


def _seal(
    session: Session,
    node: Node,
    prepared: Prepared,
    product: Product,
    output: str,
    same_action: Artifact | None,
    previous: Artifact | None,
) -> Artifact:
    if "split" in node.traits:
        return split(session, node, product.in_place or output, prepared.action.key)
    if product.in_place:
        return _in_place(session, node, product.in_place, output)
    artifact = describe(sql_engine(session).connections.own, output, known=prepared.columns)
    if same_action and _equal(session, artifact, output, same_action, rounded=True):
        return same_action
    previous = previous or _published(session, node)
    if not product.order_counts and previous and _equal(session, artifact, output, previous, rounded=False):
        return previous
    session.store.adopt(output, artifact.blob)
    return artifact


def _export(session: Session, node: Node, path: str) -> str:
    """Put a file where the person wants it; returns its digest."""
    digest, place = hash_file(path), export_path(session, node)
    session.disk.deliver(path, place)
    session.stats.learn(place, digest)
    return digest


def _in_place(session: Session, node: Node, path: str, output: str) -> Artifact:
    """The person's own file is the artifact; where the file system can share bytes, the store has its own name for it."""
    digest = session.stats.digest(path)
    if session.disk.clone(path, output) and hash_file(output) == digest:
        session.store.adopt(output, digest)
        return describe(sql_engine(session).connections.own, session.store.layout.blob(digest), digest)
    artifact = describe(sql_engine(session).connections.own, path, in_place=True)
    if artifact.blob != digest or session.stats.digest(path) != digest:
        raise BuildFailed(
            f"{node.file}:{node.line}: {path} changed while it was read: run again", reason="changed_input"
        )
    session.store.trust(digest)
    return artifact


def _published(session: Session, node: Node) -> Artifact | None:
    target = session.generation.targets.get(node.id) if session.generation else None
    return session.store.present(target.artifact).artifact if target and not target.artifact.parts else None


def _equal(session: Session, artifact: Artifact, output: str, previous: Artifact, *, rounded: bool) -> bool:
    """Whether two artifacts hold the same rows. `rounded`: but for the last digits of DOUBLEs, which several threads add
    up in another order each time; of one action, each such result is as good as the other."""
    if (artifact.rows, artifact.schema) != (previous.rows, previous.schema):
        return False
    if artifact.columns == previous.columns:
        return True
    try:
        path = session.store.verified(previous)
        return same_bag(sql_engine(session).connections.own(), output, path, previous.schema, rounded=rounded)
    except Damaged:
        return False


def sql_engine(session: Session) -> DuckDBEngine:
    """The DuckDB engine: it also reads what other engines wrote."""
    engine = session.engines.get("duckdb")
    assert isinstance(engine, DuckDBEngine)
    return engine


def _unchanged(session: Session, node: Node, prepared: Prepared) -> None:
    """Raise BuildFailed if a file is not any more what the key says: its rows must not be filed under that key."""
    now = tuple(tuple(file.digest for file in session.files_of(pattern)) for pattern in node.recipe.files)
    if now != prepared.action.files:
        text = (
            f"{node.file}:{node.line}: {node.id}: {', '.join(node.recipe.files)} changed while it was read: run again"
        )
        raise BuildFailed(text, reason="changed_input")

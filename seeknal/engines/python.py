"""The Python engine: a node's function in a reused worker process.

Decides the action of a function: its code as the reader hashed it, its parameters, all columns of its inputs unless it asks
for some. What a feature group does with its rows afterwards is SQL, run here. Never imports project code itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial

import duckdb

from seeknal.engines.base import File, Product, Setting
from seeknal.engines.blame import check_needs, check_time, definition_wrong, line_of, warnings_of
from seeknal.engines.connections import connections_of
from seeknal.engines.duckdb import TAG as SQL
from seeknal.engines.python_job import job_of
from seeknal.engines.python_pool import Outcome, Pool
from seeknal.engines.sql import Parsed, SqlWrong, parse_query
from seeknal.engines.sqlmemo import parse_once
from seeknal.engines.sqlthen import columns_of, over_rows, write_over
from seeknal.errors import BuildFailed, DefinitionWrong, EnvironmentFailure, nearest
from seeknal.model.action import Action, Artifact, Used
from seeknal.model.lowering import path_literal
from seeknal.model.node import Node
from seeknal.model.plan import Prepared

TAG = f"python/{sys.version_info.major}.{sys.version_info.minor}"


def open_engine(setting: Setting) -> PythonEngine:
    """The engine for a session."""
    return PythonEngine(setting)


class PythonEngine:
    """Nodes that are functions."""

    tag = TAG

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._pool = Pool()
        self._connections = connections_of(setting)

    def references(self, node: Node) -> tuple[str, ...]:
        """Nothing more: the reader has found every `ctx.ref` with a literal name. Raises DefinitionWrong."""
        self._after(node)
        return ()

    def prepare(self, node: Node, inputs: Mapping[str, Artifact], files: tuple[tuple[File, ...], ...]) -> Prepared:
        """The action: code, parameters, and the columns that the function may see."""
        asked = {i.node: i.columns for i in node.recipe.inputs}
        used = tuple(_used(node, name, artifact, asked.get(name)) for name, artifact in inputs.items())
        definition = dict(node.recipe.definition)
        after = self._after(node)
        if after:
            definition["then_by"] = SQL
        clock = self._setting.as_of.date().isoformat() if after and "date" in after.clock else None
        return Prepared(Action(self.tag, definition, used, clock=clock), {name: name for name in inputs}, None)

    def expect_builds(self, nodes: Sequence[Node]) -> None:
        """Functions are going to be called."""
        if any(node.recipe.late["header"] is None for node in nodes):
            self._pool.expect()

    def run(self, node: Node, prepared: Prepared, paths: Mapping[str, str], output: str) -> Product:
        """Run the function in a worker, then what the recipe says about its rows."""
        after = self._after(node)
        rows = f"{output}.rows" if after else output
        try:
            outcome = self._outcome(node, prepared.action.interval, paths, rows)
            self._required(node, rows)
            ordered = outcome.ordered
            if after:
                written = self._then(node, after, rows, output)
                ordered = ordered if after.stable else written
            self._time(node, output)
        finally:
            if after:
                with suppress(FileNotFoundError):
                    os.unlink(rows)
        notes = _notes(outcome.printed, outcome.undeclared, self._setting.project)
        return Product(ordered, notes=notes, state=outcome.state)

    def _after(self, node: Node) -> Parsed | None:
        """What the recipe does with the function's rows, as one query. Raises DefinitionWrong."""
        steps = node.recipe.definition.get("then")
        try:
            return over_rows(steps, partial(self._parse, node)) if steps else None
        except SqlWrong as wrong:
            raise definition_wrong(node, wrong) from wrong

    def _parse(self, node: Node, sql: str, names: Mapping[str, str]) -> Parsed:
        def parse() -> Parsed:
            return parse_query(self._connections.planning(), sql, names)

        try:
            return parse_once(self._setting.memo, SQL, sql, names, frozenset(), parse)
        except SqlWrong as wrong:
            raise definition_wrong(node, wrong, sql) from wrong

    def _outcome(self, node: Node, interval: tuple[str, str] | None, paths: Mapping[str, str], output: str) -> Outcome:
        try:
            return self._pool.run(job_of(node, self._setting, interval, paths, output))
        except (BuildFailed, EnvironmentFailure) as error:
            error.message = f"{node.file}:{node.line}: {node.id}: {error.message}"
            raise

    def _required(self, node: Node, path: str) -> None:
        required = node.recipe.definition.get("required", ())
        if not required and "needs" not in node.traits:
            return
        columns = columns_of(self._connections.own(), path)
        check_needs(node, "the function's result", columns)
        have = {name.lower() for name, _ in columns}
        lost = [name for name in required if name.lower() not in have]
        if lost:
            text = f"{node.file}:{node.line}: {node.id}: the result has no column {lost[0]!r}; it has "
            raise DefinitionWrong(text + ", ".join(name for name, _ in columns), reason="column_missing")

    def _time(self, node: Node, path: str) -> None:
        """What a function calls the columns of a table without rows is of no account."""
        con = self._connections.own()
        if "cadence" in node.traits and con.execute(f"FROM read_parquet({path_literal(path)}) LIMIT 1").fetchone():
            check_time(node, node.traits["cadence"], columns_of(con, path))

    def _then(self, node: Node, after: Parsed, rows: str, output: str) -> bool:
        con, planning = self._connections.own(), self._connections.planning()
        try:
            return write_over(con, planning, after, self._setting.as_of, rows, output)
        except SqlWrong as wrong:
            raise definition_wrong(node, wrong) from wrong
        except duckdb.Error as error:
            raise BuildFailed(f"{node.file}:{node.line}: {node.id}: {error}", reason="sql_failed") from error

    def warnings(self, node: Node) -> list[tuple[int, str, str]]:
        """What `validate` says: of the function's clock, which is frozen when it is built, of its state, of SQL after it."""
        after, uses = self._after(node), node.recipe.late["uses"]
        found = warnings_of(after, line_of(node)) if after else []
        if {"as_of", "*"}.intersection(uses):
            text = "ctx.as_of is frozen when the node is built: a new date does not rebuild it"
            found.append((node.line, text, "frozen_clock"))
        if "state" in uses:
            text = "what ctx.state remembers is no input: the node is not run again because of it"
            found.append((node.line, text, "state"))
        return found

    def close(self) -> None:
        """Kill the workers."""
        self._pool.close()
        self._connections.close()


def _used(node: Node, name: str, artifact: Artifact, asked: tuple[str, ...] | None) -> Used:
    if asked is None:
        return Used(name, artifact.rows, artifact.columns)
    have = {column.name for column in artifact.columns}
    lost = [column for column in asked if column not in have]
    if lost:
        text = f"{node.file}:{node.line}: {node.id}: {name} has no column {lost[0]!r}{nearest(lost[0], have)}"
        raise DefinitionWrong(
            text, reason="column_missing", hint=f"it has {', '.join(c.name for c in artifact.columns)}"
        )
    return Used(name, artifact.rows, tuple(column for column in artifact.columns if column.name in asked))


def _notes(printed: str, undeclared: tuple[str, ...], project: str) -> tuple[str, ...]:
    notes = [f"printed: {line}" for line in printed.splitlines()[:20]]
    for path in undeclared:
        shown = os.path.relpath(path, project) if path.startswith(project + os.sep) else path
        notes.append(
            f"warning: it read {shown}, which is no declared input: make it a source, or changes of it go unseen"
        )
    return tuple(notes)

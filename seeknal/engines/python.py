"""The Python engine: a node's function in a reused worker process.

Decides the action of a function: its code as the reader hashed it, its parameters, all columns of its inputs unless it asks
for some. What a feature group does with its rows afterwards is SQL, run here. Never imports project code itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import duckdb

from seeknal.engines.base import File, Product, Setting
from seeknal.engines.connections import Connections
from seeknal.engines.duckdb import TAG as SQL
from seeknal.engines.parquet import copy
from seeknal.engines.python_job import job_of
from seeknal.engines.python_pool import Outcome, Pool
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
        self._connections = Connections(setting)

    def references(self, node: Node) -> tuple[str, ...]:
        """Nothing more: the reader has found every `ctx.ref` with a literal name."""
        return ()

    def prepare(self, node: Node, inputs: Mapping[str, Artifact], files: tuple[tuple[File, ...], ...]) -> Prepared:
        """The action: code, parameters, and the columns that the function may see."""
        asked = {i.node: i.columns for i in node.recipe.inputs}
        used = tuple(_used(node, name, artifact, asked.get(name)) for name, artifact in inputs.items())
        definition = dict(node.recipe.definition)
        if definition.get("then"):
            definition["then_by"] = SQL
        return Prepared(Action(self.tag, definition, used), {name: name for name in inputs}, None)

    def run(self, node: Node, prepared: Prepared, paths: Mapping[str, str], output: str) -> Product:
        """Run the function in a worker, then what the recipe says about its rows."""
        then = node.recipe.definition.get("then", ())
        required = node.recipe.definition.get("required", ())
        raw = f"{output}.raw" if then else output
        outcome = self._outcome(node, paths, raw)
        if required:
            self._required(node, raw, required)
        if then:
            self._then(node, then, raw, output)
        notes = _notes(outcome.printed, outcome.undeclared, self._setting.project)
        return Product(outcome.ordered, notes=notes, state=outcome.state)

    def _outcome(self, node: Node, paths: Mapping[str, str], output: str) -> Outcome:
        before = {name: _stamp(path) for name, path in paths.items()}
        try:
            outcome = self._pool.run(job_of(node, self._setting, paths, output))
            _check_unchanged(before, paths)
        except (BuildFailed, EnvironmentFailure) as error:
            error.message = f"{node.file}:{node.line}: {node.id}: {error.message}"
            raise
        return outcome

    def _required(self, node: Node, path: str, required: tuple[str, ...]) -> None:
        rows = self._connections.own().execute(f"DESCRIBE FROM read_parquet({path_literal(path)})").fetchall()
        have = {name.lower() for name, *_ in rows}
        lost = [name for name in required if name.lower() not in have]
        if lost:
            text = f"{node.file}:{node.line}: {node.id}: the result has no column {lost[0]!r}; it has "
            raise DefinitionWrong(text + ", ".join(name for name, *_ in rows), reason="column_missing")

    def _then(self, node: Node, then: list[str], raw: str, output: str) -> None:
        query = f"SELECT * FROM read_parquet({path_literal(raw)})"
        for step in then:
            query = f"WITH __query__ AS ({query}) {step}"
        try:
            copy(self._connections.own(), query, output)
        except duckdb.Error as error:
            raise BuildFailed(f"{node.file}:{node.line}: {node.id}: {error}", reason="sql_failed") from error
        finally:
            os.unlink(raw)

    def warnings(self, node: Node) -> list[tuple[int, str, str]]:
        """What `validate` says: the time of the clock is frozen when the node is built."""
        if not {"as_of", "*"}.intersection(node.recipe.late["uses"]):
            return []
        return [
            (node.line, "ctx.as_of is frozen when the node is built: a new date does not rebuild it", "frozen_clock")
        ]

    def close(self) -> None:
        """Kill the workers."""
        self._pool.close()
        self._connections.close()


def _stamp(path: str) -> tuple[int, int, int]:
    found = os.stat(path)
    return found.st_ino, found.st_size, found.st_mtime_ns


def _check_unchanged(before: Mapping[str, tuple[int, int, int]], paths: Mapping[str, str]) -> None:
    """Raise BuildFailed when a node wrote into what it read: its rows would be filed under a key that is not theirs."""
    for name, stamp in before.items():
        if not os.path.exists(paths[name]) or _stamp(paths[name]) != stamp:
            text = f"the file of {name} changed while the function ran: a node must not write into its inputs"
            raise BuildFailed(f"{text} ({paths[name]})", reason="changed_input")


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

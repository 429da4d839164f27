"""The lineage of a project: what each node reads and what each of its columns is made of, without building anything.

Decides which schemas count: what the nodes would give as they are written now, where that follows from their SQL, else what
is published. What SQL says of columns is read by `engines/sqllineage.py` and remembered in a file of its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from seeknal.build.memo import FileMemo
from seeknal.build.session import Session
from seeknal.engines.sqllineage import EXTRA, Unreadable, origins, readable, version
from seeknal.errors import DefinitionWrong, EnvironmentFailure
from seeknal.model.action import Artifact
from seeknal.model.lineage import ENDS, EXACT, PERHAPS, SOURCE, UNKNOWN, At, Lineage
from seeknal.model.node import SELF, Node, Schema
from seeknal.model.parts import nothing
from seeknal.model.plan import Prepared

NOT_INSTALLED = f"for the lineage of columns, install sqlglot: {EXTRA}"


@dataclass(slots=True)
class Known:
    """What is known of all nodes: their lineage, and the SQL that makes them as a person reads it."""

    lineages: dict[str, Lineage] = field(default_factory=dict)
    sql: dict[str, str] = field(default_factory=dict)


def lineages(session: Session) -> Known:
    """The lineage of every node of the project that is loaded."""
    memo = FileMemo(session.target.local("lineage.json"), session.disk)
    known = Known()
    for name, node in session.graph.nodes.items():
        known.lineages[name], sql = _of(session, node, memo, known.lineages)
        if sql:
            known.sql[name] = sql
    if os.path.isdir(session.target.root):
        with suppress(OSError, EnvironmentFailure):  # it only speeds up
            memo.save(session.target.tmp, whole=True)
    return known


def _of(session: Session, node: Node, memo: FileMemo, before: Mapping[str, Lineage]) -> tuple[Lineage, str]:
    published = session.generation.targets.get(node.id) if session.generation else None
    schema = published.artifact.schema if published else ()
    if not session.graph.inputs[node.id] and not node.recipe.names:
        return Lineage(node.id, SOURCE if schema else UNKNOWN, schema, why="" if schema else "it was never built"), ""
    inputs = _inputs(session, node, before)
    unknown = [name for name, artifact in inputs.items() if not artifact.columns]
    if unknown:
        return Lineage(node.id, UNKNOWN, schema, why=f"the columns of {unknown[0]} are not known: run first"), ""
    try:
        prepared = session.prepare(node, inputs)
    except DefinitionWrong as error:
        return Lineage(node.id, UNKNOWN, schema, why=f"it cannot be prepared: {error.message}"), ""
    return _prepared(node, prepared, memo, prepared.columns or schema, inputs)


def _inputs(session: Session, node: Node, before: Mapping[str, Lineage]) -> dict[str, Artifact]:
    """The inputs of a node as tables: what is published where that has the columns that are known, else without rows."""
    found = {name: _table(session, name, before[name].columns) for name in session.graph.inputs[node.id]}
    if any(need.node == SELF for need in node.recipe.inputs) and SELF in node.traits:
        found[SELF] = nothing(node.traits[SELF])
    return found


def _table(session: Session, name: str, schema: Schema) -> Artifact:
    published = session.generation.targets.get(name) if session.generation else None
    same = published is not None and published.artifact.schema == schema
    return published.artifact if published and same else nothing(schema)


def _prepared(
    node: Node, prepared: Prepared, memo: FileMemo, schema: Schema, inputs: Mapping[str, Artifact]
) -> tuple[Lineage, str]:
    labels = {used.name: prepared.labels.get(used.name, used.name) for used in prepared.action.inputs}
    labels = {word: node.id if name == SELF else name for word, name in labels.items()}
    read: dict[str, tuple[str, ...]] = {}
    for used in prepared.action.inputs:
        have = read.get(name := labels[used.name], ())
        read[name] = (*have, *(column.name for column in used.columns if column.name not in have))
    text = prepared.action.definition.get("sql")
    sql = readable(memo, text, labels) if isinstance(text, str) else ""
    found = Lineage(node.id, PERHAPS if schema else UNKNOWN, schema, read, why=_why(node, schema))
    if not node.is_table:
        return replace(found, how=ENDS, why=""), sql
    if not schema or not isinstance(text, str):
        return found, sql
    return _exact(found, memo, text, labels, inputs), sql


def _why(node: Node, schema: Schema) -> str:
    if not schema:
        return "it was never built"
    return f"not known in detail: it is made by {node.recipe.engine}, so each column may be made of all that is read"


def _exact(
    found: Lineage, memo: FileMemo, text: str, labels: Mapping[str, str], inputs: Mapping[str, Artifact]
) -> Lineage:
    """The same lineage with origins, where the SQL can be read."""
    if version() is None:
        return replace(found, why=NOT_INSTALLED)
    names = list(labels.values())
    schemas = [inputs[SELF if name == found.node else name].schema for name in names]
    try:
        made = origins(memo, text, schemas, found.columns)
    except Unreadable as error:
        return replace(found, why=f"not known in detail: {error}")
    read = set(found.read)
    of = {c: [At(names[i], name) for i, name in used] for c, used in made.items()}
    return replace(
        found,
        how=EXACT,
        why="",
        origins={c: tuple(a for a in dict.fromkeys(ats) if a in read) for c, ats in of.items()},
    )

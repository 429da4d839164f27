"""Comparing: build a published target once more and look for the first difference.

Decides how a difference between two tables is told. Publishes nothing, keeps nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seeknal.build.folders import path_of
from seeknal.build.session import Session
from seeknal.build.target import sql_engine
from seeknal.engines.parquet import same_bag
from seeknal.errors import UsageError, safe
from seeknal.model.action import Artifact
from seeknal.model.generation import Published
from seeknal.model.interval import label
from seeknal.model.lowering import path_literal, quoted
from seeknal.model.node import Node
from seeknal.model.parts import Slice
from seeknal.model.plan import Prepared


def rebuild(session: Session, name: str) -> str:
    """Build a node again from its published inputs; the first difference to what is published, or nothing."""
    targets = session.generation.targets if session.generation else {}
    needs = session.graph.inputs[name]
    lost = [need for need in (name, *needs) if need not in targets]
    if lost:
        raise UsageError(f"{lost[0]} is not published: run it first", reason="never_built")
    node, published = session.graph.nodes[name], targets[name]
    inputs: dict[str, Artifact | Slice] = {need: targets[need].artifact for need in needs}
    if "cadence" in node.traits:
        return _intervals(session, node, published, inputs)
    prepared = session.prepare(node, {need: targets[need].artifact for need in needs})
    if prepared.action.key != published.action:
        raise _moved_on(name)
    if published.artifact.parts:
        raise UsageError(f"{name} is a source that is split: its rows are those of its file", reason="split_source")
    return _again(session, node, prepared, inputs, published.artifact)


def _moved_on(name: str) -> UsageError:
    return UsageError(f"{name} has changed since it was published: run it first", reason="out_of_date")


def _intervals(session: Session, node: Node, published: Published, inputs: Mapping[str, Artifact | Slice]) -> str:
    """The first interval that comes out another way, and how."""
    whole = {need: artifact for need, artifact in inputs.items() if isinstance(artifact, Artifact)}
    family = session.intervals(node, whole, forced=True).family
    known = {part.interval: part for part in session.store.parts_of(published.artifact)}
    earlier = None
    for slot in family.slots if family else ():
        part = known.get(slot.interval)
        if slot.prepared is None and family.again:
            slot = family.again(slot, earlier)
        earlier = part.artifact if part else None
        if part is None:
            continue
        if slot.prepared is None or part.action != slot.key:
            raise _moved_on(node.id)
        found = _again(session, node, slot.prepared, slot.inputs, part.artifact)
        if found:
            return f"{label(slot.interval, node.traits['cadence'].unit)}: {found}"
    return ""


def _again(
    session: Session,
    node: Node,
    prepared: Prepared,
    inputs: Mapping[str, Artifact | Slice],
    known: Artifact,
) -> str:
    output = session.store.temporary()
    scratch = [output]
    try:
        paths = {need: path_of(session, given, scratch) for need, given in inputs.items()}
        product = session.engines.get(node.recipe.engine).run(node, prepared, paths, output)
        fresh = product.in_place or output
        return difference(sql_engine(session).connections.own(), session.store.verified(known), fresh)
    finally:
        for path in scratch:
            session.disk.remove(path)


def difference(con: Any, old: str, new: str) -> str:
    """The first difference of two Parquet files as bags of rows, in words; nothing when they are equal."""
    shapes = [con.execute(f"DESCRIBE FROM read_parquet({path_literal(path)})").fetchall() for path in (old, new)]
    columns = [[(name, type_) for name, type_, *_ in shape] for shape in shapes]
    if columns[0] != columns[1]:
        return f"the columns were {columns[0]}, now they are {columns[1]}"
    if same_bag(con, old, new, tuple(columns[0])):
        return ""
    for name, _ in columns[0]:
        row = _first(con, old, new, quoted(name))
        if row:
            return f"column {name} differs: {row}"
    row = _first(con, old, new, "*")
    return f"the rows differ: {row}"


def _first(con: Any, old: str, new: str, what: str) -> str:
    sides = [(f"SELECT {what} FROM read_parquet({path_literal(path)})", path) for path in (old, new)]
    for word, (one, _), (other, _) in (("before", *sides), ("now", *reversed(sides))):
        found = con.execute(f"({one}) EXCEPT ALL ({other}) ORDER BY ALL LIMIT 1").fetchall()
        if found:
            return f"only {word}: {safe(found[0])}"
    return ""

"""Comparing: build a published target once more and look for the first difference.

Decides how a difference between two tables is told. Publishes nothing, keeps nothing.
"""

from __future__ import annotations

from typing import Any

from seeknal.build.folders import path_of
from seeknal.build.session import Session
from seeknal.build.target import sql_engine
from seeknal.engines.parquet import same_bag
from seeknal.errors import UsageError, safe
from seeknal.model.lowering import path_literal, quoted


def rebuild(session: Session, name: str) -> str:
    """Build a node again from its published inputs; the first difference to what is published, or nothing."""
    targets = session.generation.targets if session.generation else {}
    needs = session.graph.inputs[name]
    lost = [need for need in (name, *needs) if need not in targets]
    if lost:
        raise UsageError(f"{lost[0]} is not published: run it first", reason="never_built")
    node = session.graph.nodes[name]
    if targets[name].artifact.parts:
        raise UsageError(
            f"{name} has intervals, which cannot be compared yet: see `run --restate`", reason="has_intervals"
        )
    inputs = {need: targets[need].artifact for need in needs}
    prepared = session.prepare(node, inputs)
    if prepared.action.key != targets[name].action:
        raise UsageError(f"{name} has changed since it was published: run it first", reason="out_of_date")
    output = session.store.temporary()
    scratch = [output]
    paths = {need: path_of(session, artifact, scratch) for need, artifact in inputs.items()}
    try:
        product = session.engines.get(node.recipe.engine).run(node, prepared, paths, output)
        fresh = product.in_place or output
        return difference(sql_engine(session).connections.own(), session.store.verified(targets[name].artifact), fresh)
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

"""What reads what, and what each column is made of: as text, as JSON, or as one HTML file to look at.

Without NODE: all nodes in build order, each with what it reads. With NODE: its ancestors, its descendants and its columns,
each with the columns that it is made of; with --column also the whole way of that column, up and down. --html writes a page that
needs no network: the graph, the lineage of columns, rules, profiles and row counts over the generations.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from seeknal.cli import common
from seeknal.errors import UsageError, nearest

if TYPE_CHECKING:
    from seeknal.build.lineage import Known
    from seeknal.build.session import Session
    from seeknal.model.lineage import At, Lineage, Way


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `lineage`."""
    parser.add_argument("node", nargs="?", metavar="NODE", help="kind.name, or a name that one node has")
    parser.add_argument("--column", metavar="COLUMN", help="of NODE: what it is made of, and what is made of it")
    parser.add_argument("--html", metavar="FILE", help="write the picture, one HTML file; with NODE it opens there")
    common.environments(parser)
    common.shared(parser)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    from seeknal.build.lineage import lineages
    from seeknal.cli.show import one_node
    from seeknal.cli.timings import page_path

    if args.column and not args.node:
        raise UsageError("--column is about one node: name it", reason="no_node")
    path = page_path(args.html, common.project_root(args), "lineage.html") if args.html is not None else ""
    with common.reading(args) as session:
        name = one_node(session, args.node) if args.node else None
        known = lineages(session)
        column = _column(known.lineages[name], args.column) if name and args.column else None
        if path:
            _write(session, known, path, name, column)
        document = _document(session, known, name, column)
    if path:
        common.emit(
            args, {"html": path, "size": os.path.getsize(path)} if os.path.isfile(path) else {"html": path}, [path]
        )
        return 0
    common.emit(args, document, list(_lines(document)))
    return 0


def _column(lineage: Lineage, word: str) -> At:
    """The column of a node that a person means; case does not count. Raises UsageError."""
    from seeknal.model.lineage import At

    names = [name for name, _ in lineage.columns]
    found = [name for name in names if name.lower() == word.lower()]
    if not found:
        told = nearest(word, names) or (f"; it has {', '.join(names)}" if names else f": {lineage.why}")
        raise UsageError(f"{lineage.node} has no column {word!r}{told}", reason="unknown_column")
    return At(lineage.node, found[0])


def _write(session: Session, known: Known, path: str, name: str | None, column: At | None) -> None:
    from seeknal.build.facts import facts
    from seeknal.cli.timings import hand_out
    from seeknal.pictures.lineage import lineage_page

    inputs = {node: session.graph.inputs[node] for node in session.graph.nodes}
    said = {**facts(session, known), "hint": _hint(known), "start": [name, column.column if column else None]}
    hand_out(session, path, lineage_page(known.lineages, inputs, said))


def _hint(known: Known) -> str:
    """The one line that says what is missing for the lineage of columns."""
    from seeknal.build.lineage import NOT_INSTALLED

    return NOT_INSTALLED if any(found.why == NOT_INSTALLED for found in known.lineages.values()) else ""


def _document(session: Session, known: Known, name: str | None, column: At | None) -> dict[str, Any]:
    """The lineage as plain data: of all nodes, or of one with its way."""
    from seeknal.model.lineage import downward, upward

    graph = session.graph
    if name is None:
        return {"nodes": [_node(graph.inputs, found) for found in known.lineages.values()], "hint": _hint(known)}
    order = list(graph.nodes)
    document = {
        **_node(graph.inputs, known.lineages[name]),
        "ancestors": sorted(graph.ancestors([name]), key=order.index),
        "descendants": sorted(graph.descendants([name]), key=order.index),
        "consumers": list(graph.consumers[name]),
        "edges": {node: list(graph.inputs[node]) for node in order},
        "hint": _hint(known),
    }
    if column:
        document["column"] = column.column
        document["up"] = _way(upward(known.lineages, column))
        document["down"] = _way(downward(known.lineages, column))
    return document


def _node(inputs: Mapping[str, tuple[str, ...]], found: Lineage) -> dict[str, Any]:
    return {
        "id": found.node,
        "inputs": list(inputs[found.node]),
        "how": found.how,
        "why": found.why,
        "columns": [
            {"name": name, "type": type_, "made_of": [list(at) for at in found.made_of(name)]}
            for name, type_ in found.columns
        ],
        "deciding": [list(at) for at in found.deciding],
    }


def _way(way: Way) -> dict[str, Any]:
    columns = [{"node": at.node, "column": at.column, "sure": sure} for at, sure in way.columns.items()]
    return {"columns": columns, "ends": dict(way.ends)}


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    if "nodes" in document:
        rows = [(node["id"], "<- " + ", ".join(node["inputs"]) if node["inputs"] else "") for node in document["nodes"]]
        yield from common.table(rows) or ["the project has no nodes"]
        return
    yield document["id"]
    if "column" in document:
        yield from _column_lines(document)
    else:
        yield from _node_lines(document)
    if document["hint"]:
        yield document["hint"]


def _node_lines(document: Mapping[str, Any]) -> Iterator[str]:
    edges = document["edges"]
    consumers: dict[str, list[str]] = {name: [] for name in edges}
    for name, needs in edges.items():
        for need in needs:
            consumers[need].append(name)
    yield "  reads" if document["inputs"] else "  reads no other node"
    yield from _tree(document["id"], edges)
    yield "  is read by" if document["consumers"] else "  is read by no other node"
    yield from _tree(document["id"], consumers)
    yield "  columns" if document["columns"] else f"  its columns are not known: {document['why']}"
    if document["columns"] and document["why"] and document["why"] != document["hint"]:
        yield f"    ({document['why']})"
    exact = document["how"] == "exact"
    rows = [(c["name"], c["type"], _made_of(c["made_of"]) if exact else "") for c in document["columns"]]
    yield from (f"    {row}" for row in common.table(rows))
    if document["deciding"]:
        yield f"  its rows depend on {', '.join('.'.join(at) for at in document['deciding'])}"


def _made_of(ats: list[list[str]]) -> str:
    return f"<- {', '.join('.'.join(at) for at in ats)}" if ats else "<- no column"


def _tree(name: str, edges: Mapping[str, list[str]]) -> Iterator[str]:
    """What hangs on a node, indented; what was shown already is not shown again with all that hangs on it."""
    shown: set[str] = set()
    waiting = [(near, 2) for near in reversed(edges[name])]
    while waiting:
        near, depth = waiting.pop()
        more = near in shown and edges[near]
        yield f"{'  ' * depth}{near}{' (see above)' if more else ''}"
        if near not in shown:
            shown.add(near)
            waiting += [(below, depth + 1) for below in reversed(edges[near])]


def _column_lines(document: Mapping[str, Any]) -> Iterator[str]:
    name = document["column"]
    for way, text, none in (
        (document["up"], "is made of", "is made of no other column"),
        (document["down"], "becomes", "becomes no other column"),
    ):
        yield f"  {name} {text}" if way["columns"] else f"  {name} {none}"
        perhaps: dict[str, list[str]] = {}
        for at in way["columns"]:
            if at["sure"]:
                yield f"    {at['node']}.{at['column']}"
            else:
                perhaps.setdefault(at["node"], []).append(at["column"])
        yield from (f"    {node}: perhaps {', '.join(columns)}" for node, columns in perhaps.items())
        for node, word in way["ends"].items():
            yield f"    {node}{'  (reads it)' if word == 'reads' else '  (which rows it has depends on it)'}"

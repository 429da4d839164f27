"""One node: definition, key, artifact, schema, inputs and consumers."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from seeknal.cli import common
from seeknal.errors import UsageError

if TYPE_CHECKING:
    from seeknal.build.session import Session
    from seeknal.model.generation import Published


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `show`."""
    parser.add_argument("node", metavar="NODE", help="kind.name, or a name that one node has")
    parser.add_argument("--generation", metavar="G", help="as it was published then (see `seeknal log`)")
    common.environments(parser)
    common.shared(parser)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    from seeknal.build.past import generation_named
    from seeknal.model.digest import plain
    from seeknal.project.meta import META

    with common.reading(args) as session:
        name = one_node(session, args.node)
        node = session.graph.nodes[name]
        generation = generation_named(session, args.generation)[1] if args.generation else session.generation
        published = generation.targets.get(name) if generation else None
        parts = session.store.parts_of(published.artifact if published else None)
        # What stands for all intervals says nothing to a person: the last one does.
        action = session.store.document(parts[-1].action if parts else published.action) if published else None
        document = {
            "id": name,
            "file": node.file,
            "line": node.line,
            "meta": {key: node.meta[key] for key in META if key in node.meta},
            "engine": node.recipe.engine,
            "definition": plain(node.recipe.definition),
            "inputs": list(session.graph.inputs[name]),
            "consumers": list(session.graph.consumers[name]),
            "published": published.document() if published else None,
            "path": _path(session, published) if published else None,
            "intervals": len(parts),
            "action": action,
        }
    common.emit(args, document, _lines(document))
    return 0


def _path(session: Session, published: Published) -> str:
    artifact = published.artifact
    return session.target.parts(artifact.blob) if artifact.parts else session.store.locate(artifact)


def one_node(session: Session, word: str) -> str:
    """The id of the one node that `word` means. Raises UsageError."""
    from seeknal.model.select import resolve

    found = sorted(resolve(session.graph, word))
    if len(found) != 1:
        raise UsageError(f"{word!r} means {len(found)} nodes: {', '.join(found)}", reason="ambiguous_node")
    return found[0]


def _lines(document: dict[str, Any]) -> list[str]:
    lines = [f"{document['id']}  ({document['file']}:{document['line']})"]
    lines += [f"  {key}: {value}" for key, value in document["meta"].items()]
    lines += [f"  inputs: {', '.join(document['inputs']) or 'none'}"]
    lines += [f"  consumers: {', '.join(document['consumers']) or 'none'}"]
    definition = document["action"]["definition"] if document["action"] else document["definition"]
    for key, value in definition.items():
        lines.append(f"  {key}: {value}")
    published = document["published"]
    if published is None:
        return [*lines, "  never built"]
    artifact = published["artifact"]
    lines += [f"  key: {published['action']}", f"  blob: {artifact['blob']}", f"  path: {document['path']}"]
    among = f" in {document['intervals']:,} intervals" if document["intervals"] else ""
    lines += [f"  {artifact['rows']:,} rows{among}, {artifact['size']:,} bytes", "  columns:"]
    return lines + [f"    {row}" for row in common.table([(n, t, d[7:19]) for n, t, d in artifact["columns"]])]

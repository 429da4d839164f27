"""The nodes of the project, of one kind or all. Never runs project code."""

from __future__ import annotations

import argparse

from seeknal.cli import common
from seeknal.errors import UsageError, nearest


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `list`."""
    parser.add_argument("kind", nargs="?", metavar="KIND", help="only this kind")
    common.shared(parser)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    with common.reading(args) as session:
        nodes = list(session.graph.nodes.values())
        kinds = sorted({node.kind for node in nodes})
        kind = args.kind.removesuffix("s") if args.kind and args.kind not in kinds else args.kind
        if kind and kind not in kinds:
            raise UsageError(f"no node is of kind {args.kind!r}{nearest(args.kind, kinds)}", reason="unknown_kind")
        shown = [node for node in nodes if not kind or node.kind == kind]
        published = session.generation.targets if session.generation else {}
        document = [
            {
                "id": node.id,
                "kind": node.kind,
                "file": node.file,
                "line": node.line,
                "tags": list(node.tags),
                "description": node.meta.get("description", ""),
                "rows": published[node.id].artifact.rows if node.id in published else None,
            }
            for node in shown
        ]
    rows = [(d["id"], _rows(d["rows"]), f"{d['file']}:{d['line']}", ", ".join(d["tags"])) for d in document]
    common.emit(args, document, common.table(rows))
    return 0


def _rows(rows: int | None) -> str:
    return "not built" if rows is None else f"{rows:,} rows"

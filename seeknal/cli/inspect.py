"""First rows, schema and statistics of a node, from verified bytes: as published, or as a run left it in the cache."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from seeknal.cli import common
from seeknal.errors import UsageError, safe

if TYPE_CHECKING:
    from seeknal.build.session import Session
    from seeknal.model.action import Artifact


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `inspect`."""
    parser.add_argument("node", metavar="NODE", help="kind.name, or a name that one node has")
    parser.add_argument("--limit", type=int, default=10, metavar="N", help="rows to show (default 10)")
    parser.add_argument("--generation", metavar="G", help="as it was published then (see `seeknal log`)")
    parser.add_argument("--run", metavar="RUN", dest="of_run", help="as that run built it, though it was not published")
    common.environments(parser)
    common.shared(parser)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    from seeknal.build.past import generation_named
    from seeknal.build.peek import peek

    with common.reading(args) as session:
        if args.of_run:
            name, artifact = _kept(session, args.node, args.of_run)
            return _show(args, name, peek(session, artifact, max(args.limit, 0)))
        generation = generation_named(session, args.generation)[1] if args.generation else session.generation
        targets = generation.targets if generation else {}
        name = _name(args.node, list(targets))
        found = peek(session, targets[name].artifact, max(args.limit, 0))
    return _show(args, name, found)


def _show(args: argparse.Namespace, name: str, found: dict[str, Any]) -> int:
    document = {"node": name, **found}
    common.emit(args, document, _lines(document))
    return 0


def _kept(session: Session, word: str, run: str) -> tuple[str, Artifact]:
    """What a run built and did not publish. Raises UsageError."""
    from seeknal.build.log import read_log

    events = list(read_log(session.target.log(run)))
    if not events:
        raise UsageError(f"there is no log of a run {run!r}: see target/log/", reason="unknown_run")
    actions = {name: key for event in events if event.get("event") == "kept" for name, key in event["actions"].items()}
    if not actions:
        raise UsageError(f"run {run} published all that it built", reason="never_built")
    name = _name(word, list(actions))
    artifact = session.store.lookup(actions[name]).artifact
    if artifact is None:
        raise UsageError(f"what {run} built of {name} is not in the store any more", reason="artifact_missing")
    return name, artifact


def _name(word: str, known: list[str]) -> str:
    from seeknal.errors import nearest

    found = [name for name in known if word in (name, name.split(".", 1)[1])]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{word!r} is ambiguous: {', '.join(found)}", reason="ambiguous_node")
    raise UsageError(f"{word!r} is not published{nearest(word, known)}", reason="unknown_node")


def _lines(document: dict[str, Any]) -> list[str]:
    head = [("column", "type", "nulls", "distinct", "min", "max")]
    columns = [
        (c["name"], c["type"], f"{c['nulls']:,}", f"~{c['distinct']:,}", _cell(c["min"]), _cell(c["max"]))
        for c in document["columns"]
    ]
    rows = [tuple(c["name"] for c in document["columns"])] + [tuple(map(_cell, row)) for row in document["rows"]]
    return [
        f"{document['node']}: {document['count']:,} rows",
        "",
        *common.table(head + columns),
        "",
        *common.table(rows),
    ]


def _cell(value: Any) -> str:
    text = "" if value is None else safe(value).replace("\n", "\\n").replace("\t", "\\t")
    return text if len(text) <= 40 else text[:39] + "…"

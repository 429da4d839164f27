"""Intervals of one node: what is done, what is pending, what is marked to be built again.

`backfill NODE` is `run --backfill --nodes NODE`. Marks are honoured and cleared by `run --restate`.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from seeknal.cli import common, windows
from seeknal.errors import UsageError

if TYPE_CHECKING:
    from seeknal.build.session import Session
    from seeknal.model.interval import Cadence, Interval
    from seeknal.model.node import Node


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `intervals`."""
    words = parser.add_subparsers(dest="what", metavar="COMMAND", required=True)
    for word, about in (
        ("list", "what is published, with rows"),
        ("pending", "what a run would build, in the window"),
        ("restatement-add", "mark a window to be built again"),
        ("restatement-list", "the marks of a node, or all"),
        ("restatement-clear", "remove the marks of a node"),
        ("backfill", "build the missing intervals of a window, oldest first"),
    ):
        sub = words.add_parser(word, help=about, description=about)
        sub.add_argument(
            "node", metavar="NODE", nargs="?" if word == "restatement-list" else None, help="a node with intervals"
        )
        if word in ("pending", "restatement-add", "backfill"):
            windows.window(sub)
        if word == "backfill":
            sub.add_argument("--chunk", type=int, metavar="N", help="publish after every N intervals of a node")
        if word in ("pending", "backfill"):
            common.clock(sub)
        common.environments(sub)
        common.shared(sub)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    if args.what == "backfill":
        return _backfill(args)
    if args.what in ("restatement-add", "restatement-clear"):
        return _mark(args)
    with common.reading(args) as session:
        if args.what == "pending":
            document, lines = _pending(session, args)
        else:
            document = {"list": _list, "restatement-list": _marks}[args.what](session, args)
            lines = _lines(document)
    common.emit(args, document, lines)
    return 0


def _node(session: Session, word: str) -> tuple[Node, Cadence]:
    from seeknal.cli.show import one_node

    node = session.graph.nodes[one_node(session, word)]
    if node.interval is None:
        raise UsageError(f"{node.id} has no intervals: it says no `interval:`", reason="no_intervals")
    return node, node.interval


def _list(session: Session, args: argparse.Namespace) -> list[dict[str, Any]]:
    from seeknal.model.interval import label

    node, cadence = _node(session, args.node)
    published = session.generation.targets.get(node.id) if session.generation else None
    parts = session.store.parts_of(published.artifact if published else None)
    return [
        {"interval": label(part.interval, cadence.unit) if part.interval else "unknown", "rows": part.artifact.rows}
        for part in parts
    ]


def _pending(session: Session, args: argparse.Namespace) -> tuple[list[dict[str, Any]], list[str]]:
    from seeknal.build.run import Options, planned
    from seeknal.model.explain import render
    from seeknal.model.interval import label, told
    from seeknal.model.select import Selection

    node, cadence = _node(session, args.node)
    _, plan = planned(session, Options(Selection((node.id,))), common.environment(session.root))
    step = plan.steps[node.id]
    if step.family is None:
        why = "; ".join(render(reason) for reason in step.reasons)
        document = [{"interval": "not known yet", "why": why}] if why else []
        return document, _lines(document)
    whys: dict[str, list[Interval]] = {}
    for slot in step.family.open:
        whys.setdefault("; ".join(render(reason) for reason in slot.reasons), []).append(slot.interval)
    document = [{"interval": label(one, cadence.unit), "why": why} for why, found in whys.items() for one in found]
    return document, [f"{told(found, cadence.unit)}: {why}" for why, found in whys.items()] or ["none"]


def _marks(session: Session, args: argparse.Namespace) -> list[dict[str, Any]]:
    return _marks_of(session, _marked(session, args.node) if args.node else None)


def _marked(session: Session, word: str) -> str:
    """The node that a person means; one that the project no longer has may still be marked."""
    from seeknal.build.marks import read_marks

    found = [name for name in read_marks(session) if word in (name, name.partition(".")[2])]
    return found[0] if len(found) == 1 else _node(session, word)[0].id


def _marks_of(session: Session, wanted: str | None) -> list[dict[str, Any]]:
    from seeknal.build.marks import read_marks

    return [
        {"node": name, "start": pair.texts()[0], "end": pair.texts()[1]}
        for name, pairs in read_marks(session).items()
        for pair in pairs
        if wanted in (None, name)
    ]


def _mark(args: argparse.Namespace) -> int:
    from seeknal.build.marks import add_marks, clear_marks, marked
    from seeknal.model.interval import FIRST, LAST, Interval

    window = windows.asked_window(args) if args.what == "restatement-add" else None
    if args.what == "restatement-add" and window is None:
        raise UsageError("restatement-add needs --start and --end", reason="bad_window")
    with common.reading(args) as session:
        if window is None:
            name = _marked(session, args.node)
            clear_marks(session, {name: [Interval(FIRST, LAST)]})
        else:
            name = _node(session, args.node)[0].id
            add_marks(session, marked(session, [name], window))
        document = _marks_of(session, name)
    common.emit(args, document, _lines(document))
    return 0


def _backfill(args: argparse.Namespace) -> int:
    from seeknal.cli import build_parser

    words = ["run", "--backfill", "--nodes", args.node, *common.given(args)]
    again = build_parser(("run",)).parse_args(words)
    code: int = again.module.run(again)
    return code


def _lines(document: list[dict[str, Any]]) -> list[str]:
    if not document:
        return ["none"]
    head = tuple(document[0])
    return common.table([head, *(tuple(str(row.get(name, "")) for name in head) for row in document)])

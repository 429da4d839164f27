"""What differs between two published states: nodes, columns, rows. Without A: the last publication and the one before it.

A and B are generations (a digest, its beginning, or a run id; see `seeknal log`), environments, or ENV@GENERATION. Rows are
matched by what the node says is unique (join keys and event time, ids of an aggregation, an audit `unique`), else by the
first column where a small table has no value of it twice, else by their places where other columns are equal throughout,
else as bags: so many rows more, so many less. Only parts and columns whose digests differ are read.

Exit codes: 0; 2 usage; 8 with --exit-code when something differs.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from seeknal.cli import common
from seeknal.errors import ProjectError, UsageError, WorkFound, nearest

if TYPE_CHECKING:
    from seeknal.build.session import Session
    from seeknal.build.sides import Side

_FEW, _MORE = 3, 20


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `diff`."""
    parser.add_argument("a", nargs="?", metavar="A", help="before (default: the generation before the current one)")
    parser.add_argument("b", nargs="?", metavar="B", help="after (default: the current generation of --env)")
    common.environments(parser)
    parser.add_argument(
        "-n",
        "--nodes",
        action="append",
        default=[],
        metavar="NODE",
        help="only these nodes: kind.name, name, a pattern (repeatable, or with commas)",
    )
    rows = f"show up to N rows of each sort (default {_FEW}; {_MORE} without N; 0: counts only)"
    parser.add_argument("--rows", type=int, nargs="?", const=_MORE, default=_FEW, metavar="N", help=rows)
    key = "match rows by these columns (with commas) in the tables that have them"
    parser.add_argument("--key", default="", metavar="COLS", help=key)
    parser.add_argument("--exit-code", action="store_true", help="exit with 8 when something differs")
    common.shared(parser)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    from seeknal.build.diff import check_key, diff_node
    from seeknal.cli import difftext

    if args.rows < 0:
        raise UsageError("--rows is a count: 0 or more", reason="bad_count")
    key = common.words([args.key])
    with common.reading(args, load=False) as session:
        _know_the_project(session)
        before, after = _sides(session, args.a, args.b)
        differences, equal = _differences(args, before, after)
        found = [diff_node(session, one, key, args.rows) for one in differences]
        check_key(found, key)
    document = {
        "from": difftext.side_document(before),
        "to": difftext.side_document(after),
        "nodes": [difftext.document(one) for one in found],
        "equal": equal,
    }
    common.emit(args, document, difftext.lines(before, after, found, equal))
    return WorkFound.exit_code if args.exit_code and found else 0


def _know_the_project(session: Session) -> None:
    """Load the project, which knows the keys of tables; it may be wrong just now, that is no matter here."""
    from seeknal.build.connect import load_project

    try:
        load_project(session, common.environment(session.root))
    except ProjectError:
        session.warn("the project is wrong just now (see `seeknal validate`): what it says of keys is not known")


def _sides(session: Session, a: str | None, b: str | None) -> tuple[Side, Side]:
    from seeknal.build.sides import current_of, parent_of, side_named

    after = side_named(session, b) if b else current_of(session, session.request.environment)
    return (side_named(session, a) if a else parent_of(session, after)), after


def _differences(args: argparse.Namespace, before: Side, after: Side) -> tuple[list[Any], int]:
    """The nodes that differ and were asked for, and how many do not. Raises UsageError."""
    from seeknal.model.diff import differences, matching

    old, new = before.generation.targets, after.generation.targets
    words = common.words(args.nodes)
    names, lost = matching(sorted(old.keys() | new.keys()), words)
    if lost is not None:
        known = old.keys() | new.keys()
        near = nearest(lost, known) or nearest(lost, {name.split(".", 1)[1] for name in known})
        raise UsageError(f"{lost!r} is published in neither of the two{near}", reason="unknown_node")
    found = [one for one in differences(old, new) if one.id in set(names)]
    return found, len(names) - len(found)

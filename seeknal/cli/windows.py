"""The options that choose a window of time, and what they demand of nodes with intervals."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from seeknal.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from seeknal.build.session import Session
    from seeknal.model.family import Demand
    from seeknal.model.interval import Interval


def window(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose a window of time."""
    about = "an ISO date or timestamp, UTC"
    parser.add_argument("--start", metavar="TIME", help=f"of nodes with intervals, only those from here: {about}")
    parser.add_argument("--end", metavar="TIME", help=f"up to here: {about}; a bare date includes that day")


def asked_window(args: argparse.Namespace) -> Interval | None:
    """The window that the options describe. Raises UsageError."""
    start, end = getattr(args, "start", None), getattr(args, "end", None)
    if start is None and end is None:
        return None
    from seeknal.model.interval import FIRST, LAST, Interval, moment

    found = []
    for name, text, last in (("--start", start, False), ("--end", end, True)):
        try:
            found.append(moment(text, end=last) if text is not None else (LAST if last else FIRST))
        except ValueError:
            raise UsageError(
                f"{name} {text!r} is no time: write 2024-01-31 or 2024-01-31T06:00", reason="bad_date"
            ) from None
    if found[1] <= found[0]:
        raise UsageError(f"the window is empty: {start} is not before {end}", reason="bad_window")
    return Interval(*found)


def restate(args: argparse.Namespace, session: Session, env: dict[str, str], *, dry: bool = False) -> None:
    """Mark what the options name, and have the run honour all marks; `dry`: as if they were kept. Raises UsageError."""
    from seeknal.build.connect import load_project
    from seeknal.build.marks import add_marks, marked, marks_with
    from seeknal.cli import common

    window, more = asked_window(args), {}
    if window is not None:
        if not args.nodes:
            raise UsageError("--restate with a window needs --nodes", reason="bad_window")
        load_project(session, env)
        more = marked(session, common.words(args.nodes), window)
    session.marks = marks_with(session, more) if dry or not more else add_marks(session, more)


def words(args: argparse.Namespace) -> dict[str, str]:
    """What a node without intervals finds under `{{start_date}}` and `{{end_date}}`: the options as they were typed."""
    given = {"start_date": getattr(args, "start", None), "end_date": getattr(args, "end", None)}
    return {name: text for name, text in given.items() if text is not None}


def check(args: argparse.Namespace) -> None:
    """Raise UsageError when options contradict each other."""
    if args.chunk is not None and args.chunk < 1:
        raise UsageError("--chunk is a count: 1 or more", reason="bad_count")
    if args.chunk is not None and not args.backfill:
        raise UsageError("--chunk says how much of --backfill is built at a time", reason="bad_count")
    if args.restate and args.backfill:
        text = "--backfill builds what was never published, --restate what was: run one after the other"
        raise UsageError(text, reason="bad_window")


def demand(args: argparse.Namespace, now: datetime) -> Demand | None:
    """What the options say of nodes with intervals; None when they say nothing."""
    asked, missing, chunk = asked_window(args), getattr(args, "backfill", False), getattr(args, "chunk", None)
    if getattr(args, "restate", False):
        asked = None  # a window says what is marked; what follows from it may lie outside
    if asked is None and not missing:
        return None
    from dataclasses import replace

    from seeknal.model.family import Demand

    found = Demand(now, missing=missing, chunk=chunk)
    found = replace(found, window=asked) if asked else found
    return found if found.narrow else None

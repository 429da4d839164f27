"""The options that choose a window of time, and what they demand of nodes with intervals."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from seeknal.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

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


def words(args: argparse.Namespace) -> dict[str, str]:
    """What a node without intervals finds under `{{start_date}}` and `{{end_date}}`: the options as they were typed."""
    given = {"start_date": getattr(args, "start", None), "end_date": getattr(args, "end", None)}
    return {name: text for name, text in given.items() if text is not None}


def demand(args: argparse.Namespace, now: datetime) -> Demand | None:
    """What the options say of nodes with intervals; None when they say nothing."""
    asked, missing, chunk = asked_window(args), getattr(args, "backfill", False), getattr(args, "chunk", None)
    if chunk is not None and chunk < 1:
        raise UsageError("--chunk is a count: 1 or more", reason="bad_count")
    if getattr(args, "restate", False):
        asked = None  # a window says what is marked; what follows from it may lie outside
    if asked is None and not missing:
        return None
    from dataclasses import replace

    from seeknal.model.family import Demand

    found = Demand(now, missing=missing, chunk=chunk)
    return replace(found, window=asked) if asked else found

"""`run --watch`: the same run again whenever something that it relied on has changed.

Decides what ends it: Ctrl-C while it waits is the end that was wanted (0), in a run it interrupts that run (130). An error
is told and the waiting goes on.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

from seeknal.build import watch
from seeknal.cli import STOPPED, common, report
from seeknal.errors import Interrupted, SeeknalError, UsageError, safe

# Runs once, and adds the signatures that it relied on to the mapping; told: whether a run with nothing to do says so.
Once = Callable[[dict[str, str], bool], object]
_NOT_WITH = ("full", "dry_run", "show_plan", "plan", "restate", "chunk", "timings")
_SHOWN = 3


def check(args: argparse.Namespace) -> None:
    """Raise UsageError for options that mean one run."""
    for name in _NOT_WITH:
        if getattr(args, name) not in (None, False):
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"--watch runs again and again: it does not go with {option}", reason="bad_watch")


def keep_running(args: argparse.Namespace, once: Once) -> int:
    """Run, wait for a change, run again."""
    root = common.project_root(args)
    without = [os.path.join(root, "target"), *filter(None, [common.cache_dir(args)])]
    base = [os.path.join(root, name) for name in ("seeknal", "seeknal_project.yml", ".env", "profiles.yml")]
    base += [os.path.abspath(args.profile)] if args.profile else []
    relied: dict[str, str] = {}
    told = True
    while True:
        found = watch.now(base)
        failed = _failed(args, once, found, told)
        found = watch.relied_on(found, root, without)
        relied = {**watch.now(relied), **found} if failed else found
        changed = _waited(args, relied)
        if not changed:
            return 0
        told = _tell(args, root, changed)


def _failed(args: argparse.Namespace, once: Once, found: dict[str, str], told: bool) -> bool:
    """Whether the run ended with an error, which is told."""
    try:
        once(found, told)
    except Interrupted:
        raise
    except SeeknalError as error:
        if args.debug:
            raise
        report(error, as_json=args.json)
        return True
    return False


def _waited(args: argparse.Namespace, relied: dict[str, str]) -> list[str]:
    """What changed; nothing when the person has ended it. Raises Interrupted."""
    _say(args, f"watching {len(relied)} files and folders: Ctrl-C ends it")
    try:
        return watch.wait(relied)
    except KeyboardInterrupt:
        if STOPPED:
            raise STOPPED[-1] from None
        _say(args, "\nstopped watching")
        return []


def _tell(args: argparse.Namespace, root: str, changed: list[str]) -> bool:
    """Say which files changed; False where only folders did, as when an editor keeps a file of its own beside."""
    files = [os.path.relpath(path, root) for path in changed if not os.path.isdir(path)]
    if files:
        more = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
        _say(args, f"\nchanged: {', '.join(map(safe, files[:_SHOWN]))}{more}")
    return bool(files)


def _say(args: argparse.Namespace, text: str) -> None:
    if not args.quiet:
        print(text, file=sys.stderr, flush=True)

"""`run --timings`: keeps the events of a run while it goes, and writes their picture at its end, whatever that is.

No command of its own. A picture that cannot be written is told, and hides nothing of what became of the run.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from seeknal.cli import STOPPED, common
from seeknal.errors import SeeknalError, UsageError, safe

if TYPE_CHECKING:
    from seeknal.build.session import Session
    from seeknal.pictures.timings import Run


class Kept:
    """The events of a run, and the session that it has."""

    def __init__(self, path: str, *, quiet: bool) -> None:
        self._quiet = quiet
        self.path = path
        self.events: list[dict[str, Any]] = []
        self.session: Session | None = None
        self._began = time.time()

    def of(self, session: Session) -> list[dict[str, Any]]:
        """Where the events of this session's run go."""
        self.session = session
        return self.events

    def run(self, session: Session, stopped: str) -> Run:
        """What is known of the run besides its events."""
        from seeknal.pictures.timings import Run

        graph, request = session.graph, session.request
        name = session.project.name if session.project else os.path.basename(session.root)
        inputs = {node: graph.inputs[node] for node in graph.nodes}
        return Run(
            name, request.run_id, request.environment, self._began, time.time(), request.workers, inputs, stopped
        )

    def write(self, stopped: str = "") -> None:
        """Write the picture. Raises SeeknalError."""
        from seeknal.pictures.timings import timings_page

        if self.session is not None:
            text = timings_page(self.run(self.session, stopped), self.events)
            hand_out(self.session, self.path, text)
            if not self._quiet:
                print(f"timings: {safe(self.path)}", file=sys.stderr)


@contextmanager
def pictured(args: argparse.Namespace) -> Iterator[Kept]:
    """Keep the events of the run in this block, and write their picture when it is left. Raises UsageError."""
    kept = Kept(page_path(args.timings, common.project_root(args), "timings.html"), quiet=args.quiet)
    try:
        yield kept
    except BaseException as error:
        try:
            kept.write(_why(error))
        except SeeknalError as wrong:
            common.warn(f"the picture of the run could not be written: {wrong.message}")
        raise
    kept.write()


def _why(error: BaseException) -> str:
    """Why a run was stopped. A query answers a signal with words of its own (see `cli._done`)."""
    if isinstance(error, KeyboardInterrupt) or str(error) == "Query interrupted":
        return str(STOPPED[-1]) if STOPPED else "interrupted"
    return str(error) or type(error).__name__


def hand_out(session: Session, path: str, text: str) -> None:
    """Write a page: into the target folder as everything there is written, elsewhere as a file of the person's own."""
    if os.path.dirname(path) == session.target.root:
        session.disk.put(session.target.tmp, path, text.encode())
    else:
        session.disk.hand_out(path, text.encode())


def page_path(word: str, root: str, name: str) -> str:
    """The file that a person named for a page, or the one in target/. Raises UsageError."""
    from seeknal.store.layout import TargetLayout

    path = os.path.abspath(word) if word else TargetLayout(os.path.join(root, "target")).page(name)
    if os.path.isdir(path):
        raise UsageError(f"{path} is a folder: name a file, such as {os.path.join(word, name)}", reason="bad_file")
    if word and not os.path.isdir(os.path.dirname(path)):
        raise UsageError(f"there is no folder {os.path.dirname(path)}: make it first", reason="bad_file")
    return path

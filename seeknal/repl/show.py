"""Answers on a screen: as a table that fits, as JSON or CSV; through a pager when they are longer than the screen.

Decides what is paged. Everything shown is made safe first.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple

from seeknal.build.rows import written
from seeknal.errors import safe
from seeknal.repl.ask import Answer
from seeknal.repl.fit import table

_EXPLAINED = ["explain_key", "explain_value"]


class Screen(NamedTuple):
    """Where answers go: whether it is a terminal, whether long ones are paged, whether there are colours."""

    terminal: bool
    paged: bool
    color: bool

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        found = shutil.get_terminal_size()
        return found.columns, found.lines


def answer(screen: Screen, found: Answer, format_: str, note: Callable[[int], str] | None = None) -> None:
    """Show an answer; `note` gets how many columns were left out, and says what stands below a table."""
    if format_ != "table":
        text = written(format_, found.names, found.rows)
        show(screen, text.rstrip("\n").split("\n")) if screen.terminal else print(text, end="")
        return
    if found.names == _EXPLAINED:  # a drawing, not a table
        show(screen, [line for row in found.rows for line in str(row[1]).rstrip("\n").split("\n")])
        return
    made = table(found.columns, found.rows, screen.size[0] if screen.terminal else None, color=screen.color)
    below = note(len(found.columns) - made.shown) if note else ""
    show(screen, [*made.lines, *([below] if below else [])], safe_already=True)


def show(screen: Screen, lines: list[str], *, safe_already: bool = False) -> None:
    """Print lines, through a pager when there are more than the screen has."""
    text = "\n".join(lines if safe_already else [safe(line) for line in lines])
    pager = _pager() if screen.paged and len(lines) >= screen.size[1] else []
    if not pager or not _paged(pager, text):
        print(text)


def _pager() -> list[str]:
    chosen = os.environ.get("PAGER", "")
    words = shlex.split(chosen) if chosen else ["less"]
    return words if words and shutil.which(words[0]) else []


def _paged(pager: list[str], text: str) -> bool:
    """Whether a pager showed the text. Ctrl-C is the pager's while it runs."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        environment = {**os.environ, "LESS": os.environ.get("LESS", "FRSX"), "LESSSECURE": "1"}
        done = subprocess.run(pager, input=text.encode("utf-8", "replace"), env=environment, check=False)
    except (OSError, ValueError):
        return False
    finally:
        signal.signal(signal.SIGINT, before)
    return done.returncode == 0


def complain(text: object) -> None:
    """Say what is wrong on standard error."""
    sys.stdout.flush()
    print(safe(text), file=sys.stderr)

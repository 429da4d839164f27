"""A real terminal: tmux, into which a story types and whose screen it reads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

HOME = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Terminal:
    """One tmux server with one session, so that stories side by side cannot meet."""

    def __init__(self, name: str) -> None:
        self.name = name

    def tmux(self, *words: str) -> str:
        done = subprocess.run(["tmux", "-L", self.name, *words], capture_output=True, text=True, check=True)
        return done.stdout

    def type(self, text: str) -> None:
        """Type a text, and no Enter. tmux would take a last `;` for its own."""
        self.tmux("send-keys", "-l", f"{text[:-1]}\\;" if text.endswith(";") else text)

    def press(self, *keys: str) -> None:
        """Press keys: Enter, Tab, Up, C-c."""
        self.tmux("send-keys", *keys)

    def line(self, text: str) -> None:
        self.type(text)
        self.press("Enter")

    def screen(self) -> str:
        return "\n".join(line.rstrip() for line in self.tmux("capture-pane", "-p").splitlines()).rstrip()

    def until(self, text: str, *, gone: bool = False, seconds: float = 20) -> str:
        """Wait until the screen shows a text (or no longer does); the screen."""
        end = time.monotonic() + seconds
        while (text in (shown := self.screen())) is gone:
            assert time.monotonic() < end, f"waited in vain for {text!r}:\n{shown}"
            time.sleep(0.03)
        return shown

    def clear(self) -> None:
        self.press("C-l")
        self.tmux("clear-history")


@contextmanager
def terminal(command: str, folder: str, more: Mapping[str, str], *, size: str = "100x30") -> Iterator[Terminal]:
    """A terminal that runs a command in a folder, with these variables more than the fewest."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    found = Terminal(f"seeknal-{uuid.uuid4().hex[:8]}")
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    env = {"PATH": path, "HOME": folder, "PYTHONPATH": HOME, "TERM": "xterm-256color", "LANG": "C.UTF-8", **more}
    width, height = size.split("x")
    words = ["env", "-i", *(f"{name}={value}" for name, value in env.items()), "bash", "-c", command]
    start = [
        "tmux",
        "-L",
        found.name,
        "-f",
        "/dev/null",
        "new-session",
        "-d",
        "-x",
        width,
        "-y",
        height,
        "-c",
        folder,
        *words,
    ]
    subprocess.run(start, check=True, env={**os.environ, "LANG": "C.UTF-8"})
    try:
        yield found
    finally:
        subprocess.run(["tmux", "-L", found.name, "kill-server"], capture_output=True, check=False)


SEEKNAL = f"{sys.executable} -m seeknal"

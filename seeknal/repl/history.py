"""What a person typed in earlier sessions: in a file of their own, outside of every project.

Decides where it is and what is never kept: passwords. Losing it loses nothing else.
"""

from __future__ import annotations

import json
import os
import re

from seeknal.errors import EnvironmentFailure
from seeknal.store.disk import Disk

_RECENT = 512 * 1024
_USER = re.compile(r"(://[^\s/@:]*):[^\s]*@")
_WORD = re.compile(r"(?i)\b(password|passwd|pwd|secret|token|key)(\s*=\s*)('[^']*'|\S+)")


def file_of(environment: dict[str, str]) -> str:
    """Where the history is: SEEKNAL_HISTORY, or below XDG_STATE_HOME."""
    state = environment.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return environment.get("SEEKNAL_HISTORY") or os.path.join(state, "seeknal", "repl_history")


def kept(text: str) -> str:
    """What is kept of a text: no password that a URL or an option of a connection says."""
    return _WORD.sub(r"\1\2***", _USER.sub(r"\1:***@", text)) if text.lstrip().startswith(".connect") else text


def read(path: str) -> list[str]:
    """The latest entries, the oldest first."""
    try:
        with open(path, "rb") as file:
            file.seek(max(os.path.getsize(path) - _RECENT, 0))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    return [text for text in map(_entry, lines) if text]


def _entry(line: str) -> str:
    try:
        found = json.loads(line)
    except ValueError:
        return ""
    return found if isinstance(found, str) else ""


def add(disk: Disk, path: str, text: str) -> None:
    """Keep a text, where that is possible."""
    try:
        disk.append(path, json.dumps(kept(text)).encode() + b"\n", mode=0o600)
    except EnvironmentFailure:
        return

"""The log of a run: one JSON object a line, appended as things happen, readable whatever became of the run.

Decides the line's form only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from seeknal.store.disk import Disk


class EventLog:
    """Appends events to `target/log/<run>.jsonl`; does nothing without a path."""

    def __init__(self, path: str | None, disk: Disk) -> None:
        self._path = path
        self._disk = disk

    def write(self, event: dict[str, Any]) -> None:
        """Append one event."""
        if self._path is not None:
            self._disk.append(self._path, json.dumps(event, separators=(",", ":")).encode() + b"\n")


def read_log(path: str) -> Iterator[dict[str, Any]]:
    """The events of a log; a torn last line is left out."""
    if not os.path.exists(path):
        return
    with open(path, "rb") as file:
        for line in file:
            try:
                yield json.loads(line)
            except ValueError:
                return

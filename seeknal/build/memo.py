"""What was worked out from a text and may be forgotten: parsed declarations, canonical SQL, columns read.

Decides nothing: keys say everything that a value depends on, and losing the file changes only speed.
"""

from __future__ import annotations

import json
import threading
from typing import Any

from seeknal.model.digest import digest_of
from seeknal.store.disk import Disk


class FileMemo:
    """A dictionary of plain data in one JSON file, written when something was added; entries not asked for are dropped."""

    def __init__(self, file: str, disk: Disk) -> None:
        self._file = file
        self._disk = disk
        self._known: dict[str, Any] | None = None
        self._used: dict[str, Any] = {}
        self._changed = False
        self._lock = threading.Lock()

    def get(self, key: str) -> Any:
        """The remembered value, or None."""
        with self._lock:
            if key in self._used:
                return self._used[key]
            if self._known is None:
                self._known = _load(self._file)
            value = self._known.get(key)
            if value is not None:
                self._used[key] = value
            return value

    def put(self, key: str, value: Any) -> None:
        """Remember plain data."""
        with self._lock:
            self._used[key] = value
            self._changed = True

    def save(self, folder: str, *, whole: bool) -> None:
        """Write the file. `whole`: this run asked for all that the project needs, so the rest may go."""
        if self._changed:
            keep = self._used if whole else {**(self._known or {}), **self._used}
            body = json.dumps(keep).encode()
            self._disk.put(folder, self._file, digest_of(body).encode() + b"\n" + body)
            self._changed = False


def _load(file: str) -> dict[str, Any]:
    try:
        with open(file, "rb") as handle:
            seal, _, body = handle.read().partition(b"\n")
        if seal.decode("ascii", "replace") != digest_of(body):
            return {}
        document = json.loads(body)
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}

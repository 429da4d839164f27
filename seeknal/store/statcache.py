"""Digests of files by their signature, so that an untouched file is hashed once.

Decides when a remembered digest may be used. Deleting its file changes only speed (`cache_format.md`, "Local state").
"""

from __future__ import annotations

import json
import os

from blake3 import blake3

from seeknal.model.digest import PREFIX, is_digest
from seeknal.store.disk import Disk
from seeknal.store.stat import ABSENT, settle, signature


def hash_file(path: str) -> str:
    """BLAKE3 of the file's bytes. Raises OSError."""
    hasher = blake3()
    if os.path.getsize(path) < 1 << 20:
        with open(path, "rb") as file:
            hasher.update(file.read())
    else:
        hasher = blake3(max_threads=blake3.AUTO)
        hasher.update_mmap(path)
    return PREFIX + hasher.hexdigest()


class StatCache:
    """path -> (signature, digest), kept in one JSON file; and every signature that this run relied on (`watched`)."""

    def __init__(self, file: str, disk: Disk) -> None:
        self._file = file
        self._disk = disk
        self._known = _load(file)
        self._changed = False
        self.watched: dict[str, str] = {}

    def digest(self, path: str) -> str:
        """The digest of the file's content, remembered or hashed now. Raises OSError."""
        current = signature(path)
        known = self._known.get(path)
        if known and known[0] == current and current != ABSENT:
            self.watched[path] = current
            return known[1]
        return self._hash(path)

    def _hash(self, path: str) -> str:
        sure = settle(path)
        before = signature(path)
        digest = hash_file(path)
        if sure and signature(path) == before:
            self.learn(path, digest, before)
        else:
            self.watched[path] = "racy"
        return digest

    def learn(self, path: str, digest: str, sign: str | None = None, *, watch: bool = True) -> None:
        """Remember the digest of a file whose bytes are known; `watch`: the run depends on it."""
        current = signature(path) if sign is None else sign
        self._known[path] = (current, digest)
        if watch:
            self.watched[path] = current
        self._changed = True

    def forget(self, path: str) -> None:
        """Drop what is remembered of a file."""
        self._changed |= self._known.pop(path, None) is not None
        self.watched.pop(path, None)

    def watch(self, path: str) -> None:
        """Note that the run depends on the state of `path` as it is now: a folder, or a file that is not there."""
        self.watched[path] = signature(path)

    def save(self, folder: str) -> None:
        """Write the cache, dropping files that are gone."""
        if self._changed:
            alive = {path: entry for path, entry in self._known.items() if path in self.watched or os.path.exists(path)}
            self._disk.put(folder, self._file, json.dumps(alive).encode())
            self._changed = False


def _load(file: str) -> dict[str, tuple[str, str]]:
    try:
        with open(file, "rb") as handle:
            document = json.loads(handle.read())
        return {path: (sign, digest) for path, (sign, digest) in document.items() if is_digest(digest)}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}

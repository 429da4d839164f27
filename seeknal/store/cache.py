"""The store: blobs by digest, results by action key.

Decides what counts as a hit: a result whose own check holds and whose blob is there. A damaged, missing or
unknown entry is a miss, moved to quarantine with one warning; it never fails a build. Never decides what to build.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from seeknal.errors import EnvironmentFailure, Outdated
from seeknal.model.action import ActionResult, Artifact, read_result
from seeknal.model.digest import PREFIX, canonical, digest_of
from seeknal.model.parts import Part, read_index
from seeknal.model.plan import Found
from seeknal.store.disk import Disk
from seeknal.store.layout import ACTIONS, MARKER, OWN, TAG, TAG_NAME, StoreLayout
from seeknal.store.statcache import StatCache, hash_file
from seeknal.store.verify import entries

_DAY = 86_400
# After so many misses one listing of all results is cheaper than to look for each.
_MANY = 64


class Damaged(Outdated):
    """The bytes of a blob are not what its name says; the blob is in quarantine now."""


class Store:
    """Blobs and action results under one root, shared by threads, processes and projects."""

    def __init__(
        self, layout: StoreLayout, disk: Disk, stats: StatCache, warn: Callable[[str], None], *, read_only: bool = False
    ) -> None:
        self.layout = layout
        self.disk = disk
        self.stats = stats
        self._warn = warn
        self._read_only = read_only
        self._trusted: set[str] = set()
        self.places: dict[str, str] = {}
        self._indexes: dict[str, tuple[Part, ...]] = {}
        self._misses = 0
        self._results: set[str] | None = None

    def open(self) -> None:
        """Create the store or check that it is one this version can read. Raises EnvironmentFailure."""
        marker = _read(self.layout.marker)
        if marker is not None:
            self._check_marker(marker)
        elif not self._read_only:
            self._create()

    def _create(self) -> None:
        root = self.layout.root
        there = os.listdir(root) if os.path.isdir(root) else []
        if os.path.basename(root) != "target" and set(there).difference(OWN):
            text = f"{root} holds other things than a store: {', '.join(sorted(set(there).difference(OWN))[:3])}"
            raise EnvironmentFailure(text, reason="not_a_store", hint="choose an empty folder for --cache-dir")
        for name, data in ((TAG_NAME, TAG), (".gitignore", b"*\n")):
            if name not in there:
                self.disk.put(self.layout.tmp, os.path.join(root, name), data)
        self.disk.put(self.layout.tmp, self.layout.marker, MARKER)

    def _check_marker(self, marker: bytes) -> None:
        try:
            document = json.loads(marker)
            version = document["version"] if document["type"] == "seeknal/cache" else None
        except (ValueError, TypeError, KeyError):
            version = None
        if isinstance(version, int) and version > 1:
            text = f"{self.layout.root} is a store of version {version}: this seeknal reads version 1"
            raise EnvironmentFailure(text, reason="newer_store", hint="upgrade seeknal, or choose another --cache-dir")
        if version != 1:
            self._quarantine(self.layout.marker, "the marker of the store is damaged")
            if not self._read_only:
                self.disk.put(self.layout.tmp, self.layout.marker, MARKER)

    # -- reading ---------------------------------------------------------------------------------------------------

    def lookup(self, key: str, *, sure: bool = True) -> Found:
        """The artifact of an action, if there is a result and its blob is there.

        Not `sure`: what another process has put there since this one listed the results may be missed.
        """
        if not sure and self._results is not None and key not in self._results:
            return Found(None)
        path = self.layout.result(key)
        data = _read(path)
        if data is None:
            self._missed()
            return Found(None)
        try:
            result = read_result(json.loads(data), key)
        except (ValueError, KeyError, TypeError, AttributeError):
            self._quarantine(path, f"damaged result {key}")
            return Found(None, "artifact_damaged")
        self._touch(path)
        return self.present(result.artifact)

    def _missed(self) -> None:
        self._misses += 1
        if self._misses == _MANY:
            folder = os.path.join(self.layout.root, ACTIONS)
            self._results = {PREFIX + name for name, _ in entries(folder)}

    def made(self, key: str) -> Mapping[str, Any]:
        """What is known of the making of an action's artifact (seconds, run); empty when nothing is."""
        try:
            return read_result(json.loads(_read(self.layout.result(key)) or b""), key).made
        except (ValueError, KeyError, TypeError, AttributeError):
            return {}

    def present(self, artifact: Artifact) -> Found:
        """The artifact if its blob is there, as far as signatures can tell; else why not."""
        path = self.locate(artifact)
        try:
            digest = self.stats.digest(path)
        except OSError:
            return Found(None, "artifact_missing")
        if digest == artifact.blob:
            return self._all_present(artifact) if artifact.parts else Found(artifact)
        if artifact.in_place:
            return Found(None, "artifact_missing")
        self._condemn(path, artifact.blob)
        return Found(None, "artifact_damaged")

    def _all_present(self, artifact: Artifact) -> Found:
        for part in self.parts_of(artifact):
            found = self.present(part.artifact)
            if found.artifact is None:
                return found
        return Found(artifact)

    def parts(self, index: str) -> tuple[Part, ...]:
        """The parts that an index lists; none where it is gone, or is none."""
        if index not in self._indexes:
            try:
                self._indexes[index] = read_index(self.document(index) or {})
            except (ValueError, KeyError, TypeError, AttributeError):
                return ()
        return self._indexes[index]

    def parts_of(self, artifact: Artifact | None) -> tuple[Part, ...]:
        """The parts of an artifact; none of one that has none."""
        return self.parts(artifact.blob) if artifact and artifact.parts else ()

    def know_parts(self, index: str, parts: Iterable[Part]) -> None:
        """The parts of an index that is about to be written."""
        self._indexes[index] = tuple(parts)

    def locate(self, artifact: Artifact) -> str:
        """The path that holds the artifact's bytes: a blob, or the person's own file for an artifact in place."""
        blob = self.layout.blob(artifact.blob)
        return self.places.get(artifact.blob, blob) if artifact.in_place and not os.path.exists(blob) else blob

    def doubt(self, artifact: Artifact) -> None:
        """Have the bytes of an artifact hashed again before they are read."""
        self._trusted.discard(artifact.blob)

    def verified(self, artifact: Artifact) -> str:
        """The path of bytes that were hashed in this process. Raises Damaged."""
        path = self.locate(artifact)
        if artifact.blob in self._trusted:
            return path
        try:
            digest = hash_file(path)
        except (OSError, ValueError):
            raise Damaged(artifact.blob) from None
        if digest != artifact.blob:
            self.stats.forget(path)
            if not artifact.in_place:
                self._condemn(path, artifact.blob)
            raise Damaged(artifact.blob)
        self._trusted.add(artifact.blob)
        return path

    def trust(self, digest: str) -> None:
        """The bytes of this artifact have just been hashed by this process: `verified` need not do it again."""
        self._trusted.add(digest)

    def document(self, digest: str) -> Any:
        """The JSON document with this digest, verified; None when it is missing or damaged."""
        path = self.layout.blob(digest)
        data = _read(path)
        if data is None:
            return None
        if digest_of(data) != digest:
            self._condemn(path, digest)
            return None
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            return None

    # -- writing ---------------------------------------------------------------------------------------------------

    def put_bytes(self, data: bytes) -> str:
        """Store `data` as a blob; returns its digest. Does nothing when the blob is there and whole."""
        digest = digest_of(data)
        path = self.layout.blob(digest)
        if not os.path.exists(path) or _read(path) != data:
            self.disk.put(self.layout.tmp, path, data)
            self.stats.learn(path, digest, watch=False)
        self._trusted.add(digest)
        return digest

    def put_document(self, document: Any) -> str:
        """Store a document in canonical form; returns its digest."""
        return self.put_bytes(canonical(document))

    def adopt(self, temporary: str, digest: str) -> None:
        """Make the finished file `temporary`, whose digest is known, a blob; durable at once."""
        path = self.layout.blob(digest)
        self.disk.adopt(temporary, path)
        self.stats.learn(path, digest)
        self._trusted.add(digest)

    def keep(self, action: bytes, key: str) -> None:
        """Put the document of an action back that somebody removed: its artifact is of no use without it."""
        if not self._read_only and not os.path.exists(self.layout.blob(key)):
            self.put_bytes(action)

    def put_result(self, result: ActionResult, action: bytes) -> None:
        """Store the action document, then its result: both visible now, durable at the next sync."""
        self.put_bytes(action)
        self.disk.put(self.layout.tmp, self.layout.result(result.action), result.bytes())
        if self._results is not None:
            self._results.add(result.action)

    def temporary(self) -> str:
        """A path on the store's file system for a file in the making."""
        return self.disk.temporary(self.layout.tmp)

    # -- damage ----------------------------------------------------------------------------------------------------

    def set_aside(self, path: str, what: str) -> None:
        """Move a damaged entry out of the way, by path."""
        self.stats.forget(path)
        self._quarantine(path, what)

    def _condemn(self, path: str, digest: str) -> None:
        self.stats.forget(path)
        self._trusted.discard(digest)
        self._quarantine(path, f"damaged blob {digest}")

    def _quarantine(self, path: str, what: str) -> None:
        self._warn(
            f"{what}: {'it counts as missing' if self._read_only else 'moved to quarantine, it will be built again'}"
        )
        if not self._read_only:
            name = f"{int(time.time())}-{os.path.basename(path)}"
            try:
                self.disk.move(path, os.path.join(self.layout.quarantine, name))
            except EnvironmentFailure as error:
                self._warn(error.message)

    def _touch(self, path: str) -> None:
        """Say that a result is in use, once a day, so that `gc --max-age` keeps it."""
        if not self._read_only and time.time() - os.stat(path).st_mtime > _DAY:
            self.disk.touch(path)


def _read(path: str) -> bytes | None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    with open(handle, "rb") as file:
        try:
            return file.read()
        except OSError:
            return None

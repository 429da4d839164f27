"""The engine for files that lie in an object store: they are fetched into scratch, and read there as local files are.

Decides that the listing (key, ETag and size of each object) is what a source is known by, so that nothing is fetched while it
is the same. An object that changed since it was listed makes the run plan anew.
"""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import cast
from urllib.parse import quote

from seeknal.drivers import Changed, Failed, Far
from seeknal.drivers.s3 import S3, Object, token
from seeknal.engines.base import Product, Setting
from seeknal.engines.connected import ConnectedEngine, asked
from seeknal.engines.connector import ConnectorEngine
from seeknal.errors import BuildFailed, EnvironmentFailure
from seeknal.model.node import Node
from seeknal.model.plan import Prepared

# So many objects are fetched side by side.
_TOGETHER = 4


def open_engine(setting: Setting) -> ObjectsEngine:
    """The engine for a session."""
    return ObjectsEngine(setting)


class ObjectsEngine(ConnectedEngine):
    """Sources whose files are objects."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._reader = ConnectorEngine(setting)

    def _read(self, node: Node, prepared: Prepared, output: str, held: list[Far]) -> Product:
        """Fetch the objects beside `output`, read them into it."""
        folder = f"{output}.objects"
        try:
            files = self._fetched(node, prepared.action.definition["token"], folder, held)
            return self._reader.run(_local(node), prepared._replace(ready=files), {}, output)
        except BuildFailed as error:
            error.message = error.message.replace(folder, f"s3://{node.recipe.definition['options']['bucket']}")
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _fetched(self, node: Node, known: str, folder: str, held: list[Far]) -> list[str]:
        """The local files of the objects that the key speaks of. Raises Changed, Failed."""
        definition = asked(node)
        with self._far(node, held) as connected:
            far = cast(S3, connected)
            objects = far.objects(definition)
            if token(objects) != known:
                url = f"s3://{definition['bucket']}/{definition['pattern']}"
                raise Changed(f"what {url} lists changed", "changed_input", "run again")
            _room(node, self._setting.scratch, sum(one.size for one in objects))
            fetch = partial(_fetch, far, definition["bucket"], folder)
            try:
                with ThreadPoolExecutor(_TOGETHER) as pool:
                    return [*pool.map(fetch, objects)]
            except OSError as error:
                raise BuildFailed(f"{node.file}:{node.line}: {node.id}: {error.strerror}") from error

    def check(self, node: Node) -> None:
        """Connect, and look whether there are such objects. Raises DefinitionWrong."""
        if self._setting.connect:
            self._told(node)

    def warnings(self, node: Node) -> list[tuple[int, str, str]]:
        """What `validate` says: types that are left to guessing."""
        return self._reader.warnings(_local(node))


def _local(node: Node) -> Node:
    """The node as one that reads local files."""
    definition = node.recipe.definition
    said = definition["options"]
    local = {"source": said["format"], "options": said["reader"], "types": definition["types"], "ingest": "copy"}
    return replace(
        node, recipe=replace(node.recipe, definition=local, files=(f"s3://{said['bucket']}/{said['pattern']}",))
    )


def _room(node: Node, scratch: str, needed: int) -> None:
    disk = os.statvfs(scratch)
    free = disk.f_bavail * disk.f_frsize
    if needed > free:
        text = f"{node.file}:{node.line}: {node.id}: its objects have {needed >> 20} MiB, and the disk has {free >> 20} MiB free"
        hint = f"free some space at {scratch}, or run: seeknal cache gc"
        raise EnvironmentFailure(text, reason="disk_full", hint=hint)


def _fetch(far: S3, bucket: str, folder: str, one: Object) -> str:
    """Write an object to a file that is named like it: `a=1/` in its key is a column, too."""
    path = os.path.join(folder, *map(_name, one.key.split("/")))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        for chunk in far.chunks(bucket, one):
            file.write(chunk)
    if os.path.getsize(path) != one.size:
        raise Failed(f"s3://{bucket}/{one.key} ended early", "connection_lost", "run again")
    return path


def _name(part: str) -> str:
    """A part of a key as the name of a file."""
    return quote(part, safe="") if part in ("", ".", "..") or len(part.encode()) > 255 else part

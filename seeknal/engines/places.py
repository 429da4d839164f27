"""Open connections of a session: used again, each by one thread at a time, and stopped when the run is.

Decides that a place that did not answer is not waited for by every node of a plan, and that one that something went wrong
with is not used again.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, TypeVar

from seeknal import connectors, drivers
from seeknal.drivers import Failed, Far
from seeknal.engines.base import Setting
from seeknal.errors import EnvironmentFailure, Interrupted
from seeknal.model.node import Node

T = TypeVar("T")
_GLANCE = 0.2


class Places:
    """The connections that the nodes of a session read over."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._lock = threading.Lock()
        self._free: dict[str, list[Far]] = {}
        self._busy: list[Far] = []
        self._dead: dict[str, Failed] = {}
        self._closed = False
        self._pool = ThreadPoolExecutor(max(2, setting.workers), thread_name_prefix="far")

    def use(self, node: Node, work: Callable[[Far], T], *, hopeful: bool = True) -> T:
        """What `work` makes of a connection of the node; not `hopeful`: a place that did not answer is not asked again.

        It is done in another thread: what waits for the other side sees no signal. Stops it when one came. Raises Failed,
        EnvironmentFailure.
        """
        held: list[Far] = []
        if self._closed:
            raise Interrupted("the run was stopped")
        future = self._pool.submit(self._done, node, held, work, hopeful)
        try:
            while not future.done():
                wait([future], _GLANCE)
            return future.result()
        except BaseException:
            while not future.done():
                for far in held:
                    far.stop()
                wait([future], _GLANCE)
            raise

    def _done(self, node: Node, held: list[Far], work: Callable[[Far], T], hopeful: bool) -> T:
        with self._far(node, held, hopeful=hopeful) as far:
            return work(far)

    @contextmanager
    def _far(self, node: Node, held: list[Far], *, hopeful: bool) -> Iterator[Far]:
        settings = dict(self._setting.settings(node))
        if node.recipe.files:
            settings["path"] = os.path.join(self._setting.project, settings["path"])
        placed = getattr(connectors.get(node.recipe.definition["source"]), "placed", None)
        settings = placed(settings, self._setting.project) if placed else settings
        name = repr((node.recipe.definition["source"], sorted(settings.items())))
        with self._lock:
            free = self._free.setdefault(name, [])
            far = free.pop() if free else None
        if far is None and not hopeful and name in self._dead:
            raise self._dead[name]
        far = far or self._opened(node, name, settings)
        held.append(far)
        self._note(far)
        try:
            yield far
            far.done()
        except BaseException:
            far.stop()  # what nobody waits for any more must not go on over there
            far.close()
            raise
        else:
            self._keep(far, free, again=not node.recipe.files)
        finally:
            with self._lock:
                self._busy.remove(far)

    def _opened(self, node: Node, name: str, settings: Mapping[str, Any]) -> Far:
        try:
            return drivers.get(node.recipe.definition["source"])(settings)
        except EnvironmentFailure as error:
            text = f"{node.file}:{node.line}: {node.id}: {error.message}"
            raise EnvironmentFailure(text, reason=error.reason, hint=error.hint) from error
        except Failed as failed:
            self._dead[name] = failed
            raise

    def _note(self, far: Far) -> None:
        with self._lock:
            self._busy.append(far)
            if not self._closed:
                return
            self._busy.remove(far)
        far.close()
        raise Interrupted("the run was stopped")

    def _keep(self, far: Far, free: list[Far], *, again: bool) -> None:
        """Keep a connection for later; a file may be another one by then."""
        with self._lock:
            if again and not self._closed:
                free.append(far)
                return
        far.close()

    def close(self) -> None:
        """Interrupt what runs, close what is open."""
        with self._lock:
            self._closed = True
            free = [far for fars in self._free.values() for far in fars]
            self._free.clear()
            for far in self._busy:
                far.stop()
        self._pool.shutdown(wait=False)
        for far in free:
            far.close()

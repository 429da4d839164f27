"""DuckDB instances of a session, and how much each may touch.

Opening an instance costs 11 ms, so instances are shared: one of the process to plan in, one for our own SQL (sources,
metadata), one locked down to the store for people's SQL on small inputs, one like it with all cores for large ones. SQL
that names files gets an instance of its own, locked down to exactly these. Decides settings only.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

from seeknal.engines.base import Setting
from seeknal.engines.sqlbind import planner
from seeknal.errors import Interrupted
from seeknal.model.lowering import literal, without_pattern

_BASE = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
}


def connections_of(setting: Setting) -> Connections:
    """The connections of a session, the same for all its engines."""
    found: Connections = setting.shared.setdefault("connections", Connections(setting))
    return found


class Connections:
    """Cursors on the shared instances; one for each thread and purpose."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._lock = threading.Lock()
        self._instances: dict[str, Any] = {}
        self._cursors: list[Any] = []
        self._closed = False
        self._local = threading.local()

    def own(self) -> Any:
        """A cursor for SQL that seeknal wrote itself: not locked, all cores."""
        return self._cursor("own", lambda: _connect(self._setting, self._setting.threads, None, ()))

    def brief(self) -> Any:
        """A cursor like `own`, one thread: a tenth quicker on small files than threads that wait for each other."""
        return self._cursor("brief", lambda: _connect(self._setting, 1, None, ()))

    def planning(self) -> Any:
        """A cursor for parsing and planning people's SQL over empty tables."""
        return self._cursor("planning", lambda: _planner(os.getpid()))

    def small(self) -> Any:
        """A cursor for people's SQL, one thread: quickest on small inputs, and always in the same order."""
        name = f"small-{threading.get_ident()}"
        return self._cursor(name, lambda: self._locked(1))

    def heavy(self) -> Any:
        """A cursor for people's SQL on all cores."""
        return self._cursor("heavy", self._heavy)

    def open_heavy(self) -> None:
        """Open the instance of `heavy` in a thread of its own: it takes a while, and is needed soon."""

        def work() -> None:
            with suppress(Exception):  # `heavy` meets it again, where it can be told
                self._open("heavy", self._heavy)

        if "heavy" not in self._instances:
            threading.Thread(target=work, name="opening").start()

    def _heavy(self) -> Any:
        return self._locked(self._setting.threads)

    @contextmanager
    def exactly(self, paths: Sequence[str], first: Callable[[Any], None] | None = None) -> Iterator[Any]:
        """A new instance that can touch these files, folders that show parts, and nothing else; `first` before it is locked."""
        folders = [path for path in paths if os.path.isdir(path)]
        shown = [os.path.realpath(entry.path) for folder in folders for entry in os.scandir(folder)]
        con = self._noted(_connect(self._setting, self._setting.threads, folders, [*paths, *shown], first))
        try:
            yield con
        finally:
            con.close()

    def _noted(self, con: Any) -> Any:
        """`con`, unless the session is being closed; noted, so that closing can interrupt what it runs."""
        if self._closed:
            con.close()
            raise Interrupted("the run was stopped")
        self._cursors.append(con)
        return con

    def _locked(self, threads: int) -> Any:
        return _connect(self._setting, threads, self._setting.readable, sorted(self._setting.allowed))

    def _cursor(self, name: str, connect: Callable[[], Any]) -> Any:
        cursors = self._local.__dict__.setdefault("cursors", {})
        if name not in cursors:
            instance = self._open(name, connect)
            with self._lock:
                cursors[name] = self._noted(instance.cursor())
        if self._closed:
            raise Interrupted("the run was stopped")
        return cursors[name]

    def _open(self, name: str, connect: Callable[[], Any]) -> Any:
        with self._lock:
            if name not in self._instances:
                self._instances[name] = connect()
            return self._instances[name]

    def close(self) -> None:
        """Interrupt what runs, in whatever thread; nothing new can be started."""
        self._closed = True
        for cursor in self._cursors:
            with suppress(Exception):
                cursor.interrupt()


@cache
def _planner(process: int) -> Any:
    """The one instance of this process that is planned in: it knows nothing of a project, what is laid there is a cursor's."""
    return planner()


def _connect(
    setting: Setting,
    threads: int,
    folders: Sequence[str] | None,
    files: Iterable[str],
    first: Callable[[Any], None] | None = None,
) -> Any:
    import duckdb

    spill = os.path.join(setting.scratch, f"spill-{os.getpid()}")
    con = duckdb.connect(config={**_BASE, "threads": threads, "temp_directory": spill})
    con.execute("SET GLOBAL TimeZone = 'UTC'; SET GLOBAL python_enable_replacements = false")
    if folders is None:
        return con
    if first:
        first(con)
    con.execute(f"SET allowed_directories = [{_spelled(folders)}]; SET allowed_paths = [{_spelled(files)}]")
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")
    return con


def _spelled(paths: Iterable[str]) -> str:
    """Paths for a list of what is allowed: DuckDB compares them as they are spelled in the query."""
    return ", ".join(literal(text) for path in paths for text in dict.fromkeys((path, without_pattern(path))))

"""The DuckDB of a worker: one instance for many jobs, as long as they leave no trace in it.

Decides when an instance has to go: after a node that ran anything but queries (tables, settings, transactions), or that
gave it functions, file systems or extensions. Opening one costs 15 ms, a cursor on it nothing; each job has cursors of its
own, so temporary tables, registered tables, session settings and the state of `random()` go with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from seeknal.worker import relations


class Database:
    """An instance that is opened when needed."""

    def __init__(self) -> None:
        self._instance: Any = None
        self._threads = 0
        self._is_clean = True

    def prepare(self) -> None:
        """Open the instance, if there is none: while nobody waits."""
        if self._instance is None:
            import duckdb

            relations.install()
            self._instance = duckdb.connect()
            self._instance.execute("SET GLOBAL TimeZone = 'UTC'")
            self._threads = 0

    @contextmanager
    def lent(self, threads: int) -> Iterator[tuple[Any, Any]]:
        """A connection for a node, which is DuckDB's default one too, and another one to write what it returned."""
        import duckdb

        self.prepare()
        self._use(threads)
        self._is_clean = True
        try:
            with closing(self._instance.cursor()) as connection, closing(self._instance.cursor()) as writer:
                duckdb.set_default_connection(connection)  # so that duckdb.sql() sees what ctx.duckdb sees
                yield connection, writer
        finally:
            if not self._is_clean:
                self._instance.close()
                self._instance = None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Note whether what runs inside leaves something behind."""
        before = self._trace()
        self._is_clean = False
        yield
        self._is_clean = before is not None and self._trace() == before

    def _trace(self) -> Any:
        """What is different after every statement that is not a mere query; None where DuckDB does not tell."""
        version = getattr(self._instance, "_catalog_version", None)
        return version and (version(), relations.given())

    def _use(self, threads: int) -> None:
        if threads != self._threads:
            self._instance.execute(f"SET threads = {max(1, threads)}")
            self._threads = threads

"""What statements may read: the tables of one published generation, and what a person connected.

Decides what a table is called and which generation counts: the one that is published when a statement begins, or the one
that was asked for. A statement gets a DuckDB of its own that can touch the files of the tables that it mentions, verified,
and nothing else; it is closed with the answer, so that nothing can be changed in it either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from seeknal.build.peek import verified
from seeknal.build.session import Session
from seeknal.engines.connections import connections_of
from seeknal.model.environment import PRODUCTION
from seeknal.model.generation import Published
from seeknal.model.lowering import path_literal, quoted
from seeknal.model.node import Schema
from seeknal.repl import afar
from seeknal.repl.bring import bring_answer, bring_tables
from seeknal.repl.connect import Connected, check_name, over
from seeknal.repl.names import mentioned
from seeknal.repl.offers import Offers
from seeknal.store import refs


class Listed(NamedTuple):
    """A published table as it is listed."""

    name: str
    id: str
    rows: int
    columns: int


# The databases and schemas that every DuckDB has.
_TAKEN = {"main", "memory", "temp", "system", "information_schema", "pg_catalog"}


class Tables:
    """Names and what they stand for. `refresh` before each statement."""

    def __init__(self, session: Session, generation: str | None = None) -> None:
        self.session = session
        self.pinned = generation is not None
        if generation is not None:
            from seeknal.build.past import generation_named

            session.base, session.generation = generation_named(session, generation)
            for target in session.generation.targets.values():
                session.place_in(target)
        self.connected: dict[str, Connected] = {}
        self.offers = Offers(session)
        self._read()

    def _read(self) -> None:
        session = self.session
        own = session.generation.targets if session.generation else {}
        self._targets: Mapping[str, Published] = own if self.pinned else session.published
        targets = self._targets
        self._ids = {spelled: name for name in targets for spelled in (name.replace(".", "_", 1), name)}
        self.schemas: dict[str, Schema] = {
            spelled: targets[name].artifact.schema for spelled, name in self._ids.items()
        }
        for connected in self.connected.values():
            self.schemas |= connected.schemas()

    def refresh(self) -> bool:
        """Whether another generation has been published since, in `prod` too: it counts from now on."""
        session = self.session
        self.offers.forget()
        env = session.request.environment
        seen = (session.ref_seen, session.ref_seen if env == PRODUCTION else session.production)
        if self.pinned or seen == tuple(refs.read_ref(session.target, name) for name in (env, PRODUCTION)):
            return False
        before = (session.base, session.production)
        session.read_published()
        self._read()
        return (session.base, session.production) != before

    def connect(self, connected: Connected | None) -> None:
        """Add what was connected, or leave (None) all that was."""
        if connected is None:
            self.close()
        self.connected = {**self.connected, connected.name: connected} if connected else {}
        self._read()

    def close(self) -> None:
        """Let go of all servers."""
        for connected in self.connected.values():
            if connected.server:
                connected.server.close()

    # -- connections -----------------------------------------------------------------------------------------------

    def taken(self) -> set[str]:
        """The names that a connection cannot have, in small letters."""
        kinds = {name.partition(".")[0] for name in self._targets}
        return {name.lower() for name in (*self.schemas, *self.connected, *kinds)} | _TAKEN

    def asking(self, attach: Callable[[Any], None], paths: tuple[str, ...], sql: str) -> list[tuple[Any, ...]]:
        """What a new DuckDB with something attached answers."""
        with connections_of(self.session.setting).exactly(paths, attach) as con:
            rows: list[tuple[Any, ...]] = con.execute(sql).fetchall()
            return rows

    def _server(self, name: str) -> Connected | None:
        """What the first name of a table stands for, where that is a connection; one of the profile is connected now."""
        known = {spelled.lower(): connected for spelled, connected in self.connected.items()}
        taken = self.taken()
        if name in known:
            return known[name] if known[name].server else None
        if name in taken:
            return None
        said = next((one for one in self.offers.names() if one.lower() == name), None)
        settings = self.offers.settings(said) if said else None
        if said is None or settings is None:
            return None
        check_name(said, said, taken)
        self.connect(over(*settings, said, self.asking))
        return self._server(name)

    def reach(self, sql: str) -> list[afar.Mention]:
        """The tables of servers that a statement names; they are connected. Raises SeeknalError."""
        return afar.mentions(sql, self._server)

    def listed(self) -> list[Listed]:
        """The published tables by name."""
        found = [
            Listed(name.replace(".", "_", 1), name, target.artifact.rows, len(target.artifact.schema))
            for name, target in self._targets.items()
        ]
        return sorted(found)

    def target(self, name: str) -> tuple[str, Published] | None:
        """The id and the published target of a name, in any spelling."""
        found = mentioned(name if name.isidentifier() or "." in name else quoted(name), self._ids)
        known = self._ids[found.pop()] if len(found) == 1 else None
        return (known, self._targets[known]) if known else None

    @contextmanager
    def opened(self, sql: str, named: Sequence[afar.Mention] = ()) -> Iterator[Any]:
        """A DuckDB where the tables of a statement can be read, and nothing else; those of servers, `named`, are brought.

        Raises IntegrityFinding, BuildFailed.
        """
        published = mentioned(sql, self._ids)
        linked = [c for name, c in self.connected.items() if mentioned(sql, (name,))]
        scratch: list[str] = []

        def first(con: Any) -> None:
            for connected in linked:
                connected.attach(con)

        try:
            paths = {spelled: self._path(spelled, scratch) for spelled in published}
            allowed = [*dict.fromkeys(paths.values()), *(path for c in linked for path in c.paths)]
            with connections_of(self.session.setting).exactly(allowed, first) as con:
                con.execute("CREATE MACRO ref(node) AS TABLE FROM query_table(node)")  # as the SQL of nodes says it
                for spelled, path in paths.items():
                    _show(con, spelled, path)
                bring_tables(con, sql, named, self.session.warn)
                yield con
        finally:
            for path in scratch:
                self.session.disk.remove(path)

    @contextmanager
    def pushed(self, sql: str, named: Sequence[afar.Mention], limit: int | None) -> Iterator[Any]:
        """A DuckDB with the answer of a server to a whole statement, as the table ANSWER. Raises BuildFailed."""
        with connections_of(self.session.setting).exactly((), None) as con:
            bring_answer(con, sql, named, limit)
            yield con

    def _path(self, spelled: str, scratch: list[str]) -> str:
        return verified(self.session, self._targets[self._ids[spelled]].artifact, scratch)


def _show(con: Any, spelled: str, path: str) -> None:
    """Let a name (`transform_x`, or `transform.x` in a schema of its kind) stand for a file."""
    kind, dot, name = spelled.rpartition(".")
    if dot:
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(kind)}")
    place = f"{quoted(kind)}.{quoted(name)}" if dot else quoted(spelled)
    con.execute(f"CREATE OR REPLACE VIEW {place} AS FROM read_parquet({path_literal(path)})")

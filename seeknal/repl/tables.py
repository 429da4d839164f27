"""What statements may read: the tables of one published generation, and what a person connected.

Decides what a table is called and which generation counts: the one that is published when a statement begins, or the one
that was asked for. A statement gets a DuckDB of its own that can touch the files of the tables that it mentions, verified,
and nothing else; it is closed with the answer, so that nothing can be changed in it either.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from seeknal.build.peek import verified
from seeknal.build.session import Session
from seeknal.drivers import Failed
from seeknal.engines.connections import connections_of
from seeknal.errors import BuildFailed, ProjectError
from seeknal.model.environment import PRODUCTION
from seeknal.model.generation import Published
from seeknal.model.lowering import path_literal, quoted
from seeknal.model.node import Schema
from seeknal.repl import afar
from seeknal.repl.connect import Connected, check_name, over
from seeknal.repl.names import mentioned
from seeknal.repl.servers import failed
from seeknal.repl.text import spoken
from seeknal.repl.wrong import told
from seeknal.store import refs

if TYPE_CHECKING:
    from seeknal.project.profile import Profile


class Listed(NamedTuple):
    """A published table as it is listed."""

    name: str
    id: str
    rows: int
    columns: int


ANSWER = quoted("__answer__")
# So many rows that are brought from a server to be read here are worth a word.
MANY = 1_000_000
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
        self._profile: tuple[Profile, Mapping[str, str]] | None = None
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
        self._profile = None
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

    def profile(self) -> tuple[Profile, Mapping[str, str]]:
        """The profile and the variables, read when something first asks. Raises ProjectError."""
        if self._profile is None:
            from seeknal.build.connect import profiles
            from seeknal.build.dotenv import read
            from seeknal.project.profile import find_profile

            env = {**read(self.session.root)[0], **os.environ}
            self._profile = find_profile(self.session.read, profiles(self.session)), env
        return self._profile

    def offered(self) -> dict[str, str]:
        """The connections of the profile with their types; none where it cannot be read."""
        from seeknal.project.profile import type_of

        try:
            return {name: type_of(said) for name, said in self.profile()[0].connections.items()}
        except ProjectError:
            return {}

    def settings(self, name: str) -> tuple[str, Mapping[str, Any]] | None:
        """The type and the fields of a connection of the profile. Raises ProjectError."""
        from seeknal.project.connections import settings_named

        profile, env = self.profile()
        if name not in profile.connections:
            return None
        type_, settings = settings_named(name, profile, env)
        if "path" in settings:
            settings["path"] = os.path.join(self.session.root, settings["path"])
        return type_, settings

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
        said = next((one for one in self.profile()[0].connections if one.lower() == name), None)
        settings = self.settings(said) if said else None
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
                self._bring(con, sql, named)
                yield con
        finally:
            for path in scratch:
                self.session.disk.remove(path)

    @contextmanager
    def pushed(self, sql: str, named: Sequence[afar.Mention], limit: int | None) -> Iterator[Any]:
        """A DuckDB with the answer of a server to a whole statement, as the table ANSWER. Raises BuildFailed."""
        with connections_of(self.session.setting).exactly((), None) as con:
            try:
                _brought(con, named, sql, limit, ANSWER)
            except BuildFailed as error:
                if error.reason == "query_failed" and not error.hint:
                    error.hint = f"{named[0].connected.name} answers this statement itself: it is in its own SQL"
                raise
            yield con

    def _bring(self, con: Any, sql: str, named: Sequence[afar.Mention]) -> None:
        """Copy the tables of servers, each once, under each of its names."""
        limit = 0 if spoken(sql)[0].text.upper() == "DESCRIBE" else None
        places: dict[tuple[str, tuple[str, str]], str] = {}
        for mention in {tuple(map(str.lower, m.spelled)): m for m in named}.values():
            place = _place(con, mention)
            key = (mention.connected.name, mention.table)
            if key in places:
                con.execute(f"CREATE VIEW {place} AS FROM {places[key]}")
                continue
            table = ".".join(map(quoted, mention.table))
            count = _brought(con, [mention], f"SELECT * FROM {table}", limit, place)
            places[key] = place
            if count > MANY:
                self.session.warn(
                    f"{'.'.join(mention.spelled)}: all of its {count:,} rows were brought here to be joined"
                )

    def _path(self, spelled: str, scratch: list[str]) -> str:
        return verified(self.session, self._targets[self._ids[spelled]].artifact, scratch)


def _place(con: Any, mention: afar.Mention) -> str:
    """The table of a DuckDB that a name of a statement stands for."""
    *schemas, table = mention.spelled[1:]
    schema = schemas[0] if schemas else "main"
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(mention.connected.name)}.{quoted(schema)}")
    return ".".join(map(quoted, (mention.connected.name, schema, table)))


def _brought(con: Any, named: Sequence[afar.Mention], query: str, limit: int | None, place: str) -> int:
    """Bring the rows of a query over these tables of one server; how many. Raises BuildFailed."""
    connected = named[0].connected
    assert connected.server is not None
    try:
        return connected.server.bring(con, query, limit, place)
    except Failed as error:
        columns = [column for mention in named for column in connected.server.columns(mention.table)]
        message = told(error.message, connected.tables, columns)
        raise failed(
            connected.name, Failed(message, error.reason, error.hint if message == error.message else "")
        ) from error


def _show(con: Any, spelled: str, path: str) -> None:
    """Let a name (`transform_x`, or `transform.x` in a schema of its kind) stand for a file."""
    kind, dot, name = spelled.rpartition(".")
    if dot:
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(kind)}")
    place = f"{quoted(kind)}.{quoted(name)}" if dot else quoted(spelled)
    con.execute(f"CREATE OR REPLACE VIEW {place} AS FROM read_parquet({path_literal(path)})")

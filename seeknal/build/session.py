"""The composition root: one place that wires project, store, engines, clock and reporter together.

Decides nothing about targets; it answers the questions that the pure core asks (prepare, look up, what is published).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from seeknal.build import exports
from seeknal.build.intervals import Intervals
from seeknal.build.lazy import Lazy
from seeknal.build.log import EventLog
from seeknal.build.memo import FileMemo
from seeknal.engines import Engines
from seeknal.engines.base import File, Setting
from seeknal.errors import DefinitionWrong, Problem, ProjectError
from seeknal.model.action import Action, Artifact
from seeknal.model.environment import PRODUCTION
from seeknal.model.family import Demand
from seeknal.model.generation import Generation, Published
from seeknal.model.graph import Graph
from seeknal.model.interval import Interval
from seeknal.model.node import Node
from seeknal.model.plan import Found, Prepared, Step, World
from seeknal.project.files import matches
from seeknal.store import refs
from seeknal.store.cache import Store
from seeknal.store.disk import Disk
from seeknal.store.layout import StoreLayout, TargetLayout
from seeknal.store.statcache import StatCache

if TYPE_CHECKING:
    from seeknal.project.load import Project


@dataclass(frozen=True, slots=True)
class Request:
    """What a command asks of a session."""

    root: str
    as_of: datetime
    run_id: str
    cache_dir: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    environment: str = PRODUCTION
    workers: int = 1
    read_only: bool = False
    durable: bool = True
    demand: Demand | None = None
    restate: bool = False
    materialize: bool | None = None
    profile: str | None = None
    connect: bool = True


class Session:
    """Everything that a command works with. Close it when done."""

    def __init__(self, request: Request, warn: Callable[[str], None], disk: Disk | None = None) -> None:
        self.request = request
        self.warn = warn
        self.disk = disk or Disk(durable=request.durable)
        self.target = TargetLayout(os.path.join(request.root, "target"))
        store = StoreLayout(os.path.abspath(request.cache_dir) if request.cache_dir else self.target.root)
        self.stats = StatCache(self.target.local("files.json"), self.disk)
        self.memo = FileMemo(self.target.local("memo.json"), self.disk)
        self.splits = FileMemo(self.target.local("splits.json"), self.disk)
        self.store = Store(store, self.disk, self.stats, warn, read_only=request.read_only)
        self.log = EventLog(None if request.read_only else self.target.log(request.run_id), self.disk)
        self.setting = _setting(request, self, store)
        self.engines = Engines(self.setting)
        self.project: Project | None = None
        self.env: Mapping[str, str] = {}
        self.graph = Graph({}, {}, {})
        self.generation: Generation | None = None
        self.base: str | None = None
        self.production: str | None = None
        self._beneath: Mapping[str, Published] = {}
        self.ref_seen: str | None = None
        self._intervals = Intervals(self.store, self.prepare, lambda name: self.graph.nodes[name], self._narrowed)
        self.marks: dict[str, list[Interval]] = {}

    # -- the published state ---------------------------------------------------------------------------------------

    def read_published(self) -> None:
        """Read what is published now; an environment that has nothing yet starts from what is published in `prod`."""
        env = self.request.environment
        self.ref_seen = refs.read_ref(self.target, env)
        found = refs.current(self.store, self.target, env)
        self.base, self.generation = found or (None, None)
        if env != PRODUCTION:
            self._read_production()
        for target in (*self._beneath.values(), *(self.generation.targets.values() if self.generation else ())):
            self.place_in(target)

    def _read_production(self) -> None:
        found = refs.current(self.store, self.target, PRODUCTION)
        self.production, production = found or (None, None)
        self._beneath = production.targets if production else {}
        self.generation = self.generation or production

    @property
    def published(self) -> Mapping[str, Published]:
        """The published targets; beside `prod`, those of `prod` stand for what the environment does not have."""
        return {**self._beneath, **(self.generation.targets if self.generation else {})}

    def place_of(self, node: Node, artifact: Artifact) -> dict[str, str]:
        """For an artifact in place, where its file is, relative to the project: for people and views, never in a key."""
        if not artifact.in_place:
            return {}
        found = [f.path for pattern in node.recipe.files for f in self.files_of(pattern) if f.digest == artifact.blob]
        return {"place": os.path.relpath(found[0], self.root)} if found else {}

    def place_in(self, target: Published) -> str | None:
        """The file of a published artifact in place, if it still is that file; noted for the store."""
        if not target.artifact.in_place or "place" not in target.meta:
            return None
        path = os.path.normpath(os.path.join(self.root, target.meta["place"]))
        try:
            if self.stats.digest(path) != target.artifact.blob:
                return path
        except OSError:
            return path
        self.store.places[target.artifact.blob] = path
        self.setting.allowed.add(path)
        return path

    def artifacts(self) -> dict[str, Artifact]:
        """The published artifacts whose bytes are there."""
        found = {name: self.store.present(target.artifact).artifact for name, target in self.published.items()}
        return {name: artifact for name, artifact in found.items() if artifact}

    def document_before(self, name: str) -> Mapping[str, Any] | None:
        """The action document that the published artifact of a target was made from."""
        if self.generation is None or name not in self.generation.targets:
            return None
        document: Mapping[str, Any] | None = self.store.document(self.generation.targets[name].action)
        return document

    # -- what the core asks ----------------------------------------------------------------------------------------

    def world(self) -> World:
        """The answers for `plan.decide`."""
        return World(
            self.prepare, partial(self.lookup, sure=False), self.document_before, Lazy(self.artifacts), self.intervals
        )

    def intervals(self, node: Node, inputs: Mapping[str, Artifact], forced: bool) -> Step:
        """The verdict on a node with intervals, one by one."""
        published = self.generation.targets.get(node.id) if self.generation else None
        return self._intervals.decide(node, inputs, published, self.demand, forced=forced)

    @property
    def demand(self) -> Demand:
        """What the run wants of nodes with intervals."""
        asked = self.request.demand or Demand(self.request.as_of)
        return replace(asked, restated=self.marks) if self.request.restate else asked

    def own(self) -> Any:
        """A cursor for SQL that seeknal wrote itself."""
        engine: Any = self.engines.get("duckdb")
        return engine.connections.own()

    def brief(self) -> Any:
        """A cursor like `own`, of one thread: for many small queries side by side."""
        engine: Any = self.engines.get("duckdb")
        return engine.connections.brief()

    def lookup(self, node: Node, key: str, *, sure: bool = True) -> Found:
        """The artifact of an action of a node, if it is there; of one that sends something, if that was sent last.

        Not `sure`: see `Store.lookup`.
        """
        if "outside" in node.traits:
            return exports.sent(self, node, key)
        known = self.generation.targets.get(node.id) if self.generation else None
        found = self.store.present(known.artifact) if known and known.action == key else Found(None)
        return found if found.artifact else self.store.lookup(key, sure=sure)

    def prepare(self, node: Node, inputs: Mapping[str, Artifact]) -> Prepared:
        """The action of a node. Raises DefinitionWrong."""
        files = tuple(self.files_of(pattern) for pattern in node.recipe.files)
        return self.engines.get(node.recipe.engine).prepare(node, inputs, files)

    def _narrowed(self, node: Node, action: Action) -> Action:
        """The action of an interval, by what its engine knows of that alone. Raises DefinitionWrong."""
        engine: Any = self.engines.get(node.recipe.engine)
        narrowed: Action = engine.narrowed(node, action)
        return narrowed

    def files_of(self, pattern: str) -> tuple[File, ...]:
        """The files that a pattern means, with their digests."""
        found = []
        for path in matches(self.request.root, pattern, self.stats.watch):
            try:
                digest = self.stats.digest(path)
            except OSError as error:
                raise DefinitionWrong(f"cannot read {path}: {error.strerror}", reason="unreadable_file") from error
            self.store.places[digest] = path
            self.setting.allowed.add(path)
            found.append(File(path, digest))
        return tuple(found)

    def settings(self, node: Node) -> Mapping[str, Any]:
        """The connection that a node reads over. Raises DefinitionWrong."""
        from seeknal.project.connections import settings_of
        from seeknal.project.profile import Profile

        profile = self.project.profile if self.project else Profile()
        return settings_of(node, profile, self.env)

    # -- files of the project --------------------------------------------------------------------------------------

    @property
    def root(self) -> str:
        """The project's folder."""
        return self.request.root

    def read(self, path: str) -> bytes | None:
        """A project file, noted as one that the result depends on."""
        full = os.path.join(self.request.root, path)
        if not os.path.isfile(full):  # a pipe of this name must not hang us
            self.stats.watch(full)
            if os.path.islink(full):
                raise ProjectError([Problem(path, 1, "a link that leads to no file: remove it", "unreadable_file")])
            return None
        try:
            self.stats.digest(full)
            with open(full, "rb") as file:
                return file.read()
        except OSError as error:
            problem = Problem(path, 1, f"the file cannot be read: {error.strerror}", "unreadable_file")
            raise ProjectError([problem]) from error

    def watch(self, path: str) -> None:
        """Note that the result depends on the listing of a folder."""
        self.stats.watch(path)

    def save(self, *, whole: bool = False) -> None:
        """Keep what only speeds up."""
        if not self.request.read_only:
            self.stats.save(self.target.tmp)
            self.memo.save(self.target.tmp, whole=whole)
            self.splits.save(self.target.tmp, whole=False)

    def close(self) -> None:
        """Stop engines."""
        self.engines.close()


def _setting(request: Request, session: Session, store: StoreLayout) -> Setting:
    return Setting(
        project=request.root,
        target=session.target.root,
        readable=(os.path.join(store.root, "cas"), store.tmp, os.path.join(session.target.root, "parts")),
        scratch=store.tmp,
        as_of=request.as_of,
        run_id=request.run_id,
        memo=session.memo,
        workers=request.workers,
        threads=os.cpu_count() or 1,
        states=tuple(dict.fromkeys(map(session.target.states, (request.environment, PRODUCTION)))),
        warn=session.warn,
        watch=session.stats.watch,
        settings=session.settings,
        environment=request.environment,
        connect=request.connect,
    )


@contextmanager
def opened(request: Request, warn: Callable[[str], None], disk: Disk | None = None) -> Iterator[Session]:
    """A session, closed at the end."""
    session = Session(request, warn, disk)
    try:
        yield session
    finally:
        session.close()

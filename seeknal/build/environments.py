"""Environments: lines of generations beside `prod`, over the same store.

Decides what promoting one would lose, and what of it takes the place of the other's. Builds nothing: promoting writes one
generation and moves one ref.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from seeknal.build.publish import Publication, publish_targets, root_name
from seeknal.build.session import Session
from seeknal.build.stamp import stamp_name
from seeknal.errors import UsageError, nearest
from seeknal.model.digest import short
from seeknal.model.environment import PRODUCTION
from seeknal.model.generation import Generation, Published, changes, conflicts
from seeknal.model.node import view_stem
from seeknal.store import refs
from seeknal.store.gc import environments
from seeknal.store.lock import locked


class Environment(NamedTuple):
    """An environment, its current generation, what `prod` would get from it, and what of `prod` it has not seen."""

    name: str
    digest: str
    generation: Generation
    apart: Mapping[str, str]
    behind: Mapping[str, str]


def every(session: Session) -> list[Environment]:
    """All environments that have a generation, `prod` first."""
    names = sorted(environments(session.target), key=lambda name: (name != PRODUCTION, name))
    found = {name: refs.current(session.store, session.target, name) for name in names}
    production = found.get(PRODUCTION)
    targets = production[1].targets if production else {}
    return [
        Environment(name, *pair, *(({}, {}) if name == PRODUCTION else _against(session, pair[1], targets)))
        for name, pair in found.items()
        if pair
    ]


def planned_only(session: Session) -> list[str]:
    """Environments that have a kept plan and no generation."""
    folder = os.path.dirname(session.target.environment("x"))
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    there = environments(session.target)
    return [name for name in names if name not in there and os.path.isfile(session.target.plan(name))]


def _against(
    session: Session, generation: Generation, there: Mapping[str, Published]
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    apart = changes(Generation("", None, "", "", there), generation.targets)
    return apart, conflicts(_base(session, generation), there, generation.targets)


def named(session: Session, name: str) -> tuple[str, Generation]:
    """The current generation of an environment. Raises UsageError."""
    found = refs.current(session.store, session.target, name)
    if found is None:
        hint = f"see what there is: seeknal env list; make it: seeknal run --env {name}"
        near = nearest(name, environments(session.target))
        raise UsageError(f"there is no environment {name!r}{near}", reason="unknown_environment", hint=hint)
    return found


def promote(session: Session, source: str) -> tuple[Publication, str]:
    """Publish in the session's environment what `source` has. Raises UsageError if that would lose what was published there
    since `source` was last brought up to date over it, MovedOn if another run publishes at this moment."""
    with locked(session.store.layout.lock, exclusive=False):
        digest, generation = named(session, source)
        session.read_published()
        there = session.generation.targets if session.base and session.generation else {}
        lost = conflicts(_base(session, generation), there, generation.targets) if there else {}
        if lost:
            raise _moved_on(session.request.environment, source, lost)
        for target in generation.targets.values():
            session.place_in(target)
        _check_whole(session, generation)
        note = f"promoted {source} {short(digest)}"
        over = None if session.request.environment == PRODUCTION else generation.production
        done = publish_targets(session, _targets(session, generation, there), note, production=over)
        _states(session, source, done.changes)
    return done, digest


def _base(session: Session, generation: Generation) -> Generation | None:
    """What was published in `prod` when the environment was last brought up to date."""
    return refs.load(session.store, generation.production) if generation.production else None


def _moved_on(target: str, source: str, lost: Mapping[str, str]) -> UsageError:
    shown = ", ".join(f"{name} ({word})" for name, word in list(lost.items())[:5])
    more = f" and {len(lost) - 5} more" if len(lost) > 5 else ""
    text = f"{target} has moved on since {source} was brought up to date over it: {shown}{more}"
    hint = f"bring {source} up to date and promote it: seeknal env promote {source} --rebase"
    return UsageError(text, reason="moved_on", hint=hint)


def _check_whole(session: Session, generation: Generation) -> None:
    for name, target in generation.targets.items():
        if session.store.present(target.artifact).artifact is None:
            hint = f"build it again: seeknal run --env {generation.environment}"
            raise UsageError(f"the output of {name} is gone", reason="artifact_missing", hint=hint)


def _targets(session: Session, source: Generation, there: Mapping[str, Published]) -> dict[str, Published]:
    """The targets of `source`; of what leaves the project, what the environment itself has sent or written."""
    nodes = session.graph.nodes
    found = {}
    for name, target in source.targets.items():
        own = there.get(name) if name in nodes and "outside" in nodes[name].traits else target
        if own is not None:
            found[name] = own
    return found


def _states(session: Session, source: str, changed: Mapping[str, str]) -> None:
    """What nodes remember comes with what they made."""
    for name in changed:
        stem = f"{view_stem(name)}.json"
        path = os.path.join(session.target.states(source), stem)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                data = file.read()
            session.disk.put(session.target.tmp, os.path.join(session.setting.states[0], stem), data)


def delete(session: Session, name: str) -> None:
    """Remove an environment: its ref, views, marks and what it remembers. What only it needs goes with the next gc."""
    with locked(session.store.layout.lock, exclusive=False), locked(session.target.publish_lock, exclusive=True):
        own = session.target
        session.disk.remove_folder(own.environment(name))
        root = session.store.layout.root_of(f"{root_name(session)}-{name}")
        for path in (own.marks(name), own.local(stamp_name(name)), own.ref(name), root):
            session.disk.remove(path)
        session.disk.sync()

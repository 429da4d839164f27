"""Which published state a person means: a generation by its digest or run, an environment, or one in an environment.

Decides what a word means, and in which order it is looked for. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from seeknal.build.session import Session
from seeknal.errors import UsageError, nearest
from seeknal.model.digest import PREFIX
from seeknal.model.generation import Generation
from seeknal.store import refs
from seeknal.store.gc import environments

_LOG = "see `seeknal log`"


class Side(NamedTuple):
    """A published state: the environment that it was published in, its digest, what it holds."""

    environment: str
    digest: str
    generation: Generation


def side_named(session: Session, word: str) -> Side:
    """The state that `word` means: an environment, ENV@GENERATION, a digest or its beginning, a run id. Raises UsageError."""
    known = environments(session.target)
    if word in known:
        return current_of(session, word)
    env, at, rest = word.partition("@")
    if at:
        if env not in known:
            raise UsageError(
                f"nothing is published in environment {env!r}{nearest(env, known)}", reason="unknown_environment"
            )
        return _one(word, list(_found(session, rest, [env])))
    own = session.request.environment
    found = list(_found(session, word, [own])) or list(_found(session, word, [name for name in known if name != own]))
    return _one(word, found, nearest(word, known))


def current_of(session: Session, env: str) -> Side:
    """What is published in an environment now. Raises UsageError."""
    found = refs.current(session.store, session.target, env)
    if found is None:
        raise UsageError(f"nothing is published in environment {env!r}: seeknal run", reason="unknown_generation")
    return Side(env, *found)


def parent_of(session: Session, side: Side) -> Side:
    """What was published before. Raises UsageError."""
    parent = side.generation.parent
    found = refs.load(session.store, parent) if parent else None
    if parent is None or found is None:
        what = "there is no earlier generation" if parent is None else "the earlier generation is gone from the store"
        raise UsageError(f"{what}: name what to compare with", reason="unknown_generation", hint=_LOG)
    return Side(side.environment, parent, found)


def _found(session: Session, word: str, envs: list[str]) -> Iterator[Side]:
    hexed = word.removeprefix(PREFIX)
    seen: set[str] = set()
    for env in envs:
        for digest, generation in refs.history(session.store, session.target, env):
            meant = bool(hexed) and (digest.removeprefix(PREFIX).startswith(hexed) or generation.run == word)
            if meant and digest not in seen:
                seen.add(digest)
                yield Side(env, digest, generation)


def _one(word: str, found: list[Side], near: str = "") -> Side:
    """The one that was found; of several that one run published, the last."""
    if found and (len(found) == 1 or all(side.generation.run == word for side in found)):
        return found[0]
    what = "means several generations" if found else f"is neither a generation nor an environment{near}"
    raise UsageError(f"{word!r} {what}", reason="unknown_generation", hint=_LOG)

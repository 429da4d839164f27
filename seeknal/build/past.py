"""The history of an environment: finding an earlier generation, and publishing it again.

Decides which generation a person means.
"""

from __future__ import annotations

from seeknal.build.publish import Publication, publish_targets
from seeknal.build.session import Session
from seeknal.errors import UsageError
from seeknal.model.digest import PREFIX, short
from seeknal.model.generation import Generation
from seeknal.store import refs
from seeknal.store.lock import locked


def generations(session: Session) -> list[tuple[str, Generation]]:
    """Every generation that can still be published, newest first."""
    return list(refs.history(session.store, session.target, session.request.environment))


def generation_named(session: Session, word: str) -> tuple[str, Generation]:
    """The generation that `word` (a digest, the beginning of one, or a run id) means. Raises UsageError."""
    hexed = word.removeprefix(PREFIX)
    every = generations(session)
    found = [item for item in every if item[0].removeprefix(PREFIX).startswith(hexed) or item[1].run == word]
    if len(found) == 1:
        return found[0]
    what = "means several generations" if found else "is no generation"
    raise UsageError(f"{word!r} {what}: see `seeknal log`", reason="unknown_generation")


def rollback(session: Session, word: str | None) -> tuple[Publication, str]:
    """Publish an earlier generation again: the parent of the current one, or the one that is named."""
    with locked(session.store.layout.lock, exclusive=False):
        return _rollback(session, word)


def _rollback(session: Session, word: str | None) -> tuple[Publication, str]:
    session.read_published()
    if word is None:
        every = generations(session)
        if len(every) < 2:
            raise UsageError("there is no earlier generation", reason="unknown_generation")
        digest, generation = every[1]
    else:
        digest, generation = generation_named(session, word)
    for target in generation.targets.values():
        session.place_in(target)
    lost = [name for name, t in generation.targets.items() if session.store.present(t.artifact).artifact is None]
    if lost:
        text = f"generation {short(digest)} cannot come back: the output of {lost[0]} is gone"
        raise UsageError(text, reason="artifact_missing", hint="a source file in place has changed, or gc removed it")
    note = f"rollback to {short(digest)}"
    return publish_targets(session, generation.targets, note, production=generation.production), digest

"""The names of a project, one a line, for shells that complete them: no process has to start for a TAB.

Decides which names are worth it: only those of harmless characters, so that no shell can take one for anything else. The
file lies beside what only speeds up; its loss loses completions.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

from seeknal.build.session import Session
from seeknal.model.digest import short
from seeknal.model.environment import PRODUCTION

NAME = "names"
_HARMLESS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@/+-]{0,199}")
_GENERATIONS = 30


def write_names(session: Session, published: str | None) -> None:
    """Write the names of the project that is loaded, where they changed; `published` is the current generation."""
    path = session.target.local(NAME)
    before = _read(path)
    lines = [f"{sort} {word}\n" for sort, words in _words(session, published, before) for word in _harmless(words)]
    data = "".join(lines).encode()
    if data != before:
        session.disk.put(session.target.tmp, path, data)


def _words(session: Session, published: str | None, before: bytes) -> Iterator[tuple[str, Iterable[str]]]:
    nodes = [node for node in session.graph.nodes.values() if "beside" not in node.traits]
    yield "node", sorted(node.id for node in nodes)
    yield "kind", sorted({node.kind for node in nodes})
    yield "tag", sorted({tag for node in nodes for tag in node.tags})
    yield "entity", sorted(node.name for node in nodes if node.kind == "entity")
    yield "environment", sorted({PRODUCTION, session.request.environment, *_environments(session)})
    known = [line[11:] for line in before.decode("ascii", "replace").splitlines() if line.startswith("generation ")]
    latest = [short(published)] if published else []
    yield "generation", [*dict.fromkeys([*latest, *known])][:_GENERATIONS]


def _environments(session: Session) -> list[str]:
    try:
        return os.listdir(os.path.dirname(session.target.ref(PRODUCTION)))
    except OSError:
        return []


def _harmless(words: Iterable[str]) -> list[str]:
    return [word for word in words if _HARMLESS.fullmatch(word)]


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""

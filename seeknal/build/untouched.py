"""Whether the inputs of a target are after its execution what they were before: a function may write where it likes.

Decides that a target that changed its input fails, and that nobody trusts the bytes of that input any more.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from seeknal.build.folders import files_of
from seeknal.build.session import Session
from seeknal.errors import BuildFailed
from seeknal.model.action import Artifact
from seeknal.model.node import Node
from seeknal.model.parts import Slice
from seeknal.store.cache import Damaged


@contextmanager
def untouched(session: Session, node: Node, inputs: Mapping[str, Artifact | Slice]) -> Iterator[None]:
    """Execute inside. Raises BuildFailed when a file of an input is not what its artifact says any more."""
    files = [
        (name, one, session.store.locate(one)) for name, given in inputs.items() for one in files_of(session, given)
    ]
    before = [_stamp(path) for _, _, path in files]
    yield
    for (name, one, path), stamp in zip(files, before, strict=True):
        if _stamp(path) != stamp and not _is_whole(session, one):
            text = f"the file of {name} changed while {node.id} ran ({path}): a node must not write into its inputs"
            raise BuildFailed(f"{node.file}:{node.line}: {text}", reason="changed_input")


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _is_whole(session: Session, artifact: Artifact) -> bool:
    """Whether another process has only put the same bytes there again."""
    session.store.doubt(artifact)
    try:
        session.store.verified(artifact)
    except Damaged:
        return False
    return True

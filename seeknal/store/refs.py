"""Refs and generations of one environment: what is published now, what was before.

Decides how the current generation is found, also when the ref is damaged. Writing is `build/publish.py`'s business.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from seeknal.errors import EnvironmentFailure
from seeknal.model.digest import PREFIX, is_digest
from seeknal.model.generation import GENERATION, VERSION, Generation, read_generation
from seeknal.store.cache import Store
from seeknal.store.layout import TargetLayout


def read_ref(layout: TargetLayout, env: str) -> str | None:
    """The digest that the ref names; None when there is no ref or it is not one line with a digest."""
    try:
        with open(layout.ref(env), "rb") as file:
            text = file.read(100).decode("ascii", "replace")
    except OSError:
        return None
    return text[:-1] if text.endswith("\n") and is_digest(text[:-1]) else None


def current(store: Store, layout: TargetLayout, env: str) -> tuple[str, Generation] | None:
    """The published generation with its digest; None before the first publication.

    A damaged ref is answered from the pointer of the views, which names the same generation.
    """
    for digest in filter(None, (read_ref(layout, env), _from_pointer(store, layout, env))):
        generation = load(store, digest)
        if generation is not None:
            return digest, generation
    return None


def load(store: Store, digest: str) -> Generation | None:
    """The generation with this digest, verified; None when it is missing or damaged."""
    document = store.document(digest)
    try:
        _not_newer(document)
        return read_generation(document) if document is not None else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _not_newer(document: Any) -> None:
    version = document.get("version") if isinstance(document, dict) and document.get("type") == GENERATION else None
    if isinstance(version, int) and version > VERSION:
        text = f"the published generation is of version {version}: this seeknal reads version {VERSION}"
        raise EnvironmentFailure(text, reason="newer_store", hint="upgrade seeknal")


def _from_pointer(store: Store, layout: TargetLayout, env: str) -> str | None:
    try:
        name = os.path.basename(os.readlink(layout.pointer(env)))
        folder = os.path.join(store.layout.root, "cas", name[:2])
        found = [entry for entry in os.listdir(folder) if (name[:2] + entry).startswith(name)]
    except OSError:
        return None
    return f"{PREFIX}{name[:2]}{found[0]}" if len(found) == 1 and len(name) == 16 else None


def history(store: Store, layout: TargetLayout, env: str) -> Iterator[tuple[str, Generation]]:
    """The current generation and its parents, newest first, as far as the store still has them."""
    found = current(store, layout, env)
    while found is not None:
        yield found
        parent = found[1].parent
        generation = load(store, parent) if parent else None
        found = (parent, generation) if parent and generation else None

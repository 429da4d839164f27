"""Collecting: what of a store may go, in the order that never leaves a dangling name.

Decides what is needed: the kept generations of every project that uses the store, and everything younger than the given
age. Removal goes view folders, results, blobs: the reverse of writing. The caller holds the store's exclusive lock.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from seeknal.errors import IntegrityFinding
from seeknal.model.action import Artifact, read_artifact
from seeknal.model.digest import PREFIX, is_digest
from seeknal.model.generation import Generation
from seeknal.store import refs
from seeknal.store.cache import Store
from seeknal.store.layout import ACTIONS, TargetLayout
from seeknal.store.verify import entries

# Nothing younger is ever removed: another process may be about to name it.
GRACE = 3600.0


class Policy(NamedTuple):
    """What to keep: generations of each environment, age in seconds and size in bytes of the rest (None: no limit)."""

    keep_generations: int = 10
    max_age: float | None = 7 * 86400.0
    max_size: int | None = None
    grace: float = GRACE


class Collected(NamedTuple):
    """What went: files and bytes, and what is left."""

    removed: int
    freed: int
    kept: int


def collect(store: Store, target: TargetLayout, policy: Policy, now: float) -> Collected:
    """Remove what the policy does not keep."""
    kept = list(_kept(store, target, policy.keep_generations))
    needed = {digest for digest, generation in kept for digest in _needs(store, digest, generation)}
    _old_views(store, target, {digest for digest, _ in kept})
    _old_parts(store, target, (generation for _, generation in kept))
    results = _results(store, needed, policy, now)
    live = needed | {digest for name in results for digest in (name, *_bytes(store, results[name]))}
    removed, freed = _sweep(store, live, set(results), policy, now)
    _temporaries(store, target, policy, now)
    return Collected(removed, freed, len(live))


def environments(target: TargetLayout) -> list[str]:
    """The environments that have a ref."""
    folder = os.path.dirname(target.ref("prod"))
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def _kept(store: Store, target: TargetLayout, count: int) -> Iterator[tuple[str, Generation]]:
    for env in environments(target):
        found = refs.current(store, target, env)
        if found is None:
            raise _unreadable(target.ref(env))
        yield from _last(store, found[0], count)
    for path, digest in _other_roots(store):
        if refs.load(store, digest) is None:
            raise _unreadable(path)
        yield from _last(store, digest, count)


def _last(store: Store, digest: str | None, count: int) -> Iterator[tuple[str, Generation]]:
    for _ in range(max(count, 1)):
        generation = refs.load(store, digest) if digest else None
        if digest is None or generation is None:
            return
        yield digest, generation
        digest = generation.parent


def _unreadable(path: str) -> IntegrityFinding:
    text = f"{path} does not lead to a generation that can be read: nothing was removed"
    return IntegrityFinding(
        text, reason="damaged_ref", hint="`seeknal run` in that project mends it; or remove the file"
    )


def _other_roots(store: Store) -> Iterator[tuple[str, str]]:
    folder = os.path.dirname(store.layout.root_of("x"))
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        path = os.path.join(folder, name)
        with open(path, encoding="ascii", errors="replace") as file:
            digest = file.read().strip()
        if not is_digest(digest):
            raise _unreadable(path)
        yield path, digest


def _needs(store: Store, digest: str, generation: Generation) -> Iterator[str]:
    yield digest
    if generation.production:
        yield generation.production
    for target in generation.targets.values():
        yield target.action
        yield from _bytes(store, target.artifact)
        yield from target.views.values()


def _bytes(store: Store, artifact: Artifact) -> Iterator[str]:
    """The blobs of an artifact, and the actions of its parts."""
    yield artifact.blob
    for part in store.parts_of(artifact):
        yield part.action
        yield part.artifact.blob


def _results(store: Store, needed: set[str], policy: Policy, now: float) -> dict[str, Artifact]:
    """Action keys whose results stay, with their artifacts: the needed ones, then the youngest within age and size."""
    found: list[tuple[float, str, Artifact]] = []
    for name, path in entries(os.path.join(store.layout.root, ACTIONS)):
        try:
            with open(path, "rb") as file:
                artifact = read_artifact(json.loads(file.read())["artifact"])
            found.append((os.stat(path).st_mtime, PREFIX + name, artifact))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    keep, size = {}, 0
    for modified, key, artifact in sorted(found, key=lambda item: item[:2], reverse=True):
        size += artifact.size
        if key in needed or now - modified < policy.grace or _within(policy, now - modified, size):
            keep[key] = artifact
    return keep


def _within(policy: Policy, age: float, size: int) -> bool:
    return (policy.max_age is None or age <= policy.max_age) and (policy.max_size is None or size <= policy.max_size)


def _sweep(store: Store, live: set[str], results: set[str], policy: Policy, now: float) -> tuple[int, int]:
    removed = freed = 0
    for folder, keep in ((ACTIONS, results), ("cas", live)):
        for name, path in entries(os.path.join(store.layout.root, folder)):
            if PREFIX + name in keep:
                continue
            status = os.lstat(path)
            if now - max(status.st_mtime, status.st_ctime) >= policy.grace:
                store.disk.remove(path)
                store.stats.forget(path)
                removed, freed = removed + 1, freed + status.st_size
    return removed, freed


def _old_views(store: Store, target: TargetLayout, kept: Iterable[str]) -> None:
    names = {os.path.basename(target.generation("prod", digest)) for digest in kept}
    for env in environments(target):
        folder = os.path.dirname(target.generation(env, PREFIX + "0" * 64))
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            if name not in names:
                store.disk.remove_folder(os.path.join(folder, name))


def _old_parts(store: Store, target: TargetLayout, kept: Iterable[Generation]) -> None:
    """Folders that show the parts of tables which no kept generation has."""
    shown = {
        target.parts(t.artifact.blob) for generation in kept for t in generation.targets.values() if t.artifact.parts
    }
    folder = os.path.dirname(target.parts(PREFIX))
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        if os.path.join(folder, name) not in shown:
            store.disk.remove_folder(os.path.join(folder, name))


def _temporaries(store: Store, target: TargetLayout, policy: Policy, now: float) -> None:
    locks = os.path.dirname(store.layout.action_lock("x"))
    for folder in (store.layout.tmp, target.tmp, store.layout.quarantine, locks):
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            path = os.path.join(folder, name)
            if now - os.lstat(path).st_mtime >= max(policy.grace, 0):
                if os.path.isdir(path):
                    store.disk.remove_folder(path)
                else:
                    store.disk.remove(path)


def stats(store: Store) -> dict[str, int]:
    """Files and bytes of a store."""
    blobs = [os.stat(path).st_size for _, path in entries(os.path.join(store.layout.root, "cas"))]
    results = sum(1 for _ in entries(os.path.join(store.layout.root, ACTIONS)))
    quarantine = store.layout.quarantine
    damaged = len(os.listdir(quarantine)) if os.path.isdir(quarantine) else 0
    return {"blobs": len(blobs), "bytes": sum(blobs), "results": results, "quarantined": damaged}


def wall_clock() -> float:
    """Seconds since 1970: ages of files are measured against the file system's clock, not the run's."""
    return time.time()

"""The stamp of a run that left nothing to do: everything it relied on, by signature.

While every signature still holds, and the environment variables that were used have their values, the same request has
nothing to do, and says so after nothing but `stat` calls: this is what makes a no-op instant. Decides only that; anything
else is the plan's business. Imports nothing heavy.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence

from blake3 import blake3

from seeknal.model.environment import PRODUCTION
from seeknal.store.stat import signature

_MAGIC = "seeknal-stamp 2"


def stamp_name(environment: str) -> str:
    """The file's name among what only speeds up."""
    return "stamp" if environment == PRODUCTION else f"stamp-{environment}"


def env_mark(names: Sequence[str], env: Mapping[str, str], salt: str = "") -> str:
    """The environment variables that templates mention, and a salted digest of their values: never the values."""
    if not names:
        return ""
    salt = salt or os.urandom(16).hex()
    values = json.dumps([salt, *([name, env.get(name)] for name in names)])
    return json.dumps([blake3(values.encode()).hexdigest(), salt, *names])


def render(fingerprint: str, summary: str, mark: str, watched: Mapping[str, str]) -> bytes | None:
    """The stamp's bytes; None where the state cannot be watched (a file changed within the clock's tick)."""
    if "racy" in watched.values() or any("\n" in path or "\t" in path for path in watched):
        return None
    lines = "\n".join(f"{sign}\t{path}" for path, sign in watched.items())
    try:
        body = f"{fingerprint}\n{summary}\n{mark}\n{lines}".encode()
    except UnicodeEncodeError:
        return None  # a path that is no text
    return f"{_MAGIC} {blake3(body).hexdigest()}\n".encode() + body


def _as_then(mark: str, env: Mapping[str, str]) -> bool:
    _, salt, *names = json.loads(mark)
    return env_mark(names, env, salt) == mark


def still_holds(path: str, fingerprint: str, env: Callable[[], Mapping[str, str]]) -> tuple[str, ...] | None:
    """The summary of the run that wrote the stamp, word by word, if nothing that it relied on was touched since.

    Its words: targets, generation, checks that do not hold and stop nothing, and the time until which that is so. `env`
    reads the variables: it is asked only when some were used.
    """
    try:
        with open(path, "rb") as file:
            head, _, body = file.read().partition(b"\n")
    except OSError:
        return None
    if head.decode("ascii", "replace") != f"{_MAGIC} {blake3(body).hexdigest()}":
        return None
    known, summary, mark, *lines = body.decode().split("\n")
    if known != fingerprint or (mark and not _as_then(mark, env())):
        return None
    for line in lines:
        sign, _, watched = line.partition("\t")
        if signature(watched) != sign:
            return None
    return tuple(summary.split(" "))

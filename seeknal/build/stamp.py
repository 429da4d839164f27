"""The stamp of a run that left nothing to do: everything it relied on, by signature.

While every signature still holds, the same request has nothing to do, and says so after nothing but `stat` calls: this is
what makes a no-op instant. Decides only that; anything else is the plan's business. Imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Mapping

from blake3 import blake3

from seeknal.store.stat import signature

_MAGIC = "seeknal-stamp 1"


def render(fingerprint: str, summary: str, watched: Mapping[str, str]) -> bytes | None:
    """The stamp's bytes; None where the state cannot be watched (a file changed within the clock's tick)."""
    if "racy" in watched.values() or any("\n" in path or "\t" in path for path in watched):
        return None
    lines = "\n".join(f"{sign}\t{path}" for path, sign in watched.items())
    try:
        body = f"{fingerprint}\n{summary}\n{lines}".encode()
    except UnicodeEncodeError:
        return None  # a path that is no text
    return f"{_MAGIC} {blake3(body).hexdigest()}\n".encode() + body


def still_holds(path: str, fingerprint: str) -> tuple[str, ...] | None:
    """The summary of the run that wrote the stamp, word by word, if nothing that it relied on was touched since.

    Its words: targets, generation, checks that do not hold and stop nothing, and the time until which that is so.
    """
    try:
        with open(path, "rb") as file:
            head, _, body = file.read().partition(b"\n")
    except OSError:
        return None
    if head.decode("ascii", "replace") != f"{_MAGIC} {blake3(body).hexdigest()}":
        return None
    known, summary, *lines = body.decode().split("\n")
    if known != fingerprint:
        return None
    for line in lines:
        sign, _, watched = line.partition("\t")
        if signature(watched) != sign:
            return None
    return tuple(summary.split(" "))

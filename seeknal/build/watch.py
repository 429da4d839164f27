"""Waiting until something changes that a run relied on: by its signatures, so exactly when the next run could differ.

Decides what counts as a change and when it is over. The operating system is asked to say when to look (watchfiles, where
that is installed); else the signatures are looked at from time to time. It never looks at `target/` or the store.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping

from seeknal.store.stat import signature

# How often signatures are looked at: without anybody who says when, and with.
_POLL = 0.3
_LOOK_MS = 2000
# A change is over when nothing has changed for so long; a file that is written for longer leads to more than one build.
_QUIET = 0.15
_LONGEST = 5.0
_RACY = "racy"

Relied = Mapping[str, str]


def relied_on(watched: Relied, root: str, without: Iterable[str]) -> dict[str, str]:
    """Of all signatures of a run those of the project's files and of its data: nothing `without`, nothing of Python's own."""
    outside = tuple(os.path.join(folder, "") for folder in without)
    python = os.path.join(sys.prefix, "")
    own = os.path.join(root, "")
    return {
        path: sign
        for path, sign in watched.items()
        if not f"{path}/".startswith(outside) and (path.startswith(own) or not path.startswith(python))
    }


def now(paths: Iterable[str]) -> dict[str, str]:
    """The signatures of paths as they are."""
    return {path: signature(path) for path in paths}


def touched(relied: Relied) -> list[str]:
    """The paths that are not what they were."""
    return [path for path, sign in relied.items() if sign == _RACY or signature(path) != sign]


def wait(relied: Relied) -> list[str]:
    """Wait for a change, and until it is over; the paths that changed. Raises KeyboardInterrupt."""
    found = touched(relied)
    if found and all(relied[path] == _RACY for path in found):
        time.sleep(_LONGEST / 2)  # a file system that keeps whole seconds: the next run can trust the times
    for _ in _moments(relied) if not found else ():
        found = touched(relied)
        if found:
            break
    return _settled(relied, found)


def _settled(relied: Relied, found: list[str]) -> list[str]:
    end = time.monotonic() + _LONGEST
    before = now(found)
    while time.monotonic() < end:
        time.sleep(_QUIET)
        found = touched(relied)
        after = now(found)
        if after == before:
            break
        before = after
    return found


def _moments(relied: Relied) -> Iterator[None]:
    """When to look."""
    try:
        from watchfiles import watch
    except ImportError:
        while True:
            time.sleep(_POLL)
            yield
    folders = sorted({_folder(path) for path in relied})
    changes = watch(
        *folders, recursive=False, watch_filter=None, debounce=100, rust_timeout=_LOOK_MS, yield_on_timeout=True
    )
    for _ in changes:
        yield


def _folder(path: str) -> str:
    """The nearest folder there is."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path

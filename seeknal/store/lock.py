"""Kernel locks: shared, exclusive, and one for each action that is being executed.

Decides who waits for whom. A lock is `flock` on an open file, so the kernel drops it when its holder dies; a file that
merely exists means nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator

from seeknal.errors import StoreBusy
from seeknal.store.disk import explained


def _open(path: str) -> int:
    with explained(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)


@contextlib.contextmanager
def locked(path: str, *, exclusive: bool, wait: float | None = None) -> Iterator[None]:
    """Hold the lock at `path`. Waits for ever, or `wait` seconds and then raises StoreBusy."""
    handle = _open(path)
    try:
        _acquire(handle, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH, path, wait)
        yield
    finally:
        os.close(handle)


def _acquire(handle: int, mode: int, path: str, wait: float | None) -> None:
    if wait is None:
        fcntl.flock(handle, mode)
        return
    end = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(handle, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise StoreBusy(f"{path} is locked by another seeknal process: try again when it is done") from None
            time.sleep(0.05)
        else:
            return


@contextlib.contextmanager
def only_one(path: str, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a lock whose file exists only while it is held; `waiting` is called once if somebody else has it."""
    handle = _open_current(path, waiting)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)
        os.close(handle)


def _open_current(path: str, waiting: Callable[[], None]) -> int:
    told = False
    while True:
        handle = _open(path)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not told:
                waiting()
                told = True
            fcntl.flock(handle, fcntl.LOCK_EX)
        # The holder before us removed the file: then our lock is on a nameless file, and the name is free for a third.
        if _same(handle, path):
            return handle
        os.close(handle)


def _same(handle: int, path: str) -> bool:
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    here = os.fstat(handle)
    return (here.st_ino, here.st_dev) == (there.st_ino, there.st_dev)

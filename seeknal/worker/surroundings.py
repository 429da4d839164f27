"""Keeps one job of a worker from leaving traces for the next.

Decides what of the process is put back: folder, environment, search path, arguments, signal handlers, recursion limit,
standard streams, warning filters, log handlers. Threads cannot be put back: a worker that has some left is not reused.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_SIGNALS = tuple(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})


@contextmanager
def kept(folder: str, environment: dict[str, str]) -> Iterator[None]:
    """Run in `folder` with more environment; put everything back afterwards."""
    put_back = _snapshot()
    os.chdir(folder)
    os.environ.update(environment)
    try:
        yield
    finally:
        put_back()


def is_clean() -> bool:
    """Whether nothing of the last job goes on running here."""
    return threading.active_count() == 1


def _snapshot() -> Any:
    folder, environment = os.getcwd(), dict(os.environ)
    lists: list[list[Any]] = [sys.path, sys.argv, sys.meta_path, logging.root.handlers]
    copies = [list(item) for item in lists]
    streams = sys.stdin, sys.stdout, sys.stderr
    limit, level, filters = sys.getrecursionlimit(), logging.root.level, list(warnings.filters)
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}

    def put_back() -> None:
        os.chdir(folder)
        _environment(environment)
        for item, copy in zip(lists, copies, strict=True):
            item[:] = copy
        sys.path, sys.argv, sys.meta_path = lists[0], lists[1], lists[2]
        sys.stdin, sys.stdout, sys.stderr = streams
        sys.setrecursionlimit(limit)
        logging.root.setLevel(level)
        warnings.filters[:] = filters  # type: ignore[index]
        _handlers(handlers)

    return put_back


def _environment(before: dict[str, str]) -> None:
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    for name, value in before.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
    time.tzset()


def _handlers(before: Mapping[signal.Signals, Any]) -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        if handler is not None and signal.getsignal(number) is not handler:
            signal.signal(number, handler)

"""Work that Ctrl-C stops, wherever it waits: in DuckDB, or for a server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")
# How often work is told to stop that has not heard of it yet.
_AGAIN = 0.1


def stoppable(stop: Callable[[], bool], work: Callable[[], T]) -> T:
    """What `work` gives. Ctrl-C has `stop` stop it and raises KeyboardInterrupt; where `stop` says that it cannot, nobody
    waits for the work any more. A thread that is deep in a query does not hear of signals, so another one waits for them."""
    done: list[T] = []
    failed: list[BaseException] = []
    over = threading.Event()  # a thread that was being joined when Ctrl-C came would be taken for dead

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # noqa: BLE001  # raised again in the thread that waits
            failed.append(error)
        over.set()

    try:
        threading.Thread(target=run, name="asking", daemon=True).start()
        over.wait()
    except KeyboardInterrupt:
        while not over.is_set():
            with suppress(KeyboardInterrupt):  # of an impatient person
                if not stop():
                    break
                over.wait(_AGAIN)
        raise
    if failed:
        raise failed[0]
    return done[0]

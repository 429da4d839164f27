"""Threads of a run: how they end when the run does, and how quickly they take turns.

Decides nothing about targets.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from seeknal.store.cache import Damaged


@contextmanager
def finishing_pool(
    workers: int, running: Collection[Future[Any]], interrupt: Callable[[], None]
) -> Iterator[ThreadPoolExecutor]:
    """Threads whose work is finished before the block is left.

    When damage was found the run begins again, so what runs goes on to its end; whatever else ends the block interrupts it.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="target") as pool:
        try:
            yield pool
        except Damaged:
            raise
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            while not all(future.done() for future in running):
                interrupt()  # again: a query may have begun after the last interrupt
                time.sleep(0.05)
            raise


@contextmanager
def quick_turns() -> Iterator[None]:
    """Let a thread that comes back from an engine wait for another one's Python 0.2 ms at most, not 5."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0002)
    try:
        yield
    finally:
        sys.setswitchinterval(before)

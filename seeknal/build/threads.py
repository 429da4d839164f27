"""Threads of a run: how they end when the run does, and how quickly they take turns.

Decides nothing about targets.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count

from seeknal.errors import Outdated

_POOLS = count()


@contextmanager
def finishing_pool(workers: int, interrupt: Callable[[], None]) -> Iterator[ThreadPoolExecutor]:
    """Threads whose work is finished before the block is left.

    When damage was found, or what was planned is out of date, the run begins again, so what runs goes on to its end; whatever
    else ends the block interrupts it.
    What runs is known by the threads themselves: a signal may come before anybody has noted what was just submitted.
    """
    name = f"target-{next(_POOLS)}-"
    with ThreadPoolExecutor(workers, thread_name_prefix=name) as pool:
        try:
            yield pool
        except Outdated:
            raise
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            while any(thread.name.startswith(name) for thread in threading.enumerate()):
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

"""Signatures of files: (size, mtime, ctime, inode) as one text, and when such a signature can be trusted.

A signature says "not touched since", never "equal": it only spares hashing again (`cache_format.md`, "Local state").
Imports nothing heavy: a no-op run is made of this.
"""

from __future__ import annotations

import os
import time

ABSENT = "-"
# A file changed twice within one tick of the file system's clock keeps its times. Kernels tick every 4 to 10 ms; file
# systems that keep whole seconds (or two, FAT) are recognised by their zeros.
_FINE_NS = 20_000_000
_COARSE_NS = 2_100_000_000


def signature(path: str) -> str:
    """The signature of what `path` resolves to, or ABSENT."""
    try:
        s = os.stat(path)
    except OSError:
        return ABSENT
    return f"{s.st_size} {s.st_mtime_ns} {s.st_ctime_ns} {s.st_ino}"


def settle(path: str) -> bool:
    """Wait until a change of `path` from now on must show in its signature; False where that takes too long."""
    try:
        s = os.stat(path)
    except OSError:
        return True
    newest = max(s.st_mtime_ns, s.st_ctime_ns)
    coarse = newest % 1_000_000 == 0
    age = time.time_ns() - newest
    if age >= (_COARSE_NS if coarse else _FINE_NS):
        return True
    if coarse or age < -_FINE_NS:
        return False  # a clock that was set back, or whole seconds: the file is hashed again next time
    time.sleep((_FINE_NS - age) / 1e9)
    return True

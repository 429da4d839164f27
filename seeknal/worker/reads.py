"""Which files a node's code opened, as Python's audit hooks tell.

Decides which of them are worth reporting: not Python itself, its packages, the system's own files, temporary files, the
declared inputs, the shipped sources, nor what the node wrote itself. Sees `open` and what is built on it; reads by C
and C++ code (DuckDB's `read_csv`, pyarrow, polars) and by child processes are not seen. Never refuses anything.
"""

from __future__ import annotations

import os
import site
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache

_SYSTEM = (
    *("/proc", "/sys", "/dev", "/run", "/usr/share", "/usr/lib", "/lib", "/etc/localtime", "/etc/timezone", "/etc/ssl"),
    *("/etc/pki", "/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/mime.types", "/etc/os-release"),
)
_LIMIT = 10_000  # paths remembered for one job


class Reads:
    """Remembers opened files while a node runs. One for each process: an audit hook cannot be removed."""

    def __init__(self) -> None:
        self._active = False
        self._read: set[str] = set()
        self._written: set[str] = set()
        sys.addaudithook(self._hook)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Remember what is opened inside."""
        self._read.clear()
        self._written.clear()
        self._active = True
        try:
            yield
        finally:
            self._active = False

    def _hook(self, event: str, args: tuple[object, ...]) -> None:
        if not self._active or event != "open":
            return
        path, mode, flags = args
        if isinstance(path, (str, bytes)) and len(self._read) < _LIMIT:
            with suppress(OSError, ValueError):
                (self._written if _writes(mode, flags) else self._read).add(os.path.abspath(os.fsdecode(path)))

    def undeclared(self, project: str, allowed: Iterable[str]) -> tuple[str, ...]:
        """Return the files that were read though nothing declares them, those of the project by relative path."""
        root = os.path.realpath(project)
        known = {os.path.realpath(path) for path in allowed}
        quiet = (*_quiet(), *filter(os.path.isdir, known))
        found = {_source(os.path.realpath(path)) for path in self._read - self._written}
        shown = (path for path in found if path not in known and os.path.isfile(path) and _counts(path, root, quiet))
        return tuple(sorted(os.path.relpath(path, root) if _inside(path, root) else path for path in shown))


def _writes(mode: object, flags: object) -> bool:
    if isinstance(mode, str):
        return not ("r" in mode or "+" in mode) or "w" in mode
    return isinstance(flags, int) and flags & os.O_ACCMODE == os.O_WRONLY


def _source(path: str) -> str:
    """Return the `.py` of a compiled module."""
    if os.path.basename(os.path.dirname(path)) != "__pycache__":
        return path
    folder, name = os.path.split(path)
    return os.path.join(os.path.dirname(folder), name.partition(".")[0] + ".py")


@cache
def _quiet() -> tuple[str, ...]:
    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    python = (sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values(), *site.getsitepackages())
    places = (*python, site.getusersitepackages(), own, tempfile.gettempdir(), *_SYSTEM)
    return tuple(dict.fromkeys(os.path.realpath(place) for place in places if place))


def _counts(path: str, project: str, quiet: tuple[str, ...]) -> bool:
    """Whether a file is reported: the innermost folder that says something about it decides."""
    around = max((place for place in quiet if _inside(path, place)), key=len, default="")
    return not around or (_inside(path, project) and len(project) > len(around))


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)

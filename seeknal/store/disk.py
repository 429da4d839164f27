"""The only file that changes the disk.

Decides how a file becomes visible: private temporary, fsync, rename, fsync of the folder; and that a view is flipped by
one rename. Every operation is one method, so a test can crash or fail at each. Reads nothing but what it must compare.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
from collections.abc import Iterator

from seeknal.errors import EnvironmentFailure

_FICLONE = 0x40049409
_READ_ONLY = 0o444
# From so many files on, one call for the whole file system is quicker than one for each.
_MANY = 64
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_WORDS = {
    errno.ENOSPC: ("disk_full", "free some space, or run: seeknal cache gc"),
    errno.EDQUOT: ("disk_full", "free some space, or run: seeknal cache gc"),
    errno.EROFS: (
        "read_only",
        "the file system is read-only: choose another place with --cache-dir or SEEKNAL_CACHE_DIR",
    ),
    errno.EACCES: ("permission", "this user may not write there: see the owner and the mode of the folder"),
    errno.EPERM: ("permission", "this user may not write there: see the owner and the mode of the folder"),
}


@contextlib.contextmanager
def explained(path: str) -> Iterator[None]:
    """Turn an OSError on `path` into an EnvironmentFailure that says what to do."""
    try:
        yield
    except OSError as error:
        reason, hint = _WORDS.get(error.errno or 0, ("disk", ""))
        text = f"cannot write {error.filename or path}: {os.strerror(error.errno or 0)}"
        raise EnvironmentFailure(text, reason=reason, hint=hint) from error


class Disk:
    """Writes. One instance per session; `sync` makes everything durable that was written lazily since the last one."""

    def __init__(self, *, durable: bool = True) -> None:
        self.durable = durable
        self._pending: dict[str, None] = {}
        self._folders: dict[str, None] = {}
        self._made: set[str] = set()
        self._serial = itertools.count()

    def temporary(self, folder: str) -> str:
        """Return a path in `folder` that nobody else uses; creates the folder, not the file."""
        self.make_folder(folder)
        return os.path.join(folder, f"{os.getpid()}-{next(self._serial)}-{os.urandom(6).hex()}")

    def make_folder(self, path: str) -> None:
        """Create a folder and its parents; existing ones are fine."""
        if path in self._made:
            return
        with explained(path):
            if not os.path.isdir(path):
                self._make(path)
                self._folders[os.path.dirname(path)] = None
        self._made.add(path)

    def _make(self, path: str) -> None:
        os.makedirs(path, exist_ok=True)

    def put(self, folder: str, path: str, data: bytes) -> None:
        """Make `data` visible at `path` at once and whole; durable after the next `sync`. Replaces what was there."""
        temporary = self.temporary(folder)
        with explained(path):
            try:
                self._write(temporary, data)
                self.make_folder(os.path.dirname(path))
                self._rename(temporary, path)
            except OSError:
                self.remove(temporary)
                raise
        self._pending[path] = None
        self._folders[os.path.dirname(path)] = None

    def adopt(self, temporary: str, path: str) -> None:
        """Make the finished file `temporary` durable and visible at `path`, read-only."""
        with explained(path):
            try:
                self._seal(temporary)
                self.make_folder(os.path.dirname(path))
                self._rename(temporary, path)
            except OSError:
                self.remove(temporary)
                raise
        self._folders[os.path.dirname(path)] = None

    def _write(self, path: str, data: bytes) -> None:
        handle = os.open(path, _NEW, _READ_ONLY)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
        finally:
            os.close(handle)

    def _seal(self, path: str) -> None:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fchmod(handle, _READ_ONLY)
            if self.durable:
                os.fsync(handle)
        finally:
            os.close(handle)

    def _rename(self, old: str, new: str) -> None:
        os.rename(old, new)

    def sync(self) -> None:
        """Make durable what `put`, `adopt` and `link` wrote: files first, then the folders that name them."""
        pending, folders = [*self._pending], [*self._folders]
        self._pending.clear()
        self._folders.clear()
        if not self.durable or not folders:
            return
        if len(pending) + len(folders) > _MANY and self._sync_all(folders[0]):
            return
        for path in [*pending, *folders]:
            with explained(path):
                self._sync(path)

    def _sync_all(self, path: str) -> bool:
        """Make everything on the file system of `path` durable, in one call; False where the system has no such call."""
        import ctypes

        syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
        if syncfs is None:
            return False
        with explained(path):
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                if syncfs(handle):
                    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
            finally:
                os.close(handle)
        return True

    def _sync(self, path: str) -> None:
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return  # somebody else quarantined or collected it: then there is nothing to make durable
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def clone(self, source: str, path: str) -> bool:
        """Make `path` share the bytes of `source` where the file system can (reflink); False where it cannot."""
        try:
            with open(source, "rb") as read, open(os.open(path, _NEW, 0o600), "wb") as write:
                fcntl.ioctl(write.fileno(), _FICLONE, read.fileno())
        except OSError:
            self.remove(path)
            return False
        return True

    def deliver(self, source: str, path: str) -> None:
        """Copy a finished file to a place outside of the store, visible there at once and whole, and durable."""
        folder, name = os.path.split(path)
        self.make_folder(folder)
        temporary = os.path.join(folder, f".{name}.{os.getpid()}.new")
        with explained(path):
            try:
                self._copy(source, temporary)
                self._rename(temporary, path)
            except OSError:
                self.remove(temporary)
                raise
        self._folders[folder] = None

    def _copy(self, source: str, path: str) -> None:
        with open(source, "rb") as read, open(path, "wb") as write:
            while data := read.read(1 << 20):
                write.write(data)
            write.flush()
            if self.durable:
                os.fsync(write.fileno())

    def hand_out(self, path: str, data: bytes) -> None:
        """Write `data` to a file of the person's own, whole or not at all; a pipe or a device is written to."""
        folder, name = os.path.split(path)
        temporary = os.path.join(folder, f".{name}.{os.getpid()}.new")
        special = os.path.exists(path) and not os.path.isfile(path)
        with explained(path):
            try:
                with open(path if special else temporary, "wb") as file:
                    file.write(data)
                if not special:
                    self._rename(temporary, os.path.realpath(path))
            except OSError:
                self.remove(temporary)
                raise

    def link(self, text: str, path: str) -> None:
        """Create the symlink `path` with the given text."""
        with explained(path):
            self._link(text, path)

    def _link(self, text: str, path: str) -> None:
        os.symlink(text, path)

    def flip(self, text: str, path: str) -> None:
        """Make `path` a symlink with the given text by one rename, whatever symlink it was."""
        temporary = f"{path}.{os.getpid()}.new"
        with explained(path):
            self.remove(temporary)
            self._link(text, temporary)
            self._rename(temporary, path)
        self._folders[os.path.dirname(path)] = None

    def move(self, old: str, new: str) -> None:
        """Rename, creating the folder of `new`."""
        self.make_folder(os.path.dirname(new))
        with explained(new):
            self._rename(old, new)
        self._made = {path for path in tuple(self._made) if path != old and not path.startswith(f"{old}/")}
        self._folders[os.path.dirname(new)] = None

    def remove(self, path: str) -> None:
        """Remove a file or a symlink; fine when it is not there."""
        with explained(path), contextlib.suppress(FileNotFoundError):
            self._remove(path)

    def _remove(self, path: str) -> None:
        os.unlink(path)

    def remove_folder(self, path: str) -> None:
        """Remove a folder with all that is in it, never following a symlink."""
        if os.path.islink(path) or not os.path.isdir(path):
            return
        with os.scandir(path) as entries:
            for entry in list(entries):
                if entry.is_dir(follow_symlinks=False):
                    self.remove_folder(entry.path)
                else:
                    self.remove(entry.path)
        with explained(path), contextlib.suppress(FileNotFoundError):
            os.rmdir(path)
        self._made.discard(path)

    def append(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        """Add `data` at the end of a log: one write, so that lines of two processes never mix."""
        self.make_folder(os.path.dirname(path))
        with explained(path):
            handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, mode)
            try:
                os.write(handle, data)
            finally:
                os.close(handle)

    def touch(self, path: str) -> None:
        """Set the times of a file to now; fine when that is not allowed."""
        with contextlib.suppress(OSError):
            os.utime(path)

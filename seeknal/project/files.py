"""The files of a project: which ones hold nodes, and which ones a path or glob of a source means.

Decides what is part of a project and notes every folder whose listing was relied on. Reads listings only.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from fnmatch import fnmatch

from seeknal.errors import Problem, ProjectError

# Folders that hold other things than nodes (project_format 1.2).
_OTHER = frozenset(("common", "templates", "sql_pairs", "tests", "skills", "__pycache__"))
_ENDINGS = (".yml", ".yaml", ".py")
_HIDDEN = {False: (".",), True: (".", "_")}  # `_helpers.py` is imported, never a node
Watch = Callable[[str], None]


def node_files(root: str, watch: Watch) -> list[str]:
    """Every file under `seeknal/` that may declare nodes, relative to `root`, sorted."""
    found: list[str] = []
    _scan(root, "seeknal", watch, found)
    return sorted(found)


def _scan(root: str, folder: str, watch: Watch, found: list[str]) -> None:
    path = os.path.join(root, folder)
    watch(path)
    try:
        entries = list(os.scandir(path))
    except FileNotFoundError:
        return
    except OSError as error:
        # Nodes that cannot be seen must not look like nodes that were removed.
        raise ProjectError([Problem(folder, 1, f"cannot be listed: {error.strerror}", "unreadable_file")]) from error
    for entry in entries:
        name = entry.name
        if entry.is_dir(follow_symlinks=False):
            if not (name in _OTHER and folder == "seeknal") and name != "__pycache__":
                _scan(root, f"{folder}/{name}", watch, found)
        elif name.endswith(_ENDINGS) and not name.startswith(_HIDDEN[name.endswith(".py")]) and _is_file(entry):
            found.append(f"{folder}/{name}")


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return True  # a loop of links: reading it will say so


def matches(root: str, pattern: str, watch: Watch) -> list[str]:
    """The files that a path or glob means, absolute, sorted; none when there is no such file."""
    pattern = os.path.expanduser(pattern)
    path = os.path.normpath(os.path.join(root, pattern))
    if os.path.isfile(path) or not any(ch in pattern for ch in "*?["):
        watch(path)
        return [path] if os.path.isfile(path) else []
    return sorted(_glob("/", path.lstrip("/").split("/"), watch))


def _glob(base: str, parts: list[str], watch: Watch) -> set[str]:
    head, rest = parts[0], parts[1:]
    if not any(ch in head for ch in "*?["):
        path = os.path.join(base, head)
        if rest:
            return _glob(path, rest, watch) if os.path.isdir(path) else set()
        return {path} if os.path.isfile(path) else set()
    watch(base)
    if head == "**":
        return _everywhere(base, rest or ["*"], watch)
    names = [name for name in _listing(base) if fnmatch(name, head) and not name.startswith(".")]
    if not rest:
        return {path for path in (os.path.join(base, name) for name in names) if os.path.isfile(path)}
    below = (os.path.join(base, name) for name in names)
    return {path for folder in below if os.path.isdir(folder) for path in _glob(folder, rest, watch)}


def _everywhere(base: str, rest: list[str], watch: Watch) -> set[str]:
    found = _glob(base, rest, watch)
    for name in _listing(base):
        folder = os.path.join(base, name)
        if os.path.isdir(folder) and not os.path.islink(folder) and not name.startswith("."):
            watch(folder)
            found |= _everywhere(folder, rest, watch)
    return found


def _listing(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []

"""Which modules of the project a syntax tree imports.

Decides which file a name means: a module in the folder of the node's file, else one at the project's root, packages
included. A name is the project's own exactly if such a file exists, except that the standard library and `seeknal` are
never hidden by a file of the same name: a node file called `calendar.py` must not replace `calendar`. Never touches
the disk itself.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

# The node's own module is a package made of its file's folder: `from .helpers import x` means the file beside it.
NODE = "__node__"
_NOT_OURS = sys.stdlib_module_names | {"seeknal", "__future__"}

Read = Callable[[str], str | None]


class Module(NamedTuple):
    """A module: `file` is None for a folder without `__init__.py`; `folders` is where its submodules are."""

    name: str
    file: str | None
    text: str
    folders: tuple[str, ...]


class Imported(NamedTuple):
    """One thing that an import statement may load; `names` are what it takes out of it."""

    name: str
    names: tuple[str, ...] = ()


class Imports:
    """Finds modules of one node, each file read once."""

    def __init__(self, file: str, text: str, read: Read) -> None:
        folder = file.rpartition("/")[0]
        self._roots = tuple(dict.fromkeys((folder, "")))
        self._read = read
        self._known: dict[str, Module | None] = {NODE: Module(NODE, file, text.removeprefix("\ufeff"), (folder,))}

    def find(self, name: str) -> Module | None:
        """Return the project's module of that name, if there is one."""
        if name not in self._known:
            self._known[name] = self._find(name)
        return self._known[name]

    def _find(self, name: str) -> Module | None:
        package, _, leaf = name.rpartition(".")
        if not package:
            return None if name in _NOT_OURS else self._search(name, name, self._roots)
        parent = self.find(package)
        return self._search(name, leaf, parent.folders) if parent and parent.folders else None

    def _search(self, name: str, leaf: str, folders: tuple[str, ...]) -> Module | None:
        for folder in folders:
            base = f"{folder}/{leaf}" if folder else leaf
            for file, inside in ((f"{base}/__init__.py", (base,)), (f"{base}.py", ())):
                text = self._read(file)
                if text is not None:
                    return Module(name, file, text.removeprefix("\ufeff"), inside)
        return Module(name, None, "", tuple(f"{folder}/{leaf}" if folder else leaf for folder in folders))

    def loaded(self, items: Iterable[Imported]) -> Iterator[Module]:
        """Yield the project's modules that imports load, parents of a module before it."""
        for item in items:
            yield from self._chain(item.name)
            for name in item.names:
                yield from self._chain(f"{item.name}.{name}")

    def _chain(self, name: str) -> Iterator[Module]:
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            found = self.find(".".join(parts[:end]))
            if found is None:
                return
            if found.file is not None:
                yield found


def imported(tree: ast.Module, name: str, package: bool) -> Iterator[Imported]:
    """Yield everything that the tree of the module `name` imports, by absolute name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Imported(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names if alias.name != "*")
            base = _absolute(node, name, package)
            yield from [Imported(base, names)] if base else []
        elif isinstance(node, ast.Call):
            yield from _by_call(node)
    if package:  # `from package import *` loads what its `__all__` names
        yield Imported(name, tuple(_public(tree)))


def _absolute(node: ast.ImportFrom, name: str, package: bool) -> str:
    """Return the module that a `from` means, or nothing where Python finds no parent package either."""
    if not node.level:
        return node.module or ""
    parts = name.split(".")
    up = node.level - (1 if package else 0)  # a package's first dot is itself
    if up >= len(parts):
        return ""
    base = ".".join(parts[: len(parts) - up])
    return f"{base}.{node.module}" if node.module else base


def _by_call(node: ast.Call) -> Iterator[Imported]:
    called = getattr(node.func, "attr", getattr(node.func, "id", ""))
    first = node.args[0] if node.args else None
    if called in ("import_module", "__import__") and isinstance(first, ast.Constant) and isinstance(first.value, str):
        yield Imported(first.value)


def _public(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value

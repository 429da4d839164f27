"""The project's modules inside a worker: from memory, fresh for every job.

Decides that what runs is exactly the text that the key was made of, not the file as it is now. Names of the standard
library always mean the standard library (`project/python_imports.py` decides the same when the key is made). A module
of the project that no import statement names is still found on disk, and then reported as an undeclared read.
"""

from __future__ import annotations

import importlib
import linecache
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType


class Modules:
    """A finder and loader of shipped sources."""

    def __init__(self, sources: Mapping[str, Sequence[str]], module: str, project: str) -> None:
        self._texts = {name: (os.path.join(project, file), text) for name, (file, text) in sources.items()}
        self._packages = self._folders(module)
        self._outside = list(sys.path)

    def _folders(self, module: str) -> dict[str, str]:
        folders = {module: os.path.dirname(self._texts[module][0])}
        for name, (path, _) in self._texts.items():
            inside = os.path.dirname(path)
            if os.path.basename(path) == "__init__.py":
                folders[name] = inside
                inside = os.path.dirname(inside)
            while "." in name:  # every parent is a package, with or without a file of its own
                name = name.rpartition(".")[0]
                folders.setdefault(name, inside)
                inside = os.path.dirname(inside)
        return folders

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Find a module of the project, or keep the project's folders out of the search for the standard library."""
        if name in self._texts or name in self._packages:
            return self._spec(name)
        if name in sys.stdlib_module_names:
            return PathFinder.find_spec(name, self._outside)
        return None

    def _spec(self, name: str) -> ModuleSpec:
        found = self._texts.get(name)
        spec = ModuleSpec(name, self if found else None, origin=found and found[0], is_package=name in self._packages)  # type: ignore[arg-type]
        spec.has_location = found is not None
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(self._packages[name])
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Leave it to Python."""

    def exec_module(self, module: ModuleType) -> None:
        """Execute the shipped text."""
        path, text = self._texts[module.__name__]
        linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
        exec(compile(text, path, "exec", dont_inherit=True), module.__dict__)  # noqa: S102

    def get_source(self, name: str) -> str:
        """Return the shipped text (for `inspect` and tracebacks)."""
        return self._texts[name][1]

    @contextmanager
    def installed(self, project: str, module: str) -> Iterator[None]:
        """Make the project's modules importable; afterwards no trace of them is left."""
        names = self._texts.keys() | self._packages.keys()
        hidden = {name: sys.modules.pop(name) for name in names if name in sys.modules}
        before = set(sys.modules)
        folder = os.path.dirname(self._texts[module][0])
        sys.path[:0] = dict.fromkeys((folder, project))
        sys.meta_path.insert(0, self)
        try:
            yield
        finally:
            self._purge(before, project)
            sys.modules.update(hidden)

    def _purge(self, before: set[str], project: str) -> None:
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]
        own = self._texts.keys() | self._packages.keys()
        for name in set(sys.modules) - before:
            if name in own or _lies_in(sys.modules[name], project):
                del sys.modules[name]
        for path, _ in self._texts.values():
            linecache.cache.pop(path, None)
        importlib.invalidate_caches()


def _lies_in(module: ModuleType, project: str) -> bool:
    file = getattr(module, "__file__", None) or ""
    return file.startswith(project + os.sep) and not file.startswith(sys.prefix + os.sep)

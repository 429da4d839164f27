"""What of the project's Python code can change a node's output.

Decides the part of the action key that stands for code: the node's own module without the other nodes in it, and every
module of the project that it imports, directly or not, as normalised syntax trees; and the script header. Names and
places of files do not count, so moving a node's file rebuilds nothing. Never imports or executes project code.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from seeknal.model.digest import digest_of
from seeknal.project.python_imports import NODE, Imported, Imports, Module, imported
from seeknal.project.python_reader import PythonNode, parse
from seeknal.project.python_tree import digests_of, reads_docstrings, reads_source, sliced


class Code(NamedTuple):
    """The code of a node: `definition` goes into its key, `sources` is what a worker executes.

    `sources` maps a module's name to its file and the exact text that was hashed; the node's own is `__node__`.
    """

    definition: dict[str, Any]
    sources: dict[str, tuple[str, str]]


class _Facts(NamedTuple):
    """What one module's tree says: its digests are without docstrings, with them, and of the text."""

    imported: tuple[Imported, ...]
    docstrings: bool
    source: bool
    digests: tuple[str, str, str]


def code_of(node: PythonNode, file: str, text: str, read: Callable[[str], str | None]) -> Code:
    """Return the code of a node. Raises ProjectError.

    `read` gives the text of a file of the project, or None; it is asked for every candidate, so that the caller knows
    on which files, present or absent, the answer rests.
    """
    modules, facts = _reached(node, file, text, read)
    # One module may look into another, so the most curious one decides for all.
    exactly = any(fact.source for fact in facts.values())
    which = 2 if exactly else int(any(fact.docstrings for fact in facts.values()))
    digests = {name: facts[name].digests[which] for name in sorted(facts)}
    definition: dict[str, Any] = {"function": node.function, "modules": digests}
    if node.header is not None:
        definition["header"] = sorted(node.header.dependencies)
        if node.header.requires_python:
            definition["requires_python"] = node.header.requires_python
    return Code(definition, {name: (str(module.file), module.text) for name, module in modules.items()})


def _reached(
    node: PythonNode, file: str, text: str, read: Callable[[str], str | None]
) -> tuple[dict[str, Module], dict[str, _Facts]]:
    imports = Imports(file, text, read)
    own = imports.find(NODE)
    assert own is not None
    modules = {NODE: own}
    facts = {NODE: _facts(sliced(parse(own.text, file), node.function), own.text, NODE, package=True)}
    waiting = [own]
    while waiting:
        for found in imports.loaded(facts[waiting.pop().name].imported):
            if found.name not in modules:
                modules[found.name] = found
                facts[found.name] = _of_module(found.text, str(found.file), found.name, bool(found.folders))
                waiting.append(found)
    return modules, facts


@lru_cache(maxsize=256)
def _of_module(text: str, file: str, name: str, package: bool) -> _Facts:
    """Return the facts of a module that is not the node's own: many nodes may share it."""
    return _facts(parse(text, file), text, name, package)


def _facts(tree: ast.Module, text: str, name: str, package: bool) -> _Facts:
    items = tuple(dict.fromkeys(imported(tree, name, package)))
    docstrings, source = reads_docstrings(tree), reads_source(tree)
    exact = digest_of(text.encode("utf-8", "surrogatepass"))
    try:
        return _Facts(items, docstrings, source, (*digests_of(tree), exact))
    except RecursionError:  # deeper than can be walked: every character counts
        return _Facts(items, docstrings, source, (exact, exact, exact))

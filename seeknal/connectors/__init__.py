"""Outside data: one file for each source type, and the file's name is the word after `source:`.

A connector for files has `NAME` (types that are one and the same share it), `OPTIONS` (allowed keys of `params`),
`options(params)` (their normal form, raising `kinds.lowered.Wrong`), and `query(paths, definition, columns)`: the SQL
by which DuckDB reads the files. Connectors decide how outside data is read, never whether it is.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from types import ModuleType


@cache
def known() -> tuple[str, ...]:
    """Every source type, sorted: the listing of this folder."""
    names = {entry.split(".")[0] for entry in os.listdir(os.path.dirname(__file__)) if entry.endswith((".py", ".pyc"))}
    return tuple(sorted(names.difference(("__init__",))))


@cache
def get(source: str) -> ModuleType:
    """The module of a source type that is in `known()`."""
    return import_module(f"{__name__}.{source}")

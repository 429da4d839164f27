"""Outside data: one file for each source type, and the file's name is the word after `source:`.

Every connector has `NAME` (types that are one and the same share it), `OPTIONS` (allowed keys of `params`) and
`options(params)` (their normal form, raising `model.lowering.Wrong`): that is what the key says of them.

A connector for files also has `query(paths, definition, columns)`: the SQL by which DuckDB reads the files.

One with `CONNECTED = True` is read through its driver, the file of the same `NAME` in `drivers/`. It also has
`CONNECTION` (the fields of a connection, with their defaults; in a profile or, inline, in `params`), `SECRET` (those of
them that are never shown), `checked(settings)` (the fields as values, raising Wrong), and `EXTRA` (what `pip install
'seeknal[EXTRA]'` brings; empty where nothing is needed). It may have `arranged(table, params)` (the params with what
`table:` says in its place), `files(params)` (the files that it reads, where these can be hashed) and `TOKEN = True` (its
driver knows by itself whether data changed: a snapshot id, an ETag), and `from_variables(settings, env)` (the fields, with
those from environment variables that a connection leaves out).

One with a `SCHEME` is where files lie (`s3`: `table: s3://...`), which connectors of files read: `located(url)` is what the
key says of the place, and the engine named `ENGINE` brings the files.
Connectors decide how outside data is read, never whether it is; they never connect.
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


def afar(table: str) -> ModuleType | None:
    """The module of the place that a URL leads to; None where it is a path, or nothing that is known."""
    scheme, sign, _ = table.partition("://")
    return next((get(n) for n in known() if sign and getattr(get(n), "SCHEME", None) == scheme.lower()), None)


def connected() -> tuple[str, ...]:
    """The source types that a connection may be of."""
    return tuple(name for name in known() if getattr(get(name), "CONNECTED", False))

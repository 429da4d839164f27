"""Drivers: the half of a source type that connects. One file for each, named as its connector's `NAME`.

A driver's module has `connect(settings) -> Far`, which imports what it needs when it is called. It decides how one reads
there, never what (its connector does) or whether. All of its failures are `Failed`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple, Protocol


class Failed(Exception):
    """Something outside did not work: what, a reason word, what to do. Never holds a secret."""

    def __init__(self, message: str, reason: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.hint = hint


class Changed(Failed):
    """What is to be read is not any more what the `token` in its definition says."""


class Window(NamedTuple):
    """An interval: the column with the time of a row, and its bounds as action documents have them."""

    column: str
    start: str
    end: str


class Arriving(NamedTuple):
    """A column of a stream: its name, DuckDB's expression for its value, and the type that this is cast to (None: as it
    is). Unless a person declares another type, a value for which the condition `refused` holds is none: `why` says so."""

    name: str
    value: str
    type: str | None = None
    refused: str = ""
    why: str = ""


class Rows(NamedTuple):
    """Rows on their way: anything that DuckDB reads as an Arrow stream, and its columns."""

    stream: Any
    columns: tuple[Arriving, ...]


class Far(Protocol):
    """One open connection. One thread uses it at a time; only `stop` may come from another."""

    def identity(self) -> str:
        """What tells this place from others that a connection of the same name may lead to. No secret; not for people."""

    def token(self, definition: Mapping[str, Any]) -> str | None:
        """What is equal as long as the data is: the answer of its `probe`, or what the place knows itself."""

    def names(self, definition: Mapping[str, Any]) -> list[str]:
        """The columns that there are, without reading a row."""

    def rows(self, definition: Mapping[str, Any], window: Window | None) -> Rows:
        """All rows, or those of an interval; never all in memory."""

    def done(self) -> None:
        """The rows are read, or are not wanted any more: the connection is as new."""

    def stop(self) -> None:
        """Interrupt what runs."""

    def close(self) -> None:
        """Let go of the connection."""


class Listed(NamedTuple):
    """A table or view of a place: its schema, its name, its columns with the place's own types."""

    schema: str
    name: str
    columns: tuple[tuple[str, str], ...]


class Answering(Far, Protocol):
    """A connection that also answers whole statements of a person, in the place's own SQL, and never changes anything."""

    def tables(self) -> list[Listed]:
        """What there is to read."""

    def answer(self, query: str, limit: int | None) -> Rows:
        """The rows of a query, at most `limit`; no two columns of it have one name."""


def listed(rows: Iterable[tuple[Any, ...]]) -> list[Listed]:
    """Tables of rows of (schema, table, column, type), where those of a table stand together."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for schema, table, column, type_ in rows:
        found.setdefault((schema, table), []).append((column, type_))
    return [Listed(schema, table, tuple(columns)) for (schema, table), columns in found.items()]


def distinct(names: Iterable[str]) -> list[str]:
    """The names, no two the same but for their case: a second `a` is `a_1`."""
    wished = list(names)
    found: dict[str, str] = {}
    for name in wished:
        fresh, count = name, 0
        while fresh.lower() in found or (count and fresh in wished):
            count += 1
            fresh = f"{name}_{count}"
        found[fresh.lower()] = fresh
    return list(found.values())


def told(name: str, text: str) -> Failed:
    """The failure that a broken stream of a driver speaks of: its module may have `told(text)`."""
    found = module(name)
    return found.told(text) if hasattr(found, "told") else Failed(" ".join(text.split()), "query_failed")


def module(name: str) -> ModuleType:
    """The driver of a type."""
    return import_module(f"{__name__}.{name}")


@cache
def get(name: str) -> Callable[[Mapping[str, Any]], Far]:
    """How to connect to a place of this type."""
    connect: Callable[[Mapping[str, Any]], Far] = module(name).connect
    return connect

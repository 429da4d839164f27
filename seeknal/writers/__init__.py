"""Writers: how rows get into a table outside of the project. One file for each type of table.

A writer's module has `connect(settings) -> Writer`. It decides how a table is made to hold what an order says, all at once
or not at all, with a record beside the rows of what they are; never what is written or when. Its failures are `Failed`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple, Protocol


class Chunk(NamedTuple):
    """Rows that are replaced together: a whole table (`label` is empty), or those of the interval [start, end).

    `end` is empty for rows that are in no interval. `digest` is equal as long as the rows are.
    """

    label: str
    digest: str
    path: str
    start: str = ""
    end: str = ""


class Order(NamedTuple):
    """What a table is to hold. `key` stands for all of it; `schema` is made where it is not there if `own_schema`."""

    schema: str
    table: str
    mode: str
    key: str
    node: str
    run: str
    columns: tuple[tuple[str, str], ...]
    chunks: tuple[Chunk, ...]
    unique_keys: tuple[str, ...] = ()
    time_column: str = ""
    lookback: int = 0
    create: bool = True
    cascade: bool = False
    own_schema: bool = False


class Wrote(NamedTuple):
    """What was done: rows that were written (None: the table held all of it already), and a note for people."""

    rows: int | None
    note: str = ""


class Reading(Protocol):
    """The rows that a writer asks for."""

    def endless(self, chunks: Sequence[Chunk]) -> frozenset[str]:
        """Columns of dates and times that have infinity among them, which Arrow has no value for."""

    def rows(self, chunks: Sequence[Chunk], expressions: Sequence[str]) -> Any:
        """An Arrow stream; columns are given by expressions of DuckDB."""


class Writer(Protocol):
    """One open connection. One thread uses it at a time; only `stop` may come from another."""

    def held(self, order: Order) -> str:
        """The word for why the table does not hold what is ordered; nothing when it does."""

    def write(self, order: Order, reading: Reading) -> Wrote:
        """Make the table hold it, in one transaction."""

    def stop(self) -> None:
        """Interrupt what runs."""

    def close(self) -> None:
        """Let go of the connection."""


@cache
def get(name: str) -> Callable[[Mapping[str, Any]], Writer]:
    """How to connect to a place where tables of this type are."""
    connect: Callable[[Mapping[str, Any]], Writer] = import_module(f"{__name__}.{name}").connect
    return connect

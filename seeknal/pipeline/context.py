"""The object that a node function is given: its inputs, its parameters, its clock and a DuckDB connection.

Decides which inputs and columns a node may read: those that its declaration names, no others, because the action key is
made of exactly those. Never reads a file itself: inputs are lazy DuckDB relations. The clock of SQL run through
`ctx.duckdb` is the machine's; `ctx.as_of` is the run's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple


class InputData(NamedTuple):
    """The Parquet files of one declared input, and the columns that the node asked for (None: all)."""

    paths: tuple[str, ...]
    columns: tuple[str, ...] | None = None


class Facts(NamedTuple):
    """What the build tells a node about itself."""

    node: str
    project: str
    target: str
    as_of: str
    params: Mapping[str, Any]
    config: Mapping[str, Any]
    inputs: Mapping[str, InputData]


class UndeclaredInputError(Exception):
    """The node asked for something that its declaration does not name."""


class PipelineContext:
    """The first argument of every node function."""

    def __init__(self, facts: Facts, connect: Callable[[], Any]) -> None:
        self._facts = facts
        self._connect = connect
        self._duckdb: Any = None
        self.params: dict[str, Any] = dict(facts.params)
        self.config: dict[str, Any] = dict(facts.config)

    @property
    def duckdb(self) -> Any:
        """The node's own in-memory connection (time zone UTC); local variables are tables in its SQL."""
        if self._duckdb is None:
            self._duckdb = self._connect()
        return self._duckdb

    @property
    def node_id(self) -> str:
        """`kind.name` of this node."""
        return self._facts.node

    @property
    def node_kind(self) -> str:
        """The kind of this node."""
        return self._facts.node.partition(".")[0]

    @property
    def project_path(self) -> Path:
        """The project's folder."""
        return Path(self._facts.project)

    @property
    def target_dir(self) -> Path:
        """The folder of the store and the views."""
        return Path(self._facts.target)

    @property
    def as_of(self) -> datetime:
        """The run's clock, in UTC: use it instead of `datetime.now()`."""
        return datetime.fromisoformat(self._facts.as_of)

    def get_param(self, name: str, default: Any = None) -> Any:
        """Return the parameter `name`, or `default`."""
        return self.params.get(name, default)

    def ref(self, name: str, columns: Sequence[str] | None = None) -> Any:
        """Return the rows of a declared input as a lazy DuckDB relation (`.df()`, `.pl()`, `.arrow()` convert it)."""
        data = self._facts.inputs.get(name)
        if data is None:
            raise UndeclaredInputError(self._not_an_input(name))
        wanted = _wanted(name, columns, data.columns)
        rows = self.duckdb.read_parquet(list(data.paths), hive_partitioning=False)
        return rows if wanted is None else rows.project(", ".join(map(_quoted, wanted)))

    def _not_an_input(self, name: str) -> str:
        known = ", ".join(sorted(self._facts.inputs)) or "none"
        return (
            f"ctx.ref({name!r}): {name} is not an input of {self.node_id} (its inputs: {known}). "
            f'Add inputs=["{name}"] to the decorator, or write the name in the call itself: ctx.ref("{name}")'
        )


def _wanted(name: str, asked: Sequence[str] | None, declared: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if asked is None or declared is None:
        return declared if asked is None else tuple(asked)
    known = {column.lower() for column in declared}
    extra = [column for column in asked if column.lower() not in known]
    if not extra:
        return tuple(asked)
    raise UndeclaredInputError(
        f"ctx.ref({name!r}): the column {extra[0]!r} was not declared (declared: {', '.join(declared)}). "
        f"Write the columns as a literal list in the call: columns=[...]"
    )


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'

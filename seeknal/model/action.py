"""Actions and their results: the documents that keys are digests of.

| in the key                                             | not in the key                                        |
|--------------------------------------------------------|-------------------------------------------------------|
| the lowered definition, whole                          | the node's name, file, line, description, owner, tags |
| for each input: rows, and name, type and digest of     | columns that the recipe does not read                 |
| the columns that the recipe reads                      |                                                       |
| digests of the files that it reads                     | their paths, mtimes, sizes                            |
| interval, and the date of the clock when it is         | timestamps of the clock, run id, `-j`, memory limits, |
| mentioned                                              | host, user, locale, secrets                           |
| the engine with its version                            | the version of seeknal                                |

This module decides the shape of these documents (`cache_format.md`, "Documents"); it never computes a definition,
never looks anything up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seeknal.model.digest import canonical, digest_of, document_digest, is_digest
from seeknal.model.node import Schema

ACTION = "seeknal/action"
RESULT = "seeknal/result"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an artifact: its name, DuckDB's name of its type, the digest of its values in their order."""

    name: str
    type: str
    digest: str


@dataclass(frozen=True, slots=True)
class Artifact:
    """The output of an action: one Parquet blob. `in_place`: the bytes are the person's own file, not a copy. `parts`: the
    blob is an index of so many artifacts, one for each interval (`model/parts.py`)."""

    blob: str
    size: int
    rows: int
    columns: tuple[Column, ...]
    in_place: bool = False
    parts: int = 0

    @property
    def schema(self) -> Schema:
        """Names and types."""
        return tuple((column.name, column.type) for column in self.columns)

    @property
    def identity(self) -> tuple[int, tuple[Column, ...]]:
        """What consumers can see: equal identity means that nothing changed for them."""
        return self.rows, self.columns

    def document(self) -> dict[str, Any]:
        """As plain data, for a result or a generation."""
        columns = [[column.name, column.type, column.digest] for column in self.columns]
        document = {"blob": self.blob, "size": self.size, "rows": self.rows, "columns": columns}
        if self.parts:
            return {**document, "parts": self.parts}
        return {**document, "in_place": True} if self.in_place else document


def read_artifact(document: Mapping[str, Any]) -> Artifact:
    """The artifact that `document` describes. Raises ValueError, KeyError or TypeError when it is not one."""
    columns = tuple([Column(name, type_, digest) for name, type_, digest in document["columns"]])
    size, rows, parts = document["size"], document["rows"], document.get("parts", 0)
    if not columns or any(type(count) is not int or count < 0 for count in (size, rows, parts)):
        raise ValueError("an artifact has columns, and counts of bytes and rows")
    found = Artifact(document["blob"], size, rows, columns, document.get("in_place") is True, parts)
    if not all(is_digest(digest) for digest in (found.blob, *(column.digest for column in columns))):
        raise ValueError("an artifact has digests of its bytes and of its columns")
    if not all(type(column.name) is str and type(column.type) is str for column in columns):
        raise ValueError("a column has a name and a type")
    return found


@dataclass(frozen=True, slots=True)
class Used:
    """What an action says of one input: the name by which the recipe calls it, rows, and the columns read."""

    name: str
    rows: int
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Action:
    """Everything that can change an output. `key` is the digest of `document`, and the document is a blob."""

    engine: str
    definition: Mapping[str, Any]
    inputs: tuple[Used, ...] = ()
    files: tuple[tuple[str, ...], ...] = ()
    interval: tuple[str, str] | None = None
    clock: str | None = None
    _bytes: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_bytes", canonical(self.document()))

    def document(self) -> dict[str, Any]:
        """As plain data."""
        inputs = [
            {
                "name": used.name,
                "rows": used.rows,
                "columns": [[c.name, c.type, c.digest] for c in used.columns],
            }
            for used in self.inputs
        ]
        return {
            "type": ACTION,
            "version": VERSION,
            "engine": self.engine,
            "definition": dict(self.definition),
            "inputs": inputs,
            "files": [list(digests) for digests in self.files],
            "interval": list(self.interval) if self.interval else None,
            "clock": self.clock,
        }

    @property
    def bytes(self) -> bytes:
        """The canonical document."""
        return self._bytes

    @property
    def key(self) -> str:
        """The action key."""
        return digest_of(self._bytes)


@dataclass(frozen=True, slots=True)
class ActionResult:
    """Action key -> artifact, with what is good to know of its making (`made` is informative)."""

    action: str
    artifact: Artifact
    made: Mapping[str, Any]

    def bytes(self) -> bytes:
        """The canonical document, sealed with a digest of itself: its file is not named after its content."""
        body = {
            "type": RESULT,
            "version": VERSION,
            "action": self.action,
            "artifact": self.artifact.document(),
            "made": dict(self.made),
        }
        return canonical({**body, "check": document_digest(body)})


def read_result(document: Mapping[str, Any], key: str) -> ActionResult:
    """The result that `document` holds for `key`. Raises ValueError, KeyError or TypeError when it is damaged."""
    body = {name: value for name, value in document.items() if name != "check"}
    if body["type"] != RESULT or body["version"] != VERSION or body["action"] != key:
        raise ValueError("not a result of this action")
    if document["check"] != document_digest(body):
        raise ValueError("the check digest does not match")
    return ActionResult(key, read_artifact(body["artifact"]), body["made"])

"""What every engine is given and gives back.

Data and one protocol; decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeVar

from seeknal.model.action import Artifact
from seeknal.model.environment import PRODUCTION
from seeknal.model.node import Node
from seeknal.model.plan import Prepared

T = TypeVar("T")


class Memo(Protocol):
    """Remembers what was worked out from a text; losing it changes only speed."""

    def get(self, key: str) -> Any:
        """The remembered value, or None."""

    def put(self, key: str, value: Any) -> None:
        """Remember plain data."""


def recalled(memo: Memo, key: str, read: Callable[[Any], T]) -> T | None:
    """What the memo has for `key`, read back; None when it has nothing, or something that cannot be meant."""
    known = memo.get(key)
    try:
        return None if known is None else read(known)
    except (TypeError, ValueError, KeyError, AttributeError, IndexError):
        return None


@dataclass(frozen=True, slots=True)
class Setting:
    """The surroundings of a session that engines need. `shared` is what they open once for all of them."""

    project: str
    target: str
    readable: tuple[str, ...]
    scratch: str
    as_of: datetime
    run_id: str
    memo: Memo
    workers: int = 1
    threads: int = 1
    timeout: float = 1800.0
    states: tuple[str, ...] = ()
    environment: str = PRODUCTION
    warn: Callable[[str], None] = field(default=print)
    watch: Callable[[str], None] = field(default=lambda path: None)
    settings: Callable[[Node], Mapping[str, Any]] = field(default=lambda node: {})
    connect: bool = True
    allowed: set[str] = field(default_factory=set)
    shared: dict[str, Any] = field(default_factory=dict)


class File(NamedTuple):
    """A file that a recipe reads, with the digest that the key has of it."""

    path: str
    digest: str


class Product(NamedTuple):
    """What a run made: a new file at the given output, or `in_place`, a file of the person's own. `export` is a file for
    a place outside of the store, of which the output is the receipt; `state` is what the node wants to remember (JSON)."""

    order_counts: bool
    in_place: str | None = None
    notes: tuple[str, ...] = ()
    export: str | None = None
    state: str | None = None


class Engine(Protocol):
    """How recipes of one sort are keyed and run. Safe to use from several threads."""

    tag: str

    def references(self, node: Node) -> tuple[str, ...]:
        """Ids of nodes and paths (`file:...`) that the recipe reads without having declared them."""

    def prepare(self, node: Node, inputs: Mapping[str, Artifact], files: tuple[tuple[File, ...], ...]) -> Prepared:
        """The action of a node whose inputs are known. Raises DefinitionWrong."""

    def run(self, node: Node, prepared: Prepared, paths: Mapping[str, str], output: str) -> Product:
        """Execute: read the verified `paths` of the inputs (id -> file), write `output`. Raises BuildFailed."""

    def close(self) -> None:
        """Release everything."""

"""The declarations of a project as frozen data: what a node is, what its recipe says, what it reads.

Decides nothing about how a node is written (`project`) or run (`engines`): this is the vocabulary that they share.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# A name becomes part of a file name (`<kind>_<name>.parquet`), so it is a plain word: no dots, slashes or spaces.
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")
NAME_RULE = "a name starts with a letter or _, goes on with letters, digits, _ or -, and has at most 128 characters"

Schema = tuple[tuple[str, str], ...]

# By this word a node with intervals reads its own earlier interval; it is no edge of the graph.
SELF = "self"


@dataclass(frozen=True, slots=True)
class Input:
    """One prerequisite: the node's id, and the columns asked for (None: whatever the recipe turns out to read)."""

    node: str
    columns: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an engine runs. `definition` is plain data and goes into the key whole.

    `names` maps the words by which SQL may call an input (`input_0`, `source`) to node ids. `files` are paths or globs,
    relative to the project. `late` holds values that are put in at execution and never enter a key.
    """

    engine: str
    definition: Mapping[str, Any]
    inputs: tuple[Input, ...] = ()
    files: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    late: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Node:
    """One declaration, lowered. `meta` (description, owner, tags, text of columns) never enters a key."""

    kind: str
    name: str
    recipe: Recipe
    file: str
    line: int
    tags: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)
    traits: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """`kind.name`."""
        return f"{self.kind}.{self.name}"

    @property
    def interval(self) -> Any:
        """What `interval:` says (a `Cadence`), whether its intervals are built one by one or its rows are split; or None."""
        return self.traits.get("cadence") or self.traits.get("split")

    @property
    def is_table(self) -> bool:
        """Whether others read its rows; those of a rule say what was found, those of an exposure what was sent."""
        return "checks" not in self.traits and "outside" not in self.traits


def line_at(node: Node, path: tuple[str | int, ...]) -> int:
    """The line of a field of a node, or of the nearest thing above it; its kind lists such fields in the trait `fields`."""
    lines = node.traits.get("lines", {}).get("fields", {})
    above = (".".join(map(str, path[:end])) for end in range(len(path), 0, -1))
    return next((int(lines[field]) for field in above if field in lines), node.line)


def view_stem(node_id: str) -> str:
    """The file name of a node's view without its ending: `transform.rides` -> `transform_rides`."""
    return node_id.replace(".", "_")

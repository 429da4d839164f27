"""What kinds say of all nodes of a project together: inputs that follow from others, targets that nobody writes, problems.

Decides in which order the kinds are asked, nothing else.
"""

from __future__ import annotations

from seeknal import kinds
from seeknal.errors import Problem
from seeknal.model.node import Node


def linked(nodes: list[Node]) -> list[Node]:
    """The nodes with the inputs that follow from other nodes."""
    for kind in kinds.known():
        if hasattr(kinds.get(kind), "link"):
            nodes = kinds.get(kind).link(nodes)
    return nodes


def derived(nodes: list[Node], problems: list[Problem]) -> list[Node]:
    """The targets that nobody writes down; adds to `problems`."""
    found: list[Node] = []
    for kind in kinds.known():
        if hasattr(kinds.get(kind), "derive"):
            more, wrong = kinds.get(kind).derive([*nodes, *found])  # an entity has tables outside, too
            found += more
            problems += wrong
    return found


def reviewed(nodes: list[Node], lost: set[str]) -> list[Problem]:
    """What is wrong between nodes; where nodes of these kinds are `lost`, names that they have would look unknown."""
    reviewing = [kind for kind in kinds.known() if hasattr(kinds.get(kind), "review")]
    if lost.intersection(reviewing):
        return []
    return [problem for kind in reviewing for problem in kinds.get(kind).review(nodes)]

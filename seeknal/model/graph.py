"""The DAG of a project: order, ancestors, descendants, and the path of a cycle.

Pure; knows ids and edges only, never what a node does.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from seeknal.model.node import Node


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes by id in build order, with both directions of their edges."""

    nodes: Mapping[str, Node]
    inputs: Mapping[str, tuple[str, ...]]
    consumers: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, nodes: Iterable[Node]) -> Graph:
        """Build the graph; inputs that no node has are left out (the loader has reported them).

        Raises ValueError holding the path when there is a cycle (see `find_cycle` for the check that comes first).
        """
        by_id = {node.id: node for node in nodes}
        inputs = {
            name: tuple(dict.fromkeys(i.node for i in node.recipe.inputs if i.node in by_id))
            for name, node in by_id.items()
        }
        order = _topological(inputs)
        return cls({name: by_id[name] for name in order}, inputs, _reverse(inputs))

    def ancestors(self, ids: Iterable[str]) -> frozenset[str]:
        """Everything that `ids` need, without themselves unless one needs another."""
        return _reach(ids, self.inputs)

    def descendants(self, ids: Iterable[str]) -> frozenset[str]:
        """Everything that needs one of `ids`."""
        return _reach(ids, self.consumers)


def _reverse(inputs: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    consumers: dict[str, list[str]] = {name: [] for name in inputs}
    for name, needs in inputs.items():
        for need in needs:
            consumers[need].append(name)
    return {name: tuple(sorted(users)) for name, users in consumers.items()}


def _reach(start: Iterable[str], edges: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    found: set[str] = set()
    todo = [near for name in start for near in edges[name]]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(edges[name])
    return frozenset(found)


def _topological(inputs: Mapping[str, tuple[str, ...]]) -> list[str]:
    waiting = {name: len(needs) for name, needs in inputs.items()}
    consumers = _reverse(inputs)
    ready = [name for name, count in waiting.items() if not count]
    heapq.heapify(ready)
    order: list[str] = []
    while ready:
        name = heapq.heappop(ready)
        order.append(name)
        for user in consumers[name]:
            waiting[user] -= 1
            if not waiting[user]:
                heapq.heappush(ready, user)
    if len(order) < len(inputs):
        raise ValueError(" -> ".join(find_cycle(inputs)))
    return order


def find_cycle(inputs: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the path of a cycle, first id repeated at the end; `()` when there is none."""
    done: set[str] = set()
    for start in sorted(inputs):
        path = _walk(start, inputs, done)
        if path:
            return path
    return ()


def _walk(start: str, inputs: Mapping[str, tuple[str, ...]], done: set[str]) -> tuple[str, ...]:
    path: list[str] = []
    stack: list[tuple[str, bool]] = [(start, True)]
    while stack:
        name, entering = stack.pop()
        if not entering:
            done.add(path.pop())
        elif name in path:
            return (*path[path.index(name) :], name)
        elif name not in done:
            path.append(name)
            stack.append((name, False))
            stack.extend((need, True) for need in reversed(inputs.get(name, ())) if need in inputs)
    return ()

"""Where the nodes of a graph stand: in layers from left to right, so that every edge leads to the right and few edges cross.

A node stands right of the last of its inputs (longest path). Within a layer the order follows the mean place of the
neighbours (barycenter), to and fro, and the order with the fewest crossings is kept; then each node moves towards its
neighbours as far as the order leaves room. Pure; a thousand nodes take some hundredths of a second.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

_SWEEPS = 12
Edges = Mapping[str, Sequence[str]]


class Place(NamedTuple):
    """A layer (0 is the leftmost), and how far down, in rows."""

    layer: int
    row: float


def placed(inputs: Edges) -> dict[str, Place]:
    """The place of every node of an acyclic graph; `inputs` has each node with the nodes that it reads."""
    layers = layers_of(inputs)
    order = ordered(layers, inputs)
    rows = _rows(order, inputs)
    return {name: Place(layers[name], round(rows[name], 2)) for name in inputs}


def layers_of(inputs: Edges) -> dict[str, int]:
    """The layer of each node: one more than the last of its inputs."""
    found: dict[str, int] = {}
    waiting = list(reversed(list(inputs)))
    while waiting:
        name = waiting[-1]
        open_ = [need for need in inputs[name] if need not in found]
        if name in found or not open_:
            found[waiting.pop()] = max((found[need] + 1 for need in inputs[name]), default=0)
        else:
            waiting += open_
    return found


def ordered(layers: Mapping[str, int], inputs: Edges) -> list[list[str]]:
    """The nodes of each layer from top to bottom."""
    order: list[list[str]] = [[] for _ in range(max(layers.values(), default=-1) + 1)]
    for name in inputs:
        order[layers[name]].append(name)
    best, least = [[*row] for row in order], crossings(order, inputs)
    place = {name: where for row in order for name, where in _centred(row)}
    consumers = reverse(inputs)
    for sweep in range(_SWEEPS):
        near = consumers if sweep % 2 else inputs
        for row in reversed(order) if sweep % 2 else order:
            means = {name: _mean([place[n] for n in near[name]], place[name]) for name in row}
            row.sort(key=means.__getitem__)
            place.update(_centred(row))
        count = crossings(order, inputs)
        if count < least:
            best, least = [[*row] for row in order], count
    return best


def _centred(row: Sequence[str]) -> Iterator[tuple[str, float]]:
    """The nodes of a layer with their places, the middle being 0."""
    return ((name, i - (len(row) - 1) / 2) for i, name in enumerate(row))


def crossings(order: Sequence[Sequence[str]], inputs: Edges) -> int:
    """How many pairs of edges between the same two layers cross."""
    at = {name: (layer, i) for layer, row in enumerate(order) for i, name in enumerate(row)}
    edges: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for name, needs in inputs.items():
        for need in needs:
            edges.setdefault((at[need][0], at[name][0]), []).append((at[need][1], at[name][1]))
    found = 0
    for some in edges.values():
        ends: list[int] = []
        for _, end in sorted(some):
            place = bisect_right(ends, end)
            found += len(ends) - place
            ends.insert(place, end)
    return found


def reverse(inputs: Edges) -> dict[str, list[str]]:
    """The nodes that read each node."""
    found: dict[str, list[str]] = {name: [] for name in inputs}
    for name, needs in inputs.items():
        for need in needs:
            found[need].append(name)
    return found


def _mean(places: Sequence[float], own: float) -> float:
    return sum(places) / len(places) if places else own


def _rows(order: Sequence[Sequence[str]], inputs: Edges) -> dict[str, float]:
    """How far down each node stands: near its neighbours, one row from the next at least, in the given order."""
    tallest = max(map(len, order), default=0)
    rows = {name: i + (tallest - len(row)) / 2 for row in order for i, name in enumerate(row)}
    consumers = reverse(inputs)
    for sweep in range(_SWEEPS):
        near = (inputs, consumers)[sweep % 2]
        for row in order if sweep % 2 == 0 else reversed(order):
            wanted = [_mean([rows[n] for n in near[name]], rows[name]) for name in row]
            rows.update(zip(row, apart(wanted), strict=True))
    least = min(rows.values(), default=0.0)
    return {name: row - least for name, row in rows.items()}


def apart(wanted: Sequence[float]) -> list[float]:
    """The places nearest to those that are wanted (least squares) that keep the order and are one row apart."""
    blocks: list[tuple[float, int]] = []  # mean of the shifted wishes, how many
    for i, place in enumerate(wanted):
        mean, count = place - i, 1
        while blocks and blocks[-1][0] > mean:
            above, many = blocks.pop()
            mean, count = (above * many + mean * count) / (many + count), many + count
        blocks.append((mean, count))
    found: list[float] = []
    for mean, count in blocks:
        found += [mean + len(found) + i for i in range(count)]
    return found

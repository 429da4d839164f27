"""The layout is pure: edges lead to the right, nodes keep apart, few edges cross, and a thousand nodes take no time."""

from __future__ import annotations

import random
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeknal.pictures.layers import apart, crossings, layers_of, ordered, placed


def random_graph(count: int, seed: int) -> dict[str, list[str]]:
    """A graph in which each node reads up to three of the sixty before it."""
    chance = random.Random(seed)
    names = [f"n{i}" for i in range(count)]
    return {
        name: sorted(set(chance.sample(names[max(0, i - 60) : i], min(i, chance.randint(0, 3)))))
        for i, name in enumerate(names)
    }


def shuffled(inputs: dict[str, list[str]], seed: int) -> dict[str, list[str]]:
    """The same graph, its nodes in another order."""
    names = [*inputs]
    random.Random(seed).shuffle(names)
    return {name: inputs[name] for name in names}


def as_given(inputs: dict[str, list[str]]) -> list[list[str]]:
    """The layers in the order in which the nodes come."""
    layers = layers_of(inputs)
    return [[name for name in inputs if layers[name] == layer] for layer in range(max(layers.values()) + 1)]


def test_a_node_stands_right_of_all_that_it_reads_and_no_further_than_it_must() -> None:
    inputs = {"a": [], "b": ["a"], "c": ["b"], "d": ["a", "c"], "e": []}
    assert layers_of(inputs) == {"a": 0, "b": 1, "c": 2, "d": 3, "e": 0}


@given(st.integers(0, 40), st.integers(0, 10**6))
def test_every_edge_leads_to_the_right_and_no_two_nodes_meet(count: int, seed: int) -> None:
    inputs = random_graph(count, seed)
    places = placed(inputs)
    assert places.keys() == inputs.keys()
    assert all(places[need].layer < places[name].layer for name, needs in inputs.items() for need in needs)
    for layer in {place.layer for place in places.values()}:
        rows = sorted(place.row for place in places.values() if place.layer == layer)
        assert all(below - above >= 0.98 for above, below in pairwise(rows))  # rounded to hundredths


@given(st.lists(st.floats(-100, 100)))
def test_nodes_move_no_more_than_they_must(wanted: list[float]) -> None:
    found = apart(sorted(wanted))
    assert all(below - above >= 1 - 1e-9 for above, below in pairwise(found))
    spread = sorted(wanted)
    if all(below - above >= 1 for above, below in pairwise(spread)):
        assert all(abs(a - b) < 1e-6 for a, b in zip(found, spread, strict=True))


def test_crossings_are_counted() -> None:
    inputs = {"a": [], "b": [], "c": ["b"], "d": ["a"], "e": ["a", "b"]}
    assert crossings([["a", "b"], ["c", "d", "e"]], inputs) == 2
    assert crossings([["b", "a"], ["c", "e", "d"]], inputs) == 0


@pytest.mark.parametrize("seed", range(4))
def test_ordering_uncrosses_edges(seed: int) -> None:
    near = random_graph(300, seed)
    inputs = shuffled(near, seed)
    order = ordered(layers_of(inputs), inputs)
    assert crossings(order, inputs) < 0.5 * crossings(as_given(inputs), inputs)
    assert crossings(ordered(layers_of(near), near), near) <= crossings(as_given(near), near)


def test_two_chains_side_by_side_do_not_cross() -> None:
    inputs = {"a1": [], "b1": [], "b2": ["b1"], "a2": ["a1"], "a3": ["a2"], "b3": ["b2"]}
    assert crossings(ordered(layers_of(inputs), inputs), inputs) == 0


def test_a_thousand_nodes_are_placed_in_well_under_a_second() -> None:
    inputs = random_graph(1000, 1)
    start = time.process_time()
    placed(inputs)
    assert time.process_time() - start < 0.6


def test_a_chain_of_five_thousand_is_no_deeper_than_the_stack() -> None:
    inputs = {f"n{i}": [f"n{i - 1}"] if i else [] for i in reversed(range(5000))}
    assert placed(inputs)["n4999"].layer == 4999

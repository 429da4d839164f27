"""Aligning two files by anchors: every row is either in a stretch or left over, exactly once, on both sides."""

from __future__ import annotations

import random
from itertools import chain, pairwise

from hypothesis import given
from hypothesis import strategies as st

from seeknal.model.alignment import Anchor, align, in_both_orders
from seeknal.model.diffsql import spans


def covered(stretches: list[tuple[int, int]], left: list[range]) -> list[int]:
    return sorted([*chain(*(range(start, start + rows) for start, rows in stretches)), *chain(*left)])


@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_every_row_is_looked_at_once(old_rows: int, new_rows: int, data: st.DataObject) -> None:
    place = st.tuples(st.integers(0, old_rows - 1), st.integers(0, new_rows - 1))
    anchors = data.draw(st.lists(place, max_size=12, unique_by=(lambda a: a[0], lambda a: a[1])))
    found = align(sorted(anchors), old_rows, new_rows)
    if found is None:
        return
    assert covered([(s.old, s.rows) for s in found.stretches], list(found.old)) == list(range(old_rows))
    assert covered([(s.new, s.rows) for s in found.stretches], list(found.new)) == list(range(new_rows))


@given(st.lists(st.integers(0, 200), min_size=1, max_size=40, unique=True))
def test_the_chain_is_the_longest_that_is_in_both_orders(after: list[int]) -> None:
    anchors: list[Anchor] = list(enumerate(after))
    found = in_both_orders(anchors)
    assert found == sorted(found)
    assert [q for _, q in found] == sorted(q for _, q in found)
    longest = [1] * len(after)
    for i in range(len(after)):
        longest[i] = 1 + max((longest[j] for j in range(i) if after[j] < after[i]), default=0)
    assert len(found) == max(longest)


def test_rows_that_came_in_between_are_all_that_is_left_over() -> None:
    old = list(range(10_000))
    new = list(old)
    for at in (500, 4_000, 9_000):
        new.insert(at, -at)
    places = {value: place for place, value in enumerate(new)}
    anchors = [(value, places[value]) for value in old if value % 100 == 50]
    found = align(anchors, len(old), len(new))
    assert found is not None
    assert [s.new - s.old for s in found.stretches] == [0, 1, 2, 3]
    assert found.left < 1_000
    assert all(old[s.old + n] == new[s.new + n] for s in found.stretches for n in range(s.rows))


def test_another_order_is_no_alignment() -> None:
    after = list(range(1_000))
    random.Random(1).shuffle(after)
    assert align(list(enumerate(after)), 1_000, 1_000) is None


@given(st.lists(st.integers(0, 1_000_000), max_size=30, unique=True))
def test_spans_hold_every_place_and_skip_what_is_far_from_all(places: list[int]) -> None:
    found = spans(places)
    assert all(any(place in span for span in found) for place in places)
    assert all(later.start - earlier.stop >= 122_879 for earlier, later in pairwise(found))
    assert all(span.start in places and span[-1] in places for span in found)

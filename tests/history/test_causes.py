"""Root causes, by their properties: every rebuilt target is under at least one, and none of them is explained by an input."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seeknal.model.causes import Rebuilt, Root, roots, stops
from seeknal.model.explain import Reason

OWN = [
    Reason("definition_changed", "sql"),
    Reason("definition_changed", "code.modules.helpers"),
    Reason("definition_changed", "params.low", "1 -> 2"),
    Reason("file_changed", "data/a.csv"),
    Reason("clock_changed", "", "2024-01-01 -> 2024-01-02"),
    Reason("first_build"),
    Reason("a_word_of_another_version", "x"),
]


@st.composite
def waves(draw: st.DrawFn) -> list[Rebuilt]:
    """Targets in build order, each with reasons of its own, reasons that name earlier ones, and some that name nobody."""
    found: list[Rebuilt] = []
    for n in range(draw(st.integers(1, 12))):
        name = f"transform.t{n}"
        reasons = draw(st.lists(st.sampled_from(OWN), max_size=2))
        for before in draw(st.lists(st.sampled_from(found), max_size=3)) if found else ():
            word = draw(st.sampled_from(["column_changed", "rows_changed", "input_may_change", "shared"]))
            column = ".we.ird" if word == "column_changed" else ""
            reasons.append(Reason(word, before.id + column))
        if draw(st.booleans()):
            reasons.append(Reason("column_changed", "source.not_built.x"))
        found.append(Rebuilt(name, tuple(reasons), draw(st.integers(0, 100))))
    return found


def passes_on(one: Rebuilt, names: set[str]) -> set[str]:
    """The rebuilt targets that explain one."""
    about = (".".join(r.subject.split(".")[:2]) for r in one.reasons if r not in OWN)
    return {name for name in about if name in names}


@given(waves())
def test_every_rebuilt_target_is_under_a_root(wave: list[Rebuilt]) -> None:
    assert {name for root in roots(wave) for name in root.targets} == {one.id for one in wave}


@given(waves())
def test_a_root_is_not_explained_by_an_input(wave: list[Rebuilt]) -> None:
    names = {one.id for one in wave}
    by_id = {one.id: one for one in wave}
    for root in roots(wave):
        for reason in root.reasons:
            assert ".".join(reason.subject.split(".")[:2]) not in names or reason in OWN
        for origin in root.origins:
            own = set(by_id[origin].reasons) or {Reason("unknown")}
            assert own & set(root.reasons)


@given(waves())
def test_what_a_root_pulls_is_what_can_be_reached_from_it(wave: list[Rebuilt]) -> None:
    names = {one.id for one in wave}
    for root in roots(wave):
        reached = set(root.origins)
        for one in wave:  # in build order
            if passes_on(one, names) & reached:
                reached.add(one.id)
        assert set(root.targets) == reached
        assert root.milliseconds == sum(one.milliseconds for one in wave if one.id in reached)


@given(waves())
def test_those_come_first_that_rebuilt_most(wave: list[Rebuilt]) -> None:
    sizes = [len(root.targets) for root in roots(wave)]
    assert sizes == sorted(sizes, reverse=True)


def test_a_target_that_names_itself_or_a_later_one_makes_no_circle() -> None:
    wave = [
        Rebuilt("transform.a", (Reason("rows_changed", "transform.b"),)),
        Rebuilt("transform.b", (Reason("rows_changed", "transform.b"), Reason("rows_changed", "transform.a"))),
    ]
    found = roots(wave)
    assert {name for root in found for name in root.targets} == {"transform.a", "transform.b"}


def one(wave: list[Rebuilt], origin: str) -> Root:
    return next(root for root in roots(wave) if origin in root.origins)


def test_one_helper_one_file_one_parameter_is_one_cause_of_all_that_use_it() -> None:
    for reason in OWN[1:6]:
        wave = [Rebuilt(f"transform.{n}", (reason,)) for n in "abc"]
        assert one(wave, "transform.a").targets == ("transform.a", "transform.b", "transform.c")
    edits = [Rebuilt(f"transform.{n}", (OWN[0],)) for n in "abc"]
    assert len(roots(edits)) == 3


def test_where_the_wave_stopped() -> None:
    found, below = stops({"t.a": ["t.x"], "t.b": ["t.x", "t.y"], "t.c": [], "t.d": ()})
    assert [(stop.at, stop.readers) for stop in found] == [("t.x", ("t.a", "t.b")), ("t.y", ("t.b",))]
    assert below == 2

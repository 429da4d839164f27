"""The one decision of the tool: which targets are hits, which are built, and why.

`plan`, `--dry-run`, `--show-plan` and `run` all call `decide`; a plan passes what is not known yet, a run calls it
again when the inputs are there. Looking up and preparing an action are handed in, so this file touches nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

from seeknal.errors import DefinitionWrong
from seeknal.model.action import Action, Artifact
from seeknal.model.digest import document_digest, plain
from seeknal.model.explain import Reason, diff
from seeknal.model.graph import Graph
from seeknal.model.node import Node, Schema
from seeknal.model.select import Goal


class Verdict(StrEnum):
    """What becomes of a target."""

    HIT = "HIT"
    BUILD = "BUILD"
    MAYBE = "MAYBE"
    SKIP = "SKIP"


class Missing(StrEnum):
    """Why there is no artifact to read: it is being built, it failed, or it is left out and was never published."""

    BUILDING = "building"
    FAILED = "failed"
    UNPUBLISHED = "unpublished"


State = Artifact | Missing


class Prepared(NamedTuple):
    """A recipe with its inputs known: the action, names of its inputs for people, the output's columns if known. `again`:
    nothing tells whether what it reads has changed, so what is there for its action says nothing."""

    action: Action
    labels: Mapping[str, str]
    columns: Schema | None
    ready: Any = None
    again: bool = False


class Found(NamedTuple):
    """The answer of a lookup: the artifact, or the word for why there is none."""

    artifact: Artifact | None
    word: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A target with its verdict and the reasons for it; `family` holds those of its intervals (`model/slots.py`)."""

    id: str
    verdict: Verdict
    reasons: tuple[Reason, ...] = ()
    prepared: Prepared | None = None
    artifact: Artifact | None = None
    recipe: str = ""
    family: Any = None

    @property
    def key(self) -> str | None:
        """The action key, where the inputs are known."""
        return self.prepared.action.key if self.prepared else None


@dataclass(frozen=True, slots=True)
class World:
    """What `decide` asks of the shell: preparing an action, the action cache, the published state."""

    prepare: Callable[[Node, Mapping[str, Artifact]], Prepared]
    lookup: Callable[[Node, str], Found]
    before: Callable[[str], Mapping[str, Any] | None]
    published: Mapping[str, Artifact] = field(default_factory=dict)
    intervals: Callable[[Node, Mapping[str, Artifact], bool], Step] | None = None


def decide(node: Node, states: Mapping[str, State], world: World, *, forced: bool) -> Step:
    """The verdict on one target, given what is known of its inputs.

    | an input failed | an input is being built | forced | lookup | verdict |
    |-----------------|-------------------------|--------|--------|---------|
    | yes             |                         |        |        | SKIP    |
    | no              | yes                     | no     |        | MAYBE   |
    | no              |                         | yes    |        | BUILD   |
    | no              | no                      | no     | hit    | HIT     |
    | no              | no                      | no     | miss   | BUILD   |
    """
    lost = tuple(_lost(name, state) for name, state in states.items() if state in _LOST)
    if lost:
        return Step(node.id, Verdict.SKIP, lost)
    waiting = tuple(Reason("input_may_change", name) for name, state in states.items() if state is Missing.BUILDING)
    if waiting:
        reasons = (Reason("forced"), *waiting) if forced else waiting
        return Step(node.id, Verdict.BUILD if forced else Verdict.MAYBE, reasons)
    known = {name: state for name, state in states.items() if isinstance(state, Artifact)}
    if "cadence" in node.traits and world.intervals:
        return world.intervals(node, known, forced)
    try:
        prepared = world.prepare(node, known)
    except DefinitionWrong as error:
        return Step(
            node.id,
            Verdict.BUILD,
            (Reason("wrong_definition", node.id, "; ".join(filter(None, (error.message, error.hint)))),),
        )
    return _looked_up(node, prepared, world, forced=forced)


_LOST = (Missing.FAILED, Missing.UNPUBLISHED)


def _lost(name: str, state: State) -> Reason:
    return Reason("input_failed" if state is Missing.FAILED else "input_unpublished", name)


def _looked_up(node: Node, prepared: Prepared, world: World, *, forced: bool) -> Step:
    if forced:
        return Step(node.id, Verdict.BUILD, (Reason("forced"),), prepared)
    if prepared.again and world.before(node.id) is not None:
        return Step(node.id, Verdict.BUILD, (Reason("read_again"),), prepared)
    found = world.lookup(node, prepared.action.key)
    if found.artifact is not None and not prepared.again:
        return Step(node.id, Verdict.HIT, (), prepared, found.artifact)
    why = diff(world.before(node.id), prepared.action.document(), prepared.labels, node.recipe.files)
    if not why or found.word:
        why = (Reason(found.word or "artifact_missing"),)
    return Step(node.id, Verdict.BUILD, why, prepared)


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in build order. `build` and `maybe` bound what a run of it can execute."""

    steps: Mapping[str, Step]
    window: tuple[Any, ...] = ()

    def having(self, *verdicts: Verdict) -> tuple[Step, ...]:
        """The steps with one of these verdicts."""
        return tuple(step for step in self.steps.values() if step.verdict in verdicts)

    @property
    def digest(self) -> str:
        """What `run --plan DIGEST` compares: targets, verdicts, keys or, where inputs are not known yet, recipes, the
        intervals that are built, and what was asked of intervals."""
        steps = [[s.id, s.verdict.value, s.key or s.recipe, _slots(s)] for s in self.steps.values()]
        return document_digest([steps, list(self.window)])


def _slots(step: Step) -> list[list[str]]:
    return [list(slot.interval.texts()) for slot in step.family.open] if step.family else []


def make_plan(
    graph: Graph, goal: Goal, world: World, force: frozenset[str] = frozenset(), window: tuple[Any, ...] = ()
) -> Plan:
    """Decide every target of the goal in build order, as far as that is possible before anything is built.

    `window` is what was asked of intervals, in the types of canonical JSON.
    """
    states: dict[str, State] = {}
    steps: dict[str, Step] = {}
    first: dict[str, str] = {}
    for name in in_order(graph, goal):
        step = decide(graph.nodes[name], states_of(graph, goal, world, name, states), world, forced=name in force)
        step = _shared(step, first)
        steps[name] = step if step.key else replace(step, recipe=_recipe(graph.nodes[name]))
        states[name] = _state(step)
    return Plan(steps, window)


def _recipe(node: Node) -> str:
    """A digest of what is written, for a target whose action is not known yet."""
    recipe = node.recipe
    return document_digest(plain([recipe.engine, recipe.definition, [i.node for i in recipe.inputs], recipe.files]))


def in_order(graph: Graph, goal: Goal) -> Iterable[str]:
    """The goal's targets in build order."""
    return (name for name in graph.nodes if name in goal.targets)


def states_of(graph: Graph, goal: Goal, world: World, name: str, states: Mapping[str, State]) -> dict[str, State]:
    """What is known of the inputs of `name`: those of the goal by their state, others as they are published.

    A target that follows its inputs is made of those that were ever published: the others are no reason to skip it.
    """
    found = {
        need: states[need] if need in goal.targets else world.published.get(need, Missing.UNPUBLISHED)
        for need in graph.inputs[name]
    }
    if not graph.nodes[name].traits.get("follows_inputs"):
        return found
    return {need: state for need, state in found.items() if state is not Missing.UNPUBLISHED} or found


def _shared(step: Step, first: dict[str, str]) -> Step:
    """Two targets with one action are built once: the second says so."""
    if step.verdict is not Verdict.BUILD or step.key is None:
        return step
    other = first.setdefault(step.key, step.id)
    if other == step.id:
        return step
    return Step(step.id, step.verdict, (Reason("shared", other),), step.prepared)


def _state(step: Step) -> State:
    if step.artifact is not None:
        return step.artifact
    return Missing.FAILED if step.verdict is Verdict.SKIP else Missing.BUILDING

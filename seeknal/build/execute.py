"""Executing a plan: each target as soon as its inputs are known, the longest path first.

Decides order, parallelism, retries and what a failure stops. The verdict on each target is `plan.decide`'s, asked again
when the inputs are there. Publishes nothing.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any, NamedTuple

from seeknal.build.order import expect_builds, ranks
from seeknal.build.results import Policy, Results
from seeknal.build.session import Session
from seeknal.build.slots import build_slots, dropped, gathered
from seeknal.build.target import Built, Unsealed, execute
from seeknal.build.threads import finishing_pool, quick_turns
from seeknal.errors import BuildFailed, DefinitionWrong, EnvironmentFailure
from seeknal.model.action import Artifact
from seeknal.model.node import Node
from seeknal.model.plan import Missing, Plan, Prepared, State, Step, Verdict, World, decide, states_of
from seeknal.model.select import Goal

Tell = Callable[..., None]
# A signal that comes just before a thread waits for a lock is seen when that wait ends: Python looks between its steps.
_GLANCE = 0.5


class Ran(NamedTuple):
    """A step whose engine is done: its output, or what was built of it already, or why it failed."""

    step: Step
    output: Unsealed | None
    built: Built | None = None
    error: Exception | None = None


class Execution:
    """One run of a plan."""

    def __init__(self, session: Session, goal: Goal, plan: Plan, policy: Policy, tell: Tell) -> None:
        self._session = session
        self._goal = goal
        self._plan = plan
        self._policy = policy
        self._tell = tell
        self._world: World = session.world()
        self._states: dict[str, State] = {}
        self._waiting = {name: len(self._needs(name)) for name in plan.steps}
        self._rank = ranks(session, plan)
        self._ready: list[tuple[float, str]] = []
        self._outside = [name for name in plan.steps if session.graph.nodes[name].traits.get("outside")]
        self.results = Results()

    def run(self) -> Results:
        """Execute all that stays inside, until nothing more can be. Raises Damaged when an input's bytes are wrong."""
        expect_builds(self._session, self._plan)
        for name, count in self._waiting.items():
            if not count:
                self._push(name)
        self._work()
        self._leave(
            [name for name in self._plan.steps if name not in self._outside], "an earlier failure stopped the run"
        )
        return self.results

    def deliver(self, *, published: bool) -> None:
        """Execute what leaves the project, after all else was published; nothing that was held back is sent."""
        if published:
            for name in self._outside:
                held = [need for need in self._session.graph.inputs[name] if need in self.results.held]
                if held:
                    self._skip(name, (f"{held[0]}, held back by {self.results.held[held[0]]}",))
                else:
                    heapq.heappush(self._ready, (0.0, name))
            self._work()
        self._leave(self._outside, "an earlier failure stopped the run" if published else "nothing was published")

    def _work(self) -> None:
        if self._policy.workers > 1:
            self._side_by_side()
        else:
            self._one_by_one()

    def _leave(self, names: Iterable[str], why: str) -> None:
        for name in names:
            if name not in self._states:
                self._skip(name, (why,))

    def _one_by_one(self) -> None:
        """One engine runs at a time; beside it, what ran before is sealed and then the next target is decided."""
        step, ran = self._next(None), None
        with finishing_pool(1, self._session.engines.close) as pool, quick_turns():
            while step is not None or ran is not None:
                if step is None:
                    step, ran = self._beside(ran, None), None
                    continue
                future = pool.submit(self._beside, ran, step)
                ran = self._run(step)
                step = self._after(ran, future)

    def _run(self, step: Step) -> Ran:
        """Run the engine; where an execution is to be tried again, seal what it made too."""
        self._tell("started", target=step.id)
        if self._policy.retries or step.family is not None:
            return Ran(step, None, *self._attempt(step))
        try:
            return Ran(step, execute(self._session, *self._needed(step)))
        except (DefinitionWrong, EnvironmentFailure, BuildFailed) as error:
            return Ran(step, None, None, error)

    def _after(self, ran: Ran, future: Future[Step | None]) -> Step | None:
        """The step that was decided meanwhile, unless what ran meanwhile failed and stops the run."""
        try:
            step = future.result()
        except BaseException:
            if ran.output is not None:
                ran.output.drop()
            raise
        return step if ran.error is None or self._policy.go_on else None

    def _beside(self, ran: Ran | None, running: Step | None) -> Step | None:
        if ran is not None:
            self._done(ran.step, *self._sealed(ran))
        return self._next(running)

    def _sealed(self, ran: Ran) -> tuple[Built | None, Exception | None]:
        if ran.output is None:
            return ran.built, ran.error
        try:
            return ran.output.seal(), None
        except (DefinitionWrong, EnvironmentFailure, BuildFailed) as error:
            return None, error

    def _next(self, running: Step | None) -> Step | None:
        """The next step to build that is known by now; one with the action that runs is a hit when that is done."""
        later: list[str] = []
        found = None
        while self._ready and found is None and not self._stopped():
            step = self._decide(heapq.heappop(self._ready)[1])
            if step is None or running is None or step.key != running.key:
                found = step
            else:
                later.append(step.id)
        for name in later:
            self._push(name)
        return found

    def _side_by_side(self) -> None:
        running: dict[Future[Any], Step] = {}
        with finishing_pool(self._policy.workers, self._session.engines.close) as pool:
            while (self._ready and not self._stopped()) or running:
                self._start(pool, running)
                if running:
                    for future in wait(running, _GLANCE, return_when=FIRST_COMPLETED).done:
                        self._done(running.pop(future), *future.result())

    def _start(self, pool: ThreadPoolExecutor, running: dict[Future[Any], Step]) -> None:
        while self._ready and len(running) < self._policy.workers and not self._stopped():
            step = self._decide(heapq.heappop(self._ready)[1])
            if step is not None:
                self._tell("started", target=step.id)
                running[pool.submit(self._attempt, step)] = step

    def _decide(self, name: str) -> Step | None:
        """The step to build, or None when the target is settled without building."""
        planned = self._plan.steps[name]
        known = planned.prepared is not None or planned.family is not None
        settled = planned.verdict is Verdict.HIT or (planned.verdict is Verdict.BUILD and known)
        step = planned if settled else self._decide_now(name)
        self.results.steps[name] = step
        if step.verdict is Verdict.HIT and step.artifact is not None:
            self._hit(step, cut_off=planned.verdict is Verdict.MAYBE)
            return None
        if step.verdict is Verdict.SKIP:
            self._skip(name, tuple(reason.subject for reason in step.reasons))
            return None
        return step

    def _decide_now(self, name: str) -> Step:
        node = self._session.graph.nodes[name]
        states = states_of(self._session.graph, self._goal, self._world, name, self._states)
        return decide(node, states, self._world, forced=name in self._policy.force)

    def _hit(self, step: Step, *, cut_off: bool) -> None:
        assert step.artifact is not None
        if step.family is not None and not self._is_whole(step):
            return
        if step.prepared is not None:
            self._session.store.keep(step.prepared.action.bytes, step.prepared.action.key)
        published = self._session.generation.targets.get(step.id) if self._session.generation else None
        stopped = cut_off and published is not None and published.action == step.key
        if stopped:
            self.results.cut_off.append(step.id)
        after = {"after": self._rebuilt(step.id)} if stopped else {}
        self._tell("hit", target=step.id, cut_off=cut_off, rows=step.artifact.rows, size=step.artifact.size, **after)
        self._settle(step.id, step.artifact)

    def _rebuilt(self, name: str) -> list[str]:
        """Which of its inputs this run has built."""
        built = self.results.built
        return [need for need in self._session.graph.inputs[name] if need in built and built[need].executed]

    def _is_whole(self, step: Step) -> bool:
        """Put intervals that are all there together; whether they are one table."""
        node = self._session.graph.nodes[step.id]
        known = self._session.store.made(step.key) if step.key else {}
        try:
            gathered(self._session, node, step.family, {}, known)
        except BuildFailed as error:
            self._done(step, None, error)
            return False
        for gone in dropped(node, step.family):
            self._session.warn(f"{step.id}: {gone}")
        return True

    def _attempt(self, step: Step) -> tuple[Built | None, Exception | None]:
        node = self._session.graph.nodes[step.id]
        for attempt in range(self._policy.retries + 1):
            try:
                return self._build(step), None
            except (DefinitionWrong, EnvironmentFailure) as error:
                return None, error
            except BuildFailed as error:
                if attempt == self._policy.retries:
                    return None, error
                self._tell("retry", target=node.id, attempt=attempt + 1, error=str(error))
                time.sleep(min(0.5 * 2**attempt, 30))
        return None, None

    def _build(self, step: Step) -> Built:
        if step.family is not None:
            return build_slots(self._session, self._session.graph.nodes[step.id], step, self._tell)
        return execute(self._session, *self._needed(step)).seal()

    def _needed(self, step: Step) -> tuple[Node, Prepared, dict[str, Artifact], bool]:
        """What it takes to build a step. Raises DefinitionWrong."""
        node = self._session.graph.nodes[step.id]
        if step.prepared is None:
            wrong = next((r.detail for r in step.reasons if r.word == "wrong_definition"), "it cannot be prepared")
            raise DefinitionWrong(wrong)
        states = states_of(self._session.graph, self._goal, self._world, step.id, self._states)
        inputs = {name: state for name, state in states.items() if isinstance(state, Artifact)}
        return node, step.prepared, inputs, step.id in self._policy.force or step.prepared.again

    def _done(self, step: Step, built: Built | None, error: Exception | None) -> None:
        if built is None:
            self.results.failed[step.id] = error or BuildFailed("unknown")
            node, reason = self._session.graph.nodes[step.id], getattr(error, "reason", "failed")
            self._tell("failed", target=step.id, error=str(error), reason=reason, file=node.file, line=node.line)
            self._settle(step.id, Missing.FAILED)
            return
        self.results.built[step.id] = built
        if step.family is not None:
            prepared = Prepared(step.family.made(built.artifact.blob), {}, None)
            self.results.steps[step.id] = replace(step, prepared=prepared)
        self._tell(
            "built" if built.executed else "hit",
            target=step.id,
            rows=built.artifact.rows,
            size=built.artifact.size,
            **({"wrote": built.wrote[0]} if built.some else {}),
            milliseconds=built.milliseconds,
            **({"start": round(built.began, 3), "ran": built.ran} if built.executed else {}),
            reasons=[reason.document() for reason in step.reasons],
            notes=list(built.notes),
        )
        self._settle(step.id, built.artifact)

    def _skip(self, name: str, because: tuple[str, ...]) -> None:
        self.results.skipped[name] = because
        self._tell("skipped", target=name, because=list(because))
        self._settle(name, Missing.FAILED)

    def _settle(self, name: str, state: State) -> None:
        self._states[name] = state
        if isinstance(state, Artifact):
            self.results.artifacts[name] = state
        for user in self._session.graph.consumers[name]:
            if user in self._waiting:
                self._waiting[user] -= 1
                if not self._waiting[user]:
                    self._push(user)

    def _push(self, name: str) -> None:
        if name not in self._states and name not in self._outside:
            heapq.heappush(self._ready, (-self._rank[name], name))

    def _stopped(self) -> bool:
        return bool(self.results.failed) and not self._policy.go_on

    def _needs(self, name: str) -> list[str]:
        return [need for need in self._session.graph.inputs[name] if need in self._plan.steps]

"""Which targets a run takes first: those that start the longest path, by what their actions took last time; and which
engines are told that their turn will come.

Decides nothing else: any order in which inputs come first gives the same tables.
"""

from __future__ import annotations

from seeknal.build.session import Session
from seeknal.model.node import Node
from seeknal.model.plan import Plan, Step, Verdict


def ranks(session: Session, plan: Plan) -> dict[str, float]:
    """For each target the time of the longest path that it starts, by what its action took last time."""
    found: dict[str, float] = {}
    for name in reversed(list(plan.steps)):
        after = [found[user] for user in session.graph.consumers[name] if user in found]
        found[name] = _expected(session, plan.steps[name]) + max(after, default=0.0)
    return found


def _expected(session: Session, step: Step) -> float:
    if step.verdict is Verdict.HIT or session.request.workers == 1:
        return 1.0
    published = session.generation.targets.get(step.id) if session.generation else None
    made = session.store.made(published.action) if published else {}
    return float(made.get("milliseconds", 1)) + 1.0


def expect_builds(session: Session, plan: Plan) -> None:
    """Tell engines that take time to start which of their nodes are going to be built, as far as that is known."""
    published = session.generation.targets if session.generation else {}
    nodes: dict[str, list[Node]] = {}
    for step in plan.steps.values():
        if step.verdict is Verdict.BUILD or (step.verdict is Verdict.MAYBE and step.id not in published):
            node = session.graph.nodes[step.id]
            nodes.setdefault(node.recipe.engine, []).append(node)
    for name, some in nodes.items():
        engine = session.engines.get(name)
        if hasattr(engine, "expect_builds"):
            engine.expect_builds(some)

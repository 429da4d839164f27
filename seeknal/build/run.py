"""One run: load, select, plan, execute, publish; and again when another run has published in between.

Decides when a run is done and what its outcome is. The steps themselves are elsewhere.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seeknal.build.audit import audit, noted
from seeknal.build.connect import load_project
from seeknal.build.execute import Execution, Tell
from seeknal.build.marks import honoured
from seeknal.build.publish import MovedOn, Publication, publish
from seeknal.build.results import Policy, Results
from seeknal.build.session import Session
from seeknal.build.stamp import env_mark, render, stamp_name
from seeknal.errors import Outdated, StoreBusy, UsageError
from seeknal.model.checks import earliest
from seeknal.model.environment import PRODUCTION
from seeknal.model.interval import meant
from seeknal.model.plan import Plan, Verdict, make_plan
from seeknal.model.select import Goal, Selection, select
from seeknal.store.lock import locked

_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class Options:
    """What a person asked of `run`, beyond the session's request."""

    selection: Selection = field(default_factory=Selection)
    full: bool = False
    go_on: bool = False
    retries: int = 0
    plan_digest: str | None = None
    fingerprint: str = ""


@dataclass(slots=True)
class Outcome:
    """What a run came to."""

    plan: Plan
    goal: Goal
    results: Results
    publication: Publication


def planned(
    session: Session, options: Options, env: Mapping[str, str], done: frozenset[str] = frozenset()
) -> tuple[Goal, Plan]:
    """Load and plan: the first half of a run, and all of `plan`. Raises ProjectError, UsageError."""
    session.store.open()
    load_project(session, dict(env))
    session.read_published()
    goal = _inside(session, options.selection, _written(session, select(session.graph, options.selection)))
    _check_backfill(session, goal)
    force = _force(session, options, goal) - done
    plan = make_plan(session.graph, goal, session.world(), force, session.demand.asked)
    if options.plan_digest and plan.digest != options.plan_digest:
        text = f"the plan is {plan.digest} now, not {options.plan_digest}"
        raise UsageError(text, reason="plan_changed", hint="look at `seeknal plan` again")
    return goal, plan


def _written(session: Session, goal: Goal) -> Goal:
    """The goal without the tables outside that are not to be written: as each node says, or as the request does."""
    asked, nodes = session.request.materialize, session.graph.nodes
    tables = {name for name in goal.targets if "behind" in nodes[name].traits}
    left = {name for name in tables if not (nodes[name].traits["enabled"] if asked is None else asked)}
    return Goal(goal.wanted - left, goal.targets - left)


def _inside(session: Session, selection: Selection, goal: Goal) -> Goal:
    """The goal, and of an environment beside `prod` without what leaves the project; files that are named are written
    below the environment's own folder."""
    if session.request.environment == PRODUCTION:
        return goal
    named = bool(selection.nodes or selection.types)
    outside = {name: session.graph.nodes[name].traits for name in goal.targets}
    kept = ("everywhere", "writes") if named else ("everywhere",)
    sent = {
        name for name, traits in outside.items() if "outside" in traits and not any(word in traits for word in kept)
    }
    if sent and named:
        session.warn(f"only `prod` sends to the outside world: {', '.join(sorted(sent))} is left out")
    return Goal(goal.wanted - sent, goal.targets - sent)


def _check_backfill(session: Session, goal: Goal) -> None:
    """Raise UsageError when the missing intervals of nodes are asked for that have none."""
    nodes = [session.graph.nodes[name] for name in goal.wanted]
    if session.demand.missing and not any("cadence" in node.traits for node in nodes):
        raise UsageError("none of these nodes has intervals, so there is nothing to fill in", reason="no_intervals")


def _force(session: Session, options: Options, goal: Goal) -> frozenset[str]:
    if options.full:
        return goal.wanted
    # A source with intervals is read whole or not at all.
    return (
        frozenset(name for name in goal.targets if "split" in session.graph.nodes[name].traits)
        & session.demand.restated.keys()
    )


def run(session: Session, options: Options, env: Mapping[str, str], tell: Tell) -> Outcome:
    """Bring the selected targets up to date and publish."""
    built: Results = Results()
    with locked(session.store.layout.lock, exclusive=False):
        for _ in range(_ATTEMPTS):
            forced_done = frozenset(built.built)
            goal, plan = planned(session, options if not forced_done else _again(options), env, forced_done)
            _warn(session)
            _warn_of_window(session, plan)
            tell("planned", targets=len(plan.steps), environment=session.request.environment, plan=plan)
            policy = Policy(
                _force(session, options, goal) - forced_done, session.request.workers, options.retries, options.go_on
            )
            execution = Execution(session, goal, plan, policy, tell)
            try:
                results = execution.run()
                _merge(built, results)
                audit(session, results, tell)
                publication = _publish(session, options, results)
                _keep(session, results, publication, tell)
                publication = _deliver(session, execution, publication)
            except (MovedOn, Outdated) as error:
                if options.plan_digest and isinstance(error, MovedOn):
                    raise  # what was planned is planned no more
                _merge(built, execution.results)
                tell("again")
                continue
            _finish(session, options, env, results, publication)
            if session.request.restate and publication.published and not results.failed:
                honoured(session, results.steps, results.artifacts)
            results.built = {**built.built, **results.built}
            return Outcome(plan, goal, results, publication)
    raise StoreBusy("other runs keep publishing before this one can: try again")


def _warn(session: Session) -> None:
    """Say what is odd in the project, once; options that nothing reads are left to `validate`."""
    project = session.project
    assert project is not None
    for warning in [*(w for w in project.warnings if w.reason != "ignored_option"), *project.unmentioned]:
        session.warn(str(warning))
    session.project = project._replace(warnings=(), unmentioned=())


def _warn_of_window(session: Session, plan: Plan) -> None:
    """Say that a window has no interval in it: what a person asked for is not what they get."""
    demand, nodes = session.request.demand, session.graph.nodes
    steps = [step for step in plan.steps.values() if "cadence" in nodes[step.id].traits]
    known = [step for step in steps if step.verdict is not Verdict.MAYBE]
    if demand and not demand.missing and known and not any(step.family and step.family.slots for step in known):
        session.warn(f"no complete interval of any node lies in the window ({meant(demand.window)})")


def _again(options: Options) -> Options:
    return Options(options.selection, options.full, options.go_on, options.retries, None, options.fingerprint)


def _merge(total: Results, results: Results) -> None:
    executed = {name: built for name, built in results.built.items() if built.executed}
    total.built = {**total.built, **executed}


def _publish(session: Session, options: Options, results: Results) -> Publication:
    if results.failed and not options.go_on:
        return Publication(session.base, {}, published=False)
    keys = {name: step.key for name, step in results.steps.items() if step.key is not None}
    artifacts = {name: a for name, a in results.artifacts.items() if name in keys and name not in results.held}
    behind = bool(results.failed or results.skipped or results.held)
    whole = not (options.selection.partial or session.request.demand or behind)
    return publish(session, artifacts, keys, noted(results.findings), whole=whole)


def _keep(session: Session, results: Results, publication: Publication, tell: Tell) -> None:
    """Say under which actions the store keeps what was built and not published: `inspect --run` shows it."""
    names = results.held if publication.published else results.artifacts
    actions = {name: key for name in names if name in results.steps and (key := results.steps[name].key)}
    known = session.generation.targets if session.generation else {}
    fresh = {name: key for name, key in actions.items() if name not in known or known[name].action != key}
    if fresh:
        tell("kept", actions=fresh)


def _deliver(session: Session, execution: Execution, publication: Publication) -> Publication:
    """Send out what exposures say, then publish their receipts in the generation that was sent."""
    results = execution.results
    done = set(results.artifacts)
    execution.deliver(published=publication.published)
    sent = {name: artifact for name, artifact in results.artifacts.items() if name not in done}
    keys = {name: key for name in sent if (key := results.steps[name].key)}
    notes = {name: _receipt(session, results, name) for name in sent}
    try:
        more = publish(session, sent, keys, notes, amend=bool(publication.changes)) if sent else publication
    except MovedOn:  # the next run sends it again
        return publication
    return Publication(more.digest, {**publication.changes, **more.changes}, fresh=publication.fresh or more.fresh)


def _receipt(session: Session, results: Results, name: str) -> dict[str, Any]:
    """The digest of the file that an exposure wrote now, or when it was published."""
    built = results.built.get(name)
    before = session.generation.targets.get(name) if session.generation else None
    if built and built.executed:
        return {"export": built.export} if built.export else {}
    return {"export": before.meta["export"]} if before and "export" in before.meta else {}


def _finish(
    session: Session, options: Options, env: Mapping[str, str], results: Results, publication: Publication
) -> None:
    session.disk.sync()
    session.save(whole=not options.selection.partial and not results.failed)
    if results.failed or results.skipped or session.project is None or session.request.demand:
        return
    if any(session.graph.nodes[name].traits.get("far") for name in results.steps):
        return  # whether what lies there has changed, no file tells
    _stamp(session, options, env, results, publication)


def _stamp(
    session: Session, options: Options, env: Mapping[str, str], results: Results, publication: Publication
) -> None:
    assert session.project is not None
    if publication.digest is None:
        return
    _watch_surroundings(session, publication.digest)
    fingerprint = f"{options.fingerprint} {_until(session, results)}"
    findings = [found for told in results.findings.values() for found in told]
    broken = sum(not found.passed for found in findings)
    summary = f"{len(results.steps)} {publication.digest} {broken} {earliest(findings) or '-'}"
    names = sorted(word[4:] for word in session.project.used if word.startswith("env:"))
    data = render(fingerprint, summary, env_mark(names, env), session.stats.watched)
    if data is not None:
        session.disk.put(session.target.tmp, session.target.local(stamp_name(session.request.environment)), data)


def _until(session: Session, results: Results) -> str:
    """As much of the clock as this run depended on."""
    assert session.project is not None
    units = {node.traits["cadence"].unit for node in session.project.nodes if "cadence" in node.traits}
    if "hour" in units:
        return f"{session.request.as_of:%Y-%m-%dT%H}"
    dated = any(step.prepared and step.prepared.action.clock for step in results.steps.values())
    if units or dated or "clock:date" in session.project.used:
        return session.request.as_of.date().isoformat()
    return "-"


def _watch_surroundings(session: Session, digest: str) -> None:
    """The views, the ref, and the engine itself; of `.env`, the stamp holds what was used."""
    environment = session.request.environment
    paths = [
        session.target.ref(environment),
        session.target.ref(PRODUCTION),
        *(session.target.view(environment, name) for name in ("intermediate", "feature_store")),
    ]
    paths += [session.store.layout.marker]
    paths += [folder for folder, _, _ in os.walk(session.target.generation(environment, digest))]
    paths += [str(sys.modules[name].__file__) for name in ("duckdb", "_duckdb") if name in sys.modules]
    for path in paths:
        session.stats.watch(path)

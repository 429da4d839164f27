"""Why a run built what it built: its root causes, from its log or from its outcome.

Decides which logs count as runs, and reads them defensively: they are torn, old, or written by another version. Changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from seeknal.build.documents import supposed
from seeknal.build.edits import Targets, edits, edits_below, planned_edits
from seeknal.build.log import read_log
from seeknal.build.session import Session
from seeknal.errors import UsageError, nearest
from seeknal.model.causes import Rebuilt, Root, roots, what
from seeknal.model.explain import Reason
from seeknal.model.generation import Generation
from seeknal.model.plan import Plan, Verdict
from seeknal.store import refs
from seeknal.store.gc import environments

if TYPE_CHECKING:
    from seeknal.build.run import Outcome

_ENDING = ".jsonl"
# What is said at the end of a run: so many lines, so long; and not what goes without saying.
_LINES, _WIDE = 2, 200
_PLAIN = frozenset({"first_build", "forced", "restated", "new_interval"})


@dataclass(slots=True)
class Story:
    """What a run did: what it built and why, which targets were cut off after which of their inputs, what failed, and the
    actions of what was built and not published."""

    run: str
    built: list[Rebuilt] = field(default_factory=list)
    cut_off: dict[str, tuple[str, ...]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    at: float = 0.0
    ended: bool = False


def story_of(outcome: Outcome, run: str) -> Story:
    """What the run that just ended did."""
    results = outcome.results
    built = [
        Rebuilt(name, results.steps[name].reasons if name in results.steps else (), done.milliseconds)
        for name, done in results.built.items()
        if done.executed
    ]
    kept = {name: step.key for name, step in results.steps.items() if step.key and not outcome.publication.published}
    return Story(run, built, dict.fromkeys(results.cut_off, ()), list(results.failed), kept, ended=True)


def told_in(session: Session, run: str) -> Story:
    """What the log says of a run; what cannot be understood is left out."""
    story = Story(run)
    for event in read_log(session.target.log(run)):
        if isinstance(event, dict):
            _hear(story, event)
    return story


def _hear(story: Story, event: Mapping[str, Any]) -> None:
    word, target = event.get("event"), event.get("target")
    at = event.get("at")
    story.at = story.at or (float(at) if isinstance(at, (int, float)) else 0.0)
    story.ended = story.ended or word == "done"
    if word == "kept" and isinstance(event.get("actions"), dict):
        story.kept |= {str(name): str(key) for name, key in event["actions"].items()}
    if not isinstance(target, str):
        return
    if word == "built":
        spent = event.get("milliseconds")
        story.built.append(
            Rebuilt(target, tuple(_reasons(event.get("reasons"))), spent if isinstance(spent, int) else 0)
        )
    elif word == "hit" and isinstance(event.get("after"), list):
        story.cut_off[target] = tuple(map(str, event["after"]))
    elif word == "failed":
        story.failed.append(target)


def _reasons(told: Any) -> Iterator[Reason]:
    for item in told if isinstance(told, list) else ():
        if isinstance(item, dict) and isinstance(item.get("reason"), str):
            yield Reason(item["reason"], str(item.get("subject", "")), str(item.get("detail", "")))


def runs(session: Session) -> list[str]:
    """The runs that have a log, newest first."""
    folder = os.path.dirname(session.target.log("-"))
    try:
        found = [entry for entry in os.scandir(folder) if entry.name.endswith(_ENDING) and entry.is_file()]
    except OSError:
        return []
    found.sort(key=lambda entry: (entry.stat().st_mtime_ns, entry.name), reverse=True)
    return [entry.name.removesuffix(_ENDING) for entry in found]


def latest(session: Session) -> Story:
    """The latest run that built something, or failed. Raises UsageError when there is none."""
    for run in runs(session):
        story = told_in(session, run)
        if story.built or story.failed:
            return story
    raise UsageError("no run has a log: there is nothing to explain", reason="unknown_run", hint="seeknal run")


def named(session: Session, run: str) -> Story:
    """The run of this name. Raises UsageError."""
    known = runs(session)
    if run not in known:
        raise UsageError(
            f"there is no log of a run {run!r}{nearest(run, known)}: see target/log/", reason="unknown_run"
        )
    return told_in(session, run)


def around(session: Session, story: Story) -> tuple[Targets, Targets]:
    """What was published before and after a run, as far as the store still has it; of one that published nothing, what is
    published now, and nothing."""
    for env in environments(session.target):
        after: Generation | None = None
        for _, generation in refs.history(session.store, session.target, env):
            if generation.run == story.run:
                after = generation if after is None else replace(generation, targets=after.targets)
            elif after is not None:
                return generation.targets, after.targets
        if after is not None:  # the first of an environment: it began with what was published in `prod`
            production = refs.load(session.store, after.production) if after.production else None
            return production.targets if production else {}, after.targets
    return session.generation.targets if session.generation and story.kept else {}, {}


@dataclass(frozen=True, slots=True)
class Cause:
    """A root cause, and what was edited where it is an edit."""

    root: Root
    edits: tuple[str, ...] = ()


def because(session: Session, outcome: Outcome) -> list[str]:
    """Why the run that just ended built what it built, in a line or two; nothing where that says nothing, or takes more."""
    story = story_of(outcome, session.request.run_id)
    found = roots(story.built)
    if not 1 <= len(found) <= _LINES or {root.reasons[0].word for root in found} <= _PLAIN:
        return []
    told = (f"{len(c.root.targets):,} built because {what(c.root, c.edits)}" for c in causes(session, story))
    return [text if len(text) <= _WIDE else f"{text[: _WIDE - 1]}…" for text in told]


def causes(session: Session, story: Story, name: str | None = None) -> list[Cause]:
    """The root causes of what a run built, or of one of its targets; those first that rebuilt most."""
    found = [root for root in roots(story.built) if name is None or name in root.targets]
    before, after = around(session, story) if any(root.edit for root in found) else ({}, {})

    def told(name: str) -> tuple[str, ...]:
        return edits(session, name, before, after, story.kept.get(name))

    return [Cause(root, told(root.origins[0]) if root.edit else ()) for root in found]


def planned_causes(session: Session, plan: Plan, name: str | None = None) -> list[Cause]:
    """The root causes of what a run would build, or of one target of it."""
    steps = plan.having(Verdict.BUILD, Verdict.MAYBE)
    found = roots(Rebuilt(step.id, (*step.reasons, *edits_below(session, step))) for step in steps)
    return [
        Cause(root, planned_edits(session, supposed(session, plan.steps[root.origins[0]])) if root.edit else ())
        for root in found
        if name is None or name in root.targets
    ]

"""A plan that was printed, kept so that exactly that can be done later, or refused with what is different now.

Decides what of a plan is kept: its digest, the clock and the words that it was asked with, and each step in short.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from seeknal.build.session import Session
from seeknal.errors import UsageError
from seeknal.model.plan import Plan

_TYPE = "seeknal/plan"


class Saved(NamedTuple):
    """`steps` are id -> verdict and action key or recipe; `words` are options of `run`."""

    plan: str
    clock: str
    run: str
    words: list[str]
    steps: dict[str, list[str]]


def save(session: Session, plan: Plan, words: list[str]) -> None:
    """Keep a plan of the session's environment."""
    request = session.request
    document = Saved(plan.digest, request.as_of.isoformat(), request.run_id, words, _steps(plan))._asdict()
    data = json.dumps({"type": _TYPE, "version": 1, **document}).encode()
    session.disk.put(session.target.tmp, session.target.plan(request.environment), data)


def _steps(plan: Plan) -> dict[str, list[str]]:
    return {step.id: [step.verdict.value, step.key or step.recipe] for step in plan.steps.values()}


def saved(session: Session) -> Saved:
    """The plan that was kept of the session's environment. Raises UsageError."""
    env = session.request.environment
    try:
        with open(session.target.plan(env), "rb") as file:
            return _read(json.load(file))
    except FileNotFoundError:
        text = f"no plan of {env} is kept: make one, seeknal env plan {env}"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        text = f"{session.target.plan(env)} is damaged: make the plan again, seeknal env plan {env}"
    raise UsageError(text, reason="no_plan")


def _read(document: dict[str, Any]) -> Saved:
    if (document.pop("type"), document.pop("version")) != (_TYPE, 1):
        raise ValueError("not a plan of version 1")
    return Saved(**document)


def forget(session: Session) -> None:
    """Remove the kept plan: it is done."""
    session.disk.remove(session.target.plan(session.request.environment))


def check(found: Saved, plan: Plan) -> None:
    """Raise UsageError, with what is different, unless `plan` is the one that was kept."""
    if plan.digest == found.plan:
        return
    env_hint = "look at the plan again, then apply it"
    raise UsageError(f"this is not what was planned: {_difference(found, plan)}", reason="plan_changed", hint=env_hint)


def _difference(found: Saved, plan: Plan) -> str:
    now: dict[str, Any] = _steps(plan)
    told = [f"{name} is new" for name in now if name not in found.steps]
    told += [f"{name} is gone" for name in found.steps if name not in now]
    for name, (verdict, key) in found.steps.items():
        if name in now and now[name] != [verdict, key]:
            told.append(
                f"{name} is another one" if now[name][0] == verdict else f"{name} was {verdict}, is {now[name][0]}"
            )
    more = f" and {len(told) - 5} more" if len(told) > 5 else ""
    return "; ".join(told[:5]) + more if told else "other intervals are built"

"""What changed since the published generation, and what a run would do. Touches nothing, runs no project code.

With ENV (or --env): against that environment, and the plan is kept, so that `seeknal env apply ENV` does exactly that.

Exit codes: 0; 8 with --exit-code when there is work; 3 wrong project.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seeknal.cli import common, windows
from seeknal.errors import UsageError, WorkFound

if TYPE_CHECKING:
    from seeknal.build.session import Session
    from seeknal.model.category import Change
    from seeknal.model.generation import Published
    from seeknal.model.plan import Plan, Step

_WORDS = {"BUILD": "RUN", "MAYBE": "MAYBE", "HIT": "CACHED", "SKIP": "SKIP"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `plan`."""
    parser.add_argument("environment", nargs="?", metavar="ENV", help="against this environment, and keep the plan")
    options(parser)
    common.environments(parser)


def options(parser: argparse.ArgumentParser) -> None:
    """Add what `plan` and `env plan` have in common."""
    common.selection(parser)
    parser.add_argument("-f", "--full", action="store_true", help="plan as `run --full` would")
    parser.add_argument("--exit-code", action="store_true", help="exit with 8 when there is work")
    windows.window(parser)
    parser.add_argument("--backfill", action="store_true", help="plan as `run --backfill` would")
    common.clock(parser)
    common.shared(parser)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    if args.environment and args.env and args.environment != args.env:
        raise UsageError(f"which environment: {args.environment} or {args.env}?", reason="bad_environment")
    args.env = args.environment or args.env
    return show(args, whole=True, changes=True)


def _words(args: argparse.Namespace) -> list[str]:
    """What the plan was asked with, as options of `run`."""
    import os

    many = {name: getattr(args, name) for name in ("nodes", "types", "tags", "exclude_tags", "params")}
    one = {name: getattr(args, name) for name in ("start", "end", "date")}
    one["profile"] = os.path.abspath(args.profile) if args.profile else None
    words = [word for name, values in many.items() for value in values for word in (_option(name), value)]
    words += [word for name, value in one.items() if value is not None for word in (_option(name), value)]
    return words + [_option(name) for name in ("full", "backfill") if getattr(args, name)]


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def show(args: argparse.Namespace, *, whole: bool, changes: bool = False) -> int:
    """Print the plan: `whole` with its hits, `changes` with what changed since the published generation."""
    from seeknal.build.run import Options, planned
    from seeknal.build.saved import save
    from seeknal.build.session import opened

    chosen = common.chosen(args)
    options = Options(chosen, args.full, plan_digest=getattr(args, "plan", None))
    with opened(common.request(args, read_only=True), common.warn) as session:
        env = common.environment(session.root)
        if getattr(args, "restate", False):
            windows.restate(args, session, env, dry=True)
        _, plan = planned(session, options, env)
        found = find_changes(session, plan)
        if changes and args.env:
            save(session, plan, _words(args))
        common.emit(args, _document(session, plan, found), _lines(session, plan, found, whole=whole, changes=changes))
    work = any(step.verdict.value in ("BUILD", "MAYBE") for step in plan.steps.values())
    if getattr(args, "exit_code", False) and work:
        return WorkFound.exit_code
    return 0


def find_changes(session: Session, plan: Plan) -> list[Change]:
    """What changed of each planned node against the published generation, and which nodes are gone."""
    from seeknal.build.documents import supposed
    from seeknal.model.category import BREAKING, Change

    published = session.generation.targets if session.generation else {}
    found = []
    for step in plan.steps.values():
        node = session.graph.nodes[step.id]
        if "beside" in node.traits:  # a changed audit is a change of the node that says it
            continue
        change = _change(session, supposed(session, step), published.get(step.id))
        found += [change] if change else []
    gone = sorted(name for name in published if name not in session.graph.nodes)
    return found + [Change(name, BREAKING, ("removed from the project",)) for name in gone]


def _change(session: Session, step: Step, published: Published | None) -> Change | None:
    from seeknal.build.documents import compared
    from seeknal.model.category import DATA, METADATA, Change, change_of

    node = session.graph.nodes[step.id]
    same = published is None or step.key == published.action  # the rest is told without looking at what it was
    before, prepared = (None, step.prepared) if same else compared(session, step)
    additive = bool(before and prepared and _additive(session, before, prepared.action.document()))
    found = change_of(node, replace(step, prepared=prepared or step.prepared), published, before, additive=additive)
    if found and published and prepared is None and published.artifact.parts and found.category != METADATA:
        return Change(node.id, DATA, ("other intervals",))
    return found


def _additive(session: Session, before: Any, after: Any) -> bool:
    from seeknal.build.target import sql_engine

    old, new = before["definition"].get("sql"), after["definition"].get("sql")
    if not (isinstance(old, str) and isinstance(new, str)):
        return False
    return sql_engine(session).additive(old, new)


def _document(session: Session, plan: Plan, changes: list[Change]) -> dict[str, Any]:
    return {
        "plan": plan.digest,
        "generation": session.base,
        "window": session.demand.window.texts() if session.request.demand else None,
        "changes": [{"node": c.id, "category": c.category, "details": list(c.details)} for c in changes],
        "steps": [
            {
                "node": step.id,
                "verdict": step.verdict.value,
                "action": step.key,
                "reasons": [reason.document() for reason in step.reasons],
                **_intervals(step),
            }
            for step in plan.steps.values()
        ],
        "totals": dict(Counter(step.verdict.value for step in plan.steps.values())),
    }


def _intervals(step: Step) -> dict[str, Any]:
    """The intervals of a step that are built, as pairs of start and end."""
    return {"intervals": [slot.interval.texts() for slot in step.family.open]} if step.family else {}


def _ranges(session: Session, step: Step) -> str:
    from seeknal.model.family import shown

    family = step.family
    return f"[{shown(family, session.graph.nodes[step.id].traits['cadence'])}] " if family and family.open else ""


def _lines(session: Session, plan: Plan, found: list[Change], *, whole: bool, changes: bool) -> list[str]:
    from seeknal.build.report import because
    from seeknal.model.family import Demand
    from seeknal.model.interval import meant
    from seeknal.model.plan import Verdict

    lines: list[str] = []
    window = session.demand.window
    if window != Demand(session.request.as_of).window:
        lines += [f"window: {meant(window)}", ""]
    if changes:
        lines += [*_summary(session), "", *_changes(session, found), ""]
    shown = plan.steps.values() if whole else plan.having(Verdict.BUILD, Verdict.MAYBE, Verdict.SKIP)
    rows = [
        (f"{i}.", _WORDS[step.verdict.value], step.id, _ranges(session, step) + because(step.reasons))
        for i, step in enumerate(shown, 1)
    ]
    lines += ["plan:", *(f"  {line}" for line in common.table(rows))] if rows else []
    counts = Counter(_WORDS[step.verdict.value] for step in plan.steps.values())
    lines.append(
        f"{counts['RUN']} to run, {counts['MAYBE']} maybe, {counts['CACHED']} cached, {counts['SKIP']} skipped"
    )
    lines.append(f"plan digest {plan.digest}")
    return lines


def _summary(session: Session) -> list[str]:
    counts = Counter(node.kind for node in session.graph.nodes.values())
    return ["nodes: " + ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))]


def _changes(session: Session, found: list[Change]) -> list[str]:
    if not found:
        return ["no changes since the published generation" if session.base else "nothing is published yet"]
    rows = [(c.id, c.category, "; ".join(c.details), _pulls(session, c)) for c in found]
    return ["changes:", *(f"  {line}" for line in common.table(rows))]


def _pulls(session: Session, change: Change) -> str:
    if change.category == "metadata" or change.id not in session.graph.nodes:
        return ""
    below = session.graph.descendants([change.id])
    return f"may reach {len(below)} below" if below else ""

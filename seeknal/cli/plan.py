"""What changed since the published generation, and what a run would do. Touches nothing, runs no project code.

Exit codes: 0; 8 with --exit-code when there is work; 3 wrong project.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seeknal.cli import common
from seeknal.errors import DefinitionWrong, WorkFound

if TYPE_CHECKING:
    from seeknal.build.session import Session
    from seeknal.model.category import Change
    from seeknal.model.generation import Published
    from seeknal.model.plan import Plan, Step

_WORDS = {"BUILD": "RUN", "MAYBE": "MAYBE", "HIT": "CACHED", "SKIP": "SKIP"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `plan`."""
    common.selection(parser)
    parser.add_argument("-f", "--full", action="store_true", help="plan as `run --full` would")
    parser.add_argument("--exit-code", action="store_true", help="exit with 8 when there is work")
    common.clock(parser)
    common.shared(parser)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    return show(args, whole=True, changes=True)


def show(args: argparse.Namespace, *, whole: bool, changes: bool = False) -> int:
    """Print the plan: `whole` with its hits, `changes` with what changed since the published generation."""
    from seeknal.build.run import Options, planned
    from seeknal.build.session import opened

    chosen = common.chosen(args)
    options = Options(chosen, args.full, plan_digest=getattr(args, "plan", None))
    with opened(common.request(args, read_only=True), common.warn) as session:
        _, plan = planned(session, options, common.environment(session.root))
        found = find_changes(session, plan)
        common.emit(args, _document(session, plan, found), _lines(session, plan, found, whole=whole, changes=changes))
    work = any(step.verdict.value in ("BUILD", "MAYBE") for step in plan.steps.values())
    if getattr(args, "exit_code", False) and work:
        return WorkFound.exit_code
    return 0


def find_changes(session: Session, plan: Plan) -> list[Change]:
    """What changed of each planned node against the published generation, and which nodes are gone."""
    from seeknal.model.category import BREAKING, Change, change_of

    published = session.generation.targets if session.generation else {}
    found = []
    for step in plan.steps.values():
        node = session.graph.nodes[step.id]
        if "beside" in node.traits:  # a changed audit is a change of the node that says it
            continue
        step, known = _supposed(session, step, published), published.get(step.id)
        differs = step.key and known and step.key != known.action  # the rest is told without looking at what it was
        before = session.document_before(step.id) if differs else None
        additive = bool(before and step.prepared and _additive(session, before, step.prepared.action.document()))
        change = change_of(node, step, known, before, additive=additive)
        found += [change] if change else []
    gone = sorted(name for name in published if name not in session.graph.nodes)
    return found + [Change(name, BREAKING, ("removed from the project",)) for name in gone]


def _supposed(session: Session, step: Step, published: Mapping[str, Published]) -> Step:
    """A step that waits for its inputs as it is if they come out as they are published: an edit of its own shows already."""
    names = session.graph.inputs[step.id]
    if step.prepared or step.verdict.value == "SKIP" or not all(name in published for name in names):
        return step
    try:
        inputs = {name: published[name].artifact for name in names}
        return replace(step, prepared=session.prepare(session.graph.nodes[step.id], inputs))
    except DefinitionWrong:  # it reads what its inputs do not have yet
        return step


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
        "changes": [{"node": c.id, "category": c.category, "details": list(c.details)} for c in changes],
        "steps": [
            {
                "node": step.id,
                "verdict": step.verdict.value,
                "action": step.key,
                "reasons": [reason.document() for reason in step.reasons],
            }
            for step in plan.steps.values()
        ],
        "totals": dict(Counter(step.verdict.value for step in plan.steps.values())),
    }


def _lines(session: Session, plan: Plan, found: list[Change], *, whole: bool, changes: bool) -> list[str]:
    from seeknal.build.report import because
    from seeknal.model.plan import Verdict

    lines: list[str] = []
    if changes:
        lines += [*_summary(session), "", *_changes(session, found), ""]
    shown = plan.steps.values() if whole else plan.having(Verdict.BUILD, Verdict.MAYBE, Verdict.SKIP)
    rows = [(f"{i}.", _WORDS[step.verdict.value], step.id, because(step.reasons)) for i, step in enumerate(shown, 1)]
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

"""Why a node was built, or would be: the difference of two action documents, in plain words."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from seeknal.cli import common

if TYPE_CHECKING:
    from seeknal.build.session import Session
    from seeknal.model.plan import Step


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `explain`."""
    parser.add_argument("node", metavar="NODE", help="kind.name, or a name that one node has")
    common.clock(parser)
    common.environments(parser)
    common.shared(parser)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    from seeknal.build.run import Options, planned
    from seeknal.build.session import opened
    from seeknal.cli.show import one_node

    with opened(common.request(args, read_only=True), common.warn) as session:
        _, plan = planned(session, Options(), common.environment(session.root))
        step = plan.steps[one_node(session, args.node)]
        document = {
            "node": step.id,
            "verdict": step.verdict.value,
            "action": step.key,
            "reasons": [reason.document() for reason in step.reasons],
            "definition": _definition(session, step),
            "last_built": _last(session, step.id),
        }
        lines = _lines(document, step)
    common.emit(args, document, lines)
    return 0


def _definition(session: Session, step: Step) -> list[str]:
    from seeknal.build.documents import compared
    from seeknal.model.explain import text_changes

    before, prepared = compared(session, step)
    return (
        list(text_changes(before["definition"], prepared.action.document()["definition"]))
        if before and prepared
        else []
    )


def _last(session: Session, name: str) -> dict[str, Any]:
    """What the log says of the last time that this node was executed."""
    from seeknal.build.log import read_log

    run = session.generation and session.generation.targets.get(name)
    made = session.store.made(run.action) if run else {}
    if not made:
        return {}
    for event in read_log(session.target.log(str(made.get("run")))):
        if event.get("event") == "built" and event.get("target") == name:
            spent = made.get("milliseconds", event.get("milliseconds", 0))
            return {"run": made["run"], "milliseconds": spent, "reasons": event.get("reasons", [])}
    return dict(made) if "milliseconds" in made else {}


def _lines(document: dict[str, Any], step: Any) -> list[str]:
    from seeknal.model.explain import Reason, clauses

    verdicts = {
        "HIT": "is up to date",
        "BUILD": "would be built",
        "MAYBE": "may be built",
        "SKIP": "would be skipped",
    }
    lines = [f"{document['node']} {verdicts[document['verdict']]}"]
    lines += [f"  because {clause}" for clause in clauses(step.reasons)]
    lines += [f"    {line}" for line in document["definition"]]
    last = document["last_built"]
    if last:
        lines.append(f"last built by run {last['run']} in {last['milliseconds']} ms")
        reasons = [Reason(r["reason"], r["subject"], r["detail"]) for r in last.get("reasons", [])]
        lines += [f"  because {clause}" for clause in clauses(reasons)]
    return lines

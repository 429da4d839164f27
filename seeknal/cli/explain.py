"""Why: the root causes of a run, those first that rebuilt most; or why one node was built, or would be.

Without NODE: of the latest run that built something, of --run RUN, or with --plan of what a run would build now. Each cause
stands with the targets that were rebuilt for it, followed from input to input back to what a person edited or what came in.
With NODE: what a run would do with it now and why, and why it was built last (or in --run RUN).
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from seeknal.cli import common, explaintext
from seeknal.errors import UsageError

if TYPE_CHECKING:
    from seeknal.build.session import Session


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `explain`."""
    parser.add_argument("node", nargs="?", metavar="NODE", help="kind.name, or a name that one node has")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--run", dest="of_run", metavar="RUN", help="of that run (see `seeknal log`, or target/log/)")
    which.add_argument("--plan", action="store_true", help="of what a run would build now")
    common.clock(parser)
    common.environments(parser)
    common.shared(parser)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    if args.node is None and args.plan:
        return _plan(args)
    if args.node is None:
        return _run(args)
    return _node_then(args) if args.of_run else _node(args)


def _run(args: argparse.Namespace) -> int:
    """Explain a run that was."""
    from seeknal.build.causes import causes, latest, named, runs

    with common.reading(args, load=False) as session:
        story = named(session, args.of_run) if args.of_run else latest(session)
        newer = runs(session).index(story.run)
        found = causes(session, story)
    document = explaintext.run_document(story, found)
    common.emit(args, document, explaintext.run_lines(story, found, newer, whole=args.verbose))
    return 0


def _plan(args: argparse.Namespace) -> int:
    """Explain what a run would do."""
    from seeknal.build.causes import planned_causes
    from seeknal.build.run import Options, planned
    from seeknal.build.session import opened

    with opened(common.request(args, read_only=True), common.warn) as session:
        _, plan = planned(session, Options(), common.environment(session.root))
        found = planned_causes(session, plan)
    verdicts = {name: step.verdict.value for name, step in plan.steps.items()}
    document = {"plan": plan.digest, "causes": [explaintext.cause_document(cause) for cause in found]}
    common.emit(args, document, explaintext.plan_lines(found, verdicts, whole=args.verbose))
    return 0


def _node_then(args: argparse.Namespace) -> int:
    """Explain why a run built a node."""
    from seeknal.build.causes import causes, named

    with common.reading(args, load=False) as session:
        story = named(session, args.of_run)
        known = [one.id for one in story.built]
        meant = [name for name in known if args.node in (name, name.split(".", 1)[1])]
        if len(meant) != 1:
            what = "cut off: what it reads came out the same" if _was_cut(story.cut_off, args.node) else "not built"
            raise UsageError(f"{args.node} was {what} in run {args.of_run}", reason="never_built")
        found = causes(session, story, meant[0])
    document = explaintext.node_document(story, meant[0], found)
    common.emit(args, document, explaintext.built_lines(document))
    return 0


def _was_cut(names: object, word: str) -> bool:
    assert isinstance(names, dict)
    return any(word in (name, name.split(".", 1)[1]) for name in names)


def _node(args: argparse.Namespace) -> int:
    """Explain what a run would do with a node, and why it was built last."""
    from seeknal.build.causes import planned_causes
    from seeknal.build.run import Options, planned
    from seeknal.build.session import opened
    from seeknal.cli.show import one_node

    with opened(common.request(args, read_only=True), common.warn) as session:
        _, plan = planned(session, Options(), common.environment(session.root))
        step = plan.steps[one_node(session, args.node)]
        found = planned_causes(session, plan, step.id)
        document = {
            "node": step.id,
            "verdict": step.verdict.value,
            "action": step.key,
            "reasons": [reason.document() for reason in step.reasons],
            "definition": explaintext.edits(found, step.id),
            "causes": [explaintext.cause_document(cause) for cause in found],
            "last_built": _last(session, step.id),
        }
    common.emit(args, document, explaintext.node_lines(document))
    return 0


def _last(session: Session, name: str) -> dict[str, object]:
    """What the log says of the last time that this node was executed."""
    from seeknal.build.causes import causes, told_in

    published = session.generation and session.generation.targets.get(name)
    made = session.store.made(published.action) if published else {}
    if not made:
        return {}
    story = told_in(session, str(made.get("run")))
    if any(one.id == name for one in story.built):
        told = explaintext.node_document(story, name, causes(session, story, name))
        return {**told, "milliseconds": made.get("milliseconds", told["milliseconds"])}
    return dict(made) if "milliseconds" in made else {}

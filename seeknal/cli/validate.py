"""All problems of the project at once, each with file and line, and warnings. Never runs project code.

Exit codes: 0 no problem (warnings do not count); 3 a problem; 7 a store of a newer version.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from seeknal.cli import common
from seeknal.errors import DefinitionWrong, Problem, ProjectError

if TYPE_CHECKING:
    from seeknal.build.session import Session
    from seeknal.model.plan import Plan


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `validate`."""
    parser.add_argument("-c", "--config", metavar="FILE", help="the profile file")
    parser.add_argument(
        "--no-connect",
        action="store_true",
        help="do not connect to what sources are read over, nor look for their tables",
    )
    common.clock(parser)
    common.shared(parser)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    from seeknal.build.run import Options, planned
    from seeknal.build.session import opened

    problems: list[Problem] = []
    warnings: list[Problem] = []
    with opened(common.request(args, read_only=True), common.warn) as session:
        try:
            _, plan = planned(session, Options(), common.environment(session.root, warnings.append))
            found = dict.fromkeys([*_wrong_definitions(session, plan), *_unreached(session)])
            problems += {(p.file, p.line, p.message): p for p in found}.values()
            warnings += _warnings(session, plan)
        except ProjectError as error:
            problems += error.problems
        warnings += session.project.warnings if session.project else ()
    document = {"problems": [_plain(p) for p in problems], "warnings": [_plain(p) for p in warnings]}
    lines = [f"error: {p}" for p in problems] + [f"warning: {p}" for p in warnings]
    lines.append(f"{len(problems)} problems, {len(warnings)} warnings")
    common.emit(args, document, lines)
    return ProjectError.exit_code if problems else 0


def _plain(problem: Problem) -> dict[str, str | int]:
    return {"file": problem.file, "line": problem.line, "reason": problem.reason, "message": problem.message}


def _wrong_definitions(session: Session, plan: Plan) -> list[Problem]:
    """What can be told of a definition only when its inputs are known."""
    found = []
    for step in plan.steps.values():
        for reason in step.reasons:
            if reason.word == "wrong_definition":
                node = session.graph.nodes[step.id]
                text = reason.detail.removeprefix(f"{node.file}:").lstrip("0123456789: ")
                line = reason.detail.removeprefix(f"{node.file}:").split(":")[0]
                number = int(line) if line.isdigit() else node.line
                found.append(Problem(node.file, number, text, "wrong_definition"))
    return found


def _unreached(session: Session) -> list[Problem]:
    """What is not there, or does not answer, of all that sources are read over."""
    found = []
    for node in session.graph.nodes.values():
        check = getattr(session.engines.get(node.recipe.engine), "check", None)
        try:
            if check is not None:
                check(node)
        except DefinitionWrong as wrong:
            problem = wrong.problem or Problem(node.file, node.line, wrong.message, wrong.reason)
            found.append(problem._replace(message=f"{problem.message}{'; ' + wrong.hint if wrong.hint else ''}"))
    return found


def _warnings(session: Session, plan: Plan) -> list[Problem]:
    found = []
    for node in session.graph.nodes.values():
        engine = session.engines.get(node.recipe.engine)
        step = plan.steps.get(node.id)
        known = getattr(step.prepared.ready, "warnings", ()) if step and step.prepared else ()
        for line, text, reason in (*getattr(engine, "warnings", lambda _: ())(node), *known):
            found.append(Problem(node.file, line, f"{node.id}: {text}", reason))
    return found

"""Build the entity targets from the feature groups that are published.

Feature groups themselves are not built: this is what `seeknal run` does after them. What the project no longer has leaves
the published state with every run and every consolidation; --prune is accepted for people who are used to asking for it.
"""

from __future__ import annotations

import argparse

from seeknal.cli import common


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `consolidate`."""
    parser.add_argument("--prune", action="store_true", help="also drop what the project no longer has")
    parser.add_argument("--path", "--project", dest="project_path_too", metavar="DIR", help=argparse.SUPPRESS)
    common.clock(parser)
    common.environments(parser)
    common.shared(parser)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    from seeknal.build.report import Reporter
    from seeknal.build.run import Options
    from seeknal.build.run import run as run_all
    from seeknal.build.session import opened
    from seeknal.model.select import Selection

    args.project_path = args.project_path or args.project_path_too
    with opened(common.request(args, read_only=False), common.warn) as session:
        reporter = Reporter(session.log.write, as_json=False, quiet=args.quiet or args.json, verbose=args.verbose)
        options = Options(Selection(types=("entity",), from_published=True))
        outcome = run_all(session, options, common.environment(session.root), reporter.tell)
    names = sorted(outcome.results.steps)
    document = {
        "entities": names,
        "changes": dict(outcome.publication.changes),
        "generation": outcome.publication.digest,
    }
    shown = ", ".join(name.split(".", 1)[1] for name in names) or "no entities"
    common.emit(args, document, [f"{'consolidated' if outcome.publication.changes else 'up to date'}: {shown}"])
    return 1 if outcome.results.failed else 0

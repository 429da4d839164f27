"""Bring the selected targets up to date and publish. Without options: everything, incrementally.

Exit codes: 0 done; 1 a node failed; 2 usage; 3 wrong project; 4 a data-quality rule failed; 5 store busy;
7 environment; 130 and 143 interrupted. With --watch 0 when Ctrl-C ends the waiting.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
import time
from typing import TYPE_CHECKING

from seeknal.cli import STOPPED, common, windows
from seeknal.errors import Interrupted, SeeknalError, UsageError

if TYPE_CHECKING:
    from seeknal.build.execute import Tell
    from seeknal.build.run import Options, Outcome
    from seeknal.build.session import Session
    from seeknal.cli.timings import Kept


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `run`."""
    common.selection(parser)
    parser.add_argument(
        "-f",
        "--full",
        action="store_true",
        help="build every selected node again, whatever the cache has; with --nodes or --types these only",
    )
    parser.add_argument("--dry-run", action="store_true", help="what would be built, and why; touches nothing")
    parser.add_argument(
        "-p", "--show-plan", action="store_true", help="the whole plan in order, hits too; touches nothing"
    )
    parser.add_argument(
        "--continue-on-error",
        action="store_true",
        help="go on with all that does not depend on a failure, and publish what succeeded: what failed keeps its "
        "published table and is named as stale, and nothing is published that a rule or an audit holds back",
    )
    retry = (
        "try a failed execution N more times, with a growing pause (default 0); a wrong definition is not tried again"
    )
    parser.add_argument("-r", "--retry", type=int, default=0, metavar="N", help=retry)
    parser.add_argument("--parallel", action="store_true", help="build independent targets at the same time")
    parser.add_argument("--max-workers", type=int, default=4, metavar="N", help="with --parallel: how many (default 4)")
    parser.add_argument(
        "--watch", action="store_true", help="run again whenever a file changes that the run relied on; Ctrl-C ends it"
    )
    parser.add_argument("--explain", action="store_true", help="a line of reasons under each built target")
    parser.add_argument(
        "--timings",
        nargs="?",
        const="",
        metavar="FILE",
        help="write a picture of the run, one HTML file that needs no network: bars on a time axis, critical path, hits and "
        "builds, sizes; also when the run fails or is interrupted (default: target/timings.html)",
    )
    digest = "refuse unless the plan is the one that `plan` printed this digest for"
    parser.add_argument("--plan", metavar="DIGEST", help=digest)
    parser.add_argument(
        "--materialize",
        action=argparse.BooleanOptionalAction,
        help="write to tables outside for all nodes that name one, or for none (default: as each node says)",
    )
    common.environments(parser)
    windows.window(parser)
    parser.add_argument(
        "--backfill",
        action="store_true",
        help="of nodes with intervals, only those that were never published, oldest first; an interrupted one goes on where "
        "it stopped; what is published already is built again only where a table with intervals that it reads has changed",
    )
    parser.add_argument(
        "--chunk", type=int, metavar="N", help="with --backfill: publish after every N intervals of a node"
    )
    parser.add_argument(
        "--restate",
        action="store_true",
        help="build marked intervals again, whatever the cache has, then what reads them where their content changed; with "
        "--nodes, --start and --end, mark these first; the marks go when the run has been published",
    )
    common.clock(parser)
    common.shared(parser)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    if args.retry < 0 or args.max_workers < 1:
        raise UsageError("--retry and --max-workers are counts: 0 or more, 1 or more", reason="bad_count")
    windows.check(args)
    if args.timings is not None and (args.dry_run or args.show_plan):
        raise UsageError("--timings is a picture of a run, and a plan runs nothing", reason="no_run")
    if (args.dry_run or args.show_plan) and not args.watch:
        from seeknal.cli import plan

        return plan.show(args, whole=args.show_plan)
    if args.watch:
        return _watch(args)
    start = time.perf_counter()
    if args.timings is not None:  # a picture is of a run that looked at every target
        from seeknal.cli import timings

        with timings.pictured(args) as kept:
            return _run(args, start, kept)
    return 0 if _unchanged(args) else _run(args, start)


def _watch(args: argparse.Namespace) -> int:
    from seeknal.cli import watching

    watching.check(args)
    return watching.keep_running(args, lambda relied, told: _run(args, time.perf_counter(), relied=relied, told=told))


def _unchanged(args: argparse.Namespace) -> bool:
    """Say so when nothing was touched since a run with these options."""
    from seeknal.build import stamp

    if args.full or args.plan or args.restate:
        return False
    root = common.project_root(args)
    now = common.as_of(args)
    today = now.date().isoformat()
    common.params(args)
    if args.run_id is not None:
        common.run_name(args, now)
    path = os.path.join(root, "target", "local", stamp.stamp_name(common.environment_name(args.env)))
    env = functools.partial(common.environment, root)
    for date in ("-", today, f"{now:%Y-%m-%dT%H}"):
        summary = stamp.still_holds(path, f"{fingerprint(args, root)} {date}", env)
        if summary is not None and (summary[3] == "-" or now.timestamp() < float(summary[3])):
            _say_nothing(args, *summary[:3])
            return True
    return False


def _say_nothing(args: argparse.Namespace, count: str, digest: str, broken: str) -> None:
    if args.json:
        import json

        print(json.dumps({"event": "done", "built": 0, "hit": int(count), "failed": 0, "generation": digest}))
    elif not args.quiet:
        told = f"; {broken} warnings of rules and audits" if broken != "0" else ""
        print(f"nothing to do: {count} targets are up to date (generation {digest[7:19]}){told}")


def fingerprint(args: argparse.Namespace, root: str) -> str:
    """Everything that a request says about what has to be up to date, as one digest."""
    import json

    from blake3 import blake3

    from seeknal import __version__

    said = [
        [common.words(words) for words in (args.nodes, args.types, args.tags, args.exclude_tags)],
        args.params, [args.start, args.end, args.backfill], root, common.cache_dir(args),
        __version__, sys.version, sys.prefix, args.profile, args.env, args.materialize,
        os.environ.get("SEEKNAL_BASE_CONFIG_PATH") or os.path.expanduser("~"),
    ]  # fmt: skip
    return blake3(json.dumps(said).encode()).hexdigest()


def _run(
    args: argparse.Namespace,
    start: float,
    kept: Kept | None = None,
    relied: dict[str, str] | None = None,
    *,
    told: bool = True,
) -> int:
    """Run; `kept` gets the events, `relied` the signatures that the run relied on; `told`: say that there was nothing to do."""
    from seeknal.build.causes import because
    from seeknal.build.report import Reporter
    from seeknal.build.session import opened

    _catch_term()
    workers = args.max_workers if args.parallel else 1
    reporter: Reporter | None = None

    def warn(text: str) -> None:
        (reporter.warn if reporter else common.warn)(text)

    request = common.request(args, read_only=False, workers=workers)
    with opened(request, warn) as session:
        events = kept.of(session) if kept else None
        reporter = Reporter(session.log.write, as_json=args.json, quiet=args.quiet, verbose=args.verbose, kept=events)
        env = common.environment(session.root, lambda problem: warn(str(problem)))
        try:
            with common.surroundings(env):
                outcome = _rounds(args, session, env, reporter.tell)
        finally:
            if relied is not None:
                relied.update(session.stats.watched)
        why = because(session, outcome) if not args.json and not args.quiet else []
    _tell_end(args, outcome, reporter.tell, time.perf_counter() - start, told=told, why=why)
    return _code(list(outcome.results.failed.values()))


def _rounds(args: argparse.Namespace, session: Session, env: dict[str, str], tell: Tell) -> Outcome:
    """One run, or with --chunk one after the other."""
    from seeknal.build.run import run as run_all

    options = _options(args, session.root)
    if args.restate:
        windows.restate(args, session, env)
    outcome = run_all(session, options, env, tell)
    while args.chunk and _goes_on(outcome):
        more = run_all(session, options, env, tell)
        if not more.results.built and not more.results.failed:
            break  # this round found nothing to do
        outcome = more
    return outcome


def _tell_end(
    args: argparse.Namespace, outcome: Outcome, tell: Tell, elapsed: float, *, told: bool, why: list[str]
) -> None:
    from seeknal.build.report import summary

    results = outcome.results
    built = sum(built.executed for built in results.built.values())
    tell(
        "done",
        built=built,
        hit=len(results.artifacts) - built,
        cut_off=len(results.cut_off), failed=len(results.failed), skipped=len(results.skipped),
        generation=outcome.publication.digest, changes=dict(outcome.publication.changes),
        milliseconds=int(elapsed * 1000),
    )  # fmt: skip
    if not args.json and not args.quiet and (told or built or results.failed or outcome.publication.changes):
        for line in summary(outcome, elapsed, explain=args.explain, why=why):
            print(line, flush=True)


def _goes_on(outcome: Outcome) -> bool:
    """Whether a chunk was built, so that there may be a next one."""
    steps = outcome.results.steps.values()
    return not outcome.results.failed and any(step.family and step.family.open for step in steps)


def _options(args: argparse.Namespace, root: str) -> Options:
    from seeknal.build.run import Options

    chosen = common.chosen(args)
    mark = fingerprint(args, root)
    return Options(chosen, args.full, args.continue_on_error, args.retry, args.plan, mark)


def _code(failures: list[Exception]) -> int:
    codes = [failure.exit_code if isinstance(failure, SeeknalError) else 1 for failure in failures]
    return max(codes, default=0)


def _catch_term() -> None:
    import signal
    import threading

    def stop(number: int, frame: object) -> None:
        error = Interrupted("terminated: what was finished stays in the cache, nothing was published")
        error.exit_code = 128 + number
        STOPPED.append(error)
        raise error

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, stop)

"""Environments: lines of generations beside `prod` over the same store, so what is unchanged costs nothing.

`seeknal run --env ENV` makes one and brings it up to date; `promote` publishes in `prod` what it has, and builds nothing.

Exit codes: as `run` for `apply` and `promote --rebase`; 2 when an environment cannot be promoted or applied as it was planned.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from seeknal.cli import common
from seeknal.errors import UsageError

if TYPE_CHECKING:
    from seeknal.build.environments import Environment
    from seeknal.build.saved import Saved
    from seeknal.build.session import Session


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `env`."""
    from seeknal.cli import plan

    words = parser.add_subparsers(dest="what", metavar="COMMAND", required=True)
    for word, about in (
        ("list", "the environments, and how each of them differs from prod"),
        ("plan", "what a run would do in the environment; kept for `apply`"),
        ("apply", "do exactly what `plan` printed last, or say why that cannot be"),
        ("promote", "publish in prod (or TARGET) what the environment has; builds nothing"),
        ("delete", "remove the environment; what only it needs goes with the next `cache gc`"),
    ):
        sub = words.add_parser(word, help=about, description=about)
        if word != "list":
            sub.add_argument("env", metavar="ENV", help="the environment")
        if word == "plan":
            plan.options(sub)
            continue
        if word == "promote":
            sub.add_argument("target", nargs="?", metavar="TARGET", help="where to (default: prod)")
            rebase = "first bring the environment up to date over what prod has now, as `run --env` does"
            sub.add_argument("--rebase", action="store_true", help=rebase)
        if word in ("apply", "promote"):
            _running(sub)
        common.shared(sub)


def _running(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--continue-on-error", action="store_true", help="as in `run`")
    parser.add_argument("-r", "--retry", type=int, default=0, metavar="N", help="as in `run`")
    parser.add_argument("--parallel", action="store_true", help="as in `run`")
    parser.add_argument("--max-workers", type=int, default=4, metavar="N", help="as in `run`")


def run(args: argparse.Namespace) -> int:
    """Do it."""
    code: int = {"list": _list, "plan": _plan, "apply": _apply, "promote": _promote, "delete": _delete}[args.what](args)
    return code


def _plan(args: argparse.Namespace) -> int:
    from seeknal.cli import plan

    args.env = common.environment_name(args.env)
    return plan.show(args, whole=True, changes=True)


def _run_words(args: argparse.Namespace, env: str) -> list[str]:
    """`run` in an environment, with the options of this command."""
    words = ["run", *common.given(argparse.Namespace(**{**vars(args), "env": env}))]
    words += ["--retry", str(args.retry), "--max-workers", str(args.max_workers)]
    return words + [f"--{n.replace('_', '-')}" for n in ("continue_on_error", "parallel") if getattr(args, n)]


def _parsed(words: list[str]) -> argparse.Namespace:
    from seeknal.cli import build_parser

    return build_parser(("run",)).parse_args(words)


def _apply(args: argparse.Namespace) -> int:
    from seeknal.build.saved import forget, saved
    from seeknal.build.session import opened

    with opened(common.request(args, read_only=True), common.warn) as session:
        found = saved(session)
    again = _parsed([*_run_words(args, args.env), *found.words, "--run-id", found.run])
    again.clock = found.clock
    _check(again, found)
    again.plan = found.plan
    code: int = again.module.run(again)
    if code == 0:
        with opened(common.request(args, read_only=False), common.warn) as session:
            forget(session)
    return code


def _check(again: argparse.Namespace, found: Saved) -> None:
    """Raise UsageError unless a run would do now what was planned."""
    from seeknal.build.run import Options, planned
    from seeknal.build.saved import check
    from seeknal.build.session import opened

    with opened(common.request(again, read_only=True), lambda text: None) as session:
        _, plan = planned(session, Options(common.chosen(again), again.full), common.environment(session.root))
        check(found, plan)


def _promote(args: argparse.Namespace) -> int:
    from seeknal.build.connect import load_project
    from seeknal.build.environments import promote
    from seeknal.build.session import opened
    from seeknal.model.digest import short
    from seeknal.model.environment import PRODUCTION

    source, target = common.environment_name(args.env), common.environment_name(args.target)
    if source == target:
        raise UsageError(f"{source} is {target} already: name another environment", reason="bad_environment")
    if args.rebase:
        again = _parsed(_run_words(args, source))
        code: int = again.module.run(again)
        if code:
            return code
    args.env = target
    with opened(common.request(args, read_only=False), common.warn) as session:
        session.store.open()
        load_project(session, common.environment(session.root))
        publication, digest = promote(session, source)
        late = _late(session) if target == PRODUCTION else []
    changed = publication.changes
    document = {
        "generation": publication.digest,
        "from": digest,
        "environment": target,
        "changes": dict(changed),
        "late": late,
    }
    text = f"{target}: published generation {short(publication.digest or '')}, {len(changed)} changes from {source}"
    lines = [text if publication.fresh else f"{target} has all that {source} has"]
    shown = ", ".join(late[:5]) + (f" and {len(late) - 5} more" if len(late) > 5 else "")
    lines += [f"the project says more than {source} has: the next `seeknal run` builds {shown}"] if late else []
    common.emit(args, document, lines)
    return 0


def _late(session: Session) -> list[str]:
    """What a run would build: edits since the environment was run, and what is sent to the outside world."""
    from seeknal.model.plan import Verdict, make_plan
    from seeknal.model.select import Selection, select

    plan = make_plan(session.graph, select(session.graph, Selection()), session.world())
    return [step.id for step in plan.having(Verdict.BUILD, Verdict.MAYBE)]


def _delete(args: argparse.Namespace) -> int:
    from seeknal.build.environments import delete, named
    from seeknal.build.session import opened
    from seeknal.model.environment import PRODUCTION

    name = common.environment_name(args.env)
    if name == PRODUCTION:
        raise UsageError(f"{PRODUCTION} is what readers see: it cannot be deleted", reason="bad_environment")
    with opened(common.request(args, read_only=False), common.warn) as session:
        session.store.open()
        if not os.path.isdir(session.target.environment(name)):
            named(session, name)
        delete(session, name)
    common.emit(args, {"deleted": name}, [f"deleted {name}: what only it needs goes with the next `seeknal cache gc`"])
    return 0


def _list(args: argparse.Namespace) -> int:
    from seeknal.build.environments import every, planned_only

    with common.reading(args, load=False) as session:
        found, planned = every(session), planned_only(session)
    document = [_facts(environment) for environment in found]
    rows = [
        (str(d["environment"]), str(d["generation"])[7:19], str(d["created"])[:19], str(d["run"]), _state(e))
        for d, e in zip(document, found, strict=True)
    ]
    rows += [(name, "", "", "", "planned, never run") for name in planned]
    common.emit(args, [*document, *({"environment": name} for name in planned)], common.table(rows) or ["none yet"])
    return 0


def _facts(environment: Environment) -> dict[str, Any]:
    generation = environment.generation
    facts = {"environment": environment.name, "generation": environment.digest, "created": generation.created}
    apart = {"changes": dict(environment.apart), "behind": dict(environment.behind)}
    return {**facts, "run": generation.run, "targets": len(generation.targets), **apart}


def _state(environment: Environment) -> str:
    if environment.generation.environment == "prod":
        return f"{len(environment.generation.targets)} targets"
    apart = f"{len(environment.apart)} targets are not as in prod" if environment.apart else "as prod"
    behind = f"; prod has moved on in {len(environment.behind)}" if environment.behind else ""
    return apart + behind

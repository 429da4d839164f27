"""Options that commands share, and how they become a session's request. Imports little: a no-op run passes here."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from seeknal.cli import windows
from seeknal.errors import Problem, ProjectError, UsageError, concealed, safe

if TYPE_CHECKING:
    from datetime import datetime

    from seeknal.build.session import Request, Session
    from seeknal.model.select import Selection


def shared(parser: argparse.ArgumentParser) -> None:
    """Add the options that every command has."""
    group = parser.add_argument_group("common options")
    group.add_argument(
        "--project-path", metavar="DIR", help="the project (default: the nearest folder at or above this one)"
    )
    group.add_argument(
        "--profile",
        metavar="FILE",
        help="connections and defaults (default: profiles-ENV.yml in an environment, then profiles.yml, in the project and "
        "then in ~/.seeknal, or where SEEKNAL_BASE_CONFIG_PATH says)",
    )
    group.add_argument(
        "--cache-dir", metavar="DIR", help="where the store lives (default: SEEKNAL_CACHE_DIR, or target/)"
    )
    group.add_argument("--json", action="store_true", help="write JSON on standard output, and nothing else there")
    group.add_argument("--no-color", action="store_true", help="no colours (also: NO_COLOR)")
    group.add_argument("-v", "--verbose", action="store_true", help="say more")
    group.add_argument("-q", "--quiet", action="store_true", help="say less")
    group.add_argument("--debug", action="store_true", help="show the traceback of an error")


def environments(parser: argparse.ArgumentParser) -> None:
    """Add the option that chooses an environment."""
    parser.add_argument(
        "--env",
        metavar="ENV",
        help="the environment: its own generations and views over the same store (default: prod)",
    )


def environment_name(word: str | None) -> str:
    """The environment that a person named, or `prod`. Raises UsageError."""
    from seeknal.model.environment import PRODUCTION, SHAPE, is_name

    if word is None:
        return PRODUCTION
    if not is_name(word):
        raise UsageError(f"{word!r} is no name of an environment", reason="bad_environment", hint=SHAPE)
    return word


def clock(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what time it is and what the parameters are."""
    parser.add_argument(
        "--date",
        metavar="YYYY-MM-DD",
        help="the run's clock, UTC: {{today}}, current_date and all relatives (default: now)",
    )
    parser.add_argument("--run-id", metavar="ID", help="the run's name, in {{run_id}} and the log (default: made up)")
    parser.add_argument(
        "--params",
        action="append",
        default=[],
        metavar="JSON|KEY=VALUE",
        help="parameters, for {{name}} and ctx.params (repeatable)",
    )


def given(args: argparse.Namespace) -> list[str]:
    """The options of a window, the clock and those that all commands share, as words."""
    words = []
    for name in ("start", "end", "chunk", "date", "run_id", "env", "project_path", "profile", "cache_dir"):
        value = getattr(args, name, None)
        words += [f"--{name.replace('_', '-')}", str(value)] if value is not None else []
    for name in ("json", "no_color", "verbose", "quiet", "debug"):
        words += [f"--{name.replace('_', '-')}"] if getattr(args, name, False) else []
    return words + [word for text in getattr(args, "params", []) for word in ("--params", text)]


def selection(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose nodes."""
    parser.add_argument(
        "-n",
        "--nodes",
        action="append",
        default=[],
        metavar="NODE",
        help="these nodes, and of their ancestors what is not up to date: kind.name, name, a glob, +x with its ancestors, "
        "x+ with what reads it, tag:t (repeatable, or with commas; so are the next three)",
    )
    parser.add_argument(
        "-t",
        "--types",
        action="append",
        default=[],
        metavar="KIND",
        help="only nodes of these kinds as goals; their ancestors as needed",
    )
    parser.add_argument("--tags", action="append", default=[], metavar="TAG", help="only nodes with these tags")
    without = "not the nodes with these tags; their consumers use what is published of them, or are skipped"
    parser.add_argument("--exclude-tags", action="append", default=[], metavar="TAG", help=without)


def words(values: list[str]) -> tuple[str, ...]:
    """A list given by repeating an option, with commas, or both."""
    return tuple(word.strip() for value in values for word in value.split(",") if word.strip())


def chosen(args: argparse.Namespace) -> Selection:
    """The selection that the options describe."""
    from seeknal.model.select import Selection

    nodes = words(args.nodes)
    if getattr(args, "restate", False):
        nodes = tuple(f"{word.removesuffix('+')}+" for word in nodes)
    return Selection(nodes, words(args.types), words(args.tags), words(args.exclude_tags))


def project_root(args: argparse.Namespace) -> str:
    """The folder of the project. Raises UsageError."""
    if args.project_path:
        root: str = os.path.abspath(args.project_path)
        if not _is_project(root):
            raise UsageError(
                f"{root} is no project: it has neither seeknal_project.yml nor seeknal/", reason="no_project"
            )
        return root
    try:
        folder = os.getcwd()
    except OSError:
        raise UsageError("this folder is gone: go into a project", reason="no_project") from None
    while not _is_project(folder):
        above = os.path.dirname(folder)
        if above == folder:
            hint = "go into a project, use --project-path, or make one: seeknal init"
            raise UsageError("there is no project here or above", reason="no_project", hint=hint)
        folder = above
    return folder


def _is_project(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, "seeknal_project.yml")) or (
        os.path.isdir(os.path.join(folder, "seeknal"))
        and not os.path.isfile(os.path.join(folder, "seeknal", "__init__.py"))
    )


def cache_dir(args: argparse.Namespace) -> str | None:
    """The folder of a store outside of `target/`, or None."""
    chosen = args.cache_dir or os.environ.get("SEEKNAL_CACHE_DIR")
    return os.path.abspath(chosen) if chosen else None


def as_of(args: argparse.Namespace) -> datetime:
    """The one clock of the run, UTC. Raises UsageError."""
    from datetime import UTC, datetime

    text = getattr(args, "clock", None) or getattr(args, "date", None)
    if not text:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"--date {text!r} is not a date: write YYYY-MM-DD", reason="bad_date") from None


def profile(args: argparse.Namespace) -> str | None:
    """The profile file that was named, absolute. Raises ProjectError."""
    path = getattr(args, "config", None) or args.profile
    if not path:
        return None
    if not os.path.isfile(path):
        raise ProjectError([Problem(path, 1, "there is no such profile file", "no_profile")])
    from seeknal.project.profile import read_profile

    with open(path, "rb") as file:
        read_profile(file.read(), path)
    found: str = os.path.abspath(path)
    return found


def params(args: argparse.Namespace) -> dict[str, Any]:
    """The parameters that the options give. Raises UsageError."""
    if not getattr(args, "params", None):
        return {}
    from seeknal.cli import parameters

    return parameters.params(args)


def request(args: argparse.Namespace, *, read_only: bool, workers: int = 1) -> Request:
    """The session's request that the options describe. Raises UsageError."""
    from dataclasses import replace

    from seeknal.build.session import Request

    now = as_of(args)
    run_id = run_name(args, now)
    said = params(args)
    made = Request(project_root(args), now, run_id, cache_dir(args), said, workers=workers, read_only=read_only)
    demand, words = windows.demand(args, now), windows.words(args)
    env = environment_name(getattr(args, "env", None))
    restate, connect = getattr(args, "restate", False), not getattr(args, "no_connect", False)
    return replace(
        made,
        demand=demand,
        words=words,
        restate=restate,
        environment=env,
        materialize=getattr(args, "materialize", None),
        profile=profile(args),
        connect=connect,
    )


def run_name(args: argparse.Namespace, now: datetime) -> str:
    """The run's name: given, or made up. Raises UsageError."""
    import re

    given = getattr(args, "run_id", None)
    name = f"{now:%Y%m%d-%H%M%S}-{os.urandom(3).hex()}" if given is None else given
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", name):
        raise UsageError(f"--run-id {name!r}: up to 100 letters, digits, - _ and . are allowed", reason="bad_run_id")
    return name


def environment(root: str, told: Callable[[Problem], object] | None = None) -> dict[str, str]:
    """The process's environment, with `.env` filling in what is not set; `told` hears of lines that are wrong."""
    from seeknal.build.dotenv import read

    found, problems = read(root)
    if told:
        for problem in problems:
            told(problem)
    return {**found, **os.environ}


@contextmanager
def surroundings(env: Mapping[str, str]) -> Iterator[None]:
    """The variables of `.env` in the process's own environment, for the nodes that look there."""
    more = {name: value for name, value in env.items() if name not in os.environ}
    os.environ.update(more)
    try:
        yield
    finally:
        for name in more:
            os.environ.pop(name, None)


def warn(text: str) -> None:
    """Tell a warning on standard error."""
    print(f"warning: {safe(text)}", file=sys.stderr)


@contextmanager
def reading(args: argparse.Namespace, *, load: bool = True, tell: Callable[[str], None] = warn) -> Iterator[Session]:
    """A session that changes nothing, with the published generation and, if asked, the project loaded."""
    from seeknal.build.session import opened

    with opened(request(args, read_only=True), tell) as session:
        session.store.open()
        if load:
            from seeknal.build.connect import load_project

            load_project(session, environment(session.root))
        session.read_published()
        yield session


def emit(args: argparse.Namespace, document: Any, lines: list[str]) -> None:
    """Print a document for machines or lines for people."""
    if args.json:
        import json

        print(json.dumps(concealed(document)))
    else:
        for line in lines:
            print(safe(line))


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as aligned columns."""
    if not rows:
        return []
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]

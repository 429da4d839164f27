"""The command line: one file for each command, whose name is the word that a person types.

A command's module has a docstring (its help), `arguments(parser)` and `run(args) -> exit code`, and may have
`spelled(arguments)`, which writes arguments so that argparse understands them. Only the module of the command that was
asked for is imported: a no-op run imports little. This is the one place that turns an exception into an exit code.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, NoReturn

from seeknal import __version__
from seeknal.errors import EnvironmentFailure, SeeknalError, UsageError, nearest, safe

COMMANDS = (
    "run", "plan", "validate", "list", "show", "explain", "diff", "inspect", "query", "repl", "lineage", "log", "rollback",
    "entity", "consolidate", "env", "intervals", "cache", "init", "completion",
)  # fmt: skip


class Parser(argparse.ArgumentParser):
    """Reports a wrong option as every other error is reported."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing and leaving."""
        words = [word.split("=")[0] for word in message.split() if word.startswith("-")]
        known = [option for parser in _below(self) for option in parser._option_string_actions]
        near = nearest(words[0], known) if words and "unrecognized" in message else ""
        raise UsageError(message + near, hint=f"see: {self.prog} --help")


def _below(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                yield from _below(sub)


def command(word: str) -> Any:
    """The module of a command."""
    return import_module(f"{__name__}.{word}")


def build_parser(words: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """The parser with these commands: all of them for help and man pages, the one that was asked for else."""
    about = "make for tables: a declarative build tool for data pipelines"
    parser = Parser(prog="seeknal", description=about, formatter_class=_Help)
    parser.add_argument("--version", action="version", version=f"seeknal {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    for word in words:
        module = command(word)
        doc = (module.__doc__ or "").strip()
        sub = commands.add_parser(word, help=doc.splitlines()[0], description=doc, formatter_class=_Help)
        module.arguments(sub)
        sub.set_defaults(module=module)
    return parser


class _Help(argparse.RawDescriptionHelpFormatter):
    """Finds the terminal's width itself: argparse would import shutil for it, at every start."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_width())


def _width() -> int:
    words = os.environ.get("COLUMNS", "")
    if words.isdigit():
        return max(int(words) - 2, 40)
    try:
        return max(os.get_terminal_size().columns - 2, 40)
    except (OSError, ValueError, AttributeError):
        return 100


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code of the process."""
    arguments = [*(sys.argv[1:] if argv is None else argv)]  # `list` is the command of that name here
    _make_printable()
    debug = "--debug" in arguments
    as_json = "--json" in arguments
    try:
        return _run(arguments)
    except SeeknalError as error:
        if debug:
            raise
        report(error, as_json=as_json)
        return error.exit_code
    except KeyboardInterrupt:
        _say("\ninterrupted: what was finished stays in the cache, nothing was published")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader went away: what is left to print goes nowhere
        return 0
    except OSError as error:
        if debug:
            raise
        _say(f"error: {safe(error)}")
        return EnvironmentFailure.exit_code
    except Exception as error:
        if debug:
            raise
        _say(f"internal error: {type(error).__name__}: {safe(error)}\n  see it whole with --debug")
        return 1


# What a signal has raised, the latest last.
STOPPED: list[SeeknalError] = []


def _done(args: argparse.Namespace) -> int:
    """Run the command. A query in the main thread answers a signal with words of its own, and loses what was raised."""
    STOPPED.clear()
    try:
        code: int = args.module.run(args)
    except RuntimeError as error:
        if str(error) != "Query interrupted":
            raise
        raise STOPPED[-1] if STOPPED else KeyboardInterrupt from error
    return code


def _run(arguments: list[str]) -> int:
    word = arguments[0] if arguments else ""
    if word in COMMANDS:
        parser, module = build_parser((word,)), command(word)
        args = parser.parse_args(module.spelled(arguments) if hasattr(module, "spelled") else arguments)
        code = _done(args)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    if word and not word.startswith("-"):
        raise UsageError(f"there is no command {word!r}{nearest(word, COMMANDS)}", reason="unknown_command")
    parser = build_parser()
    parser.parse_args(arguments)
    parser.print_help()
    return 0


def report(error: SeeknalError, *, as_json: bool) -> None:
    """Tell an error: as JSON on standard output where that was asked for, and for people."""
    if as_json:
        import json

        document: dict[str, Any] = {"error": error.reason, "code": error.exit_code, "message": safe(error.message)}
        document["hint"] = safe(error.hint)
        problems = getattr(error, "problems", ())
        document["problems"] = [
            {"file": safe(p.file), "line": p.line, "reason": p.reason, "message": safe(p.message)} for p in problems
        ]
        print(json.dumps(document))
    _say(f"error: {error}" if "\n" not in str(error) else f"error:\n{error}")


def _say(text: str) -> None:
    if sys.stderr is not None:
        print(text, file=sys.stderr)


def _make_printable() -> None:
    """A terminal that does not know a character shows its number instead."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")

"""The command line: one file for each command, whose name is the word that a person types.

A command's module has a docstring (its help), `arguments(parser)` and `run(args) -> exit code`. Only the module of the
command that was asked for is imported: a no-op run imports little. This is the one place that turns an exception into an
exit code.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from seeknal import __version__
from seeknal.errors import SeeknalError, UsageError, nearest, safe

COMMANDS = (
    "run", "plan", "validate", "list", "show", "explain", "inspect", "log", "rollback", "entity", "consolidate",
    "cache", "init",
)  # fmt: skip


class Parser(argparse.ArgumentParser):
    """Reports a wrong option as every other error is reported."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing and leaving."""
        raise UsageError(message, hint=f"see: {self.prog} --help")


def command(word: str) -> Any:
    """The module of a command."""
    return import_module(f"{__name__}.{word}")


def build_parser(words: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """The parser with these commands: all of them for help and man pages, the one that was asked for else."""
    parser = Parser(prog="seeknal", description="make for tables: a declarative build tool for data pipelines")
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
    pass


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code of the process."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    as_json = "--json" in arguments
    try:
        return _run(arguments)
    except SeeknalError as error:
        if debug:
            raise
        _report(error, as_json=as_json)
        return error.exit_code
    except KeyboardInterrupt:
        print("\ninterrupted: what was finished stays in the cache, nothing was published", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if debug:
            raise
        print(f"internal error: {type(error).__name__}: {safe(error)}\n  see it whole with --debug", file=sys.stderr)
        return 1


def _run(arguments: list[str]) -> int:
    word = arguments[0] if arguments else ""
    if word in COMMANDS:
        args = build_parser((word,)).parse_args(arguments)
        code: int = args.module.run(args)
        sys.stdout.flush()
        return code
    if word and not word.startswith("-"):
        raise UsageError(f"there is no command {word!r}{nearest(word, COMMANDS)}", reason="unknown_command")
    parser = build_parser()
    parser.parse_args(arguments)
    parser.print_help()
    return 0


def _report(error: SeeknalError, *, as_json: bool) -> None:
    if as_json:
        import json

        document: dict[str, Any] = {"error": error.reason, "code": error.exit_code, "message": safe(error.message)}
        document["hint"] = safe(error.hint)
        problems = getattr(error, "problems", ())
        document["problems"] = [
            {"file": safe(p.file), "line": p.line, "reason": p.reason, "message": safe(p.message)} for p in problems
        ]
        print(json.dumps(document))
    print(f"error: {error}" if "\n" not in str(error) else f"error:\n{error}", file=sys.stderr)

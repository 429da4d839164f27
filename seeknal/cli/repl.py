"""SQL over what is published, read-only: interactive, or one shot with --exec or on standard input.

Tables are called kind_name (transform_orders, entity_customer) or kind.name. Each statement sees one whole generation: the
one that is published when it begins, or the one that --generation names. A table of a connection of the profile is called
CONNECTION.schema.table: a statement over tables of one server alone is that server's to answer, in its own SQL.
Exit codes: 0; 1 a statement is wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from seeknal.cli import common
from seeknal.errors import UsageError

if TYPE_CHECKING:
    from seeknal.build.session import Session
    from seeknal.repl.shell import Shell

_SHOWN = 1000


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `repl`."""
    parser.add_argument("-e", "--exec", metavar="SQL", help="answer this and leave; - reads standard input")
    parser.add_argument(
        "-f", "--format", choices=("table", "json", "csv"), default="table", help="how answers are written"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write the answer to a file: .csv, .json or .parquet")
    parser.add_argument("--limit", type=int, metavar="N", help="at most so many rows (interactive: 1000)")
    parser.add_argument("--generation", metavar="G", help="as it was published then (see `seeknal log`)")
    common.environments(parser)
    common.shared(parser)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    if args.limit is not None and args.limit < 0:
        raise UsageError(f"--limit {args.limit}: a number of rows is needed", reason="bad_count")
    with common.reading(args, load=False) as session:
        shell = _shell(args, session)
        typed = sys.stdin is not None and sys.stdin.isatty()
        try:
            if args.exec is None and not args.output and shell.screen.terminal and typed:
                _interactive(args, shell)
            else:
                _once(args, shell)
        finally:
            shell.tables.close()
    return 0


def _shell(args: argparse.Namespace, session: Session) -> Shell:
    from seeknal.repl.shell import Shell
    from seeknal.repl.show import Screen
    from seeknal.repl.tables import Tables

    terminal = sys.stdout is not None and sys.stdout.isatty()
    color = terminal and not args.no_color and not os.environ.get("NO_COLOR")
    screen = Screen(terminal, terminal and args.exec is None, color)
    return Shell(Tables(session, args.generation), screen, "json" if args.json else args.format, args.limit)


def _once(args: argparse.Namespace, shell: Shell) -> None:
    from seeknal.repl.shell import Left, run_all, strictly, written_to, wrote
    from seeknal.repl.text import split

    text = args.exec if args.exec not in (None, "-") else "" if sys.stdin is None else sys.stdin.read()
    if not args.output:
        try:
            run_all(shell, text, strictly)
        except Left:
            return
        return
    pieces, rest = split(text)
    statements = [piece for piece in [*pieces, rest.strip()] if piece]
    if len(statements) != 1 or statements[0].startswith("."):
        raise UsageError("--output takes one statement", reason="several_statements")
    path, count = written_to(shell, statements[0], args.output, shell.format, shell.limit)
    common.emit(args, {"file": path, "rows": count}, [] if args.quiet else [wrote(path, count)])


def _interactive(args: argparse.Namespace, shell: Shell) -> None:
    from seeknal import __version__
    from seeknal.repl.commands import banner
    from seeknal.repl.shell import converse
    from seeknal.repl.terminal import reader

    shell.limit = _SHOWN if args.limit is None else args.limit
    read = reader(shell.tables, color=shell.screen.color)
    if not args.quiet:
        for line in banner(shell.tables, __version__):
            print(line)
    converse(shell, read)

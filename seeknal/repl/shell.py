"""One session of a person: what it reads, how answers look, and what is done with each statement or command.

Decides what happens on an error and on an interrupt: interactively the session goes on, else it ends.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from seeknal.build.rows import format_of, save
from seeknal.errors import SeeknalError, UsageError
from seeknal.model.digest import short
from seeknal.repl import commands
from seeknal.repl.ask import ask, parquet
from seeknal.repl.show import Screen, answer, complain, show
from seeknal.repl.tables import Tables
from seeknal.repl.text import split

Read = Callable[[], str]


@dataclass(slots=True)
class Shell:
    """What a session is made of."""

    tables: Tables
    screen: Screen
    format: str = "table"
    limit: int | None = None
    last: str = ""


class Left(Exception):
    """The person wants to leave."""


def converse(shell: Shell, read: Read) -> None:
    """Read and answer until the person leaves."""
    while True:
        try:
            text = read()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        try:
            run_all(shell, text, _forgiving)
        except Left:
            return


def _forgiving(shell: Shell, piece: str) -> bool:
    """Run a statement or command; False when it went wrong, so that what follows it is not run."""
    try:
        run(shell, piece, told=True)
    except SeeknalError as error:
        complain(f"error: {error}")
    except OSError as error:
        complain(f"error: {error}")
    except KeyboardInterrupt:
        complain("interrupted")
    else:
        return True
    return False


def run_all(shell: Shell, text: str, each: Callable[[Shell, str], bool]) -> None:
    """Run the statements and commands of a text, up to the first that goes wrong."""
    pieces, rest = split(text)
    for piece in [*pieces, *([rest.strip()] if rest else [])]:
        if not each(shell, piece):
            return


def strictly(shell: Shell, piece: str) -> bool:
    """Run a statement or command; what goes wrong is raised."""
    run(shell, piece, told=False)
    return True


def run(shell: Shell, piece: str, *, told: bool) -> None:
    """Run one statement or command; `told`: say what a person should know besides the answer."""
    if shell.tables.refresh() and told:
        session = shell.tables.session
        complain(f"-- published meanwhile: generation {short(session.base or session.production or '')} from here on")
    if piece.startswith("."):
        _command(shell, piece)
        return
    start = time.perf_counter()
    found = ask(shell.tables, piece, shell.limit)
    shell.last = piece
    milliseconds = int((time.perf_counter() - start) * 1000)

    def note(hidden: int) -> str:
        count = (
            f"the first {len(found.rows):,} rows, there are more: .limit N" if found.more else _rows(len(found.rows))
        )
        fit = f"; {len(found.columns) - hidden} of {len(found.columns)} columns fit: name the ones you want"
        left = fit if hidden else ""
        return f"({count}, {milliseconds} ms{left})"

    answer(shell.screen, found, shell.format, note if told else None)


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _command(shell: Shell, line: str) -> None:
    word, _, argument = line.rstrip("; ").partition(" ")
    if word in (".quit", ".exit"):
        raise Left
    if word == ".save":
        show(shell.screen, [wrote(*written_to(shell, shell.last, argument.strip()))])
        return
    lines, changed = commands.obey(shell.tables, word, argument.strip())
    for name, value in changed.items():
        setattr(shell, name, value)
    show(shell.screen, lines)


def written_to(shell: Shell, sql: str, file: str, format_: str = "table", limit: int | None = None) -> tuple[str, int]:
    """Write the answer of a statement to a file; the file's path, and how many rows. Raises UsageError."""
    if not sql or not file:
        raise UsageError("say where: .save FILE.csv, after a statement", reason="no_file")
    kind = format_of(file, format_, more=("parquet",))
    path = os.path.abspath(os.path.expanduser(file))
    disk = shell.tables.session.disk
    if kind == "parquet":
        data, count = parquet(shell.tables, sql, limit)
        disk.hand_out(path, data)
    else:
        found = ask(shell.tables, sql, limit)
        count = len(found.rows)
        save(disk, path, kind, found.names, found.rows)
    return path, count


def wrote(path: str, count: int) -> str:
    """That an answer was written, as a sentence."""
    return f"wrote {_rows(count)} to {path}"

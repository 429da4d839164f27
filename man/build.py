"""Write the section 1 manual pages from the argparse parsers: `python man/build.py` (argparse-manpage does the work).

One page for the program and one for each command. The pages are checked in; `tests/test_man.py` fails when they are stale.
"""

from __future__ import annotations

import argparse
import os
import sys

from argparse_manpage.manpage import Manpage

from seeknal.cli import COMMANDS, build_parser

_SEE_ALSO = ".SH SEE ALSO\n.BR seeknal (1),\n.BR seeknal (7),\n.BR seeknal\\-project (5),\n.BR seeknal\\-cache (5)\n"
FOLDER = os.path.dirname(os.path.abspath(__file__))


def pages() -> dict[str, str]:
    """File name -> text of every generated page."""
    os.environ["COLUMNS"] = "100"
    whole = build_parser()
    found = {"seeknal.1": _page(whole, "seeknal", "make for tables")}
    for parser, name in _commands(whole):
        found[f"seeknal-{name}.1"] = _page(parser, f"seeknal-{name}", (parser.description or "").splitlines()[0])
    return found


def _commands(parser: argparse.ArgumentParser) -> list[tuple[argparse.ArgumentParser, str]]:
    actions = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return [(actions[0].choices[name], name) for name in COMMANDS]


def _page(parser: argparse.ArgumentParser, name: str, short: str) -> str:
    data = {
        "project_name": "seeknal",
        "version": "0.1.0",
        "manual_title": "seeknal",
        "description": short.rstrip("."),
        "prog": name,
        "date": "2026-11-26",
    }
    parser.man_short_description = short.rstrip(".")  # type: ignore[attr-defined]
    page = Manpage(parser, format="single-commands-section", _data=data)
    page.prog = name  # the parser says `seeknal run`; a page's title and name are one word
    return f"{str(page).rstrip()}\n{_SEE_ALSO}"


def main() -> int:
    """Write the pages."""
    for name, text in pages().items():
        with open(os.path.join(FOLDER, name), "w", encoding="utf-8") as file:
            file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

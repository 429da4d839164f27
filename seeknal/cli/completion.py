"""A script that makes a shell complete commands, options and the project's names.

bash: seeknal completion bash > ~/.local/share/bash-completion/completions/seeknal
zsh: seeknal completion zsh > DIR/_seeknal, with DIR in fpath before compinit
fish: seeknal completion fish > ~/.config/fish/completions/seeknal.fish

Names of nodes, kinds, tags, environments and generations are those that the last run saw; a TAB starts no process.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator

from seeknal.errors import EnvironmentFailure

SHELLS = ("bash", "zsh", "fish")
# What an option or argument stands for, by the word that its help shows.
_SORTS = {
    "NODE": "node",
    "KIND": "kind",
    "TAG": "tag",
    "ENV": "environment",
    "TARGET": "environment",
    "G": "generation",
    "GENERATION": "generation",
    "NAME": "entity",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the argument of `completion`."""
    parser.add_argument("shell", choices=SHELLS, help="the shell")


def run(args: argparse.Namespace) -> int:
    """Do it."""
    from seeknal.cli import build_parser

    try:
        import shtab
    except ImportError:
        hint = "pip install 'seeknal[completion]'; the script that it writes does not need it"
        raise EnvironmentFailure("shtab is not installed", reason="missing_package", hint=hint) from None
    parser = build_parser()
    for action in _actions(parser):
        found = _completed(action, shtab)
        if found:
            action.complete = found  # type: ignore[attr-defined]
    print(shtab.complete(parser, args.shell, preamble=_preamble(args.shell)).replace(*_QUICKER))
    return 0


# A thousand names one by one take bash three times as long as all at once.
_QUICKER = (
    'while IFS= read -r line; do COMPREPLY+=("$line"); done < <(',
    'mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(',
)


def _completed(action: argparse.Action, shtab: object) -> object:
    """How the value of an option or argument is completed, in shtab's words."""
    if action.choices is not None or action.nargs == 0:
        return None
    if action.metavar == "FILE":
        return getattr(shtab, "FILE", None)
    if action.metavar == "DIR":
        return getattr(shtab, "DIRECTORY", None)
    sort = _SORTS.get(str(action.metavar))
    if sort is None:
        return None
    return {"bash": f"_seeknal_{sort}", "zsh": f"_seeknal_{sort}", "fish": f"(_seeknal_names {sort})"}


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                yield from _actions(sub)
        else:
            yield action


def _preamble(shell: str) -> str:
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    with open(os.path.join(package, "shell", f"names.{shell}"), encoding="utf-8") as file:
        return file.read()

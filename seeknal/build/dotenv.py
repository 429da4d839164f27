"""`.env`: variables for a project, beside those of the process's environment, which always win.

Decides where the file is looked for (the project's folder and three above it: the nearest one counts) and what its lines
mean. Imports next to nothing: a run with nothing to do asks for variables too.
"""

from __future__ import annotations

import os
import re

from seeknal.errors import Problem

_PARENTS = 3
_QUOTED = r"'(?P<plain>[^'\0]*)'|\"(?P<escaped>(?:[^\"\\\0]|\\[^\0])*)\""
_LINE = re.compile(
    r"[^\S\n]*(?:export[^\S\n]+)?(?P<name>[A-Za-z_][A-Za-z0-9_.]*)[^\S\n]*=(?P<gap>[^\S\n]*)"
    rf"(?:(?:{_QUOTED})[^\S\n]*(?:\#[^\n]*)?|(?P<bare>[^'\"\n\0][^\n\0]*)?)(?:\n|\Z)",
    re.DOTALL,
)
_EMPTY = re.compile(r"[^\S\n]*(?:\#[^\n]*)?(?:\n|\Z)")
_COMMENT = re.compile(r"\s+\#.*")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def places(root: str) -> list[str]:
    """Where a `.env` may lie, the nearest first."""
    found = [os.path.abspath(root)]
    while len(found) <= _PARENTS and os.path.dirname(found[-1]) != found[-1]:
        found.append(os.path.dirname(found[-1]))
    return [os.path.join(folder, ".env") for folder in found]


def read(root: str) -> tuple[dict[str, str], list[Problem]]:
    """The variables of the project's `.env`, and a problem for each line that is none."""
    path = next((path for path in places(root) if os.path.isfile(path)), None)
    if path is None:
        return {}, []
    shown = os.path.relpath(path, root)
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            text = file.read()
    except OSError as error:
        return {}, [Problem(shown, 1, f"the file cannot be read: {error.strerror}", "env_file")]
    return parse(text, shown)


def parse(text: str, file: str) -> tuple[dict[str, str], list[Problem]]:
    """The variables that a text sets, and what is wrong with it: `NAME=value`, quoted or not, with or without `export`."""
    found: dict[str, str] = {}
    problems: list[Problem] = []
    at = 0
    while at < len(text):
        match = _EMPTY.match(text, at) or _LINE.match(text, at)
        if match is None:
            line = text.count("\n", 0, at) + 1
            what = "this is no NAME=value, the line is ignored: close the quote, or begin a comment with #"
            problems.append(Problem(file, line, what, "env_file"))
            at = (text.find("\n", at) + 1) or len(text)
            continue
        if "name" in match.groupdict():
            found[match["name"]] = _value(match)
        at = match.end()
    return found, problems


def _value(match: re.Match[str]) -> str:
    if match["plain"] is not None:
        return match["plain"]
    if match["escaped"] is not None:
        return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), match["escaped"], flags=re.DOTALL)
    return _COMMENT.sub("", match["gap"] + (match["bare"] or "")).strip()

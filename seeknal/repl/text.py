"""What a person typed, as tokens and as statements: where one ends, and whether it is whole.

Decides nothing about what a statement may do. Never fails: text that is no SQL is cut somewhere, and DuckDB says why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<comment>--[^\n]*|/\*)
    | (?P<string>[eE]'(?:\\.|''|[^'\\])*(?:'|\Z|\\\Z)
              |'(?:''|[^'])*(?:'|\Z)
              |\$\$.*?(?:\$\$|\Z)
              |\$(?P<tag>[^\W\d]\w*)\$.*?(?:\$(?P=tag)\$|\Z))
    | (?P<quoted>"(?:""|[^"])*(?:"|\Z))
    | (?P<number>\d[\w.]*)
    | (?P<word>[^\W\d][\w$]*)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_BLOCK = re.compile(r"/\*|\*/")
_SILENT = ("space", "comment")


class Token(NamedTuple):
    """A piece of SQL: its sort (space, comment, string, quoted, number, word, other), its place and its text."""

    sort: str
    start: int
    text: str

    @property
    def open(self) -> bool:
        """Whether it begins something that is not ended."""
        if self.sort == "quoted":
            return self.text.count('"') % 2 == 1
        if self.sort == "comment":
            return self.text.startswith("/*") and _comment(self.text, 0)[1]
        return self.sort == "string" and _is_open(self.text)


def _is_open(text: str) -> bool:
    if text.startswith("$"):
        tag = text[: text.index("$", 1) + 1]
        return len(text) < 2 * len(tag) or not text.endswith(tag)
    body = text.lstrip("eE")
    inside = re.sub(r"\\.", "", body, flags=re.DOTALL) if body is not text else body
    return inside.count("'") % 2 == 1


def tokens(text: str) -> Iterator[Token]:
    """The whole text as tokens."""
    at = 0
    while found := _TOKEN.match(text, at):
        sort = next(sort for sort, value in found.groupdict().items() if value is not None and sort != "tag")
        end = _comment(text, at)[0] if found[0] == "/*" else found.end()
        yield Token(sort, at, text[at:end])
        at = end


def _comment(text: str, start: int) -> tuple[int, bool]:
    """Where the comment that begins at `start` ends, and whether it is open: comments may hold comments."""
    depth = 0
    for found in _BLOCK.finditer(text, start):
        depth += 1 if found[0] == "/*" else -1
        if not depth:
            return found.end(), False
    return len(text), True


def spoken(text: str) -> list[Token]:
    """The tokens that mean something: without space and comments."""
    return [token for token in tokens(text) if token.sort not in _SILENT]


def split(text: str) -> tuple[list[str], str]:
    """The whole statements and commands (`.tables`) of a text, and what is left: the beginning of another one, or nothing."""
    found: list[str] = []
    rest = text
    while True:
        piece, after = _first(rest)
        if piece is None:
            return found, rest if spoken(rest) else ""
        found += [piece] if piece.rstrip(";").strip() else []
        rest = after


def _first(text: str) -> tuple[str | None, str]:
    silent = True
    for token in tokens(text):
        if silent and token.sort == "other" and token.text == ".":
            line, _, after = text[token.start :].partition("\n")
            return line.strip(), after
        if token.sort == "other" and token.text == ";":
            end = token.start + 1
            return (text[:end].strip() if not silent else ""), text[end:]
        silent = silent and token.sort in _SILENT
    return None, text


def whole(text: str) -> bool:
    """Whether Enter should run the text: nothing is left open. An empty last line ends a statement too."""
    if any(token.open for token in tokens(text)):
        return False
    _, rest = split(text)
    return not rest or (text.endswith("\n") and not text.rsplit("\n", 2)[-2].strip())

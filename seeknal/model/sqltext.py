"""SQL expressions that people write into fields and options, as text: what stands in one, before DuckDB has parsed it.

Decides what may be put between parentheses in a larger query: exactly one expression, without comments, so that it cannot
reach out of its parentheses. Finds the names that it mentions, for another text to be put in their place. Whether the
expression means something is DuckDB's business.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"""(?P<space>\s+) | (?P<comment>--|/\*) | (?P<text>[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*') | (?P<quoted>"(?:[^"]|"")+")
    | (?P<word>[^\W\d][\w$]*) | (?P<number>\d[\w.]*) | (?P<symbol>::|.)""",
    re.VERBOSE | re.DOTALL,
)
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_FAULTS = {
    ";": "a semicolon ends it: one expression is allowed",
    "#": "# stands for no column: write its name",
    "$": "$ begins a parameter or a quoting that is not allowed here: write a text in '...'",
    "'": "a quote is not closed",
    '"': "a quote is not closed",
}


class Token(NamedTuple):
    """A piece of the text: its sort, where it begins and ends."""

    sort: str
    text: str
    start: int
    end: int


class Mention(NamedTuple):
    """A name in the text: `a`, `a.b`, `a.b.c` in its parts, less their quotes, and where each part ends."""

    parts: tuple[str, ...]
    start: int
    ends: tuple[int, ...]


def tokens(text: str) -> list[Token]:
    """The pieces of `text` but for space."""
    found = (Token(str(m.lastgroup), m[0], m.start(), m.end()) for m in _TOKEN.finditer(text))
    return [token for token in found if token.sort != "space"]


def fault(text: str) -> str | None:
    """Why `text` is not one expression; None when nothing speaks against it."""
    found = tokens(text)
    if not found:
        return "it is empty"
    for token in found:
        if token.sort == "comment":
            return "comments are not allowed here"
        if token.sort == "symbol" and token.text in _FAULTS:
            return _FAULTS[token.text]
    return _unbalanced(found)


def _unbalanced(found: list[Token]) -> str | None:
    waiting: list[str] = []
    for token in found:
        if token.sort != "symbol":
            continue
        if token.text in _CLOSING:
            waiting.append(_CLOSING[token.text])
        elif token.text in _CLOSING.values() and (not waiting or waiting.pop() != token.text):
            return f"{token.text} closes nothing"
        elif token.text == "," and not waiting:
            return "a comma ends it: one expression is allowed"
    return f"{waiting[-1]} is missing" if waiting else None


def mentions(text: str) -> Iterator[Mention]:
    """The names in `text` that may be columns: not of functions, not of types before a literal or after `::`."""
    found = tokens(text)
    place = 0
    while place < len(found):
        chain = _chain(found, place)
        if not chain:
            place += 1
            continue
        before = found[place - 1] if place else None
        place += 2 * len(chain) - 1
        after = found[place] if place < len(found) else None
        if not _no_column(before, chain, after):
            yield Mention(tuple(map(_plain, chain)), chain[0].start, tuple(token.end for token in chain))


def _chain(found: list[Token], place: int) -> list[Token]:
    chain: list[Token] = []
    while place < len(found) and found[place].sort in ("word", "quoted"):
        chain.append(found[place])
        if place + 1 >= len(found) or found[place + 1].text != ".":
            break
        place += 2
    return chain


def _no_column(before: Token | None, chain: list[Token], after: Token | None) -> bool:
    if before is not None and before.text in (".", "::"):
        return True
    return after is not None and (after.text == "(" or (after.sort == "text" and chain[-1].sort == "word"))


def _plain(token: Token) -> str:
    return token.text[1:-1].replace('""', '"') if token.sort == "quoted" else token.text


def substitute(text: str, other: Callable[[Mention], tuple[int, str] | None]) -> str:
    """`text` with other text for its names: `other` says how many parts of a name it stands for, and the text."""
    done, place = "", 0
    for mention in mentions(text):
        found = other(mention)
        if found:
            parts, new = found
            done += text[place : mention.start] + new
            place = mention.ends[parts - 1]
    return done + text[place:]


def placeholders(text: str) -> Iterator[tuple[str, int, int]]:
    """Every `{name}`: the name, where it begins and ends."""
    found = tokens(text)
    for left, name, right in zip(found, found[1:], found[2:], strict=False):
        if (left.text, right.text) == ("{", "}") and name.sort in ("word", "quoted"):
            yield _plain(name), left.start, right.end


def filled(text: str, values: Callable[[str], str]) -> str:
    """`text` with a value for every `{name}`."""
    done, place = "", 0
    for name, start, end in placeholders(text):
        done += text[place:start] + values(name)
        place = end
    return done + text[place:]

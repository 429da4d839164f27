"""Which tables a statement mentions: only these are attached to answer it.

Decides by the words of the text, so that it takes every form of SQL; a word too many costs time, never an answer. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from seeknal.model.sqltree import words
from seeknal.repl.text import Token, spoken

_DEPTH = 3
_NAMING = ("word", "quoted")


def mentioned(sql: str, known: Iterable[str]) -> set[str]:
    """Those of the names (`transform_x`, `transform.x`, any case) that the statement mentions, also in texts: query('...')."""
    spelled = {name.lower(): name for name in known}
    return {spelled[word] for word in _words(sql, _DEPTH) if word in spelled}


def _words(sql: str, depth: int) -> Iterator[str]:
    found = spoken(sql)
    for i, token in enumerate(found):
        if token.sort in _NAMING:
            yield name_of(token)
            if i + 2 < len(found) and found[i + 1].text == "." and found[i + 2].sort in _NAMING:
                yield f"{name_of(token)}.{name_of(found[i + 2])}"
        elif token.sort == "string" and depth:
            yield from _words(token.text.strip("eE").strip("'$"), depth - 1)


def name_of(token: Token) -> str:
    """The name that a word or a quoted name says, in small letters: DuckDB takes any case."""
    return token.text.removeprefix('"').removesuffix('"').replace('""', '"').lower()


def chain(heard: Sequence[Token], i: int) -> list[Token]:
    """The names of a dotted name that begins at a token: `a.b.c`; none where no name is."""
    found: list[Token] = []
    while i < len(heard) and heard[i].sort in _NAMING:
        found.append(heard[i])
        if i + 2 >= len(heard) or heard[i + 1].text != ".":
            break
        i += 2
    return found


class _Level(NamedTuple):
    """Between two parentheses: whether a table comes next, whether one does after a comma, whether FROM is a function's."""

    next: bool = False
    listing: bool = False
    function: bool = False


def table_places(heard: Sequence[Token]) -> Iterator[int]:
    """The tokens with which a table begins (a name, or the text of a path): those after FROM, JOIN, a comma in FROM."""
    levels = [_Level()]
    for i, token in enumerate(heard):
        now, before = levels[-1], heard[i - 1].text.upper() if i else ""
        word = token.text.upper() if token.sort == "word" and before != "." else ""
        if token.text == "(":
            levels.append(_Level(now.next, now.next, before in _FROM_WITHIN))
        elif token.text == ")":
            levels[-2:] = [levels[-2:][0]._replace(next=False)]
        elif token.text == ",":
            levels[-1] = now._replace(next=now.listing)
        elif word in _TABLE_NEXT and not now.function and before != "DISTINCT":
            levels[-1] = now._replace(next=True, listing=now.listing or word in ("FROM", "JOIN"))
        elif word in _NO_LISTING:
            levels[-1] = now._replace(next=False, listing=word == "WITH" and now.listing)
        elif now.next and word not in ("LATERAL", "ONLY"):
            levels[-1] = now._replace(next=False)
            if token.sort in (*_NAMING, "string"):
                yield i


def aliases(sql: str, known: Mapping[str, object]) -> dict[str, str]:
    """What stands for a table in a statement: its own name and its alias, in small letters -> the known name."""
    spelled = {name.lower(): name for name in known}
    found: dict[str, str] = {}
    heard = spoken(sql)
    for i in range(len(heard)):
        name, after = _table_at(heard, i, spelled)
        if name is None:
            continue
        found[name.lower().rpartition(".")[2]] = found[name.lower()] = name
        after += after < len(heard) and heard[after].text.upper() == "AS"
        alias = heard[after] if after < len(heard) else None
        if alias and alias.sort in _NAMING and alias.text.upper() not in _NO_ALIAS:
            found[name_of(alias)] = name
    return found


def _table_at(heard: list[Token], i: int, spelled: Mapping[str, str]) -> tuple[str | None, int]:
    """The known name that begins at a token, and the token after it."""
    if heard[i].sort not in _NAMING:
        return None, i
    for size in (5, 3, 1):
        part = heard[i : i + size]
        if len(part) == size and all(token.text == "." for token in part[1::2]):
            name = spelled.get(".".join(name_of(token) for token in part[::2]))
            if name:
                return name, i + size
    return None, i


_FROM_WITHIN = words("EXTRACT SUBSTRING TRIM OVERLAY POSITION")
_TABLE_NEXT = words("FROM JOIN TABLE DESCRIBE SUMMARIZE SHOW PIVOT UNPIVOT")
_NO_LISTING = words(
    "SELECT WHERE GROUP ORDER HAVING LIMIT OFFSET QUALIFY WINDOW UNION EXCEPT INTERSECT VALUES EXPLAIN WITH"
)
_NO_ALIAS = words("""
    WHERE GROUP ORDER HAVING LIMIT OFFSET QUALIFY WINDOW UNION EXCEPT INTERSECT JOIN LEFT RIGHT FULL INNER OUTER CROSS
    NATURAL ASOF ANTI SEMI POSITIONAL ON USING SELECT FROM AS TABLESAMPLE SAMPLE PIVOT UNPIVOT
""")

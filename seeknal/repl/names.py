"""Which tables a statement mentions: only these are attached to answer it.

Decides by the words of the text, so that it takes every form of SQL; a word too many costs time, never an answer. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

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


_NO_ALIAS = words("""
    WHERE GROUP ORDER HAVING LIMIT OFFSET QUALIFY WINDOW UNION EXCEPT INTERSECT JOIN LEFT RIGHT FULL INNER OUTER CROSS
    NATURAL ASOF ANTI SEMI POSITIONAL ON USING SELECT FROM AS TABLESAMPLE SAMPLE PIVOT UNPIVOT
""")

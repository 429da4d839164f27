"""What may come next in a statement or a command: tables, columns, keywords. Pure: a text and what is known -> candidates.

Decides by the words before the cursor; columns are those of the tables that the whole statement names.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from seeknal.model.sqltree import words as words_of
from seeknal.repl.names import aliases, name_of
from seeknal.repl.text import Token, spoken, tokens

Schema = Sequence[tuple[str, str]]
KEYWORDS = tuple(
    """
    SELECT|FROM|WHERE|GROUP BY|ORDER BY|HAVING|LIMIT|OFFSET|WITH|RECURSIVE|AS|DISTINCT|ALL|JOIN|LEFT JOIN|RIGHT JOIN|
    FULL JOIN|INNER JOIN|CROSS JOIN|ASOF JOIN|ANTI JOIN|SEMI JOIN|NATURAL JOIN|ON|USING|UNION ALL|UNION|EXCEPT|INTERSECT|
    QUALIFY|WINDOW|OVER|PARTITION BY|ROWS BETWEEN|RANGE BETWEEN|CASE|WHEN|THEN|ELSE|END|AND|OR|NOT|IN|IS NULL|
    IS NOT NULL|LIKE|ILIKE|BETWEEN|EXISTS|CAST|TRY_CAST|EXCLUDE|REPLACE|ASC|DESC|NULLS LAST|NULLS FIRST|FILTER|VALUES|
    DESCRIBE|SUMMARIZE|EXPLAIN|EXPLAIN ANALYZE|SHOW TABLES|PIVOT|UNPIVOT|USING SAMPLE|TRUE|FALSE|NULL|DATE|TIMESTAMP|
    INTERVAL|count(*)|count|sum|avg|min|max|round|coalesce|date_trunc|row_number|lag|lead
    """.replace("\n", "")
    .replace("    ", "")
    .split("|")
)
# After these words a table comes; a comma after one of them asks for another.
_TABLE = frozenset({"FROM", "JOIN", "DESCRIBE", "SUMMARIZE", "SHOW", "TABLE", "PIVOT", "UNPIVOT", "EXPLAIN"})
_CLAUSE = _TABLE | {"SELECT", "WHERE", "ON", "BY", "HAVING", "LIMIT", "USING", "QUALIFY", "VALUES", "WITH", "AND", "OR"}
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_MANY = 300


class Known(NamedTuple):
    """Tables with their columns; what dot-commands there are, each with the words that its argument may be."""

    tables: Mapping[str, Schema]
    commands: Mapping[str, Sequence[str]] = {}


class Candidate(NamedTuple):
    """A word that may stand from `start` (counted back from the cursor) on, and what it is."""

    text: str
    start: int
    what: str


def candidates(before: str, after: str, known: Known) -> list[Candidate]:
    """What may stand at the cursor, the likeliest first."""
    if before.lstrip().startswith("."):
        return _command(before.lstrip(), known)
    found = list(tokens(before))
    last = found[-1] if found else None
    if last and last.open and last.sort != "quoted":
        return []
    if last and last.sort == "comment" and not before.endswith("\n"):
        return []
    typed = last.text if last and (last.sort == "word" or (last.sort == "quoted" and last.open)) else ""
    words = spoken(before[: len(before) - len(typed)])
    made = _made(words, typed.strip('"').lower(), before + after, known)
    unique: dict[str, str] = {}
    for _, text, what in sorted(made, key=lambda item: item[0]):
        unique.setdefault(_cased(text, typed, what), what)
    return [Candidate(text, -len(typed), what) for text, what in [*unique.items()][:_MANY]]


def _command(before: str, known: Known) -> list[Candidate]:
    word, space, argument = before.partition(" ")
    if not space:
        return [Candidate(name, -len(word), "command") for name in known.commands if name.startswith(word)]
    options = known.commands.get(word, ())
    return [Candidate(name, -len(argument), "") for name in options if name.lower().startswith(argument.lower())]


_Made = Iterator[tuple[int, str, str]]


def _made(words: list[Token], typed: str, whole: str, known: Known) -> _Made:
    """(rank, text, what) of everything that fits."""
    if words and words[-1].text == ".":
        yield from _qualified(words, typed, whole, known)
        return
    if _wants_table(words):
        yield from _tables(typed, known)
        yield from ((1, name, "query") for name in _queries(whole) if name.startswith(typed))
        if not typed or words[-1].text.upper() != "EXPLAIN":
            return
    here = aliases(whole, known.tables)
    yield from _columns(here, typed, known)
    if typed:
        yield from ((4, word, "keyword") for word in KEYWORDS if word.lower().startswith(typed))
        yield from ((rank + 5, text, what) for rank, text, what in _tables(typed, known))


def _qualified(words: list[Token], typed: str, whole: str, known: Known) -> _Made:
    """After `x.`: the columns of x, or the tables of the kind or connection x."""
    owner = _owner(words)
    table = aliases(whole, known.tables).get(owner)
    if table:
        yield from ((0, quoted(name), type_) for name, type_ in known.tables[table] if name.lower().startswith(typed))
    for name in known.tables:
        head, dot, rest = name.rpartition(".")
        if dot and head.lower() == owner and rest.lower().startswith(typed):
            yield 1, quoted(rest), "table"
        elif head.lower().startswith(f"{owner}.") and rest:
            yield 2, quoted(head[len(owner) + 1 :].partition(".")[0]), "schema"


def _owner(words: list[Token]) -> str:
    """What stands before the last dot: `x`, or `x.y`."""
    parts: list[str] = []
    while len(words) > 1 and words[-1].text == "." and words[-2].sort in ("word", "quoted"):
        parts.insert(0, name_of(words[-2]))
        words = words[:-2]
    return ".".join(parts)


def _wants_table(words: list[Token]) -> bool:
    """Whether a table comes next: after FROM and its like, or after a comma in what they list."""
    if not words:
        return False
    if words[-1].text != ",":
        return words[-1].text.upper() in _TABLE
    depth = 0
    for token in reversed(words):
        depth += {")": 1, "(": -1}.get(token.text, 0)
        if depth < 0:
            return False
        if not depth and token.sort == "word" and token.text.upper() in _CLAUSE:
            return token.text.upper() in ("FROM", "JOIN")
    return False


def _tables(typed: str, known: Known) -> _Made:
    """Tables whose name begins so, then those that hold it."""
    for name in known.tables:
        head, _, _rest = name.rpartition(".")
        if name.lower().startswith(typed):
            yield 2 if head else 0, _dotted(name), "table"
        elif typed and not head and typed in name.lower():
            yield 1, quoted(name), "table"


def _queries(whole: str) -> list[str]:
    """The names that WITH gives."""
    words = spoken(whole)
    if not words or words[0].text.upper() != "WITH":
        return []
    return [a.text for a, b in itertools.pairwise(words) if b.text.upper() == "AS" and a.sort == "word"]


def _columns(here: Mapping[str, str], typed: str, known: Known) -> _Made:
    """The columns of the tables that are named; of all while none is named yet and something is typed."""
    tables = dict.fromkeys(here.values())
    if not tables and not typed:
        return
    named: Mapping[str, object] = tables or known.tables
    for table in named:
        for name, type_ in known.tables[table]:
            if name.lower().startswith(typed):
                yield 0 if tables else 3, quoted(name), f"{type_}, {table}" if len(named) > 1 else type_
    for alias, table in here.items():
        if alias != table.lower() and "." not in alias and alias.startswith(typed):
            yield 2, alias, table


def quoted(name: str) -> str:
    """A name as it must be written."""
    if _PLAIN.fullmatch(name.lower()) and name.upper() not in _RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'


def _dotted(name: str) -> str:
    return ".".join(map(quoted, name.split(".")))


def _cased(text: str, typed: str, what: str) -> str:
    """A keyword in small letters for those who write small letters."""
    return text.lower() if what == "keyword" and typed and typed == typed.lower() else text


_RESERVED = words_of("""
    ALL AND ANY AS ASC CASE CAST CHECK COLLATE COLUMN CONSTRAINT CREATE DEFAULT DESC DESCRIBE DISTINCT DO ELSE END EXCEPT
    FALSE FETCH FOR FOREIGN FROM GROUP HAVING IN INTERSECT INTO LIMIT NOT NULL OFFSET ON ONLY OR ORDER PIVOT PRIMARY
    QUALIFY REFERENCES RETURNING SELECT SHOW SOME SUMMARIZE TABLE THEN TO TRAILING TRUE UNION UNIQUE UNPIVOT USING WHEN
    WHERE WINDOW WITH
""")

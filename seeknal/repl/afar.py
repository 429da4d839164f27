"""Which tables of servers a statement names, and whether all of it is one server's business: then that server gets it whole.

Decides by tokens, so that nothing is taken for a table in a literal, a comment, or where no table can stand. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from seeknal.errors import BuildFailed
from seeknal.model.lowering import quoted
from seeknal.repl.names import chain, name_of, table_places
from seeknal.repl.text import Token, spoken
from seeknal.repl.wrong import meant

if TYPE_CHECKING:
    from seeknal.repl.connect import Connected

# Statements that begin so can be a server's own; what begins otherwise is DuckDB's.
_ASKS = ("SELECT", "WITH", "VALUES", "TABLE", "(", "EXPLAIN")
# Functions of ours and of DuckDB that give tables.
_OURS = ("ref", "query", "query_table", "glob")


class Mention(NamedTuple):
    """A table of a server where a statement names it: from `start` to `end`, as `spelled` (names without quotes)."""

    connected: Connected
    start: int
    end: int
    spelled: tuple[str, ...]
    table: tuple[str, str]


def mentions(sql: str, server: Callable[[str], Connected | None]) -> list[Mention]:
    """The tables of servers that a statement names, in its order; `server` says what a first name stands for.

    Raises BuildFailed for a table that is not there.
    """
    heard = spoken(sql)
    found: dict[int, Mention] = {}
    for i in table_places(heard):
        parts = chain(heard, i)
        connected = server(name_of(parts[0])) if len(parts) > 1 and not _called(heard, i, parts) else None
        if connected:
            found[parts[0].start] = _mention(connected, parts)
    known = {spelled: m for m in found.values() for spelled in _spellings(m)}
    for parts, starred in _chains(heard) if found else ():
        for size in (3, 2):  # before the name of a column, or a star
            named = known.get(tuple(map(name_of, parts[:size]))) if len(parts) + starred > size else None
            if named:
                found.setdefault(parts[0].start, _placed(named.connected, parts[:size], named.table))
    return [found[start] for start in sorted(found)]


def _mention(connected: Connected, parts: Sequence[Token]) -> Mention:
    found = _found(connected, parts)
    if found is None and connected.server:
        connected.server.look()  # it may be new
        found = _found(connected, parts)
    if found is None:
        names = ".".join(map(_plain, parts))
        raise BuildFailed(f"there is no table {names}{meant(names, connected.tables)}", reason="sql_wrong")
    return found


def _found(connected: Connected, parts: Sequence[Token]) -> Mention | None:
    """The longest name that is a table: `shop.public.orders`, or `shop.orders` in the connection's own schema."""
    server = connected.server
    names = [_plain(token) for token in parts]
    table = server.find(names[1], names[2]) if server and len(names) > 2 else None
    if table:
        return _placed(connected, parts[:3], table)
    table = server.find(None, names[1]) if server else None
    return _placed(connected, parts[:2], table) if table else None


def _placed(connected: Connected, parts: Sequence[Token], table: tuple[str, str]) -> Mention:
    last = parts[-1]
    return Mention(connected, parts[0].start, last.start + len(last.text), tuple(map(_plain, parts)), table)


def _plain(token: Token) -> str:
    return token.text[1:-1].replace('""', '"') if token.sort == "quoted" else token.text


def _spellings(mention: Mention) -> Iterator[tuple[str, ...]]:
    """All names of a table, in small letters."""
    name, (schema, table) = mention.connected.name.lower(), mention.table
    yield name, schema.lower(), table.lower()
    if mention.connected.server and schema == mention.connected.server.own:
        yield name, table.lower()


def _chains(heard: Sequence[Token]) -> Iterator[tuple[list[Token], bool]]:
    """All dotted names, and whether a star comes after one."""
    i = 0
    while i < len(heard):
        parts = chain(heard, i)
        i += max(2 * len(parts) - 1, 1)
        if parts:
            yield parts, [token.text for token in heard[i : i + 2]] == [".", "*"]


def _called(heard: Sequence[Token], i: int, parts: Sequence[Token]) -> bool:
    """Whether the name is a function's."""
    after = i + 2 * len(parts) - 1
    return after < len(heard) and heard[after].text == "("


def pushed(sql: str, named: Sequence[Mention]) -> str | None:
    """The statement as the one server reads it that has all of its tables; None where there is more to it."""
    heard = spoken(sql)
    if len({mention.connected.name for mention in named}) != 1 or not _theirs(heard, named):
        return None
    start = "" if heard[0].text.upper() in _ASKS else "SELECT * "
    return start + without(sql, named)


def without(sql: str, named: Sequence[Mention]) -> str:
    """The statement with the tables as their server spells them, and no semicolon."""
    heard = spoken(sql)
    ends = [token for token in heard if token.text != ";"]
    text = sql[: ends[-1].start + len(ends[-1].text)]
    for mention in reversed(named):
        text = text[: mention.start] + ".".join(map(quoted, mention.table)) + text[mention.end :]
    return text[heard[0].start :]


def _theirs(heard: list[Token], named: Sequence[Mention]) -> bool:
    first = heard[0].text.upper()
    words = {token.text.upper() for token in heard if token.sort == "word"}
    if first not in _ASKS and not (first == "FROM" and "SELECT" not in words):
        return False
    starts = {mention.start for mention in named}
    queries = _queries(heard)
    for i in table_places(heard):
        parts = chain(heard, i)
        if heard[i].start in starts:
            continue
        if parts and _called(heard, i, parts):
            name = name_of(parts[0])
            if name in _OURS or name.startswith(("read_", "duckdb_")):
                return False
        elif len(parts) != 1 or name_of(parts[0]) not in queries:
            return False
    return True


def _queries(heard: Sequence[Token]) -> set[str]:
    """The names that WITH gives, with or without names of columns, MATERIALIZED or not."""
    found = set()
    for i, token in enumerate(heard[1:-1], 1):
        if token.text.upper() == "AS" and heard[i + 1].text.upper() in ("(", "MATERIALIZED", "NOT"):
            at = i - 1
            if heard[at].text == ")":
                while at > 1 and heard[at].text != "(":
                    at -= 1
                at -= 1
            found.add(name_of(heard[at]))
    return found

"""What DuckDB says against a statement, as it is told to a person: what is wrong, did you mean, and where. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from seeknal.errors import nearest

_HEAD = re.compile(r"[A-Z][A-Za-z ]* Error: ")
_TABLE = re.compile(r"Table with name \"?(.+?)\"? does not exist")
_SCHEMA = re.compile(r"(?:Schema with name|Catalog) \"?(.+?)\"? does not exist!?")
_COLUMN = re.compile(
    r'Referenced column "(.+?)" (?:was )?not found|(?:Table|Values list) "(?:.+?)" does not have a column named "(.+?)"'
    r'|^column "?(?:[^". ]+\.)*(.+?)"? does not exist$|^no such column: (?:\S+\.)*(\S+)$'
)
_NAMES = re.compile(r'Candidate bindings: :? ?((?:".+?"(?:, )?)+)')
_FORBIDDEN = re.compile(r"file system operations are disabled|Loading external extensions is disabled")
_LOCKED = re.compile(r"the configuration has been locked")


def told(message: str, tables: Iterable[str], columns: Iterable[str]) -> str:
    """The message for a person; `tables` are the names that could have been meant, `columns` those of the tables named."""
    said, _, place = message.partition("\n\nLINE ")
    where = "".join(f"\n  {line}" for line in f"LINE {place}".rstrip().splitlines()) if place else ""
    return _sentence(_HEAD.sub("", said, count=1).strip(), [*tables], [*columns]) + where


def _sentence(said: str, tables: list[str], columns: list[str]) -> str:
    table = _TABLE.search(said) or _SCHEMA.search(said)
    if table:
        return f"there is no table {table[1]}{meant(table[1], tables)}"
    column = _COLUMN.search(said)
    if column:
        return _column(next(filter(None, column.groups())), said, columns)
    if _FORBIDDEN.search(said):
        return f"{said}: the repl reads published tables and what .connect added, nothing else"
    if _LOCKED.search(said):
        return f"{said}: settings cannot be changed here"
    return said


def meant(word: str, tables: Collection[str]) -> str:
    """The table that was meant: also one whose name without its kind is near."""
    short = {name.partition("." if "." in name else "_")[2].lower(): name for name in reversed([*tables])}
    return _near(word, {**short, **{name.lower(): name for name in tables}}) or ": .tables shows what there is"


def _near(word: str, spelled: dict[str, str]) -> str:
    near = nearest(word.lower(), spelled).removeprefix(" (did you mean ").removesuffix("?)")
    return f" (did you mean {spelled[near]}?)" if near else ""


def _column(word: str, said: str, columns: list[str]) -> str:
    near = _near(word, {name.lower(): name for name in columns})
    if near:
        return f'there is no column "{word}"{near}'
    names = _NAMES.search(said)
    return f'there is no column "{word}"' + (f"; near are {names[1]}" if names else "")

"""The grammar that kinds of aggregation share: features and their members, days, aggregate words, conditions.

Decides what a person may write there, and says which member is wrong and what is allowed. Makes no queries.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from seeknal.errors import nearest
from seeknal.model.lowering import Path, Wrong

T = TypeVar("T")

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ID = re.compile(r"[a-z_]+\.[A-Za-z_][A-Za-z0-9_-]*")
_NOTES = ("description", "owner", "tags", "type", "dtype")
# The tokens of an expression as DuckDB reads it, as far as they can hide or open something; others are single characters.
_TOKEN = re.compile(
    r"""[eE]'(?:[^'\\]|\\.|'')*' | [eE]' | '(?:[^']|'')*' | "(?:[^"]|"")*" | [^\W\d]\w* | -- | /\* | .""",
    re.DOTALL | re.VERBOSE,
)
_QUOTES = ("'", '"', "e'", "E'")
_REFUSED = ("--", "/*", ";", "$", "`", "\0")
_CLOSING = {")": "(", "]": "[", "}": "{"}
_OF_NUMBERS = re.compile(r'(CAST\()?"?(sum|avg|stddev)"?\(')
_SAME = {"mean": "avg", "std": "stddev"}


def wrong(path: Path, message: str) -> Wrong:
    """`Wrong` with the name of the member in front of the message."""
    return Wrong(path, f"{dotted(path)}: {message}")


def dotted(path: Path) -> str:
    """A path as people write it: `features[0].rolling`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def gathered(reads: Iterable[Callable[[], T]]) -> list[T]:
    """What all of these give. Raises an ExceptionGroup with every `Wrong` of them."""
    found, wrongs = [], []
    for read in reads:
        try:
            found.append(read())
        except Wrong as one:
            wrongs.append(one)
    if wrongs:
        raise ExceptionGroup("wrong fields", wrongs)
    return found


def source_of(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """The node that the field `source` names, if there is such a field."""
    value = fields.get("source")
    if value is None:
        return ()
    text = value.strip().removeprefix("ref:").strip() if isinstance(value, str) else ""
    if not _ID.fullmatch(text):
        raise wrong(("source",), f"{value!r} is not a node: write kind.name, as in transform.rides")
    return (text,)


def mapping(value: Any, allowed: Iterable[str], path: Path) -> Mapping[str, Any]:
    """A mapping with members of these names only; notes (a description, a type) may stand beside them."""
    allowed = tuple(allowed)
    if not isinstance(value, Mapping):
        raise wrong(path, f"a mapping is needed, with {', '.join(allowed)}")
    for name in value:
        if name not in (*allowed, *_NOTES):
            text = f"this is not known{nearest(str(name), allowed)}; allowed are {', '.join(allowed)}"
            raise wrong((*path, str(name)), text)
    return value


def mappings(value: Any, allowed: Iterable[str], path: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """One mapping, or a list of them, each with its path."""
    allowed = tuple(allowed)
    items = value if isinstance(value, list) else [value]
    for i, item in enumerate(items):
        at = (*path, i) if isinstance(value, list) else path
        yield at, mapping(item, allowed, at)


def column(value: Any, path: Path) -> str:
    """The name of a column; any text can be one."""
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise wrong(path, f"{value!r} is not the name of a column")
    return value


def aggregates(value: Any, path: Path, allowed: tuple[str, ...]) -> list[str]:
    """One aggregate word or a list of them, by the names that DuckDB has for them."""
    return [function(word) for word in words(value, path, allowed)]


def words(value: Any, path: Path, allowed: tuple[str, ...] = ()) -> list[str]:
    """One aggregate word or a list of them, as written: of `allowed`, or any that DuckDB may know."""
    given = value if isinstance(value, list) else [value]
    shown = f"allowed are {', '.join(allowed)}" if allowed else "write the names of aggregate functions, as in [sum]"
    if not given or value is None:
        raise wrong(path, f"this is missing: {shown}")
    for word in given:
        if not isinstance(word, str) or not _WORD.fullmatch(word) or (allowed and word.lower() not in allowed):
            raise wrong(path, f"{word!r} is not an aggregate that can stand here: {shown}")
    return given


def function(word: str) -> str:
    """The name that DuckDB's function for an aggregate word has."""
    return _SAME.get(word.lower(), word.lower())


def days(value: Any, path: Path) -> int:
    """A number of days: `7` or `7d`."""
    text = str(value).strip().lower().removesuffix("d") if type(value) in (int, str) else ""
    if not re.fullmatch("[0-9]{1,6}", text):
        raise wrong(path, f"{value!r} is not a number of days: write 7 or 7d")
    return int(text)


def many_days(value: Any, path: Path) -> list[int]:
    """A number of days, or a list of them."""
    if value is None or value == []:
        raise wrong(path, "this is missing: write days, as in [7, 30]")
    return [days(item, path) for item in (value if isinstance(value, list) else [value])]


def span(value: Any, path: Path) -> tuple[int, int]:
    """A window `[lo, hi]` of days."""
    if not isinstance(value, list) or len(value) != 2:
        raise wrong(path, f"{value!r} is not a window: write the nearest and the farthest day, as in [1, 7]")
    low, high = days(value[0], path), days(value[1], path)
    if low > high:
        raise wrong(path, f"the window [{low}, {high}] has no days: the smaller number comes first")
    return low, high


def condition(value: Any, path: Path) -> str:
    """An expression of a person's own in brackets, which it cannot leave; what it means is for DuckDB to say."""
    if not isinstance(value, str) or not value.strip():
        raise wrong(path, f"{value!r} is not a condition: write an SQL expression, as in minutes > 10")
    tokens = _TOKEN.findall(value)
    why = _escape(tokens)
    if why:
        raise wrong(path, f"{why}: a condition is one SQL expression, as in minutes > 10")
    return f"({''.join(' ' if token.isspace() else token for token in tokens)})"


def conditions(features: Any) -> dict[str, Path]:
    """The conditions of features that were read without an error, each with the path that leads to it."""
    found: dict[str, Path] = {}
    for key, feature in features.items() if isinstance(features, Mapping) else enumerate(features):
        for at, item in mappings(
            feature.get("since") or [], ("condition", "aggs", "functions"), ("features", key, "since")
        ):
            if item.get("condition"):
                found.setdefault(condition(item["condition"], at), (*at, "condition"))
    return found


def _escape(tokens: list[str]) -> str:
    """How an expression would leave its brackets, or nothing."""
    opened: list[str] = []
    for token in tokens:
        if token in _QUOTES:
            return f"the quote {token} is not closed"
        if token in _REFUSED:
            return f"{token!r} cannot stand in it"
        if token in _CLOSING.values():
            opened.append(token)
        elif token in _CLOSING and (not opened or opened.pop() != _CLOSING[token]):
            return f"{token} closes nothing"
    return f"{opened[-1]} is not closed" if opened else ""


def distinct(names: Iterable[str], taken: Iterable[str]) -> list[str]:
    """The names, each with a number behind it where it is taken already: `x`, `x_1`, `x_2`."""
    used = {name.lower() for name in taken}
    found = []
    for name in names:
        fresh, count = name, 0
        while fresh.lower() in used:
            count += 1
            fresh = f"{name}_{count}"
        used.add(fresh.lower())
        found.append(fresh)
    return found


@dataclass(frozen=True, slots=True)
class Needs:
    """The columns that fields name, each with the path of its field; those of `numbers` must not be text."""

    columns: dict[str, Path]
    numbers: dict[str, Path] = field(default_factory=dict)

    def note(self, name: str, path: Path, aggregates: list[str]) -> None:
        """Add a column that these aggregates (SQL) are of."""
        if aggregates:
            self.columns.setdefault(name, path)
        if any(_OF_NUMBERS.match(sql) for sql in aggregates):
            self.numbers.setdefault(name, path)

    def traits(self, features: Any) -> dict[str, Any]:
        """What a node tells of its fields, for messages."""
        return {
            "sql": ("features",),
            "needs": self.columns,
            "numbers": self.numbers,
            "texts": conditions(features),
        }

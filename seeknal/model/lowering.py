"""What every kind's `lower` gives and raises, and the small grammar that kinds share.

Never looks at a file or an engine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any

from seeknal.model.node import Recipe

Path = tuple[str | int, ...]

# Values that differ in every run: these words stand in definitions and keys, the values are put in at execution.
RUN_ID, RUN_DATE = "__seeknal_run_id__", "__seeknal_run_date__"
# The same for the bounds of the interval that is built; the interval itself is in the key.
BOUNDS = {
    "start_date": "__seeknal_start_date__",
    "end_date": "__seeknal_end_date__",
    "interval_start": "__seeknal_interval_start__",
    "interval_end": "__seeknal_interval_end__",
}
MIDNIGHT = time()


def in_this_run(value: Any, run_id: str, as_of: datetime, interval: tuple[str, str] | None = None) -> Any:
    """`value` with the run's name and time put in, and the bounds of the interval that is built; a clock that was set to
    a day is that day."""
    when = as_of.isoformat() if as_of.time() != MIDNIGHT else as_of.date().isoformat()
    return _put_in(value, {RUN_ID: run_id, RUN_DATE: when, **_bounds(interval)})


def _bounds(interval: tuple[str, str] | None) -> dict[str, str]:
    if interval is None:
        return {}
    start, end = (moment.removesuffix("Z").replace("T", " ") for moment in interval)
    return dict(zip(BOUNDS.values(), (start[:10], end[:10], start, end), strict=True))


def _put_in(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for token, word in words.items():
            value = value.replace(token, word)
        return value
    if isinstance(value, Mapping):
        return {name: _put_in(item, words) for name, item in value.items()}
    return [_put_in(item, words) for item in value] if isinstance(value, (list, tuple)) else value


def as_written(text: str) -> str:
    """A message with the words for what differs in every run as a person writes them."""
    return text.replace(RUN_ID, "{{ run_id }}").replace(RUN_DATE, "{{ run_date }}")


class Wrong(Exception):
    """A field is wrong: `path` leads to it, the message says what is allowed."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


@dataclass(frozen=True, slots=True)
class Lowered:
    """A recipe, and traits that other parts of the tool may ask for (never part of a key)."""

    recipe: Recipe
    traits: Mapping[str, Any] = field(default_factory=dict)


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def path_literal(path: str) -> str:
    """A path as an SQL string that DuckDB takes as it is, not as a pattern."""
    return literal(without_pattern(path))


def without_pattern(path: str) -> str:
    """A path as the pattern that matches just this path."""
    return re.sub(r"([*?\[])", r"[\1]", path)


_BASES = (
    "bigint|int8|long|integer|int4|int|signed|smallint|int2|short|tinyint|int1|hugeint|uhugeint|ubigint|uinteger|"
    "usmallint|utinyint|double|float8|float|float4|real|decimal|numeric|boolean|bool|logical|varchar|char|bpchar|text|"
    "string|blob|bytea|binary|varbinary|date|time|timetz|timestamp|timestamptz|datetime|timestamp_s|timestamp_ms|"
    "timestamp_ns|timestamp with time zone|time with time zone|interval|uuid|json|bit|bitstring"
)
_SIMPLE = re.compile(rf"({_BASES})(\s*\(\s*\d+\s*(,\s*\d+\s*)?\))?(\[\d*\])*", re.IGNORECASE)
_NESTED = re.compile(r"(struct|map|union|enum)\s*\(.*\)(\[\d*\])*", re.IGNORECASE | re.DOTALL)


def is_type(text: str) -> bool:
    """Whether `text` is the name of a DuckDB type, and not a description that happens to stand in its place."""
    return bool(_SIMPLE.fullmatch(text.strip()) or _NESTED.fullmatch(text.strip()))


def declared_types(columns: Mapping[str, Any] | None) -> dict[str, str]:
    """The types among `columns` (`name: BIGINT`, `name: {dtype: BIGINT}`), normalised to upper case."""
    found: dict[str, str] = {}
    for name, value in (columns or {}).items():
        text = value.get("dtype", value.get("type")) if isinstance(value, Mapping) else value
        if isinstance(text, str) and is_type(text):
            found[str(name)] = text.strip() if _NESTED.fullmatch(text.strip()) else " ".join(text.upper().split())
        elif isinstance(value, Mapping) and text is not None:
            raise Wrong(("columns", str(name)), f"{text!r} is not a type that DuckDB knows")
    return found


_WIDE = re.compile(r"\bU?HUGEINT\b(?=[\[\],)]|$)")


def storable(type_: str) -> str:
    """A type as Parquet can hold it: it has no 128-bit integers, and DuckDB would write them (every sum of BIGINT) as
    DOUBLE, losing digits; decimals keep them. In lists, structs and maps too."""
    return _WIDE.sub("DECIMAL(38,0)", type_)


def input_names(inputs: tuple[str, ...]) -> dict[str, str]:
    """The words by which SQL may call its inputs: `input_0`, `input_1`, ..., and `__THIS__` where there is one."""
    names = {f"input_{i}": name for i, name in enumerate(inputs)}
    return {**names, "__THIS__": inputs[0]} if len(set(inputs)) == 1 else names

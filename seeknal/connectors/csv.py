"""CSV files. Declared types are applied while reading; the others are inferred from every row, not from a sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seeknal.model.lowering import Wrong, literal, path_literal, quoted

NAME = "csv"
OPTIONS = (
    "delimiter",
    "delim",
    "sep",
    "header",
    "skip",
    "quote",
    "escape",
    "nullstr",
    "dateformat",
    "timestampformat",
    "encoding",
)
_TEXT = ("delim", "quote", "escape", "nullstr", "dateformat", "timestampformat", "encoding")


def options(params: Mapping[str, Any]) -> dict[str, Any]:
    """Reader options under DuckDB's names."""
    found: dict[str, Any] = {}
    for name, value in params.items():
        if name in ("delimiter", "delim", "sep"):
            if found.setdefault("delim", _text(name, value)) != value:
                raise Wrong(
                    ("params", name), f"{name} is {value!r}, but another of delimiter, delim, sep differs: keep one"
                )
        elif name in _TEXT:
            found[name] = _text(name, value)
        elif name == "header":
            found[name] = _flag(value)
        elif name == "skip":
            found[name] = _count(value)
    return found


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong(("params", name), f"{name} is {value!r}: a text is needed")
    return value


def _flag(value: Any) -> bool:
    if str(value).lower() in ("true", "yes", "on", "1"):
        return True
    if str(value).lower() in ("false", "no", "off", "0"):
        return False
    raise Wrong(("params", "header"), f"header is {value!r}: allowed are true and false")


def _count(value: Any) -> int:
    if isinstance(value, bool) or not str(value).isdigit():
        raise Wrong(("params", "skip"), f"skip is {value!r}: a number of lines is needed")
    return int(value)


def query(paths: Sequence[str], definition: Mapping[str, Any], columns: Sequence[str] | None) -> str:
    """SQL that reads the files. `columns`: the names found in them, when they are known already."""
    types = {name: _READ_AS.get(type_, type_) for name, type_ in definition["types"].items()}
    found = {name.lower(): name for name in columns or ()}
    inner = [f"{literal(found.get(name.lower(), name))}: {literal(type_)}" for name, type_ in types.items()]
    whole = columns is None or any(name.lower() not in {t.lower() for t in types} for name in columns)
    parts = [f"[{', '.join(path_literal(path) for path in paths)}]", f"sample_size={-1 if whole else 20480}"]
    parts += [f"types={{{', '.join(inner)}}}"] if inner else []
    parts += [f"{name}={_value(value)}" for name, value in definition["options"].items()]
    whole_numbers = [found.get(n.lower(), n) for n, type_ in definition["types"].items() if type_ in _READ_AS]
    casts = ", ".join(_whole(name, definition["types"]) for name in whole_numbers)
    return f"SELECT *{f' REPLACE ({casts})' if casts else ''} FROM read_csv({', '.join(parts)})"


# DuckDB reads 1.5 as the whole number 2. Read with decimals first, a fraction can be seen and refused.
_READ_AS = {
    "TINYINT": "DECIMAL(18,6)",
    "SMALLINT": "DECIMAL(18,6)",
    "INTEGER": "DECIMAL(18,6)",
    "INT": "DECIMAL(18,6)",
    "BIGINT": "DECIMAL(38,9)",
    "LONG": "DECIMAL(38,9)",
}


def _whole(name: str, types: Mapping[str, str]) -> str:
    column = quoted(name)
    type_ = next(t for n, t in types.items() if n.lower() == name.lower())
    told = f"error('the value ' || {column} || ' in the column ' || {literal(name)} || ' is no whole number')"
    return f"CASE WHEN {column} <> trunc({column}) THEN {told} ELSE CAST({column} AS {type_}) END AS {column}"


def names_query(paths: Sequence[str], definition: Mapping[str, Any]) -> str:
    """SQL whose columns are those of the files, found without reading more than their beginning."""
    parts = [f"[{', '.join(path_literal(path) for path in paths)}]", "all_varchar=true"]
    parts += [f"{name}={_value(value)}" for name, value in definition["options"].items()]
    return f"SELECT * FROM read_csv({', '.join(parts)})"


def _value(value: Any) -> str:
    return literal(value) if isinstance(value, str) else str(value).lower()


def rounded_query(paths: Sequence[str], definition: Mapping[str, Any], name: str) -> str:
    """SQL that finds a whole number in a column which DOUBLE cannot hold (more than 53 bits)."""
    column = quoted(name)
    held = f"CAST(CAST({column} AS DOUBLE) AS HUGEINT)"
    return (
        f"SELECT {column} FROM ({names_query(paths, definition)}) WHERE length({column}) > 15 "
        f"AND regexp_full_match({column}, '[-+]?[0-9]+') AND TRY_CAST({column} AS HUGEINT) IS DISTINCT FROM {held} LIMIT 1"
    )

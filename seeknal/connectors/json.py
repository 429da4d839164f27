"""JSON files: an array, or an object on each line. Types that are not declared are inferred from every row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seeknal.model.lowering import Wrong, literal, path_literal, quoted

NAME = "json"
OPTIONS = ("format",)
_FORMATS = {"auto": "auto", "newline": "newline_delimited", "newline_delimited": "newline_delimited", "array": "array"}


def options(params: Mapping[str, Any]) -> dict[str, Any]:
    """Reader options under DuckDB's names."""
    word = params.get("format", "auto")
    if word not in _FORMATS:
        raise Wrong(("params", "format"), f"format is {word!r}: allowed are {', '.join(_FORMATS)}")
    return {"format": _FORMATS[word]}


def query(paths: Sequence[str], definition: Mapping[str, Any], columns: Sequence[str] | None) -> str:
    """SQL that reads the files, casting what is declared."""
    files = f"[{', '.join(path_literal(path) for path in paths)}]"
    form = literal(definition["options"]["format"])
    found = {name.lower(): name for name in columns or ()}
    casts = [
        f"CAST({quoted(name)} AS {type_}) AS {quoted(name)}"
        for name, type_ in ((found.get(n.lower(), n), t) for n, t in definition["types"].items())
    ]
    star = f"* REPLACE ({', '.join(casts)})" if casts else "*"
    return f"SELECT {star} FROM read_json({files}, format={form}, sample_size=-1, maximum_sample_files=1000000)"


def names_query(paths: Sequence[str], definition: Mapping[str, Any]) -> str:
    """SQL whose columns are those of the files."""
    return query(paths, {**definition, "types": {}}, None)

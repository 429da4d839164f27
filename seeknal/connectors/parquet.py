"""Parquet files. One file with the declared types is used where it lies; several, or other types, are read into one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seeknal.model.lowering import path_literal, quoted

NAME = "parquet"
OPTIONS = ()
IN_PLACE = True


def options(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parquet says everything itself."""
    return {}


def query(paths: Sequence[str], definition: Mapping[str, Any], columns: Sequence[str] | None) -> str:
    """SQL that reads the files, casting what is declared."""
    files = f"[{', '.join(path_literal(path) for path in paths)}]"
    found = {name.lower(): name for name in columns or ()}
    types = [(found.get(name.lower(), name), type_) for name, type_ in definition["types"].items()]
    casts = [f"CAST({quoted(name)} AS {type_}) AS {quoted(name)}" for name, type_ in types]
    star = f"* REPLACE ({', '.join(casts)})" if casts else "*"
    return f"SELECT {star} FROM read_parquet({files})"


def names_query(paths: Sequence[str], definition: Mapping[str, Any]) -> str:
    """SQL whose columns are those of the files."""
    return query(paths, {**definition, "types": {}}, None)

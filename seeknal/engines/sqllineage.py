"""Which columns of its inputs each output column of a query is made of, read out of canonical SQL by sqlglot.

sqlglot is an optional extra and is imported late. Decides when a query cannot be read: then it says why, and the caller says
that the columns are not known in detail. DuckDB has the last word: its output columns must come out, and what it does not
read is not an origin. Nothing is run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from seeknal.engines.base import Memo, recalled
from seeknal.engines.sql import relation_name
from seeknal.model.digest import document_digest
from seeknal.model.node import Schema

# Whoever changes how SQL is read counts this up: what was remembered is read again.
_READER = 1
EXTRA = "pip install 'seeknal[lineage]'"
Origins = Mapping[str, Sequence[tuple[int, str]]]


class Unreadable(Exception):
    """The query cannot be read in detail, and why."""


@cache
def version() -> str | None:
    """The version of sqlglot, which is not imported for that; None where it is not installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("sqlglot")
    except PackageNotFoundError:
        return None


def origins(memo: Memo, text: str, schemas: Sequence[Schema], columns: Schema) -> Origins:
    """Output column -> (number of the relation, column); remembered. Raises Unreadable."""
    document = [
        _READER,
        version(),
        text,
        [list(map(list, schema)) for schema in schemas],
        [name for name, _ in columns],
    ]
    key = f"lineage:{document_digest(document)}"
    known = recalled(memo, key, _remembered)
    if known is None:
        known = _read(text, schemas, columns)
        memo.put(key, known)
    if isinstance(known, str):
        raise Unreadable(known)
    return known


def _remembered(known: Any) -> Origins | str:
    if isinstance(known, str):
        return known
    return {str(name): [(int(i), str(column)) for i, column in found] for name, found in known.items()}


def _read(text: str, schemas: Sequence[Schema], columns: Schema) -> Origins | str:
    from sqlglot.errors import SqlglotError

    from seeknal.engines.sqlscopes import outputs

    tables = {relation_name(i): dict(schema) for i, schema in enumerate(schemas)}
    try:
        found = outputs(text, {name: list(table) for name, table in tables.items()})
    except Unreadable as error:
        return str(error)
    except (SqlglotError, RecursionError, ValueError, KeyError, AttributeError) as error:
        return f"sqlglot cannot read its SQL ({type(error).__name__})"
    names = [name for name, _ in columns]
    if len(found) != len(names) or not all(map(_same, names, [name for name, _ in found])):
        return "sqlglot finds other columns in its SQL than DuckDB does"
    spelled = [{name.lower(): name for name, _ in schema} for schema in schemas]
    numbers = {relation_name(i): i for i in range(len(schemas))}
    return {
        name: sorted((numbers[t], spelled[numbers[t]][c]) for t, c in used if c in spelled[numbers[t]])
        for name, (_, used) in zip(names, found, strict=True)
    }


def _same(name: str, found: str) -> bool:
    """Whether a column is the one that sqlglot found there, which names what has no name `_col_0`."""
    return found.lower() == name.lower() or re.fullmatch(r"_col_\d+", found) is not None


_RELATION = re.compile(rf"\b{relation_name(0)[:-1]}(\d+)\b")


def readable(memo: Memo, text: str, labels: Mapping[str, str]) -> str:
    """Canonical SQL for a person: inputs by their names, and in lines where sqlglot is there."""
    known = recalled(memo, key := f"pretty:{document_digest([version(), text])}", str)
    if known is None:
        known = _pretty(text)
        memo.put(key, known)
    return _RELATION.sub(lambda m: f"ref('{labels[m[0]]}')" if m[0] in labels else m[0], known)


def _pretty(text: str) -> str:
    if version() is None:
        return text
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        return str(sqlglot.parse_one(text, dialect="duckdb").sql("duckdb", pretty=True))
    except (SqlglotError, RecursionError):
        return text

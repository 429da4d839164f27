"""Parsed and bound queries as plain data for the memo, and back.

Decides nothing; what cannot be read back counts as forgotten (see `base.recalled`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from seeknal.engines.base import Memo, recalled
from seeknal.engines.sql import Bound, Parsed, parse_queries
from seeknal.model.digest import document_digest

# So many queries are parsed with one question to DuckDB: the answers are a few megabytes.
_BATCH = 200


def parse_once(
    memo: Memo, tag: str, sql: str, names: Mapping[str, str], shadowed: frozenset[str], parse: Callable[[], Parsed]
) -> Parsed:
    """What `parse` gives for this query, remembered."""
    key = parse_key(tag, sql, names, shadowed)
    known = recalled(memo, key, remembered_parsed)
    if known is None:
        known = parse()
        memo.put(key, plain_parsed(known))
    return known


def parse_key(tag: str, sql: str, names: Mapping[str, str], shadowed: Iterable[str] = ()) -> str:
    """Under which a parsed query is remembered."""
    return "parse:" + document_digest([tag, sql, dict(names), sorted(shadowed)])


def remember_parsed(
    memo: Memo, tag: str, planning: Callable[[], Any], queries: Sequence[tuple[str, Mapping[str, str]]]
) -> None:
    """Parse those queries that the memo does not have; what is wrong is left to be asked alone, and told then."""
    import duckdb

    lost = {key: query for query in queries if memo.get(key := parse_key(tag, *query)) is None}
    for at in range(0, len(lost), _BATCH):
        keys = [*lost][at : at + _BATCH]
        with suppress(duckdb.Error):
            for key, parsed in zip(keys, parse_queries(planning(), [lost[key] for key in keys]), strict=True):
                if parsed is not None:
                    memo.put(key, plain_parsed(parsed))


def plain_parsed(parsed: Parsed) -> dict[str, Any]:
    """A parsed query as plain data."""
    return {name: _listed(getattr(parsed, name)) for name in Parsed.__dataclass_fields__}


def _listed(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value


def remembered_parsed(known: Any) -> Parsed:
    """A parsed query from plain data. Raises TypeError, KeyError and others when it cannot be one."""
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in known.items()}
    sets: dict[str, Any] = {name: frozenset(known[name]) for name in ("clock", "keywords")}
    return Parsed(**{**values, **sets})


def remembered_bound(known: Any) -> Bound:
    """A bound query from plain data. Raises TypeError, KeyError and others when it cannot be one."""
    columns = tuple((name, type_) for name, type_ in known["columns"])
    return Bound(columns, tuple(None if reads is None else tuple(reads) for reads in known["reads"]))

"""Parsed and bound queries as plain data for the memo, and back.

Decides nothing; what cannot be read back counts as forgotten (see `base.recalled`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from seeknal.engines.base import Memo, recalled
from seeknal.engines.sql import Bound, Parsed
from seeknal.model.digest import document_digest


def parse_once(
    memo: Memo, tag: str, sql: str, names: Mapping[str, str], shadowed: frozenset[str], parse: Callable[[], Parsed]
) -> Parsed:
    """What `parse` gives for this query, remembered."""
    key = "parse:" + document_digest([tag, sql, dict(names), sorted(shadowed)])
    known = recalled(memo, key, remembered_parsed)
    if known is None:
        known = parse()
        memo.put(key, plain_parsed(known))
    return known


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

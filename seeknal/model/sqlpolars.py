"""From canonical SQL, as DuckDB prints it, to the SQL of polars: the few spellings in which the two differ.

Decides spellings only. What polars does not know stays as it is, and polars says so. It never parses SQL and never
touches a text or a quoted name.
"""

from __future__ import annotations

import re

_SPELLINGS = re.compile(
    r"""
      to_(?P<unit>years|quarters|months|weeks|days|hours|minutes)
        \(CAST\(trunc\(CAST\('?(?P<count>\d+)'?\ AS\ DOUBLE\)\)\ AS\ (?:INTEGER|BIGINT)\)\)
    | to_(?P<fine>seconds|milliseconds)\(CAST\('?(?P<some>\d+)'?\ AS\ DOUBLE\)\)
    | CAST\((?P<interval>'[^']*')\ AS\ INTERVAL\)
    | '(?:[^']|'')*'
    | "(?P<called>[a-z_]+)"\(
    | "(?:[^"]|"")*"
    | (?P<stars>\bcount_star\(\))
    | (?P<matches>\bregexp_matches\()
    | (?P<single>\bAS\ FLOAT(?=[)\[]))
    """,
    re.VERBOSE,
)
# Functions that polars knows by another name, or in a form of their own when they are not quoted.
_CALLS = {"position": "strpos"}


def polars_dialect(text: str) -> str:
    """Canonical SQL in polars' spelling: `count_star()` is `count(*)`, `to_days(...)` of a constant is an INTERVAL."""
    return _SPELLINGS.sub(_spelled, text)


def _spelled(found: re.Match[str]) -> str:
    part = found.groupdict()
    unit, count = part["unit"] or part["fine"], part["count"] or part["some"]
    if unit:
        return f"INTERVAL '{count} {unit}'"
    if part["interval"]:
        return f"INTERVAL {part['interval']}"
    if part["called"]:
        return f"{_CALLS.get(part['called'], part['called'])}("
    for name, spelling in (("stars", "count(*)"), ("matches", "regexp_like("), ("single", "AS REAL")):
        if part[name]:
            return spelling
    return found[0]

"""What a person may check of a table: the words of `rule:`, `audits:`, `tests:` and `freshness:`, each as checks.

Decides the fields of each word, their defaults and what is wrong with them. Never runs anything; `checks` says what a
check is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from seeknal.errors import nearest
from seeknal.model.checks import SEVERITIES, Check, Query, by_age, by_group, by_row, counts
from seeknal.model.lowering import Path, Wrong, literal, quoted

_AGE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([smhdw]?)\s*", re.IGNORECASE)
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_LIMIT = re.compile(rf"\s*(>=|<=|!=|=|>|<)\s*({_NUMBER})\s*")
_BETWEEN = re.compile(rf"\s*between\s+({_NUMBER})\s+and\s+({_NUMBER})\s*", re.IGNORECASE)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}([ T].*)?")


class Item(NamedTuple):
    """One check as written: its fields (those of its own `params` too), where they stand, the table it is about."""

    fields: Mapping[str, Any]
    path: Path
    table: str

    def wrong(self, field: str, message: str) -> Wrong:
        """An error at a field of this check, or at the check where the field is not written."""
        return Wrong((*self.path, field), message)

    def columns(self) -> list[str]:
        """`columns` or `column`: one or more names."""
        value = self.fields.get("columns", self.fields.get("column"))
        names = [value] if isinstance(value, str) else value
        if isinstance(names, list) and names and all(isinstance(name, str) and name for name in names):
            return names
        raise self.wrong(
            "columns", f"{self.fields['type']} needs columns: a list with the names of one or more columns"
        )

    def share(self, field: str) -> float:
        """A fraction from 0 to 1."""
        value = self.fields.get(field, 0)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1:
            return float(value)
        raise self.wrong(field, f"{field} is {value!r}: a fraction from 0 to 1 is needed, as in 0.05")

    def text(self, field: str) -> str:
        """A text that is not empty."""
        value = self.fields.get(field)
        if isinstance(value, str) and value.strip():
            return value.strip().rstrip(";").rstrip()
        raise self.wrong(field, f"{self.fields['type']} needs {field}: a text, this is {value!r}")


def checks_of(value: Any, path: Path, table: str, defaults: Mapping[str, Any] | None = None) -> list[Check]:
    """The checks that a person wrote: a text (true for every row), a mapping, or a list of these. Raises Wrong."""
    if isinstance(value, list):
        return [check for i, item in enumerate(value) for check in checks_of(item, (*path, i), table, defaults)]
    fields = {"type": "expression", "value": value} if isinstance(value, str) else value
    if not isinstance(fields, Mapping):
        raise Wrong(path, f"a check is a mapping with type, or a condition as text; this is {value!r}")
    own = fields.get("params")
    merged: dict[str, Any] = {**(defaults or {}), **fields, **(own if isinstance(own, Mapping) else {})}
    merged.setdefault("type", "expression" if "value" in merged else "sql_assertion" if "sql" in merged else None)
    word = merged["type"]
    if word not in TYPES:
        known = ", ".join(TYPES)
        raise Wrong((*path, "type"), f"unknown type of check {word!r}{nearest(str(word), TYPES)}: {known}")
    item = Item(merged, path, table)
    severity, message = _severity(item), merged.get("error_message") or ""
    if not isinstance(message, str):
        raise item.wrong("error_message", f"error_message is {message!r}: a text is needed")
    return [_said(check, severity, message) for check in TYPES[word](item)]


def _said(check: Check, severity: str, message: str) -> Check:
    if check.severity_sql:
        return replace(check, severity_sql=check.severity_sql.format(error=literal(severity)))
    return replace(check, severity=severity, message=message)


def _severity(item: Item) -> str:
    word = str(item.fields.get("severity", "error")).lower()
    if word not in SEVERITIES:
        raise item.wrong("severity", f"severity is {word!r}: allowed are {', '.join(SEVERITIES)}")
    return word


def _null(item: Item) -> Iterator[Check]:
    names = item.columns()
    bad = "(" + " OR ".join(f"{quoted(name)} IS NULL" for name in names) + ")"
    limit = item.share("max_null_percentage")
    yield Check("null", f"null({', '.join(names)})", by_row(bad, item.table), limit=limit)


def _not_null(item: Item) -> Iterator[Check]:
    for name in item.columns():
        yield Check("not_null", f"not_null({name})", by_row(f"{quoted(name)} IS NULL", item.table))


def _unique(item: Item) -> Iterator[Check]:
    names, word = item.columns(), str(item.fields["type"])
    limit = item.share("max_duplicate_percentage")
    unique = () if limit else tuple(names)
    yield Check(word, f"{word}({', '.join(names)})", by_group(names, item.table), limit=limit, unique=unique)


def _range(item: Item) -> Iterator[Check]:
    bounds = [(op, item.fields[f]) for op, f in (("<", "min_val"), (">", "max_val")) if item.fields.get(f) is not None]
    if not bounds:
        raise item.wrong("min_val", "range needs min_val, max_val or both")
    for name in item.columns():
        bad = "(" + " OR ".join(f"{quoted(name)} {op} {_bound(value)}" for op, value in bounds) + ")"
        yield Check("range", f"range({name})", by_row(bad, item.table))


def _bound(value: Any) -> str:
    """A bound as SQL: a number, a date or text with its quotes inside, a date without them, or an expression."""
    text = str(value).strip()
    return literal(text) if _TIME.fullmatch(text) else text


def _accepted(item: Item) -> Iterator[Check]:
    values = item.fields.get("values")
    if not isinstance(values, list) or not values:
        raise item.wrong("values", "accepted_values needs values: a list of what is allowed")
    name = item.columns()[0]
    allowed = ", ".join(literal(str(value).lower() if isinstance(value, bool) else str(value)) for value in values)
    bad = f"CAST({quoted(name)} AS VARCHAR) NOT IN ({allowed})"
    yield Check("accepted_values", f"accepted_values({name})", by_row(bad, item.table))


def _row_count(item: Item) -> Iterator[Check]:
    least, most = (item.fields.get(field) for field in ("min", "max"))
    for field, value in (("min", least), ("max", most)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            raise item.wrong(field, f"{field} is {value!r}: a number of rows is needed")
    if least is None and most is None:
        raise item.wrong("min", "row_count needs min, max or both")
    holds = " AND ".join(f"count(*) {op} {value}" for op, value in ((">=", least), ("<=", most)) if value is not None)
    allowed = " and ".join(f"{word} {n:,}" for word, n in (("at least", least), ("at most", most)) if n is not None)
    detail = f"count(*) || {literal(f' rows, allowed are {allowed}')}"
    yield Check(
        "row_count",
        "row_count",
        Query(counts(f"CASE WHEN {holds} THEN 0 ELSE 1 END", "count(*)", item.table, detail=detail)),
    )


def _freshness(item: Item) -> Iterator[Check]:
    age = seconds(item, "max_age")
    for name in item.columns():
        yield Check("freshness", f"freshness({name})", by_age(name, item.table), max_age=age)


def seconds(item: Item, field: str) -> int:
    """A duration: `30s`, `15m`, `24h`, `7d`, a number of seconds, or a mapping of count and period. Raises Wrong."""
    value = item.fields.get(field)
    if isinstance(value, Mapping):
        value = f"{value.get('count')}{str(value.get('period', ''))[:1]}"
    found = _AGE.fullmatch(str(value)) if not isinstance(value, bool) else None
    if found is None:
        raise item.wrong(field, f"{field} is {value!r}: write 30s, 15m, 24h, 7d or a number of seconds")
    return int(float(found[1]) * _UNITS[found[2].lower()])


def _assertion(item: Item) -> Iterator[Check]:
    sql = item.text("sql")
    word = str(item.fields["type"])
    yield Check(word, str(item.fields.get("name") or word), Query(counts("count(*)", "count(*)", f"({sql}\n)"), sql))


def _expression(item: Item) -> Iterator[Check]:
    condition = item.text("value")
    yield Check("expression", " ".join(condition.split())[:80], by_row(f"NOT ({condition}\n)", item.table))


def _profile(item: Item) -> Iterator[Check]:
    checks = item.fields.get("checks")
    if not isinstance(checks, list) or not checks:
        raise item.wrong("checks", "profile_check needs checks: a list of metric, column, warn and fail")
    for i, fields in enumerate(checks):
        path = (*item.path, "checks", i)
        if not isinstance(fields, Mapping) or not isinstance(fields.get("metric"), str):
            raise Wrong(path, f"a check of a profile needs metric: the name of one; this is {fields!r}")
        yield _of_profile(Item({**fields, "type": "profile_check"}, path, item.table))


def _of_profile(item: Item) -> Check:
    metric, column = str(item.fields["metric"]), str(item.fields.get("column", "_table_"))
    levels = {word: violation(item, word) for word in ("fail", "warn") if item.fields.get(word) is not None}
    if not levels:
        raise item.wrong("fail", "a check of a profile needs warn, fail or both: what is wrong, as in > 0.1")
    where = f"metric = {literal(metric)} AND column_name = {literal(column)} AND detail IS NULL"
    value = f"(SELECT count(*) AS n, max(value) AS text, max(TRY_CAST(value AS DOUBLE)) AS v FROM {item.table} WHERE {where})"
    broken = " ".join(f"WHEN {sql} THEN {literal(word)}" for word, sql in levels.items())
    level = (
        f"CASE WHEN n = 0 OR (text IS NOT NULL AND v IS NULL) THEN 'fail' "
        f"WHEN v IS NULL THEN {literal(next(iter(levels)))} {broken} END"
    )
    told = " and ".join(f"{word} is {item.fields[word]}" for word in levels)
    detail = f"coalesce(text, CASE n WHEN 0 THEN 'no such metric' ELSE 'NULL' END) || {literal(f', {told}')}"
    table = f"(SELECT *, {level} AS level FROM {value})"
    figures = counts("CASE WHEN level IS NULL THEN 0 ELSE 1 END", "1", table, detail=detail)
    figures = figures.replace("SELECT ", "SELECT level, ", 1)
    severity = "CASE level WHEN 'warn' THEN 'warn' ELSE {error} END"
    return Check("profile_check", f"{metric}({column})", Query(figures), severity_sql=severity)


def violation(item: Item, field: str) -> str:
    """A violation of a profile's metric (`> 0.1`, `between 1 and 5`) as a condition on `v`. Raises Wrong."""
    text = str(item.fields[field])
    limit, between = _LIMIT.fullmatch(text), _BETWEEN.fullmatch(text)
    if limit:
        return f"v {limit[1]} {limit[2]}"
    if between:
        return f"v BETWEEN {between[1]} AND {between[2]}"
    raise item.wrong(field, f"{field} is {text!r}: write > n, >= n, < n, <= n, = n, != n or between a and b")


TYPES: Mapping[str, Callable[[Item], Iterator[Check]]] = {
    "null": _null,
    "not_null": _not_null,
    "uniqueness": _unique,
    "unique": _unique,
    "range": _range,
    "accepted_values": _accepted,
    "row_count": _row_count,
    "freshness": _freshness,
    "profile_check": _profile,
    "expression": _expression,
    "sql_assertion": _assertion,
    "custom": _assertion,
    "custom_sql": _assertion,
}

"""Checks: conditions on a table, as SQL that counts what breaks them, and what a count means.

Rules, audits and freshness limits all become checks. A check's target is a small table, one row for each check, so it is
cached like everything else. Decides how a check is counted, when it has passed and how that reads. The age of data is
measured against the run's clock when the finding is read, never in the SQL: a cached finding must not go stale.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from seeknal.model.lowering import literal, quoted

SEVERITIES = ("error", "warn", "info")
SHOWN = 5


class Query(NamedTuple):
    """How a check is counted: `counts` is SQL giving one row of violations, rows, and where there are such `newest`
    (seconds since 1970) and `detail`. `sample` is SQL for the rows that break it, run only to show them to a person."""

    counts: str
    sample: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One condition. `limit` is the share of rows that may break it, `max_age` is in seconds. `severity` is a word or,
    with `severity_sql`, SQL. `unique`: columns of which it says that no two rows share them."""

    type: str
    label: str
    query: Query
    severity: str = "error"
    severity_sql: str = ""
    message: str = ""
    limit: float = 0.0
    max_age: int | None = None
    unique: tuple[str, ...] = ()


class Finding(NamedTuple):
    """What a check came to. `newest` is set for checks of age, which are judged when they are read."""

    check: str
    type: str
    severity: str
    passed: bool
    violations: int
    rows: int
    message: str
    detail: str | None = None
    newest: int | None = None
    max_age: int | None = None

    @property
    def blocks(self) -> bool:
        """Whether this keeps a run from publishing."""
        return not self.passed and self.severity == "error"

    @property
    def until(self) -> float | None:
        """The time at which a check of age that passes now will have failed."""
        return None if self.newest is None or self.max_age is None else float(self.newest + self.max_age)

    def text(self) -> str:
        """The finding as a sentence."""
        if self.message:
            return f"{self.check}: {self.message}"
        return f"{self.check}: {self.detail or _counted(self)}"


def _counted(found: Finding) -> str:
    share = f" ({100 * found.violations / found.rows:.3g} %)" if found.rows else ""
    return f"{found.violations:,} of {found.rows:,} rows{share} break it"


COLUMNS = ("check", "type", "severity", "passed", "violations", "rows", "message", "detail", "newest", "max_age")


def findings_sql(checks: Sequence[Check]) -> str:
    """SQL of the table of findings, one row for each check, in their order."""
    return " UNION ALL ".join(_row(i, check) for i, check in enumerate(checks)) + " ORDER BY position"


def _row(position: int, check: Check) -> str:
    age = "NULL" if check.max_age is None else str(check.max_age)
    cells = {
        "position": str(position),
        "check": literal(check.label),
        "type": literal(check.type),
        "severity": check.severity_sql or literal(check.severity),
        "passed": f"violations <= {check.limit!r} * rows",
        "violations": "violations",
        "rows": "rows",
        "message": literal(check.message),
        "detail": "detail",
        "newest": "newest",
        "max_age": f"CAST({age} AS BIGINT)",
    }
    shown = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in cells.items())
    return f"SELECT {shown} FROM ({check.query.counts}\n)"


def counts(violations: str, rows: str, table: str, *, newest: str = "NULL", detail: str = "NULL") -> str:
    """SQL of one row with a check's figures, each an SQL expression over `table`."""
    return (
        f"SELECT CAST({violations} AS BIGINT) AS violations, CAST({rows} AS BIGINT) AS rows, "
        f"CAST({newest} AS BIGINT) AS newest, CAST({detail} AS VARCHAR) AS detail FROM {table}"
    )


def by_row(bad: str, table: str) -> Query:
    """The query of a check that each row passes or breaks; NULL passes."""
    return Query(counts(f"count(*) FILTER (WHERE {bad})", "count(*)", table), f"SELECT * FROM {table} WHERE {bad}")


def by_group(columns: Sequence[str], table: str) -> Query:
    """The query of a check for rows that share the values of `columns`; each beyond the first breaks it."""
    names = ", ".join(map(quoted, columns))
    groups = f"(SELECT count(*) AS many FROM {table} GROUP BY {names})"
    return Query(
        counts("coalesce(sum(many - 1), 0)", "coalesce(sum(many), 0)", groups),
        f"SELECT {names}, count(*) AS rows FROM {table} GROUP BY {names} HAVING count(*) > 1 ORDER BY ALL",
    )


def by_age(column: str, table: str) -> Query:
    """The query of a check that the newest value of a column is not too old."""
    newest = f"floor(epoch(max(CAST({quoted(column)} AS TIMESTAMP))))"
    return Query(counts("0", "count(*)", table, newest=newest))


def finding(row: Mapping[str, Any], now: float) -> Finding:
    """The finding that a row of the table holds, at the time `now` (seconds since 1970)."""
    found = Finding(**{name: row[name] for name in COLUMNS})
    if found.max_age is None or found.newest is None:
        return found
    age = now - found.newest
    told = f"the newest value is {_span(age)} old, allowed are {_span(found.max_age)}"
    return found._replace(passed=age <= found.max_age, detail=told)


def document(found: Finding) -> dict[str, Any]:
    """A finding as plain data; what depends on the moment of reading it is left out."""
    known = found._asdict()
    return {**known, "detail": None} if found.newest is not None else known


def _span(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}".replace(".0 ", " ")
    return f"{seconds:.0f} seconds"


def earliest(findings: Iterable[Finding]) -> float | None:
    """The first moment at which one of these findings will be another."""
    return min((f.until for f in findings if f.passed and f.until is not None), default=None)

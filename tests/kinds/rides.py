"""Rides at random, with gaps, ties and dates that come twice; and a table of them as a source of a project."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from seeknal.model.lowering import quoted
from tests.project_on_disk import Project, reader

Row = dict[str, Any]
TYPES = {"rider": "VARCHAR", "day": "DATE", "as_of": "DATE", "city": "VARCHAR", "minutes": "BIGINT", "fare": "INTEGER"}
FIRST = date(2024, 2, 20)


def some_rides(seed: int, count: int = 60) -> list[Row]:
    """The rides of a seed."""
    chance = random.Random(seed)

    def maybe(value: Any) -> Any:
        return None if chance.random() < 0.08 else value

    return [
        {
            "rider": maybe(chance.choice("abc")),
            "day": maybe(FIRST + timedelta(chance.randrange(25))),
            "as_of": maybe(FIRST + timedelta(7 * chance.randrange(5))),
            "city": maybe(chance.choice(["Rome", "Oslo"])),
            "minutes": maybe(chance.randrange(-3, 6)),
            "fare": maybe(chance.randrange(100)),
        }
        for _ in range(count)
    ]


def source(project: Project, name: str, rows: Sequence[Row], types: Mapping[str, str] = TYPES) -> None:
    """A Parquet source with these rows."""
    os.makedirs(project.path("data"), exist_ok=True)
    con = reader()
    columns = ", ".join(f"{quoted(column)} {type_}" for column, type_ in types.items())
    con.execute(f"CREATE TEMP TABLE t({columns})")
    if rows:
        marks = ", ".join("?" * len(types))
        con.executemany(f"INSERT INTO t VALUES ({marks})", [[row[column] for column in types] for row in rows])
    con.execute(f"COPY t TO '{project.path('data', f'{name}.parquet')}' (FORMAT parquet)")
    text = f"kind: source\nname: {name}\nsource: parquet\ntable: data/{name}.parquet\n"
    project.write(f"seeknal/sources/{name}.yml", text)


def columns(project: Project, node: str) -> list[str]:
    """The names of a published table's columns, in their order."""
    return [name for name, *_ in reader().execute(f"DESCRIBE FROM '{project.view(node)}'").fetchall()]


def table(project: Project, node: str) -> list[Row]:
    """The rows of a published table, in their order."""
    names = columns(project, node)
    return [dict(zip(names, row, strict=True)) for row in project.rows(node)]


def grouped(rows: Iterable[Row], by: Sequence[str]) -> dict[tuple[Any, ...], list[Row]]:
    """Rows by their values of these columns; NULL is one value; sorted, NULL last."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[column] for column in by), []).append(row)
    return {
        key: found[key] for key in sorted(found, key=lambda key: [(v is None, "" if v is None else v) for v in key])
    }


def days_between(row: Row, until: date | None) -> int | None:
    """How many days a ride lies before a date."""
    return None if row["day"] is None or until is None else (until - row["day"]).days


def aggregate(word: str, values: Sequence[Any]) -> Any:
    """What SQL says of these values: NULLs are none, and of none there is only a count."""
    known = [value for value in values if value is not None]
    if word == "count":
        return len(known)
    return _WORDS[word](known) if known else None


def _stddev(values: Sequence[float]) -> float | None:
    if len(values) < 2:
        return None
    mean = sum(values) / len(values)
    return float((sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5)


def _median(values: Sequence[float]) -> float:
    middle = sorted(values)[(len(values) - 1) // 2 : len(values) // 2 + 1]
    return sum(middle) / len(middle)


_WORDS: dict[str, Callable[[Sequence[Any]], Any]] = {
    "sum": sum,
    "avg": lambda values: sum(values) / len(values),
    "min": min,
    "max": max,
    "stddev": _stddev,
    "median": _median,
}


def ratio(above: float | None, below: float | None) -> float | None:
    """A division that gives nothing where it cannot be done."""
    return None if above is None or not below else above / below


def same(found: Sequence[Row], wanted: Sequence[Row]) -> None:
    """Equal tables: columns and rows in their order, numbers to nine digits."""
    assert [list(row) for row in found] == [list(row) for row in wanted]
    for one, other in zip(found, wanted, strict=True):
        for name, value in one.items():
            assert _close(value, other[name]), f"{name}: {value!r}, wanted {other[name]!r}, in {one}"


def _close(one: Any, other: Any) -> bool:
    if isinstance(one, str | date) or one is None or other is None:
        return bool(one == other)
    return abs(float(one) - float(other)) <= 1e-9 * max(1.0, abs(float(other)))

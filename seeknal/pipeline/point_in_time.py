"""Point-in-time joins: for each row of a spine, what was known at its time. Nothing later can leak into it.

Decides ties (of several rows with the same keys and time the last one counts), and that a spine row is never lost, multiplied
or moved. Everything is one lazy query with DuckDB's ASOF JOIN. Never decides what is joined: its callers do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

import duckdb

from seeknal.model.lowering import literal, quoted
from seeknal.pipeline.tables import arrow_of, relation_of

_KEY, _TIME, _ROW = "__seeknal_key", "__seeknal_time", "__seeknal_row"


class History(NamedTuple):
    """What was known when: rows, join keys, and the column of time (None: a row holds for all times).

    `always`: a row without a time holds from the beginning. `single`: no two rows have the same keys and time.
    """

    rows: Any
    keys: Sequence[str]
    time: str | None
    always: bool = False
    single: bool = False


def history_of(table: Any, keys: Sequence[str], time: str | None) -> History:
    """The history that a table is. Raises ValueError."""
    rows = relation(table)
    if not keys:
        raise ValueError("a point-in-time join needs join keys: FeatureFrame(frame, entity_name, join_keys=[...])")
    check(keys, rows.columns, "the feature frame has no column")
    found = [name for wanted in (time, "event_time") for name in rows.columns if name.lower() == (wanted or "").lower()]
    return History(rows, keys, found[0] if found else None)


def relation(table: Any) -> Any:
    """Any table as a DuckDB relation. Raises RefusedError."""
    found = relation_of(table)
    if found is None:
        rows = arrow_of(table, "the spine is")
        found = duckdb.from_arrow(rows.read_all() if hasattr(rows, "read_all") else rows)
    return found


def query(sql: str, seeknal_history: Any, seeknal_spine: Any = None) -> Any:
    """The relation of a query over relations, which DuckDB finds by the names of the variables that hold them."""
    return duckdb.sql(sql)


def joined(
    history: History, features: Mapping[str, str], spine: Any, date_col: str, keep_cols: Sequence[str] | None
) -> Any:
    """The rows of the relation `spine`, each with `features` (name -> SQL over the history). Raises ValueError."""
    check([date_col, *history.keys, *(keep_cols or ())], spine.columns, "the spine has no column")
    kind = _common(type_of(spine, date_col), type_of(history.rows, history.time)) if history.time else "VARCHAR"
    keys = [f"l.{quoted(key)} = r.{_KEY}{i}" for i, key in enumerate(history.keys)]
    on = " AND ".join([*keys, f"l.{_TIME} >= r.{_TIME}"] if history.time else keys)
    kept = [f"l.{quoted(name)}" for name in _kept(spine.columns, [date_col, *history.keys], keep_cols)]
    known = _known(history, kind, features)
    return query(
        f"""
        WITH l AS (SELECT *, CAST({quoted(date_col)} AS {kind}) AS {_TIME}, row_number() OVER () AS {_ROW}
                   FROM seeknal_spine),
             r AS (SELECT {", ".join(known)} FROM seeknal_history)
        SELECT {", ".join([*kept, *(f"r.{quoted(name)}" for name in features)])}
        FROM l {"ASOF LEFT" if history.time else "LEFT"} JOIN r ON {on} ORDER BY l.{_ROW}
        """,
        _deduplicated(history),
        spine,
    )


def _known(history: History, kind: str, features: Mapping[str, str]) -> list[str]:
    """What the history gives to the join, under names that no spine has."""
    keys = [f"{quoted(key)} AS {_KEY}{i}" for i, key in enumerate(history.keys)]
    values = [f"{sql} AS {quoted(name)}" for name, sql in features.items()]
    if history.time is None:
        return [*keys, *values]
    moment = f"CAST({quoted(history.time)} AS {kind})"
    beginning = f"coalesce({moment}, CAST('-infinity' AS {kind}))" if history.always else moment
    return [*keys, f"{beginning} AS {_TIME}", *values]


def latest(history: History, as_of: Any) -> Any:
    """The newest row of each key that is not later than `as_of`, in the order of the history."""
    keys = _list(history.keys)
    if history.time is None:
        known, newest = "TRUE", ""
    else:
        time = quoted(history.time)
        kind = _common(type_of(history.rows, history.time), "TIMESTAMP")
        known = f"CAST({time} AS {kind}) <= CAST({literal(str(as_of))} AS {kind})"
        known += f" OR {time} IS NULL" if history.always else ""
        newest = f"{time} DESC NULLS LAST, "
    return query(
        f"""
        SELECT * EXCLUDE ({_ROW}) FROM (SELECT *, row_number() OVER () AS {_ROW} FROM seeknal_history) WHERE {known}
        QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {newest}{_ROW} DESC) = 1 ORDER BY {_ROW}
        """,
        history.rows,
    )


def _deduplicated(history: History) -> Any:
    same = _list([*history.keys, *([history.time] if history.time else [])])
    twice = f"SELECT 1 FROM seeknal_history GROUP BY {same} HAVING count(*) > 1 LIMIT 1"
    if history.single or not query(twice, history.rows).fetchall():
        return history.rows
    return query(
        f"""
        SELECT * EXCLUDE ({_ROW}) FROM (SELECT *, row_number() OVER () AS {_ROW} FROM seeknal_history)
        QUALIFY row_number() OVER (PARTITION BY {same} ORDER BY {_ROW} DESC) = 1
        """,
        history.rows,
    )


def _kept(columns: Sequence[str], always: Sequence[str], keep: Sequence[str] | None) -> list[str]:
    wanted = {name.lower() for name in (*always, *(keep or ()))}
    return [name for name in columns if keep is None or name.lower() in wanted]


def type_of(rows: Any, column: str) -> str:
    """DuckDB's name of the type of a column."""
    types = {name.lower(): str(kind) for name, kind in zip(rows.columns, rows.types, strict=True)}
    return types[column.lower()]


def _common(one: str, other: str) -> str:
    """The type in which two times are compared, so that neither loses a part of a second or its zone."""
    if one == other != "VARCHAR":
        return one
    for kind in ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP_NS"):
        if kind in (one, other):
            return kind
    return "TIMESTAMP"


def check(names: Sequence[str], columns: Sequence[str], what: str) -> None:
    """Raise ValueError when one of `names` is not among the columns."""
    have = {column.lower() for column in columns}
    for name in names:
        if name.lower() not in have:
            near = get_close_matches(name, columns, n=1)
            meant = f" (did you mean {near[0]}?)" if near else ""
            raise ValueError(f"{what} {name!r}{meant}; it has {', '.join(columns)}")


def _list(names: Sequence[str]) -> str:
    return ", ".join(map(quoted, names))

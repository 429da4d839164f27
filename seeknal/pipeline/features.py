"""`ctx.features` and `ctx.entity`: what is known of an entity, over its consolidated table.

Decides which columns come out: one column for each feature asked for, `group__feature`. The table has a row for each join
keys and event time, and each group's newest row until then as a struct, so every feature is as it was at that time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seeknal.model.lowering import literal, quoted
from seeknal.pipeline.point_in_time import History, check, joined, latest, query, relation
from seeknal.pipeline.rows import Rows

TIME = "event_time"


def history(rows: Any, keys: Sequence[str]) -> History:
    """An entity's table as a history."""
    return History(rows, keys, TIME, always=True, single=True)


def whole(known: History, as_of: Any = None) -> Rows:
    """The entity's table, or the newest row of each key at `as_of`."""
    return Rows(known.rows if as_of is None else latest(known, as_of))


def features(known: History, wanted: Sequence[str], as_of: Any = None) -> Rows:
    """Keys, event time and features: all rows, or the newest of each key at `as_of`. Raises ValueError."""
    rows = known.rows if as_of is None else latest(known, as_of)
    columns = [*map(quoted, (*known.keys, TIME))]
    columns += [f"{sql} AS {quoted(name)}" for name, sql in _columns(known, wanted).items()]
    return Rows(query(f"SELECT {', '.join(columns)} FROM seeknal_history", rows))


def for_spine(
    known: History, wanted: Sequence[str], spine: Any, date_col: str | None, keep_cols: Sequence[str] | None
) -> Rows:
    """The rows of the spine, each with the features as they were at its date. Raises ValueError."""
    if date_col is None:
        raise ValueError("ctx.features(spine=...) needs date_col: the column of the spine that says when")
    columns, rows = _columns(known, wanted), relation(spine)
    taken = {name.lower() for name in columns}.intersection(map(str.lower, rows.columns))
    if taken:
        raise ValueError(f"the spine already has a column {min(taken)!r}: rename or drop it")
    return Rows(joined(known, columns, rows, date_col, keep_cols))


def _columns(known: History, wanted: Sequence[str]) -> Mapping[str, str]:
    """The columns asked for -> SQL over the entity's table."""
    found = {}
    types = dict(zip(known.rows.columns, known.rows.types, strict=True))
    for text in wanted:
        group, dot, feature = text.partition(".") if isinstance(text, str) else ("", "", "")
        if not (group and dot and feature):
            raise ValueError(f"{text!r} is no feature: write feature_group.feature, as in rider_habits.trips")
        check([group], [name for name in types if name not in (*known.keys, TIME)], "the entity has no feature group")
        held = next(name for name in types if name.lower() == group.lower())
        fields = [name for name, _ in types[held].children] if types[held].id == "struct" else []
        check([feature], fields, f"the feature group {group} has no feature")
        found[f"{group}__{feature}"] = f"struct_extract({quoted(held)}, {literal(feature)})"
    return found

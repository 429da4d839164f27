"""A frame that knows its entity: what `ctx.ref("feature_group.x")` gives, and what a feature group's function may return.

Decides which column is its time: the configured one, else `event_time`, else none (then a row holds for all times).
Everything else is asked of the frame itself; `point_in_time.py` joins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any


class FeatureFrame:
    """`frame` (of any type that a node may return) with its entity's name, join keys and time column."""

    frame: Any
    entity_name: str
    join_keys: list[str]
    event_time_col: str | None

    def __init__(
        self, frame: Any, entity_name: str = "", join_keys: Sequence[str] = (), event_time_col: str | None = None
    ) -> None:
        self.__dict__["frame"] = frame
        self._about(entity_name, join_keys, event_time_col)

    def _about(self, entity_name: str, join_keys: Sequence[str], event_time_col: str | None) -> None:
        self.__dict__.update(entity_name=entity_name, join_keys=list(join_keys), event_time_col=event_time_col)

    def pit_join(self, spine: Any, date_col: str, keep_cols: Sequence[str] | None = None) -> Any:
        """Return the rows of `spine`, all of them and in their order, each with what was known at its `date_col`.

        That is the newest row of its join keys that is not later; NULLs where there is none. Of several rows with the
        same keys and time the last one counts. Feature columns that the spine has too are left out; `keep_cols` are
        the columns of the spine to keep besides keys and date.
        """
        from seeknal.model.lowering import quoted
        from seeknal.pipeline.point_in_time import joined, relation
        from seeknal.pipeline.rows import Rows

        history, rows = self._history(), relation(spine)
        hidden = {name.lower() for name in (*rows.columns, *self.join_keys)}
        features = {name: quoted(name) for name in history.rows.columns if name.lower() not in hidden}
        return Rows(joined(history, features, rows, date_col, keep_cols))

    def as_of(self, timestamp: Any) -> FeatureFrame:
        """Return the newest row of each join key that is not later than `timestamp`."""
        from seeknal.pipeline.point_in_time import latest
        from seeknal.pipeline.rows import FeatureRows

        return FeatureRows(latest(self._history(), timestamp), self.entity_name, self.join_keys, self.event_time_col)

    def to_df(self) -> Any:
        """Return the frame; as a new pandas frame where it is the rows of an input."""
        return self.frame.df() if hasattr(type(self.frame), "sql_query") else self.frame

    def copy(self, deep: bool = True) -> Any:
        """Return the same with a copy of the frame."""
        frame = self.frame.copy() if hasattr(self.frame, "copy") else self.frame
        return FeatureFrame(frame, self.entity_name, self.join_keys, self.event_time_col)

    def _history(self) -> Any:
        from seeknal.pipeline.point_in_time import history_of

        return history_of(self.frame, self.join_keys, self.event_time_col)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "frame":  # not set yet: while it is copied or unpickled
            raise AttributeError(name)
        return getattr(self.frame, name)

    def __getitem__(self, key: Any) -> Any:
        return self.frame[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self.frame[key] = value

    def __len__(self) -> int:
        return len(self.frame)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.frame)

    def __contains__(self, item: Any) -> bool:
        return item in self.frame

    def __repr__(self) -> str:
        return f"FeatureFrame of {self.entity_name}, join keys {', '.join(self.join_keys)}\n{self.frame!r}"

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Let DuckDB scan a variable that holds this."""
        return self.frame.__arrow_c_stream__(requested_schema)

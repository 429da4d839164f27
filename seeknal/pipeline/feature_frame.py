"""A frame that knows its entity: what a feature group's function may return instead of the bare frame.

Holds the frame, the join keys and the time column; everything else is asked of the frame itself. It never copies or
converts the frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FeatureFrame:
    """`frame` (of any type that a node may return) with its entity's name, join keys and time column."""

    frame: Any
    entity_name: str = ""
    join_keys: tuple[str, ...] | list[str] = ()
    event_time_col: str | None = None

    def to_df(self) -> Any:
        """Return the frame."""
        return self.frame

    def __getattr__(self, name: str) -> Any:
        if name in ("frame", "__setstate__"):  # not set yet: while it is copied or unpickled
            raise AttributeError(name)
        return getattr(self.frame, name)

    def __getitem__(self, key: Any) -> Any:
        return self.frame[key]

    def __len__(self) -> int:
        return len(self.frame)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.frame)

    def __contains__(self, item: Any) -> bool:
        return item in self.frame

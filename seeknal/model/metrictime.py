"""Time in a question: the dimension along which running and earlier values are told, and how grains fit together.

The axis of a model is its default time dimension; of several grains of it in one question the finest counts, if its
periods lie within those of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from seeknal.errors import UsageError
from seeknal.model.metricrows import Rows
from seeknal.model.semantics import GRAINS

# The length of a unit in seconds, or in months.
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


class Axis(NamedTuple):
    """Which dimension of the question is the axis, at which grain (none: its own values), and which are not time.

    `mixed`: it is asked for by the week and by the month too, and a week may lie in two months.
    """

    place: int
    grain: str
    others: tuple[int, ...]
    mixed: bool = False

    def fits(self, offset: Sequence[tuple[int, str]]) -> None:
        """Raise UsageError unless periods have one order, and a period that much earlier is a period too."""
        if self.mixed:
            text = "a week may lie in two months: running and earlier values need one grain of time"
            raise UsageError(text, reason="mixed_grains", hint="ask for weeks, or for months, quarters and years")
        for count, unit in offset:
            if not self.grain or _whole(self.grain, count, unit):
                continue
            text = f"{count} {unit} earlier than the beginning of a {self.grain} is not always the beginning of a {self.grain}"
            hint = f"ask for another grain than {self.grain}, or write the offset in {self.grain}s"
            raise UsageError(text, reason="offset_does_not_fit", hint=hint)


def _whole(grain: str, count: int, unit: str) -> bool:
    if unit in _MONTHS:
        return count * _MONTHS[unit] % _MONTHS[grain] == 0 if grain in _MONTHS else grain != "week"
    return grain in _SECONDS and count * _SECONDS[unit] % _SECONDS[grain] == 0


def axis_of(rows: Rows, dimensions: Sequence[str]) -> Axis | None:
    """The axis of a model's rows among the dimensions of a question."""
    grains: dict[int, str] = {}
    for place, text in enumerate(dimensions):
        model, dimension, grain = rows.resolve(text)
        if model.name == rows.base.name and dimension.name.lower() == rows.base.time.lower():
            grains[place] = grain or dimension.granularity
    if not grains:
        return None
    finest = min(grains, key=lambda place: GRAINS.index(grains[place]) if grains[place] else -1)
    others = tuple(place for place in range(len(dimensions)) if place not in grains)
    mixed = grains[finest] == "week" and any(grain in _MONTHS for grain in grains.values())
    return Axis(finest, grains[finest], others, mixed)


def earlier(time: str, offset: Sequence[tuple[int, str]]) -> str:
    """A time that much earlier."""
    for count, unit in offset:
        time = f"({time} - to_{unit}s({count}))"
    return time


def last_moment(time: str, grain: str) -> str:
    """The last moment of the period of this grain that begins at `time`."""
    return f"({time} + to_{grain}s(1) - to_microseconds(1))" if grain else time

"""Running values: a measure over everything up to the end of a period, looked up for each row of the answer.

The measure is aggregated once in each period (`#p`, and `#g`, the period that it starts anew with); the rows of the answer
are put among these, empty, and a window adds up. So a row of the answer finds its value also where its own period, or its
own group in it, has no data. Decides this SQL only.
"""

from __future__ import annotations

from collections.abc import Sequence

from seeknal.model.lowering import quoted
from seeknal.model.metricgroups import Base, conditions, dim, partials, same, spine_time, where
from seeknal.model.metricnames import truncated
from seeknal.model.metricterms import Leaf
from seeknal.model.metrictime import Axis, earlier, last_moment

_PERIOD, _START, _VALUE = quoted("#p"), quoted("#g"), quoted("#v")


class Running:
    """One running value."""

    def __init__(self, base: Base, leaf: Leaf, axis: Axis) -> None:
        self._base = base
        self._leaf = leaf
        self._axis = axis
        self._others = [dim(i) for i in axis.others]
        self._at = earlier(spine_time(axis), leaf.offset)
        self._starts = [base.rows.to_date(leaf.window)] if leaf.window else []
        self._start_at = [truncated(leaf.window, last_moment(self._at, axis.grain))] if leaf.window else []
        self._names = [*self._others, _PERIOD, *(_START for _ in self._starts)]
        self._parts, self._combined = partials(leaf.measure, base.rows.measure(leaf.measure))
        self._letters = [quoted(f"#{letter}") for letter, _ in zip("ab", self._parts, strict=False)]

    def sql(self) -> str:
        """The table of the values, one for each group and period."""
        names = ", ".join(self._names)
        split = ", ".join([*self._others, *(_START for _ in self._starts)])
        over = f"OVER ({f'PARTITION BY {split} ' if split else ''}ORDER BY {_PERIOD})"
        added = f"SELECT {names}, {self._combined.format(over=over)} AS {_VALUE}"
        inner = f"{added}\n  FROM ({self._measured()}\n  UNION ALL {self._asked()})"
        return f"SELECT {names}, any_value({_VALUE}) AS {_VALUE}\n  FROM ({inner})\n  GROUP BY {names}"

    def _measured(self) -> str:
        """What was measured in each period; a distinct value counts in the period in which it is first seen."""
        time = self._base.groups[self._axis.place]
        groups = [*(self._base.groups[i] for i in self._axis.others), time, *self._starts]
        all_of = [*self._base.where, *conditions(self._base.rows, self._leaf), f"{time} IS NOT NULL"]
        rows = f"FROM {self._base.source}{where(all_of)}"
        if self._leaf.measure.agg == "count_distinct":
            names, value = ", ".join(self._names), quoted("#a")
            firsts = [f"min({sql})" if name == _PERIOD else sql for sql, name in zip(groups, self._names, strict=True)]
            columns = _columns([*firsts, *self._parts], [*self._names, value])
            by = ", ".join(dict.fromkeys([*(sql for sql in groups if sql != time), *self._parts]))
            return f"SELECT {names}, count({value}) AS {value} FROM (SELECT {columns} {rows} GROUP BY {by}) GROUP BY {names}"
        columns = _columns([*groups, *self._parts], [*self._names, *self._letters])
        return f"SELECT {columns} {rows} GROUP BY {', '.join(dict.fromkeys(groups))}"

    def _asked(self) -> str:
        """The groups and periods that the answer asks for."""
        groups = [*(f"s.{name}" for name in self._others), self._at, *self._start_at]
        columns = ", ".join([*groups, *("NULL" for _ in self._letters)])
        return f"SELECT {columns} FROM spine AS s WHERE {spine_time(self._axis)} IS NOT NULL"

    def on(self, name: str) -> str:
        """How a row of the answer finds its value."""
        starts = [f"{name}.{_START} = {start}" for start in self._start_at]
        found = [same(name, self._axis.others), f"{name}.{_PERIOD} = {self._at}", *starts]
        return " AND ".join(filter(None, found))

    def value(self, name: str) -> str:
        """The column of the value."""
        return f"{name}.{_VALUE}"


def _columns(values: Sequence[str], names: Sequence[str]) -> str:
    return ", ".join(f"{sql} AS {name}" for sql, name in zip(values, names, strict=True))

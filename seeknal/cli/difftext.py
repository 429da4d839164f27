"""How differences read: one line for each node, then rows as aligned tables, before -> after; and as plain data.

Decides words and layout only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from seeknal.cli import common
from seeknal.errors import safe
from seeknal.model.diff import ADDED, METADATA, RECIPE, REMOVED
from seeknal.model.digest import short

if TYPE_CHECKING:
    from seeknal.build.diff import NodeDiff
    from seeknal.build.rowdiff import RowDiff, Sample
    from seeknal.build.sides import Side

_MARKS = {"added": "+", "removed": "-", "changed": "~"}
# So many columns of a row are shown, and so much of a value.
_WIDE, _LONG = 8, 32


def side_document(side: Side) -> dict[str, Any]:
    """A state as plain data."""
    told = side.generation
    return {"environment": side.environment, "generation": side.digest, "run": told.run, "created": told.created}


def document(found: NodeDiff) -> dict[str, Any]:
    """A node that differs as plain data."""
    before, after = found.difference.before, found.difference.after
    told: dict[str, Any] = {"node": found.difference.id, "change": found.difference.word}
    told |= {"details": list(found.difference.details), "note": found.note}
    told["rows_before"] = before.artifact.rows if before else None
    told["rows_after"] = after.artifact.rows if after else None
    if found.columns is not None:
        told["columns"] = _columns(found)
    if found.intervals is not None:
        told["intervals"] = {"read": found.intervals[0], "all": found.intervals[1]}
    if found.rows is not None:
        told["rows"] = _rows(found.rows)
    return told


def _columns(found: NodeDiff) -> dict[str, Any]:
    columns = found.columns
    assert columns is not None
    return {
        "added": [list(column) for column in columns.added],
        "removed": [list(column) for column in columns.removed],
        "renamed": [[c.old, c.new] for c in columns.shared if c.old != c.new],
        "retyped": [[c.new, c.old_type, c.new_type] for c in columns.shared if c.retyped],
        "differing": [c.new for c in columns.differing],
        "equal": [c.new for c in columns.shared if c.equal],
    }


def _rows(rows: RowDiff) -> dict[str, Any]:
    def named(values: Sequence[str | None] | None) -> dict[str, str | None] | None:
        return None if values is None else dict(zip(rows.columns, values, strict=True))

    return {
        "added": rows.added,
        "removed": rows.removed,
        "changed": rows.changed,
        "matched_by": rows.by,
        "key": list(rows.key) if rows.by == "key" else [],
        "values_changed": dict(rows.values),
        "sample": [{"change": s.word, "before": named(s.old), "after": named(s.new)} for s in rows.samples],
    }


def lines(before: Side, after: Side, found: Sequence[NodeDiff], equal: int) -> list[str]:
    """The differences for a person."""
    told = [f"from {_side(before)}", f"to   {_side(after)}"]
    width = max((len(one.difference.id) for one in found), default=0)
    for one in found:
        told.append(f"{one.difference.id:<{width}}  {'; '.join(_clauses(one))}")
        told += [f"    {line}" for line in (_table(one.rows) if one.rows else ())]
    if not found:
        return [*told, "no difference"]
    return [
        *told,
        f"{len(found)} {'differs' if len(found) == 1 else 'differ'}, {equal} {'is' if equal == 1 else 'are'} equal",
    ]


def _side(side: Side) -> str:
    return f"{side.environment} {short(side.digest)} (run {side.generation.run}, {side.generation.created[:19]})"


def _clauses(found: NodeDiff) -> Iterator[str]:
    """What became of a node, as clauses of one line."""
    difference = found.difference
    if difference.word in (ADDED, REMOVED):
        side = difference.after or difference.before
        assert side is not None
        yield f"{difference.word}: {_count(side.artifact.rows)}, {_count(len(side.artifact.columns), 'column')}"
        return
    if difference.word == METADATA:
        yield f"only metadata: {', '.join(difference.details)}"
        return
    if difference.word == RECIPE:
        yield "made another way, the same rows"
    if found.columns is not None:
        yield from found.columns.words()
    yield from _of_rows(found)
    if found.note:
        yield found.note
    if difference.details:
        yield f"metadata: {', '.join(difference.details)}"


def _count(number: int, what: str = "row") -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _of_rows(found: NodeDiff) -> Iterator[str]:
    before, after, rows = found.difference.before, found.difference.after, found.rows
    assert before is not None
    assert after is not None
    if rows is None:
        if found.note and before.artifact.rows != after.artifact.rows:
            yield f"{before.artifact.rows:,} -> {_count(after.artifact.rows)}"
        if found.note and found.columns and found.columns.differing:
            yield f"{', '.join(c.new for c in found.columns.differing)} differ"
        return
    if rows.none:
        yield "the same rows: only their order, or how they are stored, is another"
        return
    yield _counts(rows)
    if found.intervals:
        yield f"in {found.intervals[0]:,} of {found.intervals[1]:,} intervals"


def _counts(rows: RowDiff) -> str:
    """`2 rows added, 1 removed, 3 changed (amount 3, city 1) by id`."""
    numbers = ((rows.added, "added"), (rows.removed, "removed"), (rows.changed, "changed"))
    told = [f"{number:,} {word}" for number, word in numbers if number]
    first, _, word = told[0].partition(" ")
    told[0] = f"{first} {'row' if first == '1' else 'rows'} {word}"
    values = sorted(rows.values.items(), key=lambda item: -item[1])
    listed = ", ".join(name if number == rows.changed else f"{name} {number:,}" for name, number in values)
    text = ", ".join(told) + (f" ({listed})" if listed else "")
    return f"{text} by {', '.join(rows.key)}" if rows.by == "key" else text


def _table(rows: RowDiff) -> list[str]:
    """Some of the rows: `+` added, `-` removed, `~` changed, with before -> after in their cells."""
    if not rows.samples:
        return []
    shown = _shown(rows)
    table = [("", *(safe(rows.columns[i]) for i in shown))]
    table += [(_MARKS[sample.word], *(_value(sample, i) for i in shown)) for sample in rows.samples]
    told = common.table(table)
    hidden = len(rows.columns) - len(shown)
    more = [f"{hidden} more columns"] if hidden else []
    for word, number in (("added", rows.added), ("removed", rows.removed), ("changed", rows.changed)):
        left = number - sum(sample.word == word for sample in rows.samples)
        more += [f"{left:,} more {word}"] if left > 0 and any(s.word == word for s in rows.samples) else []
    return [*told, f"… {', '.join(more)}"] if more else told


def _shown(rows: RowDiff) -> list[int]:
    """The columns to show: the key, those that changed, and then others while there is room."""
    key = rows.key if rows.by == "key" else ()
    first = [i for i, name in enumerate(rows.columns) if name in key]
    changed = [i for i, name in enumerate(rows.columns) if name in rows.values and i not in first]
    others = [i for i in range(len(rows.columns)) if i not in first and i not in changed]
    room = max(_WIDE - len(first) - len(changed), 0)
    return first + sorted([*changed[: 2 * _WIDE], *others[:room]])


def _value(sample: Sample, column: int) -> str:
    old = sample.old[column] if sample.old else None
    new = sample.new[column] if sample.new else None
    if sample.word == "added" or old == new:
        return _cell(new)
    if sample.word == "removed":
        return _cell(old)
    skip = _same_beginning(old or "", new or "")
    return f"{_cell(old, skip)} -> {_cell(new, skip)}"


def _same_beginning(old: str, new: str) -> int:
    """How much of two long texts need not be shown: what they begin with alike, but for a little."""
    if max(len(old), len(new)) <= _LONG:
        return 0
    same = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    return max(same - 8, 0)


def _cell(value: str | None, skip: int = 0) -> str:
    """A value in a cell; a text that would not be seen stands in quotes."""
    if value is None:
        return "NULL"
    text = ("…" if skip else "") + value[skip:]
    text = text if len(text) <= _LONG else text[: _LONG - 1] + "…"
    text = safe(text).replace("\n", "\\n").replace("\t", "\\t")
    return f"'{text}'" if not text or text != text.strip() or text == "NULL" else text

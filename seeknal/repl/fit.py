"""An answer as lines of a table that fit a width: cells are cut with an ellipsis, then columns in the middle left out. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

from seeknal.build.rows import cell

_GAP = "  "
_LEAST = 10
_NUMBER = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL(\(.*\))?|DOUBLE|FLOAT|REAL", re.IGNORECASE)
_FIRM = re.compile(rf"({_NUMBER.pattern}|DATE|TIME.*|BOOLEAN)$", re.IGNORECASE)
_WHOLE = 32
_BOLD, _DIM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"


class Table(NamedTuple):
    """Lines, and how many of the columns they show."""

    lines: list[str]
    shown: int


def table(
    columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]], width: int | None, *, color: bool = False
) -> Table:
    """A header, a rule and the rows; `width` None: as wide as it gets."""
    heads = [cell(name) for name, _ in columns]
    cells = [[_shown(value) for value in row] for row in rows]
    widths = [max([wide(head), *(wide(row[i]) for row in cells)]) for i, head in enumerate(heads)]
    firm = [bool(_FIRM.match(type_)) for _, type_ in columns]
    kept, widths = _fitted(widths, [_least(*each) for each in zip(widths, map(wide, heads), firm, strict=True)], width)
    right = [bool(_NUMBER.fullmatch(type_)) for _, type_ in columns]

    def line(texts: Sequence[str], nulls: Sequence[bool] = (), style: str = "") -> str:
        made = [_aligned(texts[i], widths[i], right=right[i]) if i >= 0 else "…" for i in kept]
        if not color:
            return _GAP.join(made).rstrip()
        styles = [style or (_DIM if i >= 0 and nulls and nulls[i] else "") for i in kept]
        return _GAP.join(f"{s}{text}{_PLAIN}" if s else text for s, text in zip(styles, made, strict=True))

    rule = _GAP.join("─" * (widths[i] if i >= 0 else 1) for i in kept)
    body = [line(row, [value is None for value in raw]) for row, raw in zip(cells, rows, strict=True)]
    return Table([line(heads, style=_BOLD), rule, *body], sum(i >= 0 for i in kept))


def _shown(value: Any) -> str:
    """A cell: NULL where there is no value, and the text NULL in quotes, so that they differ."""
    if value is None:
        return "NULL"
    return "'NULL'" if value == "NULL" else cell(value)


def _least(wish: int, head: int, firm: bool) -> int:
    """The least width of a column: a number or a time is shown whole, a text may be cut."""
    return min(wish, _WHOLE) if firm else min(wish, max(_LEAST, min(head, 2 * _LEAST)))


def _fitted(widths: list[int], least: list[int], width: int | None) -> tuple[list[int], list[int]]:
    """Which columns are shown, -1 where some are left out, and how wide each is."""
    every = [*range(len(widths))]
    if width is None or _total(widths) <= width:
        return every, widths
    least = [min(each, width) for each in least]
    if _total(least) <= width:
        return every, _grown(least, widths, width)
    kept = _outer(least, width)
    shown = [i for i in kept if i >= 0]
    grown = _grown([min(least[i], width - 3) for i in shown], [widths[i] for i in shown], width - 3)
    found = dict(zip(shown, grown, strict=True))
    return kept, [found.get(i, 0) for i in every]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _outer(least: list[int], width: int) -> list[int]:
    """As many columns from both ends as fit, with a mark between them."""
    left, right = [0], list[int]()
    while len(left) + len(right) < len(least):
        at_left = len(left) <= len(right)
        new = len(left) if at_left else len(least) - 1 - len(right)
        if _total([*(least[i] for i in (*left, *right, new)), 1]) > width:
            break
        if at_left:
            left.append(new)
        else:
            right.insert(0, new)
    return [*left, -1, *right]


def _grown(least: list[int], wished: list[int], width: int) -> list[int]:
    """The least widths, made wider evenly up to what each wishes, as long as there is room."""
    found, spare = [*least], width - _total(least)
    while spare > 0 and (waiting := [i for i, w in enumerate(found) if w < wished[i]]):
        each = max(spare // len(waiting), 1)
        for i in waiting:
            more = min(each, wished[i] - found[i], spare)
            found[i] += more
            spare -= more
    return found


def _aligned(text: str, width: int, *, right: bool) -> str:
    text = cut(text, width)
    space = " " * (width - wide(text))
    return space + text if right else text + space


def cut(text: str, width: int) -> str:
    """The text in at most `width` columns of a terminal."""
    if wide(text) <= width:
        return text
    room, kept = width - 1, ""
    for char in text:
        room -= wide(char)
        if room < 0:
            break
        kept += char
    return f"{kept}…"


def wide(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)

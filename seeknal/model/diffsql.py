"""The SQL that compares the rows of two tables: at their places, by a key, or as bags.

Decides when two values count as equal and what is counted. In every query the compared columns are `c0`, `c1`, ..., the
key among them; rows before are `o`, rows after are `n`. It only writes text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from seeknal.model.alignment import Stretch
from seeknal.model.diff import Shared
from seeknal.model.lowering import path_literal, quoted

_NUMBER = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DOUBLE|FLOAT|DECIMAL\(.*\))")
_INSTANT = "TIMESTAMP WITH TIME ZONE"
_TIME = re.compile(r"(DATE|TIMESTAMP(_S|_MS|_NS)?|TIMESTAMP WITH TIME ZONE)")
ROW = "file_row_number"
# Of so few places, the files are read only where these lie.
_FEW = 100
# Files are read in groups of rows: what lies nearer than this is read all the same.
_FAR = 122_880


class Side(NamedTuple):
    """One of the two tables: its files, and SQL for each compared column."""

    paths: tuple[str, ...]
    values: tuple[str, ...]


class Value(NamedTuple):
    """How a column is compared: SQL for it before and after, and the type of both."""

    old: str
    new: str
    type: str


def value(column: Shared) -> Value:
    """Numbers of different types are compared as numbers, times as times, all else of different types as text."""
    names = quoted(column.old), quoted(column.new)
    if not column.retyped:
        return Value(*names, column.new_type)
    types = column.old_type, column.new_type
    whole = _common(*types)
    type_ = next((t for sort, t in ((_NUMBER, whole), (_TIME, _INSTANT)) if all(map(sort.fullmatch, types))), "VARCHAR")
    old, new = (f"CAST({name} AS {type_})" for name in names)
    return Value(old, new, type_)


def _common(one: str, other: str) -> str:
    whole = all(re.fullmatch(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?", type_) for type_ in (one, other))
    return "HUGEINT" if whole else "DOUBLE"


def table(side: Side, *, where: str = "", number: str = "") -> str:
    """A query for the compared columns of a side; with the place of each row as `number`, if that is said."""
    paths = f"[{', '.join(map(path_literal, side.paths))}]"
    shown = [*([f"{ROW} AS {number}"] if number else []), *(f"{sql} AS c{i}" for i, sql in enumerate(side.values))]
    return f"SELECT {', '.join(shown)} FROM read_parquet({paths}{f', {ROW} = true' if number else ''}){where}"


def at_places(old: Side, new: Side, which: Sequence[int], stretch: Stretch) -> str:
    """The places (`p` before, `q` after) in a stretch where rows differ in the columns `which`; `d0`, `d1`, ... say in which.

    That both sides stand at the same place is checked with each row: so a row that is left out is equal for certain.
    """
    sides = [
        table(
            Side(side.paths, tuple(side.values[i] for i in which)),
            where=f" WHERE {ROW} BETWEEN {start} AND {start + stretch.rows - 1}",
            number="p",
        )
        for side, start in ((old, stretch.old), (new, stretch.new))
    ]
    differs = [f"o.c{i} IS DISTINCT FROM n.c{i}" for i in range(len(which))]
    flags = ", ".join(f"{sql} AS d{i}" for i, sql in enumerate(differs))
    astray = f"o.p + {stretch.new - stretch.old} IS DISTINCT FROM n.p"
    both = f"({sides[0]}) o POSITIONAL JOIN ({sides[1]}) n"
    return f"SELECT o.p, n.p AS q, {flags} FROM {both} WHERE {astray} OR {' OR '.join(differs)}"


def noted(places: str) -> str:
    """The places themselves."""
    return f"SELECT p, q FROM ({places})"


def counted(places: str, count: int, sample: int) -> str:
    """How many places there are, some of the first, and in how many each column differs."""
    told = ", ".join(f"count(*) FILTER (d{i})" for i in range(count))
    return f"SELECT count(*), min({{'p': p, 'q': q}}, {max(sample, 1)}), {told} FROM ({places})"


def rows_at(side: Side, places: Sequence[int]) -> str:
    """The rows at these places; they are given once more as parameter 1, and as parameter 2 what `p` each row gets."""
    few = f"{ROW} IN ({', '.join(map(str, places))})" if len(places) <= _FEW else ""
    where = [few] if few else [f"{ROW} BETWEEN {span[0]} AND {span[-1]}" for span in spans(places)]
    source = " UNION ALL ".join(table(side, where=f" WHERE {condition}", number=ROW) for condition in where)
    names = ", ".join(f"r.c{i}" for i in range(len(side.values)))
    wanted = "SELECT unnest($1::BIGINT[]) AS f, unnest($2::BIGINT[]) AS p"
    return f"SELECT w.p, {names} FROM ({source}) r JOIN ({wanted}) w ON w.f = r.{ROW}"


def spans(places: Iterable[int]) -> list[range]:
    """The stretches of a file in which these places lie: what lies far from all of them need not be read."""
    found: list[range] = []
    for place in sorted(places):
        if found and place - found[-1][-1] < _FAR:
            found[-1] = range(found[-1].start, place + 1)
        else:
            found.append(range(place, place + 1))
    return found


def anchors(old: Side, new: Side, which: int, every: int) -> str:
    """Places of rows whose value of one column is alone in both files: one in `every` of its values is looked at."""
    sides = []
    for side in (old, new):
        rows = table(Side(side.paths, (side.values[which],)), number="p")
        some = f"SELECT hash(c0) AS h, p FROM ({rows}) WHERE hash(c0) % {every} = 0"
        sides.append(f"SELECT h, min(p) AS p FROM ({some}) GROUP BY h HAVING count(*) = 1")
    return f"SELECT o.p, n.p FROM ({sides[0]}) o JOIN ({sides[1]}) n ON o.h = n.h ORDER BY o.p"


def digest(count: int) -> str:
    """A number for a whole row."""
    return f"hash({', '.join(f'c{i}' for i in range(count))})"


def sums(relation: str, count: int, buckets: int) -> str:
    """For each bucket of rows, a sum that does not depend on their order."""
    inner = f"SELECT {digest(count)} AS h FROM ({relation})"
    return f"SELECT h % {buckets} AS b, sum(h::HUGEINT) AS s, count(*) AS r FROM ({inner}) GROUP BY b"


def unlike_buckets(old: str, new: str, count: int, buckets: int) -> str:
    """The buckets whose rows differ."""
    sides = [sums(relation, count, buckets) for relation in (old, new)]
    return (
        f"SELECT coalesce(o.b, n.b) FROM ({sides[0]}) o FULL JOIN ({sides[1]}) n ON o.b = n.b "
        "WHERE o.s IS DISTINCT FROM n.s OR o.r IS DISTINCT FROM n.r"
    )


def in_buckets(relation: str, count: int, buckets: int, which: Iterable[int]) -> str:
    """The rows of some buckets."""
    return f"SELECT * FROM ({relation}) WHERE {digest(count)} % {buckets} IN ({', '.join(map(str, which)) or 'NULL'})"


def left_over(types: Sequence[str]) -> str:
    """A table for rows that are left over: the place of each, and its compared columns."""
    return "(p BIGINT, " + ", ".join(f"c{i} {type_}" for i, type_ in enumerate(types)) + ")"


def repeated(relations: Iterable[str], key: Sequence[int]) -> str:
    """How many rows more than keys there are in each, added up."""
    names = ", ".join(f"c{i}" for i in key)
    keys = "(SELECT count(*) FROM {0}) - (SELECT count(*) FROM (SELECT DISTINCT {1} FROM {0}))"
    return f"SELECT {' + '.join(keys.format(relation, names) for relation in relations)}"


def _texts(side: str, count: int) -> str:
    return "[" + ", ".join(f"CAST({side}.c{i} AS VARCHAR)" for i in range(count)) + "]"


def _struct(names: Iterable[str]) -> str:
    return "{" + ", ".join(f"'k{i}': {name}" for i, name in enumerate(names)) + "}"


def by_key(count: int, key: Sequence[int], sample: int, sides: tuple[str, str] = ("o", "n")) -> str:
    """Counts of added, removed and changed rows, of changed values by column, and samples of each sort by least key.

    Without a key, rows at one place are one row.
    """
    others = [i for i in range(count) if i not in key]
    on = " AND ".join(f"o.c{i} IS NOT DISTINCT FROM n.c{i}" for i in key) or "o.p = n.p"
    differs = [f"o.c{i} IS DISTINCT FROM n.c{i}" for i in others]
    which = " OR ".join(["o.p IS NULL", "n.p IS NULL", *differs])
    kind = "CASE WHEN o.p IS NULL THEN 1 WHEN n.p IS NULL THEN 2 ELSE 3 END"
    keys = _struct([*(f"CASE WHEN o.p IS NULL THEN n.c{i} ELSE o.c{i} END" for i in key), "coalesce(o.p, n.p)"])
    flags = ", ".join(f"({sql}) AS d{i}" for i, sql in zip(others, differs, strict=True))
    row = f"{{'k': {keys}, 'o': {_texts('o', count)}, 'n': {_texts('n', count)}}}"
    inner = f"SELECT {kind} AS kind, {row} AS r{', ' if flags else ''}{flags} FROM {sides[0]} o FULL JOIN {sides[1]} n"
    inner = f"{inner} ON {on} WHERE {which}"
    counts = [f"count(*) FILTER (kind = {word})" for word in (1, 2, 3)]
    samples = [f"min(r, {sample}) FILTER (kind = {word})" if sample else "NULL" for word in (1, 2, 3)]
    changed = [f"count(*) FILTER (kind = 3 AND d{i})" for i in others]
    return f"SELECT {', '.join([*counts, *samples, *changed])} FROM ({inner})"


def as_bags(count: int, sample: int) -> str:
    """Counts of added and removed rows, equal ones taken off each other, and samples of each sort by least row."""
    names = ", ".join(f"c{i}" for i in range(count))
    both = f"SELECT {names}, 1 AS s FROM n UNION ALL SELECT {names}, -1 AS s FROM o"
    left = f"SELECT {names}, sum(s)::BIGINT AS s FROM ({both}) GROUP BY {names} HAVING sum(s) <> 0"
    row = f"{{'k': {_struct(f'g.c{i}' for i in range(count))}, 'v': {_texts('g', count)}, 's': s}}"
    counts = "coalesce(sum(s) FILTER (s > 0), 0)::BIGINT, coalesce(-sum(s) FILTER (s < 0), 0)::BIGINT"
    samples = [f"min({row}, {sample}) FILTER (s {sign} 0)" if sample else "NULL" for sign in "><"]
    return f"SELECT {counts}, {', '.join(samples)} FROM ({left}) g"


def left_places(count: int) -> str:
    """The places at which both the old row is one too many and the new row is one too few, as bags."""
    names = ", ".join(f"c{i}" for i in range(count))
    both = f"SELECT {names}, 1 AS s FROM n UNION ALL SELECT {names}, -1 AS s FROM o"
    left = f"SELECT {names}, sum(s) AS s FROM ({both}) GROUP BY {names} HAVING sum(s) <> 0"
    on = [
        " AND ".join(f"{side}.c{i} IS NOT DISTINCT FROM {g}.c{i}" for i in range(count))
        for side, g in (("o", "g"), ("n", "h"))
    ]
    return (
        f"WITH g AS MATERIALIZED ({left}) SELECT o.p FROM o JOIN n ON o.p = n.p "
        f"JOIN g ON {on[0]} AND g.s < 0 JOIN g h ON {on[1]} AND h.s > 0"
    )


def are_unique(relations: Iterable[str]) -> str:
    """Whether no value of the first column is there twice, and none is missing, in any of the tables."""
    alone = (f"(SELECT count(DISTINCT c0) = count(*) FROM ({relation}))" for relation in relations)
    return f"SELECT {' AND '.join(alone)}"

"""`seeknal diff` on rows: whatever is in them, the counts are those that plain Python comes to."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from tests.project_on_disk import Project, reader

TYPES = {
    "id": "BIGINT",
    "name": "VARCHAR",
    "price": "DECIMAL(12,3)",
    "score": "DOUBLE",
    "at": "TIMESTAMP WITH TIME ZONE",
    "tags": "VARCHAR[]",
    "place": "STRUCT(x INTEGER, y VARCHAR)",
    "more": "MAP(VARCHAR, INTEGER)",
}
NASTY = [
    "''",
    "'NULL'",
    "NULL",
    "'\x1b[31mred'",
    "'a''b\"; DROP TABLE o'",
    "'\u202eevil'",
    "'line\nbreak'",
    "'ünï'",
    "' '",
]


def row(pick: random.Random, number: int) -> tuple[str, ...]:
    """A row as SQL."""
    text = pick.choice(NASTY)
    score = pick.choice(["'nan'::DOUBLE", "NULL", "0.0", "'inf'::DOUBLE", f"{pick.random()}"])
    tags = pick.choice(["NULL", "[]", f"[{text}]", "['a', NULL]"])
    place = pick.choice(["NULL", f"{{'x': {number % 3}, 'y': {text}}}"])
    at = f"TIMESTAMPTZ '2024-01-01 00:00:00+00' + INTERVAL {number % 50} HOUR"
    more = pick.choice(["NULL", "MAP {'a': 1}", "MAP {'b': NULL}"])
    return (str(number), text, f"{pick.randrange(1000)}.125", score, at, tags, place, more)


def write(project: Project, rows: list[tuple[str, ...]]) -> None:
    """The rows as the Parquet file of a source."""
    casts = ", ".join(f"CAST(c{i} AS {type_}) AS {name}" for i, (name, type_) in enumerate(TYPES.items()))
    names = ", ".join(f"c{i}" for i in range(len(TYPES)))
    parts = [f"SELECT {', '.join(f'{v} AS c{i}' for i, v in enumerate(values))}" for values in rows]
    query = " UNION ALL ".join(f"SELECT {casts} FROM ({part})" for part in parts)
    if not rows:
        query = f"SELECT {', '.join(f'CAST(NULL AS {t}) AS {n}' for n, t in TYPES.items())} WHERE false"
    assert names
    reader().execute(f"COPY ({query}) TO '{project.path('data', 't.parquet')}' (FORMAT parquet)")


@pytest.fixture
def tables(project: Project) -> Project:
    """A source and a copy of its rows, which the store keeps."""
    project.write("data/.keep", "")
    project.write("seeknal/t.yml", "kind: source\nname: t\nsource: parquet\ntable: data/t.parquet\n")
    project.transform("copy", "SELECT * FROM ref('source.t')", ("source.t",))
    return project


def changed(project: Project, *options: str) -> dict[str, Any]:
    """What `diff` says of the rows of the copy; nothing where it does not differ."""
    told = project.seeknal("diff", "--json", "-n", "transform.copy", *options)
    assert told.code == 0, told.err
    found: dict[str, Any] = told.json["nodes"][0]["rows"] if told.json["nodes"] else {}
    return found


@pytest.mark.parametrize("seed", range(12))
def test_counts_are_those_of_plain_python(tables: Project, seed: int) -> None:
    pick = random.Random(seed)
    numbers = [pick.randrange(8) if seed % 3 == 0 else n for n in range(pick.randrange(12))]  # with a third: no key
    before = [row(pick, n) for n in numbers]
    after = [row(pick, int(r[0])) if pick.random() < 0.2 else r for r in before if pick.random() < 0.8]
    after += [row(pick, 100 + n) for n in range(pick.randrange(3))]
    if seed % 2:
        pick.shuffle(after)
    write(tables, before)
    tables.run()
    write(tables, after)
    if not tables.run("--run-id", "second").events[-1]["changes"]:
        return  # nothing came of this seed
    old, new = (reader().execute(f"SELECT * FROM read_parquet('{p}')").fetchall() for p in _paths(tables))
    lost, more = (Counter(map(repr, side)) for side in (old, new))
    expected = (sum((more - lost).values()), sum((lost - more).values()))
    found = changed(tables, "--key", "more")  # values of this repeat, so it is no key
    if expected == (0, 0):
        assert not found or (found["added"], found["removed"], found["changed"]) == (0, 0, 0)
    elif found["matched_by"] == "place":
        assert (found["changed"], found["changed"]) == expected
        assert found["changed"] == sum(repr(a) != repr(b) for a, b in zip(old, new, strict=True))
    elif found["matched_by"] == "bag":
        assert (found["added"], found["removed"]) == expected
    keys = [{r[0]: repr(r) for r in side} for side in (old, new)]
    if len(keys[0]) == len(old) and len(keys[1]) == len(new) and expected != (0, 0):
        by_id = changed(tables, "--key", "id")
        both = keys[0].keys() & keys[1].keys()
        told = (by_id["added"], by_id["removed"], by_id["changed"])
        assert by_id["matched_by"] == "key"
        assert told == (len(keys[1]) - len(both), len(keys[0]) - len(both), sum(keys[0][k] != keys[1][k] for k in both))


def _paths(project: Project) -> list[str]:
    """The copy's files in the store, before and after."""
    shown = [project.seeknal("log", "--json").json[i]["generation"] for i in (1, 0)]
    return [project.seeknal("show", "copy", "--json", "--generation", g).json["path"] for g in shown]


MANY = 150_000


def large(project: Project, what: str) -> None:
    """A table of many rows, written as the source's file by SQL over `t`; and a run."""
    base = (
        f"SELECT i AS id, i % 1000 AS shop, hash(i)::VARCHAR AS note, (i % 77)::DOUBLE AS score FROM range({MANY}) r(i)"
    )
    query = f"WITH t AS ({base}) {what}"
    reader().execute(f"COPY ({query}) TO '{project.path('data', 't.parquet')}' (FORMAT parquet)")
    project.run()


LARGE = {
    # what is done to the rows: added, removed, changed by id; how they are matched without a key
    "ten values changed": ("FROM (SELECT * REPLACE (if(id % 15000 = 7, -1, score) AS score) FROM t)", (0, 0, 10), "place"),
    "rows went in between": ("FROM (FROM t UNION ALL SELECT MX + id, 5, '', 0 FROM t WHERE id < 9) ORDER BY shop, id",
                             (9, 0, 0), "bag"),
    "rows went": ("FROM t WHERE id % 30000 <> 4", (0, 5, 0), "bag"),
    "another order": ("FROM t ORDER BY note", (0, 0, 0), "bag"),
    "another order and a change": ("FROM (SELECT * REPLACE (if(id = 5, 'new', note) AS note) FROM t) ORDER BY hash(id)",
                                   (0, 0, 1), "bag"),
    "a column was made again": ("SELECT * REPLACE (score + 1 AS score) FROM t", (0, 0, MANY), "place"),
    "one column, another order": ("SELECT * REPLACE (id % 77 AS score) FROM t", (0, 0, 0), "place"),
    "all is new": ("SELECT MX + id AS id, shop, note || '!' AS note, score - 1 AS score FROM t ORDER BY score",
                   (MANY, MANY, 0), "bag"),
}  # fmt: skip


@pytest.mark.parametrize("what", LARGE)
def test_large_tables_go_other_ways_to_the_same_end(tables: Project, what: str) -> None:
    large(tables, "FROM t")
    query, expected, way = LARGE[what]
    large(tables, query.replace("MX", str(10 * MANY)))
    options = ("--rows", "2")
    found = changed(tables, *options, "--key", "id")
    if found:
        assert (found["added"], found["removed"], found["changed"]) == expected
        words = [sample["change"] for sample in found["sample"]]
        counts = zip(("added", "removed", "changed"), expected, strict=True)
        assert words == [word for word, count in counts for _ in range(min(count, 2))]
    else:
        assert expected == (0, 0, 0)
    free = changed(tables, *options, "--key", "shop")  # repeats: no key
    if any(expected):
        assert free["matched_by"] == way
        added, removed, both = expected
        by_place = (added, removed, both) if way == "place" else (added + both, removed + both, 0)
        assert (free["added"], free["removed"], free["changed"]) == by_place

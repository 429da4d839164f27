"""`seeknal diff` on two large tables with ten changed rows, against a plain DuckDB EXCEPT in both directions.

Each answer is checked: the counts are those of the edit. The whole command is measured, the hashing of both files included.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import duckdb

from tests.bench.measure import COLUMNS, Cost, Table, alternately, environment, python, seeknal, workplace
from tests.bench.projects import write

TABLE = """SELECT i AS id, (hash(i) % 1000000)::BIGINT AS customer, DATE '2020-01-01' + (i // {few})::INTEGER AS day,
  'city ' || (hash(i + 1) % 500) AS city, (hash(i + 2) % 100000 / 100)::DECIMAL(10, 2) AS amount,
  (hash(i + 3) % 1000) / 7.0 AS score, (hash(i + 4) % 50)::INTEGER AS items, 'note ' || hash(i + 5) AS note
  FROM range({rows}) r(i)"""
EXCEPT = """
import duckdb, sys
con = duckdb.connect()
for one, other in (sys.argv[1:3], sys.argv[2:0:-1]):
    con.execute(f"SELECT * FROM (FROM read_parquet('{one}') EXCEPT FROM read_parquet('{other}')) LIMIT 1000").fetchall()
"""
PLAIN = "SELECT * FROM ref('source.t')"
TEN = "id % {tenth} = 77"
EDITS = {
    "one": f"SELECT * REPLACE (CASE WHEN {TEN} THEN amount + 1 ELSE amount END AS amount) FROM ref('source.t')",
    "seven": f"""SELECT id, CASE WHEN {TEN} THEN -customer ELSE customer END AS customer,
      CASE WHEN {TEN} THEN day + 1 ELSE day END AS day, CASE WHEN {TEN} THEN city || '!' ELSE city END AS city,
      CASE WHEN {TEN} THEN amount + 1 ELSE amount END AS amount, CASE WHEN {TEN} THEN score + 1 ELSE score END AS score,
      CASE WHEN {TEN} THEN items + 1 ELSE items END AS items, CASE WHEN {TEN} THEN note || '!' ELSE note END AS note
      FROM ref('source.t')""",
    "added": f"SELECT * FROM ref('source.t') UNION ALL SELECT * FROM ref('source.t') WHERE {TEN} ORDER BY id",
    "shuffled": f"""SELECT * REPLACE (CASE WHEN {TEN} THEN amount + 1 ELSE amount END AS amount) FROM ref('source.t')
      ORDER BY hash(id)""",
}  # fmt: skip
WHAT = {
    "one": "ten rows changed in one column of eight",
    "seven": "ten rows changed in seven columns of eight",
    "added": "ten rows added here and there",
    "shuffled": "ten rows changed, all in another order",
}


def _project(root: str, rows: int) -> None:
    os.makedirs(os.path.join(root, "data"))
    path = os.path.join(root, "data", "t.parquet")
    query = TABLE.format(rows=rows, few=max(rows // 1000, 1))
    duckdb.connect().execute(f"COPY ({query}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
    write(root, "seeknal_project.yml", "name: diff\n")
    write(root, "seeknal/t.yml", "kind: source\nname: t\nsource: parquet\ntable: data/t.parquet\n")
    _transforms(root, dict.fromkeys(EDITS, PLAIN), rows)
    seeknal(root, "run")
    _transforms(root, EDITS, rows)
    seeknal(root, "run")


def _transforms(root: str, queries: dict[str, str], rows: int) -> None:
    for name, query in queries.items():
        sql = query.replace("{tenth}", str(rows // 10)).replace("\n", "\n  ")
        text = f"kind: transform\nname: {name}\ninputs: [{{ref: source.t}}]\ntransform: |\n  {sql}\n"
        write(root, f"seeknal/{name}.yml", text)


def _told(root: str, *words: str) -> dict[str, object]:
    command = [sys.executable, "-m", "seeknal", *words, "--json", "--project-path", root]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    found: dict[str, object] = json.loads(done.stdout) if words[0] != "log" else {"log": json.loads(done.stdout)}
    return found


def _paths(root: str, name: str) -> list[str]:
    newest: list[dict[str, str]] = _told(root, "log")["log"]  # type: ignore[assignment]
    return [str(_told(root, "show", name, "--generation", newest[i]["generation"])["path"]) for i in (1, 0)]


def _check(root: str, name: str, *key: str) -> None:
    rows = _told(root, "diff", "-n", name, *key)["nodes"][0]["rows"]  # type: ignore[index]
    found = tuple(rows[word] for word in ("added", "removed", "changed"))
    right = {"added": [(10, 0, 0)]}.get(name, [(0, 0, 10)] if key else [(0, 0, 10), (10, 10, 0)])
    if found not in right:
        raise RuntimeError(f"{name} {key}: {found}, not {right}")


def bench(runs: int, *, quick: bool = False) -> Table:
    """By key and without one, for rows that changed at their places, rows that moved, and rows in another order."""
    rows = 1_000_000 if quick else 10_000_000
    table = Table(f"diff: two tables of {rows:,} rows, eight columns", ["what", *COLUMNS])
    with workplace() as folder:
        root = os.path.join(folder, "project")
        _project(root, rows)
        for name in EDITS:
            key = () if name == "added" else ("--key", "id")
            for words in {key, ()}:
                _check(root, name, *words)
            old, new = _paths(root, name)

            def plain(old: str = old, new: str = new) -> Cost:
                return python(EXCEPT, old, new)

            def diff(*words: str, name: str = name) -> Cost:
                return seeknal(root, "diff", "-n", name, *words)

            by_key = {"key": lambda diff=diff: diff("--key", "id")} if key else {}
            found = alternately(runs, plain=plain, bags=diff, **by_key)
            table.add(f"{WHAT[name]}: EXCEPT, twice", *found["plain"].cells())
            for way, word in (("key", "by key"), ("bags", "without a key")):
                if way in found:
                    table.add(f"  diff {word}", *found[way].cells(found["plain"], "wall"))
    table.notes.append("ratio: wall to EXCEPT in both directions over the same two files; answers were checked")
    return table

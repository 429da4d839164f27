"""Tiny nodes, built in full, one at a time: the whole process against a loop that only does DuckDB COPY and fsync."""

from __future__ import annotations

import json
import os

from tests.bench.measure import COLUMNS, Cost, Table, alternately, put_aside, python, seeknal, workplace
from tests.bench.projects import Made, layered, source_rows

LOOP = """
import duckdb, json, os, sys
queries, out = json.load(open(sys.argv[1])), sys.argv[2]
con = duckdb.connect(config={"threads": int(sys.argv[3])})
for name, query in queries:
    path = f"{out}/{name}.parquet"
    con.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
"""


def plain(made: Made, out: str) -> list[tuple[str, str]]:
    """The same work as plain queries over Parquet files in `out`."""
    types = "{'id': 'BIGINT', 'grp': 'VARCHAR', 'v': 'BIGINT'}"
    found = [(name, f"SELECT * FROM read_csv('{path}', columns={types})") for name, path in source_rows(made).items()]
    for name, (sql, inputs) in made.queries.items():
        for ref in inputs:
            sql = sql.replace(f"ref('{ref}')", f"read_parquet('{out}/{ref}.parquet')")
        found.append((name, sql))
    return found


def bench(runs: int, *, quick: bool = False) -> Table:
    """1,000 nodes."""
    count = 100 if quick else 1000
    table = Table(f"tiny nodes: a full build of {count}", ["what", *COLUMNS])
    with workplace() as folder:
        made = layered(os.path.join(folder, "project"), count)
        out = os.path.join(folder, "loop", "out")
        queries = os.path.join(folder, "queries.json")
        with open(queries, "w", encoding="utf-8") as file:
            json.dump(plain(made, out), file)

        def build() -> Cost:
            put_aside(os.path.join(made.root, "target"))
            return seeknal(made.root, "run", "--quiet")

        def loop(threads: int) -> Cost:
            put_aside(out)
            os.makedirs(out)
            return python(LOOP, queries, out, str(threads))

        found = alternately(runs, loop1=lambda: loop(1), loop=lambda: loop(os.cpu_count() or 1), build=build)
    table.add("plain loop, 1 thread", *found["loop1"].cells())
    table.add("plain loop, all threads", *found["loop"].cells(found["loop1"], "wall"))
    table.add("seeknal run", *found["build"].cells(found["loop1"], "wall"))
    ratio = found["build"].median("cpu") / found["loop1"].median("cpu")
    table.notes.append(f"ratio: wall to the loop with 1 thread, the quicker one (CPU: {ratio:.2f}x); budget 2x")
    return table

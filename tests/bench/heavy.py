"""One heavy node: 20 million rows joined to a million and grouped to a million, against the same SQL in a plain script."""

from __future__ import annotations

import os

import duckdb

from tests.bench.measure import COLUMNS, Cost, Table, alternately, put_aside, python, seeknal, workplace
from tests.bench.projects import edit, write

SQL = """SELECT f.k, d.name, count(*) AS n, sum(f.v) AS s, max(f.w) AS m
  FROM {facts} f JOIN {dims} d ON f.k = d.k
  WHERE f.v >= 5
  GROUP BY f.k, d.name"""
SCRIPT = """
import duckdb, os, sys
con = duckdb.connect(config={"threads": os.cpu_count()})
con.execute(f"COPY ({sys.argv[1]}) TO '{sys.argv[2]}' (FORMAT parquet, COMPRESSION zstd)")
handle = os.open(sys.argv[2], os.O_RDONLY)
os.fsync(handle)
"""


def _project(root: str, rows: int) -> None:
    os.makedirs(os.path.join(root, "data"))
    con = duckdb.connect()
    few = rows // 20
    for name, query in {
        "facts": f"SELECT (hash(i) % {few})::BIGINT AS k, (hash(i + 1) % 1000)::BIGINT AS v, i AS w FROM range({rows}) r(i)",
        "dims": f"SELECT i::BIGINT AS k, 'name ' || i AS name FROM range({few}) r(i)",
    }.items():
        con.execute(f"COPY ({query}) TO '{root}/data/{name}.parquet' (FORMAT parquet, COMPRESSION zstd)")
        text = f"kind: source\nname: {name}\nsource: parquet\ntable: data/{name}.parquet\n"
        write(root, f"seeknal/sources/{name}.yml", text)
    sql = SQL.format(facts="ref('source.facts')", dims="ref('source.dims')")
    inputs = "inputs:\n  - ref: source.facts\n  - ref: source.dims\n"
    write(root, "seeknal/transforms/heavy.yml", f"kind: transform\nname: heavy\n{inputs}transform: |\n  {sql}\n")
    write(root, "seeknal_project.yml", "name: heavy\n")


def bench(runs: int, *, quick: bool = False) -> Table:
    """First run with its sources, and a rebuild of the node after an edit."""
    rows = 2_000_000 if quick else 20_000_000
    table = Table(f"one heavy node: {rows:,} rows joined and grouped to {rows // 20:,}", ["what", *COLUMNS])
    with workplace() as folder:
        root = os.path.join(folder, "project")
        _project(root, rows)
        state = {"limit": 5}
        yml = os.path.join(root, "seeknal", "transforms", "heavy.yml")

        def script() -> Cost:
            paths = {name: f"read_parquet('{root}/data/{name}.parquet')" for name in ("facts", "dims")}
            return python(SCRIPT, SQL.format(**paths), os.path.join(folder, "out.parquet"))

        def first() -> Cost:
            put_aside(os.path.join(root, "target"))
            return seeknal(root, "run")

        def rebuild() -> Cost:
            edit(yml, f">= {state['limit']}", f">= {state['limit'] + 1}")
            state["limit"] += 1
            return seeknal(root, "run")

        found = alternately(min(runs, 5), script=script, first=first, rebuild=rebuild)
    table.add("plain DuckDB script", *found["script"].cells())
    table.add("first run", *found["first"].cells(found["script"], "wall"))
    table.add("rebuild of the node", *found["rebuild"].cells(found["script"], "wall"))
    cpu = {name: found[name].median("cpu") / found["script"].median("cpu") for name in ("first", "rebuild")}
    table.notes.append(
        f"ratio: wall to the script, all threads, zstd (CPU: {cpu['first']:.2f}x, {cpu['rebuild']:.2f}x); budget 1.10x"
    )
    return table

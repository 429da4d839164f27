"""What a Python node costs over its function: many small ones in a run, less few of them, against the same functions in a loop."""

from __future__ import annotations

import os
import shutil

from tests.bench.measure import Cost, Table, alternately, python, seeknal, workplace
from tests.bench.projects import write

BODIES = {
    "SQL": "rows = ctx.ref('source.r'); return ctx.duckdb.sql('SELECT id, v + {k} AS v FROM rows')",
    "a list": "return [{{'id': i, 'v': i + {k}}} for i in range(20)]",
    "pandas": "rows = ctx.ref('source.r'); rows['v'] = rows['v'] + {k}; return rows",
    "polars": "import polars as pl; return ctx.ref('source.r').pl().with_columns(pl.col('v') + {k})",
}

# The same functions one after another, each result written by DuckDB: no process, no key, no store.
LOOP = """
import os, sys, time
import duckdb
from seeknal.pipeline.rows import Rows
from seeknal.worker.results import write
folder, body, first, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
con = duckdb.connect()
duckdb.set_default_connection(con)
class Context:
    duckdb = con
    def ref(self, name):
        return Rows(con.read_parquet(os.path.join(folder, "r.parquet")))
for k in range(first, count):
    names = {}
    exec("def node(ctx):\\n    " + body.format(k=k), names)
    write(names["node"](Context()), os.path.join(folder, f"out{k}.parquet"), con)
"""


def bench(runs: int, *, quick: bool = False) -> Table:
    """Milliseconds of one more node."""
    few, many = (5, 25) if quick else (10, 110)
    parts = ("node", "function", "over it")
    head = ["the function returns", *(f"{part}, {how}" for how in ("wall", "CPU") for part in parts)]
    table = Table(f"Python nodes: what one more costs, of {many - few} more; ms", head)
    with workplace() as folder:
        for name, body in BODIES.items():
            roots = {count: _project(os.path.join(folder, f"{name}{count}"), body, count) for count in (few, many)}

            def run(root: str) -> Cost:
                shutil.rmtree(os.path.join(root, "target"), ignore_errors=True)
                return seeknal(root, "run")

            def loop(count: int, root: str = roots[few], body: str = body) -> Cost:
                return python(LOOP, root, body, "0", str(count))

            found = alternately(
                min(runs, 5),
                few=lambda roots=roots: run(roots[few]),  # type: ignore[misc]
                many=lambda roots=roots: run(roots[many]),  # type: ignore[misc]
                loop_few=lambda loop=loop: loop(few),  # type: ignore[misc]
                loop_many=lambda loop=loop: loop(many),  # type: ignore[misc]
            )
            cells = []
            for how in ("wall", "cpu"):
                node, own = (
                    (found[f"{which}many"].least(how) - found[f"{which}few"].least(how)) / (many - few)
                    for which in ("", "loop_")
                )
                cells += [f"{node:.1f}", f"{own:.1f}", f"{node - own:.1f}"]
            table.add(name, *cells)
    table.notes.append(
        "best of the runs; reading the file, deciding, storing with fsync and publishing included; budget 20 ms"
    )
    return table


def _project(root: str, body: str, count: int) -> str:
    write(root, "seeknal_project.yml", "name: pynodes\n")
    write(root, "data/r.csv", "id,v\n" + "".join(f"{i},{i * 7}\n" for i in range(20)))
    types = "columns: {id: BIGINT, v: BIGINT}\n"
    write(root, "seeknal/sources/r.yml", f"kind: source\nname: r\nsource: csv\ntable: data/r.csv\n{types}")
    import duckdb

    duckdb.execute(f"COPY (SELECT i AS id, i * 7 AS v FROM range(20) t(i)) TO '{root}/r.parquet'")
    for k in range(count):
        head = f"from seeknal.pipeline import transform\n\n\n@transform()\ndef n{k}(ctx):\n"
        lines = "".join(f"    {line}\n" for line in body.format(k=k).split("; "))
        write(root, f"seeknal/pipelines/n{k}.py", head + lines)
    return root

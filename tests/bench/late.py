"""Late data: a year of days, six nodes with intervals over a raw file of five million rows, against building all of it.

Each edit is checked: the days that were built of each node, by the log of the run, are those that the edit touched.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import date, timedelta

import duckdb

from tests.bench.measure import COLUMNS, Cost, Costs, Table, alternately, put_aside, seeknal, workplace
from tests.bench.projects import write

FIRST = date(2023, 1, 1)
DAYS = 365
EVERY = "interval: {unit: day, column: day%s}"
NODES = {
    "clean": ("day", 0, "SELECT * FROM ref('source.rides') WHERE km >= 0", "source.rides"),
    "daily": (
        "day", 0, "SELECT day, count(*) AS n, sum(km) AS km FROM ref('transform.clean') GROUP BY day", "transform.clean",
    ),
    "by_city": (
        "day", 0, "SELECT day, city, sum(km) AS km FROM ref('transform.clean') GROUP BY ALL", "transform.clean",
    ),
    "riders": (
        "day", 0, "SELECT day, rider, sum(km) AS km FROM ref('transform.clean') GROUP BY ALL", "transform.clean",
    ),
    "last_3": (
        "day", 2, "SELECT CAST('{{interval_start}}' AS DATE) AS day, sum(km) AS km FROM ref('transform.daily')",
        "transform.daily",
    ),
    "monthly": (
        "month", 0, "SELECT date_trunc('month', day)::DATE AS day, sum(km) AS km FROM ref('transform.daily') GROUP BY 1",
        "transform.daily",
    ),
}  # fmt: skip
# Of one touched day, how many intervals of each node are built.
TOUCHED = {"clean": 1, "daily": 1, "by_city": 1, "riders": 1, "last_3": 3, "monthly": 1}


def _project(root: str, rows: int) -> str:
    write(root, "seeknal_project.yml", "name: late\n")
    os.makedirs(os.path.join(root, "data"))
    path = os.path.join(root, "data", "rides.csv")
    query = f"""SELECT i AS id, DATE '{FIRST}' + (i * {DAYS} // {rows})::INTEGER AS day, hash(i) % 5000 AS rider,
      'city ' || hash(i + 1) % 40 AS city, (hash(i + 2) % 30000 / 1000)::DECIMAL(8, 3) AS km FROM range({rows}) r(i)"""
    duckdb.connect().execute(f"COPY ({query}) TO '{path}' (HEADER)")
    types = {"id": "BIGINT", "day": "DATE", "rider": "BIGINT", "city": "VARCHAR", "km": "DECIMAL(8,3)"}
    listed = "".join(f"  {name}: {type_}\n" for name, type_ in types.items())
    write(
        root,
        "seeknal/rides.yml",
        f"kind: source\nname: rides\nsource: csv\ntable: data/rides.csv\nschema:\n{listed}{EVERY % ''}\n",
    )
    for name, (unit, lookback, sql, need) in NODES.items():
        interval = f"interval: {{unit: {unit}, column: day, lookback: {lookback}}}"
        text = f'kind: transform\nname: {name}\n{interval}\ninputs: [{{ref: {need}}}]\ntransform: "{sql}"\n'
        write(root, f"seeknal/{name}.yml", text)
    return path


def _built(root: str) -> dict[str, int]:
    """How many intervals of each node the newest run built."""
    folder = os.path.join(root, "target", "log")
    newest = max((os.path.join(folder, name) for name in os.listdir(folder)), key=os.path.getmtime)
    found: dict[str, int] = {}
    with open(newest, encoding="utf-8") as file:
        for event in map(json.loads, file):
            if event["event"] == "interval":
                name = event["target"].partition("@")[0].removeprefix("transform.")
                found[name] = found.get(name, 0) + 1
    return found


def bench(runs: int, *, quick: bool = False) -> Table:
    """A late row, a corrected one, a deleted one, a day delivered again; each against a full build."""
    rows = 100_000 if quick else 5_000_000
    table = Table(f"late data: {DAYS} days, {len(NODES)} nodes with intervals, {rows:,} rows", ["what", *COLUMNS])
    with workplace() as folder:
        root = os.path.join(folder, "project")
        path = _project(root, rows)
        words = ("run", "--date", (FIRST + timedelta(DAYS)).isoformat())
        count = iter(range(1, 1000))

        def full() -> Cost:
            put_aside(os.path.join(root, "target"))
            return seeknal(root, *words)

        def edited(change: str) -> Callable[[], Cost]:
            def run() -> Cost:
                turn = next(count)
                day = FIRST + timedelta(100 + turn)  # not near the end of a month's neighbour that looks back on it
                day = day.replace(day=10)
                lines = duckdb.connect()
                lines.execute(f"CREATE TABLE t AS FROM read_csv('{path}', all_varchar = true)")
                lines.execute(change.format(day=day, turn=turn))
                lines.execute(f"COPY t TO '{path}' (HEADER)")
                spent = seeknal(root, *words)
                if _built(root) != TOUCHED:
                    raise RuntimeError(f"built {_built(root)}, not {TOUCHED}")
                return spent

            return run

        found: dict[str, Costs] = alternately(min(runs, 3), full=full)
        edits = {
            "late row": "INSERT INTO t VALUES ('{turn}9999999', '{day}', '1', 'city 1', '{turn}.5')",
            "corrected row": "UPDATE t SET km = '{turn}.25' WHERE rowid = (SELECT min(rowid) FROM t WHERE day = '{day}')",
            "deleted row": "DELETE FROM t WHERE rowid = (SELECT max(rowid) FROM t WHERE day = '{day}')",
            "day delivered again": "UPDATE t SET km = (km::DOUBLE / 2 + {turn})::DECIMAL(8, 3)::VARCHAR WHERE day = '{day}'",
        }
        found |= alternately(runs, noop=lambda: seeknal(root, *words), **{n: edited(e) for n, e in edits.items()})
    table.add("full build", *found["full"].cells())
    for name in ("noop", *edits):
        table.add(name, *found[name].cells(found["full"], "wall"))
    table.notes.append(f"ratio: wall to the full build; each edit built {TOUCHED} intervals, and was checked to")
    return table

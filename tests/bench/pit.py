"""A point-in-time join of a million spine rows: `FeatureFrame.pit_join` against what people write by hand."""

from __future__ import annotations

import os

import duckdb

from tests.bench.measure import COLUMNS, Cost, Table, alternately, python, workplace

SCRIPT = """
import os, sys
import duckdb
folder, how = sys.argv[1], sys.argv[2]
out = os.path.join(folder, "out.parquet")
con = duckdb.connect()
duckdb.set_default_connection(con)
history, spine = (con.read_parquet(os.path.join(folder, f"{name}.parquet")) for name in ("history", "spine"))
known = "FROM history h WHERE h.rider_id = s.rider_id AND h.event_time <= s.day ORDER BY h.event_time DESC LIMIT 1"
if how == "pit_join":
    from seeknal.pipeline.rows import FeatureRows
    FeatureRows(history, "rider", ["rider_id"], "event_time").pit_join(spine, "day").write_parquet(out)
elif how == "correlated":
    features = ", ".join(f"(SELECT h.{name} {known}) AS {name}" for name in "abc")
    con.sql(f"SELECT s.*, {features} FROM spine s").write_parquet(out)
elif how == "newest":
    con.sql('''SELECT s.*, h.event_time, h.a, h.b, h.c
               FROM spine s LEFT JOIN history h ON h.rider_id = s.rider_id AND h.event_time <= s.day
               QUALIFY row_number() OVER (PARTITION BY s.n ORDER BY h.event_time DESC) = 1''').write_parquet(out)
"""


def bench(runs: int, *, quick: bool = False) -> Table:
    """A million rows of 20,000 riders with 100 rows of history each, three features."""
    rows, riders, each = (100_000, 2_000, 100) if quick else (1_000_000, 20_000, 100)
    table = Table(f"point-in-time join, {rows:,} spine rows, {riders * each:,} rows of history", ["how", *COLUMNS])
    with workplace() as folder:
        _tables(folder, rows, riders, each)

        def run(how: str) -> Cost:
            return python(SCRIPT, folder, how)

        found = alternately(
            min(runs, 3),
            bare=lambda: run("nothing"),
            asof=lambda: run("pit_join"),
            newest=lambda: run("newest"),
            correlated=lambda: run("correlated"),
        )
    table.add("interpreter and DuckDB alone", *found["bare"].cells())
    table.add("pit_join (ASOF)", *found["asof"].cells())
    table.add("join, newest kept", *found["newest"].cells(found["asof"]))
    table.add("correlated subqueries", *found["correlated"].cells(found["asof"]))
    table.notes.append("ratio: CPU to pit_join; all of the spine in each, nothing extrapolated")
    return table


def _tables(folder: str, rows: int, riders: int, each: int) -> None:
    moment = "TIMESTAMP '2024-01-01' + INTERVAL (hash({0}, {1}) % 31536000) SECOND"
    times = f"range({riders}) x(r), range({each}) y(i)"
    values = "i * 1.5::DOUBLE AS a, i AS b, 'v' || i AS c"
    history = f"SELECT r AS rider_id, {moment.format('r', 'i')} AS event_time, {values} FROM {times}"
    spine = (
        f"SELECT n, (hash(n) % {riders})::BIGINT AS rider_id, {moment.format('n', '7')} AS day FROM range({rows}) t(n)"
    )
    with duckdb.connect() as con:
        for name, query in (("history", history), ("spine", spine)):
            con.execute(f"COPY ({query}) TO '{os.path.join(folder, name)}.parquet' (FORMAT parquet)")

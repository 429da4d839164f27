"""What canonical order costs beside the COPY itself, by number of rows; and comparing two tables as bags."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from statistics import median

import duckdb

from seeknal.engines.parquet import copy, same_bag
from tests.bench.measure import Table, workplace


def _seconds(runs: int, work: Callable[[], object]) -> float:
    found = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return median(found)


SCHEMA = (("a", "UBIGINT"), ("b", "VARCHAR"), ("c", "DECIMAL(21,1)"), ("d", "BIGINT"))


def bench(runs: int, *, quick: bool = False) -> Table:
    """10k to 1M rows of four columns."""
    table = Table(
        "canonical order and bags", ["rows", "COPY ms", "ORDER BY ALL + COPY ms", "ratio", "same bag ms", "to COPY"]
    )
    sizes = (10_000, 100_000) if quick else (10_000, 100_000, 200_000, 1_000_000)
    with workplace() as folder:
        con = duckdb.connect()
        for rows in sizes:
            query = (
                f"SELECT hash(i) % 100000 AS a, md5(i::VARCHAR) AS b, i * 0.5 AS c, i % 7 AS d FROM range({rows}) r(i)"
            )
            con.execute(f"CREATE OR REPLACE TABLE t AS {query}")
            one, other = (os.path.join(folder, f"{name}.parquet") for name in ("one", "other"))
            plain = _seconds(runs, lambda path=one: copy(con, "SELECT * FROM t", path))  # type: ignore[misc]
            ordered = _seconds(runs, lambda path=other: copy(con, "SELECT * FROM t ORDER BY ALL", path))  # type: ignore[misc]
            bag = _seconds(runs, lambda a=one, b=other: same_bag(con, a, b, SCHEMA))  # type: ignore[misc]
            cells = [f"{plain * 1000:.1f}", f"{ordered * 1000:.1f}", f"{ordered / plain:.2f}x"]
            table.add(f"{rows:,}", *cells, f"{bag * 1000:.1f}", f"{bag / plain:.2f}x")
    return table

"""Rows from PostgreSQL to an artifact, against `psql \\copy` of the same table to a file: rows per second, peak memory.

python -m tests.bench.postgres [rows in millions]; the server is started for it. Both are measured in turns, three times each.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

from tests.project_on_disk import Project
from tests.servers import Server, postgres

_TABLE = (
    "CREATE TABLE orders AS SELECT i::bigint AS id, (i::bigint * 7919 % 100003)::int AS customer, 'city ' || i % 1000 AS city, "
    "(i % 100000 / 100.0)::numeric(10,2) AS amount, timestamptz '2024-01-01' + i * interval '1 second' AS at, i % 3 = 0 AS paid "
    "FROM generate_series(1, {}) AS i"
)


def copied(server: Server, folder: str) -> float:
    """Seconds of `psql \\copy`, as the server's own tool does it."""
    start = time.perf_counter()
    words = [
        os.path.join(server.programs, "psql"),
        "-q",
        "-d",
        server.uri(),
        "-c",
        rf"\copy orders to {folder}/orders.copy",
    ]
    subprocess.run(words, check=True, env={"PATH": os.environ["PATH"]})
    spent = time.perf_counter() - start
    os.unlink(os.path.join(folder, "orders.copy"))
    return spent


def read(project: Project, server: Server) -> tuple[float, int]:
    """Seconds of a whole run that reads the table, and the most memory that it had, in MiB."""
    words = [sys.executable, "-m", "seeknal", "run", "-q", "--full", "--project-path", project.root]
    start = time.perf_counter()
    with subprocess.Popen(words, env={**os.environ, "BENCH_PASSWORD": server.password}) as child:
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return time.perf_counter() - start, used.ru_maxrss // 1024


def main() -> None:
    """Measure, and print a line for each."""
    millions = float(sys.argv[1]) if len(sys.argv) > 1 else 10
    rows = int(millions * 1e6)
    print(f"load {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores, {rows:,} rows of 6 columns")
    with tempfile.TemporaryDirectory() as folder, postgres(folder) as server:
        server.execute(_TABLE.format(rows), "VACUUM ANALYZE orders")
        ((size,),) = server.rows("SELECT pg_table_size('orders')")
        project = Project(os.path.join(folder, "shop"))
        project.write("seeknal_project.yml", "name: shop\n")
        fields = f"host: {server.host}, port: {server.port}, user: {server.user}, password: '${{BENCH_PASSWORD}}'"
        project.write("profiles.yml", f"connections:\n  shop: {{{fields}, database: postgres}}\n")
        project.write(
            "seeknal/orders.yml", "kind: source\nname: orders\nsource: postgresql\nconnection: shop\ntable: orders\n"
        )
        ours, theirs, peak = [], [], 0
        for _ in range(3):
            theirs.append(copied(server, folder))
            seconds, memory = read(project, server)
            ours.append(seconds)
            peak = max(peak, memory)
        print(
            f"table: {size / 2**20:,.0f} MiB; artifact: {os.path.getsize(project.view('source.orders')) / 2**20:,.0f} MiB"
        )
        print(f"psql \\copy: {min(theirs):.1f} s, {rows / min(theirs) / 1e6:.2f} million rows/s")
        print(f"seeknal:    {min(ours):.1f} s, {rows / min(ours) / 1e6:.2f} million rows/s, peak {peak:,} MiB")
        print(f"ratio {min(ours) / min(theirs):.2f}")


if __name__ == "__main__":
    main()

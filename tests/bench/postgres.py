"""Rows from PostgreSQL to an artifact and back, against `psql \\copy` of the same table in the same run."""

from __future__ import annotations

import os

from tests.bench.measure import Cost, Table, alternately, cost, seeknal, workplace
from tests.bench.projects import write
from tests.servers import Server, postgres

_TABLE = (
    "CREATE TABLE orders AS SELECT i::bigint AS id, (i::bigint * 7919 % 100003)::int AS customer, 'city ' || i % 1000 AS city, "
    "(i % 100000 / 100.0)::numeric(10,2) AS amount, timestamptz '2024-01-01' + i * interval '1 second' AS at, i % 3 = 0 AS paid "
    "FROM generate_series(1, {}) AS i"
)


def bench(runs: int, *, quick: bool = False) -> Table:
    """10 million rows of 6 columns; the server is started for it."""
    rows = 1_000_000 if quick else 10_000_000
    table = Table(
        f"PostgreSQL, {rows:,} rows", ["what", "wall s (min)", "CPU s", "peak MiB", "million rows/s", "ratio"]
    )
    with workplace() as folder, postgres(folder) as server:
        server.execute(_TABLE.format(rows), "CREATE TABLE copied (LIKE orders)", "VACUUM ANALYZE orders")
        root = os.path.join(folder, "shop")
        _project(root, server)
        os.environ["BENCH_PASSWORD"] = server.password
        more = {"BENCH_PASSWORD": server.password}
        file = os.path.join(folder, "orders.copy")

        def copied_in() -> Cost:
            server.execute("TRUNCATE copied")
            return _psql(server, rf"\copy copied from {file}")

        def written() -> Cost:
            server.execute("DROP TABLE IF EXISTS back", "DROP TABLE IF EXISTS seeknal_materializations")
            return seeknal(root, "run", "--nodes", "materialization.shop.public.back", more=more)

        found = alternately(
            max(1, min(runs, 3)),
            copied_out=lambda: _psql(server, rf"\copy orders to {file}"),
            read=lambda: seeknal(root, "run", "--full", "--no-materialize", more=more),
            copied_in=copied_in,
            written=written,
            again=lambda: _again(root, more),
        )
    words = {
        "copied_out": ("psql \\copy to a file", None),
        "read": ("a run that reads the table", "copied_out"),
        "copied_in": ("psql \\copy from the file", None),
        "written": ("a run that writes a new table", "copied_in"),
        "again": ("a run that replaces its rows", "copied_in"),
    }
    for name, (what, floor) in words.items():
        costs = found[name]
        ratio = f"{costs.median('wall') / found[floor].median('wall'):.2f}x" if floor else ""
        wall, least, cpu = (costs.median("wall") / 1e3, costs.least("wall") / 1e3, costs.median("cpu") / 1e3)
        table.add(
            what,
            f"{wall:.1f} ({least:.1f})",
            f"{cpu:.1f}",
            f"{costs.median('peak'):.0f}",
            f"{rows / 1e6 / wall:.2f}",
            ratio,
        )
    return table


def _psql(server: Server, command: str) -> Cost:
    return cost([os.path.join(server.programs, "psql"), "-q", "-d", server.uri(), "-c", command], dict(os.environ))


def _again(root: str, more: dict[str, str]) -> Cost:
    """The table is there; another definition of it means that its rows are replaced."""
    path = os.path.join(root, "seeknal/orders.yml")
    with open(path, encoding="utf-8") as file:
        before = file.read()
    write(root, "seeknal/orders.yml", before.replace("table: public.back}", "table: public.back, cascade: true}"))
    try:
        return seeknal(root, "run", "--nodes", "materialization.shop.public.back", more=more)
    finally:
        write(root, "seeknal/orders.yml", before)


def _project(root: str, server: Server) -> None:
    write(root, "seeknal_project.yml", "name: shop\n")
    fields = f"host: {server.host}, port: {server.port}, user: {server.user}, password: '${{BENCH_PASSWORD}}'"
    write(root, "profiles.yml", f"connections:\n  shop: {{{fields}, database: postgres}}\n")
    table = "materializations: [{type: postgresql, connection: shop, table: public.back}]\n"
    write(
        root,
        "seeknal/orders.yml",
        f"kind: source\nname: orders\nsource: postgresql\nconnection: shop\ntable: orders\n{table}",
    )

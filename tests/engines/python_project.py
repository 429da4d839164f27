"""A project with one Python node, run by a pool of workers."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from seeknal.engines.python_pool import Input, Job, Outcome, Pool
from tests.project_on_disk import reader

RIDES = "SELECT i::BIGINT AS id, i % 3 AS dock FROM range(10) t(i)"


def fetched(sql: str) -> list[tuple[Any, ...]]:
    with reader() as connection:
        return connection.execute(sql).fetchall()


@contextmanager
def open_pool() -> Iterator[Pool]:
    pool = Pool()
    yield pool
    pool.close()


class Project:
    """A project's folder with one node in it."""

    def __init__(self, root: Path, pool: Pool) -> None:
        self.root, self.pool = root, pool
        self.output = str(root / "target" / "out.parquet")
        (root / "target").mkdir()

    def job(self, body: str, **more: Any) -> Job:
        text = "def node(ctx):\n" + textwrap.indent(textwrap.dedent(body).strip(), "    ") + "\n"
        sources = {"__node__": ("seeknal/nodes/one.py", more.pop("text", text)), **more.pop("modules", {})}
        return Job(
            node="transform.one",
            function="node",
            sources=sources,
            inputs=more.pop("inputs", {}),
            output=self.output,
            project=str(self.root),
            target=str(self.root / "target"),
            as_of="2024-05-01T00:00:00+00:00",
            **more,
        )

    def run(self, body: str, **more: Any) -> Outcome:
        return self.pool.run(self.job(body, **more))

    def rows(self, body: str, **more: Any) -> list[tuple[Any, ...]]:
        self.run(body, **more)
        return fetched(f"FROM '{self.output}'")

    def schema(self) -> list[tuple[str, str]]:
        return [row[:2] for row in fetched(f"DESCRIBE FROM '{self.output}'")]

    def input(self, sql: str, name: str = "in.parquet") -> Input:
        path = str(self.root / "target" / name)
        duckdb.execute(f"COPY ({sql}) TO '{path}' (FORMAT parquet)")
        return Input((path,))

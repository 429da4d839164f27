"""Projects whose nodes are small Python functions."""

from __future__ import annotations

import textwrap
from typing import Any

import duckdb

from tests.project_on_disk import Project, Result, reader

HEAD = "from seeknal.pipeline import feature_group, transform\n\n\n"


def node(project: Project, name: str, body: str, decorator: str = "@transform()", head: str = "") -> None:
    """A file with one function, `ctx` its argument."""
    text = textwrap.indent(textwrap.dedent(body).strip(), "    ")
    project.write(f"seeknal/pipelines/{name}.py", f"{head}{HEAD}{decorator}\ndef {name}(ctx):\n{text}\n")


def table(project: Project, name: str, query: str) -> None:
    """A Parquet source with the rows of a query."""
    project.write(f"data/{name}.txt", "")
    path = project.path("data", f"{name}.parquet")
    duckdb.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    text = f"kind: source\nname: {name}\nsource: parquet\ntable: data/{name}.parquet\n"
    project.write(f"seeknal/sources/{name}.yml", text)


def schema(project: Project, name: str) -> dict[str, str]:
    """The types of a published table."""
    path = project.view(name)
    with reader() as con:
        return {row[0]: row[1] for row in con.execute(f"DESCRIBE FROM read_parquet('{path}')").fetchall()}


def texts(project: Project, name: str) -> list[tuple[Any, ...]]:
    """The published rows as DuckDB writes them, which shows every digit."""
    path = project.view(name)
    with reader() as con:
        con.execute("SET TimeZone = 'UTC'")
        return con.execute(f"SELECT COLUMNS(*)::VARCHAR FROM read_parquet('{path}')").fetchall()


def failure(result: Result, name: str) -> str:
    """What a failed node was told to have failed with."""
    (event,) = [event for event in result.of("failed") if event["target"] == name]
    return str(event["error"])

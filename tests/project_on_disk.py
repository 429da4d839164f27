"""A small project in a temporary folder, in the tool's own words: write files, run commands, look at what came of it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import textwrap
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import duckdb

from seeknal.cli import main


@cache
def _instance(process: int) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("SET GLOBAL enable_external_file_cache = false")  # tests damage files behind their paths
    return con


def reader() -> duckdb.DuckDBPyConnection:
    """A cursor of the one DuckDB of this process that tests look with: to open another takes as long as a small run."""
    return _instance(os.getpid()).cursor()


class Result(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """The JSON lines of `run --json`."""
        return [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]

    @property
    def built(self) -> set[str]:
        """The targets that were executed."""
        return {event["target"] for event in self.events if event["event"] == "built"}

    def of(self, event: str) -> list[dict[str, Any]]:
        """The events of one sort."""
        return [found for found in self.events if found["event"] == event]

    @property
    def json(self) -> Any:
        """The one JSON document of a command."""
        return json.loads(self.out)


class Project:
    """Files under `root`; commands run in this process, through the real command line."""

    def __init__(self, root: str, files: Mapping[str, str] | None = None) -> None:
        self.root = str(root)
        for path, text in (files or {}).items():
            self.write(path, text)

    def path(self, *parts: str) -> str:
        """An absolute path in the project."""
        return os.path.join(self.root, *parts)

    def write(self, path: str, text: str) -> None:
        """Write a file, dedented."""
        full = self.path(path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(textwrap.dedent(text).lstrip("\n"))

    def read(self, path: str) -> str:
        """Read a file."""
        with open(self.path(path), encoding="utf-8") as file:
            return file.read()

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text that must be there."""
        text = self.read(path)
        assert old in text, f"{old!r} is not in {path}"
        self.write(path, text.replace(old, new))

    def source(self, name: str, csv: str, columns: Mapping[str, str] | None = None) -> None:
        """A CSV source with its data."""
        self.write(f"data/{name}.csv", csv)
        types = "".join(f"  {column}: {type_}\n" for column, type_ in (columns or {}).items())
        head = f"kind: source\nname: {name}\nsource: csv\ntable: data/{name}.csv\n"
        self.write(f"seeknal/sources/{name}.yml", head + (f"columns:\n{types}" if types else ""))

    def transform(self, name: str, sql: str, inputs: tuple[str, ...] = (), more: str = "") -> None:
        """A SQL transform."""
        listed = "".join(f"  - ref: {ref}\n" for ref in inputs)
        body = textwrap.indent(textwrap.dedent(sql).strip(), "  ")
        text = f"kind: transform\nname: {name}\n{more}" + (f"inputs:\n{listed}" if inputs else "")
        self.write(f"seeknal/transforms/{name}.yml", f"{text}transform: |\n{body}\n")

    def seeknal(self, *arguments: str) -> Result:
        """Run a command."""
        out, err = io.StringIO(), io.StringIO()
        words = [arguments[0], *arguments[1:], "--project-path", self.root]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(words)
        return Result(code, out.getvalue(), err.getvalue())

    def run(self, *options: str, ok: bool = True) -> Result:
        """`seeknal run --json`."""
        result = self.seeknal("run", "--json", *options)
        assert not ok or result.code == 0, result.err + result.out
        return result

    def plan(self, *options: str) -> dict[str, str]:
        """Verdicts of `seeknal plan --json`, by target."""
        result = self.seeknal("plan", "--json", *options)
        assert result.code in (0, 8), result.err
        return {step["node"]: step["verdict"] for step in result.json["steps"]}

    def rows(self, node: str, env: str = "prod") -> list[tuple[Any, ...]]:
        """The published rows of a node, through its view."""
        path = self.view(node, env)
        return reader().execute(f"SELECT * FROM read_parquet('{path}')").fetchall()

    def view(self, node: str, env: str = "prod") -> str:
        """The path of a node's view."""
        kind, name = node.split(".", 1)
        home = ("target",) if env == "prod" else ("target", "environments", env)
        if kind == "entity":
            return self.path(*home, "feature_store", name, "features.parquet")
        return self.path(*home, "intermediate", f"{kind}_{name}.parquet")

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every published table, rows sorted."""
        folder = self.path("target", "intermediate")
        names = [name for name in sorted(os.listdir(folder)) if name.endswith(".parquet")]
        con = reader()
        return {
            name: sorted(con.execute(f"SELECT * FROM read_parquet('{folder}/{name}')").fetchall(), key=repr)
            for name in names
        }

"""The polars engine: SQL that DuckDB parses and guards, and polars runs in a worker process.

Decides the action of such a query: canonical SQL as for DuckDB, the columns that polars gets to see. The result goes
through DuckDB into the file, so that types and canonical order are those of every other table. What polars' SQL does not
know is refused when the query is planned; polars is imported only when one is planned anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import duckdb

from seeknal.engines.base import File, Product, Setting, recalled
from seeknal.engines.duckdb import TAG, DuckDBEngine, Ready, at
from seeknal.engines.footer import read_footer
from seeknal.engines.installed import installed
from seeknal.engines.polarsplan import plan
from seeknal.engines.python_pool import Job, Pool
from seeknal.engines.sql import Bound, Parsed, SqlWrong, shadows
from seeknal.engines.sqlmemo import remembered_bound
from seeknal.engines.sqlwrite import rewritten
from seeknal.errors import BuildFailed, EnvironmentFailure
from seeknal.model.digest import document_digest
from seeknal.model.node import Node, Schema
from seeknal.model.plan import Prepared
from seeknal.model.sqlpolars import polars_dialect
from seeknal.worker import polars_query

_PATIENCE = 1e9  # seconds: a query may take as long as it takes


def open_engine(setting: Setting) -> PolarsEngine:
    """The engine for a session."""
    return PolarsEngine(setting)


class PolarsEngine(DuckDBEngine):
    """SQL nodes that say `engine: polars`."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._pool = Pool()
        self.tag = f"polars/{installed('polars', 'polars', setting.watch)}"

    def references(self, node: Node) -> tuple[str, ...]:
        """Ids that the SQL names itself; a file cannot be read here."""
        sql = node.recipe.definition["sql"]
        parsed = self._parse(node, sql, node.recipe.names)
        return tuple(self._try(node, lambda: _without_files(parsed), sql))

    def _bound(
        self,
        node: Node,
        sql: str,
        definition: Mapping[str, Any],
        names: Mapping[str, str],
        schemas: Mapping[str, Schema],
        files: tuple[tuple[File, ...], ...],
    ) -> tuple[Parsed, Bound]:
        shadowed = shadows(column for schema in schemas.values() for column in schema)
        parsed = self._parse(node, sql, names, shadowed)
        # Only what keeps the order of rows in polars too may claim it: its UNION ALL does not.
        parsed = replace(parsed, stable=parsed.stable and " UNION " not in parsed.text)
        wanted = [schemas[name] for name in parsed.relations]
        key = "polars:" + document_digest([self.tag, TAG, parsed.text, [list(map(list, schema)) for schema in wanted]])
        bound = recalled(self._setting.memo, key, remembered_bound)
        if bound is None:
            bound = self._try(node, lambda: plan(self._binder(), parsed, wanted, self._setting.as_of))
            self._setting.memo.put(key, {"columns": bound.columns, "reads": bound.reads})
        return parsed, bound

    def expect_builds(self, nodes: Sequence[Node]) -> None:
        """Queries are going to be run."""
        self._pool.expect(warm="polars")

    def expect_run(self, prepared: Prepared) -> None:
        """Nothing to open: a worker runs the query."""

    def run(self, node: Node, prepared: Prepared, paths: Mapping[str, str], output: str) -> Product:
        """Run the query in a worker; rows of no declared order are then put in canonical order."""
        ready: Ready = prepared.ready
        try:
            self._pool.run(self._job(node, prepared, paths, output))
            free = not (ready.parsed.ordered or ready.parsed.stable)
            same = rewritten(self.connections.own(), output, read_footer(output).rows, free=free)
            return Product(order_counts=same or not free)
        except duckdb.Error as error:
            raise BuildFailed(f"{at(node)}: {node.id}: {error}", reason="sql_failed") from error
        except (BuildFailed, EnvironmentFailure) as error:
            error.message = f"{at(node)}: {node.id}: {error.message}"
            raise

    def _job(self, node: Node, prepared: Prepared, paths: Mapping[str, str], output: str) -> Job:
        names, used = prepared.ready.parsed.relations, prepared.action.inputs
        relations = [
            (name, paths[name], [(column.name, column.type) for column in one.columns])
            for name, one in zip(names, used, strict=True)
        ]
        text = polars_dialect(self._late(prepared.ready.parsed.text, prepared.action.interval))
        return Job(
            node=node.id,
            module=polars_query.MODULE,
            function=polars_query.FUNCTION,
            sources={},
            inputs={},
            output=output,
            project=self._setting.project,
            target=self._setting.target,
            as_of=self._setting.as_of.isoformat(),
            params={polars_query.PARAMETER: {"text": text, "relations": relations}},
            threads=1 if self._setting.workers > 1 else self._setting.threads,
            timeout=_PATIENCE,
        )

    def close(self) -> None:
        """Kill the workers, close the instances."""
        self._pool.close()
        super().close()


def _without_files(parsed: Parsed) -> tuple[str, ...]:
    if parsed.files:
        hint = "declare a source node for it, or say engine: duckdb"
        raise SqlWrong(f"polars reads inputs only, not {parsed.files[0]}", reason="sql_undeclared_file", hint=hint)
    return parsed.relations

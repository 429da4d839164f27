"""The polars engine: SQL that DuckDB parses and guards, and polars runs.

Decides the action of such a query (canonical SQL as for DuckDB, the columns that polars gets to see) and that its result
goes through DuckDB into the file, so that types and canonical order are those of every other table. What polars' SQL does
not know is refused when the query is planned. polars is imported only when a query is planned or run.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import duckdb

from seeknal.engines.base import File, Product, Setting, recalled
from seeknal.engines.duckdb import SMALL, TAG, DuckDBEngine, at
from seeknal.engines.installed import installed
from seeknal.engines.polarsplan import plan, polars_errors, query, scan, told
from seeknal.engines.sql import Bound, Parsed, SqlWrong, shadows
from seeknal.engines.sqlmemo import remembered_bound
from seeknal.engines.sqlwrite import SORTED, write
from seeknal.errors import BuildFailed
from seeknal.model.digest import document_digest
from seeknal.model.node import Node, Schema
from seeknal.model.plan import Prepared
from seeknal.model.sqlpolars import polars_dialect
from seeknal.worker.frames import UnwritableError, arrow_of

if TYPE_CHECKING:
    import polars as pl


def open_engine(setting: Setting) -> PolarsEngine:
    """The engine for a session."""
    return PolarsEngine(setting)


class PolarsEngine(DuckDBEngine):
    """SQL nodes that say `engine: polars`."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
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

    def run(self, node: Node, prepared: Prepared, paths: Mapping[str, str], output: str) -> Product:
        """Run the query in polars, and write what came of it into `output` with DuckDB."""
        table = self._result(node, prepared, paths)
        try:
            return Product(self._written(table, output, prepared))
        except duckdb.Error as error:
            raise BuildFailed(f"{at(node)}: {node.id}: {error}", reason="sql_failed") from error

    def _written(self, table: Any, output: str, prepared: Prepared) -> bool:
        """Write the rows; returns whether their order counts. Equal rows are equal bytes, whichever engine made them:
        for that DuckDB has to know their statistics, which it does of a table of its own."""
        con, small = self.connections.own(), table.num_rows <= SORTED
        con.register("seeknal_arrow", table)
        try:
            con.execute(f"CREATE OR REPLACE TEMP {'TABLE' if small else 'VIEW'} seeknal_result AS FROM seeknal_arrow")
            parsed, columns = prepared.ready.parsed, prepared.columns or ()
            return write(con, "FROM seeknal_result", output, parsed, columns, small=small)
        finally:
            con.execute(f"DROP {'TABLE' if small else 'VIEW'} IF EXISTS seeknal_result")
            con.unregister("seeknal_arrow")

    def _result(self, node: Node, prepared: Prepared, paths: Mapping[str, str]) -> Any:
        relations, used = prepared.ready.parsed.relations, prepared.action.inputs
        schemas = [tuple((column.name, column.type) for column in one.columns) for one in used]
        try:
            pairs = zip(relations, schemas, strict=True)
            frames = [scan(self._binder(), paths[name], schema) for name, schema in pairs]
            text = self._late(prepared.ready.parsed.text)
            return arrow_of(self._collected(query(text, frames), sum(one.rows for one in used)))
        except UnwritableError as error:
            raise BuildFailed(f"{at(node)}: {node.id}: {error}", reason="sql_failed") from error
        except polars_errors() as error:
            raise BuildFailed(f"{at(node)}: {node.id}: {told(error, relations)}", reason="sql_failed") from error

    def _late(self, text: str) -> str:
        return polars_dialect(super()._late(text))

    def _collected(self, frame: pl.LazyFrame, rows: int) -> pl.DataFrame:
        """The result. A long query runs in the background: nothing else can stop waiting for it."""
        if rows <= SMALL:
            return frame.collect(engine="streaming")
        running = frame.collect(engine="streaming", background=True)
        while (done := running.fetch()) is None:
            self.connections.own()  # raises Interrupted when the session is being closed
            time.sleep(0.01)
        return done


def _without_files(parsed: Parsed) -> tuple[str, ...]:
    if parsed.files:
        hint = "declare a source node for it, or say engine: duckdb"
        raise SqlWrong(f"polars reads inputs only, not {parsed.files[0]}", reason="sql_undeclared_file", hint=hint)
    return parsed.relations

"""Reading Iceberg tables with pyiceberg, a data file at a time.

Decides that a table is read as of the snapshot that its token names, and how the tables of a query are laid before DuckDB.
pyiceberg is imported when rows are read; to see that nothing changed, its metadata is enough (`iceberg_pointer`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from seeknal.connectors.iceberg import properties, sqlite_path, storage
from seeknal.drivers import Arriving, Changed, Failed, Rows, Window
from seeknal.drivers.iceberg_files import Spans, spans, within
from seeknal.drivers.iceberg_pointer import ANSWER, LOGIN, NAMES, Pointer, pointer
from seeknal.errors import EnvironmentFailure
from seeknal.model.lowering import literal, quoted
from seeknal.model.sqltree import each, path

_BATCH = 100_000


def connect(settings: Mapping[str, Any]) -> Iceberg:
    """Ready to ask; nothing is asked yet. Raises EnvironmentFailure."""
    from importlib.util import find_spec

    if find_spec("pyiceberg") is None:
        text = "a package is missing: No module named 'pyiceberg'"
        raise EnvironmentFailure(text, reason="package_missing", hint="pip install 'seeknal[iceberg]'")
    return Iceberg(settings)


class Iceberg:
    """The tables of one catalog."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._pointers: dict[tuple[str, ...], Pointer] = {}
        self._catalogs: dict[str, Any] = {}
        self._spans: dict[tuple[tuple[str, ...], str], Spans] = {}
        self._con: Any = None
        self._stopped = False

    def identity(self) -> str:
        """A table has an identity of its own, which is in its token."""
        return ""

    def token(self, definition: Mapping[str, Any]) -> str | None:
        """The identities, snapshots and schemas of the tables that are read."""
        return " ".join(self._pointer(table).token for table in self._tables(definition))

    def narrow(self, definition: Mapping[str, Any], window: Window) -> str:
        """The schema, and the data files that may have rows of the interval."""
        table = tuple(definition["table"])
        known = self._pointer(table)
        if (table, window.column) not in self._spans:
            loaded = self._stands(table)
            with _Told():
                self._spans[table, window.column] = spans(loaded, window.column)
        return f"{known.uuid}/{known.schema}/{self._spans[table, window.column].token(window)}"

    def names(self, definition: Mapping[str, Any]) -> list[str]:
        """The columns of the table, or of the query."""
        if "query" not in definition:
            return list(self._pointer(definition["table"]).names)
        return list(self._asked(definition, laid=self._empty).columns)

    # -- what tables are by now ----------------------------------------------------------------------------------------

    def _tables(self, definition: Mapping[str, Any]) -> list[tuple[str, ...]]:
        if "query" not in definition:
            return [tuple(definition["table"])]
        names = _named(definition["query"])
        return sorted({_whole(name, definition.get("table", ())) for name in names})

    def _pointer(self, table: Sequence[str]) -> Pointer:
        key = tuple(table)
        if key not in self._pointers:
            self._pointers[key] = pointer(self._settings, key) or _pointer_of(self._loaded(key))
        return self._pointers[key]

    def _loaded(self, table: Sequence[str]) -> Any:
        """The table as pyiceberg has it: by its metadata where that is known, or else of its catalog."""
        with _Told():
            known = self._pointers.get(tuple(table))
            if known is not None and known.location and sqlite_path(self._settings) is not None:
                from pyiceberg.table import StaticTable

                return StaticTable.from_metadata(known.location, storage(self._settings))
            return self._catalog(table[0]).load_table(tuple(table[1:]))

    def _stands(self, table: Sequence[str]) -> Any:
        """The table, which still is what its pointer says. Raises Changed."""
        loaded = self._loaded(table)
        if _pointer_of(loaded).token != self._pointer(table).token:
            raise Changed(f"{'.'.join(table)} has a new snapshot", "changed_input", "run again")
        return loaded

    def _catalog(self, name: str) -> Any:
        if name not in self._catalogs:
            said = properties(self._settings)
            if self._settings["catalog_type"] == "rest":
                from pyiceberg.catalog.rest import RestCatalog

                self._catalogs[name] = RestCatalog(name, **said)
            else:
                from pyiceberg.catalog.sql import SqlCatalog

                self._catalogs[name] = SqlCatalog(name, **said, init_catalog_tables="false")
        return self._catalogs[name]

    # -- rows ----------------------------------------------------------------------------------------------------------

    def rows(self, definition: Mapping[str, Any], window: Window | None) -> Rows:
        """The rows as of the token; those of an interval only, where one is given."""
        now = self.narrow(definition, window) if window else self.token(definition)
        if definition.get("token") not in (None, now):
            raise Changed("the table has another snapshot than when it was planned", "changed_input", "run again")
        if "query" not in definition:
            stream = self._stream(definition["table"], window)
            return Rows(stream, tuple(Arriving(name, quoted(name)) for name in stream.schema.names))
        relation = self._asked(definition, laid=self._whole)
        return Rows(relation.to_arrow_reader(_BATCH), tuple(Arriving(n, quoted(n)) for n in relation.columns))

    def _stream(self, table: Sequence[str], window: Window | None = None) -> Any:
        import pyarrow as pa

        loaded = self._stands(table)
        with _Told():
            from pyiceberg.io.pyarrow import schema_to_pyarrow

            scan = loaded.scan(**({"row_filter": within(loaded.schema(), window)} if window else {}))
            schema = schema_to_pyarrow(scan.projection(), include_field_ids=False)
            known = self._spans.get((tuple(table), window.column)) if window else None
            tasks = [span.task for span in known.of(window)] if known and window else scan.plan_files()
            return pa.RecordBatchReader.from_batches(schema, self._batches(scan, schema, tasks))

    def _batches(self, scan: Any, schema: Any, tasks: Iterable[Any]) -> Iterator[Any]:
        """The rows of one data file after the other: pyiceberg itself would read all of them ahead."""
        from pyiceberg.io.pyarrow import ArrowScan

        with _Told():
            reading = ArrowScan(scan.table_metadata, scan.io, scan.projection(), scan.row_filter)
            for task in tasks:
                for batch in reading.to_record_batches([task]):
                    if self._stopped:
                        raise Failed("it was stopped", "query_cancelled")
                    yield batch.cast(schema)

    # -- queries -------------------------------------------------------------------------------------------------------

    def _asked(self, definition: Mapping[str, Any], laid: Callable[[Sequence[str]], Any]) -> Any:
        """The query, over its tables laid before an instance that can touch nothing else."""
        import duckdb

        tables = self._tables(definition)
        con = self._con = duckdb.connect(config={"python_enable_replacements": False})
        try:
            con.execute(f"SET temp_directory = {literal(tempfile.gettempdir())}; SET TimeZone = 'UTC'")
            con.execute("SET arrow_lossless_conversion = true; SET autoload_known_extensions = false")
            for table in tables:
                _lay(con, table, laid(table))
            _use(con, definition.get("table", ()))
            con.execute(
                "SET enable_external_access = false; SET lock_configuration = true; BEGIN TRANSACTION READ ONLY"
            )
            found = con.extract_statements(definition["query"])
            if len(found) != 1 or found[0].type != duckdb.StatementType.SELECT:
                raise Failed("a query is one SELECT", "query_writes", "a query reads, and changes nothing")
            return con.sql(definition["query"])
        except duckdb.Error as error:
            raise _of_query(error) from error

    def _whole(self, table: Sequence[str]) -> Any:
        return self._stream(table)

    def _empty(self, table: Sequence[str]) -> Any:
        return self._stream(table).schema.empty_table()

    def done(self) -> None:
        """What a query was asked of, goes; what tables are, stays known."""
        if self._con is not None:
            self._con.close()
            self._con = None

    def stop(self) -> None:
        """The batch that is read is the last one."""
        self._stopped = True
        with suppress(Exception):
            self._con.interrupt()

    def close(self) -> None:
        """Forget everything."""
        self._pointers.clear()
        self._spans.clear()
        self.done()
        for catalog in self._catalogs.values():
            with suppress(Exception):
                catalog.close()


def _lay(con: Any, table: Sequence[str], rows: Any) -> None:
    """Make a table of these rows, under its whole name."""
    catalog, space, name = (quoted(part) for part in (table[0], ".".join(table[1:-1]), table[-1]))
    con.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {catalog}")
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {catalog}.{space}")
    con.register("__laid__", rows)
    con.execute(f"CREATE TABLE {catalog}.{space}.{name} AS FROM __laid__")
    con.unregister("__laid__")


def _use(con: Any, table: Sequence[str]) -> None:
    """Names that the query leaves short are of the catalog and the namespace that `table:` says."""
    import duckdb

    place = [table[0], *([".".join(table[1:-1] or table[1:])] if len(table) > 1 else [])] if table else []
    with suppress(duckdb.Error):  # where the query names no table of it, it is not there
        if place:
            con.execute(f"USE {'.'.join(map(quoted, place))}")


def _named(query: str) -> set[tuple[str, ...]]:
    """The tables that a query names. Raises Failed."""
    import json

    import duckdb

    with duckdb.connect() as con:
        ((text,),) = con.execute("SELECT json_serialize_sql(?)", [query]).fetchall()
    tree = json.loads(text)
    if tree["error"]:
        raise Failed(tree["error_message"], "query_failed")
    nodes = list(each(tree))
    own = {entry["key"].lower() for node in nodes for entry in node.get("cte_map", {}).get("map", ())}
    tables = (path(node) for node in nodes if node.get("type") == "BASE_TABLE")
    return {name for name in tables if len(name) > 1 or name[0].lower() not in own}


def _whole(name: Sequence[str], table: Sequence[str]) -> tuple[str, ...]:
    """The whole name of a table in a query: what it leaves out, `table:` says."""
    if len(name) >= 3:
        return tuple(name)
    missing = 3 - len(name)
    if len(table) < missing:
        hint = "write catalog.namespace.table in the query, or table: catalog.namespace beside it"
        raise Failed(f"the query does not say which catalog {'.'.join(name)} is of", "table_missing", hint)
    return (*table[:missing], *name)


def _pointer_of(table: Any) -> Pointer:
    said, names = table.metadata, tuple(field.name for field in table.schema().fields)
    return Pointer(
        str(said.table_uuid), said.current_snapshot_id, said.current_schema_id, names, table.metadata_location
    )


def _of_query(error: Exception) -> Failed:
    if "Failed: " in str(error):  # raised by a stream
        return told(str(error))
    said = " ".join(str(error).split("\n\nLINE ", 1)[0].split("Error: ", 1)[-1].split())
    return Failed(said.split(" Did you mean", maxsplit=1)[0], "query_failed")


class _Told:
    """Tells what pyiceberg raises inside as Failed."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, Exception) and not isinstance(error, (Failed, GeneratorExit)):
            raise told(f"{type(error).__name__}: {error}") from error


_WORDS = (
    ("NoSuchTable", "table_missing", NAMES),
    ("NoSuchNamespace", "table_missing", NAMES),
    ("NoSuchIdentifier", "table_missing", NAMES),
    ("Unauthorized", "connection_refused", LOGIN),
    ("Forbidden", "connection_refused", LOGIN),
    ("ConnectionError", "no_answer", ANSWER),
    ("OperationalError", "no_answer", "check catalog_uri"),
    ("ACCESS_DENIED", "not_allowed", "check access_key_id and secret_access_key, and that they may read the warehouse"),
    ("InvalidAccessKeyId", "connection_refused", "check access_key_id and secret_access_key of the connection"),
    ("SignatureDoesNotMatch", "connection_refused", "check access_key_id and secret_access_key of the connection"),
    ("FileNotFound", "unreadable_file", "a data file is gone: were snapshots expired meanwhile? run again"),
)


def told(text: str) -> Failed:
    """What pyiceberg said, as a failure."""
    reason, hint = next(((reason, hint) for part, reason, hint in _WORDS if part in text), ("query_failed", ""))
    said = text.rsplit("Failed: ", maxsplit=1)[-1].split("\n", maxsplit=1)[0]
    return Failed(" ".join(said.split())[:500], reason, hint)

"""Reading Iceberg tables with pyiceberg, a data file at a time.

Decides that a table is read as of the snapshot that its token names, and how the tables of a query are laid before DuckDB.
pyiceberg is imported when rows are read; to see that nothing changed, its metadata is enough (`iceberg_pointer`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from seeknal.connectors.iceberg import parts as parts_of
from seeknal.connectors.iceberg import properties, sqlite_path, storage
from seeknal.drivers import Arriving, Changed, Failed, Rows, Window
from seeknal.drivers.iceberg_pointer import _ANSWER, _LOGIN, _NAMES, Pointer, pointer
from seeknal.errors import EnvironmentFailure
from seeknal.model.lowering import literal, quoted

_BATCH = 100_000
_READS = "a query reads, and changes nothing"


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
        self._con: Any = None
        self._stopped = False

    def identity(self) -> str:
        """A table has an identity of its own, which is in its token."""
        return ""

    def token(self, definition: Mapping[str, Any]) -> str | None:
        """The identities, snapshots and schemas of the tables that are read."""
        return " ".join(self._pointer(table).token for table in self._tables(definition))

    def names(self, definition: Mapping[str, Any]) -> list[str]:
        """The columns of the table, or of the query."""
        if "query" not in definition:
            return list(self._pointer(definition["table"]).names)
        return list(self._asked(definition, laid=self._empty).columns)

    # -- what tables are by now ----------------------------------------------------------------------------------------

    def _tables(self, definition: Mapping[str, Any]) -> list[tuple[str, ...]]:
        if "query" not in definition:
            return [tuple(definition["table"])]
        import duckdb

        try:
            names = sorted(duckdb.connect().get_table_names(definition["query"], qualified=True))
        except duckdb.Error as error:
            raise _of_query(error) from error
        return [_whole(parts_of(name), definition.get("table", ())) for name in names]

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
        if definition.get("token") not in (None, self.token(definition)):
            raise Changed("the table has another snapshot than when it was planned", "changed_input", "run again")
        if "query" not in definition:
            stream = self._stream(definition["table"], window)
            return Rows(stream, tuple(Arriving(name, quoted(name)) for name in stream.schema.names))
        relation = self._asked(definition, laid=self._whole)
        return Rows(relation.to_arrow_reader(_BATCH), tuple(Arriving(n, quoted(n)) for n in relation.columns))

    def _stream(self, table: Sequence[str], window: Window | None = None) -> Any:
        import pyarrow as pa

        loaded = self._loaded(table)
        if _pointer_of(loaded).token != self._pointer(table).token:
            raise Changed(f"{'.'.join(table)} has a new snapshot", "changed_input", "run again")
        with _Told():
            from pyiceberg.io.pyarrow import schema_to_pyarrow

            scan = loaded.scan(**({"row_filter": _within(loaded.schema(), window)} if window else {}))
            schema = schema_to_pyarrow(scan.projection(), include_field_ids=False)
            return pa.RecordBatchReader.from_batches(schema, self._batches(scan, schema))

    def _batches(self, scan: Any, schema: Any) -> Iterator[Any]:
        """The rows of one data file after the other: pyiceberg itself would read all of them ahead."""
        from pyiceberg.io.pyarrow import ArrowScan

        with _Told():
            reading = ArrowScan(scan.table_metadata, scan.io, scan.projection(), scan.row_filter)
            for task in scan.plan_files():
                for batch in reading.to_record_batches([task]):
                    if self._stopped:
                        raise Failed("it was stopped", "query_cancelled")
                    yield batch.cast(schema)

    # -- queries -------------------------------------------------------------------------------------------------------

    def _asked(self, definition: Mapping[str, Any], laid: Any) -> Any:
        """The query, over its tables laid before an instance that can touch nothing else."""
        import duckdb

        tables = self._tables(definition)
        con = self._con = duckdb.connect(config={"python_enable_replacements": False})
        con.execute(f"SET temp_directory = {literal(tempfile.gettempdir())}; SET TimeZone = 'UTC'")
        con.execute("SET arrow_lossless_conversion = true; SET autoload_known_extensions = false")
        for i, table in enumerate(tables):
            catalog, space, name = (table[0], ".".join(table[1:-1]), table[-1])
            con.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {quoted(catalog)}")
            con.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(catalog)}.{quoted(space)}")
            con.register(f"__table_{i}__", laid(table))
            con.execute(f"CREATE TABLE {'.'.join(map(quoted, (catalog, space, name)))} AS FROM __table_{i}__")
            con.unregister(f"__table_{i}__")
        if definition.get("table"):
            catalog, *spaces = definition["table"][: max(2, len(definition["table"]) - 1)]
            with suppress(duckdb.Error):  # a table that the query does not name may not be there
                con.execute(f"USE {quoted(catalog)}.{quoted('.'.join(spaces))}")
        con.execute("SET enable_external_access = false; SET lock_configuration = true; BEGIN TRANSACTION READ ONLY")
        try:
            found = con.extract_statements(definition["query"])
            if len(found) != 1 or found[0].type != duckdb.StatementType.SELECT:
                raise Failed("a query is one SELECT", "query_writes", _READS)
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
        self.done()
        for catalog in self._catalogs.values():
            with suppress(Exception):
                catalog.close()


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


def _within(schema: Any, window: Window) -> Any:
    """The condition that a row is of an interval, as the table can use it to leave files out."""
    from pyiceberg import expressions
    from pyiceberg.types import DateType, TimestamptzType

    found = next((field for field in schema.fields if field.name.lower() == window.column.lower()), None)
    if found is None:
        raise Failed(f"there is no column {window.column!r}", "column_missing")
    start, end = (bound.removesuffix("Z").replace(" ", "T") for bound in (window.start, window.end))
    if isinstance(found.field_type, DateType):
        start, end = start[:10], end[:10]
    if isinstance(found.field_type, TimestamptzType):
        start, end = f"{start}+00:00", f"{end}+00:00"
    made: Any = expressions
    return made.And(made.GreaterThanOrEqual(found.name, start), made.LessThan(found.name, end))


def _of_query(error: Exception) -> Failed:
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
    ("NoSuchTable", "table_missing", _NAMES),
    ("NoSuchNamespace", "table_missing", _NAMES),
    ("NoSuchIdentifier", "table_missing", _NAMES),
    ("Unauthorized", "connection_refused", _LOGIN),
    ("Forbidden", "connection_refused", _LOGIN),
    ("ConnectionError", "no_answer", _ANSWER),
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

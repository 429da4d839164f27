"""Writing to an Iceberg table with pyiceberg: data files first, then one commit of the catalog that makes them seen.

Decides that the commit itself says, as a property of the table, what the table holds; so a crash after it writes nothing
twice, and snapshots may expire.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from seeknal.connectors.iceberg import properties
from seeknal.drivers import Failed
from seeknal.drivers.iceberg import connect as checked
from seeknal.drivers.iceberg import told
from seeknal.model.lowering import quoted
from seeknal.writers import Order, Reading, Wrote

KEY = "seeknal.key"
_ATTEMPTS = 5
_AS = {
    "TINYINT": "INTEGER",
    "SMALLINT": "INTEGER",
    "UTINYINT": "INTEGER",
    "USMALLINT": "INTEGER",
    "UINTEGER": "BIGINT",
    "UBIGINT": "DECIMAL(20,0)",
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
    "TIMESTAMP_NS": "TIMESTAMP",
    "INTERVAL": "VARCHAR",
    "UUID": "VARCHAR",
    "JSON": "VARCHAR",
    "BIT": "VARCHAR",
    "TIME WITH TIME ZONE": "VARCHAR",
}


def connect(settings: Mapping[str, Any]) -> IcebergWriter:
    """Ready to write; nothing is asked yet. Raises EnvironmentFailure."""
    checked(settings).close()
    return IcebergWriter(settings)


class IcebergWriter:
    """The tables of one catalog."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._catalogs: dict[str, Any] = {}
        self._stopped = False

    def held(self, order: Order) -> str:
        """The word for why the table does not hold what is ordered; nothing when it does."""
        try:
            table = self._table(order)
        except Exception as error:
            raise _told(error) from error
        if table is None:
            return "table_missing"
        return "" if _holds(table, order) else "table_changed"

    def write(self, order: Order, reading: Reading) -> Wrote:
        """Make the table hold it. Raises Failed."""
        from pyiceberg.exceptions import CommitFailedException

        if reading.endless(order.chunks):
            raise Failed("a column of dates or times has infinity in it, which Iceberg has no value for", "wrong_value")
        for attempt in range(_ATTEMPTS):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # that nothing was there to delete
                    return self._write(order, reading)
            except Failed:
                raise
            except CommitFailedException as error:
                if attempt == _ATTEMPTS - 1:
                    text = "others keep changing the table before this write can"
                    raise Failed(text, "connection_lost", "run again") from error
            except Exception as error:
                raise _told(error) from error
        raise AssertionError

    def _write(self, order: Order, reading: Reading) -> Wrote:
        schema = reading.rows((), _expressions(order)).schema
        table = self._table(order) or self._made(order, schema)
        if _holds(table, order):
            return Wrote(None)
        _check(order, table)
        count = 0
        with table.transaction() as transaction:
            with transaction.update_schema() as update:
                update.union_by_name(schema)
            said = {KEY: order.key, "seeknal.node": order.node, "seeknal.run": order.run}
            rows = self._counted(reading.rows(order.chunks, _expressions(order)))
            if order.mode == "upsert_by_key":
                given = rows.stream.read_all()
                _check_keys(order, given)
                transaction.upsert(given, join_cols=list(order.unique_keys), snapshot_properties=said)
            elif order.mode == "append":
                transaction.append(rows.stream, snapshot_properties=said)
            else:
                transaction.overwrite(rows.stream, snapshot_properties=said)
            count = rows.count
            transaction.set_properties({f"{KEY}.{order.mode}": order.key})
        return Wrote(count)

    def _counted(self, reader: Any) -> _Counted:
        return _Counted(reader, lambda: self._stopped)

    def _table(self, order: Order) -> Any:
        from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError

        try:
            return self._catalog(order).load_table(_name(order))
        except (NoSuchTableError, NoSuchNamespaceError):
            return None

    def _made(self, order: Order, schema: Any) -> Any:
        from pyiceberg.exceptions import TableAlreadyExistsError

        if not order.create:
            hint = "make it there, or say create_table: true"
            raise Failed(f"there is no table {'.'.join(_name(order))}", "table_missing", hint)
        catalog = self._catalog(order)
        catalog.create_namespace_if_not_exists(_name(order)[:-1])
        try:
            return catalog.create_table(_name(order), schema=schema)
        except TableAlreadyExistsError:
            return catalog.load_table(_name(order))

    def _catalog(self, order: Order) -> Any:
        name = order.schema.split(".")[0] if "." in order.schema else "default"
        if name not in self._catalogs:
            said = properties(self._settings)
            if self._settings["catalog_type"] == "rest":
                from pyiceberg.catalog.rest import RestCatalog

                self._catalogs[name] = RestCatalog(name, **said)
            else:
                from pyiceberg.catalog.sql import SqlCatalog

                self._catalogs[name] = SqlCatalog(name, **said)
        return self._catalogs[name]

    def stop(self) -> None:
        """The batch that is written is the last one."""
        self._stopped = True

    def close(self) -> None:
        """Let go of the catalogs."""
        for catalog in self._catalogs.values():
            if hasattr(catalog, "close"):
                catalog.close()


class _Counted:
    """A stream that knows how many rows went by, and ends with Failed when it is told to stop."""

    def __init__(self, reader: Any, stopped: Any) -> None:
        import pyarrow as pa

        self.count = 0
        self._stopped = stopped
        self.stream = pa.RecordBatchReader.from_batches(reader.schema, self._batches(reader))

    def _batches(self, reader: Any) -> Any:
        for batch in reader:
            if self._stopped():
                raise Failed("it was stopped", "query_cancelled")
            self.count += batch.num_rows
            yield batch


def _name(order: Order) -> tuple[str, ...]:
    """Namespace and table, without the catalog."""
    spaces = order.schema.split(".")
    return (*(spaces[1:] or spaces), order.table)


def _expressions(order: Order) -> list[str]:
    return [_travelling(name, type_) for name, type_ in order.columns]


def _travelling(name: str, type_: str) -> str:
    column = quoted(name)
    cast = "VARCHAR" if type_.startswith("ENUM(") else _AS.get(type_)
    return f"CAST({column} AS {cast}) AS {column}" if cast else column


def _holds(table: Any, order: Order) -> bool:
    """Whether the last write of this mode was this one; where all rows are replaced, whether nobody wrote since."""
    if table.properties.get(f"{KEY}.{order.mode}") != order.key:
        return False
    snapshot = table.current_snapshot()
    summary = snapshot.summary.additional_properties if snapshot and snapshot.summary else {KEY: order.key}
    return order.mode != "overwrite" or summary.get(KEY) == order.key


def _check(order: Order, table: Any) -> None:
    """Raise Failed for columns there that need a value in every row."""
    names = {name for name, _ in order.columns}
    for field in table.schema().fields:
        if field.required and field.name not in names:
            text = f"the column {field.name} there needs a value in every row, and the node has no such column"
            raise Failed(text, "column_required", "make it optional there, or add it to the node")


def _check_keys(order: Order, rows: Any) -> None:
    """Raise Failed for rows without a key, and for two of one."""
    named = ", ".join(order.unique_keys)
    keys = rows.select(list(order.unique_keys))
    if any(column.null_count for column in keys.columns):
        raise Failed(f"a row has no value for {named}", "wrong_rows", "leave such rows out")
    if keys.group_by(list(order.unique_keys)).aggregate([]).num_rows < rows.num_rows:
        raise Failed(f"two rows have the same {named}", "wrong_rows", "one row for each key is needed")


def _told(error: Exception) -> Failed:
    text = str(error)
    if "Mismatch" in text or "Cannot change column type" in text or "Cannot promote" in text:
        said = " ".join(text.split())
        return Failed(
            f"a column there has another type: {said}",
            "type_wrong",
            "change its type there, or give the table another name",
        )
    return told(f"{type(error).__name__}: {error}")

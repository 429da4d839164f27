"""Reading a PostgreSQL server over ADBC: COPY, batch by batch, in a transaction that can only read.

Decides how a failure of the server is told. The server streams: no table ever stands in memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from seeknal.connectors.postgresql import TABLES, Column, refused, relation, statement, token_query, typed, value
from seeknal.drivers import Arriving, Failed, Listed, Rows, Window, distinct, listed
from seeknal.errors import EnvironmentFailure
from seeknal.model.lowering import quoted

_BEGIN = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
# As texts have to be the same for everyone: nothing of the server's or the role's own taste.
_SESSION = (
    "SET TimeZone = 'UTC'",
    "SET DateStyle = 'ISO'",
    "SET IntervalStyle = 'postgres'",
    "SET extra_float_digits = 1",
)
_NAMES = {"database": "dbname"}
_OWN = ("schema",)
# Its connections are `Answering`; these schemas are the server's own, and not listed.
ANSWERS = ("pg_catalog", "information_schema")


def connect(settings: Mapping[str, Any]) -> PostgreSQL:
    """Connect. Raises Failed, EnvironmentFailure."""
    try:
        from adbc_driver_manager import AdbcConnection, AdbcDatabase
        from adbc_driver_postgresql import _driver_path
    except ImportError as error:
        hint = "pip install 'seeknal[postgres]'"
        raise EnvironmentFailure(f"a package is missing: {error}", reason="package_missing", hint=hint) from error
    with _told():
        database = AdbcDatabase(driver=_driver_path(), uri=_words(settings))
        far = PostgreSQL(database, AdbcConnection(database), settings)
        for text in _SESSION:
            far.execute(text)
        return far


def _words(settings: Mapping[str, Any]) -> str:
    """The settings as libpq reads them."""
    words = {_NAMES.get(name, name): str(value) for name, value in settings.items() if name not in _OWN and value != ""}
    quoted = {name: value.replace("\\", "\\\\").replace("'", "\\'") for name, value in words.items()}
    return " ".join(f"{name}='{value}'" for name, value in {**quoted, "application_name": "seeknal"}.items())


class PostgreSQL:
    """One connection to a server."""

    def __init__(self, database: Any, connection: Any, settings: Mapping[str, Any]) -> None:
        self._database = database
        self._connection = connection
        self._schema = settings["schema"]
        self._running: Any = None

    def execute(self, sql: str) -> None:
        """Run a statement that gives no rows."""
        with _told(), self._statement(sql) as made:
            made.execute_update()

    def identity(self) -> str:
        """The cluster, which a copy that streams from it shares, the database, and where names are looked up."""
        ((database,),) = self._ask("SELECT current_database()")
        cluster = self._known("SELECT (pg_control_system()).system_identifier::text")
        return f"{cluster}/{database}/{self._schema}"

    def token(self, definition: Mapping[str, Any]) -> str | None:
        """The answer of the probe; without one, what the server itself knows of a plain table."""
        if definition.get("probe"):
            return repr(self._ask(definition["probe"]))
        if "query" in definition:
            return None
        return self._known(token_query(definition, self._schema))

    def _known(self, sql: str) -> str | None:
        """One thing that a server says of itself; None where it has no such function, or not for us."""
        try:
            return self._ask(sql)[0][0]
        except Failed as failed:
            if failed.reason in ("query_failed", "not_allowed"):
                return None
            raise

    def _ask(self, sql: str) -> list[tuple[str | None, ...]]:
        self.execute(_BEGIN)
        try:
            return [tuple(None if cell is None else str(cell) for cell in row) for row in self.ask(sql)]
        finally:
            self.done()

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """The few rows of a query, in whatever transaction there is."""
        with _told(), self._statement(sql) as made:
            handle = made.execute_query()[0]
            table = _reader(handle).read_all()
        return [tuple(row.values()) for row in table.to_pylist()]

    def stage(self, table: str, reader: Any) -> int:
        """Stream rows into a new temporary table, within the transaction; returns how many."""
        from adbc_driver_manager import ArrowArrayStreamHandle

        with _told(), self._statement("") as made:
            said = {"target_table": table, "mode": "adbc.ingest.mode.create", "temporary": "true"}
            made.set_options(**{f"adbc.ingest.{name}": value for name, value in said.items()})
            handle = ArrowArrayStreamHandle()
            reader._export_to_c(handle.address)
            made.bind_stream(handle)
            return int(made.execute_update())

    def names(self, definition: Mapping[str, Any]) -> list[str]:
        """The columns of the table or the query."""
        return [column.name for column in self._columns(relation(definition, self._schema))]

    def _columns(self, source: str) -> list[Column]:
        import pyarrow as pa

        with _told(), self._statement(f"SELECT * FROM {source}") as made:
            handle = made.execute_schema()
            schema = pa.Schema._import_from_c(handle.address)
        return [_column(field) for field in schema]

    def rows(self, definition: Mapping[str, Any], window: Window | None) -> Rows:
        """All rows, or those of an interval, as one snapshot of the server has them."""
        source = relation(definition, self._schema)
        self.execute(_BEGIN)
        columns = self._columns(source)
        with _told():
            self._running = self._made(statement(source, columns, window))
            stream = _reader(self._running.execute_query()[0])
        return Rows(stream, tuple(map(_arriving, columns)))

    def tables(self) -> list[Listed]:
        """The tables and views of all schemas but the server's own."""
        return listed(self._ask(TABLES))

    def answer(self, query: str, limit: int | None) -> Rows:
        """The rows of a query, which the server plans with the limit."""
        self.execute(_BEGIN)
        if query[:7].upper() == "EXPLAIN":
            return self._explained(query)
        source = f"({query}\n) AS q"
        found = self._columns(source)
        columns = [c._replace(name=name) for c, name in zip(found, distinct(c.name for c in found), strict=True)]
        names = f"({', '.join(quoted(c.name) for c in columns)})" if columns else ""
        most = "" if limit is None else f" LIMIT {limit}"
        with _told():
            self._running = self._made(statement(source + names, columns, None) + most)
            return Rows(_reader(self._running.execute_query()[0]), tuple(map(_arriving, columns)))

    def _explained(self, query: str) -> Rows:
        with _told():
            self._running = self._made(query)
            self._running.set_options(**{"adbc.postgresql.use_copy": "false"})  # nothing but a query can be copied
            stream = _reader(self._running.execute_query()[0])
        return Rows(stream, tuple(Arriving(name, quoted(name)) for name in stream.schema.names))

    def done(self) -> None:
        """End the transaction."""
        if self._running is not None:
            with suppress(Exception):
                self._running.close()
            self._running = None
        self.execute("ROLLBACK")

    def stop(self) -> None:
        """Interrupt what the server does for us."""
        with suppress(Exception):
            self._connection.cancel()

    def close(self) -> None:
        """Disconnect."""
        for held in (self._running, self._connection, self._database):
            if held is not None:
                with suppress(Exception):
                    held.close()

    def _made(self, sql: str) -> Any:
        from adbc_driver_manager import AdbcStatement

        made = AdbcStatement(self._connection)
        made.set_sql_query(sql)
        return made

    @contextmanager
    def _statement(self, sql: str) -> Iterator[Any]:
        made = self._made(sql)
        try:
            yield made
        finally:
            with suppress(Exception):
                made.close()


def _reader(handle: Any) -> Any:
    import pyarrow as pa

    return pa.RecordBatchReader._import_from_c(handle.address)


def _column(field: Any) -> Column:
    import pyarrow as pa

    said = {name.decode(): text.decode() for name, text in (field.metadata or {}).items()}
    inner = field.type.value_type if pa.types.is_list(field.type) else field.type
    native = said.get("POSTGRESQL:type", "")
    return Column(field.name, native, int(said.get("POSTGRESQL:typmod", -1)), pa.types.is_string(inner))


def _arriving(column: Column) -> Arriving:
    return Arriving(column.name, value(column), typed(column), *refused(column))


_READS = "a query reads, and changes nothing"
_WORDS = {
    "42P01": ("table_missing", "is it in the connection's schema? names are in small letters unless they are quoted"),
    "42703": ("column_missing", ""),
    "42501": ("not_allowed", "the connection's user may not read it: GRANT SELECT"),
    "25006": ("query_writes", _READS),
    "57014": ("query_cancelled", ""),
}  # fmt: skip
_CHECK = "check host and port, that the server runs and lets this machine in; connect_timeout is the seconds to wait"
_LOGIN = "check user, password and database of the connection, and the server's pg_hba.conf"
_NDIMS = "argument must be empty or one-dimensional array"


@contextmanager
def _told() -> Iterator[None]:
    """Tell what ADBC raises inside as Failed."""
    from adbc_driver_manager import Error

    try:
        yield
    except Error as error:
        raise told(str(error), error.sqlstate or "") from None


def told(text: str, state: str = "") -> Failed:
    """What the server or the driver said, as a failure."""
    if "Failed to connect" in text:
        said = text.split("Failed to connect: ", 1)[1]
        refused = "FATAL" in said
        return Failed(
            " ".join(said.split()), "connection_refused" if refused else "no_answer", _LOGIN if refused else _CHECK
        )
    if _NDIMS in text:
        return Failed("a column has arrays of several dimensions, which a table cannot keep", "type_wrong",
                      "write query: SELECT to_json(that_column)::text ...")  # fmt: skip
    found = re.search(r"(?:ERROR|FATAL):\s*(.*?)(?:\n\s*\n|\. SQLSTATE|Query was:|\Z)", text, re.DOTALL)
    message = " ".join((found[1] if found else text).split("\nLINE ")[0].split())
    if (
        "terminating connection" in text
        or "server closed the connection" in text
        or "no connection to the server" in text
    ):
        return Failed(f"the connection was lost: {message}", "connection_lost", "run again")
    if "data-modifying statement" in message or "in a read-only transaction" in message:
        return Failed(message, "query_writes", _READS)
    reason, hint = _WORDS.get(state, ("query_failed", ""))
    return Failed(message, reason, hint)

"""Reading a workbook with calamine, a batch of rows at a time.

Decides which sort each cell is of, and what its text is in a column of text. Goes twice over the sheet: first for the types.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from seeknal.connectors.excel import letters, meant
from seeknal.drivers import Arriving, Failed, Rows, Window
from seeknal.errors import EnvironmentFailure, nearest
from seeknal.model.lowering import quoted

_BATCH = 20_000
# Up to here a number of a cell, which is a double, is a whole number and no other.
_EXACT = 2.0**53


def connect(settings: Mapping[str, Any]) -> Excel:
    """Open the workbook. Raises Failed, EnvironmentFailure."""
    try:
        import python_calamine
    except ImportError as error:
        hint = "pip install 'seeknal[excel]'"
        raise EnvironmentFailure(f"a package is missing: {error}", reason="package_missing", hint=hint) from error
    try:
        return Excel(python_calamine.load_workbook(settings["path"]))
    except python_calamine.PasswordError as error:
        raise Failed("the workbook is protected by a password", "unreadable_file", "save it without one") from error
    except (python_calamine.CalamineError, OSError) as error:
        hint = "is it a workbook (xlsx, xlsb, xls, ods), and whole?"
        raise Failed(f"the workbook cannot be read: {error}", "unreadable_file", hint) from error


class Column(NamedTuple):
    """A column: where it stands, its name, the sorts of its cells."""

    at: int
    name: str
    sorts: frozenset[str]


class Excel:
    """One open workbook."""

    def __init__(self, book: Any) -> None:
        self._book = book

    def identity(self) -> str:
        """The file's bytes say it."""
        return ""

    def token(self, definition: Mapping[str, Any]) -> str | None:
        """The file's bytes say it."""
        return None

    def names(self, definition: Mapping[str, Any]) -> list[str]:
        """The names that the header gives."""
        return [column.name for column in _columns(self._sheet(definition), definition)]

    def _sheet(self, definition: Mapping[str, Any]) -> Any:
        names = self._book.sheet_names
        name = definition.get("sheet_name", names[0] if names else "")
        if name not in names:
            hint = f"the workbook has: {', '.join(names)}"
            raise Failed(f"there is no sheet {name!r}{nearest(name, names)}", "table_missing", hint)
        return self._book.get_sheet_by_name(name)

    def rows(self, definition: Mapping[str, Any], window: Window | None) -> Rows:
        """The rows under the header that have a value, in the order of the sheet."""
        import pyarrow as pa

        sheet = self._sheet(definition)
        columns = _columns(sheet, definition)
        if not columns:
            raise Failed("the sheet has no columns", "table_missing", "params: {sheet_name: ...} names another")
        declared = {name.lower(): type_ for name, type_ in definition.get("types", {}).items()}
        types = [meant(column.sorts, declared.get(column.name.lower())) for column in columns]
        schema = pa.schema([(column.name, _arrow(type_)) for column, type_ in zip(columns, types, strict=True)])
        batches = _batches(_body(sheet, definition), columns, types, schema)
        arriving = tuple(Arriving(column.name, quoted(column.name)) for column in columns)
        return Rows(pa.RecordBatchReader.from_batches(schema, batches), arriving)

    def done(self) -> None:
        """Nothing is left open."""

    def stop(self) -> None:
        """The batch that is read is the last one."""

    def close(self) -> None:
        """Let go of the workbook."""
        self._book.close()


def _used(sheet: Any, definition: Mapping[str, Any]) -> Iterator[Sequence[Any]]:
    """The rows with a value, below those that are skipped."""
    if sheet.start is None:
        return iter(())
    below = islice(sheet.iter_rows(), definition["skip"], None)
    return (row for row in below if any(cell != "" for cell in row))


def _body(sheet: Any, definition: Mapping[str, Any]) -> Iterator[Sequence[Any]]:
    return islice(_used(sheet, definition), int(definition["header"]), None)


def _columns(sheet: Any, definition: Mapping[str, Any]) -> list[Column]:
    """The columns that have a name or a value."""
    header = next(_used(sheet, definition), ()) if definition["header"] else ()
    names = [_shown(cell) or "" for cell in header]
    sorts: list[set[str]] = [set() for _ in names]
    for row in _body(sheet, definition):
        sorts += [set() for _ in range(len(row) - len(sorts))]
        for cell, found in zip(row, sorts, strict=False):
            if cell != "":
                found.add(_sort(cell))
    names += [""] * (len(sorts) - len(names))
    first = sheet.start[1] if sheet.start else 0
    every = enumerate(zip(names, sorts, strict=True))
    return [Column(at, name or letters(first + at), frozenset(found)) for at, (name, found) in every if name or found]


def _sort(cell: Any) -> str:
    if isinstance(cell, float):
        return "whole" if cell.is_integer() and abs(cell) <= _EXACT else "number"
    return _OF.get(type(cell), "text")


_OF = {
    int: "whole",
    bool: "boolean",
    dt.datetime: "moment",
    dt.date: "date",
    dt.time: "time",
    dt.timedelta: "duration",
}


def _arrow(type_: str) -> Any:
    import pyarrow as pa

    return {
        "BIGINT": pa.int64, "DOUBLE": pa.float64, "BOOLEAN": pa.bool_, "DATE": pa.date32, "TIME": lambda: pa.time64("us"),
        "TIMESTAMP": lambda: pa.timestamp("us"), "INTERVAL": lambda: pa.duration("us"),
    }.get(type_, pa.string)()  # fmt: skip


def _batches(
    rows: Iterator[Sequence[Any]], columns: Sequence[Column], types: Sequence[str], schema: Any
) -> Iterator[Any]:
    import pyarrow as pa

    while some := list(islice(rows, _BATCH)):
        arrays = [
            pa.array([_value(row, column.at, _AS[type_]) for row in some], field.type)
            for column, type_, field in zip(columns, types, schema, strict=True)
        ]
        yield pa.record_batch(arrays, schema=schema)


def _value(row: Sequence[Any], at: int, convert: Callable[[Any], Any]) -> Any:
    return convert(row[at]) if at < len(row) and row[at] != "" else None


def _as_is(cell: Any) -> Any:
    return cell


def _moment(cell: Any) -> Any:
    """A date as its midnight: calamine tells such moments as dates."""
    return cell if isinstance(cell, dt.datetime) else dt.datetime.combine(cell, dt.time())


def _duration(cell: Any) -> Any:
    if isinstance(cell, dt.timedelta):
        return cell
    return dt.timedelta(hours=cell.hour, minutes=cell.minute, seconds=cell.second, microseconds=cell.microsecond)


def _shown(cell: Any) -> str | None:
    """The text of a cell: 5, not 5.0."""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) <= _EXACT else repr(cell)
    if isinstance(cell, dt.datetime):
        return cell.isoformat(sep=" ")
    return str(cell)


_AS: dict[str, Callable[[Any], Any]] = {
    "BIGINT": int, "DOUBLE": float, "BOOLEAN": _as_is, "DATE": _as_is, "TIME": _as_is, "TIMESTAMP": _moment,
    "INTERVAL": _duration, "VARCHAR": _shown,
}  # fmt: skip

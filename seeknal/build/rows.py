"""Rows of an answer as text: cells for a table, CSV, JSON, and the file that a person asked for.

Decides how a value is written. Reads nothing, and runs nothing.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from seeknal.errors import UsageError, safe

if TYPE_CHECKING:
    from seeknal.store.disk import Disk

FORMATS = ("table", "json", "csv")
_WORDS = {None: "", True: "true", False: "false"}


def text(value: Any) -> str:
    """A value as people and CSV write it; nothing where there is none."""
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_inner, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_inner(name)}: {_inner(item)}" for name, item in value.items()) + "}"
    if isinstance(value, bytes):
        return "".join(chr(byte) if 32 <= byte < 127 and byte != 92 else f"\\x{byte:02X}" for byte in value)
    return str(value.isoformat(" ")) if hasattr(value, "hour") and hasattr(value, "day") else str(value)


def _inner(value: Any) -> str:
    return "NULL" if value is None else f"'{value}'" if isinstance(value, str) else text(value)


def cell(value: Any) -> str:
    """A value in one line that is safe to show."""
    return safe(text(value)).replace("\n", "\\n").replace("\t", "\\t")


def plain(value: Any) -> Any:
    """A value for JSON: numbers as numbers where none of their digits is lost."""
    if isinstance(value, Decimal):
        near = float(value)
        return int(value) if value == int(value) else near if Decimal(repr(near)) == value else str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {text(name): plain(item) for name, item in value.items()}
    return value if value is None or isinstance(value, (bool, int, float, str)) else text(value)


def records(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Rows as JSON objects."""
    for row in rows:
        yield {name: plain(value) for name, value in zip(names, row, strict=True)}


def written(format_: str, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """The text of a file: `json` or `csv`."""
    if format_ == "json":
        lines = ",\n ".join(json.dumps(record) for record in records(names, rows))
        return f"[{lines}]\n"
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([[text(value) for value in row] for row in rows])
    return out.getvalue()


def format_of(path: str, otherwise: str, *, more: Sequence[str] = ()) -> str:
    """The format that the name of a file says, else the one that was asked for. Raises UsageError."""
    ending = os.path.splitext(path)[1].lower().removeprefix(".")
    found = ending if ending in ("csv", "json", *more) else otherwise
    if found == "table":
        known = " or ".join(f".{name}" for name in ("csv", "json", *more))
        raise UsageError(f"--output {path}: is it {known}? Else say --format", reason="unknown_format")
    return found


def save(disk: Disk, path: str, format_: str, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write rows to a person's file, whole or not at all. Raises EnvironmentFailure."""
    disk.hand_out(path, written(format_, names, rows).encode())

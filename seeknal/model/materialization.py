"""Tables outside to which a node's rows are written: `materialization`, `materializations` and `@materialize` as plain data.

Decides what these may say (project_format 6) and which of them are enabled. Feature-store settings (`offline`, `online`,
`event_time_col`) are not a table. Never connects to anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from seeknal.model.lowering import Path, Wrong
from seeknal.model.typed import typed

_FEATURE_STORE = ("offline", "online", "event_time_col")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
_DAYS = re.compile(r"(\d{1,5})d?")
_TYPES = {"postgresql": "postgresql", "postgres": "postgresql", "iceberg": "iceberg"}
# What the format calls the same thing by two words.
_MODES = {
    "postgresql": {
        "full": "full",
        "overwrite": "full",
        "append": "append",
        "incremental_by_time": "incremental_by_time",
        "upsert_by_key": "upsert_by_key",
    },
    "iceberg": {
        "append": "append",
        "overwrite": "overwrite",
        "upsert": "upsert_by_key",
        "upsert_by_key": "upsert_by_key",
    },
}
_DEFAULT_MODE = {"postgresql": "full", "iceberg": "append"}
_PARTS = {"postgresql": ((2,), "schema.table"), "iceberg": ((2, 3), "catalog.namespace.table")}
_NEEDS = {"incremental_by_time": "time_column", "upsert_by_key": "unique_keys"}
_IGNORED = ("partition_by", "schema_evolution", "format", "ttl", *_FEATURE_STORE)


def tables_of(fields: Mapping[str, Any], stacked: tuple[Mapping[str, Any], ...] = ()) -> list[dict[str, Any]]:
    """Every table that a node names, with the path of its field at `path`. Raises Wrong, or several as an ExceptionGroup."""
    one, many = fields.get("materialization"), fields.get("materializations")
    if one is not None and many is not None:
        text = "materialization and materializations are both there: keep one"
        raise ExceptionGroup(
            "both spellings", [Wrong((name,), text) for name in ("materialization", "materializations")]
        )
    found = _listed(many, ("materializations",)) if many is not None else _single(one)
    return found + [_table(dict(given), (), enabled=True) for given in stacked]


def table_of(given: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """One table that is written whatever else is said; its fields stand below `path`. Raises Wrong."""
    return _table(given, path, enabled=True)


def _single(value: Any) -> list[dict[str, Any]]:
    if value is None or isinstance(value, list):
        return _listed(value or [], ("materialization",))
    if not isinstance(value, Mapping):
        raise Wrong(
            ("materialization",), "materialization is a mapping: {type: postgresql, connection: ..., table: ...}"
        )
    if not {"type", "table"}.intersection(value) and set(value).intersection(_FEATURE_STORE):
        return []
    return [_table(value, ("materialization",), enabled=False)] if value else []


def _listed(value: Any, path: Path) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise Wrong(path, f"{path[0]} is a list of mappings: [{{type: postgresql, connection: ..., table: ...}}]")
    found = []
    for i, item in enumerate(value):
        if not isinstance(item, Mapping):
            raise Wrong(
                (*path, i), f"an item of {path[0]} is a mapping: {{type: postgresql, connection: ..., table: ...}}"
            )
        found.append(_table(item, (*path, i), enabled=True))
    return found


def _table(given: Mapping[str, Any], path: Path, *, enabled: bool) -> dict[str, Any]:
    type_ = _TYPES.get(str(given.get("type") or "iceberg").lower())
    if type_ is None:
        raise Wrong((*path, "type"), f"type is {given['type']!r}: allowed are postgresql and iceberg")
    _misspelt(given, path)
    found: dict[str, Any] = {"type": type_, "enabled": _flag(given.get("enabled", enabled), (*path, "enabled"))}
    if not found["enabled"] and not given.get("table"):
        return {**found, "path": path}
    for name, read in _FIELDS.items():
        if given.get(name) is not None:
            found[name] = read(given[name], (*path, name))
    found["mode"] = _mode(type_, given.get("mode"), path)
    if "table" in found:
        _check_table(type_, found["table"], path)
    if found["enabled"]:
        _complete(found, path)
    return {**found, "path": path}


def _misspelt(given: Mapping[str, Any], path: Path) -> None:
    known = ["type", "enabled", "mode", *_FIELDS, *_IGNORED]
    for name in given:
        near = get_close_matches(str(name), known, n=1, cutoff=0.8) if name not in known else []
        if near:
            raise Wrong((*path, name), f"unknown field {name!r} (did you mean {near[0]}?)")


def _complete(found: Mapping[str, Any], path: Path) -> None:
    needed = ["table", *(["connection"] if found["type"] == "postgresql" else [])]
    needed += [_NEEDS[found["mode"]]] if found["mode"] in _NEEDS else []
    for name in needed:
        if name not in found:
            why = f" (mode {found['mode']})" if name in _NEEDS.values() else ""
            raise Wrong(path, f"the table of type {found['type']} needs {name}{why}")


def _mode(type_: str, value: Any, path: Path) -> str:
    mode = _MODES[type_].get(str(value)) if value is not None else _DEFAULT_MODE[type_]
    if mode is None:
        raise Wrong((*path, "mode"), f"mode is {value!r}: for {type_}, allowed are {', '.join(_MODES[type_])}")
    return mode


def _check_table(type_: str, name: str, path: Path) -> None:
    counts, shape = _PARTS[type_]
    parts = name.split(".")
    if len(parts) not in counts or not all(_NAME.fullmatch(part) for part in parts):
        raise Wrong((*path, "table"), f"table is {name!r}: for {type_} it is written {shape}, each a plain word")


def _flag(value: Any, path: Path) -> bool:
    if isinstance(value, bool):
        return value
    found = typed(str(value).lower())  # yes and no, too: they are texts in the YAML of today
    if isinstance(found, bool):
        return found
    raise Wrong(path, f"{path[-1]} is {value!r}: allowed are true and false")


def _text(value: Any, path: Path) -> str:
    if isinstance(value, str) and value:
        return value
    raise Wrong(path, f"{path[-1]} is {value!r}: a text is needed")


def _table_name(value: Any, path: Path) -> str:
    if isinstance(value, Mapping):  # IcebergTable(namespace=..., name=..., catalog=...)
        return ".".join(str(value[part]) for part in ("catalog", "namespace", "name") if part in value)
    return _text(value, path)


def _days(value: Any, path: Path) -> int:
    days = _DAYS.fullmatch(str(value)) if not isinstance(value, bool) else None
    if days is None:
        raise Wrong(path, f'lookback is {value!r}: a number of days is needed, as 7 or "7d"')
    return int(days[1])


def _names(value: Any, path: Path) -> list[str]:
    names = [value] if isinstance(value, str) else value
    if isinstance(names, list) and names and all(isinstance(name, str) and name for name in names):
        return names
    raise Wrong(path, f"{path[-1]} is {value!r}: a list of columns is needed")


_FIELDS: dict[str, Callable[[Any, Path], Any]] = {
    "connection": _text,
    "table": _table_name,
    "time_column": _text,
    "lookback": _days,
    "unique_keys": _names,
    "create_table": _flag,
    "cascade": _flag,
    "catalog_uri": _text,
    "warehouse": _text,
}

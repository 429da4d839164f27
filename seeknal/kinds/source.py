"""`source`: data from outside. Lowers to what its connector reads: the files, the options, the declared types.

Decides which source types there are, where the path may stand, and what becomes of an option that no connector has. Of what
is read over a connection the key has the connection's name; where that leads to is found out when it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from seeknal import connectors
from seeknal.errors import nearest
from seeknal.model.lowering import RUN_DATE, RUN_ID, Lowered, Path, Wrong, declared_types
from seeknal.model.node import Recipe

# A connector's options are texts and flags of its own reading ("0" may be a delimiter): they are not made numbers.
PARAMS_AS_WRITTEN = True

_NEVER = "this tool does not read it: bring the data as Parquet or CSV files"
_KNOWN_ELSEWHERE = {
    "starrocks": _NEVER,
    "hive": "write source: parquet or source: csv, with the path of the file",
    "bigquery": _NEVER,
    "snowflake": _NEVER,
    "redshift": _NEVER,
}


INTERVALS = "split"
# The field whose word a profile may have defaults for.
DEFAULTS = "source"
# Fields of a connection whose environment variables stay unexpanded wherever the fields are shown.
SECRET = ("password", "secret_access_key", "session_token", "token", "bearer_token", "credential")


@dataclass(frozen=True, slots=True)
class Spec:
    """The fields of a source."""

    source: str
    table: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, Any] = field(default_factory=dict)
    connection: str | None = None
    query: str | None = None
    probe: str | None = None
    schema: Any = None
    freshness: Any = None
    ingest: str = "auto"


def lower(name: str, spec: Spec, inputs: tuple[str, ...]) -> Lowered:
    """A recipe of the connector engine."""
    word = spec.source.strip().lower()
    _check_type(spec.source, word)
    if spec.ingest not in ("auto", "copy"):
        raise Wrong(("ingest",), f"ingest is {spec.ingest!r}: allowed are auto and copy")
    connector = connectors.get(word)
    params = _params(spec)
    if getattr(connector, "CONNECTED", False):
        return _connected(spec, connector, word, params)
    table = _path(spec, params)
    place = connectors.afar(table)
    if place is not None:
        return _from_afar(spec, connector, place, table, params)
    odd = _unknown_options(connector.OPTIONS, spec, word, params)
    definition = {"source": connector.NAME, "ingest": spec.ingest, "types": _types(spec)}
    definition["options"] = connector.options({name: v for name, v in params.items() if name not in odd})
    traits = {"source": connector.NAME, "warnings": [*_ignored_path(spec, params), *odd.values()]}
    return Lowered(Recipe("connector", definition, files=(table,)), traits)


def _from_afar(spec: Spec, connector: Any, place: Any, table: str, params: dict[str, Any]) -> Lowered:
    """A recipe of the engine that brings files from where the URL leads, for their connector to read."""
    known = (*connector.OPTIONS, *place.OPTIONS)
    odd = _unknown_options(known, spec, spec.source, params)
    said = {name: value for name, value in params.items() if name not in odd}
    options = {**place.located(table), "format": connector.NAME, "reader": connector.options(said)}
    definition = {"source": place.NAME, "options": options, "types": _types(spec)}
    definition |= {"connection": said["connection"]} if "connection" in said else {}
    inline = {name: value for name, value in said.items() if name in place.CONNECTION}
    warnings = [*_ignored_path(spec, params), *odd.values()]
    traits = {"source": connector.NAME, "warnings": warnings, "fields": ("params", *inline, *_SAID), "far": True}
    return Lowered(Recipe(place.ENGINE, definition, late={"connection": inline}), traits)


def _connected(spec: Spec, connector: Any, word: str, params: dict[str, Any]) -> Lowered:
    """A recipe of the engine that reads over connections."""
    odd = _unknown_options(connector.OPTIONS, spec, word, params)
    params = {name: value for name, value in params.items() if name not in odd}
    params = (
        connector.arranged(spec.table, params) if hasattr(connector, "arranged") else _with_table(spec.table, params)
    )
    options = connector.options(params)
    files = tuple(connector.files(params)) if hasattr(connector, "files") else ()
    definition = {"source": connector.NAME, "options": options, "types": _types(spec)}
    definition |= {name: params[name] for name in ("connection", "probe") if name in params}
    inline = {name: value for name, value in params.items() if name in connector.CONNECTION}
    # Only with intervals this says something: then each is read until it is over, and what is over is not asked for again.
    blind = not (files or "probe" in params or getattr(connector, "TOKEN", False))
    traits = {"source": connector.NAME, "warnings": list(odd.values()), "fields": ("params", *inline, *_SAID)}
    traits |= {"again": "read_again"} if blind else {}
    traits |= {} if files else {"far": True}
    return Lowered(Recipe("connected", definition, files=files, late={"connection": inline}), traits)


def _with_table(table: str, params: dict[str, Any]) -> dict[str, Any]:
    return {**params, "table": table} if table else params


# Fields that what was found far away may be the fault of.
_SAID = ("table", "query", "probe", "connection", "columns")


def _check_type(written: str, word: str) -> None:
    if word in connectors.known():
        return
    if word in _KNOWN_ELSEWHERE:
        raise Wrong(("source",), f"the source type {written!r} is not supported here: {_KNOWN_ELSEWHERE[word]}")
    known = ", ".join(connectors.known())
    raise Wrong(("source",), f"unknown source type {written!r}{nearest(word, connectors.known())}: {known}")


def _params(spec: Spec) -> dict[str, Any]:
    """`params`, with what may also stand at the top level."""
    given = {"connection": spec.connection, "query": spec.query, "probe": spec.probe}
    for name, value in given.items():
        if value is not None and spec.params.get(name) not in (None, value):
            raise Wrong((name,), f"{name} stands here and in params, and they differ: keep one")
    every = [*spec.params.items(), *given.items()]
    return {name: value for name, value in every if value is not None}


def _path(spec: Spec, params: Mapping[str, Any]) -> str:
    """The path of the file, or the pattern of several."""
    table = spec.table or str(params.get("path") or "")
    at = ("table",) if spec.table or "path" not in params else ("params", "path")
    if not table:
        raise Wrong(at, "the path of the file is missing: table: data/orders.csv")
    if "\0" in table:
        raise Wrong(at, f"the path {table!r} has a character that no path can have")
    if "://" in table and connectors.afar(table) is None:
        raise Wrong(at, f"{table} is not a path: of other machines, s3:// is read; bring the data as a file")
    if RUN_ID in table or RUN_DATE in table:
        raise Wrong(at, "run_id and run_date differ in every run: a path may hold {{ date }} or a parameter")
    return table


def _ignored_path(spec: Spec, params: Mapping[str, Any]) -> list[tuple[Path, str, str]]:
    if spec.table and params.get("path", spec.table) != spec.table:
        return [(("params", "path"), f"params.path is ignored: table says {spec.table}", "ignored_option")]
    return []


def _unknown_options(
    options: tuple[str, ...], spec: Spec, word: str, params: Mapping[str, Any]
) -> dict[str, tuple[Path, str, str]]:
    """A warning for each option that the connector does not have. Raises Wrong for one that looks misspelt."""
    odd: dict[str, tuple[Path, str, str]] = {}
    for name in sorted(set(params).difference(options, ("path",))):
        at: Path = ("params", name) if name in spec.params else (name,)
        near = get_close_matches(name, options, n=1, cutoff=0.8)
        if near:
            raise Wrong(at, f"{word} has no option {name!r} (did you mean {near[0]}?)")
        known = ", ".join(options) or "none"
        odd[name] = (at, f"{word} has no option {name!r}, it is ignored; known: {known}", "ignored_option")
    return odd


def _types(spec: Spec) -> dict[str, str]:
    types = declared_types(spec.columns)
    if isinstance(spec.schema, Mapping):
        types |= declared_types(spec.schema)
    if isinstance(spec.schema, list):
        pairs = {str(c.get("name")): c for c in spec.schema if isinstance(c, Mapping)}
        types |= declared_types({name: c.get("type", c.get("dtype", c.get("data_type"))) for name, c in pairs.items()})
    return types

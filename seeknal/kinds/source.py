"""`source`: data from outside. Lowers to what its connector reads: the files, the options, the declared types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seeknal import connectors
from seeknal.errors import nearest
from seeknal.model.lowering import Lowered, Wrong, declared_types
from seeknal.model.node import Recipe


@dataclass(frozen=True, slots=True)
class Spec:
    """The fields of a source."""

    source: str
    table: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, Any] = field(default_factory=dict)
    schema: Any = None
    freshness: Any = None
    ingest: str = "auto"


def lower(name: str, spec: Spec, inputs: tuple[str, ...]) -> Lowered:
    """A recipe of the connector engine."""
    if spec.source not in connectors.known():
        known = ", ".join(connectors.known())
        raise Wrong(
            ("source",), f"unknown source type {spec.source!r}{nearest(spec.source, connectors.known())}: {known}"
        )
    if spec.ingest not in ("auto", "copy"):
        raise Wrong(("ingest",), f"ingest is {spec.ingest!r}: allowed are auto and copy")
    connector = connectors.get(spec.source)
    table = spec.table or str(spec.params.get("path", ""))
    if not table:
        raise Wrong(("table",), "the path of the file is missing: table: data/orders.csv")
    if "\0" in table:
        raise Wrong(("table",), f"the path {table!r} has a character that no path can have")
    definition = {"source": connector.NAME, "ingest": spec.ingest, "types": _types(spec), **_options(connector, spec)}
    return Lowered(Recipe("connector", definition, files=(table,)), {"source": connector.NAME})


def _types(spec: Spec) -> dict[str, str]:
    types = declared_types(spec.columns)
    if isinstance(spec.schema, Mapping):
        types |= declared_types(spec.schema)
    if isinstance(spec.schema, list):
        pairs = {str(c.get("name")): c for c in spec.schema if isinstance(c, Mapping)}
        types |= declared_types({name: c.get("type", c.get("dtype", c.get("data_type"))) for name, c in pairs.items()})
    return types


def _options(connector: Any, spec: Spec) -> dict[str, Any]:
    unknown = sorted(set(spec.params).difference(connector.OPTIONS, ("path",)))
    if unknown:
        known = ", ".join(connector.OPTIONS) or "none"
        raise Wrong(("params", unknown[0]), f"{spec.source} has no option {unknown[0]!r}: {known}")
    return {"options": connector.options(spec.params)}

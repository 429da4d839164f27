"""`transform`: a table made from tables. In YAML it is SQL for DuckDB or polars; in Python it is a function."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from seeknal.errors import nearest
from seeknal.model.lowering import Lowered, Wrong, input_names
from seeknal.model.node import Input, Recipe

INTERVALS = "each"
_ENGINES = ("duckdb", "polars")


@dataclass(frozen=True, slots=True)
class Spec:
    """The fields of a transform."""

    transform: str
    params: dict[str, Any] = field(default_factory=dict)
    engine: str = "duckdb"


def lower(name: str, spec: Spec, inputs: tuple[str, ...]) -> Lowered:
    """A recipe of the engine that runs the SQL."""
    if spec.engine not in _ENGINES:
        known = " and ".join(_ENGINES)
        raise Wrong(("engine",), f"engine is {spec.engine!r}{nearest(spec.engine, _ENGINES)}: allowed are {known}")
    if not spec.transform.strip():
        raise Wrong(("transform",), "the SQL is empty: write one SELECT")
    recipe = Recipe(spec.engine, {"sql": spec.transform}, tuple(map(Input, inputs)), names=input_names(inputs))
    return Lowered(recipe, {"sql": ("transform",)})

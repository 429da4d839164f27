"""`transform`: a table made from tables. In YAML it is SQL for DuckDB; in Python it is a function."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from seeknal.model.lowering import Lowered, Wrong, input_names
from seeknal.model.node import Input, Recipe


@dataclass(frozen=True, slots=True)
class Spec:
    """The fields of a transform."""

    transform: str
    params: dict[str, Any] = field(default_factory=dict)


def lower(name: str, spec: Spec, inputs: tuple[str, ...]) -> Lowered:
    """A recipe of the DuckDB engine."""
    if not spec.transform.strip():
        raise Wrong(("transform",), "the SQL is empty: write one SELECT")
    recipe = Recipe("duckdb", {"sql": spec.transform}, tuple(map(Input, inputs)), names=input_names(inputs))
    return Lowered(recipe, {"sql": ("transform",)})

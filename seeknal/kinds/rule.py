"""`rule`: conditions that a table must meet before anybody sees it. Lowers to SQL that counts what breaks each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from seeknal.model.checklist import checks_of
from seeknal.model.checks import findings_sql
from seeknal.model.lowering import Lowered, Wrong, input_names
from seeknal.model.node import Input, Recipe, view_stem


@dataclass(frozen=True, slots=True)
class Spec:
    """The fields of a rule."""

    rule: Any
    params: dict[str, Any] = field(default_factory=dict)


def lower(name: str, spec: Spec, inputs: tuple[str, ...]) -> Lowered:
    """A recipe of the DuckDB engine: a table with one row for each check."""
    if not inputs:
        raise Wrong(("inputs",), "a rule needs the table that it checks: inputs: [{ref: transform.rides}]")
    checks = tuple(checks_of(spec.rule, ("rule",), "input_0", spec.params))
    if not checks:
        raise Wrong(("rule",), "the list of checks is empty")
    names = {**input_names(inputs), **{view_stem(i): i for i in inputs}, "input_data": inputs[0], "__THIS__": inputs[0]}
    recipe = Recipe("duckdb", {"sql": findings_sql(checks)}, tuple(map(Input, inputs)), names=names)
    return Lowered(recipe, {"checks": checks, "guards": inputs[0]})

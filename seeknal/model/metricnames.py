"""Names of dimensions, with their grains of time.

Decides what `ordered_at__month` means for one model. Which model is meant is decided in `metricrows`.
"""

from __future__ import annotations

from typing import NamedTuple

from seeknal.errors import UsageError
from seeknal.model.catalog import Catalog
from seeknal.model.lowering import literal
from seeknal.model.semantics import GRAINS, Dimension, Model


class Resolved(NamedTuple):
    """What a name like `customers.signed_up__month` means."""

    model: Model
    dimension: Dimension
    grain: str


def truncated(grain: str, sql: str) -> str:
    """A time cut to its grain: a date where the grain is a day or longer."""
    cut = f"date_trunc({literal(grain)}, {sql})"
    return f"CAST({cut} AS DATE)" if GRAINS.index(grain) >= GRAINS.index("day") else cut


def has(model: Model, name: str) -> bool:
    """Whether `name` means a dimension of a model."""
    try:
        return grained(model, name) is not None
    except UsageError:
        return False


def grained(model: Model, name: str) -> Resolved | None:
    """The dimension of a model that `name` or `name__grain` means. Raises UsageError for a grain that it cannot have."""
    found = model.dimension(name)
    if found:
        return Resolved(model, found, "")
    short, _, grain = name.rpartition("__")
    found = model.dimension(short) if grain.lower() in GRAINS else None
    if found is None:
        return None
    if found.type != "time":
        raise UsageError(f"{short} of {model.name} is no time dimension: it has no {grain}", reason="no_time_dimension")
    if found.granularity and GRAINS.index(grain.lower()) < GRAINS.index(found.granularity):
        text = f"{short} of {model.name} is told by the {found.granularity}: it has no {grain}"
        raise UsageError(text, reason="grain_too_fine")
    return Resolved(model, found, grain.lower())


def dimension_names(catalog: Catalog) -> list[str]:
    """Every name by which a dimension can be asked for, with the grains of times; worked out once."""
    if "names" not in catalog.found:
        catalog.found["names"] = [
            name
            for model in catalog.models.values()
            for dimension in model.dimensions
            for short in (dimension.name, *_grains(dimension))
            for name in (short, f"{model.name}.{short}")
        ]
    known: list[str] = catalog.found["names"]
    return known


def _grains(dimension: Dimension) -> list[str]:
    finest = GRAINS.index(dimension.granularity or "day")
    return [f"{dimension.name}__{grain}" for grain in GRAINS[finest:]] if dimension.type == "time" else []

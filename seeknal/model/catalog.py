"""The catalog: every semantic model and metric of a project, and what a name means.

Decides which of several things of one name is meant, and how an unknown or ambiguous name is told. A metric that somebody
wrote comes before the automatic metric that every measure has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from seeknal.errors import UsageError, nearest
from seeknal.model.node import Node
from seeknal.model.semantics import GRAINS, Entity, Join, Measure, Metric, Model


class Owned(NamedTuple):
    """A metric, and the name of the model that it is written in, if it is written in one."""

    metric: Metric
    model: str = ""


class Catalog:
    """Models by name, and the metrics that somebody wrote. `found` is for what is worked out from these, once."""

    def __init__(self, models: Mapping[str, Model], metrics: tuple[Owned, ...] = ()) -> None:
        self.models = models
        self.metrics = metrics
        self.found: dict[Any, Any] = {}

    def model(self, name: str) -> Model | None:
        """The model of that name, in any case."""
        return self._folded.get(name.lower())

    def metric(self, name: str) -> Owned:
        """The metric of that name or alias, or the automatic one of a measure. Raises UsageError."""
        for known in self._named:
            found = known.get(name.lower(), [])
            if len(found) > 1:
                text = f"the metric {name!r} is declared {len(found)} times: {_owners(found)}"
                raise UsageError(text, reason="ambiguous_metric")
            if found:
                return found[0]
        if not self.has_measure(name):
            raise UsageError(f"there is no metric {name!r}{nearest(name, self.names())}", reason="unknown_metric")
        model, measure = self.measure(name)
        return Owned(Metric(measure.name, "simple", f"{model.name}.{measure.name}"), model.name)

    def measure(self, name: str, own: str = "") -> tuple[Model, Measure]:
        """The measure that is meant by `name` or `model.name`, one of the model `own` first. Raises UsageError."""
        found = self._measures(name, own)
        if not found:
            known = [m.name for model in self.models.values() for m in model.measures]
            raise UsageError(f"there is no measure {name!r}{nearest(name, known)}", reason="unknown_measure")
        if len(found) > 1:
            spelled = ", ".join(f"{model.name}.{measure.name}" for model, measure in found)
            text = f"several models have a measure {name!r}: write one of {spelled}"
            raise UsageError(text, reason="ambiguous_measure")
        return found[0]

    def has_measure(self, name: str, own: str = "") -> bool:
        """Whether some model has the measure."""
        return bool(self._measures(name, own))

    def _measures(self, name: str, own: str) -> list[tuple[Model, Measure]]:
        owner, _, short = name.rpartition(".")
        models = self._measuring.get(short.lower(), [])
        found = [(model, measure) for model in models if (measure := model.measure(short))]
        found = [pair for pair in found if owner.lower() in ("", pair[0].name.lower())]
        return [pair for pair in found if pair[0].name == own] or found

    def having(self, name: str) -> list[Model]:
        """The models with a dimension that `name` or `name__grain` may mean."""
        short, _, grain = name.lower().rpartition("__")
        return self._dimensions.get(name.lower(), []) + (self._dimensions.get(short, []) if grain in GRAINS else [])

    def names(self) -> list[str]:
        """All names that a metric can be asked for by."""
        return [*(owned.metric.name for owned in self.metrics), *(metric.name for metric in self.automatic())]

    def automatic(self) -> Iterator[Metric]:
        """The metric of each measure that no written metric has the name of."""
        for model in self.models.values():
            for m in model.measures:
                if m.name.lower() not in self._named[0]:
                    full = f"{model.name}.{m.name}"
                    name = full if len(self._measures(m.name, "")) > 1 else m.name
                    yield Metric(name, "simple", full, aliases=m.aliases, description=m.description)

    # -- by name ---------------------------------------------------------------------------------------------------

    @cached_property
    def _folded(self) -> dict[str, Model]:
        return {name.lower(): model for name, model in self.models.items()}

    @cached_property
    def _named(self) -> tuple[dict[str, list[Owned]], dict[str, list[Owned]]]:
        named = _listed((owned.metric.name, owned) for owned in self.metrics)
        return named, _listed((alias, owned) for owned in self.metrics for alias in owned.metric.aliases)

    @cached_property
    def _measuring(self) -> dict[str, list[Model]]:
        words = ((w, model) for model in self.models.values() for m in model.measures for w in (m.name, *m.aliases))
        return {word: list(dict.fromkeys(models)) for word, models in _listed(words).items()}

    @cached_property
    def _dimensions(self) -> dict[str, list[Model]]:
        return _listed((dimension.name, model) for model in self.models.values() for dimension in model.dimensions)

    @cached_property
    def joins(self) -> dict[str, list[tuple[Model, Join]]]:
        """The joins that models declare, by the model that they lead to, in lower case."""
        return _listed((join.name, (model, join)) for model in self.models.values() for join in model.joins)

    @cached_property
    def entities(self) -> dict[str, list[tuple[Model, Entity]]]:
        """The models that are about an entity, by its name in lower case."""
        return _listed((entity.name, (model, entity)) for model in self.models.values() for entity in model.entities)


def _listed(pairs: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for name, item in pairs:
        found.setdefault(name.lower(), []).append(item)
    return found


def _owners(found: list[Owned]) -> str:
    return ", ".join(f"in semantic_model.{owned.model}" if owned.model else "as a node" for owned in found)


def catalog_of(nodes: Iterable[Node]) -> Catalog:
    """The catalog of a project's nodes."""
    models: dict[str, Model] = {}
    metrics: list[Owned] = []
    meant = [node for node in nodes if "semantic" in node.traits or "metric" in node.traits]
    for node in sorted(meant, key=lambda node: node.id):
        if "semantic" in node.traits:
            model: Model = node.traits["semantic"]
            models[model.name] = model
            metrics += [Owned(metric, model.name) for metric in model.metrics]
        if "metric" in node.traits:
            metrics.append(Owned(node.traits["metric"]))
    return Catalog(models, tuple(metrics))

"""The catalog: every semantic model and metric of a project, and what a name means.

Decides which of several things of one name is meant, and how an unknown or ambiguous name is told. A metric that somebody
wrote comes before the automatic metric that every measure has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from seeknal.errors import UsageError, nearest
from seeknal.model.node import Node
from seeknal.model.semantics import Measure, Metric, Model


class Owned(NamedTuple):
    """A metric, and the name of the model that it is written in, if it is written in one."""

    metric: Metric
    model: str = ""


@dataclass(frozen=True, slots=True)
class Catalog:
    """Models by name, and the metrics that somebody wrote."""

    models: dict[str, Model]
    metrics: tuple[Owned, ...]

    def model(self, name: str) -> Model | None:
        """The model of that name, in any case."""
        return next((model for key, model in self.models.items() if key.lower() == name.lower()), None)

    def metric(self, name: str) -> Owned:
        """The metric of that name or alias, or the automatic one of a measure. Raises UsageError."""
        wanted = name.lower()
        named = [owned for owned in self.metrics if owned.metric.name.lower() == wanted]
        aliased = [owned for owned in self.metrics if wanted in map(str.lower, owned.metric.aliases)]
        for found in (named, aliased):
            if len(found) > 1:
                text = f"the metric {name!r} is declared {len(found)} times: {_owners(found)}"
                raise UsageError(text, reason="ambiguous_metric")
            if found:
                return found[0]
        found_measure = self._measures(name, "")
        if not found_measure:
            raise UsageError(f"there is no metric {name!r}{nearest(name, self.names())}", reason="unknown_metric")
        model, measure = self._one(name, found_measure)
        return Owned(Metric(measure.name, "simple", f"{model.name}.{measure.name}"), model.name)

    def measure(self, name: str, own: str = "") -> tuple[Model, Measure]:
        """The measure that is meant by `name` or `model.name`, one of the model `own` first. Raises UsageError."""
        found = self._measures(name, own)
        if not found:
            known = [m.name for model in self.models.values() for m in model.measures]
            raise UsageError(f"there is no measure {name!r}{nearest(name, known)}", reason="unknown_measure")
        return self._one(name, found)

    def has_measure(self, name: str, own: str = "") -> bool:
        """Whether some model has the measure."""
        return bool(self._measures(name, own))

    def _measures(self, name: str, own: str) -> list[tuple[Model, Measure]]:
        owner, _, short = name.rpartition(".")
        found = [
            (model, measure)
            for model in self.models.values()
            if owner.lower() in ("", model.name.lower()) and (measure := model.measure(short))
        ]
        return [pair for pair in found if pair[0].name == own] or found

    def _one(self, name: str, found: list[tuple[Model, Measure]]) -> tuple[Model, Measure]:
        if len(found) > 1:
            spelled = ", ".join(f"{model.name}.{measure.name}" for model, measure in found)
            raise UsageError(
                f"several models have a measure {name!r}: write one of {spelled}", reason="ambiguous_measure"
            )
        return found[0]

    def names(self) -> list[str]:
        """All names that a metric can be asked for by."""
        return [*(owned.metric.name for owned in self.metrics), *(metric.name for metric in self.automatic())]

    def automatic(self) -> Iterator[Metric]:
        """The metric of each measure that no written metric has the name of."""
        taken = {owned.metric.name.lower() for owned in self.metrics}
        for model in self.models.values():
            for measure in model.measures:
                if measure.name.lower() not in taken:
                    several = len(self._measures(measure.name, "")) > 1
                    full = f"{model.name}.{measure.name}"
                    yield Metric(full if several else measure.name, "simple", full, aliases=measure.aliases,
                                 description=measure.description)  # fmt: skip


def _owners(found: list[Owned]) -> str:
    return ", ".join(f"in semantic_model.{owned.model}" if owned.model else "as a node" for owned in found)


def catalog_of(nodes: Iterable[Node]) -> Catalog:
    """The catalog of a project's nodes."""
    models: dict[str, Model] = {}
    metrics: list[Owned] = []
    for node in sorted(nodes, key=lambda node: node.id):
        if "semantic" in node.traits:
            model: Model = node.traits["semantic"]
            models[model.name] = model
            metrics += [Owned(metric, model.name) for metric in model.metrics]
        if "metric" in node.traits:
            metrics.append(Owned(node.traits["metric"]))
    return Catalog(models, tuple(metrics))

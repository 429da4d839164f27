"""From the name of a metric to what must be computed for it: aggregates of measures, and what is made of these.

Decides what each type of metric means: whose measure it is, that its filters belong to its own aggregates only, that an
offset reaches down to them. Knows no SQL but the formulas that people wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from seeknal.errors import UsageError
from seeknal.model.catalog import Catalog, Owned
from seeknal.model.semantics import Measure, Part

Offset = tuple[tuple[int, str], ...]


class Leaf(NamedTuple):
    """A measure of a model under filters. `window`: None for a plain aggregate, else what a running one starts at."""

    model: str
    measure: Measure
    filters: tuple[str, ...] = ()
    window: str | None = None
    offset: Offset = ()


class Ratio(NamedTuple):
    """One number through another."""

    above: Term
    below: Term


class Formula(NamedTuple):
    """An expression over other terms, by the names that it has for them."""

    expr: str
    terms: tuple[tuple[str, Term], ...]


Term = Leaf | Ratio | Formula


def leaves(term: Term) -> Iterator[Leaf]:
    """The aggregates that a term is made of."""
    if isinstance(term, Leaf):
        yield term
    elif isinstance(term, Ratio):
        yield from (*leaves(term.above), *leaves(term.below))
    else:
        for _, inner in term.terms:
            yield from leaves(inner)


def term(catalog: Catalog, owned: Owned) -> Term:
    """What must be computed for a metric. Raises UsageError."""
    return _Terms(catalog).of(owned, (), (), ())


class _Terms:
    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def of(self, owned: Owned, filters: tuple[str, ...], offset: Offset, inside: tuple[str, ...]) -> Term:
        metric, own = owned
        if metric.name.lower() in map(str.lower, inside):
            path = " -> ".join((*inside, metric.name))
            raise UsageError(f"metrics are made of each other in a circle: {path}", reason="metric_cycle")
        filters = tuple(dict.fromkeys((*filters, *metric.filters)))
        inside = (*inside, metric.name)
        if metric.type == "ratio":
            above = self._part(metric.numerator, own, filters, offset, inside)
            return Ratio(above, self._part(metric.denominator, own, filters, offset, inside))
        if metric.type == "derived":
            return self._formula(metric.expr, metric.parts, filters, offset, inside)
        window = metric.grain_to_date if metric.type == "cumulative" else None
        return self._leaf(metric.measure, own, filters, window, offset)

    def _leaf(self, name: str, own: str, filters: tuple[str, ...], window: str | None, offset: Offset) -> Leaf:
        model, measure = self._catalog.measure(name, own)
        if window is not None and not model.time:
            text = f"semantic_model.{model.name} has no default_time_dimension: a cumulative metric needs it"
            raise UsageError(text, reason="no_time_dimension")
        return Leaf(model.name, measure, filters, window, offset)

    def _part(self, name: str, own: str, filters: tuple[str, ...], offset: Offset, inside: tuple[str, ...]) -> Term:
        """A side of a ratio: a measure, else a metric."""
        if self._catalog.has_measure(name, own):
            return self._leaf(name, own, filters, None, offset)
        return self.of(self._catalog.metric(name), filters, offset, inside)

    def _formula(
        self, expr: str, parts: tuple[Part, ...], filters: tuple[str, ...], offset: Offset, inside: tuple[str, ...]
    ) -> Formula:
        terms: dict[str, Term] = {}
        by_name: dict[str, Term] = {}
        for part in parts:
            shifted = (*offset, part.offset) if part.offset else offset
            found = self.of(self._catalog.metric(part.metric), filters, shifted, inside)
            terms[part.alias or part.metric] = found
            by_name[part.metric] = by_name.get(part.metric, found) if part.offset else found
        return Formula(expr, tuple({**by_name, **terms}.items()))

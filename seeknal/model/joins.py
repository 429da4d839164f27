"""Ways from one semantic model to others: which joins there are, and which of them give each row at most one partner.

Only joins that cannot multiply rows are ways: many to one, one to one, and over an entity that the other model has once
per row. Between two models an explicit join comes before its reverse, and both before a shared entity; of several ways to
a model the shortest counts, and two of the same length are nobody's to choose. Never joins without a condition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from seeknal.model.catalog import Catalog
from seeknal.model.lowering import quoted
from seeknal.model.semantics import Entity, Join, Model
from seeknal.model.sqltext import filled


class Edge(NamedTuple):
    """A join from a row of `source` to its partner in `target`: the condition, and how a person would say it."""

    source: str
    target: str
    on: str
    said: str
    entities: tuple[Entity, ...] = ()


class Ways(NamedTuple):
    """For every model that can be reached its last edge; models with several ways; joins that would multiply rows."""

    base: str
    edges: Mapping[str, Edge]
    several: Mapping[str, tuple[str, ...]]
    multiplying: tuple[str, ...]

    def to(self, name: str) -> list[Edge]:
        """The edges from the base to a model, in their order."""
        found: list[Edge] = []
        while name != self.base:
            found.insert(0, self.edges[name])
            name = self.edges[name].source
        return found

    def told(self, name: str) -> str:
        """Why a model cannot be reached, and from where one can get."""
        if name in self.several:
            over = " and ".join(self.several[name])
            return f"{name} can be reached from {self.base} over {over}: declare a join of {self.base} and {name}"
        said = ", ".join(edge.said for edge in self.edges.values()) or "none"
        more = f"; these would count rows several times: {', '.join(self.multiplying)}" if self.multiplying else ""
        return f"{name} cannot be reached from {self.base}: joins that can be used: {said}{more}"


def ways(catalog: Catalog, base: str) -> Ways:
    """Every way from `base`, worked out once."""
    if ("ways", base) not in catalog.found:
        catalog.found["ways", base] = _ways(catalog, base)
    known: Ways = catalog.found["ways", base]
    return known


def _ways(catalog: Catalog, base: str) -> Ways:
    edges: dict[str, Edge] = {}
    several: dict[str, tuple[str, ...]] = {}
    level = [base]
    while level:
        found: dict[str, list[Edge]] = {}
        for name in level:
            for edge in _edges_of(catalog, name):
                if edge.target not in (base, *edges, *several):
                    found.setdefault(edge.target, []).append(edge)
        several |= {target: tuple(sorted(e.source for e in some)) for target, some in found.items() if len(some) > 1}
        level = [target for target, some in found.items() if len(some) == 1]
        edges |= {target: found[target][0] for target in level}
    multiplying = tuple(_multiplying(catalog, catalog.models[base]))
    return Ways(base, edges, several, multiplying)


def condition(catalog: Catalog, source: Model, join: Join) -> str:
    """The condition of a declared join, over the two models by their names."""
    names = {"cube": source.name, source.name.lower(): source.name, "model": join.name, join.name.lower(): join.name}
    return filled(join.sql, lambda name: quoted(names.get(name.lower(), name)))


def declared(catalog: Catalog, source: Model, join: Join) -> Edge | None:
    """The edge of a declared join; None where the other model is unknown."""
    target = catalog.model(join.name)
    if target is None:
        return None
    said = f"{source.name} -> {target.name} ({join.relationship})"
    return Edge(source.name, target.name, condition(catalog, source, join), said)


def _edges_of(catalog: Catalog, name: str) -> list[Edge]:
    if ("edges", name) not in catalog.found:
        catalog.found["edges", name] = [*_edges(catalog, catalog.models[name])]
    known: list[Edge] = catalog.found["edges", name]
    return known


def _edges(catalog: Catalog, source: Model) -> Iterator[Edge]:
    seen = {source.name}
    for edge in [*_own(catalog, source), *_reverse(catalog, source), *_shared(catalog, source)]:
        if edge.target not in seen:
            seen.add(edge.target)
            yield edge


def _own(catalog: Catalog, source: Model) -> Iterator[Edge]:
    for join in source.joins:
        edge = declared(catalog, source, join)
        if edge and join.relationship != "one_to_many":
            yield edge


def _reverse(catalog: Catalog, source: Model) -> Iterator[Edge]:
    for other, join in _towards(catalog, source):
        if join.relationship != "many_to_one":
            said = f"{source.name} -> {other.name} (declared in {other.name})"
            yield Edge(source.name, other.name, condition(catalog, other, join), said)


def _towards(catalog: Catalog, source: Model) -> Iterator[tuple[Model, Join]]:
    for other, join in catalog.joins.get(source.name.lower(), []):
        if other.name != source.name:
            yield other, join


def entity_column(model: Model, entity: Entity) -> str:
    """The column that has the entity's expression in the inner table of its model."""
    return quoted(f"{model.name}@{entity.name.lower()}")


def _shared(catalog: Catalog, source: Model) -> Iterator[Edge]:
    for own in source.entities:
        for other, theirs in catalog.entities[own.name.lower()]:
            if other.name != source.name and theirs.type != "foreign":
                left, right = entity_column(source, own), entity_column(other, theirs)
                on = f"{quoted(source.name)}.{left} = {quoted(other.name)}.{right}"
                said = f"{source.name} -> {other.name} (entity {own.name})"
                yield Edge(source.name, other.name, on, said, (own, theirs))


def _multiplying(catalog: Catalog, source: Model) -> Iterator[str]:
    """How a person would say the joins of a model that give a row several partners."""
    for join in source.joins:
        if join.relationship == "one_to_many":
            yield f"{source.name} -> {join.name} (one_to_many)"
    for other, join in _towards(catalog, source):
        if join.relationship == "many_to_one":
            yield f"{source.name} -> {other.name} (many_to_one from {other.name})"
    for own in source.entities:
        for other, theirs in catalog.entities[own.name.lower()]:
            if other.name != source.name and theirs.type == "foreign":
                yield f"{source.name} -> {other.name} (entity {own.name} is foreign in {other.name})"

"""A question about metrics as one SQL query over `ref('kind.name')`.

Each model's measures are aggregated over its own rows first (`grouped_0`, `grouped_1`, ...), each with its own filters,
and only the aggregates are joined, on all dimensions of the question: the rows of the answer are those that any of its
models has (`spine`). A running total is looked up for each of these rows as of the end of its period (`running_2`), an
earlier value at the period that is that much earlier. So nothing is counted twice and no metric changes with what else is
asked. Rows without a time belong to no period: running and earlier values do not exist for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from seeknal.errors import UsageError, nearest
from seeknal.model.catalog import Catalog, Owned
from seeknal.model.lowering import quoted
from seeknal.model.metricgroups import Base, Question, dim, same, spine_time
from seeknal.model.metricnames import dimension_names
from seeknal.model.metricrows import Check, Rows, Schemas
from seeknal.model.metricrunning import Running
from seeknal.model.metricterms import Leaf, Ratio, Term, leaves, term
from seeknal.model.metrictime import Axis, earlier
from seeknal.model.sqltext import Mention, fault, substitute


class Query(NamedTuple):
    """The SQL, the tables that it reads, and what must hold of these."""

    sql: str
    tables: tuple[str, ...]
    checks: tuple[Check, ...]


def query(catalog: Catalog, question: Question, schemas: Schemas) -> Query:
    """The query that answers a question; `schemas` are of the tables that there are. Raises UsageError."""
    for text in question.filters:
        found = fault(text)
        if found:
            raise UsageError(f"the filter {text!r} is no condition: {found}", reason="bad_filter")
    owned = [catalog.metric(name) for name in question.metrics]
    return query_of(catalog, owned, question, schemas)


def query_of(catalog: Catalog, metrics: Sequence[Owned], question: Question, schemas: Schemas) -> Query:
    """The query for these metrics, whatever the catalog has under their names. Raises UsageError."""
    return _Query(catalog, metrics, question, schemas).made()


def explained(catalog: Catalog, question: Question, name: str, columns: Sequence[str]) -> UsageError:
    """What to say of a name in a filter that turned out to be no column: unreachable, ambiguous, or unknown."""
    for model in dict.fromkeys(
        leaf.model for metric in question.metrics for leaf in leaves(term(catalog, catalog.metric(metric)))
    ):
        try:
            Rows(catalog, catalog.models[model], {}).resolve(name)
        except UsageError as error:
            if error.reason != "unknown_dimension":
                return error
    near = nearest(name, [*dimension_names(catalog), *columns])
    return UsageError(f"there is no dimension or column {name!r}{near}", reason="unknown_dimension")


class _Query:
    """The work of making one query."""

    def __init__(self, catalog: Catalog, metrics: Sequence[Owned], question: Question, schemas: Schemas) -> None:
        self._metrics = metrics
        self._question = question
        self._terms = [term(catalog, owned) for owned in metrics]
        self._bases: dict[str, Base] = {}
        self._running: dict[str, str] = {}
        self._joins: dict[str, str] = {}
        found = [leaf for of in self._terms for leaf in leaves(of)]
        for name in dict.fromkeys(leaf.model for leaf in found):
            self._bases[name] = Base(len(self._bases), Rows(catalog, catalog.models[name], schemas), question)
        self._one_meaning()
        self._timed = any(leaf.offset or leaf.window is not None for leaf in found)
        self._spine = bool(question.dimensions) and (self._timed or len(self._bases) > 1)

    def _one_meaning(self) -> None:
        """Raise UsageError where a filter is about a dimension of one model and about a mere column of another."""
        for base in self._bases.values():
            for name in (name for name, dimension in base.rows.bare.items() if not dimension):
                other = next((b.rows.base.name for b in self._bases.values() if b.rows.bare.get(name)), None)
                if other:
                    text = f"{name!r} is a dimension for {other}, and a column without one in {base.rows.base.name}"
                    hint = f"declare a dimension {name} in semantic_model.{base.rows.base.name} too"
                    raise UsageError(text, reason="ambiguous_dimension", hint=hint)

    def made(self) -> Query:
        """The query."""
        names = _names(self._metrics, self._question, next(iter(self._bases.values())).rows)
        values = [self._value(of) for of in self._terms]
        tables = [sql for base in self._bases.values() for sql in base.sql()]
        count = len(self._question.dimensions)
        if self._spine:
            rows = "\n  UNION ".join(base.spine(count) for base in self._bases.values())
            tables.append(f"spine AS (\n  {rows})")
        tables += [f"{name} AS (\n  {sql})" for sql, name in self._running.items()]
        items = [f"s.{dim(i)}" for i in range(count)] + [f"{sql} AS {_result(i)}" for i, sql in enumerate(values)]
        tables.append(f"result AS (\n  SELECT {', '.join(items)}\n  FROM {self._from()})")
        inner = [*map(dim, range(count)), *map(_result, range(len(values)))]
        shown = ", ".join(f"{sql} AS {quoted(name)}" for sql, name in zip(inner, names, strict=True))
        with_tables = ",\n".join(tables)
        sql = f"WITH {with_tables}\nSELECT {shown}\nFROM result{self._end(names)}"
        bases = [base.rows for base in self._bases.values()]
        checks = tuple(dict.fromkeys(check for rows in bases for check in rows.checks()))
        return Query(sql, tuple(dict.fromkeys(table for rows in bases for table in rows.tables)), checks)

    def _from(self) -> str:
        first, *others = self._bases.values()
        if not self._question.dimensions:
            return first.name + "".join(f" LEFT JOIN {b.name} ON true" for b in others)
        start = "spine AS s" if self._spine else f"{first.name} AS s"
        return start + "".join(f"\n  LEFT JOIN {name} ON {on}" for name, on in self._joins.items())

    # -- values ----------------------------------------------------------------------------------------------------

    def _value(self, of: Term) -> str:
        """The expression of a term over the joined aggregates."""
        if isinstance(of, Leaf):
            return self._leaf(of)
        if isinstance(of, Ratio):
            return f"({self._value(of.above)} / nullif({self._value(of.below)}, 0))"
        known = {name.lower(): self._value(inner) for name, inner in of.terms}

        def other(mention: Mention) -> tuple[int, str] | None:
            first = mention.parts[0].lower()
            return (1, known[first]) if first in known else None

        return f"({substitute(of.expr, other)})"

    def _leaf(self, leaf: Leaf) -> str:
        base = self._bases[leaf.model]
        if leaf.window is not None:
            return self._run(base, leaf)
        value = base.value(leaf)
        if leaf.offset:
            return self._earlier(base, leaf, value)
        base.only_timed = False
        if not self._spine:
            return f"{'s' if self._question.dimensions else base.name}.{value}"
        self._joins.setdefault(base.name, same(base.name, range(len(base.groups))))
        column = f"{base.name}.{value}"
        return f"coalesce({column}, 0)" if leaf.measure.agg.startswith("count") else column

    def _earlier(self, base: Base, leaf: Leaf, value: str) -> str:
        axis = self._axis(base, leaf)
        name = f"{base.name}_{_called(leaf.offset)}"
        time = f"{name}.{dim(axis.place)} = {earlier(spine_time(axis), leaf.offset)}"
        self._joins.setdefault(f"{base.name} AS {name}", " AND ".join(filter(None, [same(name, axis.others), time])))
        if not leaf.measure.agg.startswith("count"):
            return f"{name}.{value}"
        return f"CASE WHEN {spine_time(axis)} IS NOT NULL THEN coalesce({name}.{value}, 0) END"

    def _axis(self, base: Base, leaf: Leaf) -> Axis:
        if base.axis is None:
            what = "a running value" if leaf.window is not None else "an earlier value"
            time = base.rows.base.time or "a default_time_dimension, which it has not"
            text = (
                f"{what} of {leaf.measure.name} needs the time of semantic_model.{leaf.model} in the question: {time}"
            )
            hint = f"add it: --dimensions {base.rows.base.time}__month" if base.rows.base.time else ""
            raise UsageError(text, reason="time_needed", hint=hint)
        base.axis.fits(leaf.offset)
        return base.axis

    def _run(self, base: Base, leaf: Leaf) -> str:
        running = Running(base, leaf, self._axis(base, leaf))
        name = self._running.setdefault(running.sql(), f"running_{len(self._running)}")
        self._joins.setdefault(name, running.on(name))
        return running.value(name)

    # -- the end ---------------------------------------------------------------------------------------------------

    def _end(self, names: Sequence[str]) -> str:
        spelled = [*self._question.dimensions, *self._question.metrics]
        known = {text.lower(): name for text, name in zip(spelled, names, strict=True)}
        known |= {name.lower(): name for name in names}
        order: dict[str, str] = {}
        for text in self._question.order:
            word = text.removeprefix("-").strip().lower()
            if word not in known:
                wrong = f"{word!r} is not a column of the answer{nearest(word, known)}"
                raise UsageError(wrong, reason="unknown_order", hint=f"it has {', '.join(names)}")
            order.setdefault(known[word], " DESC" if text.startswith("-") else "")
        for name in names[: len(self._question.dimensions)]:
            order.setdefault(name, "")
        sorted_ = ", ".join(f"{quoted(name)}{way} NULLS LAST" for name, way in order.items())
        limit = "" if self._question.limit is None else f"\nLIMIT {self._question.limit}"
        return (f"\nORDER BY {sorted_}" if sorted_ else "") + limit


def _names(metrics: Sequence[Owned], question: Question, rows: Rows) -> list[str]:
    """The names of the answer's columns: as short as they can be told apart."""
    short = [text.rpartition(".")[2].replace("__", "_") for text in question.dimensions]
    long = [f"{rows.resolve(text).model.name}_{name}" for text, name in zip(question.dimensions, short, strict=True)]
    short += [metric.name for metric, _ in metrics]
    long += [f"{metric.measure.rpartition('.')[0] or 'metric'}_{metric.name}" for metric, _ in metrics]
    folded = [name.lower() for name in short]
    names = [long[i] if folded.count(name.lower()) > 1 else name for i, name in enumerate(short)]
    twice = [name for name in names if [n.lower() for n in names].count(name.lower()) > 1]
    if twice:
        raise UsageError(f"two columns of the answer are called {twice[0]}: ask for one", reason="duplicate_column")
    return names


def _result(place: int) -> str:
    return quoted(f"#m{place}")


def _called(offset: Sequence[tuple[int, str]]) -> str:
    return "_".join(f"{count}_{unit}_ago" for count, unit in offset)

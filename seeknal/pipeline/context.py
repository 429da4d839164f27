"""The object that a node function is given: its inputs, its parameters, its clock and a DuckDB connection.

Decides which inputs and columns a node may read: those that its declaration names, no others, because the action key is
made of exactly those. Never reads a file itself: inputs are lazy DuckDB relations. The clock of SQL run through
`ctx.duckdb` is the machine's; `ctx.as_of` is the run's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from seeknal.model.lowering import quoted
from seeknal.pipeline.llm import PipelineLLM
from seeknal.pipeline.state import PipelineState


class About(NamedTuple):
    """What the declarations say of an input that belongs to an entity; `event_time` is None for the entity itself."""

    entity: str
    join_keys: tuple[str, ...]
    event_time: str | None


class InputData(NamedTuple):
    """The Parquet files of one declared input, and the columns that the node asked for (None: all)."""

    paths: tuple[str, ...]
    columns: tuple[str, ...] | None = None
    about: About | None = None


class Facts(NamedTuple):
    """What the build tells a node about itself."""

    node: str
    project: str
    target: str
    as_of: str
    params: Mapping[str, Any]
    config: Mapping[str, Any]
    inputs: Mapping[str, InputData]
    meta: Mapping[str, Any] = {}
    state: Mapping[str, Any] = {}
    interval: tuple[str, str] | None = None


class Bounds(NamedTuple):
    """The interval that is built: from `start` up to but without `end`, in UTC."""

    start: datetime
    end: datetime


class UndeclaredInputError(Exception):
    """The node asked for something that its declaration does not name."""


class PipelineContext:
    """The first argument of every node function."""

    def __init__(self, facts: Facts, connect: Callable[[], Any]) -> None:
        self._facts = facts
        self._connect = connect
        self._duckdb: Any = None
        self.params: dict[str, Any] = dict(facts.params)
        self.config: dict[str, Any] = dict(facts.config)
        self.state = PipelineState(facts.state)

    @property
    def duckdb(self) -> Any:
        """The node's own in-memory connection (time zone UTC); local variables are tables in its SQL."""
        if self._duckdb is None:
            self._duckdb = self._connect()
        return self._duckdb

    @property
    def node_id(self) -> str:
        """`kind.name` of this node."""
        return self._facts.node

    @property
    def node_kind(self) -> str:
        """The kind of this node."""
        return self._facts.node.partition(".")[0]

    @property
    def node_meta(self) -> dict[str, Any]:
        """What the node's decorator was given, with `name` and `kind`."""
        return dict(self._facts.meta)

    @property
    def project_path(self) -> Path:
        """The project's folder."""
        return Path(self._facts.project)

    @property
    def target_dir(self) -> Path:
        """The folder of the store and the views."""
        return Path(self._facts.target)

    @property
    def as_of(self) -> datetime:
        """The run's clock, in UTC: use it instead of `datetime.now()`."""
        return datetime.fromisoformat(self._facts.as_of)

    @property
    def interval(self) -> Bounds:
        """The interval that is built. Raises AttributeError in a node without `interval=`."""
        if self._facts.interval is None:
            raise AttributeError(f"{self.node_id} has no intervals: say interval= in its decorator")
        return Bounds(*(datetime.fromisoformat(text) for text in self._facts.interval))

    @property
    def llm(self) -> PipelineLLM:
        """Not part of seeknal: raises NotImplementedError."""
        return PipelineLLM()

    def get_param(self, name: str, default: Any = None) -> Any:
        """Return the parameter `name`, or `default`."""
        return self.params.get(name, default)

    def close(self) -> None:
        """Nothing: the connection is closed when the node's rows are written."""

    def ref(self, name: str, columns: Sequence[str] | None = None) -> Any:
        """Return the rows of a declared input, all of its columns or those named here.

        They are a lazy DuckDB relation: a table in SQL by the name of the variable, with `.project()`, `.filter("a > 1")`,
        `.aggregate("a, sum(b)")`, `.order()`, `.limit()` and the other methods of relations. Asked for anything that
        pandas has (`rows["a"]`, `rows["b"] = 1`, `groupby`, arithmetic, iteration), they are a pandas frame: text is
        object, DATE is `datetime.date`, integers with NULLs are nullable integers. `.df()`, `.pl()`, `.lazy()` and
        `.arrow()` convert.

        Where both libraries have a name, it is pandas' unless the arguments are SQL: `filter("a > 1")`,
        `aggregate("sum(a)")`, `join(other, "a = b")` and `sum("a")` are the relation's; `filter(like="a")`,
        `aggregate("sum")`, `join(frame, on="a")`, `count()`, `describe()`, `head()`, `rows["a"]` and `rows.a` are pandas'.

        A feature group also has `entity_name`, `join_keys`, `event_time_col`, `as_of()` and `pit_join()`.
        """
        data = self._facts.inputs.get(name)
        if data is None:
            raise UndeclaredInputError(self._not_an_input(name))
        rows = self._relation(name, data, _wanted(name, columns, data.columns))
        from seeknal.pipeline.rows import FeatureRows, Rows

        return FeatureRows(rows, *data.about) if data.about and data.about.event_time else Rows(rows)

    def features(
        self,
        entity: str,
        features: Sequence[str],
        as_of: Any = None,
        spine: Any = None,
        date_col: str | None = None,
        keep_cols: Sequence[str] | None = None,
    ) -> Any:
        """Return features (`"feature_group.feature"`) of an entity, each as a column `feature_group__feature`.

        With `spine`: every row of it, in its order, each with the features as they were at its `date_col`, NULL where
        nothing was known yet; of its columns only `keep_cols` besides join keys and date, if given. Without: join keys,
        `event_time` and the features, all rows, or the newest of each key that is not later than `as_of`.
        """
        from seeknal.pipeline import features as store

        known = self._history(entity)
        if spine is None:
            return store.features(known, features, as_of)
        return store.for_spine(known, features, spine, date_col, keep_cols)

    def entity(self, entity: str, as_of: Any = None) -> Any:
        """Return the consolidated table of an entity: join keys, `event_time`, and a struct for each feature group.

        All rows, or the newest of each key that is not later than `as_of`.
        """
        from seeknal.pipeline import features as store

        return store.whole(self._history(entity), as_of)

    def _history(self, entity: str) -> Any:
        from seeknal.pipeline.features import history

        name = f"entity.{entity}"
        data = self._facts.inputs.get(name)
        if data is None or data.about is None:
            raise UndeclaredInputError(self._not_an_input(name))
        return history(self._relation(name, data, data.columns), data.about.join_keys)

    def _relation(self, name: str, data: InputData, columns: Sequence[str] | None) -> Any:
        rows = self.duckdb.read_parquet(list(data.paths), hive_partitioning=False)
        return rows if columns is None else rows.project(", ".join(map(quoted, columns)))

    def _not_an_input(self, name: str) -> str:
        known = ", ".join(sorted(self._facts.inputs)) or "none"
        return (
            f"ctx.ref({name!r}): {name} is not an input of {self.node_id} (its inputs: {known}). "
            f'Add inputs=["{name}"] to the decorator, or write the name in the call itself: ctx.ref("{name}")'
        )


def _wanted(name: str, asked: Sequence[str] | None, declared: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if asked is None or declared is None:
        return declared if asked is None else tuple(asked)
    known = {column.lower() for column in declared}
    extra = [column for column in asked if column.lower() not in known]
    if not extra:
        return tuple(asked)
    raise UndeclaredInputError(
        f"ctx.ref({name!r}): the column {extra[0]!r} was not declared (declared: {', '.join(declared)}). "
        f"Write the columns as a literal list in the call: columns=[...]"
    )

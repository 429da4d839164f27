"""The rows of an input: a lazy DuckDB relation that is a pandas frame where code asks for one.

Decides which of the two answers. Until something may have changed the frame, the relation over the input's file stands
for the rows: SQL over a variable that holds them reads only the columns and rows that it needs. What pandas has
(`rows["x"]`, `groupby`, arithmetic, being passed to `pandas.merge`) is answered by a frame that is made once, when first
asked; after a change (`rows["x"] = ...`) the frame stands for the rows, in SQL too. Where both libraries have a name,
`names.py` decides. `isinstance(rows, pandas.DataFrame)` is true wherever pandas is imported. Imports pandas only then.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

from duckdb import DuckDBPyRelation

from seeknal.pipeline import names
from seeknal.pipeline.feature_frame import FeatureFrame
from seeknal.pipeline.frames import frame_of, table_of

_RELATION = frozenset(name for name in dir(DuckDBPyRelation) if not name.startswith("__"))
# What is asked of a relation, but answered here, because the frame may stand for the rows.
_ANSWERED = frozenset({"arrow", "columns", "df", "dtypes", "fetchdf", "pl", "shape", "to_df"})


class Rows(DuckDBPyRelation):  # DuckDB knows what it can scan by what a class derives from
    """A relation and, once it is asked for, its frame."""

    __slots__ = ("_rows_changed", "_rows_frame", "_rows_now")

    def __init__(self, relation: Any) -> None:
        self._rows_now = relation  # the plain relation; None where it is yet to be made of the frame
        self._rows_frame: Any = None
        self._rows_changed = False  # whether the frame may differ from the input

    # -- the two sides ---------------------------------------------------------------------------------------------

    def _rows_relation(self) -> Any:
        if self._rows_now is None:
            import duckdb

            self._rows_now = duckdb.from_arrow(table_of(self._rows_frame))
        return self._rows_now

    def _rows_pandas(self, name: str = "") -> Any:
        """The frame; `name` is what will be asked of it."""
        if self._rows_frame is None:
            self._rows_frame = _frame(self._rows_now)
        if not names.only_reads(name):
            self._rows_changed, self._rows_now = True, None
        return self._rows_frame

    def _rows_unchanged(self) -> Any:
        return None if self._rows_changed else self._rows_relation()

    def _rows_names(self) -> list[str]:
        return list(self._rows_frame.columns if self._rows_changed else self._rows_relation().columns)

    def __getattribute__(self, name: str) -> Any:
        if name not in _RELATION or name.startswith("_rows_"):
            return object.__getattribute__(self, name)
        if _asks_as_relation(sys._getframe(1)):
            return getattr(self._rows_relation(), name)
        if name in _ANSWERED:
            return object.__getattribute__(self, name)
        if name in names.BOTH:
            return _choice(self, name)
        if not name.startswith("_") and name in self._rows_names():
            return self[name]
        return getattr(self._rows_relation(), name)

    def __getattr__(self, name: str) -> Any:
        """What neither this class nor a relation has is pandas'."""
        if name.startswith("__") and "pandas" not in sys.modules:
            raise AttributeError(name)
        if hasattr(_pandas(name).DataFrame, name) or name in ("_mgr", "_attrs", "_flags"):
            return getattr(self._rows_pandas(name), name)
        if not name.startswith("_") and name in self._rows_names():
            return self[name]
        raise AttributeError(f"'DataFrame' object has no attribute {name!r}", name=name, obj=self)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_rows_"):
            object.__setattr__(self, name, value)
        elif name in DuckDBPyRelation.__slots__:
            setattr(self._rows_relation(), name, value)
        else:
            setattr(self._rows_pandas(), name, value)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """What `isinstance` is told besides the truth: a frame, unless it is DuckDB that asks about unchanged rows."""
        pandas = sys.modules.get("pandas")
        if pandas is None or not (self._rows_changed or _asks_for_class(sys._getframe(2))):
            return type(self)
        return getattr(pandas, "DataFrame", type(self))

    # -- conversions -----------------------------------------------------------------------------------------------

    def df(self, *, date_as_object: bool = True) -> Any:
        """Return a new pandas frame."""
        if self._rows_frame is None:
            return _frame(self._rows_now)
        return self._rows_frame.copy()

    to_df = fetchdf = df

    def arrow(self, batch_size: int = 0) -> Any:
        """Return a pyarrow Table (`to_arrow_reader()` gives batches)."""
        if self._rows_changed:
            return table_of(self._rows_frame)
        return self._rows_relation().to_arrow_table()

    def pl(self, batch_size: int = 0, *, lazy: bool = False) -> Any:
        """Return a polars frame, or with `lazy` one that reads only what is asked of it."""
        return self._rows_relation().pl(lazy=lazy)

    def lazy(self) -> Any:
        """Return a lazy polars frame."""
        return self.pl(lazy=True)

    # -- what Python itself asks -----------------------------------------------------------------------------------

    @property
    def columns(self) -> Any:
        """The names of the columns, as pandas has them; a list where pandas is not installed."""
        if self._rows_frame is not None:
            return self._rows_pandas("columns").columns
        try:
            return _pandas("columns").Index(self._rows_names())
        except ModuleNotFoundError:
            return self._rows_names()

    @property
    def dtypes(self) -> Any:
        """The types of the columns, as pandas has them."""
        return self._rows_pandas("dtypes").dtypes

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns there are."""
        return len(self), len(self._rows_names())

    def __len__(self) -> int:
        return len(self._rows_frame if self._rows_changed else self._rows_relation())

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows_names())

    def __contains__(self, name: object) -> bool:
        return name in self._rows_names()

    def __getitem__(self, key: Any) -> Any:
        return self._rows_pandas("__getitem__")[_plain(key)]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._rows_pandas()[_plain(key)] = _plain(value)

    def __delitem__(self, key: Any) -> None:
        del self._rows_pandas()[key]

    def __bool__(self) -> bool:
        return bool(self._rows_pandas("__bool__"))

    def __repr__(self) -> str:
        return repr(self._rows_pandas("__repr__") if "pandas" in sys.modules else self._rows_relation())

    __str__ = __repr__
    __hash__ = object.__hash__

    def __copy__(self) -> Any:
        return self.df()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.df()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return operator.getitem, ([self.df()], 0)  # what is unpickled is the frame, in a process without seeknal too

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self._rows_pandas("to_numpy").to_numpy(dtype=dtype, copy=bool(copy))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return getattr(ufunc, method)(*map(_plain, inputs), **options)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return (self.arrow() if self._rows_changed else self._rows_relation()).__arrow_c_stream__(requested_schema)


class FeatureRows(Rows, FeatureFrame):
    """The rows of a feature group, which know their entity."""

    def __init__(self, relation: Any, entity_name: str, join_keys: Sequence[str], event_time_col: str | None) -> None:
        Rows.__init__(self, relation)
        self._about(entity_name, join_keys, event_time_col)

    @property
    def frame(self) -> Any:
        """These rows."""
        return self

    def copy(self, deep: bool = True) -> Any:
        """Return rows with a frame of their own; a plain pandas frame if it is not to be a deep copy."""
        if not deep:  # DuckDB asks so, and works on what it gets
            return self._rows_pandas("copy").copy(deep=False)
        made = FeatureRows(None, self.entity_name, self.join_keys, self.event_time_col)
        made._rows_frame, made._rows_changed = self.df(), True
        return made


def _operator(name: str) -> Callable[..., Any]:
    def method(self: Rows, *others: Any) -> Any:
        return getattr(self._rows_pandas(name), name)(*map(_plain, others))

    return method


_BINARY = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "divmod"]
_OTHER = ["lt", "le", "gt", "ge", "eq", "ne", "neg", "pos", "abs", "invert", "round"]
for _name in (*_BINARY, *(f"r{name}" for name in _BINARY), *_OTHER):
    setattr(Rows, f"__{_name}__", _operator(f"__{_name}__"))


def _plain(value: Any) -> Any:
    """The frame of rows that are given to pandas; all else as it is."""
    return value._rows_pandas("_") if isinstance(value, Rows) else value


def _choice(rows: Rows, name: str) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        if names.is_sql(name, args, options, rows._rows_names()):
            return getattr(rows._rows_relation(), name)(*args, **options)
        return getattr(rows._rows_pandas(name), name)(*map(_plain, args), **options)

    return call


def _asks_as_relation(asking: FrameType) -> bool:
    return asking.f_globals.get("__name__") == "duckdb._relation"


def _asks_for_class(asking: FrameType) -> bool:
    """Whether Python code asks what these rows are an instance of.

    Before it scans a variable, DuckDB's C++ asks whether it is a pandas frame, and would have one made of a whole file.
    C code has no frame of its own: the question seems to come from the Python code that called it.
    """
    if str(asking.f_globals.get("__name__")).startswith("duckdb."):
        return False
    return not {"isinstance", "DataFrame", "__class__"}.isdisjoint(asking.f_code.co_names)


def _frame(relation: Any) -> Any:
    _pandas("a frame")
    return frame_of(relation.to_arrow_table())


def _pandas(name: str) -> Any:
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        text = f"{name} of ctx.ref(...) is pandas', which is not installed here: SQL, .pl() and .arrow() need no pandas"
        raise ModuleNotFoundError(text, name=error.name) from None
    return pd

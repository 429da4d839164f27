"""The decorators of Python nodes.

Each one writes down what it was given in `function.__seeknal__` and returns the function unchanged, so that a node can
be called in a test like any other function. They work with and without parentheses and stack in any order. They never
check, run or register anything with the build: the build reads the file as a syntax tree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

# Positional arguments, in their order. `project/python_literals.py` reads the same table.
POSITIONAL: dict[str, tuple[str, ...]] = {
    "source": ("name", "source", "table", "columns", "tags", "materialization"),
    "transform": ("name", "sql", "inputs", "tags", "materialization"),
    "feature_group": ("name", "entity", "features", "inputs", "materialization", "tags"),
    "second_order_aggregation": (
        *("name", "id_col", "feature_date_col", "features", "application_date_col"),
        *("description", "owner", "tags", "materialization"),
    ),
    "materialize": ("type", "connection", "table", "mode", "time_column", "lookback", "unique_keys"),
}

_registry: dict[str, Callable[..., Any]] = {}


def source(*args: Any, **fields: Any) -> Any:
    """Declare where raw data comes from; the function's body is never run."""
    return _node("source", args, fields)


def transform(*args: Any, **fields: Any) -> Any:
    """Declare a table computed by the function."""
    return _node("transform", args, fields)


def feature_group(*args: Any, **fields: Any) -> Any:
    """Declare the features of an entity, computed by the function."""
    return _node("feature_group", args, fields)


def second_order_aggregation(*args: Any, **fields: Any) -> Any:
    """Declare an aggregation over the rows that the function returns."""
    return _node("second_order_aggregation", args, fields)


def materialize(*args: Any, **fields: Any) -> Any:
    """Declare a table outside to which the node's rows are written; stack as many as needed."""
    if _bare(args, fields):
        return _materialized(args[0], {})
    given = _named("materialize", args, fields)
    return lambda function: _materialized(function, given)


def get_registered_nodes() -> dict[str, Callable[..., Any]]:
    """Return the functions decorated so far in this process, by `kind.name`."""
    return dict(_registry)


def clear_registry() -> None:
    """Forget the functions decorated so far."""
    _registry.clear()


def _node(kind: str, args: tuple[Any, ...], fields: dict[str, Any]) -> Any:
    if _bare(args, fields):
        return _tagged(args[0], kind, {})
    given = _named(kind, args, fields)
    return lambda function: _tagged(function, kind, given)


def _bare(args: tuple[Any, ...], fields: dict[str, Any]) -> bool:
    return len(args) == 1 and not fields and callable(args[0])


def _named(decorator: str, args: tuple[Any, ...], fields: dict[str, Any]) -> dict[str, Any]:
    names = POSITIONAL[decorator]
    if len(args) > len(names):
        raise TypeError(f"{decorator}() takes at most {len(names)} positional arguments")
    given = dict(zip(names, args, strict=False))
    twice = sorted(given.keys() & fields.keys())
    if twice:
        raise TypeError(f"{decorator}() got {twice[0]!r} twice")
    return {**given, **fields}


def _tagged(function: F, kind: str, given: dict[str, Any]) -> F:
    tag = _tag_of(function)
    name = given.get("name") or function.__name__
    tag |= {"kind": kind, "name": name, "fields": {k: v for k, v in given.items() if k != "name"}}
    _registry[f"{kind}.{name}"] = function
    return function


def _materialized(function: F, given: dict[str, Any]) -> F:
    _tag_of(function).setdefault("materialize", []).insert(0, given)
    return function


def _tag_of(function: Any) -> dict[str, Any]:
    tag: dict[str, Any] = function.__dict__.setdefault("__seeknal__", {})
    return tag

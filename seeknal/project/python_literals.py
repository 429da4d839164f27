"""Literal values out of a syntax tree, with the line of each.

Decides what may stand in a node's decorator: literals, module-level names bound once to a literal, and calls of the
settings classes of `seeknal.pipeline`, which become maps. Never evaluates anything.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, NamedTuple

from seeknal.errors import Problem

Path = tuple[str | int, ...]

_PACKAGE = "seeknal.pipeline"
_MODULES = (_PACKAGE, f"{_PACKAGE}.decorators", f"{_PACKAGE}.materialization_config")
NODE_DECORATORS = ("source", "transform", "feature_group", "second_order_aggregation")

# The order of positional arguments; the decorators' is the same as in `seeknal/pipeline/decorators.py`.
POSITIONAL: dict[str, tuple[str, ...]] = {
    "source": ("name", "source", "table", "columns", "tags", "materialization"),
    "transform": ("name", "sql", "inputs", "tags", "materialization"),
    "feature_group": ("name", "entity", "features", "inputs", "materialization", "tags"),
    "second_order_aggregation": (
        *("name", "id_col", "feature_date_col", "features", "application_date_col"),
        *("description", "owner", "tags", "materialization"),
    ),
    "materialize": ("type", "connection", "table", "mode", "time_column", "lookback", "unique_keys"),
    "OfflineConfig": ("format", "partition_by"),
    "OnlineConfig": ("enabled", "ttl_seconds"),
    "IcebergTable": ("namespace", "name", "catalog"),
    "Materialization": ("offline", "online", "table"),
    "MaterializationConfig": ("enabled", "table", "mode", "create_table"),
}
_SETTINGS = frozenset(POSITIONAL) - {*NODE_DECORATORS, "materialize"}


class Names(NamedTuple):
    """What names of a module stand for: `imported` full dotted names, `constants` literal expressions."""

    imported: dict[str, str]
    constants: dict[str, ast.expr]


class Wrong(Exception):
    """Something that is not a literal, with its line."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line

    def problem(self, file: str) -> Problem:
        """Return this as a problem of `file`."""
        return Problem(file, self.line, str(self), "wrong_decorator")


def names_of(tree: ast.Module) -> Names:
    """Return what the module's names stand for, as far as this project cares."""
    imported: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            imported.update(_imported(node))
    return Names(imported, _constants(tree))


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            top = alias.name.partition(".")[0]
            yield (alias.asname, alias.name) if alias.asname else (top, top)
    elif node.level == 0 and (node.module == "seeknal" or str(node.module).startswith(_PACKAGE)):
        for alias in node.names:
            public = POSITIONAL if alias.name == "*" else (alias.name,)
            yield from ((alias.asname or name, f"{node.module}.{name}") for name in public)


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    bound = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and _binds(node)]
    found = {}
    for node in tree.body:
        name, value = _assignment(node)
        if value is not None and bound.count(name) == 1:
            found[name] = value
    return found


def _binds(node: ast.Name) -> bool:
    return isinstance(node.ctx, (ast.Store, ast.Del))


def _assignment(node: ast.stmt) -> tuple[str, ast.expr | None]:
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id, node.value
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id, node.value
    return "", None


def ours(node: ast.expr, names: Names) -> str | None:
    """Return which public name of `seeknal.pipeline` an expression stands for (`sp.transform` -> `transform`)."""
    dotted = _dotted(node)
    if not dotted:
        return None
    head, _, rest = dotted.partition(".")
    full = names.imported.get(head, "") + ("." + rest if rest else "")
    module, _, name = full.rpartition(".")
    return name if module in _MODULES and name in POSITIONAL else None


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def arguments(call: ast.Call, called: str, names: Names, lines: dict[Path, int], path: Path) -> dict[str, Any]:
    """Return the arguments of a call by name, as plain data; fills `lines`."""
    order = POSITIONAL[called]
    if len(call.args) > len(order):
        raise Wrong(call.lineno, f"{called}() takes at most {len(order)} positional arguments: name the others")
    given = list(zip(order, call.args, strict=False))
    for keyword in call.keywords:
        given.extend(_keyword(keyword, names))
    found: dict[str, Any] = {}
    for name, value in given:
        if name in found:
            raise Wrong(value.lineno, f"{called}() is given {name!r} twice")
        found[name] = literal(value, names, lines, (*path, name))
    return found


def _keyword(keyword: ast.keyword, names: Names) -> list[tuple[str, ast.expr]]:
    if keyword.arg is not None:
        return [(keyword.arg, keyword.value)]
    value = _looked_up(keyword.value, names)
    if not isinstance(value, ast.Dict):
        raise Wrong(keyword.value.lineno, "** in a decorator needs a literal dict")
    return [(_key(key), item) for key, item in zip(value.keys, value.values, strict=True)]


def literal(node: ast.expr, names: Names, lines: dict[Path, int], path: Path) -> Any:
    """Return the plain data that an expression stands for; fills `lines` with the line of each part."""
    lines[path] = node.lineno
    value = _looked_up(node, names)
    if isinstance(value, ast.Dict):
        pairs = [(_key(k), v) for k, v in zip(value.keys, value.values, strict=True)]
        return {name: literal(item, names, lines, (*path, name)) for name, item in pairs}
    if isinstance(value, (ast.List, ast.Tuple, ast.Set)):
        return [literal(item, names, lines, (*path, at)) for at, item in enumerate(value.elts)]
    if isinstance(value, ast.Call):
        called = ours(value.func, names)
        if called in _SETTINGS:
            return arguments(value, called, names, lines, path)
    return _scalar(value)


def _looked_up(node: ast.expr, names: Names) -> ast.expr:
    seen: set[str] = set()
    while isinstance(node, ast.Name) and node.id in names.constants and node.id not in seen:
        seen.add(node.id)
        node = names.constants[node.id]
    return node


def _key(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise Wrong(getattr(node, "lineno", 1), "a member name of a dict in a decorator is a literal text")


def _scalar(node: ast.expr) -> Any:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        value = ...
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    text = ast.unparse(node)[:60]
    raise Wrong(
        node.lineno,
        f"`{text}` is not a literal: a decorator is read without running the file, so write the value itself",
    )

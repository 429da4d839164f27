"""What a node's function asks of its context, read from its syntax tree.

Decides which inputs, columns, entities and parameters a function names. Whatever is not literal may be anything: then all
columns and all parameters count, and inputs have to be listed in the decorator. Never executes anything.
"""

from __future__ import annotations

import ast
from typing import Any, NamedTuple

from seeknal.project.python_literals import Names, Wrong, literal

Function = ast.FunctionDef | ast.AsyncFunctionDef
_EXAMPLES = {"ref": '"kind.name"', "entity": '"rider"', "features": '"rider", [...]'}
_ARGUMENTS = {"ref": ("name", "columns"), "entity": ("entity",), "features": ("entity", "features")}


class Ref(NamedTuple):
    """A node named by `ctx.ref("kind.name", columns=[...])`, with every column that is asked for (None: all).

    Of an entity, named by `ctx.entity` or `ctx.features`, the columns are the feature groups that are asked for.
    """

    node: str
    columns: tuple[str, ...] | None
    line: int


class Asked(NamedTuple):
    """`uses` are the attributes of the context that the function mentions, with `*` when it passes the context itself on;
    `parameters` are the names of parameters that it asks for, None where that may be any.
    """

    refs: tuple[Ref, ...] = ()
    uses: tuple[str, ...] = ()
    parameters: tuple[str, ...] | None = ()


def asked_by(function: Function, *, listed: bool, names: Names) -> Asked:
    """What a function asks of its first parameter; `listed`: its decorator has `inputs=`. Raises Wrong."""
    ctx = next((arg.arg for arg in (*function.args.posonlyargs, *function.args.args)), None)
    if ctx is None:
        return Asked()
    inside = list(ast.walk(function))
    attributes = [node for node in inside if isinstance(node, ast.Attribute) and _is(node.value, ctx)]
    escapes = sum(1 for node in inside if _is(node, ctx)) > len(attributes)
    calls = [node for node in inside if isinstance(node, ast.Call) and _method(node, ctx) in _ARGUMENTS]
    refs = [_ref(call, ctx, listed, names) for call in calls]
    # Whoever else holds the context, or asks with a name that is not literal, may read any column.
    merged = _merged([ref for ref in refs if ref], anything=escapes or None in refs)
    uses = tuple(sorted({node.attr for node in attributes} | ({"*"} if escapes else set())))
    return Asked(merged, uses, None if escapes else _parameters(inside, attributes, ctx, names))


def _merged(refs: list[Ref], *, anything: bool) -> tuple[Ref, ...]:
    found: dict[str, Ref] = {}
    for ref in sorted(refs, key=lambda ref: ref.line):
        first = found.get(ref.node, ref)
        whole = anything or first.columns is None or ref.columns is None
        columns = None if whole else tuple(dict.fromkeys([*(first.columns or ()), *(ref.columns or ())]))
        found[ref.node] = Ref(ref.node, columns, first.line)
    return tuple(found.values())


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _method(call: ast.Call, ctx: str) -> str:
    """The name of the context's method that is called, or nothing."""
    return call.func.attr if isinstance(call.func, ast.Attribute) and _is(call.func.value, ctx) else ""


def _ref(call: ast.Call, ctx: str, listed: bool, names: Names) -> Ref | None:
    method = _method(call, ctx)
    given = dict(zip(_ARGUMENTS[method], call.args, strict=False))
    given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    first, *others = (given.get(name) for name in _ARGUMENTS[method])
    named = _literal_or_none(first, names)
    if isinstance(named, str):
        asked = _texts(others[0] if others else None, names)
        if method == "ref":
            return Ref(named, asked, call.lineno)
        groups = asked and tuple(dict.fromkeys(text.partition(".")[0] for text in asked))
        return Ref(f"entity.{named}", groups, call.lineno)
    if listed:
        return None
    what = f"write the name literally, {ctx}.{method}({_EXAMPLES[method]}), or list the node in inputs="
    raise Wrong(call.lineno, f"`{ast.unparse(call)[:60]}`: {what}")


def _parameters(
    inside: list[ast.AST], attributes: list[ast.Attribute], ctx: str, names: Names
) -> tuple[str, ...] | None:
    found = [name for node in inside for name in [_parameter(node, ctx, names)] if name is not None]
    mentions = sum(1 for node in attributes if node.attr in ("params", "get_param"))
    return tuple(dict.fromkeys(found)) if len(found) == mentions else None


def _parameter(node: ast.AST, ctx: str, names: Names) -> str | None:
    """The name in `ctx.get_param("x")`, `ctx.params.get("x")`, `ctx.params["x"]` or `"x" in ctx.params`."""
    text: ast.expr | None = None
    if isinstance(node, ast.Call) and (_method(node, ctx) == "get_param" or _asks_params(node.func, ctx)):
        text = node.args[0] if node.args else next((k.value for k in node.keywords if k.arg == "name"), None)
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and _is_params(node.value, ctx):
        text = node.slice
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and _is_params(node.comparators[0], ctx):
        text = node.left if isinstance(node.ops[0], (ast.In, ast.NotIn)) else None
    value = _literal_or_none(text, names)
    return value if isinstance(value, str) else None


def _asks_params(called: ast.expr, ctx: str) -> bool:
    return isinstance(called, ast.Attribute) and called.attr == "get" and _is_params(called.value, ctx)


def _is_params(node: ast.expr, ctx: str) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "params" and _is(node.value, ctx)


def _texts(node: ast.expr | None, names: Names) -> tuple[str, ...] | None:
    # Columns that are not literal may be any: then the node depends on all of them.
    value = _literal_or_none(node, names)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    return None


def _literal_or_none(node: ast.expr | None, names: Names) -> Any:
    try:
        return None if node is None else literal(node, names, {}, ())
    except Wrong:
        return None

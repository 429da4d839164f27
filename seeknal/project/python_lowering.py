"""Lowering a decorated function: its code, its parameters, the inputs that it names -> a recipe of the Python engine.

Decides which arguments of a decorator are parameters of the function, and which parameters of the command line enter its
key: those that it mentions, all of them where that may be any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from seeknal import kinds
from seeknal.model.digest import plain
from seeknal.model.lowering import Lowered, Wrong, input_names
from seeknal.model.node import Input, Recipe
from seeknal.project.declaration import Declaration
from seeknal.project.expand import own_params
from seeknal.project.inputs import Named
from seeknal.project.python_code import Code, code_of
from seeknal.project.python_reader import PythonNode, decode

# Code that mentions one of these may read any parameter from the worker's environment.
_HELPERS = ("seeknal.workflow", "SEEKNAL_PARAM")

Read = Callable[[str], bytes | None]


def lower_python(
    declaration: Declaration, fields: Mapping[str, Any], named: Named, given: Mapping[str, Any], read: Read
) -> Lowered:
    """The recipe of a function; `given` are the parameters of the command line. Raises Wrong, ProjectError."""
    node = declaration.function
    assert node is not None
    text = _decoded(read(declaration.file) or b"", declaration.file) or ""
    code = code_of(node, declaration.file, text, lambda path: _decoded(read(path), path))
    kind = kinds.get(declaration.kind)
    extra = kind.python(declaration.name, fields) if hasattr(kind, "python") else Lowered(Recipe("python", {}))
    params = {**_params(declaration, fields), **_asked(node, code, given)}
    meta = {**plain(fields), "name": declaration.name, "kind": declaration.kind}
    definition = {"code": code.definition, "params": plain(params), **extra.recipe.definition}
    if "node_meta" in node.uses or ("*" in node.uses and _mentions(code, "node_meta")):
        definition["meta"] = meta
    late = {
        "sources": code.sources,
        "params": params,
        "function": node.function,
        "header": node.header,
        "uses": node.uses,
        "timeout": _timeout(fields.get("timeout")),
        "meta": meta,
    }
    recipe = Recipe("python", definition, _inputs(node, named), names=input_names(named.ids), late=late)
    return Lowered(recipe, extra.traits)


def _inputs(node: PythonNode, named: Named) -> tuple[Input, ...]:
    """Those of `inputs=` in their order, then those that only the function names."""
    refs = {ref.node: ref.columns for ref in node.refs}
    return tuple(Input(name, refs.get(name)) for name in dict.fromkeys([*named.ids, *refs]))


def _params(declaration: Declaration, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The decorator's arguments that are the function's parameters. Raises Wrong."""
    listed = fields.get("params") or {}
    if not isinstance(listed, Mapping):
        raise Wrong(("params",), "params is a mapping: params={'limit': 5}")
    return {**{name: fields[name] for name in own_params(declaration)}, **listed}


def _asked(node: PythonNode, code: Code, given: Mapping[str, Any]) -> dict[str, Any]:
    if node.parameters is None or any(_mentions(code, word) for word in _HELPERS):
        return dict(given)
    return {name: given[name] for name in node.parameters if name in given}


def _mentions(code: Code, word: str) -> bool:
    return any(word in text for _, text in code.sources.values())


def _timeout(value: Any) -> float | None:
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0):
        return value
    raise Wrong(("timeout",), f"timeout is {value!r}: write seconds, as in timeout=60")


def _decoded(data: bytes | None, path: str) -> str | None:
    return None if data is None else decode(data, path)

"""Normalised syntax trees: the text that stands for a module in an action key.

Decides what of a module cannot change what a node computes: positions, comments, formatting, docstrings that nothing
can read, and, in the node's own file, the functions of other nodes that nothing left mentions. Where that is not
certain, it stays in: a needless rebuild is better than a stale table.
"""

from __future__ import annotations

import ast

from seeknal.model.digest import digest_of
from seeknal.project.python_literals import NODE_DECORATORS, Names, names_of, ours

_READS_DOCSTRINGS = frozenset({"__doc__", "inspect", "getdoc", "help", "doctest", "pydoc"})
# With one of these a module can reach its own functions without writing their names.
_READS_ITSELF = frozenset({"globals", "locals", "vars", "dir", "eval", "exec", "modules", "__dict__", "gc", "inspect"})
_READS_SOURCE = frozenset({"inspect", "getsource", "linecache", "tokenize", "cloudpickle", "dill", "__loader__"})
_OURS = (*NODE_DECORATORS, "materialize")
_Function = (ast.FunctionDef, ast.AsyncFunctionDef)


def words_of(tree: ast.AST) -> frozenset[str]:
    """Return every name, attribute and imported name in a tree."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            found.update(node.names)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update(part for alias in node.names for part in alias.name.split("."))
            found.update((getattr(node, "module", None) or "").split("."))
    return frozenset(found)


def reads_docstrings(tree: ast.AST) -> bool:
    """Whether code in this tree may read a docstring."""
    return not _READS_DOCSTRINGS.isdisjoint(words_of(tree))


def reads_source(tree: ast.AST) -> bool:
    """Whether code in this tree may read program text: then comments and formatting count too."""
    return not _READS_SOURCE.isdisjoint(words_of(tree))


def sliced(tree: ast.Module, function: str) -> ast.Module:
    """Return what matters to one node in its own file. Changes the tree."""
    names = names_of(tree)
    if _READS_ITSELF.isdisjoint(words_of(tree)):
        tree.body = _kept(tree.body, function, names)
    for node in tree.body:
        if isinstance(node, _Function) and node.name == function:
            node.decorator_list = [item for item in node.decorator_list if _ours(item, names) is None]
    _drop_unused_decorators(tree)
    return tree


def _kept(body: list[ast.stmt], function: str, names: Names) -> list[ast.stmt]:
    others = [node for node in body if _is_other_node(node, function, names)]
    kept = [node for node in body if node not in others]
    while True:
        mentioned = frozenset[str]().union(*map(words_of, kept))
        again = [node for node in others if node not in kept and node.name in mentioned]  # type: ignore[attr-defined]
        if not again:
            return [node for node in body if node in kept]
        kept += again


def _is_other_node(node: ast.stmt, function: str, names: Names) -> bool:
    """Whether this is the function of another node, whose definition alone does nothing."""
    if not isinstance(node, _Function) or node.name == function:
        return False
    called = [_ours(item, names) for item in node.decorator_list]
    if None in called or not set(called) & set(NODE_DECORATORS):
        return False
    arguments = ast.walk(node.args)
    return not any(isinstance(part, (ast.Call, ast.NamedExpr)) for part in arguments)


def _ours(decorator: ast.expr, names: Names) -> str | None:
    called = ours(decorator.func if isinstance(decorator, ast.Call) else decorator, names)
    return called if called in _OURS else None


def _drop_unused_decorators(tree: ast.Module) -> None:
    """Leave out imports of our own decorators that nothing left mentions."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in list(tree.body):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and str(node.module).startswith("seeknal.pipeline"):
            node.names = [alias for alias in node.names if (alias.asname or alias.name) in used or alias.name == "*"]
            if not node.names:
                tree.body.remove(node)


def digests_of(tree: ast.Module) -> tuple[str, str]:
    """Return the digests of a tree without and with its docstrings. Changes the tree."""
    whole = _digest(tree)
    _strip(tree)
    return _digest(tree), whole


def _digest(tree: ast.Module) -> str:
    """Digest of a tree without positions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            node.kind = None  # u"text"
    return digest_of(ast.dump(tree).encode("utf-8", "surrogatepass"))


def _strip(node: ast.AST) -> None:
    # A library may use the docstring of a decorated function or of a class with bases (prompts, schemas): those stay.
    if isinstance(node, ast.ClassDef) and (node.bases or node.decorator_list):
        return
    if isinstance(node, (*_Function, ast.ClassDef, ast.Module)) and not getattr(node, "decorator_list", None):
        node.body = _without_docstring(node.body)
    for child in ast.iter_child_nodes(node):
        _strip(child)


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    if not is_text or not isinstance(first.value.value, str):  # type: ignore[union-attr]
        return body
    return body[1:] or [ast.Pass()]

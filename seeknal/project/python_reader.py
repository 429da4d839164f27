"""Python node files, read as syntax trees.

Decides which functions are nodes, what their decorators say and which inputs they name. Finds every problem of a file
at once, each with its line. Never imports or executes project code.
"""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

from seeknal.errors import Problem, ProjectError
from seeknal.model.lookback import days_of
from seeknal.project.python_context import Function, Ref, asked_by
from seeknal.project.python_header import Header, read_header
from seeknal.project.python_literals import (
    NODE_DECORATORS,
    Names,
    Path,
    Wrong,
    arguments,
    names_of,
    ours,
)

__all__ = ["Header", "PythonNode", "Ref", "decode", "parse", "read_python"]

T = TypeVar("T")


class PythonNode(NamedTuple):
    """One decorated function, as plain data.

    `fields` are the decorator's arguments without `name`; `lines` maps the path of each to its line. `stacked` are the
    arguments of `@materialize(...)`, top to bottom. `uses` and `parameters` are what the function asks of its context
    (`python_context.Asked`).
    """

    kind: str
    name: str
    function: str
    fields: dict[str, Any]
    lines: dict[Path, int]
    line: int
    refs: tuple[Ref, ...]
    header: Header | None
    stacked: tuple[dict[str, Any], ...] = ()
    uses: tuple[str, ...] = ()
    parameters: tuple[str, ...] | None = ()


def read_python(data: bytes, file: str) -> tuple[PythonNode, ...]:
    """Return the nodes of a file, in its order. Raises ProjectError with every problem found."""
    text = decode(data, file)
    tree = parse(text, file)
    problems: list[Problem] = []
    header = _collected(lambda: read_header(text, file), problems, file)
    names = names_of(tree)
    problems.extend(_misplaced(tree, names, file))
    problems.extend(_elsewhere(tree, file))
    nodes = [
        _collected(lambda f=function: _node(f, names, header), problems, file)  # type: ignore[misc]
        for function in tree.body
        if isinstance(function, Function) and _decorators(function, names)
    ]
    found = tuple(node for node in nodes if node is not None)
    problems.extend(_duplicates(found, file))
    if problems:
        raise ProjectError(problems)
    return found


def decode(data: bytes, file: str) -> str:
    """Return the text of a Python file, as Python itself decodes it."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return io.TextIOWrapper(io.BytesIO(data), encoding).read()
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise ProjectError([Problem(file, 1, f"not readable as Python text: {error}", "syntax_error")]) from None


def parse(text: str, file: str) -> ast.Module:
    """Return the syntax tree of a Python file. Raises ProjectError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        problem = Problem(file, error.lineno or 1, f"Python syntax error: {error.msg}", "syntax_error")
    except (ValueError, RecursionError, MemoryError) as error:
        problem = Problem(file, 1, f"Python cannot parse this file: {error}", "syntax_error")
    raise ProjectError([problem])


def _collected(read: Callable[[], T], problems: list[Problem], file: str) -> T | None:
    try:
        return read()
    except Wrong as wrong:
        problems.append(wrong.problem(file))
    except ProjectError as error:
        problems.extend(error.problems)
    return None


def _decorators(function: Function | ast.ClassDef, names: Names) -> list[tuple[str, ast.expr]]:
    found = []
    for decorator in function.decorator_list:
        called = ours(decorator.func if isinstance(decorator, ast.Call) else decorator, names)
        if called in (*NODE_DECORATORS, "materialize"):
            found.append((called, decorator))
    return found


def _misplaced(tree: ast.Module, names: Names, file: str) -> Iterator[Problem]:
    top = {id(statement) for statement in tree.body if isinstance(statement, Function)}
    for node in ast.walk(tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or id(node) in top:
            continue
        if _decorators(node, names):
            what = f"`{node.name}`: a node is a function at the top level of its file"
            yield Problem(file, node.lineno, what, "wrong_decorator")


def _elsewhere(tree: ast.Module, file: str) -> Iterator[Problem]:
    """Imports of a decorator from where it is not: its functions would be no nodes, and nobody would say so."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module == "seeknal":
            for alias in node.names:
                if alias.name in NODE_DECORATORS:
                    what = f"`{alias.name}` is not there: from seeknal.pipeline import {alias.name}"
                    yield Problem(file, node.lineno, what, "wrong_decorator")


def _duplicates(nodes: tuple[PythonNode, ...], file: str) -> Iterator[Problem]:
    first: dict[tuple[str, str], int] = {}
    for node in nodes:
        for word, what in ((node.function, "function"), (f"{node.kind}.{node.name}", "node")):
            line = first.setdefault((what, word), node.line)
            if line != node.line:
                text = f"a second {what} {word} (the first is on line {line})"
                yield Problem(file, node.line, text, "duplicate")


def _node(function: Function, names: Names, header: Header | None) -> PythonNode:
    kind, decorator, stacked = _sorted_out(function, names)
    lines: dict[Path, int] = {(): decorator.lineno}
    fields = _arguments(decorator, kind, names, lines)
    name = fields.pop("name", None) or function.name
    _check_parameters(function, kind)
    asked = asked_by(function, listed=bool(fields.get("inputs")), names=names)
    more = tuple(_materialize(item, names) for item in stacked)
    return PythonNode(
        kind,
        name,
        function.name,
        fields,
        lines,
        decorator.lineno,
        asked.refs,
        header,
        more,
        asked.uses,
        asked.parameters,
    )


def _sorted_out(function: Function, names: Names) -> tuple[str, ast.expr, list[ast.expr]]:
    decorators = _decorators(function, names)
    own = [(called, item) for called, item in decorators if called != "materialize"]
    if len(own) != 1:
        what = "two node decorators" if own else "@materialize without a node decorator"
        raise Wrong(function.lineno, f"`{function.name}` has {what}: a node has exactly one")
    return *own[0], [item for called, item in decorators if called == "materialize"]


def _arguments(decorator: ast.expr, called: str, names: Names, lines: dict[Path, int]) -> dict[str, Any]:
    return arguments(decorator, called, names, lines, ()) if isinstance(decorator, ast.Call) else {}


def _materialize(decorator: ast.expr, names: Names) -> dict[str, Any]:
    lines: dict[Path, int] = {}
    fields = _arguments(decorator, "materialize", names, lines)
    if fields.get("lookback") is not None:
        try:
            fields["lookback"] = days_of(fields["lookback"])
        except ValueError as error:
            raise Wrong(lines["lookback",], f"@materialize: {error}") from None
    return fields


def _parameters(function: Function) -> list[str]:
    return [arg.arg for arg in (*function.args.posonlyargs, *function.args.args)]


def _check_parameters(function: Function, kind: str) -> None:
    if kind == "source":  # never called: the declaration says where the rows are
        return
    given = function.args
    required = len(_parameters(function)) - len(given.defaults) + given.kw_defaults.count(None)
    if required > 1:
        what = f"`{function.name}` is called with one argument, the context, but needs {required}"
        raise Wrong(function.lineno, what)

"""Connecting: what recipes read without having declared it (refs in SQL, files named in it) becomes inputs.

Decides the edges of the graph. Collects every problem before it raises.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from seeknal import kinds
from seeknal.build.session import Session
from seeknal.engines.base import recalled
from seeknal.errors import DefinitionWrong, Problem, ProjectError, conceal, nearest
from seeknal.model.environment import PRODUCTION
from seeknal.model.graph import Graph
from seeknal.model.node import SELF, Input, Node
from seeknal.project.declaration import Declaration, from_yaml
from seeknal.project.intervals import careless, check_itself
from seeknal.project.load import Parse, Project, check_cycles, load, parse_file
from seeknal.project.profile import places
from seeknal.project.template import Values


def load_project(session: Session, env: dict[str, str]) -> Project:
    """Load the project, connect its nodes, keep both in the session. Raises ProjectError."""
    values = Values(session.request.as_of, session.request.params, {}, env, session.request.words)
    session.env = env
    session.project = project = load(session, values, _remembering(session), profiles(session))
    for word in project.used:
        if word.startswith("env:") and word[4:] in env:
            conceal(word[4:], env[word[4:]])
    problems = [*project.problems]
    nodes = [_told(node) for node in connect(session, project.nodes, problems)]
    if problems:
        raise ProjectError(problems)
    check_cycles(nodes)
    session.project = project._replace(nodes=tuple(nodes), warnings=(*project.warnings, *careless(nodes)))
    session.graph = Graph.of(nodes)
    return session.project


def profiles(session: Session) -> tuple[str, ...]:
    """Where the profile may be."""
    request = session.request
    return (request.profile,) if request.profile else places(request.root, request.environment, PRODUCTION)


def _told(node: Node) -> Node:
    """The node with its inputs among what is told of it: a key does not know what they are called."""
    names = sorted({i.node for i in node.recipe.inputs} - {SELF})
    return replace(node, meta={**node.meta, "inputs": names}) if names else node


def _remembering(session: Session) -> Parse:
    """Parse YAML files once for each content."""
    from seeknal.model.digest import digest_of

    def parse(path: str, data: bytes) -> list[Declaration]:
        if path.endswith(".py"):
            return parse_file(path, data)
        key = f"nodes:{path}:{digest_of(data)}"
        known = recalled(session.memo, key, partial(_remembered, path))
        if known is not None:
            return known
        found = from_yaml(data, path)
        if not any(map(_may_tell, found)):
            # What a person wrote there by mistake must not lie about in a second place.
            session.memo.put(key, [_plain(declaration) for declaration in found])
        return found

    return parse


def _may_tell(declaration: Declaration) -> bool:
    """Whether a field of a declaration may hold a secret."""
    params = declaration.fields.get("params")
    said = {*declaration.fields, *(params if isinstance(params, dict) else ())}
    return not said.isdisjoint(getattr(kinds.get(declaration.kind), "SECRET", ()))


def _plain(declaration: Declaration) -> list[Any]:
    lines = [[list(path), line] for path, line in declaration.lines.items()]
    return [declaration.kind, declaration.name, declaration.fields, lines, declaration.line]


def _remembered(path: str, known: Any) -> list[Declaration]:
    return [
        Declaration(kind, name, fields, {tuple(p): n for p, n in lines}, path, line)
        for kind, name, fields, lines, line in known
    ]


def connect(session: Session, nodes: Iterable[Node], problems: list[Problem]) -> list[Node]:
    """The nodes with the inputs and files that their recipes name themselves; adds to `problems`."""
    nodes = list(nodes)
    ids = {node.id for node in nodes}
    _expect(session, nodes)
    return [_connected(session, node, ids, problems) for node in nodes]


def _expect(session: Session, nodes: Iterable[Node]) -> None:
    """Tell engines that can work many nodes out at once which ones they are going to be asked about."""
    by_engine: dict[str, list[Node]] = {}
    for node in nodes:
        by_engine.setdefault(node.recipe.engine, []).append(node)
    for name, some in by_engine.items():
        engine = session.engines.get(name)
        if hasattr(engine, "expect"):
            engine.expect(some)


def _connected(session: Session, node: Node, ids: set[str], problems: list[Problem]) -> Node:
    try:
        found = session.engines.get(node.recipe.engine).references(node)
    except DefinitionWrong as wrong:
        text = f"{wrong.message}\n  {wrong.hint}" if wrong.hint else wrong.message
        problem = wrong.problem or Problem(node.file, node.line, text, wrong.reason)
        problems.append(problem._replace(message=f"{problem.message}{'; ' + wrong.hint if wrong.hint else ''}"))
        return node
    files = tuple(name[5:] for name in found if name.startswith("file:"))
    problems += [_no_data(node, path) for path in files if path.startswith(_NO_DATA)]
    named = [name for name in found if not name.startswith("file:")]
    have = {i.node for i in node.recipe.inputs}
    problems += [_unknown(node, name, ids) for name in named if name not in ids and name not in have and name != SELF]
    problems += check_itself(node) if SELF in named and SELF not in have else []
    more = tuple(Input(name) for name in dict.fromkeys(named) if name not in have)
    if not files and not more:
        return node
    recipe = replace(node.recipe, inputs=(*node.recipe.inputs, *more), files=(*node.recipe.files, *files))
    return replace(node, recipe=recipe)


# What the kernel shows there is not data of a project, and differs in every process.
_NO_DATA = ("/proc/", "/sys/", "/dev/")


def _no_data(node: Node, path: str) -> Problem:
    line = node.traits.get("lines", {}).get("sql", node.line)
    return Problem(node.file, line, f"{node.id}: {path} is no file with data", "sql_undeclared_file")


def _unknown(node: Node, name: str, ids: set[str]) -> Problem:
    line = node.traits.get("lines", {}).get("sql", node.line)
    return Problem(node.file, line, f"{node.id}: there is no node {name!r}{nearest(name, ids)}", "unknown_input")

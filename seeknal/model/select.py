"""Which nodes a person means: `--nodes`, `--types`, `--tags`, `--exclude-tags` -> the goal of a run.

Pure. Decides the goals, what is built with them, and which inputs are taken as they are published.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from seeknal.errors import UsageError, nearest
from seeknal.model.graph import Graph


@dataclass(frozen=True, slots=True)
class Selection:
    """What a person asked for; empty fields mean everything. `from_published`: no ancestor is built."""

    nodes: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()
    from_published: bool = False

    @property
    def partial(self) -> bool:
        """Whether this is less than the whole project."""
        return bool(self.nodes or self.types or self.tags or self.exclude_tags)


@dataclass(frozen=True, slots=True)
class Goal:
    """`wanted` were asked for; `targets` are these and the ancestors to bring up to date with them; an input of a
    target that is in neither (an excluded node, a feature group of an entity) is used as it is published."""

    wanted: frozenset[str]
    targets: frozenset[str]


def select(graph: Graph, selection: Selection) -> Goal:
    """Resolve a selection. Raises UsageError for a name, kind or tag that nothing has."""
    wanted = _by_name(graph, selection.nodes) if selection.nodes else set(graph.nodes)
    wanted &= _by_kind(graph, selection.types) if selection.types else wanted
    wanted &= _by_tag(graph, selection.tags) if selection.tags else wanted
    excluded = _by_tag(graph, selection.exclude_tags) if selection.exclude_tags else set()
    wanted -= excluded
    ancestors = set() if selection.from_published else _ancestors_without(graph, wanted, excluded)
    wanted |= (
        _late(graph, wanted | ancestors) - excluded if selection.partial and not selection.from_published else set()
    )
    return Goal(frozenset(wanted), frozenset(wanted | ancestors))


def _late(graph: Graph, wanted: set[str]) -> set[str]:
    """Targets that come with others without being named: an entity with its feature groups, a rule or an audit with
    the table that it guards, because nothing is published unchecked, and tables outside with the node that writes them."""
    return {
        name
        for name, node in graph.nodes.items()
        if (node.traits.get("follows_inputs") and wanted.intersection(graph.inputs[name]))
        or node.traits.get("guards") in wanted
        or node.traits.get("behind") in wanted
    }


def _ancestors_without(graph: Graph, start: Iterable[str], excluded: set[str]) -> set[str]:
    found: set[str] = set()
    todo = [need for name in start for need in graph.inputs[name]]
    while todo:
        name = todo.pop()
        if name not in found and name not in excluded:
            found.add(name)
            todo.extend(graph.inputs[name])
    return found


def _by_name(graph: Graph, words: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for word in words:
        found |= resolve(graph, word)
    return found


def resolve(graph: Graph, word: str) -> set[str]:
    """The ids that `word` means: `kind.name`, an unambiguous `name`, a glob, `+x`, `x+`, `tag:t`."""
    core = word.removeprefix("+").removesuffix("+")
    found = _by_tag(graph, [core[4:]]) if core.startswith("tag:") else _match(graph, core)
    if word.startswith("+"):
        found |= graph.ancestors(found)
    if word.endswith("+"):
        found |= graph.descendants(found)
    return found


def _match(graph: Graph, word: str) -> set[str]:
    if word in graph.nodes:
        return {word}
    if any(ch in word for ch in "*?["):
        found = {name for name in graph.nodes if fnmatchcase(name, word) or fnmatchcase(name.split(".", 1)[1], word)}
    else:
        found = {name for name in graph.nodes if name.split(".", 1)[1] == word}
        if len(found) > 1:
            raise UsageError(f"{word!r} is ambiguous: {', '.join(sorted(found))}", reason="ambiguous_node")
    if not found:
        names = [*graph.nodes, *(name.split(".", 1)[1] for name in graph.nodes)]
        raise UsageError(f"no node is called {word!r}{nearest(word, names)}", reason="unknown_node")
    return found


def _by_kind(graph: Graph, kinds: Iterable[str]) -> set[str]:
    known = {node.kind for node in graph.nodes.values()}
    for kind in kinds:
        if kind not in known:
            raise UsageError(f"no node is of kind {kind!r}{nearest(kind, known)}", reason="unknown_kind")
    return {name for name, node in graph.nodes.items() if node.kind in set(kinds)}


def _by_tag(graph: Graph, tags: Iterable[str]) -> set[str]:
    known = {tag for node in graph.nodes.values() for tag in node.tags}
    for tag in tags:
        if tag not in known:
            raise UsageError(f"no node has the tag {tag!r}{nearest(tag, known)}", reason="unknown_tag")
    return {name for name, node in graph.nodes.items() if set(tags).intersection(node.tags)}

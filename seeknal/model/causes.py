"""Root causes: of all targets that a run rebuilt, what set it off, and how much each of these pulled along.

Decides which reasons explain themselves and which only pass on what happened to an input: `transform.b` was built because
`transform.a` changed, because its SQL was edited: the edit is the root. Pure: reasons are given, by target.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from seeknal.model.explain import Reason, clauses

# Reasons that pass on what happened to an input, which is their subject.
_PASSED_ON = frozenset({"column_changed", "rows_changed", "input_may_change", "shared"})
# What comes of an edit, besides the change of the definition itself.
_OF_AN_EDIT = frozenset({"definition_changed", "input_added", "input_removed", "column_read", "column_unread"})
UNKNOWN = Reason("unknown")
_EDIT = "edit"
_MODULES = "code.modules."

Key = tuple[str, str, str]


class Rebuilt(NamedTuple):
    """A target that was built, or would be: why, and what it cost."""

    id: str
    reasons: tuple[Reason, ...]
    milliseconds: int = 0


@dataclass(frozen=True, slots=True)
class Root:
    """A root cause: what changed, in which targets it lies, and all that was rebuilt for it, in build order. `edit`: a person
    edited the definition of one target."""

    reasons: tuple[Reason, ...]
    origins: tuple[str, ...]
    targets: tuple[str, ...]
    milliseconds: int
    edit: bool = False


class Stop(NamedTuple):
    """A rebuilt target at which the wave stopped: these targets read it, and nothing of it that changed."""

    at: str
    readers: tuple[str, ...]


def roots(rebuilt: Iterable[Rebuilt]) -> tuple[Root, ...]:
    """The root causes of targets in build order, those first that rebuilt most."""
    every = {one.id: one for one in rebuilt}
    of: dict[str, dict[Key, None]] = {}
    own: dict[Key, dict[str, list[Reason]]] = {}
    pulled: dict[Key, list[Rebuilt]] = {}
    for name, one in every.items():
        mine: dict[Key, None] = {}
        for reason in one.reasons or (UNKNOWN,):
            parent = _parent(reason, of)
            mine |= of[parent] if parent else {_key(name, reason): None}
            if parent is None:
                own.setdefault(_key(name, reason), {}).setdefault(name, []).append(reason)
        of[name] = mine
        for key in mine:
            pulled.setdefault(key, []).append(one)
    found = (_root(key, told, pulled[key]) for key, told in own.items())
    return tuple(sorted(found, key=lambda root: (-len(root.targets), -root.milliseconds, root.origins)))


def _root(key: Key, told: Mapping[str, list[Reason]], pulled: list[Rebuilt]) -> Root:
    reasons = tuple(dict.fromkeys(reason for found in told.values() for reason in found))
    cost = sum(one.milliseconds for one in pulled)
    return Root(reasons, tuple(told), tuple(one.id for one in pulled), cost, key[0] == _EDIT)


def subject(reason: Reason) -> str:
    """The target that a reason is about: `source.orders` of the column `source.orders.amount`."""
    return ".".join(reason.subject.split(".")[:2])


def _parent(reason: Reason, before: Container[str]) -> str | None:
    """The target, rebuilt before this one, that explains a reason."""
    name = subject(reason) if reason.word in _PASSED_ON else ""
    return name if name in before else None


def _key(name: str, reason: Reason) -> Key:
    """What makes reasons of several targets one cause: a file, a module, a parameter, the date; an edit is its target's own."""
    if reason.word in _PASSED_ON:
        return ("input", subject(reason), "")
    if reason.subject.startswith(_MODULES) and not reason.subject.endswith("__node__"):
        return ("module", reason.subject, "")
    if reason.subject.startswith("params.") and reason.detail:
        return ("parameter", reason.subject, reason.detail)
    if reason.word in _OF_AN_EDIT:
        return (_EDIT, name, "")
    return (reason.word, reason.subject, reason.detail)


def stops(cut_off: Mapping[str, Iterable[str]]) -> tuple[tuple[Stop, ...], int]:
    """Where the wave stopped, given what was cut off and which of its inputs were rebuilt; and how many more lie below."""
    found: dict[str, list[str]] = {}
    below = 0
    for name, after in cut_off.items():
        built = tuple(after)
        below += not built
        for need in built:
            found.setdefault(need, []).append(name)
    return tuple(Stop(at, tuple(readers)) for at, readers in found.items()), below


def what(root: Root, words: Iterable[str] = ()) -> str:
    """The cause as a clause; `words` say what was edited, where that is known."""
    told = _few(tuple(words) or tuple(clauses(root.reasons)))
    if root.edit:
        return f"{root.origins[0]} was edited: {told}"
    if root.reasons[0].word in _PASSED_ON:
        told += " in an earlier run"
    return f"{told} ({_listed(root.origins)})"


def _listed(names: tuple[str, ...], limit: int = 2) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f"{', '.join(names[:limit])}{more}"


def _few(texts: tuple[str, ...], limit: int = 3) -> str:
    return "; ".join(texts[:limit]) + (f"; and {len(texts) - limit} more" if len(texts) > limit else "")

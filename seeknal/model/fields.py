"""Reading a mapping that a person wrote, field by field: each wrong one is noted with its path, none stops the reading.

Decides how a wrong field is told: where, what it is, what is allowed. Knows no field's meaning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from seeknal.model.lowering import Path, Wrong
from seeknal.model.sqltext import fault

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


class Fields:
    """The fields of one mapping at `path`, of which `known` are meant; what is wrong is added to `wrong`."""

    def __init__(self, value: Any, path: Path, known: Sequence[str], wrong: list[Wrong]) -> None:
        self.path = path
        self.wrong = wrong
        self._known = known
        self._none = not isinstance(value, Mapping)
        if not isinstance(value, Mapping):
            self.say((), f"a mapping is needed, with {', '.join(known)}; this is {_cut(value)}")
            value = {}
        self._value = {str(name): item for name, item in value.items() if item is not None}
        for name in self._value:
            near = get_close_matches(name, known, n=1, cutoff=0.75) if name not in known else []
            if near:
                self.say((name,), f"unknown field {name!r} (did you mean {near[0]}?)")

    def say(self, path: Path, message: str) -> None:
        """Note that something below this mapping is wrong."""
        self.wrong.append(Wrong((*self.path, *path), message))

    def has(self, name: str) -> bool:
        """Whether the field is there."""
        return name in self._value

    def text(self, name: str, default: str = "", *, needed: str = "") -> str:
        """A text; `needed` says why it cannot be left out."""
        if name not in self._value:
            if needed and not self._none:
                self.say((), f"the field {name!r} is missing: {needed}")
            return default
        value = self._value[name]
        if isinstance(value, str) and value.strip():
            return value.strip()
        self.say((name,), f"{name} is {_cut(value)}: a text is needed")
        return default

    def identifier(self, name: str, *, needed: str = "") -> str:
        """A name that SQL takes without quotes."""
        value = self.text(name, needed=needed)
        if value and not IDENTIFIER.fullmatch(value):
            self.say((name,), f"{name} is {_cut(value)}: a letter or _ comes first, then letters, digits and _")
        return value

    def word(self, name: str, allowed: Sequence[str], default: str = "", *, needed: str = "") -> str:
        """One of the `allowed` words."""
        value = self.text(name, default, needed=needed)
        if value in allowed or not value:
            return value
        near = get_close_matches(value, allowed, n=1, cutoff=0.6)
        hint = f" (did you mean {near[0]}?)" if near else ""
        self.say((name,), f"{name} is {_cut(value)}{hint}: allowed are {', '.join(allowed)}")
        return default

    def sql(self, name: str, default: str = "", *, needed: str = "") -> str:
        """One SQL expression; a number or true and false are expressions too."""
        value = self._value.get(name)
        if isinstance(value, (bool, int, float)):
            return str(value).lower()
        text = self.text(name, default, needed=needed)
        return self._expression((name,), text) if name in self._value and text else text

    def _expression(self, path: Path, text: str) -> str:
        found = fault(text)
        if found:
            self.say(path, f"{'.'.join(map(str, path))} is {_cut(text)}: {found}")
        return text

    def expressions(self, name: str, key: str = "sql") -> tuple[str, ...]:
        """SQL expressions: a text, or a list of texts or of mappings with `key`."""
        found = []
        for path, item in self._items(name):
            text = item.get(key) if isinstance(item, Mapping) else item
            if isinstance(text, str) and text.strip():
                found.append(self._expression(path, text.strip()))
            else:
                self.say(path, f"{name} has {_cut(item)}: an SQL condition as text is needed, or {{{key}: condition}}")
        return tuple(found)

    def texts(self, name: str) -> tuple[str, ...]:
        """Texts: one, or a list."""
        found = []
        for path, item in self._items(name):
            if isinstance(item, str) and item.strip():
                found.append(item.strip())
            else:
                self.say(path, f"{name} has {_cut(item)}: a text is needed")
        return tuple(found)

    def _items(self, name: str) -> list[tuple[Path, Any]]:
        value = self._value.get(name)
        if isinstance(value, list):
            return [((name, i), item) for i, item in enumerate(value)]
        return [] if value is None else [((name,), value)]

    def each(self, name: str, known: Sequence[str]) -> list[Fields]:
        """A list of mappings."""
        value = self._value.get(name, [])
        if not isinstance(value, list):
            self.say((name,), f"{name} is {_cut(value)}: a list is needed, of mappings with {', '.join(known)}")
            return []
        return [Fields(item, (*self.path, name, i), known, self.wrong) for i, item in enumerate(value)]


def told(wrong: Sequence[Wrong]) -> None:
    """Raise everything that was noted, if anything was."""
    if wrong:
        raise ExceptionGroup("wrong fields", wrong)


def _cut(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"

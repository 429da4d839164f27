"""Inputs as people write them: a list of `{ref: kind.name}`, plain names, or a mapping of alias to name.

Decides which nodes are meant and by which extra words SQL may call them. Does not know whether they exist.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from seeknal import kinds
from seeknal.model.lowering import Wrong

_ID = re.compile(r"[a-z_]+\.[A-Za-z_][A-Za-z0-9_-]*")
_CALL = re.compile(r"""ref\(\s*(['"])(.*)\1\s*\)""")
_TAKEN = re.compile(r"input_\d+|__THIS__", re.IGNORECASE)


class Named(NamedTuple):
    """Input ids in their order (one may stand twice), and aliases -> id."""

    ids: tuple[str, ...]
    aliases: dict[str, str]


def inputs_of(kind: str, fields: Mapping[str, Any]) -> Named:
    """The inputs of a declaration: `inputs`, where these are nodes for its kind, else `depends_on`. Raises Wrong."""
    of_nodes = fields.get("inputs") and not hasattr(kinds.get(kind), "OWN_INPUTS")
    field = "inputs" if of_nodes else "depends_on"
    value = fields.get(field)
    if value is None:
        return Named((), {})
    if isinstance(value, str) or (
        isinstance(value, Mapping) and "ref" in value and value.keys() <= {"ref", "as", "name"}
    ):
        value = [value]
    if isinstance(value, Mapping):
        pairs = [(_alias(alias, (field, alias)), _id(item, (field, alias))) for alias, item in value.items()]
        return Named(tuple(name for _, name in pairs), dict(pairs))
    if not isinstance(value, list):
        raise Wrong((field,), f"{field} is a list: {field}: [{{ref: source.orders}}]")
    return _listed(value, field)


def _listed(value: list[Any], field: str) -> Named:
    ids = [_id(item, (field, i)) for i, item in enumerate(value)]
    aliases: dict[str, str] = {}
    for i, (item, name) in enumerate(zip(value, ids, strict=True)):
        word = next((item[key] for key in ("as", "name") if item.get(key)), None) if isinstance(item, Mapping) else None
        if word is None:
            continue
        alias = _alias(word, (field, i))
        if aliases.setdefault(alias, name) != name:
            raise Wrong((field, i), f"{alias} stands for {aliases[alias]} already: give this input a word of its own")
    return Named(tuple(ids), aliases)


def _alias(word: Any, path: tuple[str | int, ...]) -> str:
    if isinstance(word, str) and word.strip() and "." not in word and not _TAKEN.fullmatch(word):
        return word
    raise Wrong(path, f"an input cannot be called {word!r}: take a word of your own, without a dot")


def _id(item: Any, path: tuple[str | int, ...]) -> str:
    text = item.get("ref") if isinstance(item, Mapping) else item
    if isinstance(text, str):
        text = text.strip().removeprefix("ref:").strip()
        call = _CALL.fullmatch(text)
        text = call[2].strip() if call else text
        if _ID.fullmatch(text):
            return text
    raise Wrong(path, f"{text!r} is not an input: write {{ref: kind.name}}, as in {{ref: source.orders}}")

"""Inputs as people write them: a list of `{ref: kind.name}`, plain names, or a mapping of alias to name.

Decides which nodes are meant and by which extra words SQL may call them. Does not know whether they exist.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from seeknal.model.lowering import Wrong

_ID = re.compile(r"[a-z_]+\.[A-Za-z_][A-Za-z0-9_-]*")


class Named(NamedTuple):
    """Input ids in their order (one may stand twice), and aliases -> id."""

    ids: tuple[str, ...]
    aliases: dict[str, str]


def inputs_of(fields: Mapping[str, Any]) -> Named:
    """The inputs of a declaration: `inputs`, else `depends_on`. Raises Wrong."""
    field = "inputs" if fields.get("inputs") else "depends_on"
    value = fields.get(field)
    if value is None:
        return Named((), {})
    if isinstance(value, Mapping):
        pairs = [(str(alias), _id(item, (field, str(alias)))) for alias, item in value.items()]
        return Named(tuple(name for _, name in pairs), dict(pairs))
    if not isinstance(value, list):
        raise Wrong((field,), f"{field} is a list: {field}: [{{ref: source.orders}}]")
    return _listed(value, field)


def _listed(value: list[Any], field: str) -> Named:
    ids = [_id(item, (field, i)) for i, item in enumerate(value)]
    aliases = {
        str(item.get("as", item.get("name"))): name
        for item, name in zip(value, ids, strict=True)
        if isinstance(item, Mapping) and ("as" in item or "name" in item)
    }
    return Named(tuple(ids), aliases)


def _id(item: Any, path: tuple[str | int, ...]) -> str:
    text = item.get("ref") if isinstance(item, Mapping) else item
    if isinstance(text, str):
        text = text.strip().removeprefix("ref:").strip()
        if _ID.fullmatch(text):
            return text
    raise Wrong(path, f"{text!r} is not an input: write {{ref: kind.name}}, as in {{ref: source.orders}}")

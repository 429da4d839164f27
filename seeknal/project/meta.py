"""What a node says for people and for choosing nodes: description, owner, tags, texts of columns.

Decides the forms in which these may be written. Nothing of this is ever in a key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seeknal.model.digest import canonical, digest_of, plain
from seeknal.model.lowering import Wrong
from seeknal.project.declaration import Declaration

META = ("description", "owner", "tags", "columns")
# Of these, only whether they changed is kept: they are functional in some kinds and notes in others.
_DIGESTED = ("entity", "features", "audits", "materialization", "materializations")


def tags_of(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """The tags of a node: a list of words, or one word. Raises Wrong."""
    tags = fields.get("tags")
    if tags is None:
        return ()
    if isinstance(tags, str):
        return (tags,)
    if isinstance(tags, list) and all(isinstance(tag, (str, int, float)) for tag in tags):
        return tuple(dict.fromkeys(_word(tag) for tag in tags))
    raise Wrong(("tags",), "tags is a list of words: tags: [daily, finance]")


def _word(tag: str | float) -> str:
    return str(tag).lower() if isinstance(tag, bool) else str(tag)


def with_columns(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with `columns` as a mapping: a list of names or of `{name, dtype, description}` is one too. Raises Wrong."""
    columns = fields.get("columns")
    if isinstance(columns, Mapping):
        _whole_types(columns)
    if columns is None or isinstance(columns, Mapping):
        return {name: value for name, value in fields.items() if name != "columns" or value is not None}
    if not isinstance(columns, list):
        raise Wrong(("columns",), "columns is a mapping of names: columns: {id: BIGINT, city: where it was}")
    return {**fields, "columns": dict(_column(item, i) for i, item in enumerate(columns))}


def _whole_types(columns: Mapping[str, Any]) -> None:
    """`{fare: DECIMAL(8,2)}` is two members for YAML: raise Wrong rather than lose the type."""
    for name, type_ in columns.items():
        if isinstance(type_, str) and type_.count("(") > type_.count(")"):
            text = f'the type of {name} is cut off at its comma: quote it, as in {{{name}: "DECIMAL(8,2)"}}'
            raise Wrong(("columns", name), text)


def _column(item: Any, index: int) -> tuple[str, Any]:
    if isinstance(item, str):
        return item, ""
    if isinstance(item, Mapping) and isinstance(item.get("name"), str):
        return item["name"], {name: value for name, value in item.items() if name != "name"}
    raise Wrong(("columns", index), "an item of columns is a name, or {name: id, dtype: BIGINT, description: ...}")


def meta_of(declaration: Declaration, fields: Mapping[str, Any]) -> dict[str, Any]:
    """What of the node is shown to people and compared by `plan`, as plain data."""
    meta = {name: plain(fields[name]) for name in META if fields.get(name)}
    meta |= {name: digest_of(canonical(plain(fields[name]))) for name in _DIGESTED if fields.get(name)}
    text = declaration.fields.get("transform", declaration.fields.get("sql", ""))
    return {**meta, "text": digest_of(canonical(plain(text)))}

"""Secrets in a declaration: fields that may hold them keep the names of environment variables, not their values.

Decides what of such a field becomes part of the definition, and so of the key. The values go beside it, for execution only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_ENV = re.compile(r"\{\{\s*env\s*[:(]")


def apart(
    names: Iterable[str], written: Mapping[str, Any], fields: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """`fields` with the named ones (there or under `params`) as they may be shown, and these with their values.

    `written` are the fields before templates were expanded.
    """
    names = tuple(names)
    shown, values = _split(names, written, fields)
    params, before = fields.get("params"), written.get("params")
    if isinstance(params, Mapping) and isinstance(before, Mapping):
        shown["params"], inner = _split(names, before, params)
        values |= inner
    return shown, values


def _split(
    names: tuple[str, ...], written: Mapping[str, Any], fields: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    secret = {name: value for name, value in fields.items() if name in names and value is not None}
    return {**fields, **{name: _told(written.get(name), value) for name, value in secret.items()}}, secret


def _told(written: Any, value: Any) -> Any:
    """A value as it may be shown: as it was written, where an environment variable is part of it."""
    if isinstance(written, str):
        return written if _ENV.search(written) else value
    if isinstance(written, Mapping) and isinstance(value, Mapping):
        return {name: _told(written.get(name), item) for name, item in value.items()}
    return value

"""What a node remembers between its runs: a small JSON document of its own.

Decides nothing about when it is kept: the build does, once the node's rows are stored, so a node that fails leaves its state
as it was. State never enters an action key: a node whose inputs did not change is not run for the sake of its state.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


class PipelineState:
    """`ctx.state`: values by name."""

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self._values = dict(values or {})
        self._before = self.document()

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of `key`, or `default`."""
        return self._values.get(key, default)

    def set(self, key: str, value: Any) -> None:
        """Remember plain data; dates become their text, numpy's numbers become numbers. Raises TypeError."""
        self._values[str(key)] = json.loads(json.dumps(value, default=_plain))

    def delete(self, key: str) -> None:
        """Forget `key`."""
        self._values.pop(key, None)

    def save(self) -> None:
        """Nothing more: what was set is kept once the node has succeeded, all of it, and nothing if it fails."""

    def document(self) -> str:
        """All values as JSON."""
        return json.dumps(self._values, sort_keys=True)

    def changed(self) -> str | None:
        """The document, or None if it is what it was."""
        now = self.document()
        return now if now != self._before else None


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(
        f"ctx.state.set(): a value of type {type(value).__name__} is no plain data (text, number, list, map)"
    )

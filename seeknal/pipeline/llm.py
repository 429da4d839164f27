"""The language model helper of the tool that these projects were written for: named here, and not part of this one.

Decides only what a node that uses it is told.
"""

from __future__ import annotations

from typing import Any

_TEXT = (
    "seeknal has no language model helper (ctx.llm, PipelineLLM): call a model's own package in the node, "
    "and name the package in the file's script header"
)


class PipelineLLM:
    """Nothing can be made of it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        raise NotImplementedError(_TEXT)

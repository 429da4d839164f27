"""Engines run recipes: one file for each, and the file's name is the word in `Recipe.engine`.

An engine decides what its action is (`prepare`) and produces one Parquet file (`run`). It never looks into the store,
never decides whether to run.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol

from seeknal.engines.base import Engine, Setting


class _Module(Protocol):
    def open_engine(self, setting: Setting) -> Engine: ...


class Engines:
    """The engines of one session, opened when first needed."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._open: dict[str, Engine] = {}

    def get(self, name: str) -> Engine:
        """The engine called `name`."""
        if name not in self._open:
            module: Any = import_module(f"{__name__}.{name}")
            self._open[name] = module.open_engine(self._setting)
        return self._open[name]

    def close(self) -> None:
        """Stop what runs and let go of what is held."""
        for engine in [*self._open.values()]:
            engine.close()

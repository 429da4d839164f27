"""`profiles.yml`: connections and defaults. So far only its form is read: nothing connects yet.

Decides what a profile file may look like. Never shows a value of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seeknal.errors import Problem, ProjectError
from seeknal.project.yaml_reader import read_yaml

_SECTIONS = ("connections", "source_defaults")


def read_profile(data: bytes, file: str) -> Mapping[str, Any]:
    """The sections of a profile file. Raises ProjectError."""
    document = read_yaml(data, file)
    value = document.value if document.value is not None else {}
    if not isinstance(value, Mapping):
        text = "the file is not a mapping: write connections: {name: {type: postgresql, host: ...}}"
        raise ProjectError([Problem(file, document.lines.get((), 1), text, "wrong_profile")])
    problems = [
        Problem(file, document.lines.get((name,), 1), f"{name} is not a mapping of names", "wrong_profile")
        for name in _SECTIONS
        if not isinstance(value.get(name) or {}, Mapping)
    ]
    if problems:
        raise ProjectError(problems)
    return value

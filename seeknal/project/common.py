"""`seeknal/common/`: shared definitions that templates may use, flattened to `id.key` -> text.

Decides what the three files may say. Expansion is `template`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from seeknal.errors import Problem, ProjectError
from seeknal.project.yaml_reader import Document, read_yaml

_LISTS = {"sources": ("sources", "ref"), "rules": ("rules", "value"), "transformations": ("transformations", "sql")}
_PREFIX = {"rules": "rules.", "transformations": "transforms."}


class _Files(Protocol):
    def read(self, path: str) -> bytes | None: ...


def read_common(files: _Files) -> dict[str, str]:
    """All shared values. Raises ProjectError."""
    found: dict[str, str] = {}
    problems: list[Problem] = []
    for name, (key, field) in _LISTS.items():
        path = f"seeknal/common/{name}.yml"
        data = files.read(path)
        if data is None:
            continue
        try:
            document = read_yaml(data, path)
            _entries(document, path, key, field, found, problems)
        except ProjectError as error:
            problems.extend(error.problems)
    if problems:
        raise ProjectError(problems)
    return found


def _entries(doc: Document, path: str, key: str, field: str, found: dict[str, str], problems: list[Problem]) -> None:
    entries = doc.value.get(key) if isinstance(doc.value, Mapping) else None
    if not isinstance(entries, list):
        problems.append(Problem(path, 1, f"the file holds one list called {key}", "common"))
        return
    for i, entry in enumerate(entries):
        line = doc.lines.get((key, i), 1)
        if not isinstance(entry, Mapping) or not str(entry.get("id") or "").strip() or field not in entry:
            problems.append(Problem(path, line, f"an entry of {key} needs id and {field}", "common"))
            continue
        found.update(_flat(entry, key, field))


def _flat(entry: Mapping[str, Any], key: str, field: str) -> dict[str, str]:
    name = str(entry["id"]).strip()
    if key in _PREFIX:
        return {f"{_PREFIX[key]}{name}": str(entry[field])}
    params = entry.get("params")
    values = {f"{name}.{word}": str(value) for word, value in params.items()} if isinstance(params, Mapping) else {}
    return {**values, f"{name}.ref": str(entry["ref"])}

"""`seeknal/common/`: shared definitions that templates may use, flattened to `id.key` -> value.

Decides what the three files may say. Expansion is `template`'s business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple, Protocol

from seeknal.errors import Problem, ProjectError
from seeknal.project.yaml_reader import Document, Path, read_yaml


class _Shape(NamedTuple):
    """What one file holds: the name of its list, the field that an entry needs besides id, and the word before the id."""

    key: str
    field: str
    prefix: str = ""


_FILES = {
    "sources": _Shape("sources", "ref"),
    "rules": _Shape("rules", "value", "rules."),
    "transformations": _Shape("transformations", "sql", "transforms."),
}


class _Files(Protocol):
    def read(self, path: str) -> bytes | None: ...


def read_common(files: _Files) -> dict[str, Any]:
    """All shared values: texts, numbers and truths. Raises ProjectError."""
    reader = _Reader()
    for name, shape in _FILES.items():
        for path in (f"seeknal/common/{name}.yml", f"seeknal/common/{name}.yaml"):
            data = files.read(path)
            if data is not None:
                reader.file(path, data, shape)
    if reader.problems:
        raise ProjectError(reader.problems)
    return reader.found


class _Reader:
    """Collects values, where each stands, and problems."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}
        self.problems: list[Problem] = []
        self._places: dict[str, str] = {}

    def file(self, path: str, data: bytes, shape: _Shape) -> None:
        """Read one file."""
        try:
            document = read_yaml(data, path)
        except ProjectError as error:
            self.problems.extend(error.problems)
            return
        if document.value is None:
            return
        entries = document.value.get(shape.key, ()) if isinstance(document.value, Mapping) else ()
        if not isinstance(entries, list) and entries is not None:
            self._say(document, path, (), f"the file holds one list called {shape.key}")
            return
        for i, entry in enumerate(entries or []):
            self._entry(document, path, (shape.key, i), entry, shape)

    def _entry(self, doc: Document, path: str, at: Path, entry: Any, shape: _Shape) -> None:
        whole = isinstance(entry, Mapping) and str(entry.get("id") or "").strip() and entry.get(shape.field) is not None
        if not whole:
            self._say(doc, path, at, f"an entry of {shape.key} needs id and {shape.field}")
            return
        for name in entry:
            near = get_close_matches(name, ("params", shape.field, "id"), n=1, cutoff=0.8)
            if near and name != near[0]:
                self._say(doc, path, (*at, name), f"unknown field {name!r} (did you mean {near[0]}?)")
        for name, value, where in _flat(entry, shape):
            self._value(doc, path, (*at, *where), name, value)

    def _value(self, doc: Document, path: str, at: Path, name: str, value: Any) -> None:
        place = f"{path}:{_line(doc, at)}"
        if not isinstance(value, (str, int, float)):
            self._say(doc, path, at, f"{name} is no single value: a text, a number, true or false is needed")
        elif self._places.setdefault(name, place) != place:
            self._say(doc, path, at, f"{name} is there already, at {self._places[name]}: rename one")
        self.found[name] = value

    def _say(self, doc: Document, path: str, at: Path, message: str) -> None:
        self.problems.append(Problem(path, _line(doc, at), message, "common"))


def _flat(entry: Mapping[str, Any], shape: _Shape) -> Iterator[tuple[str, Any, Path]]:
    """The values of an entry: name, value, path."""
    name = str(entry["id"]).strip()
    if shape.prefix:
        yield f"{shape.prefix}{name}", entry[shape.field], (shape.field,)
        return
    yield f"{name}.{shape.field}", entry[shape.field], (shape.field,)
    params = entry.get("params")
    if isinstance(params, Mapping):
        yield from ((f"{name}.{word}", value, ("params", word)) for word, value in params.items())
    elif params is not None:
        yield f"{name}.params", params if isinstance(params, list) else [params], ("params",)


def _line(document: Document, path: Path) -> int:
    return next((document.lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in document.lines), 1)

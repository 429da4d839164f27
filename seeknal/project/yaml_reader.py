"""Reading YAML from its events: plain data, the line of every part, and every problem with what to do about it.

Decides what a YAML file of a project may be: one document of the core schema (YAML 1.2), at most 64 levels deep, at most a
million values with its aliases written out, no key twice, no tags of other languages. PyYAML's constructors are never
called: they crash on deep nesting, take the last of two equal keys, and guess sexagesimal numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml
from yaml import events as ev

from seeknal.errors import Problem, ProjectError

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEPTH, _VALUES, _BYTES = 64, 1_000_000, 16 << 20
_CORE = "tag:yaml.org,2002:"
_TAGS = ("str", "int", "float", "bool", "null", "map", "seq")

_NULL = ("", "~", "null", "Null", "NULL")
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)|0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_DIGITS = 4000

Path = tuple[str | int, ...]


class Document(NamedTuple):
    """The value of a file, and for the path of each part its line (for a mapping's value: the line of its key)."""

    value: Any
    lines: dict[Path, int]


class _Stop(Exception):
    """Nothing after this problem can be read."""


def read_yaml(data: bytes, file: str) -> Document:
    """The one document of a YAML file; an empty file is None. Raises ProjectError with all problems found."""
    reader = _Reader(file)
    try:
        value = reader.document(_text(data, reader))
    except _Stop:
        value = None
    if reader.problems:
        raise ProjectError(reader.problems)
    return Document(value, reader.lines)


def _text(data: bytes, reader: _Reader) -> str:
    if len(data) > _BYTES:
        reader.stop(1, f"the file has {len(data):,} bytes: at most {_BYTES:,} are read", "yaml_too_large")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        reader.stop(line, "the file is not UTF-8: save it as UTF-8", "yaml_encoding")
        raise


class _Reader:
    """The state of reading one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.lines: dict[Path, int] = {}
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._open: set[str] = set()
        self._values = 0

    def say(self, line: int, message: str, reason: str) -> None:
        self.problems.append(Problem(self.file, line, message, reason))

    def stop(self, line: int, message: str, reason: str) -> None:
        self.say(line, message, reason)
        raise _Stop

    def document(self, text: str) -> Any:
        """Read the only document of `text`."""
        stream = self._events(text)
        value, seen = None, False
        for event in stream:
            if isinstance(event, ev.DocumentStartEvent):
                if seen:
                    self.stop(_line(event), "a second document begins here: one file holds one node", "yaml_documents")
                seen = True
                value = self._value(next(stream), stream, (), 1)
        return value

    def _events(self, text: str) -> Iterator[Any]:
        try:
            yield from yaml.parse(text, Loader=_LOADER)
        except yaml.YAMLError as error:
            self.stop(*_told(error))
        except RecursionError:
            self.stop(1, f"the file is nested deeper than {_DEPTH} levels", "yaml_too_deep")

    def _value(self, event: Any, stream: Iterator[Any], path: Path, depth: int) -> Any:
        line = _line(event)
        self.lines.setdefault(path, line)
        if isinstance(event, ev.AliasEvent):
            return self._alias(event.anchor, line)
        self._count(1, line)
        if depth > _DEPTH:
            self.stop(line, f"nested deeper than {_DEPTH} levels: make it flatter", "yaml_too_deep")
        self._tag(event.tag, line)
        if isinstance(event, ev.ScalarEvent):
            return self._named(event.anchor, self._scalar(event, line), 1)
        if event.anchor:
            self._open.add(event.anchor)
        before = self._values
        is_list = isinstance(event, ev.SequenceStartEvent)
        value = self._list(stream, path, depth) if is_list else self._mapping(stream, path, depth)
        return self._named(event.anchor, value, self._values - before + 1)

    def _named(self, anchor: str | None, value: Any, size: int) -> Any:
        if anchor:
            self._open.discard(anchor)
            self._anchors[anchor] = (value, size)
        return value

    def _alias(self, anchor: str | None, line: int) -> Any:
        if anchor in self._open:
            self.stop(line, f"*{anchor} stands inside of &{anchor}: an alias cannot hold itself", "yaml_alias")
        if anchor is None or anchor not in self._anchors:
            self.stop(line, f"*{anchor} is unknown: write &{anchor} before it", "yaml_alias")
        value, size = self._anchors[str(anchor)]
        self._count(size, line)
        return value

    def _count(self, size: int, line: int) -> None:
        self._values += size
        if self._values > _VALUES:
            self.stop(line, f"more than {_VALUES:,} values (aliases written out)", "yaml_too_large")

    def _tag(self, tag: str | None, line: int) -> None:
        if tag and tag != "!" and not (tag.startswith(_CORE) and tag[len(_CORE) :] in _TAGS):
            self.stop(
                line, f"the tag {tag!r} is not allowed: only {', '.join(f'!!{t}' for t in _TAGS)} are", "yaml_tag"
            )

    def _list(self, stream: Iterator[Any], path: Path, depth: int) -> list[Any]:
        found: list[Any] = []
        for event in stream:
            if isinstance(event, ev.SequenceEndEvent):
                break
            found.append(self._value(event, stream, (*path, len(found)), depth + 1))
        return found

    def _mapping(self, stream: Iterator[Any], path: Path, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        first: dict[str, int] = {}
        for event in stream:
            if isinstance(event, ev.MappingEndEvent):
                break
            line = _line(event)
            name = self._key(event, line)
            if name in first:
                text = f"the key {name!r} stands here and in line {first[name]}: keep one"
                self.say(line, text, "yaml_duplicate_key")
            self.lines[(*path, name)] = line
            value = self._value(next(stream), stream, (*path, name), depth + 1)
            if name == "<<" and not event.style:
                merged = {**self._merge(value, line), **merged}
            else:
                first[name] = line
                found[name] = value
        return {**merged, **found}

    def _key(self, event: Any, line: int) -> str:
        if isinstance(event, ev.AliasEvent):
            value = self._alias(event.anchor, line)
            if isinstance(value, str):
                return value
        if not isinstance(event, ev.ScalarEvent):
            self.stop(line, "a key is a list or a mapping: keys are words", "yaml_key")
        self._count(1, line)
        self._tag(event.tag, line)
        return self._named(event.anchor, str(event.value), 1)  # type: ignore[no-any-return]

    def _merge(self, value: Any, line: int) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for part in value if isinstance(value, list) else [value]:
            if not isinstance(part, dict):
                self.say(line, "<< takes a mapping or a list of mappings", "yaml_merge")
                return {}
            merged = {**part, **merged}
        return merged

    def _scalar(self, event: Any, line: int) -> Any:
        text, tag = event.value, (event.tag or "").removeprefix(_CORE)
        if tag == "str" or event.tag == "!" or (event.style and not tag):
            return text
        value = _resolved(text)
        if tag in ("int", "float", "bool", "null") and not _fits(tag, value):
            self.say(line, f"{text!r} is no !!{tag}", "yaml_tag")
        if isinstance(value, _TooLong):
            self.stop(line, f"a number of {len(text):,} digits: write it as a text, in quotes", "yaml_number")
        return value


class _TooLong:
    """A number that nobody means."""


def _fits(tag: str, value: Any) -> bool:
    kinds = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}
    return isinstance(value, kinds[tag]) and (tag == "bool" or not isinstance(value, bool))  # type: ignore[arg-type]


def _resolved(text: str) -> Any:
    """A plain scalar by the core schema of YAML 1.2 (section 10.3.2); a number with a leading zero stays text."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if not (text[0].isdigit() or text[0] in "+-."):
        return text
    if len(text) > _DIGITS and _INT.fullmatch(text):
        return _TooLong()
    if _INT.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    return float(text.replace(".", "", 1)) if _SPECIAL.fullmatch(text) else text


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _told(error: yaml.YAMLError) -> tuple[int, str, str]:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if isinstance(error, yaml.reader.ReaderError):
        return 1, f"the character at position {error.position} is not allowed in YAML: remove it", "yaml_encoding"
    what = getattr(error, "problem", None) or str(error).splitlines()[0]
    where = f", column {mark.column + 1}" if mark else ""
    return (mark.line + 1 if mark else 1), f"not YAML{where}: {what}", "yaml_syntax"

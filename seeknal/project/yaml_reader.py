r"""Reading YAML from its events: plain data, the line of every part, and every problem with what to do about it.

Decides what a YAML file of a project may be: documents of the core schema (YAML 1.2), at most 64 levels deep and a
million values large with its aliases written out, no key twice, no tags of other languages, no invisible line breaks.
PyYAML's constructors are never called: they crash on deep nesting, take the last of two equal keys, and guess
sexagesimal numbers. Never opens a file and never looks at what the words mean.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

import yaml
from yaml import events as ev

from seeknal.errors import Problem, ProjectError
from seeknal.project.yaml_errors import told
from seeknal.project.yaml_scalars import cut, resolved

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEPTH, _VALUES, _BYTES, _PROBLEMS = 64, 1_000_000, 16 << 20, 100
# What aliases may add: this many values, or this many times the events of the file.
_ALIASED, _TIMES = 10_000, 10
_CORE = "tag:yaml.org,2002:"
_TAGS: dict[str, Any] = {
    **dict.fromkeys(("str", "int", "float", "bool", "null"), ev.ScalarEvent),
    "map": ev.MappingStartEvent,
    "seq": ev.SequenceStartEvent,
}
# Beside control characters: NEL, LS and PS, which begin a new line for libyaml and for no editor; a BOM amid the text.
_HIDDEN = re.compile("[^\t\n\r -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
# What an escape ("\0") may smuggle into a value and no file, database or terminal takes.
_NO_TEXT = re.compile("[\0\ud800-\udfff]")

Path = tuple[str | int, ...]


class Document(NamedTuple):
    """The value of a document, and for the path of each part its line (for a mapping's value: the line of its key).

    `()` is the document's line. A text that begins below its key has the line of its first word at `(*path, 0)`.
    What comes through `<<` has the line of the `<<`; what is inside of an alias has none.
    """

    value: Any
    lines: dict[Path, int]


class _Anchor(NamedTuple):
    """What an alias stands for: its value, how many values that is, and how many levels are below it."""

    value: Any
    size: int
    height: int


class _Stop(Exception):
    """Nothing after this problem can be read."""


def read_yaml(data: bytes, file: str) -> Document:
    """The one document of a YAML file; an empty file is None. Raises ProjectError with all problems found."""
    found = _documents(data, file, 1)
    return found[0] if found else Document(None, {(): 1})


def read_documents(data: bytes, file: str) -> list[Document]:
    """The documents of a YAML file, `---` between them; empty ones do not count. Raises ProjectError."""
    return [document for document in _documents(data, file, _VALUES) if document.value is not None]


def _documents(data: bytes, file: str, most: int) -> list[Document]:
    reader = _Reader(file)
    with contextlib.suppress(_Stop):
        reader.documents(_text(data, reader), most)
    if reader.problems:
        raise ProjectError(reader.problems)
    return reader.found


def _text(data: bytes, reader: _Reader) -> str:
    if len(data) > _BYTES:
        text = f"the file has {len(data):,} bytes: at most {_BYTES:,} are read, split it"
        reader.stop(1, text, "yaml_too_large")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        reader.stop(line, "the file is not UTF-8: save it as UTF-8", "yaml_encoding")
    hidden = _HIDDEN.search(text)
    if hidden:
        line = text.count("\n", 0, hidden.start()) + 1
        what = f"the invisible character U+{ord(hidden[0]):04X} stands here: remove it, or save the file as UTF-8"
        reader.stop(line, what, "yaml_encoding")
    return text


class _Reader:
    """The state of reading one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.found: list[Document] = []
        self.lines: dict[Path, int] = {}
        self._anchors: dict[str, _Anchor] = {}
        self._open: set[str] = set()
        self._events_seen = self._values = self._deepest = 0
        self._aliased, self._largest = 0, (0, 1)

    def say(self, line: int, message: str, reason: str) -> None:
        """Note a problem; stop after too many of them."""
        self.problems.append(Problem(self.file, line, message, reason))
        if len(self.problems) >= _PROBLEMS:
            raise _Stop

    def stop(self, line: int, message: str, reason: str) -> NoReturn:
        """Note a problem after which nothing can be read."""
        self.say(line, message, reason)
        raise _Stop

    def documents(self, text: str, most: int) -> None:
        """Read the documents of `text`; more than `most` are a problem."""
        stream = self._events(text)
        for event in stream:
            if isinstance(event, ev.DocumentStartEvent):
                if len(self.found) == most:
                    self.stop(_line(event), "a second document begins here: this file holds one", "yaml_documents")
                self.lines, self._anchors = {}, {}
                self.found.append(Document(self._value(next(stream), stream, (), 1), self.lines))
        if self._aliased > max(_ALIASED, _TIMES * self._events_seen):
            text = f"the aliases of this file stand for {self._aliased:,} values: write less of them"
            self.say(self._largest[1], text, "yaml_alias")

    def _events(self, text: str) -> Iterator[Any]:
        try:
            for event in yaml.parse(text, Loader=_LOADER):
                self._events_seen += 1
                yield event
        except yaml.YAMLError as error:
            self.stop(*told(error))
        except (ValueError, OverflowError):  # PyYAML without its C part, at an escape beyond Unicode
            self.stop(1, 'not YAML: an escape such as "\\U00110000" is no character: correct it', "yaml_syntax")

    def _value(self, event: Any, stream: Iterator[Any], path: Path, depth: int) -> Any:
        line = _line(event)
        self.lines.setdefault(path, line)
        if isinstance(event, ev.AliasEvent):
            return self._alias(str(event.anchor), line, depth)
        self._count(1, line, depth)
        self._tag(event, line)
        if isinstance(event, ev.ScalarEvent):
            if line + (event.style in ("|", ">")) != self.lines[path]:
                self.lines[(*path, 0)] = line + (event.style in ("|", ">"))
            return self._named(event.anchor, _Anchor(self._scalar(event, line), 1, 0))
        return self._collection(event, stream, path, depth)

    def _collection(self, event: Any, stream: Iterator[Any], path: Path, depth: int) -> Any:
        if event.anchor:
            self._open.add(event.anchor)
        before, outer, self._deepest = self._values, self._deepest, depth
        read = self._list if isinstance(event, ev.SequenceStartEvent) else self._mapping
        value = read(stream, path, depth)
        height, self._deepest = self._deepest - depth, max(outer, self._deepest)
        return self._named(event.anchor, _Anchor(value, self._values - before + 1, height))

    def _named(self, name: str | None, anchor: _Anchor) -> Any:
        if name:
            self._open.discard(name)
            self._anchors[name] = anchor
        return anchor.value

    def _alias(self, name: str, line: int, depth: int) -> Any:
        if name in self._open:
            text = f"*{cut(name)} stands inside of &{cut(name)}: an alias cannot hold itself, write it out"
            self.stop(line, text, "yaml_alias")
        if name not in self._anchors:
            self.stop(line, f"*{cut(name)} is unknown: write &{cut(name)} before it", "yaml_alias")
        value, size, height = self._anchors[name]
        self._aliased += size
        self._largest = max(self._largest, (size, line), key=lambda found: found[0])
        self._count(size, line, depth + height)
        return value

    def _count(self, size: int, line: int, depth: int) -> None:
        self._values += size
        self._deepest = max(self._deepest, depth)
        if self._values > _VALUES:
            self.stop(line, f"more than {_VALUES:,} values, aliases written out: split the file", "yaml_too_large")
        if depth > _DEPTH:
            self.stop(line, f"nested deeper than {_DEPTH} levels: make it flatter", "yaml_too_deep")

    def _tag(self, event: Any, line: int) -> None:
        if event.tag in (None, "", "!"):
            return
        word = event.tag.removeprefix(_CORE)
        if word == event.tag or word not in _TAGS:
            shown, known = event.tag.replace(_CORE, "!!"), ", ".join(f"!!{tag}" for tag in _TAGS)
            self.say(line, f"the tag {cut(shown)!r} is not allowed: leave it out (known are {known})", "yaml_tag")
        elif not isinstance(event, _TAGS[word]):
            self.say(line, f"!!{word} stands before a value of another kind: leave it out", "yaml_tag")

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
            line, name = _line(event), self._key(event, depth)
            self._first(name, line, first)
            self.lines[(*path, name)] = line
            value = self._value(next(stream), stream, (*path, name), depth + 1)
            if name == "<<" and _is_plain(event):
                merged = self._merge(value, line, path)
            else:
                found[name] = value
        return {**merged, **found} if merged else found

    def _first(self, name: str, line: int, first: dict[str, int]) -> None:
        if name in first:
            text = f"the key {cut(name)!r} stands here and in line {first[name]}: keep one"
            self.say(line, text, "yaml_duplicate_key")
        first.setdefault(name, line)

    def _key(self, event: Any, depth: int) -> str:
        line = _line(event)
        if isinstance(event, ev.AliasEvent):
            value = self._alias(str(event.anchor), line, depth)
            if isinstance(value, str):
                return value
            self.stop(line, f"the key *{cut(str(event.anchor))} does not stand for a text: write it out", "yaml_key")
        if not isinstance(event, ev.ScalarEvent):
            self.stop(line, "a key is a list or a mapping: write a word", "yaml_key")
        self._count(1, line, depth)
        self._tag(event, line)
        self._check(event.value, line)
        return str(self._named(event.anchor, _Anchor(event.value, 1, 0)))

    def _merge(self, value: Any, line: int, path: Path) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for part in value if isinstance(value, list) else [value]:
            if not isinstance(part, dict):
                self.say(line, "<< takes a mapping or a list of mappings: write <<: *name", "yaml_merge")
                return {}
            for key, item in part.items():
                merged.setdefault(key, item)
                self.lines.setdefault((*path, key), line)
        return merged

    def _check(self, text: str, line: int) -> None:
        found = _NO_TEXT.search(text)
        if found:
            self.say(line, f"an escape stands for U+{ord(found[0]):04X}: remove it", "yaml_encoding")

    def _scalar(self, event: Any, line: int) -> Any:
        text, tag = event.value, (event.tag or "").removeprefix(_CORE)
        self._check(text, line)
        if tag in ("str", "!") or (event.style and not tag):
            return text
        try:
            return resolved(text, tag)
        except TypeError:
            self.say(line, f"{cut(text)!r} is no !!{tag}: correct it, or leave the tag out", "yaml_tag")
        except (ValueError, OverflowError):
            self.say(line, f"the number {cut(text)} is too large: write it as a text, in quotes", "yaml_number")
        return None


def _is_plain(event: Any) -> bool:
    return isinstance(event, ev.ScalarEvent) and not event.style and not event.tag


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1

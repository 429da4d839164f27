"""Why: the difference of two action documents as data, and as words.

Decides what counts as a reason and how it reads. Pure: both documents are given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from seeknal.errors import concealed
from seeknal.model.node import Schema


class Reason(NamedTuple):
    """A machine's word, the thing that it is about, and what exactly changed."""

    word: str
    subject: str = ""
    detail: str = ""

    def document(self) -> dict[str, str]:
        """As plain data."""
        return {"reason": self.word, "subject": self.subject, "detail": concealed(self.detail)}


_TEXT = {
    "first_build": "never built before",
    "definition_changed": "{subject} changed{detail}",
    "engine_changed": "the engine changed{detail}",
    "clock_changed": "the date changed{detail}",
    "file_changed": "file {subject} changed",
    "input_added": "{subject} is a new input",
    "input_removed": "{subject} is no longer an input",
    "column_changed": "{subject} changed",
    "column_read": "{subject} is now read",
    "column_unread": "{subject} is no longer read",
    "rows_changed": "{subject} has other rows{detail}",
    "artifact_missing": "the output is missing from the store",
    "artifact_damaged": "the stored output was damaged",
    "export_missing": "the exported file is missing",
    "export_changed": "the exported file is not what was written",
    "table_missing": "its table is not there any more",
    "table_changed": "its table is not what was written",
    "far_unknown": "its table cannot be asked what it holds",
    "forced": "asked for (--full)",
    "data_changed": "what it is read from has changed{detail}",
    "place_changed": "its connection leads to another place",
    "read_again": "read in every run: without a probe, nothing tells whether it has changed",
    "restated": "marked to be built again",
    "new_interval": "a new interval",
    "no_interval": "{subject}",
    "shared": "the same work as {subject}",
    "input_may_change": "{subject} is being built",
    "input_failed": "{subject} failed",
    "input_unpublished": "{subject} is left out and was never published",
    "reused": "built before, found in the store",
    "wrong_definition": "{detail}",
    "unknown": "the log does not say why",
}


def render(reason: Reason) -> str:
    """The reason as a clause for a person."""
    detail = reason.detail
    if detail and reason.word != "wrong_definition":
        detail = f": {detail}"
    subject = _called(reason.subject) if reason.word == "definition_changed" else reason.subject
    return _TEXT.get(reason.word, reason.word).format(subject=subject, detail=detail)


def _called(path: str) -> str:
    """A member of a definition as a person calls it."""
    for beginning, word in _MEMBERS:
        if path.startswith(beginning):
            return word + path.removeprefix(beginning)
    return path


_MEMBERS = (("code.modules.__node__", "its Python code"), ("code.modules.", "module "), ("params.", "parameter "))


def clauses(reasons: Iterable[Reason]) -> Iterator[str]:
    """The reasons as clauses for a person: columns of one input that changed make one clause."""
    columns: dict[str, list[str]] = {}
    others: list[str] = []
    for reason in reasons:
        if reason.word == "column_changed":
            name, _, column = reason.subject.rpartition(".")
            columns.setdefault(name, []).append(column)
        else:
            others.append(render(reason))
    for name, found in columns.items():
        more = f" and {len(found) - 4} more" if len(found) > 4 else ""
        yield f"{name} changed in {', '.join(found[:4])}{more}"
    yield from others


def diff(
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    labels: Mapping[str, str],
    files: Iterable[str] = (),
) -> tuple[Reason, ...]:
    """Every difference of two action documents, most telling first; `labels` names inputs as the project does."""
    if before is None:
        return (Reason("first_build"),)
    found = [
        *(_named(reason, labels) for reason in _definition(before["definition"], after["definition"])),
        *_plain(before, after),
        *_files(before["files"], after["files"], tuple(files)),
        *_inputs(before["inputs"], after["inputs"], labels),
    ]
    return tuple(found)


# What stands in the definition of a source of a connection without anybody having written it.
_FAR = {"token": "data_changed", "place": "place_changed"}


def _definition(before: Mapping[str, Any], after: Mapping[str, Any], path: str = "") -> list[Reason]:
    found: list[Reason] = []
    for name in sorted(before.keys() | after.keys()):
        old, new, where = before.get(name), after.get(name), f"{path}{name}"
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping) and not (_tagged(old) or _tagged(new)):
            found += _definition(old, new, f"{where}.")
        else:
            found.append(Reason(_FAR.get(where, "definition_changed"), where, _short_change(old, new)))
    return found


def _named(reason: Reason, labels: Mapping[str, str]) -> Reason:
    """The reason with inputs called as the project calls them, not as canonical SQL does."""
    detail = reason.detail
    for name, label in labels.items():
        detail = detail.replace(name, label)
    return reason._replace(detail=detail)


def _short_change(old: Any, new: Any) -> str:
    texts = [_brief(old), _brief(new)]
    return f"{texts[0]} -> {texts[1]}" if all(len(text) <= 60 for text in texts) else ""


def _brief(value: Any) -> str:
    if isinstance(value, Mapping) and _tagged(value):
        return str(*value.values())
    return "nothing" if value is None else str(value)


def _tagged(value: Mapping[str, Any]) -> bool:
    """Whether a value is one that canonical JSON has as tagged text: `{"$float": "0.5"}`."""
    return len(value) == 1 and next(iter(value)).startswith("$")


def _plain(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Reason]:
    words = (("engine", "engine_changed"), ("clock", "clock_changed"), ("interval", "interval_changed"))
    return [
        Reason(word, "", f"{_brief(before[name])} -> {_brief(after[name])}")
        for name, word in words
        if before[name] != after[name]
    ]


def _files(before: list[list[str]], after: list[list[str]], names: tuple[str, ...]) -> list[Reason]:
    if before == after:
        return []
    changed = [name for i, name in enumerate(names) if i >= len(before) or before[i : i + 1] != after[i : i + 1]]
    return [Reason("file_changed", name) for name in changed or names[:1]]


def _inputs(before: list[Any], after: list[Any], labels: Mapping[str, str]) -> list[Reason]:
    old = {used["name"]: used for used in before}
    new = {used["name"]: used for used in after}
    found = [Reason("input_removed", name) for name in old if name not in new]
    for name, used in new.items():
        label = labels.get(name, name)
        if name not in old:
            found.append(Reason("input_added", label))
        else:
            found += _columns(old[name], used, label)
    return found


def _columns(old: Mapping[str, Any], new: Mapping[str, Any], label: str) -> list[Reason]:
    before = {name: (type_, digest) for name, type_, digest in old["columns"]}
    after = {name: (type_, digest) for name, type_, digest in new["columns"]}
    found = [Reason("column_changed", f"{label}.{c}") for c in after if c in before and before[c] != after[c]]
    found += [Reason("column_read", f"{label}.{c}") for c in after if c not in before]
    found += [Reason("column_unread", f"{label}.{c}") for c in before if c not in after]
    if old["rows"] != new["rows"]:
        found.append(Reason("rows_changed", label, f"{old['rows']} -> {new['rows']}"))
    return found


def schema_changes(before: Schema, after: Schema) -> tuple[str, ...]:
    """What became of the output's columns, in words: `column fare removed`, `column fare BIGINT -> DOUBLE`."""
    old, new = dict(before), dict(after)
    found = [f"column {name} removed" for name in old if name not in new]
    found += [f"column {name} {old[name]} -> {new[name]}" for name in old if name in new and old[name] != new[name]]
    return (*found, *(f"column {name} added" for name in new if name not in old))


def text_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Lines of `-` and `+` for every text of two definitions that differs, cut at clauses so that SQL reads well."""
    import difflib

    lines: list[str] = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old == new or not (isinstance(old, str) and isinstance(new, str)):
            continue
        delta = difflib.ndiff(_clauses(old), _clauses(new))
        lines += [f"{name}: {line.rstrip()}" for line in delta if line[0] in "+-"]
    return tuple(lines)


def _clauses(text: str) -> list[str]:
    import re

    return re.split(
        r"\s+(?=(?:FROM|WHERE|GROUP BY|ORDER BY|HAVING|QUALIFY|LIMIT|UNION|(?:LEFT |INNER )?JOIN)\b)|(?<=,)\s",
        text,
    )

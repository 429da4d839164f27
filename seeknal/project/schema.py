"""Structuring: the fields of a declaration -> the `Spec` of its kind, with every problem at its line.

Decides what a wrong field is and how it is told: missing, of the wrong type, misspelt. Fields that no kind knows are
accepted (projects carry notes of other tools) unless they look like a known one misspelt.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from cattrs import Converter, transform_error
from cattrs.errors import BaseValidationError

from seeknal.model.lowering import Path, Wrong

COMMON = (
    "kind", "name", "description", "owner", "tags", "inputs", "depends_on", "params", "columns", "audits",
    "materialization", "materializations", "tests", "schema", "output", "schedule", "interval", "freshness",
)  # fmt: skip


def _text(value: Any, _: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text is needed, this is {_name(value)}")
    return value


def _mapping(value: Any, _: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"a mapping is needed, this is {_name(value)}")
    return dict(value)


def _text_or_mapping(value: Any, _: Any) -> str | dict[str, Any]:
    if isinstance(value, (str, dict)):
        return value
    raise TypeError(f"a text or a mapping is needed, this is {_name(value)}")


def _name(value: Any) -> str:
    words = {
        dict: "a mapping",
        list: "a list",
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a number",
    }
    return "empty" if value is None else words.get(type(value), type(value).__name__)


def _converter() -> Converter:
    converter = Converter(detailed_validation=True)
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook_func(lambda kind: kind == dict[str, Any], _mapping)
    converter.register_structure_hook_func(lambda kind: kind == str | dict[str, Any], _text_or_mapping)
    return converter


_CONVERTER = _converter()


def structure(spec: type[Any], fields: Mapping[str, Any], required_extra: tuple[str, ...] = ()) -> Any:
    """The Spec that `fields` describe. Raises a list of `Wrong` as an ExceptionGroup."""
    known = [field.name for field in dataclasses.fields(spec)]
    wrong = [*_misspelt(fields, known), *_missing(spec, fields)]
    if wrong:
        raise ExceptionGroup("wrong fields", wrong)
    try:
        return _CONVERTER.structure({name: fields[name] for name in known if name in fields}, spec)
    except BaseValidationError as error:
        raise ExceptionGroup(
            "wrong fields", [_wrong(line) for line in transform_error(error, format_exception=_words)]
        ) from error


def _words(error: BaseException, _: type | None) -> str:
    return str(error)


def _wrong(line: str) -> Wrong:
    message, _, where = line.rpartition(" @ $")
    path: Path = tuple(part for part in where.replace("[", ".").replace("]", "").replace("'", "").split(".") if part)
    return Wrong(path, f"{'.'.join(map(str, path))}: {message}")


def _misspelt(fields: Mapping[str, Any], known: list[str]) -> list[Wrong]:
    names = [*known, *COMMON]
    found = []
    for name in fields:
        near = get_close_matches(name, names, n=1, cutoff=0.8) if name not in names else []
        if near:
            found.append(Wrong((name,), f"unknown field {name!r} (did you mean {near[0]}?)"))
    return found


def _missing(spec: type[Any], fields: Mapping[str, Any]) -> list[Wrong]:
    required = [
        field.name
        for field in dataclasses.fields(spec)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    return [Wrong((), f"the field {name!r} is missing") for name in required if fields.get(name) is None]

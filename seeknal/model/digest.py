"""Digests and canonical JSON: the two things that every key and every document of the store rests on.

Decides what bytes a document has and what a digest looks like (`cache_format.md`, "Digests" and "Canonical JSON").
Never reads or writes a file.
"""

from __future__ import annotations

import json
import re
from typing import Any

from blake3 import blake3

PREFIX = "blake3:"
_DIGEST = re.compile(r"blake3:[0-9a-f]{64}")
_LIMIT = 2**53 - 1


def is_digest(text: object) -> bool:
    """Whether `text` is `blake3:` and 64 lower-case hex digits."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


def digest_of(data: bytes | memoryview) -> str:
    """BLAKE3-256 of `data`, as `blake3:<hex>`."""
    return PREFIX + blake3(data).hexdigest()


def canonical(document: Any) -> bytes:
    """Return the one byte string that stands for `document`.

    Members sorted by Unicode code point, no insignificant space, UTF-8, integers of at most 53 bits, no floats
    (see `plain`). Raises ValueError for anything else.
    """
    _check(document)
    return typed_bytes(document)


def typed_bytes(document: Any) -> bytes:
    """`canonical` of a document whose values are known to be texts, small integers, null, lists and objects."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")  # a lone surrogate raises UnicodeEncodeError, a ValueError


def _check(value: Any) -> None:
    if value is None or isinstance(value, (str, bool)):
        return
    if isinstance(value, int):
        if abs(value) > _LIMIT:
            raise ValueError(f"integer {value} is outside of ±(2^53-1): write it as text")
        return
    if isinstance(value, dict):
        for name, item in value.items():
            if not isinstance(name, str):
                raise ValueError(f"member name {name!r} is not text")  # noqa: TRY004 - one error type for callers
            _check(item)
        return
    if isinstance(value, (list, tuple)):
        for item in value:
            _check(item)
        return
    raise ValueError(f"{type(value).__name__} has no canonical form")


def document_digest(document: Any) -> str:
    """Digest of the canonical bytes of `document`."""
    return digest_of(canonical(document))


def plain(value: Any) -> Any:
    """`value` in the types that canonical JSON knows: floats, big integers, dates and others as tagged text."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _LIMIT else {"$int": str(value)}
    if isinstance(value, float):
        return {"$float": repr(value)}
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=canonical)
    return {f"${type(value).__name__}": str(value)}


def short(digest: str) -> str:
    """Return the first twelve hex digits: what a person sees."""
    return digest.removeprefix(PREFIX)[:12]

"""What a plain word of YAML means: a number, a truth, nothing, or itself.

Decides by the core schema of YAML 1.2 (section 10.3.2), so `no`, `12:30:45` and dates are text, with one exception: a
number with a leading zero stays text, because its zeros mean something. Never looks at quotes: what is quoted is text.
"""

from __future__ import annotations

import math
import re
from typing import Any

_DIGITS = 4300
_TYPES: dict[str, Any] = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}

_NULL = ("", "~", "null", "Null", "NULL")
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)|0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def cut(text: str) -> str:
    """The beginning of a word, for a message."""
    return text if len(text) <= 80 else f"{text[:80]}…"


def resolved(text: str, tag: str = "") -> Any:
    """The value of a word that is not quoted, as its tag (`int`, `float`, `bool`, `null`) wants it.

    Raises TypeError if it is not what the tag says, ValueError or OverflowError for a number larger than anybody means.
    """
    value = _value(text)
    if tag not in _TYPES:
        return value
    if not isinstance(value, _TYPES[tag]) or (isinstance(value, bool) and tag != "bool"):
        raise TypeError
    return float(value) if tag == "float" else value


def _value(text: str) -> Any:
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if text[0] not in "+-.0123456789":
        return text
    if _INT.fullmatch(text):
        if len(text) > _DIGITS:
            raise ValueError
        return int(text, 0)
    if _SPECIAL.fullmatch(text):
        return float(text.replace(".", "", 1))
    return _finite(float(text)) if _FLOAT.fullmatch(text) else text


def _finite(number: float) -> float:
    if math.isinf(number):  # written as a number, read as infinity
        raise ValueError
    return number

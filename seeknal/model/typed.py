"""What a text among parameters means: a truth, a number, or itself.

Decides types for those who ask for values and not for text: `ctx.params`, rules, models. Nothing is lost on the way: a
number with a leading zero, `nan` and `infinity` stay text, `0` and `1` are numbers. Never looks at what a parameter is for.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

_TRUTHS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,999}")
_DECIMAL = re.compile(r"-?((0|[1-9][0-9]*)?\.[0-9]+([eE][-+]?[0-9]+)?|(0|[1-9][0-9]*)[eE][-+]?[0-9]+)")


def typed(value: Any) -> Any:
    """`value` with every text in its lists and mappings as what it looks like."""
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, Mapping):
        return {name: typed(item) for name, item in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    return value


def _of_text(text: str) -> Any:
    if text.lower() in _TRUTHS:
        return _TRUTHS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text

"""Parameters of a command line: `--params` as JSON objects and KEY=VALUE.

Decides what a text stands for (a number, true, or a text) and which parameters other options say already.
"""

from __future__ import annotations

import argparse
from typing import Any

from seeknal.errors import UsageError


def params(args: argparse.Namespace) -> dict[str, Any]:
    """Parameters from JSON objects and KEY=VALUE; options of their own win. Raises UsageError."""
    import json

    found: dict[str, Any] = {}
    for value in getattr(args, "params", ()):
        if value.lstrip().startswith("{"):
            try:
                found.update(json.loads(value, parse_constant=_no_number))
            except (ValueError, RecursionError) as error:
                raise UsageError(f"--params is not a JSON object: {error}", reason="bad_params") from None
            continue
        name, separator, text = value.partition("=")
        if not separator or not name.strip():
            raise UsageError(f"--params {value!r}: write KEY=VALUE or a JSON object", reason="bad_params")
        found[name.strip()] = _typed(text)
    fixed = [*(_DATED if getattr(args, "date", None) else ()), *(["run_id"] if getattr(args, "run_id", None) else ())]
    return {name: value for name, value in found.items() if name not in fixed}


# What --date says, so that a parameter of that name does not.
_DATED = ("date", "today", "run_date")


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def _typed(text: str) -> Any:
    """`true`, `12` and `1.5` as what they look like; `007`, `1.50` and all that would be written otherwise as text."""
    import re

    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"-?(0|[1-9]\d{0,999})", text) and text != "-0":
        return int(text)
    if re.fullmatch(r"-?(0|[1-9]\d*)\.\d+", text) and str(float(text)) == text:
        return float(text)
    return text

"""One page: styles, scripts and data put into one HTML file that needs nothing else.

Decides how data gets in (JSON that no HTML parser can misread, every text made harmless by `errors.safe`) and what the page
may do: its policy allows exactly the style and the scripts that were put in, and no request at all.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from typing import Any

from seeknal.errors import safe

_LONGEST = 20_000
_NAME = re.compile(r"\{\{(\w+)\}\}")
_ESCAPED = {ord(ch): f"\\u{ord(ch):04x}" for ch in "<>&\u2028\u2029"}
_HTML = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord('"'): "&quot;"}


def page(title: str, view: str, data: Mapping[str, Any]) -> str:
    """The page that shows `data` with the scripts of `view`."""
    style, script = _text("page.css"), _script(view)
    body = {
        "title": safe(title, 200).translate(_HTML),
        "policy": f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}",
        "style": style,
        "script": script,
        "data": embedded(data),
    }
    return _NAME.sub(lambda found: body[found[1]], _text("page.html"))


def embedded(data: Any) -> str:
    """`data` as JSON for a script element: harmless to show, and without any sign that means something in HTML."""
    text = json.dumps(harmless(data), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate(_ESCAPED)


def harmless(value: Any) -> Any:
    """`value` with every text in it safe to show; what is no number for JSON becomes a text."""
    if isinstance(value, str):
        return safe(value, _LONGEST)
    if isinstance(value, Mapping):
        return {safe(name, _LONGEST): harmless(item) for name, item in value.items()}
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return str(value)
    return [harmless(item) for item in value] if isinstance(value, (list, tuple)) else value


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _script(view: str) -> str:
    parts = {
        "timings": ("page", "timeline", "timings"),
        "lineage": ("page", "ways", "boxes", "graph", "panel", "quality", "lineage"),
    }
    body = "\n".join(_text(f"{name}.js") for name in parts[view])
    return f'(() => {{\n"use strict";\n{body}\n}})();\n'


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")

"""Parameters of a run, read from where a node's worker finds them: `SEEKNAL_PARAM_<NAME>` in its environment.

Decides how a text becomes a value of the type asked for. Works outside of a run too, with variables that a person has set.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

_PREFIX = "SEEKNAL_PARAM_"
_MISSING: Any = object()
_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def get_param(name: str, default: Any = _MISSING, param_type: Callable[[str], Any] | None = None) -> Any:
    """Return the parameter as text, or as `param_type` (int, float, bool, str).

    Raises KeyError where it is not set and there is no default (`None` counts as none), ValueError where it is not of
    the type.
    """
    text = os.environ.get(_variable(name))
    if text is not None:
        return text if param_type is None else _typed(name, text, param_type)
    if default is _MISSING or default is None:
        raise KeyError(f"the parameter {name!r} is not set: seeknal run --params {name}=VALUE, or give a default")
    return default


def has_param(name: str) -> bool:
    """Return whether the parameter is set."""
    return _variable(name) in os.environ


def list_params() -> dict[str, str]:
    """Return the texts of all parameters, by their names in lower case."""
    names = sorted(name for name in os.environ if name.startswith(_PREFIX))
    return {name.removeprefix(_PREFIX).lower(): os.environ[name] for name in names}


def _variable(name: str) -> str:
    if not name.isidentifier():
        raise ValueError(f"{name!r} is no name of a parameter: letters, digits and _")
    return _PREFIX + name.upper()


def _typed(name: str, text: str, kind: Callable[[str], Any]) -> Any:
    try:
        return _WORDS[text.strip().lower()] if kind is bool else kind(text)
    except (KeyError, ValueError):
        shown = getattr(kind, "__name__", str(kind))
        raise ValueError(f"the parameter {name} is {text!r}, which is no {shown}") from None

"""Templates: `{{ expression }}` in the strings of a project.

Decides what an expression means: a parameter, a date of the run's one clock, an environment variable, a value of
`seeknal/common/`. Unknown names are errors. Values that differ in every run (`run_id`, `run_date`) become tokens that
are put in at execution, so that they never enter a key. Never reads a file or a clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from seeknal.errors import nearest
from seeknal.model.lowering import RUN_DATE, RUN_ID

_EXPRESSION = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_CALL = re.compile(r"([A-Za-z_]\w*)\s*\(([^()]*)\)")
_ROUNDS = 20


class TemplateWrong(Exception):
    """An expression that means nothing; the message says what is known."""


@dataclass(frozen=True, slots=True)
class Values:
    """What templates may use: parameters of the command line, common configuration, the environment, the clock."""

    as_of: datetime
    params: Mapping[str, Any] = field(default_factory=dict)
    common: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


def expand(text: str, values: Values, used: set[str]) -> str:
    """`text` with every expression replaced, to a fixed point; adds to `used` what the result depends on.

    Raises TemplateWrong for unknown names and for values that lead back to themselves.
    """
    for _ in range(_ROUNDS):
        fresh = _EXPRESSION.sub(lambda match: _shown(_value(match[1], values, used)), text)
        if fresh == text:
            return text
        text = fresh
    raise TemplateWrong("a template leads back to itself: " + text[:80])


def expand_all(value: Any, values: Values, used: set[str]) -> Any:
    """`value` with the strings of all its lists and mappings expanded."""
    if isinstance(value, str):
        return expand(value, values, used) if "{{" in value else value
    if isinstance(value, Mapping):
        return {name: expand_all(item, values, used) for name, item in value.items()}
    if isinstance(value, list):
        return [expand_all(item, values, used) for item in value]
    return value


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _value(expression: str, values: Values, used: set[str]) -> Any:
    for found in (_given, _clock, _environment, _common):
        value = found(expression, values, used)
        if value is not None:
            return value
    known = [*values.params, *values.extra, *values.common, *_DATES, "run_id", "run_date", "env:NAME"]
    raise TemplateWrong(f"{{{{ {expression} }}}} is unknown{nearest(expression, known)}")


def _given(expression: str, values: Values, used: set[str]) -> Any:
    for origin in (values.params, values.extra):
        if expression in origin:
            used.add(f"param:{expression}")
            return origin[expression]
    return None


def _clock(expression: str, values: Values, used: set[str]) -> str | None:
    if expression == "run_id":
        return RUN_ID
    if expression == "run_date":
        return RUN_DATE
    call = _CALL.fullmatch(expression)
    name, argument = (call[1], call[2].strip()) if call else (expression, "")
    if name not in _DATES:
        return None
    if argument and not re.fullmatch(r"[+-]?\d{1,6}", argument):
        raise TemplateWrong(f"{name}({argument}): a whole number is needed")
    used.add("clock:date")
    return _DATES[name](values.as_of.date(), int(argument or 0)).isoformat()


def _month(day: date, offset: int) -> date:
    months = day.year * 12 + day.month - 1 + offset
    return date(months // 12, months % 12 + 1, 1)


_DATES: dict[str, Callable[[date, int], date]] = {
    "today": lambda day, n: day + timedelta(days=n),
    "date": lambda day, n: day + timedelta(days=n),
    "yesterday": lambda day, n: day + timedelta(days=n - 1),
    "month_start": _month,
    "year_start": lambda day, n: date(day.year + n, 1, 1),
}


def _environment(expression: str, values: Values, used: set[str]) -> str | None:
    call = _CALL.fullmatch(expression)
    if expression.startswith("env:"):
        name, _, default = expression[4:].partition("|")
        has_default = "|" in expression
    elif call and call[1] == "env":
        name, _, default = (part.strip().strip("'\"") for part in call[2].partition(","))
        has_default = "," in call[2]
    else:
        return None
    name = name.strip()
    used.add(f"env:{name}")
    if name in values.env:
        return values.env[name]
    if has_default:
        return default.strip()
    raise TemplateWrong(
        f"the environment variable {name} is not set: set it, or give a default: {{{{ env:{name}|x }}}}"
    )


def _common(expression: str, values: Values, used: set[str]) -> str | None:
    return values.common.get(expression)

r"""Templates: `{{ expression }}` in the strings of a project.

Decides what an expression means: a parameter, a date of the run's one clock, an environment variable, a value of
`seeknal/common/`, an alias of an input. What a value mentions is expanded too, until nothing is left. Unknown names are
errors; `\{{` stands for two braces. Values that differ in every run (`run_id`, `run_date`) become tokens that are put in
at execution, so that they never enter a key. Never reads a file or a clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from seeknal.errors import nearest
from seeknal.model.lowering import RUN_DATE, RUN_ID, literal

_EXPRESSION = re.compile(r"(\\?)\{\{\s*([^{}]*?)\s*\}\}")
_CALL = re.compile(r"([A-Za-z_]\w*)\s*\(([^()]*)\)")
_OFFSET = re.compile(r"(['\"]?)([+-]?\d{1,6})\1")
_BRACES, _MASKED = "{{", "{\0{"  # braces that are no template any more
_ROUNDS, _LENGTH = 20, 1_000_000
_STOPS: tuple[type[BaseException], ...] = (OverflowError, ValueError)


class TemplateWrong(Exception):
    """Expressions that mean nothing: where each begins in the text, and what is wrong with it."""

    def __init__(self, message: str, found: tuple[tuple[int, str], ...] = ()) -> None:
        super().__init__(message)
        self.found = found or ((0, message),)


@dataclass(frozen=True, slots=True)
class Values:
    """What templates may use: parameters of the command line (`params`) and of the node (`extra`), common
    configuration, the environment, the clock, and the words by which the node calls its inputs."""

    as_of: datetime
    params: Mapping[str, Any] = field(default_factory=dict)
    common: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)


def expand(text: str, values: Values, used: set[str], *, lenient: bool = False) -> Any:
    """`text` with every expression replaced; a text that is one expression becomes its value, whatever its type.

    Adds to `used` what the result depends on. `lenient`: what is unknown stays as it is written. Raises TemplateWrong.
    """
    value = _Expansion(values, used, lenient).of(text, ())
    return _unmasked(value)


def _unmasked(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(_MASKED, _BRACES)
    if isinstance(value, Mapping):
        return {_unmasked(name): _unmasked(item) for name, item in value.items()}
    return [_unmasked(item) for item in value] if isinstance(value, list) else value


class _Expansion:
    """One text being expanded: what was looked up, and the way to the name that is being looked up now."""

    def __init__(self, values: Values, used: set[str], lenient: bool) -> None:
        self._values = values
        self._used = used
        self._lenient = lenient
        self._known: dict[tuple[str, bool], Any] = {}

    def of(self, value: Any, way: tuple[str, ...]) -> Any:
        """`value` expanded; `way` are the names that led to it."""
        if isinstance(value, str):
            return self._text(value, way) if _BRACES in value else value
        if isinstance(value, Mapping):
            return {str(self.of(name, way)): self.of(item, way) for name, item in value.items()}
        return [self.of(item, way) for item in value] if isinstance(value, list) else value

    def _text(self, text: str, way: tuple[str, ...]) -> Any:
        whole = _EXPRESSION.fullmatch(text.strip())
        for _ in range(_ROUNDS):
            wrong: list[tuple[int, str]] = []
            values: list[Any] = []
            text = _EXPRESSION.sub(partial(self._replaced, way, wrong, values), text)
            if wrong:
                raise TemplateWrong(wrong[0][1], tuple(wrong))
            if whole and values and not isinstance(values[0], str):
                return values[0]
            if len(text) > _LENGTH:
                raise TemplateWrong(f"the text grows beyond {_LENGTH:,} characters")
            if not _EXPRESSION.search(text):
                return text
        raise TemplateWrong("the text goes on making new expressions: " + text[:80])

    def _replaced(
        self, way: tuple[str, ...], wrong: list[tuple[int, str]], values: list[Any], match: re.Match[str]
    ) -> str:
        if match[1]:
            return _masked(match[0][1:])
        try:
            values.append(self._value(match[2], way))
            return shown(values[-1], match[2])
        except TemplateWrong as error:
            if self._lenient:
                return _masked(match[0])
            if way:  # at once: trying the others of each level would take for ever
                raise TemplateWrong(f"in {way[-1]}: {error}") from None
            wrong.append((match.start(), str(error)))
        return ""

    def _value(self, expression: str, way: tuple[str, ...]) -> Any:
        again = way[-1:] == (expression,)
        key = (expression, again)
        if key not in self._known:
            self._known[key] = self._found(expression, way, again=again)
        return self._known[key]

    def _found(self, expression: str, way: tuple[str, ...], *, again: bool) -> Any:
        """The value of a name. A parameter that mentions its own name (`run_id: "{{run_id}}"`) means what is outside."""
        values = self._values
        if expression in way and not again:
            raise TemplateWrong(f"{' -> '.join((*way, expression))} leads back to itself")
        for given in () if again else (values.params, values.extra):
            if expression in given:
                self._used.add(f"param:{expression}")
                return self.of(given[expression], (*way, expression))
        for found in (_of_run, _day, _environment):
            value = found(expression, values, self._used)
            if value is not None:
                return value
        if expression in values.common and not again:
            return self.of(values.common[expression], (*way, expression))
        if expression in values.aliases:
            return values.aliases[expression]
        raise TemplateWrong(f"{expression} leads back to itself" if again else _unknown(expression, values))


def _masked(text: str) -> str:
    return text.replace(_BRACES, _MASKED)


def shown(value: Any, name: str) -> str:
    """A value inside of a text, as SQL would write it. Raises TemplateWrong for a mapping."""
    if isinstance(value, bool) or value is None:
        return str(value).lower() if value is not None else "null"
    if isinstance(value, Mapping):
        raise TemplateWrong(f"{name} is a mapping: it cannot stand inside of a text")
    if isinstance(value, list):
        return f"[{', '.join(literal(item) if isinstance(item, str) else shown(item, name) for item in value)}]"
    return str(value)


def _month(day: date, offset: int) -> date:
    months = day.year * 12 + day.month - 1 + offset
    return date(months // 12, months % 12 + 1, 1)


_DATES: dict[str, Callable[[date, int], date]] = {
    "today": lambda day, n: day + timedelta(days=n),
    "month_start": _month,
    "year_start": lambda day, n: date(day.year + n, 1, 1),
    "yesterday": lambda day, _: day - timedelta(days=1),
    "date": lambda day, _: day,
}
_TAKES_OFFSET = ("today", "month_start", "year_start")
_WINDOW = {"start_date": "--start", "end_date": "--end"}
RESERVED = ("run_id", "run_date", "project_id", "workspace_path")


def _unknown(expression: str, values: Values) -> str:
    told = f"{{{{ {expression} }}}}"
    if expression in _WINDOW:
        return f"{told} is not given: pass {_WINDOW[expression]}, or --params {expression}=2024-01-31"
    if "|" in expression:
        return f"{told} is unknown: there are no filters, only {{{{ env:NAME|default }}}} knows |"
    names = [*values.params, *values.extra, *values.common, *values.aliases, *_DATES, "run_id", "run_date", "env"]
    call = _CALL.fullmatch(expression)
    near = nearest(call[1] if call else expression, names)
    return f"{told} is unknown{near}: give it in params, with --params, or in seeknal/common/"


def _of_run(expression: str, values: Values, used: set[str]) -> str | None:
    return {"run_id": RUN_ID, "run_date": RUN_DATE}.get(expression)


def _day(expression: str, values: Values, used: set[str]) -> str | None:
    call = _CALL.fullmatch(expression)
    name, argument = (call[1], call[2].strip()) if call else (expression, "")
    if name not in _DATES:
        return None
    offset = _OFFSET.fullmatch(argument or "0")
    if argument and name not in _TAKES_OFFSET:
        raise TemplateWrong(f"{expression}: {name} takes no argument")
    if offset is None:
        raise TemplateWrong(f"{expression}: a whole number is needed")
    used.add("clock:date")
    try:
        return _DATES[name](values.as_of.date(), int(offset[2])).isoformat()
    except _STOPS:
        raise TemplateWrong(f"{expression}: there is no such day") from None


def _environment(expression: str, values: Values, used: set[str]) -> str | None:
    call = _CALL.fullmatch(expression)
    if expression.startswith("env:"):
        name, bar, default = expression[4:].partition("|")
    elif call and call[1] == "env":
        name, bar, default = (part.strip().strip("'\"") for part in call[2].partition(","))
        bar = "," if "," in call[2] else ""
    else:
        return None
    name = name.strip()
    used.add(f"env:{name}")
    if name in values.env:
        return _masked(values.env[name])
    if bar:
        return default.strip()
    raise TemplateWrong(
        f"the environment variable {name} is not set: set it, or give a default: {{{{ env:{name}|x }}}}"
    )

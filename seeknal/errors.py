"""What can go wrong, as one tree of exceptions.

    SeeknalError                 1
      UsageError                 2   wrong option, unknown node
      ProjectError               3   wrong project: carries every problem, each with file and line
      BuildFailed                1   a node failed
      RuleFailed                 4   a data-quality rule failed
      StoreBusy                  5   somebody else holds the lock
      IntegrityFinding           6   stored bytes are not what their name says
      EnvironmentFailure         7   disk full, permission, missing package
      WorkFound                  8   `plan --exit-code` found work
      Interrupted              130

Each class has the exit code of the process and a reason word for machines; tests assert the word, never the
sentence. This module decides how a problem is written (`file:line: what`), how text that came from outside is made safe
to show, and which values are never shown. It never prints.
"""

from __future__ import annotations

from typing import Any, NamedTuple

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\ufeff\u2028\u2029")


def safe(text: object, limit: int = 4000) -> str:
    r"""`text` with every control, bidirectional and invisible character made visible, cut at `limit` characters.

    The one place where text from outside (names, SQL errors, a child's output) becomes showable. Newline and tab stay.
    """
    raw: str = concealed(str(text))
    if len(raw) > limit:
        raw = f"{raw[:limit]}… ({len(raw) - limit} more characters)"
    if raw.isascii() and raw.isprintable():
        return raw
    return "".join(_visible(ch) for ch in raw)


# Values of environment variables that definitions mention -> what is shown in their place.
_SECRETS: dict[str, str] = {}
_TELLING = ("PASS", "SECRET", "TOKEN", "KEY", "PWD", "CREDENTIAL", "AUTH")


def conceal(name: str, value: str) -> None:
    """Show `{{env:NAME}}` from now on where this value of an environment variable would be shown, if it may be a secret:
    by the variable's name, or by its own look. Other values ("prod", "data/2024") stand in paths and must stay readable.
    """
    if len(value) >= 4 and (any(word in name.upper() for word in _TELLING) or _looks_secret(value)):
        _SECRETS[value] = f"{{{{env:{name}}}}}"


def withhold(value: str) -> None:
    """Show `***` from now on where this value would be shown: it came from a field that holds a secret."""
    if len(value) >= 4:
        _SECRETS.setdefault(value, "***")


def _looks_secret(value: str) -> bool:
    mixed = any(ch.isdigit() for ch in value) and any(ch.isalpha() for ch in value)
    return ("://" in value and "@" in value) or (len(value) >= 16 and "/" not in value and mixed)


def concealed(value: Any) -> Any:
    """`value` with the strings of all its lists and mappings without the values that were given to `conceal`."""
    if isinstance(value, str):
        for secret, shown in _SECRETS.items():
            value = value.replace(secret, shown)
        return value
    if isinstance(value, dict):
        return {name: concealed(item) for name, item in value.items()}
    return [concealed(item) for item in value] if isinstance(value, (list, tuple)) else value


def _visible(ch: str) -> str:
    if ch in "\n\t" or (ch.isprintable() and ch not in _BIDI):
        return ch
    code = ord(ch)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def nearest(word: str, known: object) -> str:
    """Return ` (did you mean X?)` for the known word nearest to `word`, or nothing."""
    from difflib import get_close_matches

    found = get_close_matches(word, [str(k) for k in known], n=1, cutoff=0.6)  # type: ignore[attr-defined]
    return f" (did you mean {found[0]}?)" if found else ""


class Problem(NamedTuple):
    """One thing that is wrong in a project: where, what, and what to do."""

    file: str
    line: int
    message: str
    reason: str = "wrong_project"

    def __str__(self) -> str:
        return f"{safe(self.file)}:{self.line}: {safe(self.message)}"


class SeeknalError(Exception):
    """Base of all: a message for a person, a reason word for machines, an exit code."""

    exit_code = 1
    reason = "failed"

    def __init__(self, message: str, *, reason: str | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if reason is not None:
            self.reason = reason

    def __str__(self) -> str:
        text = safe(self.message)
        return f"{text}\n  {safe(self.hint)}" if self.hint else text


class UsageError(SeeknalError):
    """A wrong option, or a name that nothing has."""

    exit_code = 2
    reason = "usage"


class ProjectError(SeeknalError):
    """The project is wrong; `problems` holds everything that was found, in the order of files and lines."""

    exit_code = 3
    reason = "wrong_project"

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))
        if self.problems:
            self.reason = self.problems[0].reason


class BuildFailed(SeeknalError):
    """One target could not be built."""

    reason = "node_failed"


class Outdated(Exception):
    """What the plan of a run stands on is not so any more: the run plans anew. No failure, unless that never ends."""


class DefinitionWrong(BuildFailed):
    """A target can never be built as it is written: no retry. `problem` says where, when that is known."""

    reason = "wrong_definition"

    def __init__(
        self, message: str, *, reason: str | None = None, hint: str = "", problem: Problem | None = None
    ) -> None:
        super().__init__(message if problem is None else str(problem), reason=reason, hint=hint)
        self.problem = problem


class RuleFailed(SeeknalError):
    """A data-quality rule of severity `error` does not hold."""

    exit_code = 4
    reason = "rule_failed"


class StoreBusy(SeeknalError):
    """Another process holds a lock that this command needs alone."""

    exit_code = 5
    reason = "store_busy"


class IntegrityFinding(SeeknalError):
    """`cache verify` found bytes that do not match their name."""

    exit_code = 6
    reason = "integrity"


class EnvironmentFailure(SeeknalError):
    """The machine refuses: disk full, permission, a package that is not installed, a store of a newer version."""

    exit_code = 7
    reason = "environment"


class WorkFound(SeeknalError):
    """`plan --exit-code` found something to build."""

    exit_code = 8
    reason = "work_found"


class Interrupted(SeeknalError):
    """Ctrl-C or SIGTERM: `exit_code` says which."""

    exit_code = 130
    reason = "interrupted"

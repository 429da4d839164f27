"""Turns what a node raised into words for a person.

Decides whose fault it is (the function's, the declaration's, a package that is not there) and which lines of the
traceback are shown: those in the project's own files. Never prints.
"""

from __future__ import annotations

import os
import sys
import traceback

from seeknal.pipeline.context import UndeclaredInputError
from seeknal.worker.results import RefusedError

_FRAMES = 5
# Packages whose name is not the name of their module.
_PACKAGES = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}

# What DuckDB and Python say when a relation is used like a frame.
_RELATION = ("DuckDBPyRelation", "This relation does not contain a column")

FAILED, WRONG, ENVIRONMENT = "failed", "wrong", "environment"


class ToldError(Exception):
    """A failure of a function of ours, with the words for it."""

    def __init__(self, fault: str, reason: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.failure = _failure(fault, reason, message, hint)


def described(error: BaseException, project: str) -> dict[str, str]:
    """Return the failure as a member of the answer: fault, reason, message, hint."""
    if isinstance(error, ToldError):
        return error.failure
    where = _where(error, project)
    if isinstance(error, RefusedError):
        return _failure(WRONG, "wrong_result", str(error))
    if isinstance(error, UndeclaredInputError):
        return _failure(WRONG, "undeclared_input", f"{error}{where}")
    if isinstance(error, SystemExit):
        return _failure(FAILED, "node_exited", f"the function called sys.exit({error.code!r}){where}")
    if isinstance(error, ModuleNotFoundError) and error.name:
        return _missing(error.name, where)
    text = "".join(traceback.format_exception_only(error)).strip()
    return _failure(FAILED, "node_failed", text + where + _causes(error), _hint(error))


def _failure(fault: str, reason: str, message: str, hint: str = "") -> dict[str, str]:
    return {"fault": fault, "reason": reason, "message": message, "hint": hint}


def _missing(module: str, where: str) -> dict[str, str]:
    top = module.partition(".")[0]
    package = _PACKAGES.get(top, top)
    message = f"there is no module {module!r}, neither in the project nor installed{where}"
    header = f'# dependencies = ["{package}"]'
    hint = f"install it (pip install '{package}'), or name it in the file's script header: {header}"
    return _failure(ENVIRONMENT, "missing_package", message, hint)


def _hint(error: BaseException) -> str:
    if isinstance(error, (AttributeError, TypeError)) and any(word in str(error) for word in _RELATION):
        return "ctx.ref() gives a DuckDB relation: add .df() for pandas, .pl() for polars, .arrow() for Arrow"
    return ""


def _causes(error: BaseException) -> str:
    cause = error.__cause__
    return f"\ncaused by {type(cause).__name__}: {cause}" if cause is not None else ""


def _where(error: BaseException, project: str) -> str:
    inside = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(frame.filename, project)]
    shown = [
        f"\n  {os.path.relpath(frame.filename, project)}:{frame.lineno} in {frame.name}: {frame.line}"
        for frame in inside[-_FRAMES:]
    ]
    return "".join(shown)


def _is_own(file: str, project: str) -> bool:
    return file.startswith(project + os.sep) and not file.startswith(sys.prefix + os.sep)

"""Which interpreter runs a node: this one, or one that `uv` makes for the node's script header.

Decides by looking at what is installed here. Never installs anything itself.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from seeknal.errors import DefinitionWrong, EnvironmentFailure

WORKER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "worker", "__main__.py")
# -P: the worker's own folder must not be searched for modules. UTF-8: files read the same on every machine.
_OPTIONS = ("-P", "-X", "utf8", WORKER)
_HERE = (sys.executable, *_OPTIONS)


def missing(requirements: Sequence[str], requires_python: str | None = None) -> tuple[str, ...]:
    """Return what of a script header this environment does not satisfy. What extras bring in is not looked at."""
    if not requirements and not requires_python:
        return ()
    found = tuple(text for text in requirements if not _satisfied(text))
    return found if _fits(requires_python) else (*found, f"Python {requires_python}")


def command(requirements: Sequence[str], requires_python: str | None = None) -> tuple[str, ...]:
    """Return the command that starts a worker for a script header. Raises EnvironmentFailure."""
    lacking = missing(requirements, requires_python)
    if not lacking:
        return _HERE
    uv = shutil.which("uv")
    if uv is None:
        raise _no_uv(lacking)
    python = sys.executable if _fits(requires_python) else str(requires_python)
    wanted = (*sorted(requirements), f"duckdb=={version('duckdb')}", f"pyarrow=={version('pyarrow')}", "pytz")
    packages = [part for text in wanted for part in ("--with", text)]
    return (uv, "run", "--quiet", "--no-project", "--isolated", "--python", python, *packages, "python", *_OPTIONS)


def _no_uv(lacking: tuple[str, ...]) -> EnvironmentFailure:
    packages = [text for text in lacking if not text.startswith("Python ")]
    install = "pip install " + " ".join(f"'{text}'" for text in packages) + ", or " if packages else ""
    message = f"the script header needs {', '.join(lacking)}"
    hint = f"{install}install uv: it then runs the node in an environment of its own"
    return EnvironmentFailure(message, reason="missing_package", hint=hint)


def _satisfied(text: str) -> bool:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        wanted = Requirement(text)
    except InvalidRequirement as error:
        raise DefinitionWrong(f"{text!r} in the script header is not a requirement: {error}") from None
    if wanted.marker is not None and not wanted.marker.evaluate():
        return True
    if wanted.url:
        return False
    try:
        return wanted.specifier.contains(version(wanted.name), prereleases=True)
    except PackageNotFoundError:
        return False


def _fits(requires_python: str | None) -> bool:
    if not requires_python:
        return True
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(requires_python).contains(platform.python_version(), prereleases=True)

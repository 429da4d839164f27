"""The one command that checks everything, for a person and for CI: `python3 tests`.

Makes a virtual environment in `.venv`, installs the project with what its tests need, then formats, lints, type-checks and
tests. Standard library only: it is what installs the rest. Further arguments go to pytest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HOME = os.environ.get("SEEKNAL_VENV", os.path.join(ROOT, ".venv"))
PYTHON = os.path.join(HOME, "bin", "python")

CHECKS = (
    ("format", ["-m", "ruff", "format", "--check", "."]),
    ("lint", ["-m", "ruff", "check", "."]),
    ("types", ["-m", "mypy"]),
)


def main(arguments: list[str]) -> int:
    """Install, check, test; returns the exit code."""
    if not os.path.exists(PYTHON):
        venv.create(HOME, with_pip=True)
    _do([PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-e", ".[dev]"])
    for name, command in CHECKS:
        print(f"== {name}", flush=True)
        _do([PYTHON, *command])
    print("== tests", flush=True)
    return subprocess.run([PYTHON, "-m", "pytest", *arguments], cwd=ROOT, check=False).returncode


def _do(command: list[str]) -> None:
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if code:
        sys.exit(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

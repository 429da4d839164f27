"""The one command that checks everything, for a person and for CI: `python3 tests`.

Makes a virtual environment in `.venv`, installs the project with what its tests need, then formats, lints, type-checks and
tests: with a process for each core, then those tests alone that measure. Standard library only: it is what installs the
rest. Further arguments go to pytest, which then runs in one process.

The tests' folders are on a memory disk where there is one with room: a test waits longer for a real disk's fsync than it
computes. TMPDIR says another place; the folders of a failed test are kept.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HOME = os.environ.get("SEEKNAL_VENV", os.path.join(ROOT, ".venv"))
PYTHON = os.path.join(HOME, "bin", "python")
MEMORY = "/dev/shm"
ROOM = 2 * 1024**3  # six times what one run leaves there

CHECKS = (
    ("format", ["-m", "ruff", "format", "--check", "."]),
    ("lint", ["-m", "ruff", "check", "."]),
    ("types", ["-m", "mypy"]),
)


# Programs that some tests look at the tool with, and the Debian packages that bring them.
PROGRAMS = {"chromium": "chromium", "tmux": "tmux", "zsh": "zsh", "fish": "fish", "man": "man-db"}


def main(arguments: list[str]) -> int:
    """Install, check, test; returns the exit code."""
    _install_programs()
    if not os.path.exists(PYTHON):
        venv.create(HOME, with_pip=True)
    _do([PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-e", ".[dev]"])
    for name, command in CHECKS:
        print(f"== {name}", flush=True)
        _do([PYTHON, *command])
    print("== tests", flush=True)
    return _test(arguments)


def _install_programs() -> None:
    """What is missing, where we may; else it is said, and the tests that need it say so once more, or fail in CI."""
    missing = sorted({package for program, package in PROGRAMS.items() if shutil.which(program) is None})
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"== NOT INSTALLED, as this is not root on Debian: {', '.join(missing)}", flush=True)
        return
    print(f"== installing {', '.join(missing)}", flush=True)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], env=env, check=False)
    subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], env=env, check=False)


def _test(arguments: list[str]) -> int:
    if arguments:
        return _pytest(arguments)
    # As they come: the campaigns are few tests that take long, and would stand last by their number.
    many = _pytest(["-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder", "-m", "not slow and not alone"])
    return _pytest(["-m", "alone"]) or many


def _pytest(arguments: list[str]) -> int:
    command = [PYTHON, "-m", "pytest", *arguments]
    if "TMPDIR" in os.environ or not _roomy(MEMORY):
        return subprocess.run(command, cwd=ROOT, check=False).returncode
    folder = tempfile.mkdtemp(prefix="seeknal-tests-", dir=MEMORY)
    os.chmod(folder, 0o711)  # some tests are run by somebody else
    code = subprocess.run(command, cwd=ROOT, env={**os.environ, "TMPDIR": folder}, check=False).returncode
    if code:
        print(f"the folders of these tests are in {folder}", flush=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return code


def _roomy(folder: str) -> bool:
    """Whether tests can be there: some start programs that they write."""
    if not os.access(folder, os.W_OK) or os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return False
    return shutil.disk_usage(folder).free > ROOM


def _do(command: list[str]) -> None:
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if code:
        sys.exit(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What every refusal has in common, and a real process where one is needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from tests.project_on_disk import Project, Result

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NOBODY = 65534
RAW = frozenset(chr(code) for code in (*range(9), *range(11, 32), 127, *range(0x80, 0xA0))) | frozenset(
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\u200e\u200f\ufeff"
)


def decent(result: Result) -> str:
    """All that was printed; fails if it holds a traceback, a flaw of ours, or raw control characters."""
    text = result.out + result.err
    assert "Traceback (most recent call last)" not in text, text
    assert "internal error" not in text, text
    assert not RAW.intersection(text), repr(text)
    return text


def refused(result: Result, code: int, *words: str) -> str:
    """A clear error with this exit code that says these words; returns all that was printed."""
    text = decent(result)
    assert result.code == code, f"exit code {result.code}, wanted {code}: {text}"
    assert text.strip(), "an error says something"
    for word in words:
        assert word in text, f"{word!r} is not in: {text}"
    return text


def error_of(result: Result) -> dict[str, Any]:
    """The error document of a command with --json: every line of its output is JSON, the last one is the error."""
    documents = [json.loads(line) for line in result.out.splitlines()]
    assert documents, result.err
    assert "error" in documents[-1], documents[-1]
    assert documents[-1]["code"] == result.code
    found: dict[str, Any] = documents[-1]
    return found


def wrong_project(result: Result) -> list[dict[str, Any]]:
    """The problems of a project that is wrong."""
    refused(result, 3)
    problems: list[dict[str, Any]] = error_of(result)["problems"]
    assert problems
    assert all(problem["line"] >= 1 and problem["file"] for problem in problems)
    return problems


def places(problems: Sequence[Mapping[str, Any]]) -> set[tuple[str, int]]:
    """File and line of each problem."""
    return {(problem["file"], problem["line"]) for problem in problems}


def failure(result: Result, target: str) -> str:
    """The text by which a target failed."""
    decent(result)
    found = [event for event in result.of("failed") if event["target"] == target]
    assert found, f"{target} did not fail: {result.out}{result.err}"
    text: str = found[0]["error"]
    return text


@contextmanager
def nothing_lost(project: Project) -> Iterator[None]:
    """What is published before is published and readable afterwards, the same."""
    before = project.tables()
    ref = project.read("target/refs/prod")
    yield
    assert project.tables() == before
    assert project.read("target/refs/prod") == ref


def process(
    project: Project,
    *arguments: str | bytes,
    env: Mapping[str, str] | None = None,
    user: int | None = None,
    timeout: float = 60,
    cwd: str | None = None,
    here: bool = True,
) -> Result:
    """Run a command in a process of its own, as another user if asked."""
    where = ["--project-path", project.root] if here else []
    words: list[str | bytes] = [sys.executable, "-P", "-m", "seeknal", *arguments, *where]
    base = {name: value for name, value in os.environ.items() if not name.startswith(("SEEKNAL", "PYTHON"))}
    base |= {"PYTHONPATH": ROOT, "PYTHONDONTWRITEBYTECODE": "1", **(env or {})}
    if user is not None:
        base["HOME"] = "/nonexistent"
        words = [*_becoming(user), *words]
    done = subprocess.run(words, cwd=cwd or project.root, env=base, capture_output=True, timeout=timeout, check=False)
    return Result(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


_SHOW = """
set -e
hidden=$1 inside=$2 user=$3
shift 3
if [ -n "$hidden" ]; then
    stage=$(mktemp -d)
    mount --bind "$inside" "$stage"
    mount -t tmpfs -o mode=755 tmpfs "$hidden"
    mkdir -p "$inside"
    mount --bind "$stage" "$inside"
    umount "$stage"
    rmdir "$stage"
fi
exec setpriv --reuid="$user" --regid="$user" --clear-groups "$@"
"""


def _becoming(user: int) -> list[str | bytes]:
    """The words that run a command as another user, in a mount namespace where that user can reach this Python."""
    needs_root()
    inside = os.path.dirname(os.path.dirname(os.path.realpath(sys.executable)))
    above, hidden = inside, ""
    while above != "/":
        above = os.path.dirname(above)
        hidden = hidden if os.stat(above).st_mode & 1 else above
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", _SHOW, "sh", hidden, inside, str(user)]


def needs_root() -> None:
    """Skip, and say so, where this user may not mount or become another user."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED HERE: needs root, to mount file systems and to become another user")


@contextmanager
def mounted(folder: str, *options: str) -> Iterator[str]:
    """A mount at `folder` for as long as it is needed."""
    needs_root()
    os.makedirs(folder, exist_ok=True)
    done = subprocess.run(["mount", *options, folder], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"NOT TESTED HERE: this machine does not let root mount: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def small_disk(folder: str, size: str = "2m", more: str = "") -> Iterator[str]:
    """A file system with little room."""
    with mounted(folder, "-t", "tmpfs", "-o", f"size={size}{more}", "tmpfs"):
        yield folder


@contextmanager
def read_only(folder: str) -> Iterator[str]:
    """A folder on which nobody, not even root, can write."""
    with mounted(folder, "--bind", folder):
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        yield folder

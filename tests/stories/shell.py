"""seeknal as a process of its own: for stories of signals, kills and several runs at once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

from tests.project_on_disk import Project


def start(project: Project, *words: str) -> subprocess.Popen[str]:
    """Start a command in a process group of its own."""
    command = [sys.executable, "-m", "seeknal", *words, "--project-path", project.root]
    home = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": home},
    )


def until(true: Callable[[], bool], what: str, seconds: float = 20) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def slow_node(project: Project, name: str, needs: str, seconds: float = 30) -> str:
    """A Python node that writes its process id into a file and then sleeps; returns the path of that file."""
    mark = project.path(f"{name}.pid")
    project.write(
        f"seeknal/python/{name}.py",
        f"""
        import os
        import time

        from seeknal.pipeline import transform


        @transform(name="{name}", inputs=["{needs}"])
        def {name}(ctx):
            with open({mark!r}, "w") as file:
                file.write(str(os.getpid()) + " ")
            time.sleep({seconds})
            return ctx.ref("{needs}")
        """,
    )
    return mark


def pid_in(mark: str) -> int:
    """The process id that a slow node wrote, or 0."""
    try:
        with open(mark, encoding="ascii") as file:
            text = file.read()
    except OSError:
        return 0
    return int(text) if text.endswith(" ") else 0

"""One worker process, seen from the parent: started, asked, its output captured, killed.

Decides nothing about jobs. Whatever happens, no process outlives its `Process` object's `kill`, and none outlives the
parent: the kernel kills a worker when the parent's end of its `life` pipe closes.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

PRINTED = 64 * 1024
_LOOK = 0.5  # seconds between looks at whether the process still lives


class EndedError(Exception):
    """The process ended before it answered; the message says how."""


class LateError(Exception):
    """No answer in time."""


class Process:
    """A running worker. Used by one thread at a time; `kill` by any."""

    def __init__(self, command: Sequence[str], warm: str = "") -> None:
        """Start it; `warm` is a module that it imports while it waits for its first line."""
        jobs, self._jobs = os.pipe()
        self._answers, answers = os.pipe()
        life, self._life = os.pipe()
        self._output, output = os.pipe()
        theirs = (jobs, answers, life)
        try:
            self._process = subprocess.Popen(
                [*command, *map(str, theirs)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=theirs,
                start_new_session=True,  # Ctrl-C is for the parent, and the whole group can be killed
                env={
                    **os.environ,
                    "PYTHONHASHSEED": "0",
                    "SEEKNAL_WARM": warm,
                },  # the order of a set must not change a result
            )
        finally:
            for descriptor in (*theirs, output):
                os.close(descriptor)
        self.printed = Printed()
        self._pending = b""
        self._killed = False

    @property
    def pid(self) -> int:
        """The process id of what was started."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return not self._killed and self._process.poll() is None

    def ask(self, line: bytes) -> None:
        """Send a line."""
        self.printed = Printed()
        view = memoryview(line)
        try:
            while view:
                view = view[os.write(self._jobs, view) :]
        except OSError:
            raise EndedError(self._ending()) from None

    def answer(self, seconds: float) -> dict[str, Any]:
        """Wait for a line of JSON, meanwhile collecting what is printed. Raises EndedError, LateError."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self._pending:
            left = deadline - time.monotonic()
            if left <= 0:
                raise LateError
            if not self._listen(min(left, _LOOK)):
                raise EndedError(self._ending())
        line, _, self._pending = self._pending.partition(b"\n")
        self._drain()
        found: dict[str, Any] = json.loads(line)
        return found

    def _listen(self, seconds: float) -> bool:
        """Take in what there is; False when no answer can come any more."""
        was_alive = self._process.poll() is None
        ready = _readable((self._answers, self._output), seconds if was_alive else 0)
        if self._output in ready:
            self._drain()
        if self._answers not in ready:
            return was_alive
        part = os.read(self._answers, 65536)
        self._pending += part
        return bool(part)

    def _drain(self) -> None:
        while _readable((self._output,), 0):
            part = os.read(self._output, 65536)
            if not part:
                return
            self.printed.add(part)

    def _ending(self) -> str:
        self._drain()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        code = self._process.returncode
        if code is None:
            return "closed its connection to the build"
        number = -code if code < 0 else code - 128  # uv reports a signal like a shell does
        known = number in set(signal.valid_signals())
        return (
            f"was killed by signal {number} ({signal.Signals(number).name})"
            if known
            else f"ended with exit code {code}"
        )

    def kill(self) -> None:
        """End it, with everything that it started."""
        self._killed = True
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill it, wait for its end and close the pipes. Only by the thread that uses it."""
        self.kill()
        self._process.wait()
        for descriptor in (self._jobs, self._answers, self._life, self._output):
            with suppress(OSError):
                os.close(descriptor)
        self._jobs = self._answers = self._life = self._output = -1


def _readable(descriptors: Sequence[int], seconds: float) -> set[int]:
    poll = select.poll()  # unlike select(), it knows descriptors above 1024
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _ in poll.poll(seconds * 1000)}


class Printed:
    """The last 64 KiB of what a node printed."""

    def __init__(self) -> None:
        self._kept = b""
        self._dropped = 0

    def add(self, part: bytes) -> None:
        """Take in more."""
        kept = self._kept + part
        self._dropped += max(0, len(kept) - PRINTED)
        self._kept = kept[-PRINTED:]

    def text(self) -> str:
        """Return it as text."""
        text = self._kept.decode("utf-8", "backslashreplace")
        return f"({self._dropped} bytes before this)…{text}" if self._dropped else text

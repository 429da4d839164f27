"""Worker processes for Python nodes: started when needed, reused, and never left behind.

Decides which worker runs a job and what a worker's answer or end means. One worker runs one job at a time; a worker
whose node ended it, left threads running or took too long is replaced. Never runs project code in this process.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from seeknal.engines.python_packages import command
from seeknal.engines.python_process import PRINTED, EndedError, LateError, Process
from seeknal.errors import BuildFailed, DefinitionWrong, EnvironmentFailure, Interrupted, SeeknalError, safe
from seeknal.worker.job import Input, Job, encoded

__all__ = ["Input", "Job", "Outcome", "Pool"]

_START = 900.0  # seconds: uv may have to download packages first
_IDLE = 8  # workers kept for later, over all environments
_TAIL = 10  # lines of output shown with an error

_FAULTS: dict[str, type[SeeknalError]] = {
    "failed": BuildFailed,
    "wrong": DefinitionWrong,
    "environment": EnvironmentFailure,
}


class Outcome(NamedTuple):
    """What came of a job; the table is in its output file.

    `ordered`: the order of rows was the node's choice. `undeclared`: files that its code read and nothing declares.
    `state`: what the node wants to remember, if that has changed.
    """

    ordered: bool
    printed: str
    undeclared: tuple[str, ...]
    seconds: float
    pid: int
    state: str | None = None


class Pool:
    """Workers of one session. Safe to use from several threads; at most `size` jobs at a time."""

    def __init__(self, size: int | None = None) -> None:
        self._slots = threading.BoundedSemaphore(size) if size else None
        self._lock = threading.Lock()
        self._idle: list[tuple[tuple[str, ...], Process]] = []
        self._busy: set[Process] = set()
        self._coming: dict[tuple[str, ...], threading.Thread] = {}
        self._closed = False
        atexit.register(self.close)

    def expect(self, requirements: tuple[str, ...] = (), *, warm: str = "") -> None:
        """A job with these requirements is going to come: start its worker meanwhile, with `warm` imported."""
        start = command(requirements, None)
        thread = threading.Thread(target=self._come, args=(start, warm), name="worker-start", daemon=True)
        self._coming[start] = thread
        thread.start()

    def _come(self, start: tuple[str, ...], warm: str) -> None:
        # Whatever is wrong, the job meets it, too.
        with suppress(SeeknalError, OSError), self._lent(self._started(start, warm)) as process:
            self._put_back(start, process)

    def run(self, job: Job) -> Outcome:
        """Run a job. Raises BuildFailed, DefinitionWrong, EnvironmentFailure, Interrupted."""
        start = command(job.requirements, job.requires_python)
        with self._slot(), self._worker(start) as process:
            try:
                process.ask(encoded(job))
                answer = process.answer(job.timeout)
            except EndedError as ended:
                self._raise_if_closed()
                raise _failure(BuildFailed, f"its worker process {ended}", "node_killed", process) from None
            except LateError:
                what = f"not done after {job.timeout:g} seconds: it was killed"
                raise _failure(BuildFailed, what, "node_timeout", process) from None
            return self._outcome(answer, process, start)

    def close(self) -> None:
        """Kill every worker, also those that are running a job: that job raises Interrupted."""
        atexit.unregister(self.close)
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            for process in self._busy:
                process.kill()
        for _, process in idle:
            process.close()
        for thread in [*self._coming.values()]:
            thread.join()  # its worker was killed, or is as soon as it is there

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if self._slots is None:
            yield
            return
        with self._slots:
            yield

    @contextmanager
    def _worker(self, start: tuple[str, ...]) -> Iterator[Process]:
        """Lend a worker; one that was not put back meanwhile is killed, whatever happened."""
        coming = self._coming.pop(start, None)
        if coming is not None:
            coming.join()
        with self._lent(self._taken(start) or self._started(start)) as process:
            yield process

    @contextmanager
    def _lent(self, process: Process) -> Iterator[Process]:
        try:
            yield process
        finally:
            with self._lock:
                lent = process in self._busy
                self._busy.discard(process)
            if lent:
                process.close()

    def _taken(self, start: tuple[str, ...]) -> Process | None:
        self._raise_if_closed()
        with self._lock:
            dead = [item for item in self._idle if not item[1].is_alive()]
            self._idle = [item for item in self._idle if item not in dead]
            found = next((item for item in reversed(self._idle) if item[0] == start), None)
            if found is not None:
                self._idle.remove(found)
                self._busy.add(found[1])
        for _, process in dead:
            process.close()
        return found and found[1]

    def _started(self, start: tuple[str, ...], warm: str = "") -> Process:
        process = Process(start, warm)
        with self._lock:
            self._busy.add(process)
        try:
            self._raise_if_closed()
            process.answer(_START)
        except BaseException as error:
            with self._lock:
                self._busy.discard(process)
            process.close()
            self._raise_if_closed()
            if not isinstance(error, (EndedError, LateError)):
                raise
            raise _failure(EnvironmentFailure, f"the worker {error or 'did not start'}", "no_worker", process) from None
        return process

    def _outcome(self, answer: dict[str, Any], process: Process, start: tuple[str, ...]) -> Outcome:
        printed = safe(process.printed.text(), PRINTED + 100)
        fault = None
        if not answer["ok"]:
            fault = _failure(_FAULTS[answer["fault"]], answer["message"], answer["reason"], process, answer["hint"])
        if answer["clean"]:
            self._put_back(start, process)
        if fault is not None:
            raise fault
        undeclared, state = tuple(answer["undeclared"]), answer["state"]
        return Outcome(answer["ordered"], printed, undeclared, answer["seconds"], process.pid, state)

    def _put_back(self, start: tuple[str, ...], process: Process) -> None:
        with self._lock:
            if self._closed:
                return
            self._busy.discard(process)
            self._idle.append((start, process))
            oldest = self._idle.pop(0)[1] if len(self._idle) > _IDLE else None
        if oldest is not None:
            oldest.close()

    def _raise_if_closed(self) -> None:
        if self._closed:
            raise Interrupted("the build was stopped")


def _failure(fault: type[SeeknalError], what: str, reason: str, process: Process, hint: str = "") -> SeeknalError:
    """Return the error with the last printed lines; all that was kept of them is its note."""
    printed = process.printed.text()
    lines = printed.rstrip().splitlines()
    tail = "\nthe last it printed:\n  " + "\n  ".join(lines[-_TAIL:]) if lines else ""
    error = fault(what + tail, reason=reason, hint=hint)
    if printed:
        error.add_note(safe(printed, PRINTED + 100))
    return error

"""The worker process of Python nodes: reads jobs, runs them one after another, answers each with one line of JSON.

Started as a plain file (`python -P .../seeknal/worker/__main__.py`) with three file descriptors: jobs, answers, and one
that is open as long as the parent lives. What a node prints goes to the usual descriptors, which the parent captures.
Decides nothing about the build.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _bring_seeknal() -> None:
    """Make `seeknal` importable, but nothing else that lies beside it: those may be other versions of packages."""
    spec = PathFinder.find_spec("seeknal", [_ROOT])
    if "seeknal" in sys.modules or spec is None or spec.loader is None:
        return
    sys.modules["seeknal"] = module = module_from_spec(spec)
    spec.loader.exec_module(module)


_bring_seeknal()

import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from contextlib import nullcontext, suppress  # noqa: E402
from importlib import import_module  # noqa: E402
from types import CoroutineType  # noqa: E402
from typing import Any  # noqa: E402

from seeknal.model.lowering import quoted  # noqa: E402
from seeknal.pipeline import frames  # noqa: E402
from seeknal.pipeline.context import Facts, PipelineContext  # noqa: E402
from seeknal.pipeline.decorators import clear_registry  # noqa: E402
from seeknal.worker import surroundings  # noqa: E402
from seeknal.worker.database import Database  # noqa: E402
from seeknal.worker.failures import described  # noqa: E402
from seeknal.worker.job import Job, decoded, environment  # noqa: E402
from seeknal.worker.modules import Modules  # noqa: E402
from seeknal.worker.reads import Reads  # noqa: E402
from seeknal.worker.results import write  # noqa: E402


def main(jobs: int, answers: int, life: int) -> None:
    """Answer jobs until there are no more."""
    for descriptor in (jobs, answers, life):
        os.set_inheritable(descriptor, False)
    _die_with_parent(life)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    worker = Worker()
    warm = os.environ.pop("SEEKNAL_WARM", "")
    _say(answers, {"ready": os.getpid()})
    if warm:
        with suppress(ImportError):  # the job that needs it says so better
            import_module(warm)
    with open(jobs, "rb") as lines:
        for line in lines:
            _say(answers, worker.answer(decoded(line)))
            worker.prepare()


def _die_with_parent(life: int) -> None:
    """Have the kernel kill this process when the other end of `life` closes, whatever a node is doing then.

    Not PR_SET_PDEATHSIG: it fires when the *thread* that started the worker ends, and knows only the direct parent.
    """
    import fcntl

    if not hasattr(fcntl, "F_SETSIG"):  # not Linux
        import threading

        threading.Thread(target=lambda: (os.read(life, 1), os._exit(1)), daemon=True).start()
        return
    fcntl.fcntl(life, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(life, fcntl.F_SETSIG, 9)
    fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC)


def _say(answers: int, answer: dict[str, Any]) -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    line = json.dumps(answer).encode() + b"\n"
    while line:
        line = line[os.write(answers, line) :]


class Worker:
    """Runs jobs; keeps an empty DuckDB ready for the next one."""

    def __init__(self) -> None:
        self._reads = Reads()
        self._database = Database()

    def prepare(self) -> None:
        """Make the next job's DuckDB ready while nobody waits."""
        self._database.prepare()

    def answer(self, job: Job) -> dict[str, Any]:
        """Run one job, whatever happens in it."""
        start = time.perf_counter()
        try:
            ordered, state = self._run(job)
        except BaseException as error:  # noqa: BLE001 - the node's fault is an answer, not the worker's end
            return {"ok": False, "clean": surroundings.is_clean(), **described(error, job.project)}
        inputs = (path for data in job.inputs.values() for path in data.paths)
        shipped = (os.path.join(job.project, file) for file, _ in job.sources.values())
        undeclared = self._reads.undeclared(job.project, (*inputs, *shipped, job.output))
        seconds = time.perf_counter() - start
        clean = surroundings.is_clean()
        told = {"ordered": ordered, "undeclared": undeclared, "seconds": seconds, "state": state}
        return {"ok": True, "clean": clean, **told}

    def _run(self, job: Job) -> tuple[bool, str | None]:
        modules = Modules(job.sources, job.module, job.project) if job.sources else None
        clear_registry()
        frames.forget()
        with self._database.lent(job.threads) as (connection, writer):
            context = PipelineContext(_facts(job), lambda: connection)
            installed = modules.installed(job.project, job.module) if modules else nullcontext()
            with surroundings.kept(job.project, environment(job)), installed:
                with self._database.watched(), self._reads.watching():
                    result = _called(job, context)
                if job.empty and isinstance(result, list) and not result:
                    result = connection.sql(f"SELECT CAST(NULL AS TIMESTAMP) AS {quoted(job.empty)} WHERE false")
                return write(result, job.output, writer), context.state.changed()


def _facts(job: Job) -> Facts:
    clock, inputs = job.as_of, job.inputs
    return Facts(
        job.node, job.project, job.target, clock, job.params, job.config, inputs, job.meta, job.state, job.interval
    )


def _called(job: Job, context: PipelineContext) -> Any:
    import inspect

    function: Callable[..., Any] = getattr(import_module(job.module), job.function)
    result = function(context) if inspect.signature(function).parameters else function()
    if isinstance(result, CoroutineType):
        import asyncio

        return asyncio.run(result)
    return result


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))

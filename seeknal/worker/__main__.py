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
from contextlib import closing, nullcontext, suppress  # noqa: E402
from importlib import import_module  # noqa: E402
from types import CoroutineType  # noqa: E402
from typing import Any  # noqa: E402

from seeknal.pipeline.context import Facts, PipelineContext  # noqa: E402
from seeknal.pipeline.decorators import clear_registry  # noqa: E402
from seeknal.worker import surroundings  # noqa: E402
from seeknal.worker.failures import described  # noqa: E402
from seeknal.worker.job import Job, decoded  # noqa: E402
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
    _say(answers, {"ready": os.getpid()})
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
        self._spare: Any = None

    def prepare(self) -> None:
        """Open the next job's DuckDB while nobody waits."""
        self._spare = _connected()

    def answer(self, job: Job) -> dict[str, Any]:
        """Run one job, whatever happens in it."""
        start = time.perf_counter()
        try:
            ordered = self._run(job)
        except BaseException as error:  # noqa: BLE001 - the node's fault is an answer, not the worker's end
            return {"ok": False, "clean": surroundings.is_clean(), **described(error, job.project)}
        inputs = (path for data in job.inputs.values() for path in data.paths)
        shipped = (os.path.join(job.project, file) for file, _ in job.sources.values())
        undeclared = self._reads.undeclared(job.project, (*inputs, *shipped, job.output))
        seconds = time.perf_counter() - start
        clean = surroundings.is_clean()
        return {"ok": True, "ordered": ordered, "undeclared": undeclared, "seconds": seconds, "clean": clean}

    def _run(self, job: Job) -> bool:
        import duckdb

        modules = Modules(job.sources, job.module, job.project) if job.sources else None
        clear_registry()
        connection, self._spare = self._spare or _connected(), None
        with (
            closing(connection),
            closing(connection.cursor()) as writer,
            surroundings.kept(job.project, _environment(job)),
        ):
            connection.execute(f"SET threads = {max(1, job.threads)}")
            duckdb.set_default_connection(connection)  # so that duckdb.sql() sees what ctx.duckdb sees
            with modules.installed(job.project, job.module) if modules else nullcontext():
                with self._reads.watching():
                    result = _called(job, connection)
                return write(result, job.output, writer)


def _connected() -> Any:
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def _called(job: Job, connection: Any) -> Any:
    import inspect

    facts = Facts(job.node, job.project, job.target, job.as_of, job.params, job.config, job.inputs)
    context = PipelineContext(facts, lambda: connection)
    function: Callable[..., Any] = getattr(import_module(job.module), job.function)
    result = function(context) if inspect.signature(function).parameters else function()
    if isinstance(result, CoroutineType):
        import asyncio

        return asyncio.run(result)
    return result


def _environment(job: Job) -> dict[str, str]:
    scalars = {name: value for name, value in job.params.items() if isinstance(value, (str, int, float, bool))}
    parameters = {f"SEEKNAL_PARAM_{name.upper()}": str(value) for name, value in scalars.items() if "=" not in name}
    return {**parameters, "SEEKNAL_PROJECT_PATH": job.project}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))

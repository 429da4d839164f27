"""What a worker is asked, as one line of JSON.

Plain data, known to both sides; decides nothing.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from seeknal.pipeline.context import About
from seeknal.pipeline.context import InputData as Input

__all__ = ["About", "Input", "Job", "decoded", "encoded", "environment"]


class Job(NamedTuple):
    """One execution of a node function.

    `sources` maps a module's name to its file (relative to the project) and the text to execute; `module` is the one
    with the function; without sources it is a module of seeknal's own. `inputs` maps node ids to absolute Parquet paths.
    `output` is the absolute path of the Parquet file to write, `as_of` an ISO timestamp in UTC. `requirements` and
    `requires_python` come from the script header. `empty` is the column of a table that an empty list stands for.
    """

    node: str
    function: str
    sources: dict[str, tuple[str, str]]
    inputs: dict[str, Input]
    output: str
    project: str
    target: str
    as_of: str
    params: dict[str, Any] = {}  # noqa: RUF012 - never changed
    config: dict[str, Any] = {}  # noqa: RUF012
    meta: dict[str, Any] = {}  # noqa: RUF012
    state: dict[str, Any] = {}  # noqa: RUF012
    module: str = "__node__"
    interval: tuple[str, str] | None = None
    empty: str = ""
    threads: int = 1
    timeout: float = 1800.0
    requirements: tuple[str, ...] = ()
    requires_python: str | None = None


def encoded(job: Job) -> bytes:
    """Return the line for a job."""
    return json.dumps(job._asdict(), default=str).encode() + b"\n"


def decoded(line: bytes) -> Job:
    """Return the job of a line."""
    members = json.loads(line)
    inputs = {name: _input(*parts) for name, parts in members["inputs"].items()}
    return Job(**{**members, "inputs": inputs})


def _input(paths: list[str], columns: list[str] | None, about: list[Any] | None) -> Input:
    known = About(about[0], tuple(about[1]), about[2]) if about else None
    return Input(tuple(paths), None if columns is None else tuple(columns), known)


def environment(job: Job) -> dict[str, str]:
    """The environment variables of a job: the project's folder, and each parameter as text."""
    named = {name: value for name, value in job.params.items() if name.isidentifier() and value is not None}
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in named.items()}
    return {"SEEKNAL_PROJECT_PATH": job.project, **{f"SEEKNAL_PARAM_{n.upper()}": text for n, text in texts.items()}}

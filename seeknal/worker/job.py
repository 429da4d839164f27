"""What a worker is asked, as one line of JSON.

Plain data, known to both sides; decides nothing.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from seeknal.pipeline.context import InputData as Input

__all__ = ["Input", "Job", "decoded", "encoded"]


class Job(NamedTuple):
    """One execution of a node function.

    `sources` maps a module's name to its file (relative to the project) and the text to execute; `module` is the one
    with the function; without sources it is a module of seeknal's own. `inputs` maps node ids to absolute Parquet paths.
    `output` is the absolute path of the Parquet file to write, `as_of` an ISO timestamp in UTC. `requirements` and
    `requires_python` come from the script header.
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
    module: str = "__node__"
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
    inputs = {
        name: Input(tuple(paths), columns and tuple(columns)) for name, (paths, columns) in members["inputs"].items()
    }
    return Job(**{**members, "inputs": inputs})

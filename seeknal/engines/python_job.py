"""What a worker is told for a node: its code, its inputs, its parameters, and what it remembered.

Decides that a broken state stops the node: to go on without it could load everything again, or nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from seeknal.engines.base import Setting
from seeknal.errors import BuildFailed
from seeknal.model.lowering import in_this_run
from seeknal.model.node import Node, view_stem
from seeknal.worker.job import About, Input, Job


def job_of(
    node: Node, setting: Setting, interval: tuple[str, str] | None, paths: Mapping[str, str], output: str
) -> Job:
    """The job of a node whose inputs are the files `paths`. Raises BuildFailed."""
    late = node.recipe.late
    asked = {need.node: need.columns for need in node.recipe.inputs}
    about = late.get("entities", {})
    header = late["header"]
    return Job(
        node=node.id,
        function=late["function"],
        sources=late["sources"],
        inputs={name: Input((path,), asked.get(name), _about(about.get(name))) for name, path in paths.items()},
        output=output,
        project=setting.project,
        target=setting.target,
        as_of=setting.as_of.isoformat(),
        params=in_this_run(late["params"], setting.run_id, setting.as_of, interval),
        interval=interval,
        empty=node.traits["cadence"].column if interval and "then" not in node.recipe.definition else "",
        meta=late["meta"],
        state=_state(node, setting.states) if {"state", "*"}.intersection(late["uses"]) else {},
        threads=1 if setting.workers > 1 else setting.threads,
        timeout=late["timeout"] or setting.timeout,
        requirements=header.dependencies if header else (),
        requires_python=header.requires_python if header else None,
    )


def _about(facts: list[Any] | None) -> About | None:
    return About(facts[0], tuple(facts[1]), facts[2]) if facts else None


def _state(node: Node, folders: tuple[str, ...]) -> dict[str, Any]:
    """What the node remembers, from the first folder that has it: an environment begins with what `prod` remembers."""
    paths = [os.path.join(folder, f"{view_stem(node.id)}.json") for folder in folders]
    path = next((path for path in paths if os.path.lexists(path)), paths[0])
    try:
        with open(path, "rb") as file:
            found = json.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BuildFailed(f"{path} cannot be read ({error}): repair or delete it", reason="broken_state") from None
    if not isinstance(found, dict):
        raise BuildFailed(f"{path} is not a state of a node: repair or delete it", reason="broken_state")
    return found

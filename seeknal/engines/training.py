"""The training engine: a model is fitted and asked in a worker process, with functions of our own.

Decides the action of a model: what is learnt from which columns, with which version of the packages and of our own code.
What the fields mean for the columns at hand is the kind's business. Never imports what it trains with.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

from seeknal import kinds
from seeknal.engines.base import File, Product, Setting
from seeknal.engines.installed import installed
from seeknal.engines.python_pool import Input, Job, Pool
from seeknal.errors import BuildFailed, DefinitionWrong, EnvironmentFailure, Problem
from seeknal.model.action import Action, Artifact, Used
from seeknal.model.digest import digest_of
from seeknal.model.lowering import Wrong
from seeknal.model.node import Node
from seeknal.model.plan import Prepared
from seeknal.worker import training

_PATIENCE = 1e9  # seconds: learning may take as long as it takes
_MODULES = {"scikit-learn": "sklearn"}


def open_engine(setting: Setting) -> TrainingEngine:
    """The engine for a session."""
    return TrainingEngine(setting)


class TrainingEngine:
    """Nodes that learn."""

    tag = f"training/{sys.version_info.major}.{sys.version_info.minor}"

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._pool = Pool()

    def references(self, node: Node) -> tuple[str, ...]:
        """Nothing more than the kind has said."""
        return ()

    def prepare(self, node: Node, inputs: Mapping[str, Artifact], files: tuple[tuple[File, ...], ...]) -> Prepared:
        """The action: what is learnt from which columns, and by which code."""
        names = [need.node for need in node.recipe.inputs]
        found = self._found(node, [inputs[name].schema for name in names])
        reads = dict(zip(names, found.pop("reads"), strict=False))
        used = tuple(_used(name, inputs[name], columns) for name, columns in reads.items())
        document = {**node.recipe.definition, **found, "code": _code(), "packages": self._packages(node)}
        job = {**node.recipe.late["training"], **found, "node": node.id, "inputs": list(reads)}
        return Prepared(Action(self.tag, document, used), {name: name for name in reads}, None, (job, reads))

    def _found(self, node: Node, schemas: list[Any]) -> dict[str, Any]:
        definition = node.recipe.definition
        try:
            found: dict[str, Any] = kinds.get(definition["expand"]).expand(definition, schemas)
        except Wrong as wrong:
            problem = Problem(node.file, _line(node, wrong), f"{node.id}: {wrong.message}", "wrong_field")
            raise DefinitionWrong(wrong.message, reason="wrong_field", problem=problem) from wrong
        return found

    def _packages(self, node: Node) -> dict[str, str | None]:
        names = [text.partition(">")[0] for text in node.recipe.late["requirements"]]
        return {name: installed(name, _MODULES.get(name, name), self._setting.watch) for name in names}

    def expect_builds(self, nodes: Sequence[Node]) -> None:
        """Models are going to be fitted: importing what does it takes longer than most of them."""
        with suppress(EnvironmentFailure):  # told when it is their turn
            self._pool.expect(nodes[0].recipe.late["requirements"], warm="sklearn.pipeline")

    def run(self, node: Node, prepared: Prepared, paths: Mapping[str, str], output: str) -> Product:
        """Fit and ask the model in a worker; the order of rows is that of the input."""
        try:
            outcome = self._pool.run(self._job(node, prepared, paths, output))
        except EnvironmentFailure as error:
            raise self._lacking(node, error) from error
        except BuildFailed as error:
            error.message = f"{node.file}:{node.line}: {node.id}: {error.message}"
            raise
        return Product(order_counts=True, notes=tuple(outcome.printed.splitlines()[:20]))

    def _job(self, node: Node, prepared: Prepared, paths: Mapping[str, str], output: str) -> Job:
        told, reads = prepared.ready
        return Job(
            node=node.id,
            module=training.MODULE,
            function=training.FUNCTION,
            sources={},
            inputs={name: Input((paths[name],), columns and tuple(columns)) for name, columns in reads.items()},
            output=output,
            project=self._setting.project,
            target=self._setting.target,
            as_of=self._setting.as_of.isoformat(),
            params={training.PARAMETER: told},
            threads=1 if self._setting.workers > 1 else self._setting.threads,
            timeout=_PATIENCE,
            requirements=node.recipe.late["requirements"],
        )

    def _lacking(self, node: Node, error: EnvironmentFailure) -> EnvironmentFailure:
        if error.reason != "missing_package":
            error.message = f"{node.file}:{node.line}: {node.id}: {error.message}"
            return error
        needed = " and ".join(node.recipe.late["requirements"])
        text = f"{node.file}:{_line(node, Wrong(('training', 'algorithm'), ''))}: {node.id}: training needs {needed}"
        hint = "pip install 'seeknal[ml]', or install uv: it then trains in an environment of its own"
        return EnvironmentFailure(text, reason="missing_package", hint=hint)

    def close(self) -> None:
        """Kill the workers."""
        self._pool.close()


def _line(node: Node, wrong: Wrong) -> int:
    lines = node.traits["lines"]["fields"]
    for end in range(len(wrong.path), 0, -1):
        name = ".".join(map(str, wrong.path[:end]))
        if name in lines:
            return int(lines[name])
    return node.line


def _used(name: str, artifact: Artifact, columns: list[str] | None) -> Used:
    return Used(name, artifact.rows, tuple(c for c in artifact.columns if columns is None or c.name in columns))


@cache
def _code() -> str:
    """A digest of what runs in the worker, so that another way to train is another action."""
    with open(training.__file__, encoding="utf-8") as file:
        return digest_of(ast.dump(ast.parse(file.read())).encode())

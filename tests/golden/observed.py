"""What a project shows after a run, as plain JSON: its plan line by line, its tables without the last bits of floats, its keys.

Decides which differences count. A float counts to nine digits, in texts too: another version of DuckDB may add up in another
order. What a model says counts to a hundredth, and is kept as it is, because its numbers depend on other people's solvers.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
import os
import re
import sys
from typing import Any

from tests.project_on_disk import Project, reader

# What keys hold besides the project: the engines by version, and bytes of column chunks, which their writers decide.
MAKERS = ("duckdb", "numpy", "pandas", "polars", "pyarrow", "scikit-learn")
_DECIMALS = re.compile(r"\d+\.\d+")


def versions() -> dict[str, str]:
    """What the keys of this environment depend on."""
    python = ".".join(map(str, sys.version_info[:2]))
    return {"python": python, **{name: importlib.metadata.version(name) for name in MAKERS}}


def planned(project: Project, *options: str) -> list[str]:
    """A line for each target in the order of the plan: verdict, category with its details, reasons."""
    plan = project.seeknal("plan", "--json", *options).json
    told = {change["node"]: change for change in plan["changes"]}
    return [_line(step, told.get(step["node"])) for step in plan["steps"]]


def _line(step: dict[str, Any], change: dict[str, Any] | None) -> str:
    words = [step["node"], step["verdict"]]
    if change:
        words.append(f"{change['category']} ({'; '.join(change['details'])})")
    words += [" ".join(part for part in reason.values() if part) for reason in step["reasons"]]
    return " | ".join(words)


def keys(project: Project, *options: str) -> dict[str, str]:
    """The action key of each target of a project that is up to date."""
    steps = project.seeknal("plan", "--json", *options).json["steps"]
    assert [step["node"] for step in steps if step["verdict"] != "HIT"] == []
    return {step["node"]: step["action"] for step in steps}


def tables(project: Project, targets: list[str]) -> dict[str, Any]:
    """Rows, columns and content of each target, and of what exposures wrote."""
    return {target: _table(project, target) for target in sorted(targets)}


def files(project: Project, folder: str) -> dict[str, str]:
    """The digest of each file in a folder of texts."""
    names = sorted(os.listdir(project.path(folder)))
    return {name: _digest([_rounded(project.read(os.path.join(folder, name)))]) for name in names}


def views(project: Project) -> list[str]:
    """Every file that a reader sees."""
    found = []
    for top in ("intermediate", "feature_store"):
        for folder, _, names in os.walk(project.path("target", top)):
            found += [os.path.relpath(os.path.join(folder, name), project.path("target")) for name in names]
    return sorted(found)


def _table(project: Project, target: str) -> dict[str, Any]:
    relation = f"read_parquet('{project.view(target)}')"
    columns = [row[:2] for row in reader().execute(f"DESCRIBE FROM {relation}").fetchall()]
    rows = reader().execute(f"SELECT * FROM {relation}").fetchall()
    guesses = [i for i, (_, type_) in enumerate(columns) if target.startswith("model.") and type_ == "DOUBLE"]
    kept = [[value for i, value in enumerate(row) if i not in guesses] for row in rows]
    found = {"rows": len(rows), "columns": [f"{name} {type_}" for name, type_ in columns], "content": _digest(kept)}
    about = {columns[i][0]: [round(row[i], 3) for row in rows] for i in guesses}
    return {**found, "about": about} if about else found


def _digest(rows: list[Any]) -> str:
    """Of rows in their order: it is promised."""
    text = "\n".join(json.dumps(_plain(row), ensure_ascii=False) for row in rows)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value + 0.0:.9g}" if math.isfinite(value) else str(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    return value if value is None or isinstance(value, bool | int) else _rounded(str(value))


def _rounded(text: str) -> str:
    return _DECIMALS.sub(lambda number: f"{float(number[0]):.9g}", text)

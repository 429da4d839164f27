"""Projects that nobody wrote: as many nodes as wanted, with columns, SQL, checks and a past, as pages get them."""

from __future__ import annotations

import random
from typing import Any

from seeknal.model.lineage import ENDS, EXACT, PERHAPS, SOURCE, At, Lineage
from seeknal.pictures.lineage import lineage_page

COLUMNS = (
    ("id", "BIGINT"),
    ("grp", "VARCHAR"),
    ("v", "DOUBLE"),
    ("day", "DATE"),
    ("city", "VARCHAR"),
    ("note", "VARCHAR"),
)


def made_lineages(count: int, text: str = "") -> tuple[dict[str, Lineage], dict[str, tuple[str, ...]]]:
    """The lineage of each node, and what each reads."""
    chance = random.Random(count)
    lineages: dict[str, Lineage] = {}
    inputs: dict[str, tuple[str, ...]] = {}
    for i in range(count):
        name = f"{('source', 'transform', 'rule')[0 if i < count // 10 else 2 if i % 11 == 0 else 1]}.n{i}"
        tables = [other for other in list(inputs)[-count // 5 :] if not other.startswith("rule")]
        inputs[name] = () if name.startswith("source") else tuple(chance.sample(tables, min(len(tables), 1 + i % 2)))
        lineages[name] = _lineage(name, inputs[name], text)
    return lineages, inputs


def made_up(count: int, text: str = "") -> str:
    """The page of a project of `count` nodes, each with `text` wherever a person or their data could have put it."""
    lineages, inputs = made_lineages(count, text)
    nodes = {name: _facts(name, i, inputs[name], text) for i, name in enumerate(inputs)}
    facts = {
        "project": f"made up{text}", "environment": "prod", "hint": "", "start": [None, None],
        "generations": _generations(),
        "failures": {"run": "r9", "at": 1e9, "failed": [{"target": list(inputs)[-1], "error": f"it broke{text}", "reason": "x"}]},
        "nodes": nodes,
    }  # fmt: skip
    return lineage_page(lineages, inputs, facts)


def _generations() -> list[dict[str, str]]:
    days = [f"2026-01-{day:02}T00:00:00+00:00" for day in range(1, 11)]
    return [{"generation": f"{i:012x}", "run": f"r{i}", "created": day} for i, day in enumerate(days)]


def _columns(text: str) -> tuple[tuple[str, str], ...]:
    return (*COLUMNS, (f"odd{text}", "VARCHAR"))


def _lineage(name: str, inputs: tuple[str, ...], text: str) -> Lineage:
    columns = _columns(text)
    turn = int(name.rpartition("n")[2])
    how = ENDS if name.startswith("rule") else SOURCE if not inputs else PERHAPS if turn % 7 == 0 else EXACT
    reads = {need: tuple(column for column, _ in columns) for need in inputs}
    used = columns[: 3 + turn % 4]  # of the others, an exact one only filters
    origins = {column: tuple(At(need, column) for need in inputs) for column, _ in used} if how == EXACT else {}
    return Lineage(name, how, columns, reads, origins)


def _facts(name: str, i: int, inputs: tuple[str, ...], text: str) -> dict[str, Any]:
    kind, _, short = name.partition(".")
    found: dict[str, Any] = {
        "kind": kind, "name": short, "file": f"seeknal/{short}{text}.yml", "line": 1, "engine": "duckdb", "table": kind != "rule",
        "meta": {"description": f"what {short} is for{text}", "tags": [f"daily{text}"], "owner": f"ann{text}"},
        "definition": "", "settings": {"sql": f"SELECT id, grp, v, day, city, note FROM t -- {text or 'a comment as long as most'}"},
        "guards": inputs[0] if kind == "rule" else None, "rows": [100 + i * j for j in range(10)], "count": 100 + i * 9,
        "size": 4096, "intervals": 0, "built": {"run": f"r9{text}", "milliseconds": 12, "at": "", "since": ""},
    }  # fmt: skip
    if kind == "rule":
        found["findings"] = [
            {"check": f"not_null(v){text}", "severity": "warn", "passed": i % 3 > 0, "violations": i % 3, "rows": 100,
             "text": f"not_null(v): 2 of 100{text}"}
        ]  # fmt: skip
        found["violations"] = [{f"not_null(v){text}": j % 3} for j in range(10)]
    return found

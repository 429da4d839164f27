"""What is known of each node and of its past: for pictures and reports. Reads what is published, changes nothing.

Decides how far back the past goes, and which run counts as the last one. How it looks, `pictures` decides.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from seeknal.build.audit import findings_of
from seeknal.build.lineage import Known
from seeknal.build.log import read_log
from seeknal.build.session import Session
from seeknal.build.target import sql_engine
from seeknal.errors import concealed
from seeknal.model.checks import Finding
from seeknal.model.digest import plain, short
from seeknal.model.generation import Generation, Published
from seeknal.model.lowering import path_literal
from seeknal.model.node import Node
from seeknal.project.meta import META
from seeknal.store import refs
from seeknal.store.cache import Damaged

PAST = 30  # so many generations are looked at
_LOGS = 5
_BULKY = ("sql", "code", "expand", "table")


def facts(session: Session, known: Known) -> dict[str, Any]:
    """Everything that a picture of the project shows besides its lineage, as plain data."""
    past = _past(session)
    generation = session.generation
    return {
        "project": session.project.name if session.project else os.path.basename(session.root),
        "environment": session.request.environment,
        "generations": [{"generation": short(d), "run": g.run, "created": g.created} for d, g in past],
        "published": bool(generation),
        "nodes": {name: _node(session, node, known, past) for name, node in session.graph.nodes.items()},
        "failures": failures(session),
    }


def _past(session: Session) -> list[tuple[str, Generation]]:
    """The last generations, oldest first."""
    found: list[tuple[str, Generation]] = []
    for item in refs.history(session.store, session.target, session.request.environment):
        found.append(item)
        if len(found) == PAST:
            break
    return found[::-1]


def _node(session: Session, node: Node, known: Known, past: list[tuple[str, Generation]]) -> dict[str, Any]:
    published = session.generation.targets.get(node.id) if session.generation else None
    found: dict[str, Any] = {
        "kind": node.kind,
        "name": node.name,
        "file": node.file,
        "line": node.line,
        "engine": node.recipe.engine,
        "table": node.is_table,
        "meta": {key: node.meta[key] for key in META if key in node.meta},
        "definition": known.sql.get(node.id, "") if node.is_table else "",
        "settings": _settings(node),
        "guards": node.traits.get("guards"),
        "profiles": node.traits.get("profiles"),
        "rows": [target.artifact.rows if (target := g.targets.get(node.id)) else None for _, g in past],
    }
    if published:
        found |= _published(session, node, published, past)
    return found


def _settings(node: Node) -> dict[str, Any]:
    """What the definition says besides its SQL or its code."""
    said = {name: value for name, value in plain(node.recipe.definition).items() if name not in _BULKY}
    if isinstance(sql := node.recipe.definition.get("sql"), str) and node.is_table:
        said["sql"] = sql
    return {**dict(concealed(said)), **({"files": list(node.recipe.files)} if node.recipe.files else {})}


def _published(
    session: Session, node: Node, published: Published, past: list[tuple[str, Generation]]
) -> dict[str, Any]:
    artifact = published.artifact
    found: dict[str, Any] = {"size": artifact.size, "intervals": artifact.parts, "count": artifact.rows}
    made = session.store.made(published.action)
    at = next((g.created for _, g in past if g.run == made.get("run")), "")
    found["built"] = {
        "run": made.get("run"),
        "milliseconds": made.get("milliseconds"),
        "at": at,
        "since": _since(node.id, past),
    }
    if "checks" in node.traits:
        found["findings"] = [_finding(f) for f in _findings(session, node, published)]
        found["violations"] = [_violations(g.targets.get(node.id)) for _, g in past]
    elif "profiles" in node.traits:
        found["profile"] = _profile(session, node.id, past)
    return found


def _since(name: str, past: list[tuple[str, Generation]]) -> str:
    """When the generation was published that first had what is published now, as far back as is looked."""
    since = ""
    now = past[-1][1].targets[name].artifact if past and name in past[-1][1].targets else None
    for _, generation in reversed(past):
        target = generation.targets.get(name)
        if target is None or target.artifact != now:
            break
        since = generation.created
    return since


def _findings(session: Session, node: Node, published: Published) -> tuple[Finding, ...]:
    try:
        return findings_of(session, node, published.artifact)
    except Damaged:
        return ()


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "check": found.check,
        "severity": found.severity,
        "passed": found.passed,
        "violations": found.violations,
        "rows": found.rows,
        "text": found.text(),
    }


def _violations(target: Published | None) -> dict[str, int]:
    """Check -> violations, as they were noted in a generation."""
    told = target.meta.get("findings") if target else None
    return {str(row["check"]): int(row["violations"]) for row in told} if isinstance(told, list) else {}


def _profile(session: Session, name: str, past: list[tuple[str, Generation]]) -> list[dict[str, Any]]:
    """The rows of a profile, each with the values that it had in the past, oldest first."""
    tables = [_rows(session, generation.targets.get(name)) for _, generation in past]
    details = tables[-1] if tables else {}
    return [
        {"column": column, "metric": metric, "value": value, "detail": detail,
         "past": [table[column, metric][0] if (column, metric) in table else None for table in tables]}
        for (column, metric), (value, detail) in details.items()
    ]  # fmt: skip


def _rows(session: Session, target: Published | None) -> dict[tuple[str, str], tuple[Any, Any]]:
    if target is None or session.store.present(target.artifact).artifact is None:
        return {}
    try:
        path = session.store.verified(target.artifact)
    except Damaged:
        return {}
    con = sql_engine(session).connections.own()
    rows = con.execute(f"SELECT column_name, metric, value, detail FROM read_parquet({path_literal(path)})").fetchall()
    return {(column, metric): (value, detail) for column, metric, value, detail in rows}


def failures(session: Session) -> dict[str, Any] | None:
    """What failed in the last run of this environment that had something to do; None when nothing did."""
    for path in _logs(os.path.dirname(session.target.log("run"))):
        events = list(read_log(path))
        planned = next((event for event in events if event.get("event") == "planned"), None)
        if planned and planned.get("environment", session.request.environment) == session.request.environment:
            failed = [_failed(event) for event in events if event.get("event") == "failed"]
            run = os.path.basename(path).removesuffix(".jsonl")
            return {"run": run, "at": planned.get("at"), "failed": failed} if failed else None
    return None


def _failed(event: Mapping[str, Any]) -> dict[str, Any]:
    return {"target": event.get("target", ""), "error": event.get("error", ""), "reason": event.get("reason", "")}


def _logs(folder: str) -> list[str]:
    """The latest logs, newest first."""
    try:
        with os.scandir(folder) as entries:
            found = [(entry.stat().st_mtime_ns, entry.path) for entry in entries if entry.name.endswith(".jsonl")]
    except OSError:
        return []
    return [path for _, path in sorted(found, reverse=True)[:_LOGS]]

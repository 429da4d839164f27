"""Auditing: what the checks among a run's targets found, before anybody sees what was built.

Decides which targets a failed check holds back: the table that it guards and all that is made of it. The findings
themselves are artifacts like others; how they are judged is `model/checks.py`. Publishes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seeknal.build.execute import Tell
from seeknal.build.folders import path_of
from seeknal.build.results import Results
from seeknal.build.session import Session
from seeknal.build.target import sql_engine
from seeknal.errors import RuleFailed, safe
from seeknal.model.action import Artifact
from seeknal.model.checks import SHOWN, Check, Finding, document, finding
from seeknal.model.lowering import path_literal
from seeknal.model.node import Node
from seeknal.store.cache import Damaged


def audit(session: Session, results: Results, tell: Tell) -> None:
    """Read the findings of every check that is up to date; fail what must not be published. Raises Damaged."""
    for name, artifact in results.artifacts.items():
        node = session.graph.nodes[name]
        if "checks" in node.traits:
            results.findings[name] = findings_of(session, node, artifact)
            _judge(session, node, results, tell)


def findings_of(session: Session, node: Node, artifact: Artifact) -> tuple[Finding, ...]:
    """What the checks of a rule or an audit came to, at the time of the run's clock. Raises Damaged."""
    published = session.generation.targets.get(node.id) if session.generation else None
    known = published.meta.get("findings") if published and published.artifact == artifact else None
    rows = known if isinstance(known, list) else _rows(session, artifact)
    now = session.request.as_of.timestamp()
    return tuple(finding(row, now) for row in rows)


def _rows(session: Session, artifact: Artifact) -> list[dict[str, Any]]:
    con = sql_engine(session).connections.own()
    done = con.execute(f"FROM read_parquet({path_literal(session.store.verified(artifact))}) ORDER BY position")
    names = [column[0] for column in done.description]
    return [dict(zip(names, row, strict=True)) for row in done.fetchall()]


def noted(findings: Mapping[str, tuple[Finding, ...]]) -> dict[str, dict[str, Any]]:
    """Findings as words of a generation: id -> what is kept beside the artifact."""
    return {name: {"findings": [document(found) for found in told]} for name, told in findings.items()}


def _judge(session: Session, node: Node, results: Results, tell: Tell) -> None:
    broken = [
        (check, f) for check, f in zip(node.traits["checks"], results.findings[node.id], strict=True) if not f.passed
    ]
    for _, found in broken:
        if not found.blocks:
            tell("warned", target=node.id, severity=found.severity, text=found.text())
    blocking = [(check, found) for check, found in broken if found.blocks]
    if not blocking:
        return
    texts = [found.text() + _shown(session, node, check, results) for check, found in blocking]
    guarded = node.traits["guards"]
    text = f"{node.file}:{node.line}: {node.id}: {guarded} " + "\n".join(texts)
    error = RuleFailed(text, hint=f"look at what was built: seeknal inspect {guarded} --run {session.request.run_id}")
    _hold(session, node, results)
    results.failed[node.id] = error
    tell("failed", target=node.id, error=str(error), reason=error.reason, file=node.file, line=node.line)


def _hold(session: Session, node: Node, results: Results) -> None:
    """Keep out of the publication what the failed check is about."""
    guarded = node.traits["guards"]
    for name in (node.id, guarded, *session.graph.descendants([guarded])):
        results.held.setdefault(name, node.id)


def _shown(session: Session, node: Node, check: Check, results: Results) -> str:
    """Some of the rows that break a check, as lines."""
    inputs = {need: results.artifacts.get(need) for need in session.graph.inputs[node.id]}
    known = {need: artifact for need, artifact in inputs.items() if artifact is not None}
    if not check.query.sample or len(known) != len(inputs):
        return ""
    try:
        paths = {need: path_of(session, artifact, []) for need, artifact in known.items()}
    except Damaged:
        return ""
    names, rows = sql_engine(session).sample(node, check.query.sample, paths, SHOWN)
    return "".join("\n    " + ", ".join(f"{n}={safe(v, 80)}" for n, v in zip(names, row, strict=True)) for row in rows)

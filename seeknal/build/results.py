"""What a run is asked to do beyond its plan, and what becomes of each target: two records, decided elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field

from seeknal.build.target import Built
from seeknal.model.action import Artifact
from seeknal.model.checks import Finding
from seeknal.model.plan import Step


@dataclass(frozen=True, slots=True)
class Policy:
    """How a run goes about its targets."""

    force: frozenset[str] = frozenset()
    workers: int = 1
    retries: int = 0
    go_on: bool = False


@dataclass(slots=True)
class Results:
    """What became of each target."""

    steps: dict[str, Step] = field(default_factory=dict)
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    built: dict[str, Built] = field(default_factory=dict)
    failed: dict[str, Exception] = field(default_factory=dict)
    skipped: dict[str, tuple[str, ...]] = field(default_factory=dict)
    cut_off: list[str] = field(default_factory=list)
    findings: dict[str, tuple[Finding, ...]] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)

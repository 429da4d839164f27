"""The picture of a run: its events become bars on a time axis, one lane for each worker, and a critical path.

Decides what a bar is. With one worker the engine has a lane, and beside it sealing (hashing and putting away what came
out) has another; with several, each worker has a lane. The critical path is the chain of targets, each reading the one
before, that took longest: with any number of workers the run takes at least as long.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from seeknal.model.explain import Reason, clauses
from seeknal.pictures.page import page

Event = Mapping[str, Any]
_TAKEN = (
    "planned",
    "again",
    "started",
    "hit",
    "interval",
    "built",
    "failed",
    "skipped",
    "retry",
    "warned",
    "warning",
    "done",
)
_MANY = 5_000  # so many intervals of all nodes are drawn, the longest


class Run(NamedTuple):
    """What is known of a run besides its events: times are seconds since 1970; `inputs` in build order."""

    project: str
    run: str
    environment: str
    began: float
    ended: float
    workers: int
    inputs: Mapping[str, Sequence[str]]
    stopped: str = ""


@dataclass(slots=True)
class Target:
    """What became of one target; times are milliseconds from the beginning of the run."""

    id: str
    what: str = "hit"
    start: float = 0.0
    end: float = 0.0
    milliseconds: float = 0.0
    ran: float = 0.0
    rows: int | None = None
    wrote: int | None = None
    size: int | None = None
    reasons: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: str = ""
    because: list[str] = field(default_factory=list)
    tries: int = 1
    intervals: list[list[Any]] = field(default_factory=list)
    critical: bool = False


class Bar(NamedTuple):
    """A piece of work: which target, what (`run`, `seal`, `failed`, `stopped`), from when to when."""

    target: str
    what: str
    start: float
    end: float


def timings_page(run: Run, events: Iterable[Event]) -> str:
    """The page of a run."""
    return page(f"{run.project}: run {run.run}", "timings", timings(run, events))


def timings(run: Run, events: Iterable[Event]) -> dict[str, Any]:
    """What the page of a run shows."""
    story = _Story(run)
    for event in events:
        story.take(event)
    story.close()
    targets = list(story.targets.values())
    chain = critical(run.inputs, story.targets)
    for name in chain:
        story.targets[name].critical = True
    number = {target.id: i for i, target in enumerate(targets)}
    lanes, names = _lanes(run, story.bars)
    _thin(targets)
    return {
        "project": run.project, "run": run.run, "environment": run.environment, "began": run.began,
        "milliseconds": story.at(run.ended), "workers": run.workers, "stopped": run.stopped, "again": story.again,
        "planned": story.planned, "phases": story.phases, "lanes": names, "done": story.done,
        "bars": [[number[bar.target], lane, bar.what, bar.start, bar.end] for bar, lane in lanes],
        "targets": [{**asdict(t), "inputs": [number[i] for i in run.inputs.get(t.id, ()) if i in number]} for t in targets],
        "critical": {"targets": [number[n] for n in chain], "milliseconds": sum(story.targets[n].milliseconds for n in chain)},
        "warnings": story.warnings,
    }  # fmt: skip


class _Story:
    """Events, one after the other, become targets and bars."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.targets: dict[str, Target] = {}
        self.bars: list[Bar] = []
        self.phases: list[list[Any]] = []
        self.warnings: list[str] = []
        self.planned = 0
        self.again = 0
        self.done: dict[str, Any] = {}
        self._running: dict[str, float] = {}
        self._last = 0.0

    def at(self, seconds: float) -> float:
        """Milliseconds from the beginning of the run."""
        return round(max(seconds - self._run.began, 0) * 1000, 1)

    def take(self, event: Event) -> None:
        """Note one event."""
        if event["event"] in _TAKEN:
            getattr(self, f"_{event['event']}")(event)

    def _target(self, event: Event) -> Target:
        return self.targets.setdefault(event["target"], Target(event["target"]))

    def _planned(self, event: Event) -> None:
        self.planned = max(self.planned, event["targets"])
        # A run in chunks, or one that begins again, has published or given up what it had when it plans once more.
        self.phases.append(["planning" if not self.phases else "planning again", self._last, self.at(event["at"])])
        self._last = self.at(event["at"])

    def _again(self, event: Event) -> None:
        self.again += 1
        self._last = self.at(event["at"])

    def _started(self, event: Event) -> None:
        self._running[event["target"]] = self.at(event["at"])

    def _hit(self, event: Event) -> None:
        target = self._target(event)
        self._running.pop(target.id, None)
        if target.what == "hit":
            target.what = "cut_off" if event.get("cut_off") else "hit"
            target.start = target.end = self.at(event["at"])
            target.rows, target.size = event.get("rows"), event.get("size")

    def _interval(self, event: Event) -> None:
        if "node" in event:
            target = self.targets.setdefault(event["node"], Target(event["node"]))
            label = event["target"].partition("@")[2]
            target.intervals.append([label, self.at(event["start"]), event["milliseconds"], event["rows"]])

    def _built(self, event: Event) -> None:
        target, end = self._target(event), self.at(event["at"])
        begun = self._running.pop(target.id, end)
        spent = float(event["milliseconds"])
        start = self.at(event["start"]) if "start" in event else begun
        ran = float(event.get("ran", spent))
        target.start = start if target.what != "built" else target.start
        target.what, target.end = "built", end
        target.milliseconds, target.ran = target.milliseconds + spent, target.ran + ran
        target.rows, target.size = event["rows"], event["size"]
        target.wrote = (target.wrote or 0) + event["wrote"] if "wrote" in event else target.wrote
        target.notes += event["notes"]
        target.reasons += [c for c in clauses(map(_reason, event["reasons"])) if c not in target.reasons]
        self.bars.append(Bar(target.id, "run", start, round(start + max(ran, 0.5), 1)))
        if spent > ran:
            sealed = start + ran if self._run.workers > 1 else max(end - (spent - ran), start + ran)
            self.bars.append(Bar(target.id, "seal", round(sealed, 1), round(sealed + spent - ran, 1)))
        self._last = max(self._last, end)

    def _failed(self, event: Event) -> None:
        target, end = self._target(event), self.at(event["at"])
        start = self._running.pop(target.id, None)
        target.error = event["error"]
        if start is not None:
            self._ended(target, "failed", start, end)
        target.what = "failed"
        self._last = max(self._last, end)

    def _skipped(self, event: Event) -> None:
        target = self._target(event)
        target.what, target.because = "skipped", list(event["because"])

    def _retry(self, event: Event) -> None:
        target = self._target(event)
        target.tries += 1
        target.notes.append(f"attempt {event['attempt']} failed: {event['error']}")

    def _warned(self, event: Event) -> None:
        self._target(event).notes.append(f"{event['severity']}: {event['text']}")

    def _warning(self, event: Event) -> None:
        self.warnings.append(event["text"])

    def _done(self, event: Event) -> None:
        self.phases.append(["auditing and publishing", self._last, self.at(event["at"])])
        self._last = self.at(event["at"])
        self.done = {name: event[name] for name in ("generation", "changes") if name in event}

    def _ended(self, target: Target, what: str, start: float, end: float) -> None:
        target.what, target.start, target.end = what, start, end
        target.milliseconds = target.ran = round(end - start, 1)
        self.bars.append(Bar(target.id, what, start, max(end, start + 0.5)))

    def close(self) -> None:
        """What was running when the run was stopped."""
        for name, start in self._running.items():
            self._ended(self.targets.setdefault(name, Target(name)), "stopped", start, self.at(self._run.ended))


def _reason(document: Mapping[str, str]) -> Reason:
    return Reason(document["reason"], document["subject"], document["detail"])


def _lanes(run: Run, bars: Sequence[Bar]) -> tuple[list[tuple[Bar, int]], list[str]]:
    """Each bar with its lane, and the names of the lanes."""
    if run.workers == 1:
        names = ["engine", "sealing"]
        return [(bar, int(bar.what == "seal")) for bar in bars], names[
            : 2 if any(b.what == "seal" for b in bars) else 1
        ]
    lanes: dict[str, int] = {}
    free: list[float] = []
    for name, start, end in sorted(_spans(bars), key=lambda span: span[1]):
        lane = next((i for i, until in enumerate(free) if until <= start + 1), len(free))
        free[lane : lane + 1] = [end]
        lanes[f"{name} {start}"] = lane
    found: list[tuple[Bar, int]] = []
    for bar in bars:
        key = f"{bar.target} {bar.start}"
        lane = lanes[key] if key in lanes else found[-1][1]
        found.append((bar, lane))
    return found, [f"worker {i + 1}" for i in range(len(free))]


def _spans(bars: Sequence[Bar]) -> list[tuple[str, float, float]]:
    """Bars with the sealing that follows them, as one piece."""
    spans: list[tuple[str, float, float]] = []
    for bar in bars:
        if bar.what == "seal" and spans and spans[-1][0] == bar.target:
            spans[-1] = (bar.target, spans[-1][1], bar.end)
        else:
            spans.append((bar.target, bar.start, bar.end))
    return spans


def critical(inputs: Mapping[str, Sequence[str]], targets: Mapping[str, Target]) -> list[str]:
    """The chain of targets that took longest, first to last; those that took no time are left out."""
    longest: dict[str, tuple[float, str]] = {}
    for name, needs in inputs.items():
        if name in targets:
            before = max(((longest[need][0], need) for need in needs if need in longest), default=(0.0, ""))
            longest[name] = (before[0] + targets[name].milliseconds, before[1])
    chain: list[str] = []
    name = max(longest, key=lambda name: longest[name][0], default="")
    while name:
        chain.append(name)
        name = longest[name][1]
    return [name for name in reversed(chain) if targets[name].milliseconds]


def _thin(targets: Iterable[Target]) -> None:
    """Keep the longest intervals only, where there are very many."""
    every = sorted((part[2] for target in targets for part in target.intervals), reverse=True)
    least = every[_MANY] if len(every) > _MANY else -1
    for target in targets:
        left = [part for part in target.intervals if part[2] > least]
        if len(left) < len(target.intervals):
            target.notes.append(f"{len(target.intervals) - len(left)} short intervals are not drawn")
            target.intervals = left

"""What a person or a machine sees of a run while it goes and at its end.

Decides words and layout. Never decides anything about targets; reads events and the outcome.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from seeknal.build.results import Results
from seeknal.build.run import Outcome
from seeknal.errors import safe
from seeknal.model.digest import short
from seeknal.model.explain import Reason, clauses
from seeknal.model.plan import Verdict

_EVERY = 30.0
# Names are lined up as far as this.
_NAME = 44


class Reporter:
    """Events -> the log, progress on standard error, JSON lines on standard output; `kept` gets all of them, if it is given."""

    def __init__(
        self,
        log: Callable[[dict[str, Any]], None],
        *,
        as_json: bool,
        quiet: bool,
        verbose: bool,
        kept: list[dict[str, Any]] | None = None,
    ) -> None:
        self._log = log
        self._kept = kept
        self._json = as_json
        self._quiet = quiet
        self._verbose = verbose
        self._live = sys.stderr.isatty() and not quiet and not as_json
        self._running: dict[str, float] = {}
        self._open: set[str] = set()
        self._done = 0
        self._total = 0
        self._width = 0
        self._shown = time.monotonic()
        self._lock = threading.Lock()

    def tell(self, event: str, **facts: Any) -> None:
        """Take one event."""
        plan = facts.pop("plan", None)
        if plan is not None:
            self._open = {step.id for step in plan.having(Verdict.BUILD, Verdict.MAYBE)}
            self._total, self._done = len(self._open), 0
            self._width = min(max(map(len, self._open), default=0), _NAME)
        with self._lock:
            if event != "hit" or "after" in facts or self._kept is not None:  # of other hits the log would say little
                self._note({"event": event, "at": round(time.time(), 3), **facts})
            if self._json:
                self._emit({"event": event, **facts})
            self._progress(event, facts)

    def _note(self, event: dict[str, Any]) -> None:
        if event["event"] != "hit" or "after" in event:
            self._log(event)
        if self._kept is not None:
            self._kept.append(event)

    def _emit(self, document: dict[str, Any]) -> None:
        try:
            print(json.dumps(document), flush=True)
        except BrokenPipeError:  # nobody listens any more: that is no reason to stop the run
            self._json, self._quiet = False, True

    def warn(self, text: str) -> None:
        """Tell a warning."""
        with self._lock:
            self._note({"event": "warning", "text": safe(text)})
            self._clear()
            print(f"warning: {safe(text)}", file=sys.stderr)

    def _progress(self, event: str, facts: dict[str, Any]) -> None:
        target = facts.get("target", "")
        if event == "started":
            self._running[target] = time.monotonic()
        elif event in ("built", "failed", "skipped", "hit"):
            self._done += target in self._open
            self._running.pop(target, None)
        self._line(event, target, facts)
        if self._live:
            self._redraw()

    def _line(self, event: str, target: str, facts: dict[str, Any]) -> None:
        if self._quiet or self._json or event not in ("built", "failed", "skipped", "retry", "warned"):
            return
        self._clear()
        total = str(max(self._total, self._done))
        count = (
            f"[{self._done:>{len(total)}}/{total}] " if self._total else ""
        )  # what the cache remembers is not counted
        print(_told(event, target.ljust(self._width), facts, count).rstrip(), file=sys.stderr)
        for note in facts.get("notes", ()):
            print(f"    {safe(note)}", file=sys.stderr)

    def _redraw(self) -> None:
        if not self._running or self._done >= self._total:
            self._clear()
            return
        name, since = max(self._running.items(), key=lambda item: -item[1])
        text = f"[{self._done}/{self._total}] {len(self._running)} running: {name} {time.monotonic() - since:.0f}s"
        sys.stderr.write(f"\r\x1b[2K{safe(text)[:100]}")
        sys.stderr.flush()

    def _clear(self) -> None:
        if self._live:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()


def _told(event: str, target: str, facts: dict[str, Any], count: str) -> str:
    if event == "built":
        return f"{count}built    {target}  {_rows(facts)}  {seconds(facts['milliseconds'])}"
    if event == "skipped":
        return f"{count}skipped  {target}  needed: {', '.join(facts['because'])}"
    if event == "warned":
        return f"{count}{facts['severity']:<8} {target}  {safe(facts['text'])}"
    if event == "retry":
        return f"{count}retrying {target} (attempt {facts['attempt'] + 1}): {safe(facts['error'])}"
    return f"{count}FAILED   {target}\n    " + safe(facts["error"]).replace("\n", "\n    ")


def seconds(milliseconds: int) -> str:
    """A duration for people."""
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def _rows(facts: Mapping[str, Any]) -> str:
    """All rows, or of a table with intervals those that were written now."""
    wrote, rows = facts.get("wrote", facts["rows"]), facts["rows"]
    word = "row" if rows == 1 else "rows"
    return f"{rows:,} {word}" if wrote == rows else f"{wrote:,} of {rows:,} {word}"


def bytes_text(size: int) -> str:
    """A size for people."""
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return ""


def summary(outcome: Outcome, elapsed: float, *, explain: bool, why: Iterable[str] = ()) -> list[str]:
    """The report at the end, for people; `why` are the root causes of what was built."""
    results, publication = outcome.results, outcome.publication
    executed = {name: built for name, built in results.built.items() if built.executed}
    if not executed and not results.failed and not publication.changes:
        return [nothing(outcome)]
    hits = len(results.artifacts) - len(executed)
    counts = [f"{len(executed)} built", f"{hits} hit"]
    counts += [f"{len(results.cut_off)} cut off"] if results.cut_off else []
    counts += [f"{len(results.failed)} failed"] if results.failed else []
    counts += [f"{len(results.skipped)} skipped"] if results.skipped else []
    lines = [f"{', '.join(counts)} in {elapsed:.1f} s"]
    lines += [safe(line) for line in why]
    lines += _slowest(results)
    lines += _explained(outcome) if explain else []
    return lines + _closing(outcome)


def nothing(outcome: Outcome) -> str:
    """The one line of a no-op; `cli/run.py` says the same from a stamp."""
    results = outcome.results
    broken = sum(not found.passed for told in results.findings.values() for found in told)
    told = f"; {broken} warnings of rules and audits" if broken else ""
    generation, count = short(outcome.publication.digest or ""), len(results.steps)
    if outcome.publication.fresh:
        return f"nothing to build: {count} targets are up to date; published generation {generation}{told}"
    return f"nothing to do: {count} targets are up to date (generation {generation}){told}"


def _slowest(results: Results) -> list[str]:
    executed = [(built.milliseconds, name, built) for name, built in results.built.items() if built.executed]
    if not executed:
        return []
    rows, size = (sum(built.wrote[i] for _, _, built in executed) for i in range(2))
    slow = ", ".join(f"{name} {seconds(ms)}" for ms, name, _ in sorted(executed, reverse=True)[:3])
    return [f"wrote {rows:,} {'row' if rows == 1 else 'rows'}, {bytes_text(size)}; slowest: {slow}"]


def _explained(outcome: Outcome) -> list[str]:
    lines = []
    for name, built in outcome.results.built.items():
        if built.executed and name in outcome.results.steps:
            lines.append(f"  {name}: {because(outcome.results.steps[name].reasons)}")
    return lines


def because(reasons: tuple[Reason, ...], limit: int = 3) -> str:
    """Reasons as one line."""
    shown = list(clauses(reasons))
    return safe("; ".join(shown[:limit]) + (f"; and {len(shown) - limit} more" if len(shown) > limit else ""))


def _closing(outcome: Outcome) -> list[str]:
    results, publication = outcome.results, outcome.publication
    stale = sorted({*results.failed, *results.skipped, *results.held})
    lines = [f"stale: {', '.join(stale)}"] if stale and publication.changes else []
    if publication.changes:
        entities = sorted(name.split(".", 1)[1] for name in publication.changes if name.startswith("entity."))
        text = f"published generation {short(publication.digest or '')}"
        lines.append(text + (f"; consolidated {', '.join(entities)}" if entities else ""))
    elif results.failed:
        lines.append("nothing was published; what was built stays in the cache")
    else:
        lines.append(f"generation {short(publication.digest or '')} stays")
    return lines

"""How root causes read: each with what it rebuilt and what that cost, then where the wave stopped; and as plain data.

Decides words and layout only.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seeknal.errors import concealed
from seeknal.model.causes import Stop, stops, what
from seeknal.model.explain import Reason, clauses

if TYPE_CHECKING:
    from seeknal.build.causes import Cause, Story

_FEW = 5
_VERDICTS = {"HIT": "is up to date", "BUILD": "would be built", "MAYBE": "may be built", "SKIP": "would be skipped"}


def cause_document(cause: Cause) -> dict[str, Any]:
    """A root cause as plain data."""
    root = cause.root
    return {
        "what": concealed(what(root, cause.edits)),
        "reasons": [reason.document() for reason in root.reasons],
        "edits": list(cause.edits),
        "origins": list(root.origins),
        "targets": list(root.targets),
        "milliseconds": root.milliseconds,
    }


def run_document(story: Story, found: Sequence[Cause]) -> dict[str, Any]:
    """A run as plain data."""
    told, below = stops(story.cut_off)
    return {
        "run": story.run,
        "ended": story.ended,
        "built": len(story.built),
        "milliseconds": sum(one.milliseconds for one in story.built),
        "failed": story.failed,
        "cut_off": list(story.cut_off),
        "causes": [cause_document(cause) for cause in found],
        "stopped": [{"at": stop.at, "readers": list(stop.readers)} for stop in told],
        "stopped_below": below,
    }


def node_document(story: Story, name: str, found: Sequence[Cause]) -> dict[str, Any]:
    """Why a run built a node, as plain data."""
    one = next(one for one in story.built if one.id == name)
    return {
        "run": story.run,
        "node": name,
        "milliseconds": one.milliseconds,
        "reasons": [reason.document() for reason in one.reasons],
        "causes": [cause_document(cause) for cause in found],
    }


def run_lines(story: Story, found: Sequence[Cause], newer: int, *, whole: bool) -> list[str]:
    """A run for a person: root causes first."""
    counts = [f"{len(story.built):,} rebuilt in {_spent(sum(one.milliseconds for one in story.built))}"]
    counts += [f"{len(story.cut_off):,} cut off"] if story.cut_off else []
    counts += [f"{len(story.failed):,} failed"] if story.failed else []
    when = f" ({time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(story.at))})" if story.at else ""
    lines = [f"run {story.run}{when}: {', '.join(counts)}{'' if story.ended else '; it did not end'}"]
    lines += [f"the {newer:,} newer {'run' if newer == 1 else 'runs'} built nothing"] if newer else []
    lines += [f"failed: {', '.join(story.failed)}"] if story.failed else []
    for cause in found:
        count = f"{len(cause.root.targets):,} rebuilt ({_spent(cause.root.milliseconds)})"
        lines += [
            f"{count} because {what(cause.root)}"
            if len(cause.edits) > 1
            else f"{count} because {what(cause.root, cause.edits)}"
        ]
        lines += _more(cause, whole=whole)
    return lines + _stopped(*stops(story.cut_off), whole=whole)


def plan_lines(found: Sequence[Cause], verdicts: Mapping[str, str], *, whole: bool) -> list[str]:
    """What a run would do, for a person."""
    lines = []
    for cause in found:
        sure = sum(verdicts.get(name) == "BUILD" for name in cause.root.targets)
        maybe = len(cause.root.targets) - sure
        count = f"{sure:,} to build" if sure else f"{maybe:,} maybe to build"
        count += f", {maybe:,} more maybe," if sure and maybe else ""
        lines += [f"{count} because {what(cause.root, cause.edits if len(cause.edits) == 1 else ())}"]
        lines += _more(cause, whole=whole)
    return lines or ["nothing to build: all is up to date"]


def _more(cause: Cause, *, whole: bool) -> list[str]:
    """The edits, where there are several, and the targets."""
    lines = [f"    {text}" for text in cause.edits] if len(cause.edits) > 1 else []
    names = cause.root.targets
    shown = names if whole else names[:_FEW]
    more = f" and {len(names) - len(shown):,} more" if len(shown) < len(names) else ""
    return [*lines, f"    -> {', '.join(shown)}{more}"]


def _stopped(found: Sequence[Stop], below: int, *, whole: bool) -> list[str]:
    lines = []
    for stop in found:
        shown = stop.readers if whole else stop.readers[:_FEW]
        more = f" and {len(stop.readers) - len(shown):,} more" if len(shown) < len(stop.readers) else ""
        lines.append(f"it stopped at {stop.at}: what {', '.join(shown)}{more} read of it came out the same")
    if below:
        lines.append(f"{below:,} more below {'these' if lines else 'what came out the same'} had nothing to do")
    return lines


def edits(found: Sequence[Cause], name: str) -> list[str]:
    """What was edited in a node itself."""
    return [text for cause in found if cause.root.edit and cause.root.origins == (name,) for text in cause.edits]


def node_lines(document: Mapping[str, Any]) -> list[str]:
    """A node for a person: what a run would do with it, and why it was built last."""
    lines = [f"{document['node']} {_VERDICTS[document['verdict']]}", *_because(document)]
    last = document["last_built"]
    return [*lines, *built_lines(last)] if last else lines


def built_lines(told: Mapping[str, Any]) -> list[str]:
    """Why a node was built."""
    return [f"last built by run {told['run']} in {_spent(told['milliseconds'])}", *_because(told)]


def _because(told: Mapping[str, Any]) -> list[str]:
    """The reasons of a node; and for those that only pass on what happened to an input, where it began."""
    reasons = [Reason(r["reason"], r["subject"], r["detail"]) for r in told.get("reasons", ())]
    lines = [f"  because {clause}" for clause in clauses(reasons)]
    own = told.get("node")
    for cause in told.get("causes", ()):
        if own in cause["origins"]:
            lines += [f"    {text}" for text in cause["edits"]]
        else:
            lines.append(f"  which goes back to this: {cause['what']}")
    return lines


def _spent(milliseconds: int) -> str:
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds / 1000:,.1f} s"

"""Generations, newest first: run, time, and what each of them changed."""

from __future__ import annotations

import argparse
from collections import Counter

from seeknal.cli import common


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `log`."""
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="how many (default 20)")
    common.environments(parser)
    common.shared(parser)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    from seeknal.build.past import generations
    from seeknal.model.digest import short
    from seeknal.model.generation import changes

    with common.reading(args, load=False) as session:
        every = generations(session)
    document = []
    for i, (digest, generation) in enumerate(every[: args.limit]):
        before = every[i + 1][1] if i + 1 < len(every) else None
        changed = changes(before, generation.targets)
        facts = {"generation": digest, "run": generation.run, "created": generation.created, "note": generation.note}
        document.append({**facts, "changes": changed, "targets": len(generation.targets)})
    rows = [
        (short(str(d["generation"])), str(d["created"])[:19], str(d["run"]), _what(d["changes"]), str(d["note"]))
        for d in document
    ]
    common.emit(args, document, common.table(rows) or ["nothing is published yet"])
    return 0


def _what(changes: object) -> str:
    assert isinstance(changes, dict)
    counts = Counter(changes.values())
    if len(changes) <= 3:
        return ", ".join(f"{name} {word}" for name, word in changes.items())
    return ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))

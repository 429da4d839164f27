"""Publish an earlier generation again: the one before the current, or the one that is named (see `seeknal log`).

Builds nothing. The next `seeknal run` publishes what the project says again, from the cache.
"""

from __future__ import annotations

import argparse

from seeknal.cli import common


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `rollback`."""
    parser.add_argument("generation", nargs="?", metavar="GENERATION", help="a digest, its beginning, or a run id")
    common.environments(parser)
    common.shared(parser)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    from seeknal.build.past import rollback
    from seeknal.build.session import opened
    from seeknal.model.digest import short

    with opened(common.request(args, read_only=False), common.warn) as session:
        session.store.open()
        publication, digest = rollback(session, args.generation)
    document = {"generation": publication.digest, "from": digest, "changes": dict(publication.changes)}
    text = f"published generation {short(publication.digest or '')}: as {short(digest)}, {len(publication.changes)} changes"
    common.emit(args, document, [text if publication.changes else "that is what is published already"])
    return 0

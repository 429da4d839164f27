"""Look after the store: stats, verify, gc, path.

Exit codes: 0; 5 when gc cannot have the store for itself; 6 when verify finds damage.
"""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

from seeknal.cli import common
from seeknal.errors import EnvironmentFailure, IntegrityFinding, UsageError

if TYPE_CHECKING:
    from seeknal.store.verify import Finding

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SIZES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `cache`."""
    words = parser.add_subparsers(dest="what", metavar="COMMAND", required=True)
    stats = words.add_parser("stats", help="how much there is")
    verify = words.add_parser("verify", help="read everything and compare it with its digest")
    verify.add_argument("--sample", default="100%", metavar="P", help="only this share of the blobs: 5%%")
    verify.add_argument("--rebuild", metavar="NODE", help="build this node again and compare the tables")
    gc = words.add_parser("gc", help="remove what no kept generation needs")
    gc.add_argument("--max-age", metavar="AGE", help="keep other results this long (default 7d): 12h, 30d, 0")
    gc.add_argument("--max-size", metavar="SIZE", help="keep other results up to this much: 500M, 20G")
    gc.add_argument("--keep-generations", type=int, default=10, metavar="N", help="of each environment (default 10)")
    gc.add_argument("--grace", metavar="AGE", help="never remove anything younger (default 1h)")
    path = words.add_parser("path", help="where the store is")
    for sub in (stats, verify, gc, path):
        common.shared(sub)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    code: int = {"stats": _stats, "verify": _verify, "gc": _gc, "path": _path}[args.what](args)
    return code


def _path(args: argparse.Namespace) -> int:
    with common.reading(args, load=False) as session:
        root = session.store.layout.root
    common.emit(args, {"path": root}, [root])
    return 0


def _stats(args: argparse.Namespace) -> int:
    from seeknal.build.report import bytes_text
    from seeknal.store.gc import stats

    with common.reading(args, load=False) as session:
        root, found = session.store.layout.root, stats(session.store)
    text = f"{found['blobs']} blobs, {bytes_text(found['bytes'])}, {found['results']} results"
    common.emit(args, {"path": root, **found}, [f"{root}: {text}, {found['quarantined']} in quarantine"])
    return 0


def _verify(args: argparse.Namespace) -> int:
    from seeknal.store.verify import verify

    if args.rebuild:
        return _rebuild(args)
    share = re.fullmatch(r"(\d+(?:\.\d+)?)%?", args.sample)
    if not share:
        raise UsageError(f"--sample {args.sample!r}: write a share, as in 5%", reason="bad_sample")
    with common.reading(args, load=False) as session:
        count, findings = verify(session.store.layout, float(share[1]) / 100)
    if findings:
        _set_aside(args, findings)
    document = {"checked": count, "findings": [{"path": f.path, "what": f.what} for f in findings]}
    lines = [f"{f.path}: {f.what}" for f in findings]
    hint = ": `seeknal run` builds again what is needed" if findings else ""
    common.emit(args, document, [*lines, f"{count} files checked, {len(findings)} findings{hint}"])
    return IntegrityFinding.exit_code if findings else 0


def _set_aside(args: argparse.Namespace, findings: list[Finding]) -> None:
    """Move what is damaged to quarantine, so that nothing reads it; a store that cannot be written keeps it."""
    from seeknal.build.session import opened
    from seeknal.store.lock import locked

    with opened(common.request(args, read_only=False), common.warn) as session:
        try:
            with locked(session.store.layout.lock, exclusive=False):
                for finding in findings:
                    session.store.set_aside(finding.path, finding.what)
        except EnvironmentFailure as error:
            common.warn(error.message)


def _rebuild(args: argparse.Namespace) -> int:
    from seeknal.build.compare import rebuild
    from seeknal.build.connect import load_project
    from seeknal.build.session import opened
    from seeknal.cli.show import one_node
    from seeknal.store.lock import locked

    with opened(common.request(args, read_only=False), common.warn) as session:
        session.store.open()
        load_project(session, common.environment(session.root))
        session.read_published()
        name = one_node(session, args.rebuild)
        with locked(session.store.layout.lock, exclusive=False):
            difference = rebuild(session, name)
    text = f"{name}: {difference or 'built again: the same table'}"
    common.emit(args, {"node": name, "difference": difference}, [text])
    return IntegrityFinding.exit_code if difference else 0


def _gc(args: argparse.Namespace) -> int:
    from seeknal.build.report import bytes_text
    from seeknal.build.session import opened
    from seeknal.store.gc import GRACE, Policy, collect, wall_clock
    from seeknal.store.lock import locked

    age = 7 * 86400.0 if args.max_age is None else _age("--max-age", args.max_age)
    grace = GRACE if args.grace is None else _age("--grace", args.grace)
    policy = Policy(args.keep_generations, age, _size(args.max_size), grace)
    with opened(common.request(args, read_only=False), common.warn) as session:
        session.store.open()
        with locked(session.store.layout.lock, exclusive=True, wait=10.0):
            found = collect(session.store, session.target, policy, wall_clock())
        session.save()
    document = {"removed": found.removed, "freed": found.freed, "kept": found.kept}
    common.emit(args, document, [f"removed {found.removed} files, {bytes_text(found.freed)}"])
    return 0


def _age(option: str, text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw]?)", text)
    if not found:
        raise UsageError(f"{option} {text!r}: write a number and s, m, h, d or w, as in 30d", reason="bad_age")
    return float(found[1]) * _UNITS[found[2] or "s"]


def _size(text: str | None) -> int | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", text.lower())
    if not found:
        raise UsageError(f"--max-size {text!r}: write a number and K, M, G or T, as in 20G", reason="bad_size")
    return int(float(found[1]) * _SIZES[found[2]])

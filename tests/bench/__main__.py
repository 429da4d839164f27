"""Run the benchmarks and print one table for each: `python -m tests.bench [NAME ...] [--runs N] [--quick]`."""

from __future__ import annotations

import argparse
import importlib
import time

NAMES = (
    "noop",
    "tiny",
    "mixed",
    "heavy",
    "workers",
    "edits",
    "restored",
    "sorting",
    "pynodes",
    "pit",
    "late",
    "planning",
    "environments",
    "postgres",
    "diff",
)


def main() -> None:
    """Run those that were named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(NAMES)} (default: all)")
    parser.add_argument("--runs", type=int, default=5, help="how often each figure is taken (default 5)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the size: to see that it works")
    args = parser.parse_args()
    for name in args.names or NAMES:
        start = time.perf_counter()
        table = importlib.import_module(f"tests.bench.{name}").bench(args.runs, quick=args.quick)
        print(table.text())
        print(f"({name}: {time.perf_counter() - start:.0f} s, {args.runs} runs each)\n", flush=True)


if __name__ == "__main__":
    main()

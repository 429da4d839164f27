"""Write a small project that runs as it is: one CSV source, a transform, a feature group."""

from __future__ import annotations

import argparse
import os

from seeknal.cli import common
from seeknal.errors import UsageError

_FILES = {
    "seeknal_project.yml": "name: {name}\n",
    ".gitignore": "target/\n.env\nprofiles.yml\n",
    "data/orders.csv": (
        "order_id,customer_id,amount,ordered_at\n"
        "1,a,10.50,2024-01-01 09:00:00\n2,b,20.00,2024-01-01 10:30:00\n"
        "3,a,30.25,2024-01-02 08:15:00\n4,b,-1.00,2024-01-02 12:00:00\n"
    ),
    "seeknal/sources/orders.yml": (
        "kind: source\nname: orders\ndescription: Orders as the shop exports them\nsource: csv\ntable: data/orders.csv\n"
        "columns:\n  order_id: BIGINT\n  customer_id: VARCHAR\n  amount: DECIMAL(10,2)\n  ordered_at: TIMESTAMP\n"
    ),
    "seeknal/transforms/clean_orders.yml": (
        "kind: transform\nname: clean_orders\ndescription: Orders with a positive amount\n"
        "inputs: [{ref: source.orders}]\ntransform: |\n  SELECT *\n  FROM ref('source.orders')\n  WHERE amount > 0\n"
    ),
    "seeknal/feature_groups/customer_orders.yml": (
        "kind: feature_group\nname: customer_orders\nentity: {name: customer, join_keys: [customer_id]}\n"
        "inputs: [{ref: transform.clean_orders}]\nmaterialization: {event_time_col: ordered_on}\ntransform: |\n"
        "  SELECT customer_id, ordered_at::DATE AS ordered_on, count(*) AS orders, sum(amount) AS spent\n"
        "  FROM source\n  GROUP BY ALL\n"
    ),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `init`."""
    parser.add_argument("dir", nargs="?", default=".", metavar="DIR", help="where (default: here)")
    parser.add_argument("--name", help="the project's name (default: the folder's)")
    common.shared(parser)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    from seeknal.store.disk import Disk, explained

    root = os.path.abspath(args.dir)
    there = [path for path in _FILES if os.path.exists(os.path.join(root, path))]
    if there:
        text = f"{os.path.join(root, there[0])} exists: nothing was written"
        raise UsageError(text, reason="exists", hint="choose another folder: seeknal init DIR")
    disk = Disk()
    name = args.name or os.path.basename(root)
    for path, text in _FILES.items():
        full = os.path.join(root, path)
        disk.make_folder(os.path.dirname(full))
        with explained(full), open(full, "x", encoding="utf-8") as file:
            file.write(text.replace("{name}", name))
    shown = os.path.relpath(root)
    lines = [f"wrote {len(_FILES)} files", f"next: {'' if shown == '.' else f'cd {shown} && '}seeknal run"]
    common.emit(args, {"project": root, "files": sorted(_FILES)}, lines)
    return 0

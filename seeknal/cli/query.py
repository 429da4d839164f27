"""Metrics by dimensions, from what is published.

A metric is one that the project declares, or any measure of a semantic model. A dimension may have a grain of time:
ordered_at__month. metric_time is the default time dimension of each metric's model. Filters choose the rows that count,
before anything is added up.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from seeknal.cli import common
from seeknal.errors import UsageError, safe

if TYPE_CHECKING:
    from seeknal.build.session import Session
    from seeknal.engines.sqlask import Rows
    from seeknal.model.catalog import Catalog
    from seeknal.model.metricgroups import Question


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `query`."""
    add = parser.add_argument
    add(
        "--metrics",
        action="append",
        default=[],
        metavar="METRIC",
        help="what is asked for (repeatable, or with commas)",
    )
    add("--dimensions", action="append", default=[], metavar="DIM", help="group by these: region, ordered_at__month")
    add("--filter", action="append", default=[], metavar="SQL", help="only rows where this holds (repeatable)")
    by = "columns of the answer to sort by; -revenue is descending"
    add("--order-by", action="append", default=[], metavar="COLUMN", help=by)
    add("--limit", type=int, metavar="N", help="at most so many rows")
    add("--format", "-f", choices=("table", "json", "csv"), default="table", help="how the answer is written")
    add("--output", "-o", metavar="FILE", help="write the answer to a file: .csv, .json, else as --format says")
    add("--show-sql", action="store_true", help="show the SQL, and do not run it")
    add("--list", action="store_true", help="list metrics and dimensions")
    common.clock(parser)
    common.environments(parser)
    common.shared(parser)


def spelled(arguments: Sequence[str]) -> list[str]:
    """`--order-by -revenue` as one word: argparse would take the second for an option."""
    found: list[str] = []
    for word in arguments:
        if found and found[-1] == "--order-by" and not word.startswith("--"):
            found[-1] = f"--order-by={word}"
        else:
            found.append(word)
    return found


def run(args: argparse.Namespace) -> int:
    """Do it."""
    from seeknal.build.answer import answer, catalog

    with common.reading(args) as session:
        if args.list:
            listed = _listed(catalog(session), session)
            common.emit(args, listed, _list_lines(listed))
            return 0
        found = answer(session, _question(args), only_sql=args.show_sql)
        if found.rows is None:
            common.emit(args, {"sql": found.sql}, [found.sql])
        elif args.output:
            _save(session, args, found.rows)
        else:
            _print(args, found.sql, found.rows)
    return 0


def _question(args: argparse.Namespace) -> Question:
    from seeknal.model.metricgroups import Question

    metrics = tuple(dict.fromkeys(common.words(args.metrics)))
    if not metrics:
        raise UsageError("no metric is asked for: --metrics revenue", hint="see what there is: seeknal query --list")
    if args.limit is not None and args.limit < 0:
        raise UsageError(f"--limit {args.limit}: a number of rows is needed")
    dimensions = tuple(dict.fromkeys(common.words(args.dimensions)))
    return Question(metrics, dimensions, tuple(args.filter), common.words(args.order_by), args.limit)


def _print(args: argparse.Namespace, sql: str, rows: Rows) -> None:
    if args.json:
        columns = [{"name": name, "type": type_} for name, type_ in rows.columns]
        common.emit(args, {"columns": columns, "rows": [*_records(rows)], "sql": sql}, [])
    elif args.format == "table":
        cells = [[name for name, _ in rows.columns], *([_cell(value) for value in row] for row in rows.rows)]
        common.emit(args, None, common.table(cells))
    else:
        print(_written(args.format, rows), end="")


def _save(session: Session, args: argparse.Namespace, rows: Rows) -> None:
    import os

    path = os.path.abspath(args.output)
    ending = os.path.splitext(path)[1].lower()
    format_ = {".csv": "csv", ".json": "json"}.get(ending, args.format)
    if format_ == "table":
        raise UsageError(f"--output {args.output}: is it .csv or .json? Else say --format", reason="unknown_format")
    session.disk.hand_out(path, _written(format_, rows).encode())
    common.emit(args, {"file": path, "rows": len(rows.rows)}, [f"wrote {len(rows.rows):,} rows to {path}"])


def _written(format_: str, rows: Rows) -> str:
    if format_ == "json":
        import json

        lines = ",\n ".join(json.dumps(record) for record in _records(rows))
        return f"[{lines}]\n"
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([name for name, _ in rows.columns])
    writer.writerows([[_text(value) for value in row] for row in rows.rows])
    return text.getvalue()


def _records(rows: Rows) -> Iterator[dict[str, Any]]:
    for row in rows.rows:
        yield {name: _plain(value) for (name, _), value in zip(rows.columns, row, strict=True)}


def _plain(value: Any) -> Any:
    """A value for JSON: numbers as numbers where none of their digits is lost."""
    import math
    from decimal import Decimal

    if isinstance(value, Decimal):
        near = float(value)
        return int(value) if value == int(value) else near if Decimal(repr(near)) == value else str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    return value if value is None or isinstance(value, (bool, int, float, str)) else _text(value)


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "", True: "true", False: "false"}[value]
    return str(value.isoformat(" ")) if hasattr(value, "hour") and hasattr(value, "day") else str(value)


def _cell(value: Any) -> str:
    return safe(_text(value)).replace("\n", "\\n").replace("\t", "\\t")


# -- the list --------------------------------------------------------------------------------------------------------


def _listed(catalog: Catalog, session: Session) -> dict[str, Any]:
    published = session.generation.targets if session.generation else {}
    metrics = [(owned.metric, owned.model) for owned in catalog.metrics] + [(m, "") for m in catalog.automatic()]
    return {
        "metrics": [
            {
                "name": metric.name,
                "type": metric.type,
                "of": metric.measure or metric.expr or f"{metric.numerator} / {metric.denominator}",
                "aliases": list(metric.aliases),
                "description": metric.description,
            }
            for metric, _ in sorted(metrics, key=lambda pair: pair[0].name.lower())
        ],
        "dimensions": [
            {
                "name": dimension.name,
                "model": model.name,
                "type": dimension.type,
                "default_time": dimension.name == model.time,
                "published": model.table in published,
                "description": dimension.description,
            }
            for model in catalog.models.values()
            for dimension in model.dimensions
        ],
    }


def _list_lines(listed: dict[str, Any]) -> list[str]:
    if not listed["metrics"]:
        return ["the project has no metrics: declare a semantic_model with measures"]
    metrics = [(m["name"], m["type"], m["of"], m["description"]) for m in listed["metrics"]]
    dimensions = [(d["name"], d["model"], _type_of(d), d["description"]) for d in listed["dimensions"]]
    return [
        *common.table(_cells([("metric", "type", "of", ""), *metrics])),
        "",
        *common.table(_cells([("dimension", "model", "type", ""), *dimensions])),
    ]


def _type_of(dimension: dict[str, Any]) -> str:
    grains = f"time (metric_time, {dimension['name']}__month, ...)" if dimension["default_time"] else "time"
    return grains if dimension["type"] == "time" else str(dimension["type"])


def _cells(rows: Iterable[Sequence[str]]) -> list[list[str]]:
    return [[_cell(value) for value in row] for row in rows]

"""Consolidated entities: list them, or show one with its feature groups."""

from __future__ import annotations

import argparse
import json
import os
from typing import TYPE_CHECKING, Any

from seeknal.cli import common
from seeknal.errors import UsageError, nearest

if TYPE_CHECKING:
    from seeknal.build.session import Session


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `entity`."""
    words = parser.add_subparsers(dest="what", metavar="COMMAND", required=True)
    listed = words.add_parser("list", help="every entity: groups, features, state, when")
    shown = words.add_parser("show", help="one entity: join keys, groups, types, rows, file")
    shown.add_argument("name", metavar="NAME", help="the entity")
    for sub in (listed, shown):
        sub.add_argument("--path", "--project", dest="project_path_too", metavar="DIR", help=argparse.SUPPRESS)
        common.environments(sub)
        common.shared(sub)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    args.project_path = args.project_path or args.project_path_too
    with common.reading(args) as session:
        entities = _entities(session)
    if args.what == "list":
        common.emit(args, entities, _list_lines(entities))
        return 0
    found = next((entity for entity in entities if entity["name"] == args.name), None)
    if found is None:
        names = [entity["name"] for entity in entities]
        raise UsageError(f"there is no entity {args.name!r}{nearest(args.name, names)}", reason="unknown_entity")
    common.emit(args, found, _show_lines(found))
    return 0


def _entities(session: Session) -> list[dict[str, Any]]:
    published = session.generation.targets if session.generation else {}
    names = [name for name, node in session.graph.nodes.items() if node.kind == "entity"]
    return [_entity(session, name, published.get(name)) for name in sorted(names)]


def _entity(session: Session, name: str, published: Any) -> dict[str, Any]:
    node = session.graph.nodes[name]
    path = os.path.join(session.target.root, *node.traits["view"].split("/"))
    groups = list(session.graph.inputs[name])
    document = {"name": node.name, "join_keys": list(node.traits["join_keys"]), "groups": groups, "file": path}
    catalog = _catalog(path) if published else {}
    return {
        **document,
        "state": "ready" if published and os.path.exists(path) else "not built",
        "rows": published.artifact.rows if published else None,
        "when": catalog.get("consolidated_at"),
        "feature_groups": catalog.get("feature_groups", {}),
    }


def _catalog(path: str) -> dict[str, Any]:
    try:
        with open(os.path.join(os.path.dirname(path), "_entity_catalog.json"), encoding="utf-8") as file:
            catalog: dict[str, Any] = json.load(file)
    except (OSError, ValueError):
        return {}
    return catalog


def _list_lines(entities: list[dict[str, Any]]) -> list[str]:
    rows = [("entity", "groups", "features", "state", "when")]
    for entity in entities:
        features = sum(len(group["features"]) for group in entity["feature_groups"].values())
        when = str(entity["when"] or "")[:19]
        rows.append((entity["name"], str(len(entity["groups"])), str(features), entity["state"], when))
    return common.table(rows) if entities else ["the project has no feature groups"]


def _show_lines(entity: dict[str, Any]) -> list[str]:
    lines = [f"{entity['name']}: {entity['state']}", f"  join keys: {', '.join(entity['join_keys'])}"]
    lines += [f"  file: {entity['file']}"] + ([f"  rows: {entity['rows']:,}"] if entity["rows"] is not None else [])
    for name, group in entity["feature_groups"].items():
        lines.append(f"  {name}: {group['row_count']:,} rows, event time {group['event_time_col']}")
        lines += [f"    {feature}  {group['schema'].get(feature, '')}" for feature in group["features"]]
    return lines

"""`entity`: all feature groups of one entity as one table; nobody writes it down, it follows its feature groups.

Rows are the distinct (join keys, event time) of all groups. Each group gives, as one struct, its newest row that is not
after that time (an as-of join); a group without event time holds for all times; a group without a row gives NULL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from seeknal.errors import Problem
from seeknal.model.lowering import literal, quoted
from seeknal.model.node import Input, Node, Recipe, Schema

TIME = "event_time"


def derive(nodes: Iterable[Node]) -> tuple[list[Node], list[Problem]]:
    """The entity targets of a project, and the groups whose join keys do not agree."""
    groups: dict[str, list[Node]] = {}
    for node in sorted(nodes, key=lambda n: n.id):
        if "entity" in node.traits:
            groups.setdefault(node.traits["entity"], []).append(node)
    problems = [problem for members in groups.values() for problem in _disagreements(members)]
    return [_entity(name, members) for name, members in sorted(groups.items())], problems


def _disagreements(members: list[Node]) -> list[Problem]:
    first = members[0]
    keys = set(first.traits["join_keys"])
    return [
        Problem(
            node.file,
            node.line,
            f"{node.id} has join keys {node.traits['join_keys']}, but {first.id} ({first.file}:{first.line}) of the "
            f"same entity has {first.traits['join_keys']}: all groups of an entity need the same keys",
            "join_keys_differ",
        )
        for node in members[1:]
        if set(node.traits["join_keys"]) != keys
    ]


def _entity(name: str, members: list[Node]) -> Node:
    keys = members[0].traits["join_keys"]
    groups = [{"name": node.name, "event_time": node.traits["event_time"]} for node in members]
    definition = {"expand": "entity", "join_keys": keys, "groups": groups}
    recipe = Recipe("duckdb", definition, tuple(Input(node.id) for node in members))
    said = [table for member in members for table in member.traits.get("entity_tables", ())]
    tables = [{**t, "flatten": t["type"] != "iceberg"} for i, t in enumerate(said) if t not in said[:i]]
    traits = {"follows_inputs": True, "join_keys": keys, "tables": tables, "keys": ((*keys, TIME),)}
    traits["view"] = f"feature_store/{name}/features.parquet"
    return Node("entity", name, recipe, members[0].file, members[0].line, traits=traits)


class _Group(NamedTuple):
    """A feature group that there is: its place among the inputs, its name, event column and schema."""

    place: int
    name: str
    column: str
    schema: Schema

    @property
    def timed(self) -> bool:
        return any(name.lower() == TIME for name, _ in self.schema)


def expand(definition: Mapping[str, Any], schemas: Sequence[Schema | None]) -> dict[str, Any]:
    """The SQL of an entity for the columns that its groups have, and the checks that come first.

    A group without a schema (never published, and not selected) is left out.
    """
    keys = definition["join_keys"]
    pairs = zip(definition["groups"], schemas, strict=True)
    groups = [
        _Group(i, group["name"], str(group["event_time"]).lower(), schema)
        for i, (group, schema) in enumerate(pairs)
        if schema is not None
    ]
    type_ = _time_type(groups)
    spine = " UNION ".join(_rows(keys, group, type_) for group in sorted(groups, key=lambda g: not g.timed))
    ctes = [*(_features(keys, group, type_) for group in groups), f"spine AS ({spine})"]
    columns = [*(f"s.{quoted(key)}" for key in keys), f"s.{TIME}"]
    columns += [f"g{group.place}.features AS {quoted(group.name)}" for group in groups]
    shown = f"(SELECT * FROM spine{_spine_filter(groups, keys)}) s" + "".join(_join(keys, group) for group in groups)
    sql = f"WITH {', '.join(ctes)} SELECT {', '.join(columns)} FROM {shown}"
    return {"sql": sql, "checks": [_unique(keys, group) for group in groups]}


def _list(names: Iterable[str]) -> str:
    return ", ".join(map(quoted, names))


def _time_type(groups: Sequence[_Group]) -> str:
    types = {type_ for group in groups for name, type_ in group.schema if name.lower() == TIME}
    if len(types) == 1:
        return types.pop()
    return "TIMESTAMP WITH TIME ZONE" if any("ZONE" in type_ for type_ in types) else "TIMESTAMP"


def _rows(keys: Sequence[str], group: _Group, type_: str) -> str:
    time = f"CAST({TIME} AS {type_})" if group.timed else f"CAST(NULL AS {type_})"
    return f"SELECT {_list(keys)}, {time} AS {TIME} FROM input_{group.place}"


def _features(keys: Sequence[str], group: _Group, type_: str) -> str:
    hidden = {key.lower() for key in keys} | {TIME, group.column}
    features = [name for name, _ in group.schema if name.lower() not in hidden]
    struct = ", ".join(f"{literal(name)}: {quoted(name)}" for name in features)
    value = f"{{{struct}}}" if struct else "NULL"
    time = f", CAST({TIME} AS {type_}) AS {TIME}" if group.timed else ""
    return f"f{group.place} AS (SELECT {_list(keys)}{time}, {value} AS features FROM input_{group.place})"


def _join(keys: Sequence[str], group: _Group) -> str:
    name = f"g{group.place}"
    on = " AND ".join(f"s.{quoted(key)} = {name}.{quoted(key)}" for key in keys)
    if group.timed:
        return f" ASOF LEFT JOIN f{group.place} {name} ON {on} AND s.{TIME} >= {name}.{TIME}"
    return f" LEFT JOIN f{group.place} {name} ON {on}"


def _spine_filter(groups: Sequence[_Group], keys: Sequence[str]) -> str:
    """A timeless group's key needs a row of its own only where no timed group has that key."""
    timed = [group.timed for group in groups]
    if not any(timed) or all(timed):
        return ""
    return f" QUALIFY {TIME} IS NOT NULL OR count({TIME}) OVER (PARTITION BY {_list(keys)}) = 0"


def _unique(keys: Sequence[str], group: _Group) -> dict[str, str]:
    names = [*keys, *([TIME] if group.timed else [])]
    columns = f"SELECT {_list(names)}, count(*) AS rows FROM input_{group.place}"
    sql = f"{columns} GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 3"
    what = " and ".join(names)
    message = (
        f"feature_group.{group.name} has several rows with the same {what}: make them one, or say dedupe: first or last"
    )
    return {"sql": sql, "message": message}


def catalog(node: Node, groups: Mapping[str, Mapping[str, Any]], when: str) -> dict[str, Any]:
    """`_entity_catalog.json`: `groups` maps each group's name to its rows and schema; `when` is the run's time."""
    listed = {
        group["name"]: {
            "name": group["name"],
            "features": [n for n in groups[group["name"]]["schema"] if n.lower() not in _plain(node, group)],
            "event_time_col": group["event_time"] or TIME,
            "last_updated": when,
            "row_count": groups[group["name"]]["rows"],
            "schema": groups[group["name"]]["schema"],
        }
        for group in node.recipe.definition["groups"]
        if group["name"] in groups
    }
    return {
        "entity_name": node.name,
        "join_keys": list(node.traits["join_keys"]),
        "feature_groups": listed,
        "consolidated_at": when,
        "schema_version": "1.0",
    }


def _plain(node: Node, group: Mapping[str, Any]) -> set[str]:
    return {name.lower() for name in (*node.traits["join_keys"], TIME, str(group["event_time"]))}

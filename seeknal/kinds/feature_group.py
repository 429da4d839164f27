"""`feature_group`: the features of an entity, one row for each key and event time.

Lowers to the person's SQL over its input, followed by what makes it a feature group: `event_time` as the format wants
it, its join keys present, duplicates dropped where `dedupe` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seeknal.model.lowering import Lowered, Path, Wrong, input_names, quoted
from seeknal.model.materialization import table_of
from seeknal.model.node import NAME, NAME_RULE, Input, Recipe

# Fields of the existing tool's own store of features, which there is none of here.
INTERVALS = "each"
_UNUSED = ("source", "mode", "feature_start_time", "feature_end_time")


@dataclass(frozen=True, slots=True)
class Spec:
    """The fields of a feature group."""

    entity: str | dict[str, Any]
    transform: str | None = None
    source: str | None = None
    features: Any = None
    materialization: Any = None
    materializations: Any = None
    dedupe: str | None = None
    engine: str = "duckdb"
    mode: Any = None
    feature_start_time: Any = None
    feature_end_time: Any = None
    params: dict[str, Any] = field(default_factory=dict)


def lower(name: str, spec: Spec, inputs: tuple[str, ...]) -> Lowered:
    """A recipe of the DuckDB engine."""
    if not inputs:
        raise Wrong(("inputs",), "a feature group needs an input: inputs: [{ref: transform.rides}]")
    if spec.engine != "duckdb":
        raise Wrong(("engine",), f"engine is {spec.engine!r}: feature groups in SQL run on duckdb")
    sql = spec.transform if spec.transform and spec.transform.strip() else "SELECT * FROM source"
    names = {**input_names(inputs), "__THIS__": inputs[0], "source": inputs[0]}
    traits = entity_traits(spec.entity, spec.materialization, spec.dedupe)
    unused = [
        ((word,), f"{word} is not used: filter in the SQL instead", "unused_field")
        for word in _UNUSED
        if getattr(spec, word)
    ]
    traits |= {"warnings": unused} if unused else {}
    definition = {"sql": sql, **after(traits)}
    return Lowered(
        Recipe("duckdb", definition, tuple(map(Input, inputs)), names=names), {**traits, "sql": ("transform",)}
    )


def entity_traits(entity: str | Mapping[str, Any], materialization: Any, dedupe: str | None) -> dict[str, Any]:
    """What a feature group says of its entity: name, join keys, column of event time. Raises Wrong."""
    name, keys = _entity(entity)
    column = materialization.get("event_time_col") if isinstance(materialization, Mapping) else None
    if column is not None and not isinstance(column, str):
        raise Wrong(
            ("materialization", "event_time_col"), f"event_time_col is {column!r}: the name of a column is needed"
        )
    if dedupe not in (None, "first", "last"):
        raise Wrong(("dedupe",), f"dedupe is {dedupe!r}: allowed are first and last")
    said = entity if isinstance(entity, Mapping) else {}
    tables = entity_tables(name, said.get("materializations"), ("entity", "materializations"))
    traits = {"entity": name, "join_keys": keys, "event_time": column, "dedupe": dedupe, "entity_tables": tables}
    return {**traits, "keys": ((*keys, "event_time"), tuple(keys))}


def _entity(entity: str | Mapping[str, Any]) -> tuple[str, list[str]]:
    name = entity if isinstance(entity, str) else entity.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise Wrong(("entity",), f"entity is {name!r}: {NAME_RULE}")
    keys = [f"{name}_id"] if isinstance(entity, str) else entity.get("join_keys", [f"{name}_id"])
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) for key in keys):
        raise Wrong(("entity", "join_keys"), "join_keys is a list with the names of one or more columns")
    return name, keys


def entity_tables(name: str, value: Any, path: Path) -> list[dict[str, Any]]:
    """Tables outside of the consolidated entity; `table_pattern` is a `table` with the entity's name in it. Raises Wrong."""
    if value is not None and (not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value)):
        raise Wrong(path, "materializations is a list of mappings: [{type: postgresql, connection: ..., table: ...}]")
    found = []
    for i, item in enumerate(value or ()):
        given = {key: given for key, given in item.items() if key != "table_pattern"}
        if "table_pattern" in item:
            given["table"] = str(item["table_pattern"]).replace("{entity}", name)
        found.append(table_of(given, (*path, i)))
    return found


def after(traits: Mapping[str, Any]) -> dict[str, Any]:
    """What the engine does with a feature group's rows: SQL over `__query__`, and the columns that must be there."""
    steps = []
    column, keys = traits["event_time"], traits["join_keys"]
    if column and column.lower() != "event_time":
        steps.append(
            f"SELECT COLUMNS(lambda c: lower(c) <> 'event_time'), {quoted(column)} AS event_time FROM __query__"
        )
    if traits["dedupe"]:
        steps.append(_deduplicated(keys, "ASC" if traits["dedupe"] == "first" else "DESC"))
    required = [*keys, *([column] if column else [])]
    return {"then": steps, "required": required}


def _deduplicated(keys: list[str], order: str) -> str:
    """SQL that keeps one row for each key and event time; whether there is an event time, the rows say themselves."""
    parts = ", ".join([*map(quoted, keys), "event_time"])
    return (
        "FROM (WITH n AS MATERIALIZED (SELECT *, row_number() OVER () AS __row__ FROM __query__), "
        "timed AS (SELECT * FROM n UNION ALL BY NAME SELECT NULL AS event_time WHERE false) "
        "SELECT * EXCLUDE (__row__) FROM n WHERE __row__ IN (SELECT __row__ FROM timed "
        f"QUALIFY row_number() OVER (PARTITION BY {parts} ORDER BY __row__ {order}) = 1))"
    )


def files(name: str, traits: Mapping[str, Any]) -> dict[str, Any]:
    """The sidecar that stands beside the table: view path -> document."""
    document = {
        "entity_name": traits["entity"],
        "join_keys": traits["join_keys"],
        "event_time_col": traits["event_time"] or "event_time",
    }
    return {f"intermediate/feature_group_{name}_meta.json": document}


def python(name: str, fields: Mapping[str, Any]) -> Lowered:
    """What `@feature_group` says besides its function: the entity, and what is done with the rows."""
    if "entity" not in fields:
        raise Wrong(("entity",), "the argument 'entity' is missing: @feature_group(entity=\"rider\")")
    traits = entity_traits(fields["entity"], fields.get("materialization"), fields.get("dedupe"))
    return Lowered(Recipe("python", after(traits)), traits)

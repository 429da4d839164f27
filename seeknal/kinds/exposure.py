"""`exposure`: what leaves the project after it was published: a file, a request to an API, a message.

Lowers to where the rows go and in which form. Headers, credentials and addresses may hold secrets: their expanded values
never stand in the definition (see `SECRET`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seeknal.errors import nearest
from seeknal.model.lowering import Lowered, Wrong
from seeknal.model.materialization import table_of
from seeknal.model.node import Input, Recipe

FORMATS = ("csv", "parquet", "json", "jsonl")
TYPES = ("file", "api", "notification", "database", "starrocks_materialized_view", "report")
# Fields whose environment variables stay unexpanded in the definition, and so in the key.
SECRET = ("url", "headers", "auth")


@dataclass(frozen=True, slots=True)
class Spec:
    """The fields of an exposure."""

    type: str
    url: str | None = None
    path: str | None = None
    format: str | None = None
    depends_on: Any = None
    params: dict[str, Any] = field(default_factory=dict)


def reads(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """`depends_on` counts beside `inputs`: its first entry is the table that is sent."""
    listed = fields.get("depends_on")
    items = listed if isinstance(listed, list) else ()
    refs = (item.get("ref") if isinstance(item, Mapping) else item for item in items)
    return tuple(ref.strip().removeprefix("ref:").strip() for ref in refs if isinstance(ref, str))


def lower(name: str, spec: Spec, inputs: tuple[str, ...]) -> Lowered:
    """A recipe of the exposure engine, run when everything else is published."""
    word = spec.type.lower()
    if word not in TYPES:
        raise Wrong(("type",), f"unknown type of exposure {spec.type!r}{nearest(word, TYPES)}: {', '.join(TYPES)}")
    params = {**{n: v for n in ("url", "path", "format") if (v := getattr(spec, n))}, **spec.params}
    if not inputs and word not in ("report", "notification"):
        raise Wrong(("inputs",), "an exposure needs the table that it sends: depends_on: [{ref: transform.rides}]")
    ordered = dict.fromkeys([*reads({"depends_on": spec.depends_on}), *inputs])
    if word == "database":
        return _database(params, tuple(ordered))
    definition = {"type": word, **_CHECKS.get(word, dict)(params)}
    traits = {"outside": True, "writes": definition["path"]} if word == "file" else {"outside": True}
    return Lowered(Recipe("exposure", definition, tuple(map(Input, ordered))), traits)


def _database(params: Mapping[str, Any], inputs: tuple[str, ...]) -> Lowered:
    """A table outside, as a materialization writes it."""
    given = {"type": "postgresql", **params}
    if isinstance(given.get("table"), str) and given["type"] != "iceberg" and "." not in given["table"]:
        given["table"] = f"public.{given['table']}"
    table = table_of(given, ("params",))
    definition = {name: value for name, value in table.items() if name not in ("path", "enabled")}
    traits = {"outside": True, "everywhere": True, "far": True, "behind": inputs[0], "enabled": True}
    return Lowered(Recipe("materialization", definition, tuple(map(Input, inputs))), traits)


def _file(params: Mapping[str, Any]) -> dict[str, Any]:
    path = params.get("path") or params.get("url")
    if not isinstance(path, str) or not path.strip() or "\0" in path:
        raise Wrong(("params", "path"), "a file exposure needs path: where the file is written, as in out/rides.csv")
    ending = path.rpartition(".")[2].lower()
    form = params.get("format") or (ending if ending in FORMATS else "csv")
    if form not in FORMATS:
        raise Wrong(("params", "format"), f"format is {form!r}: allowed are {', '.join(FORMATS)}")
    if path.split("/")[0] == "target":
        raise Wrong(("params", "path"), "target/ belongs to seeknal: write the file elsewhere")
    return {"path": path, "format": form, **_options(params, form)}


def _options(params: Mapping[str, Any], form: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if form == "csv" and params.get("delimiter") is not None:
        found["delimiter"] = _text(params, "delimiter")
    if form == "csv" and params.get("header") is not None:
        found["header"] = str(params["header"]).lower() in ("true", "yes", "on", "1")
    if params.get("compression") is not None:
        allowed = ("zstd", "snappy", "gzip", "uncompressed") if form == "parquet" else ("gzip", "zstd", "none")
        if params["compression"] not in allowed:
            text = f"compression is {params['compression']!r}: allowed for {form} are {', '.join(allowed)}"
            raise Wrong(("params", "compression"), text)
        found["compression"] = params["compression"]
    return found


def _api(params: Mapping[str, Any]) -> dict[str, Any]:
    found = {"url": _text(params, "url"), "method": str(params.get("method", "POST")).upper(), **_request(params)}
    if found["method"] not in ("POST", "PUT", "PATCH"):
        raise Wrong(("params", "method"), f"method is {params['method']!r}: allowed are POST, PUT and PATCH")
    size = params.get("batch_size")
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
        raise Wrong(("params", "batch_size"), f"batch_size is {size!r}: rows in one request, 1 or more")
    return {**found, "batch_size": size}


def _notification(params: Mapping[str, Any]) -> dict[str, Any]:
    channel = params.get("channel", "webhook")
    if channel not in ("webhook", "slack"):
        raise Wrong(("params", "channel"), f"channel is {channel!r}: allowed are webhook and slack")
    found = {"url": _text(params, "url"), "channel": channel, **_request(params)}
    if channel == "slack":
        return {**found, "message": _text(params, "message")}
    payload = params.get("payload", {})
    if not isinstance(payload, Mapping):
        raise Wrong(("params", "payload"), "payload is a mapping: what is sent besides node, project and data")
    return {**found, "payload": dict(payload)}


def _request(params: Mapping[str, Any]) -> dict[str, Any]:
    headers, timeout = params.get("headers", {}), params.get("timeout", 30)
    if not isinstance(headers, Mapping):
        raise Wrong(("params", "headers"), "headers is a mapping of names and texts")
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or timeout <= 0:
        raise Wrong(("params", "timeout"), f"timeout is {timeout!r}: a number of seconds is needed")
    auth = params.get("auth")
    known = {"token"}, {"username", "password"}
    if auth is not None and not isinstance(auth, str) and not (isinstance(auth, Mapping) and set(auth) in known):
        raise Wrong(("params", "auth"), "auth is {token: ...}, {username: ..., password: ...} or the header's text")
    told = {str(name): _told(value) if _SECRET.search(str(name)) else str(value) for name, value in headers.items()}
    shown = {name: _told(value) for name, value in auth.items()} if isinstance(auth, Mapping) else auth and _told(auth)
    return {"headers": told, "auth": shown, "timeout": timeout}


_SECRET = re.compile(r"auth|token|key|secret|password|cookie", re.IGNORECASE)


def _told(value: Any) -> str:
    """A credential as the key has it: the name of its environment variable, or nothing of it."""
    return str(value) if "{{" in str(value) else "(written in the file)"


def _text(params: Mapping[str, Any], name: str) -> str:
    value = params.get(name)
    if isinstance(value, str) and value:
        return value
    raise Wrong(("params", name), f"{name} is {value!r}: a text is needed")


_CHECKS = {"file": _file, "api": _api, "notification": _notification}

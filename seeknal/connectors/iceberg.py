"""Iceberg tables, of an SQL or a REST catalog: a table, or one query over tables of the catalog.

Decides what the fields of a catalog are called for pyiceberg and which tables are meant. A table is known by its identity, its
current snapshot and its current schema.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from seeknal.connectors import s3
from seeknal.model.lowering import Wrong

NAME = "iceberg"
CONNECTED = True
TOKEN = True
EXTRA = "iceberg"
_STORAGE = ("endpoint", "region", "access_key_id", "secret_access_key", "session_token")
CONNECTION: dict[str, Any] = {
    "catalog_type": "",
    "catalog_uri": "",
    "warehouse": "",
    "bearer_token": "",
    "credential": "",
    "oauth2_server_uri": "",
    "scope": "",
    "verify_tls": True,
    "connection_timeout": 10,
    "request_timeout": 30,
    **dict.fromkeys(_STORAGE, ""),
}
SECRET = ("bearer_token", "credential", "secret_access_key", "session_token")
OPTIONS = ("connection", "query", *CONNECTION)
# Fields of `materialization.catalog` in a profile -> fields of a connection, which stand in for it.
CATALOG = {
    "type": "catalog_type",
    "uri": "catalog_uri",
    **{name: name for name in ("warehouse", "bearer_token", "verify_tls", "connection_timeout", "request_timeout")},
}
# Field -> the variables that stand for it where nothing says it.
_VARIABLES = {
    "catalog_uri": ("LAKEKEEPER_URI", "LAKEKEEPER_URL"),
    "warehouse": ("LAKEKEEPER_WAREHOUSE",),
    "oauth2_server_uri": ("KEYCLOAK_TOKEN_URL",),
}
_CLIENT = ("KEYCLOAK_CLIENT_ID", "KEYCLOAK_CLIENT_SECRET")
_TYPES = ("rest", "sql")
_PART = re.compile(r'"((?:[^"]|"")+)"|([^".\s]+)')
_READS = re.compile(r"(\s|--[^\n]*\n|/\*.*?\*/)*\(*\s*(select|with|values|from)\b", re.IGNORECASE | re.DOTALL)


def options(params: Mapping[str, Any]) -> dict[str, Any]:
    """What is read: a table by the parts of its name, or a query. Raises Wrong."""
    table = parts(params["table"]) if params.get("table") else []
    if params.get("query"):
        text = params["query"]
        if not isinstance(text, str) or not _READS.match(text):
            raise Wrong(("query",), "query has to begin with SELECT or WITH: it reads, and changes nothing")
        return {"query": text.strip().rstrip(";").rstrip(), **({"table": table} if table else {})}
    if len(table) < 3:
        raise Wrong(("table",), f"table is {params.get('table')!r}: write table: catalog.namespace.table")
    return {"table": table}


def parts(name: Any) -> list[str]:
    """A dotted name as its parts; a part with other signs is quoted. Raises Wrong."""
    found = [one[1].replace('""', '"') if one[1] else one[2] for one in _PART.finditer(str(name))]
    if _PART.sub("", str(name)).strip(".") or not found:
        raise Wrong(("table",), f"table is {name!r}: write table: catalog.namespace.table")
    return found


def from_variables(settings: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    """The fields, with those that nothing says from the environment."""
    storage = s3.from_variables({**{name: settings[name] for name in _STORAGE}, "anonymous": False}, env)
    found = {**settings, **{name: storage[name] for name in _STORAGE}}
    for field, names in _VARIABLES.items():
        found[field] = found[field] or next((env[name] for name in names if env.get(name)), "")
    if not found["bearer_token"] and not found["credential"] and all(env.get(name) for name in _CLIENT):
        found["credential"] = ":".join(env[name] for name in _CLIENT)
    return found


def checked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as values. Raises Wrong."""
    found = dict(settings)
    uri = str(found["catalog_uri"] or "")
    if not uri:
        raise Wrong(("catalog_uri",), "catalog_uri is missing: https://..., or sqlite:///catalog.db")
    word = str(found["catalog_type"] or ("rest" if uri.startswith(("http://", "https://")) else "sql")).lower()
    if word not in _TYPES:
        raise Wrong(("catalog_type",), f"catalog_type is {found['catalog_type']!r}: allowed are {', '.join(_TYPES)}")
    if "://" not in uri:
        raise Wrong(("catalog_uri",), f"catalog_uri is {uri!r}: write https://..., or sqlite:///catalog.db")
    for name in ("connection_timeout", "request_timeout"):
        if not str(found[name]).isdecimal():
            raise Wrong((name,), f"{name} is {found[name]!r}: seconds are needed")
        found[name] = int(found[name])
    found["verify_tls"] = str(found["verify_tls"]).lower() not in ("false", "no", "off", "0")
    return {**found, "catalog_type": word, "catalog_uri": uri.rstrip("/") if word == "rest" else uri}


def placed(settings: Mapping[str, Any], root: str) -> dict[str, Any]:
    """The settings, with paths of the project made absolute: that of a catalog in an SQLite file, that of a warehouse."""
    found = dict(settings)
    path = sqlite_path(found)
    if path is not None and not os.path.isabs(path):
        found["catalog_uri"] = f"sqlite:///{os.path.join(root, path)}"
    warehouse = str(found["warehouse"] or "")
    if found["catalog_type"] == "sql" and warehouse and "://" not in warehouse and not os.path.isabs(warehouse):
        found["warehouse"] = os.path.join(root, warehouse)
    return found


def sqlite_path(settings: Mapping[str, Any]) -> str | None:
    """The file of a catalog that is an SQLite file."""
    scheme, sign, path = str(settings["catalog_uri"]).partition(":///")
    return path if settings["catalog_type"] == "sql" and sign and scheme.split("+")[0] == "sqlite" else None


def storage(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What pyiceberg reads files with."""
    return {f"s3.{name.replace('_', '-')}": settings[name] for name in _STORAGE if settings[name]}


def properties(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings under pyiceberg's names."""
    names = {"warehouse": "warehouse", "bearer_token": "token", "credential": "credential", "scope": "scope",
             "oauth2_server_uri": "oauth2-server-uri"}  # fmt: skip
    found = {name: settings[field] for field, name in names.items() if settings[field]}
    tls = {} if settings["verify_tls"] else {"ssl": {"cabundle": False}}
    return {"uri": settings["catalog_uri"], **found, **tls, **storage(settings)}

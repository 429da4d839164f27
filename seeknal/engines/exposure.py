"""The exposure engine: sends a published table out of the project and gives a receipt of what was sent.

Decides the action of an exposure (where to, in which form, all columns of the table) and what stands on the receipt. A
file is written into the store's scratch folder; the caller moves it to its place. Values of secrets come in beside the
definition and never leave through a key, a receipt or an error.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import duckdb

from seeknal.engines.base import File, Product, Setting
from seeknal.engines.connections import connections_of
from seeknal.engines.parquet import copy
from seeknal.errors import BuildFailed, DefinitionWrong
from seeknal.model.action import Action, Artifact, Used
from seeknal.model.lowering import literal, path_literal, quoted
from seeknal.model.node import Node
from seeknal.model.plan import Prepared


def open_engine(setting: Setting) -> ExposureEngine:
    """The engine for a session."""
    return ExposureEngine(setting)


class ExposureEngine:
    """Exposure nodes."""

    tag = "exposure/1"

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._connections = connections_of(setting)

    def references(self, node: Node) -> tuple[str, ...]:
        """Nothing: an exposure says which table it sends."""
        return ()

    def prepare(self, node: Node, inputs: Mapping[str, Artifact], files: tuple[tuple[File, ...], ...]) -> Prepared:
        """The action: where to and how, and the whole table. Other inputs only come first."""
        table = _table(node)
        used = (Used("table", inputs[table].rows, inputs[table].columns),) if table else ()
        return Prepared(Action(self.tag, node.recipe.definition, used), {"table": table} if table else {}, None)

    def run(self, node: Node, prepared: Prepared, paths: Mapping[str, str], output: str) -> Product:
        """Send the rows; write the receipt to `output`."""
        word = node.recipe.definition["type"]
        if word not in _SENDERS:
            hint = "take it out of the project until then; everything else is built and published"
            text = f"{node.file}:{node.line}: {node.id}: exposures of type {word} are not supported yet"
            raise DefinitionWrong(text, reason="not_supported", hint=hint)
        con = self._connections.own()
        table = f"read_parquet({path_literal(paths[_table(node)])})" if _table(node) else "(SELECT 1 WHERE false)"
        try:
            receipt = _SENDERS[word](self, con, node, table, output)
            cells = ", ".join(f"{_sql(value)} AS {quoted(name)}" for name, value in receipt.items())
            copy(con, f"SELECT {cells}", output)
        except duckdb.Error as error:
            raise BuildFailed(f"{node.file}:{node.line}: {node.id}: {error}", reason="export_failed") from error
        told = (
            f"sent {receipt['rows']:,} rows to {receipt['destination']}"
            if "destination" in receipt
            else receipt["note"]
        )
        return Product(order_counts=True, notes=(told,), export=f"{output}.export" if word == "file" else None)

    def to_file(self, con: Any, node: Node, table: str, output: str) -> dict[str, Any]:
        """Write the rows as a file beside `output`."""
        definition = node.recipe.definition
        path = f"{output}.export"
        done = con.execute(
            f"COPY (FROM {table}) TO {literal(path)} ({', '.join(_copy_options(definition))})"
        ).fetchone()
        return {"destination": definition["path"], "format": definition["format"], "rows": int(done[0])}

    def to_api(self, con: Any, node: Node, table: str, output: str) -> dict[str, Any]:
        """Send the rows as JSON records, in one request or in batches."""
        definition = node.recipe.definition
        rows = 0
        for batch in _batches(con, table, definition["batch_size"]):
            _post(node, f"[{','.join(batch)}]".encode())
            rows += len(batch)
        return {"destination": _host(node), "format": "json", "rows": rows}

    def to_channel(self, con: Any, node: Node, table: str, output: str) -> dict[str, Any]:
        """Send one message."""
        definition = node.recipe.definition
        records = [json.loads(text) for batch in _batches(con, table, None) for text in batch]
        if definition["channel"] == "slack":
            body = {"text": definition["message"]}
        else:
            project = os.path.basename(self._setting.project)
            body = {**definition["payload"], "node": node.id, "project": project, "data": records}
        _post(node, json.dumps(body).encode())
        return {"destination": _host(node), "format": definition["channel"], "rows": len(records)}

    def to_nobody(self, con: Any, node: Node, table: str, output: str) -> dict[str, Any]:
        """A report is rendered by other tools."""
        return {"note": "reports are not rendered by seeknal: nothing was sent", "rows": 0}

    def close(self) -> None:
        """Close the instances."""
        self._connections.close()


_SENDERS = {
    "file": ExposureEngine.to_file,
    "api": ExposureEngine.to_api,
    "notification": ExposureEngine.to_channel,
    "report": ExposureEngine.to_nobody,
}


def _table(node: Node) -> str:
    """The id of the table that is sent: the first input."""
    return node.recipe.inputs[0].node if node.recipe.inputs else ""


def _sql(value: Any) -> str:
    return literal(value) if isinstance(value, str) else f"CAST({value} AS BIGINT)"


def _copy_options(definition: Mapping[str, Any]) -> Iterator[str]:
    form = definition["format"]
    yield f"FORMAT {form.removesuffix('l')}"
    if form == "json":
        yield "ARRAY true"
    for name in ("delimiter", "compression"):
        if name in definition:
            yield f"{name} {literal(definition[name])}"
    if form == "csv":
        yield f"HEADER {str(definition.get('header', True)).lower()}"


def _batches(con: Any, table: str, size: int | None) -> Iterator[list[str]]:
    done = con.execute(f"SELECT CAST(to_json(t) AS VARCHAR) FROM {table} t")
    if size is None:
        yield [row[0] for row in done.fetchall()]
        return
    while rows := done.fetchmany(size):
        yield [row[0] for row in rows]


def _secrets(node: Node) -> Mapping[str, Any]:
    """The address, headers and credentials with their values."""
    secrets: Mapping[str, Any] = node.recipe.late["secrets"]
    return secrets


def _host(node: Node) -> str:
    """Where a request goes, without what may be secret in its address."""
    parts = urlsplit(_secrets(node)["url"])
    return f"{parts.scheme}://{parts.hostname}"


def _post(node: Node, body: bytes) -> None:
    import urllib.error
    import urllib.request

    definition, secrets = node.recipe.definition, _secrets(node)
    where = f"{node.file}:{node.line}: {node.id}: {_host(node)}"
    headers = {
        "Content-Type": "application/json",
        **(secrets.get("headers") or {}),
        **_authorization(secrets.get("auth")),
    }
    if urlsplit(secrets["url"]).scheme not in ("http", "https"):
        raise DefinitionWrong(f"{where}: the address is no http or https address", reason="wrong_url")
    try:
        request = urllib.request.Request(secrets["url"], body, headers, method=definition.get("method", "POST"))  # noqa: S310
        urllib.request.urlopen(request, timeout=definition["timeout"]).close()  # noqa: S310
    except urllib.error.HTTPError as error:
        error.close()
        raise BuildFailed(f"{where} answered {error.code} {error.reason}", reason="request_failed") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "reason", None) or type(error).__name__
        raise BuildFailed(f"{where} cannot be reached: {why}", reason="request_failed") from None


def _authorization(auth: Any) -> dict[str, str]:
    if not auth:
        return {}
    if isinstance(auth, str):
        return {"Authorization": auth}
    if "token" in auth:
        return {"Authorization": f"Bearer {auth['token']}"}
    pair = base64.b64encode(f"{auth['username']}:{auth['password']}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}

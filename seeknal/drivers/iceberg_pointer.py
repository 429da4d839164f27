"""What an Iceberg table is by now, found without pyiceberg, whose import takes seconds: a no-op asks for nothing else.

Decides which catalogs are simple enough for that (an SQLite file, a REST server) and which metadata files (local, or in an S3
store that obstore reads). Of the others it says that it does not know.
"""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlencode, urlsplit

from seeknal.connectors.iceberg import sqlite_path
from seeknal.drivers import Failed

_NAMES = "the name is catalog.namespace.table: are all its parts right?"
_ANSWER = "check catalog_uri, that the server runs and lets this machine in; connection_timeout is the seconds to wait"
_LOGIN = "check bearer_token, or credential (id:secret) and oauth2_server_uri"


class Pointer(NamedTuple):
    """A table by now: its identity, snapshot and schema, the names of its columns, and where its metadata is (if known)."""

    uuid: str
    snapshot: int | None
    schema: int
    names: tuple[str, ...]
    location: str = ""

    @property
    def token(self) -> str:
        """Equal as long as the rows are."""
        return f"{self.uuid}/{self.snapshot}/{self.schema}"


def pointer(settings: Mapping[str, Any], table: Sequence[str]) -> Pointer | None:
    """What the table is by now; None where only pyiceberg can tell. Raises Failed."""
    path = sqlite_path(settings)
    if path is not None:
        location = _location(path, table)
        data = _file(settings, location)
        return None if data is None else _read(json.loads(data), location)
    if settings["catalog_type"] == "rest":
        return Rest(settings).pointer(table)
    return None


def _read(metadata: Mapping[str, Any], location: str) -> Pointer:
    current = metadata.get("current-schema-id", 0)
    schemas = metadata.get("schemas") or [metadata["schema"]]
    schema = next((one for one in schemas if one.get("schema-id", 0) == current), schemas[-1])
    names = tuple(field["name"] for field in schema["fields"])
    snapshot = metadata.get("current-snapshot-id")
    return Pointer(str(metadata["table-uuid"]), None if snapshot == -1 else snapshot, current, names, location)


# -- a catalog in an SQLite file -----------------------------------------------------------------------------------


def _location(path: str, table: Sequence[str]) -> str:
    import sqlite3

    if not os.path.exists(path):
        raise Failed(f"there is no file {path}", "no_answer", "is the path in catalog_uri right?")
    catalog, *namespace, name = table
    query = (
        "SELECT metadata_location FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?"
    )
    try:
        connection = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=30)
        try:
            found = connection.execute(query, (catalog, ".".join(namespace), name)).fetchone()
            known = connection.execute("SELECT DISTINCT catalog_name FROM iceberg_tables").fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise Failed(f"{path} is no catalog: {error}", "no_answer", "is the path in catalog_uri right?") from error
    if found is None:
        catalogs = f"; catalogs there: {', '.join(sorted(row[0] for row in known)) or 'none'}"
        raise Failed(f"there is no table {'.'.join(table)}{catalogs}", "table_missing", _NAMES)
    return str(found[0])


def _file(settings: Mapping[str, Any], location: str) -> bytes | None:
    """The bytes of a metadata file; None where it lies somewhere else."""
    url = urlsplit(location)
    if url.scheme in ("", "file"):
        try:
            with open(unquote(url.path) if url.scheme else location, "rb") as file:
                data = file.read()
        except OSError as error:
            raise Failed(
                f"{location}: {error.strerror}", "unreadable_file", "is the warehouse where it was?"
            ) from error
    elif url.scheme in ("s3", "s3a"):
        found = _object(settings, url.netloc, url.path.lstrip("/"))
        if found is None:
            return None
        data = found
    else:
        return None
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def _object(settings: Mapping[str, Any], bucket: str, key: str) -> bytes | None:
    from importlib.util import find_spec

    if find_spec("obstore") is None:
        return None
    from seeknal.connectors.s3 import CONNECTION
    from seeknal.drivers.s3 import connect

    said = {**CONNECTION, **{name: value for name, value in settings.items() if name in CONNECTION}}
    return connect({**said, "connect_timeout": settings["connection_timeout"]}).whole(bucket, key)


# -- a REST server -------------------------------------------------------------------------------------------------


class Rest:
    """The two requests of the REST protocol that tell what a table is."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._token = settings["bearer_token"]

    def pointer(self, table: Sequence[str]) -> Pointer:
        """What the table is by now. Raises Failed."""
        settings = self._settings
        if settings["credential"] and not self._token:
            self._token = self._logged_in()
        words = {"warehouse": settings["warehouse"]} if settings["warehouse"] else {}
        config = self._get(f"{settings['catalog_uri']}/v1/config", words)
        said = {**config.get("defaults", {}), **config.get("overrides", {})}
        base = str(said.get("uri", settings["catalog_uri"])).rstrip("/")
        prefix = f"/{said['prefix']}" if said.get("prefix") else ""
        space = quote(unquote(str(said.get("namespace-separator", "%1F"))).join(table[1:-1]), safe="")
        place = f"{base}/v1{prefix}/namespaces/{space}/tables/{quote(table[-1], safe='')}"
        found = self._get(place, {"snapshots": "refs"})
        return _read(found["metadata"], str(found.get("metadata-location") or ""))

    def _logged_in(self) -> str:
        settings = self._settings
        client, _, secret = str(settings["credential"]).partition(":")
        form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
        form["scope"] = settings["scope"] or "catalog"
        url = settings["oauth2_server_uri"] or f"{settings['catalog_uri']}/v1/oauth/tokens"
        return str(self._asked(url, urlencode(form).encode())["access_token"])

    def _get(self, url: str, words: Mapping[str, str]) -> Any:
        return self._asked(f"{url}?{urlencode(words)}" if words else url, None)

    def _asked(self, url: str, body: bytes | None) -> Any:
        from urllib.error import HTTPError, URLError
        from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

        class NoRedirect(HTTPRedirectHandler):
            """The token is for this server only."""

            def redirect_request(self, *args: Any, **kwargs: Any) -> None:
                return None

        opener = build_opener(NoRedirect, HTTPSHandler(context=self._tls()))
        request = Request(url, body, {"Accept": "application/json"})  # noqa: S310
        if self._token and body is None:
            request.add_header("Authorization", f"Bearer {self._token}")
        try:
            with opener.open(request, timeout=self._settings["connection_timeout"]) as answer:
                return json.load(answer)
        except HTTPError as error:
            with error:
                raise _refused(error.code, error.read(65536), url) from None
        except (URLError, OSError) as error:
            why = str(getattr(error, "reason", error))
            raise Failed(f"{_server(url)} does not answer: {why}", "no_answer", _ANSWER) from None
        except ValueError:
            raise Failed(f"{_server(url)} does not answer with JSON", "no_answer", _ANSWER) from None

    def _tls(self) -> Any:
        import ssl

        context = ssl.create_default_context()
        if not self._settings["verify_tls"]:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def _server(url: str) -> str:
    found = urlsplit(url)
    return f"{found.scheme}://{found.hostname}{f':{found.port}' if found.port else ''}"


def _refused(code: int, body: bytes, url: str) -> Failed:
    """What the server said where it did not give what was asked."""
    said = re.search(rb'"(?:message|error_description)"\s*:\s*"((?:[^"\\]|\\.)*)"', body)
    text = f"{code}: {json.loads(said[0].split(b':', 1)[1])}" if said else f"{code} of {_server(url)}"
    if code in (401, 403):
        return Failed(text, "connection_refused", _LOGIN)
    if code == 404:
        return Failed(text, "table_missing", _NAMES)
    return Failed(text, "no_answer" if code >= 500 else "query_failed", _ANSWER)

"""Objects of an S3 store, which the connectors of files read: `source: parquet` with `table: s3://bucket/2024/*.parquet`.

Decides which objects a pattern means and how a connection is told. Objects are known by their ETag and size.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from seeknal.model.lowering import Wrong

NAME = "s3"
CONNECTED = True
TOKEN = True
SCHEME = "s3"
ENGINE = "objects"
EXTRA = "s3"
CONNECTION: dict[str, Any] = {
    "endpoint": "",
    "region": "",
    "access_key_id": "",
    "secret_access_key": "",
    "session_token": "",
    "anonymous": False,
    "allow_http": False,
    "connect_timeout": 10,
}
SECRET = ("secret_access_key", "session_token")
OPTIONS = ("connection", *CONNECTION)
# Field -> the variables that stand for it where the connection says nothing, in this order.
_VARIABLES = {
    "endpoint": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    "region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    "access_key_id": ("AWS_ACCESS_KEY_ID",),
    "secret_access_key": ("AWS_SECRET_ACCESS_KEY",),
    "session_token": ("AWS_SESSION_TOKEN",),
}
_KEYS = ("access_key_id", "secret_access_key", "session_token")
_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0", "")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")


def options(params: Mapping[str, Any]) -> dict[str, Any]:
    """This word only names connections. Raises Wrong."""
    raise Wrong(
        ("source",), "s3 is where files lie, not what they are: source: parquet (or csv, json), table: s3://..."
    )


def located(url: str) -> dict[str, Any]:
    """The bucket and the pattern of keys in a URL. Raises Wrong."""
    bucket, _, pattern = url.split("://", 1)[1].partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise Wrong(("table",), f"{bucket!r} is no name of a bucket: table: s3://bucket/folder/*.parquet")
    if not pattern or pattern.endswith("/"):
        raise Wrong(("table",), f"{url} is a folder: say which of its files: {url.rstrip('/')}/*.parquet")
    return {"bucket": bucket, "pattern": pattern}


def from_variables(settings: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    """The fields, with those that a connection leaves out from the AWS_ variables: keys only where it has none at all."""
    found = dict(settings)
    own = any(found[name] for name in _KEYS) or str(found["anonymous"]).lower() in _YES
    for field, names in _VARIABLES.items():
        value = next((env[name] for name in names if env.get(name)), "")
        if not found[field] and value and not (own and field in _KEYS):
            found[field] = value
    return found


def checked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a connection as values. Raises Wrong."""
    found = dict(settings)
    for name in ("anonymous", "allow_http"):
        word = str(found[name]).lower()
        if word not in (*_YES, *_NO):
            raise Wrong((name,), f"{name} is {found[name]!r}: allowed are true and false")
        found[name] = word in _YES
    if not str(found["connect_timeout"]).isdecimal():
        raise Wrong(("connect_timeout",), f"connect_timeout is {found['connect_timeout']!r}: seconds are needed")
    found["connect_timeout"] = int(found["connect_timeout"])
    if found["endpoint"] and not re.match(r"https?://[^/]", str(found["endpoint"])):
        raise Wrong(("endpoint",), f"endpoint is {found['endpoint']!r}: write https://host or http://host:port")
    if bool(found["access_key_id"]) != bool(found["secret_access_key"]):
        lost = "secret_access_key" if found["access_key_id"] else "access_key_id"
        raise Wrong((lost,), f"{lost} is missing: a connection says both, or neither and the AWS_ variables do")
    return found


class Listing(NamedTuple):
    """What to ask for: the folder that every match lies in, and whether in it alone (not in folders below)."""

    folder: str
    flat: bool


def listing(pattern: str) -> Listing:
    """The smallest listing that has every match of a pattern."""
    parts = pattern.split("/")
    first = next((i for i, part in enumerate(parts) if is_pattern(part)), len(parts) - 1)
    return Listing("/".join(parts[:first]), first == len(parts) - 1 and parts[-1] != "**")


def is_pattern(text: str) -> bool:
    """Whether a text has a wildcard; what has none names one object."""
    return any(ch in text for ch in "*?[")


def matcher(pattern: str) -> re.Pattern[str]:
    """Which keys a pattern means, by the rules of local files: `*` stays in a folder, `**` goes below, hidden is hidden."""
    parts = pattern.split("/")
    parts += ["*"] if parts[-1] == "**" else []
    shown = [r"(?:(?![.])[^/]+/)*" if part == "**" else _part(part) + "/" for part in parts]
    return re.compile("".join(shown).removesuffix("/"), re.DOTALL)


def _part(text: str) -> str:
    if not is_pattern(text):
        return re.escape(text)
    found = re.sub(r"\[!?\]?[^\]/]*\]|.", lambda one: _sign(one[0]), text, flags=re.DOTALL)
    return found if text.startswith(".") else f"(?![.]){found}"


def _sign(text: str) -> str:
    if text in ("*", "?"):
        return "[^/]" + ("*" if text == "*" else "")
    if len(text) > 2 and text.startswith("["):
        inner = text[1:-1].replace("\\", "\\\\").replace("[", "\\[")
        return f"[^{inner[1:]}]" if inner.startswith("!") else f"[{inner}]"
    return re.escape(text)

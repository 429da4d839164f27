"""Listing and fetching the objects of an S3 store with obstore.

Decides what is listed, and that an object is only taken if it still is the one that was listed. Never holds more than a few
megabytes of an object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from seeknal.connectors.s3 import is_pattern, listing, matcher
from seeknal.drivers import Changed, Failed, Rows, Window
from seeknal.errors import EnvironmentFailure
from seeknal.model.digest import document_digest

_CHUNK = 8 << 20
_KEYS = ("access_key_id", "secret_access_key", "session_token")


class Object(NamedTuple):
    """An object as it was listed."""

    key: str
    etag: str
    size: int


def connect(settings: Mapping[str, Any]) -> S3:
    """Ready to ask; nothing is asked yet. Raises EnvironmentFailure."""
    try:
        import obstore  # noqa: F401
    except ImportError as error:
        hint = "pip install 'seeknal[s3]'"
        raise EnvironmentFailure(f"a package is missing: {error}", reason="package_missing", hint=hint) from error
    return S3(settings)


class S3:
    """The buckets that one connection leads to."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._stores: dict[str, Any] = {}
        self._listed: dict[tuple[str, str], list[Object]] = {}

    def _store(self, bucket: str) -> Any:
        from obstore.store import S3Store

        if bucket not in self._stores:
            said = self._settings
            http = said["allow_http"] or str(said["endpoint"]).startswith("http://")
            fields: dict[str, Any] = {name: said[name] for name in ("endpoint", "region", *_KEYS) if said[name]}
            fields = {"region": "us-east-1", **fields} | ({"skip_signature": True} if said["anonymous"] else {})
            self._stores[bucket] = S3Store(
                bucket,
                **fields,
                client_options={
                    "allow_http": http, "connect_timeout": timedelta(seconds=said["connect_timeout"]), "timeout": "1h",
                },
                retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=max(30, said["connect_timeout"]))},
            )  # fmt: skip
        return self._stores[bucket]

    def identity(self) -> str:
        """The server; a bucket's name is in the definition."""
        return str(self._settings["endpoint"])

    def token(self, definition: Mapping[str, Any]) -> str | None:
        """What the objects are known by: key, ETag and size of each."""
        return token(self.objects(definition))

    def objects(self, definition: Mapping[str, Any]) -> list[Object]:
        """The objects that the pattern means, sorted; listed once. Raises Failed where there are none."""
        bucket, pattern = definition["bucket"], definition["pattern"]
        if (bucket, pattern) not in self._listed:
            try:
                found = sorted(_found(self._store(bucket), pattern))
            except (OSError, ValueError, _error()) as error:
                raise told(str(error)) from None
            if not found:
                raise Failed(f"no object matches s3://{bucket}/{pattern}", "file_missing", _LOOK)
            self._listed[bucket, pattern] = found
        return self._listed[bucket, pattern]

    def chunks(self, bucket: str, one: Object) -> Iterator[Any]:
        """The bytes of an object. Raises Changed where it is another one now."""
        import obstore
        from obstore.exceptions import NotFoundError, PreconditionError

        words: Any = {"if_match": one.etag} if one.etag else {}
        try:
            got = obstore.get(self._store(bucket), one.key, options=words)
            if got.meta["size"] != one.size:
                raise _changed(bucket, one)
            yield from got.stream(min_chunk_size=_CHUNK)
        except (PreconditionError, NotFoundError, FileNotFoundError) as error:
            raise _changed(bucket, one) from error
        except (OSError, ValueError, _error()) as error:
            raise told(str(error)) from None

    def whole(self, bucket: str, key: str) -> bytes:
        """The bytes of a small object. Raises Failed."""
        import obstore

        try:
            return bytes(obstore.get(self._store(bucket), key).bytes())
        except (OSError, ValueError, _error()) as error:
            raise told(str(error)) from None

    def names(self, definition: Mapping[str, Any]) -> list[str]:
        """Only the files know their columns."""
        return []

    def rows(self, definition: Mapping[str, Any], window: Window | None) -> Rows:
        """Objects have bytes: connectors of files make rows of them."""
        raise Failed("an object is not a table", "query_failed")

    def done(self) -> None:
        """What was listed is asked anew in the next session only."""

    def stop(self) -> None:
        """Who writes the chunks stops."""

    def close(self) -> None:
        """Forget what was listed."""
        self._listed.clear()


def token(objects: list[Object]) -> str:
    """One text that is equal as long as all objects are the same."""
    return document_digest([[one.key, one.etag, one.size] for one in objects])


def _found(store: Any, pattern: str) -> Iterator[Object]:
    import obstore

    if not is_pattern(pattern):
        try:
            yield _object(obstore.head(store, pattern))
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error) or not _bucket_is_there(store):
                raise
        return
    ask, fits = listing(pattern), matcher(pattern)
    folder = ask.folder or None
    batches = [obstore.list_with_delimiter(store, folder)["objects"]] if ask.flat else obstore.list(store, folder)
    for batch in batches:
        yield from (_object(one) for one in batch if fits.fullmatch(one["path"]))


def _bucket_is_there(store: Any) -> bool:
    """An answer without a body does not say which of the two is missing. Raises what a listing does where it is the bucket."""
    import obstore

    obstore.list_with_delimiter(store, "seeknal-looks-whether-the-bucket-is-there")
    return True


def _object(said: Mapping[str, Any]) -> Object:
    return Object(said["path"], said["e_tag"] or "", said["size"])


def _error() -> type[Exception]:
    from obstore.exceptions import BaseError

    return BaseError


def _changed(bucket: str, one: Object) -> Changed:
    return Changed(f"s3://{bucket}/{one.key} changed after it was listed", "changed_input", "run again")


_LOOK = "is the path right? * stays within a folder, ** goes below"
_ANSWER = "check endpoint and region of the connection (or AWS_ENDPOINT_URL), and that the server lets this machine in"
_KEY = "check access_key_id and secret_access_key of the connection (or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)"
_WORDS = {
    "NoSuchBucket": ("table_missing", "is the bucket's name right, and is it at this endpoint?"),
    "InvalidAccessKeyId": ("connection_refused", _KEY),
    "SignatureDoesNotMatch": ("connection_refused", _KEY),
    "ExpiredToken": ("connection_refused", "get new credentials: those of the session are over"),
    "AccessDenied": ("not_allowed", "the key may not list or read there: allow s3:ListBucket and s3:GetObject"),
    "PermanentRedirect": ("wrong_connection", "the bucket is in another region: say region in the connection"),
    "AuthorizationHeaderMalformed": (
        "wrong_connection",
        "the bucket is in another region: say region in the connection",
    ),
}


def told(text: str) -> Failed:
    """What the store or the way to it said, as a failure."""
    short = text.split("\n\nDebug source", 1)[0]
    code, said = (re.search(rf"<{name}>(.*?)</{name}>", short, re.DOTALL) for name in ("Code", "Message"))
    if code:
        bucket = re.search(r"<BucketName>(.*?)</BucketName>", short)
        of = f" (bucket {bucket[1]})" if bucket else ""
        reason, hint = _WORDS.get(code[1], ("query_failed", ""))
        return Failed(f"{code[1]}: {said[1] if said else ''}{of}", reason, hint)
    if "169.254.169.254" in text or "credential" in short.lower():
        return Failed("there are no credentials", "connection_refused", _KEY + "; anonymous: true for a public bucket")
    if "URL scheme is not allowed" in text:
        return Failed("the endpoint has no TLS", "wrong_connection", "allow_http: true")
    if "error sending request" in short or "HTTP error" in short:
        cause = re.findall(r'message: "([^"]+)"|error: "([^"]+)"', text)
        why = next((one for found in reversed(cause) for one in found if one), "the request could not be sent")
        where = re.search(r"https?://[^/\s]+", short)
        return Failed(f"{where[0] if where else 'the endpoint'} does not answer: {why}", "no_answer", _ANSWER)
    if "403" in short:
        return Failed("403 Forbidden", "not_allowed", _KEY)
    return Failed(" ".join(short.split())[:500], "query_failed")

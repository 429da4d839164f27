"""Bytes that travel with a table: as text in the key-value metadata of its Parquet file, and back.

Decides their form there. What they mean is the business of whoever attached them: they are never read as anything here.
"""

from __future__ import annotations

import base64
import zlib

PREFIX = "seeknal_"


def packed(data: bytes) -> str:
    """The text that stands for `data`: zlib, then base64."""
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")


def unpacked(text: bytes) -> bytes:
    """The bytes that `text` stands for. Raises ValueError."""
    try:
        return zlib.decompress(base64.b64decode(text, validate=True))
    except zlib.error as error:
        raise ValueError(f"no attached bytes: {error}") from error

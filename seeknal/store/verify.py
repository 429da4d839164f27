"""Checking a store: every invariant of `cache_format.md`, section "Invariants".

Decides what is a finding. Changes nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import NamedTuple

from seeknal.model.action import read_result
from seeknal.model.digest import PREFIX
from seeknal.store.layout import ACTIONS, StoreLayout
from seeknal.store.statcache import hash_file


class Finding(NamedTuple):
    """One thing that is not as it must be."""

    path: str
    what: str


def entries(folder: str) -> Iterator[tuple[str, str]]:
    """(hex name, path) of every entry of a folder that fans out on two hex digits."""
    for fan in sorted(_names(folder)):
        for name in sorted(_names(os.path.join(folder, fan))):
            yield fan + name, os.path.join(folder, fan, name)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def verify(layout: StoreLayout, sample: float = 1.0) -> tuple[int, list[Finding]]:
    """Check blobs (a share of them, by digest) and all results; returns how many files were read and the findings."""
    count, findings = 0, []
    for name, path in entries(os.path.join(layout.root, "cas")):
        if int(name[-4:], 16) < sample * 0x10000:
            count += 1
            findings += _blob(name, path)
    for name, path in entries(os.path.join(layout.root, ACTIONS)):
        count += 1
        findings += _result(layout, PREFIX + name, path, {finding.path for finding in findings})
    return count, findings


def _blob(name: str, path: str) -> list[Finding]:
    try:
        digest = hash_file(path)
    except FileNotFoundError:
        return []  # collected or set aside while we looked
    except (OSError, ValueError) as error:
        return [Finding(path, f"cannot be read: {error}")]
    return [] if digest == PREFIX + name else [Finding(path, f"its bytes are {digest}")]


def _result(layout: StoreLayout, key: str, path: str, damaged: set[str]) -> list[Finding]:
    try:
        with open(path, "rb") as file:
            read_result(json.loads(file.read()), key)
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return [Finding(path, f"damaged result: {error}")]
    if layout.blob(key) in damaged or not os.path.exists(layout.blob(key)):
        return [Finding(path, "its action document is missing or damaged")]
    return []

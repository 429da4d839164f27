"""Generations: one published state of an environment, as a document.

Decides what a generation says of each target and when two of them are the same for a reader. Never touches a disk.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seeknal.model.action import Artifact, read_artifact
from seeknal.model.digest import is_digest

GENERATION = "seeknal/generation"
# Members of `meta` that say what came of a run, not what a person wrote.
NOTED = ("place", "findings", "export")
VERSION = 1


@dataclass(frozen=True, slots=True)
class Published:
    """One target of a generation: action key, artifact, the words that are not in the key, and its views.

    `views` maps a path under the generation's folder to the digest of the blob that it shows.
    """

    action: str
    artifact: Artifact
    meta: Mapping[str, Any]
    views: Mapping[str, str]

    def document(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "action": self.action,
            "artifact": self.artifact.document(),
            "meta": dict(self.meta),
            "views": dict(self.views),
        }


@dataclass(frozen=True, slots=True)
class Generation:
    """What readers see of an environment between two publications.

    `production` is the generation of `prod` that an environment beside it was last brought up to date over.
    """

    environment: str
    parent: str | None
    run: str
    created: str
    targets: Mapping[str, Published]
    note: str = ""
    production: str | None = None

    def document(self) -> dict[str, Any]:
        """As plain data, for canonical JSON."""
        over = {"production": self.production} if self.production else {}
        return {
            **over,
            "type": GENERATION,
            "version": VERSION,
            "environment": self.environment,
            "parent": self.parent,
            "run": self.run,
            "created": self.created,
            "note": self.note,
            "targets": {name: target.document() for name, target in self.targets.items()},
        }


def read_generation(document: Mapping[str, Any]) -> Generation:
    """The generation that `document` holds. Raises ValueError, KeyError or TypeError when it is not one."""
    if document["type"] != GENERATION or document["version"] != VERSION:
        raise ValueError("not a generation of version 1")
    targets = {name: _read_target(entry) for name, entry in document["targets"].items()}
    parent, production = document["parent"], document.get("production")
    if not all(digest is None or is_digest(digest) for digest in (parent, production)):
        raise ValueError("parent or production is not a digest")
    return Generation(
        document["environment"],
        parent,
        document["run"],
        document["created"],
        targets,
        document.get("note", ""),
        production,
    )


_VIEW = re.compile(r"(intermediate|feature_store)(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+")


def _read_target(entry: Mapping[str, Any]) -> Published:
    if not is_digest(entry["action"]):
        raise ValueError("action is not a digest")
    if not all(_VIEW.fullmatch(path) and is_digest(blob) for path, blob in entry["views"].items()):
        raise ValueError("a view is not a path below intermediate/ or feature_store/")
    return Published(entry["action"], read_artifact(entry["artifact"]), dict(entry["meta"]), dict(entry["views"]))


def changes(before: Generation | None, after: Mapping[str, Published]) -> dict[str, str]:
    """What `after` changes for readers: id -> `added`, `removed`, `rebuilt`, `metadata`. Empty: nothing to publish."""
    old = before.targets if before else {}
    found = {name: "removed" for name in old if name not in after}
    for name, target in after.items():
        word = _change(old.get(name), target)
        if word:
            found[name] = word
    return dict(sorted(found.items()))


def conflicts(base: Generation | None, here: Mapping[str, Published], there: Mapping[str, Published]) -> dict[str, str]:
    """What `here` changed since `base`, and `there` does not have: what would be lost if `there` took the place of `here`."""
    since = changes(base, here)
    apart = changes(Generation("", None, "", "", here), there)
    return {
        name: word for name, word in since.items() if word != "metadata" and apart.get(name, "metadata") != "metadata"
    }


def _change(old: Published | None, new: Published) -> str:
    if old is None:
        return "added"
    if (old.action, old.artifact) != (new.action, new.artifact):
        return "rebuilt"
    return "metadata" if (old.meta, old.views) != (new.meta, new.views) else ""

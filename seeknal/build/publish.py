"""Publishing: results -> generation -> ref -> views, in that order and all at once for a reader.

Decides what the next generation holds: the new artifacts, the old ones of what was not built, nothing of what the project
no longer has. Publishes only over the generation that the run was planned against.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from seeknal import kinds
from seeknal.build.folders import folder_of
from seeknal.build.session import Session
from seeknal.build.target import sql_engine
from seeknal.engines.parquet import attachment
from seeknal.errors import StoreBusy
from seeknal.model.action import Artifact
from seeknal.model.digest import canonical, plain
from seeknal.model.generation import Generation, Published, changes
from seeknal.model.node import Node, view_stem
from seeknal.store import refs, views
from seeknal.store.lock import locked


class MovedOn(StoreBusy):
    """Another run has published since this one was planned: plan again."""

    def __init__(self) -> None:
        super().__init__("another run has published in between: try again")


class Publication(NamedTuple):
    """The digest of the current generation, what this publication changed for readers (empty: nothing), whether what was
    built is what they see now, and whether the generation is a new one."""

    digest: str | None
    changes: Mapping[str, str]
    published: bool = True
    fresh: bool = False


class Line(NamedTuple):
    """Where a generation stands: what it follows, what of `prod` it was made over, and a note for people."""

    parent: str | None
    production: str | None
    note: str


def publish(
    session: Session,
    artifacts: Mapping[str, Artifact],
    keys: Mapping[str, str],
    noted: Mapping[str, Mapping[str, Any]],
    *,
    amend: bool = False,
    whole: bool = False,
) -> Publication:
    """Publish what was built; `noted` is what to keep beside an artifact, by id. `whole`: all that there is was brought
    up to date. Raises MovedOn."""
    before = session.generation.production if session.base and session.generation else None
    over = session.production if whole or not session.base else before
    return publish_targets(session, _targets(session, artifacts, keys, noted), amend=amend, production=over)


def publish_targets(
    session: Session,
    targets: Mapping[str, Published],
    note: str = "",
    *,
    amend: bool = False,
    production: str | None = None,
) -> Publication:
    """Publish exactly these targets, of an environment beside `prod` as over this generation of `prod`; does nothing but
    mend views when that is what is published. `amend`: in the place of the current generation, not after it. Raises
    MovedOn."""
    changed = changes(session.generation, targets)
    current = session.generation if session.base else None
    if not changed and (not targets or (current and current.production == production)):
        _mend(session, targets)
        return Publication(session.base, {})
    session.disk.make_folder(session.target.root)
    with locked(session.target.publish_lock, exclusive=True):
        if refs.read_ref(session.target, session.request.environment) != session.ref_seen:
            raise MovedOn
        parent = current.parent if current and (amend or not changed) else session.base
        digest = _write(session, targets, Line(parent, production, note))
    return Publication(digest, changed, fresh=True)


def _targets(
    session: Session,
    artifacts: Mapping[str, Artifact],
    keys: Mapping[str, str],
    noted: Mapping[str, Mapping[str, Any]],
) -> dict[str, Published]:
    before = session.published
    targets = {}
    for name, node in session.graph.nodes.items():
        if name in artifacts:
            meta = plain({**node.meta, **session.place_of(node, artifacts[name]), **noted.get(name, {})})
            targets[name] = _published(
                session, node, Published(keys[name], artifacts[name], meta, {}), artifacts, before.get(name)
            )
        elif name in before:
            targets[name] = before[name]
    return targets


def _published(
    session: Session, node: Node, now: Published, artifacts: Mapping[str, Artifact], before: Published | None
) -> Published:
    """`now`, with its views."""
    if (
        before is not None
        and replace(before, views={}) == now
        and all(_whole(session, b) for b in before.views.values())
    ):
        return before
    shown = {node.traits.get("view", f"intermediate/{view_stem(node.id)}.parquet"): now.artifact.blob}
    for path, document in _documents(session, node, artifacts).items():
        shown[path] = session.store.put_bytes(json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n")
    for path, data in _attachments(session, node, now.artifact).items():
        shown[path] = session.store.put_bytes(data)
    return replace(now, views=shown)


def _whole(session: Session, blob: str) -> bool:
    """Whether a blob that a view shows is there; a table in place is looked after by its own node."""
    if blob in session.store.places:
        return True
    try:
        return session.stats.digest(session.store.layout.blob(blob)) == blob
    except OSError:
        return False


def _documents(session: Session, node: Node, artifacts: Mapping[str, Artifact]) -> dict[str, Any]:
    kind = kinds.get(node.kind)
    if hasattr(kind, "catalog"):
        path = os.path.join(os.path.dirname(node.traits["view"]), "_entity_catalog.json")
        groups = {
            i.node.split(".", 1)[1]: {"rows": artifacts[i.node].rows, "schema": dict(artifacts[i.node].schema)}
            for i in node.recipe.inputs
            if i.node in artifacts
        }
        return {path: kind.catalog(node, groups, session.request.as_of.isoformat())}
    return dict(kind.files(node.name, node.traits)) if hasattr(kind, "files") else {}


def _attachments(session: Session, node: Node, artifact: Artifact) -> dict[str, bytes]:
    """The files beside the table whose bytes travel with it (a fitted model). Raises Damaged."""
    kind = kinds.get(node.kind)
    if not hasattr(kind, "attached"):
        return {}
    con, table = sql_engine(session).connections.own(), session.store.verified(artifact)
    found = {path: attachment(con, table, name) for path, name in kind.attached(node.name).items()}
    return {path: data for path, data in found.items() if data is not None}


def _write(session: Session, targets: Mapping[str, Published], line: Line) -> str:
    request = session.request
    created, ordered = request.as_of.isoformat(), dict(sorted(targets.items()))
    generation = Generation(
        request.environment, line.parent, request.run_id, created, ordered, line.note, line.production
    )
    session.disk.sync()
    digest = session.store.put_bytes(canonical(generation.document()))
    session.disk.sync()
    _register(session, digest)
    session.disk.sync()
    session.disk.put(session.target.tmp, session.target.ref(request.environment), f"{digest}\n".encode())
    session.disk.sync()
    show(session, digest, generation.targets)
    session.base, session.generation, session.ref_seen = digest, generation, digest
    return digest


def root_name(session: Session) -> str | None:
    """The word by which a store outside of `target/` knows this project, if it does."""
    try:
        with open(session.target.local("root-id"), encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return None


def _register(session: Session, digest: str) -> None:
    """Tell a store outside of `target/` what this project still needs."""
    if session.store.layout.root == session.target.root:
        return
    name = root_name(session)
    if name is None:
        name = os.urandom(8).hex()
        session.disk.put(session.target.tmp, session.target.local("root-id"), name.encode())
    session.disk.put(
        session.store.layout.tmp,
        session.store.layout.root_of(f"{name}-{session.request.environment}"),
        f"{digest}\n".encode(),
    )


def show(session: Session, digest: str, targets: Mapping[str, Published]) -> None:
    """Make the views those of a generation."""
    ignore = os.path.join(session.target.root, ".gitignore")
    if not os.path.exists(ignore):
        session.disk.put(session.target.tmp, ignore, b"*\n")
    folder = session.target.generation(session.request.environment, digest)
    links = _links(session, targets, folder)
    views.show(session.disk, session.target, session.request.environment, folder, links)


def _links(session: Session, targets: Mapping[str, Published], folder: str) -> dict[str, str]:
    links: dict[str, str] = {}
    for target in targets.values():
        place = session.place_in(target)
        for path, blob in target.views.items():
            if target.artifact.parts and blob == target.artifact.blob:
                own = folder_of(session, blob, session.store.parts_of(target.artifact))
                session.stats.watch(own)
                links |= views.wanted({path: own}, folder, session.root)
                continue
            own = place if place and blob == target.artifact.blob else session.store.layout.blob(blob)
            links |= views.wanted({path: own}, folder, session.root)
    return links


def _mend(session: Session, targets: Mapping[str, Published]) -> None:
    """Make views right that somebody deleted or changed."""
    if session.base is None:
        return
    folder = session.target.generation(session.request.environment, session.base)
    right = views.are_right(_links(session, targets, folder), folder)
    if not right or not views.are_shown(session.target, session.request.environment, folder):
        session.disk.make_folder(session.target.root)
        with locked(session.target.publish_lock, exclusive=True):
            show(session, session.base, targets)
    if refs.read_ref(session.target, session.request.environment) != session.base:
        session.disk.put(
            session.target.tmp, session.target.ref(session.request.environment), f"{session.base}\n".encode()
        )

"""What exposures sent: whether the far end still has it, and where their files are.

Decides when something is sent again, and the path. An environment beside `prod` writes below its own folder, so that
nothing of it is taken for what is published. Never writes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from seeknal.model.environment import PRODUCTION
from seeknal.model.generation import Published
from seeknal.model.node import Node
from seeknal.model.plan import Found

if TYPE_CHECKING:
    from seeknal.build.session import Session


def export_path(session: Session, node: Node) -> str:
    """Where an exposure writes its file, absolute."""
    path = os.path.normpath(os.path.join(session.root, node.traits["writes"]))
    env = session.request.environment
    if env == PRODUCTION:
        return path
    inside = os.path.relpath(path, session.root)
    return os.path.join(
        session.target.environment(env), "exports", inside if not inside.startswith("..") else os.path.basename(path)
    )


def sent(session: Session, node: Node, key: str) -> Found:
    """The receipt of what an exposure sent last, if that was this action and what it wrote is still there.

    What was sent once and then replaced is no hit, though the store still has its receipt: the far end has other rows.
    """
    published = session.generation.targets.get(node.id) if session.generation else None
    if published is None or published.action != key:
        return Found(None)
    found = session.store.present(published.artifact)
    word = _astray(session, node, published) if found.artifact else ""
    return Found(None, word) if word else found


def _astray(session: Session, node: Node, receipt: Published) -> str:
    """Why the exported file, or the table outside, is not what the receipt says; nothing when it is."""
    if "behind" in node.traits:
        engine: Any = session.engines.get(node.recipe.engine)
        return str(engine.astray(node, receipt.action))
    if "writes" not in node.traits:
        return ""
    try:
        digest = session.stats.digest(export_path(session, node))
    except OSError:
        return "export_missing"
    return "" if digest == receipt.meta.get("export") else "export_changed"

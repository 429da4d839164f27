"""Every path and every version name of a store and of a project's `target/`, and nothing else.

Follows `cache_format.md`, "Layout". Spells paths; never looks whether they exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from os.path import join

from seeknal.model.digest import PREFIX
from seeknal.model.environment import PRODUCTION

MARKER_NAME = "seeknal-cache.json"
MARKER = b'{"type":"seeknal/cache","version":1}\n'
TAG_NAME = "CACHEDIR.TAG"
TAG = (
    b"Signature: 8a477f597d28d172789f06886806bc55\n"
    b"# This folder is a cache made by seeknal; everything in it can be rebuilt.\n"
)
ACTIONS = "actions-v1"
OWN = (MARKER_NAME, "CACHEDIR.TAG", ".gitignore", "cas", ACTIONS, "roots", "tmp", "lock", "locks", "quarantine")


def _fan(digest: str) -> tuple[str, str]:
    name = digest.removeprefix(PREFIX)
    return name[:2], name[2:]


@dataclass(frozen=True, slots=True)
class StoreLayout:
    """Paths under the root of a store, which may be shared by many projects."""

    root: str

    def blob(self, digest: str) -> str:
        """The file that holds the bytes of `digest`."""
        return join(self.root, "cas", *_fan(digest))

    def result(self, key: str) -> str:
        """The file that holds the result of action `key`."""
        return join(self.root, ACTIONS, *_fan(key))

    def root_of(self, name: str) -> str:
        """The file by which a project's `target/` says what it still needs of a shared store."""
        return join(self.root, "roots", name)

    @property
    def marker(self) -> str:
        """Type and version of the store."""
        return join(self.root, MARKER_NAME)

    @property
    def tmp(self) -> str:
        """Where files stand until they are whole."""
        return join(self.root, "tmp")

    @property
    def lock(self) -> str:
        """Locked shared by runs, exclusively by gc."""
        return join(self.root, "lock")

    def action_lock(self, key: str) -> str:
        """Locked while the action is executed, so that no two processes do the same work."""
        return join(self.root, "locks", key.removeprefix(PREFIX))

    @property
    def quarantine(self) -> str:
        """Where damaged entries are moved."""
        return join(self.root, "quarantine")


@dataclass(frozen=True, slots=True)
class TargetLayout:
    """Paths under a project's `target/`: refs, views, the log, and what only speeds up."""

    root: str

    def environment(self, env: str) -> str:
        """The folder that holds the views of an environment."""
        return self.root if env == PRODUCTION else join(self.root, "environments", env)

    def plan(self, env: str) -> str:
        """The plan that was kept to be applied."""
        return join(self.environment(env), "plan.json")

    def ref(self, env: str) -> str:
        """The file that names the current generation."""
        return join(self.root, "refs", env)

    def generation(self, env: str, digest: str) -> str:
        """The folder of one generation's views."""
        return join(self.environment(env), "generations", digest.removeprefix(PREFIX)[:16])

    def pointer(self, env: str) -> str:
        """The one symlink whose rename publishes all views."""
        return join(self.environment(env), "current")

    def view(self, env: str, folder: str) -> str:
        """`intermediate` or `feature_store`: a symlink through the pointer."""
        return join(self.environment(env), folder)

    def marks(self, env: str) -> str:
        """What is marked to be built again in an environment."""
        return join(self.root, "marks", f"{env}.json")

    def parts(self, index: str) -> str:
        """The folder that shows the parts of an artifact as one table; may be deleted at any time."""
        return join(self.root, "parts", index.removeprefix(PREFIX)[:32])

    def states(self, env: str) -> str:
        """The folder of what nodes remember between their runs (`ctx.state`)."""
        return join(self.environment(env), "pipeline_state")

    def log(self, run: str) -> str:
        """The events of one run."""
        return join(self.root, "log", f"{run}.jsonl")

    def page(self, name: str) -> str:
        """The picture that a command writes where a person names no other place."""
        return join(self.root, name)

    def local(self, name: str) -> str:
        """A file that may be deleted at any time and whose loss changes only speed."""
        return join(self.root, "local", name)

    @property
    def tmp(self) -> str:
        """Where the target's own files stand until they are whole."""
        return join(self.root, "tmp")

    @property
    def publish_lock(self) -> str:
        """Locked exclusively while a generation is published."""
        return join(self.root, "lock.publish")


VIEW_FOLDERS = ("intermediate", "feature_store")

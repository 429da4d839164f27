"""The connections of the profile: offered to a person, and nothing more until one is named.

Decides when the profile is read: when something first asks for it, anew for each statement.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seeknal.build.session import Session
from seeknal.errors import ProjectError

if TYPE_CHECKING:
    from seeknal.project.profile import Profile


class Offers:
    """What a profile offers."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._read: tuple[Profile, Mapping[str, str]] | None = None

    def forget(self) -> None:
        """Read the profile again when it is next asked for."""
        self._read = None

    def _known(self) -> tuple[Profile, Mapping[str, str]]:
        """The profile and the variables. Raises ProjectError."""
        if self._read is None:
            from seeknal.build.connect import profiles
            from seeknal.build.dotenv import read
            from seeknal.project.profile import find_profile

            env = {**read(self._session.root)[0], **os.environ}
            self._read = find_profile(self._session.read, profiles(self._session)), env
        return self._read

    def names(self) -> list[str]:
        """The names of the connections. Raises ProjectError."""
        return [*self._known()[0].connections]

    def types(self) -> dict[str, str]:
        """The connections with their types; none where the profile cannot be read."""
        from seeknal.project.profile import type_of

        try:
            return {name: type_of(said) for name, said in self._known()[0].connections.items()}
        except ProjectError:
            return {}

    def settings(self, name: str) -> tuple[str, Mapping[str, Any]] | None:
        """The type and the fields of a connection; None where there is none of this name. Raises ProjectError."""
        from seeknal.project.connections import settings_named

        profile, env = self._known()
        if name not in profile.connections:
            return None
        type_, settings = settings_named(name, profile, env)
        if "path" in settings:
            settings["path"] = os.path.join(self._session.root, settings["path"])
        return type_, settings

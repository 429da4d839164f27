"""A mapping of artifacts that is made when first asked. Decides nothing."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping

from seeknal.model.action import Artifact


class Lazy(Mapping[str, Artifact]):
    """A mapping that is made when first asked: most plans never look at published inputs."""

    def __init__(self, make: Callable[[], dict[str, Artifact]]) -> None:
        self._make = functools.cache(make)

    def __getitem__(self, name: str) -> Artifact:
        return self._make()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._make())

    def __len__(self) -> int:
        return len(self._make())

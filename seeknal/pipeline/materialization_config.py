"""Settings that a node function's decorator may be given as objects instead of maps.

They are read from the syntax tree as maps of their arguments; at run time they are plain frozen data. They never check
anything: the loader does, with file and line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class OfflineConfig:
    """How the offline copy of a feature group is kept."""

    format: str = "parquet"
    partition_by: tuple[str, ...] | list[str] | None = None


@dataclass(frozen=True, slots=True)
class OnlineConfig:
    """Whether features are served online, and for how long."""

    enabled: bool = True
    ttl_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class IcebergTable:
    """The name of an Iceberg table."""

    namespace: str
    name: str
    catalog: str = "atlas"


@dataclass(frozen=True, slots=True)
class Materialization:
    """What a feature group is kept as besides its artifact."""

    offline: OfflineConfig | None = None
    online: OnlineConfig | None = None
    table: IcebergTable | None = None


@dataclass(frozen=True, slots=True)
class MaterializationConfig:
    """One table outside to which a node's rows are written."""

    enabled: bool | None = None
    table: str | None = None
    mode: str | None = None
    create_table: bool | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what was set."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> MaterializationConfig:
        """Make one from a map; other members are left out."""
        return cls(*(given.get(name) for name in ("enabled", "table", "mode", "create_table")))

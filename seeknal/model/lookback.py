"""How far back a materialization looks: days, as a number or as people write it (`7d`, `2w`)."""

from __future__ import annotations

import re
from typing import Any

_TEXT = re.compile(r"(\d{1,5})\s*(d|days?|w|weeks?)?", re.IGNORECASE)


def days_of(value: Any) -> int:
    """The number of days. Raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    found = _TEXT.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"lookback is {value!r}: write days, as 7, 7d or 2w")
    return int(found[1]) * (7 if (found[2] or "d").lower().startswith("w") else 1)

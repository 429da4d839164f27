"""Names of environments: `prod`, which readers see, and words that are safe as the name of a folder and of a schema."""

import re

PRODUCTION = "prod"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
SHAPE = "a small letter, then up to 39 of small letters, digits, _ and -"


def is_name(word: str) -> bool:
    """Whether an environment may be called so."""
    return _NAME.fullmatch(word) is not None

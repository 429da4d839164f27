"""Versions of installed packages that engines put into keys.

Decides how much of a version can change values: major and minor. What it looked at is noted, so that an upgrade ends a
stamp. Never imports the package.
"""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution


def installed(package: str, module: str, watch: Callable[[str], None]) -> str | None:
    """`major.minor` of `package`, whose code is in `module`; None where it is not installed."""
    try:
        found = distribution(package)
    except PackageNotFoundError:
        watch(os.path.join(sysconfig.get_paths()["purelib"], module))
        return None
    watch(os.path.abspath(str(found.locate_file(os.path.join(module, "__init__.py")))))
    return ".".join(found.version.split(".")[:2])

"""Reading what is in a page, without a browser."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.project_on_disk import Project


def data_of(text: str) -> Any:
    """The data of a page."""
    return json.loads(re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[0])


def page_of(project: Project, name: str) -> Any:
    """The data of a page in a project."""
    return data_of(project.read(name))


def by_id(some: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Nodes or targets by their ids."""
    return {one["id"]: one for one in some}

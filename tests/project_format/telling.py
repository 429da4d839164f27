"""What the stories of the project format ask of a project again and again."""

from __future__ import annotations

from typing import Any

from tests.bad_input.refusals import wrong_project
from tests.project_on_disk import Project


def value(project: Project, expression: str, *options: str, more: str = "") -> Any:
    """What an SQL expression with templates gives, in a node of its own that is built afresh."""
    project.transform("asked", f"SELECT {expression} AS v", more=more)
    project.run("--nodes", "asked", *options)
    ((found,),) = project.rows("transform.asked")
    return found


def told(project: Project, *options: str) -> list[tuple[str, int, str]]:
    """The problems of a project that is wrong: file, line, message."""
    problems = wrong_project(project.seeknal("run", "--json", *options))
    return [(problem["file"], problem["line"], problem["message"]) for problem in problems]


def warned(project: Project, *options: str) -> list[tuple[str, int, str]]:
    """What `validate` warns of: file, line, message."""
    result = project.seeknal("validate", "--json", *options)
    assert result.code == 0, result.out + result.err
    return [(w["file"], w["line"], w["message"]) for w in result.json["warnings"]]

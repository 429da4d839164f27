"""A decorator that is imported from where it is not makes no node: that is told, not passed over."""

from __future__ import annotations

from tests.project_on_disk import Project


def test_decorators_come_from_the_pipeline_package(project: Project) -> None:
    project.write("seeknal/pipelines/lost.py", "from seeknal import transform\n\n\n@transform\ndef lost(ctx): ...\n")
    result = project.seeknal("list")
    assert result.code == 3
    said = "seeknal/pipelines/lost.py:1: `transform` is not there: from seeknal.pipeline import transform"
    assert said in result.err

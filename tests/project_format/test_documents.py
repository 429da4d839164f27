"""Several nodes in one YAML file, and what YAML itself takes apart."""

from __future__ import annotations

from tests.project_on_disk import Project


def test_a_document_about_a_python_node_leaves_the_others_of_its_file_alone(project: Project) -> None:
    project.write(
        "seeknal/nodes.yml",
        """
        kind: transform
        name: other
        transform: SELECT 1 AS one
        ---
        kind: transform
        name: ours
        file: pipelines/ours.py
        description: what it is
        """,
    )
    project.write(
        "seeknal/pipelines/ours.py",
        "from seeknal.pipeline import transform\n\n\n@transform\ndef ours(ctx):\n    return [{'one': 1}]\n",
    )
    assert project.run().built == {"transform.other", "transform.ours"}


def test_a_type_that_yaml_cut_off_at_its_comma_is_told(project: Project) -> None:
    project.source("rides", "fare\n1.5\n")
    project.edit("seeknal/sources/rides.yml", "kind: source\n", "kind: source\ncolumns: {fare: DECIMAL(8,2)}\n")
    result = project.run(ok=False)
    assert result.code == 3
    assert "seeknal/sources/rides.yml:2: source.rides: the type of fare is cut off at its comma" in result.err
    project.edit("seeknal/sources/rides.yml", "DECIMAL(8,2)", '"DECIMAL(8,2)"')
    assert project.run().code == 0

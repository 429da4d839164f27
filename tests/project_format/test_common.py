"""`seeknal/common/`: shared definitions (project_format 1.3)."""

from __future__ import annotations

import pytest

from tests.project_format.telling import told, value
from tests.project_on_disk import Project

SOURCES = """
    sources:
      - id: " rides "
        ref: source.ride_log
        params: {bikeCol: bike_id, minutesCol: minutes, most: 1440, real: true}
"""
RULES = """
    rules:
      - {id: realRide, value: "minutes BETWEEN 1 AND {{ rides.most }}"}
"""
SQL = """
    transformations:
      - {id: hours, sql: "{{rides.minutesCol}} / {{ transforms.sixty }}"}
      - {id: sixty, sql: 60.0}
"""


@pytest.fixture
def rides(project: Project) -> Project:
    project.source("ride_log", "bike_id,minutes\na,30\nb,0\nc,90\n", {"bike_id": "VARCHAR", "minutes": "BIGINT"})
    project.write("seeknal/common/sources.yml", SOURCES)
    project.write("seeknal/common/rules.yml", RULES)
    project.write("seeknal/common/transformations.yml", SQL)
    project.transform(
        "hours",
        """
        SELECT {{rides.bikeCol}}, {{transforms.hours}} AS h
        FROM ref('{{rides.ref}}')
        WHERE {{ rules.realRide }} AND {{ rides.real }}
        """,
        ("{{ rides.ref }}",),
    )
    project.edit("seeknal/transforms/hours.yml", "ref: {{ rides.ref }}", "ref: '{{ rides.ref }}'")
    return project


def test_shared_values_nest_and_need_not_be_texts(rides: Project) -> None:
    rides.run()
    assert rides.rows("transform.hours") == [("a", 0.5), ("c", 1.5)]


def test_a_value_behind_another_one_rebuilds_who_uses_it(rides: Project) -> None:
    """Hashing saw only the first expansion: an edit of a nested value changed nothing."""
    rides.transform("plain", "SELECT bike_id FROM ref('source.ride_log')", ("source.ride_log",))
    rides.run()
    rides.edit("seeknal/common/transformations.yml", "60.0", "6.0")
    assert rides.run().built == {"transform.hours"}
    assert rides.rows("transform.hours") == [("a", 5.0), ("c", 15.0)]
    rides.edit("seeknal/common/sources.yml", "most: 1440", "most: 60")
    assert rides.run().built == {"transform.hours"}
    assert rides.rows("transform.hours") == [("a", 5.0)]
    rides.edit("seeknal/common/sources.yml", "params: {", "params: {unused: 1, ")
    assert rides.run().built == set()


def test_an_unknown_shared_value_is_told_with_the_nearest(rides: Project) -> None:
    rides.edit("seeknal/transforms/hours.yml", "rules.realRide", "rules.realride")
    ((file, line, message),) = told(rides)
    assert (file, line) == ("seeknal/transforms/hours.yml", 8)
    assert "did you mean rules.realRide?" in message
    rides.edit("seeknal/transforms/hours.yml", "rules.realride", "rules.realRide")
    rides.edit("seeknal/common/rules.yml", "rides.most", "rides.mots")
    ((file, line, message),) = told(rides)
    assert (file, line) == ("seeknal/transforms/hours.yml", 8)
    assert "in rules.realRide" in message


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("rules:\n  - {id: a, value: x}\n  - {id: ' ', value: x}\n", 3, "needs id and value"),
        ("rules:\n  - {id: a}\n", 2, "needs id and value"), ("rules:\n  - just text\n", 2, "needs id and value"),
        ("rules:\n  - id: a\n    value: [1]\n", 3, "no single value"), ("rules:\n  - id: a\n    value: x\n    valeu: y\n", 4, "value?"),
        ("rules:\n  - {id: a, value: x}\n  - id: a\n    value: y\n", 4, "seeknal/common/rules.yml:2"),
        ("rules: {a: 1}\n", 1, "one list called rules"), ("- a\n", 1, "one list called rules"), ("rulez: []\n", 1, "called rules"),
        ("a: 1\n---\nb: 1\n", 2, "second document"), ("rules: [\n", 2, "not YAML"),
    ],
)  # fmt: skip
def test_a_wrong_shared_file_is_told_with_its_line(project: Project, text: str, line: int, words: str) -> None:
    project.transform("t", "SELECT 1 AS a")
    project.write("seeknal/common/rules.yml", text)
    ((file, at, message),) = told(project)
    assert (file, at) == ("seeknal/common/rules.yml", line)
    assert words in message


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "rules:\n", "rules: []\n"])
def test_an_empty_shared_file_is_fine(project: Project, text: str) -> None:
    project.write("seeknal/common/rules.yml", text)
    project.write("seeknal/common/sources.yaml", "sources:\n  - {id: s, ref: source.x, params: {n: 0}}\n")
    assert value(project, "{{ s.n }}") == 0


def test_two_spellings_of_one_file_may_not_differ(project: Project) -> None:
    project.transform("t", "SELECT 1 AS a")
    for ending in ("yml", "yaml"):
        project.write(f"seeknal/common/rules.{ending}", "rules:\n  - {id: a, value: x}\n")
    ((file, _, message),) = told(project)
    assert file == "seeknal/common/rules.yaml"
    assert "seeknal/common/rules.yml:2" in message


def test_drafts_of_shared_definitions_are_no_nodes(project: Project) -> None:
    project.write("seeknal/drafts/a.yml", "kind: common-rule\nname: a\nvalue: x > 1\n")
    ((file, line, message),) = told(project)
    assert (file, line) == ("seeknal/drafts/a.yml", 1)
    assert "unknown kind 'common-rule'" in message

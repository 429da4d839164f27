"""What `plan` calls a change (project_format 9.2): what readers of a node do not see is metadata, and builds nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from tests.project_on_disk import Project

PYTHON = """
    from seeknal.pipeline import feature_group, transform


    @transform(inputs=["source.rides"], description="one", tags=["a"], owner="us", columns={"n": "count"})
    def days(ctx):
        return [{"n": 1}]


    @feature_group(entity="rider", features={"n": "rides"}, description="one")
    def habits(ctx):
        return [{"rider_id": 1, "n": 2}]
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One node of every kind, in YAML and in Python, all with everything that is for people."""
    project = Project(str(tmp_path_factory.mktemp("built")))
    project.write("seeknal_project.yml", "name: rides\n")
    people = "description: one\nowner: us\ntags: [a]\ncolumns: {n: {description: how many}}\naudits: [{type: row_count, min: 0}]\n"
    project.source("rides", "rider_id,n\n1,2\n3,4\n")
    text = project.read("seeknal/sources/rides.yml")
    project.write("seeknal/sources/rides.yml", text + people)
    project.transform("clean", "SELECT rider_id, n, n + 1 AS m FROM ref('source.rides')", ("source.rides",), people)
    project.write(
        "seeknal/feature_groups/activity.yml",
        f"kind: feature_group\nname: activity\nentity: rider\ninputs: [{{ref: transform.clean}}]\n{people}"
        "features: {n: {description: how many}}\ntransform: |\n  SELECT rider_id, n FROM source\n",
    )
    project.write("seeknal/pipelines/days.py", PYTHON)
    project.run()
    return project


@pytest.fixture
def rides(built: Project, tmp_path: Path) -> Project:
    """A copy of that project, with its store."""
    return Project(shutil.copytree(built.root, str(tmp_path / "rides"), symlinks=True))


def changes(project: Project, *options: str) -> dict[str, tuple[str, list[str]]]:
    """Category and details of each change, by node; what runs is checked against it."""
    plan = project.seeknal("plan", "--json", *options).json
    found = {change["node"]: (change["category"], change["details"]) for change in plan["changes"]}
    if all(category == "metadata" for category, _ in found.values()):
        tables = [step for step in plan["steps"] if not step["node"].startswith("audit.")]
        assert {step["verdict"] for step in tables} == {"HIT"}
    return found


FILES = {
    "source.rides": "seeknal/sources/rides.yml",
    "transform.clean": "seeknal/transforms/clean.yml",
    "feature_group.activity": "seeknal/feature_groups/activity.yml",
}
EDITS = {
    "description": ("description: one", "description: two"),
    "owner": ("owner: us", "owner: them"),
    "tags": ("tags: [a]", "tags: [b]"),
    "columns": ("columns: {n: {description: how", "columns: {n: {description: so"),
    "audits": ("min: 0", "min: 1"),
}


@pytest.mark.parametrize("word", EDITS)
def test_what_is_for_people_is_metadata_in_every_kind(rides: Project, word: str) -> None:
    for file in FILES.values():
        rides.edit(file, *EDITS[word])
    assert changes(rides) == {name: ("metadata", [word]) for name in FILES}
    assert {name for name in rides.run().built if not name.startswith("audit.")} == set()
    assert changes(rides) == {}


def test_so_it_is_in_python(rides: Project) -> None:
    for old, new in (('"one", tags=["a"]', '"two", tags=["b"]'), ('"count"', '"how many"'), ('="us"', '="them"')):
        rides.edit("seeknal/pipelines/days.py", old, new)
    rides.edit("seeknal/pipelines/days.py", 'description="one")', 'description="two")')
    assert changes(rides) == {
        "transform.days": ("metadata", ["columns", "description", "owner", "tags"]),
        "feature_group.habits": ("metadata", ["description"]),
    }
    assert rides.run().built == set()


def test_texts_of_features_are_metadata(rides: Project) -> None:
    rides.edit(FILES["feature_group.activity"], "features: {n: {description: how", "features: {n: {description: so")
    rides.edit("seeknal/pipelines/days.py", '{"n": "rides"}', '{"n": "all rides"}')
    assert changes(rides) == {
        "feature_group.activity": ("metadata", ["features"]),
        "feature_group.habits": ("metadata", ["features"]),
    }
    assert rides.run().built == set()


def test_formatting_and_comments_are_metadata(rides: Project) -> None:
    rides.edit(FILES["transform.clean"], "SELECT rider_id, n,", "select rider_id,\n   n, -- so many\n  ")
    rides.edit(FILES["feature_group.activity"], "SELECT rider_id, n", "/* all */ SELECT  rider_id , n")
    assert changes(rides) == {
        "transform.clean": ("metadata", ["formatting or comments"]),
        "feature_group.activity": ("metadata", ["formatting or comments"]),
    }
    assert rides.run().built == set()


def test_comments_of_the_files_are_nothing(rides: Project) -> None:
    for file in FILES.values():
        rides.write(file, "# a comment\n" + rides.read(file))
    rides.edit("seeknal/pipelines/days.py", "    return", "    # a comment\n    return")
    assert changes(rides) == {}


@pytest.mark.parametrize(
    ("node", "old", "new", "category", "detail"),
    [
        ("transform.clean", ", n + 1 AS m", "", "breaking", "sql: column m removed"),
        ("transform.clean", "n + 1 AS m", "n + 1 AS m, 7 AS k", "non_breaking", "sql: column k added"),
        ("transform.clean", "n + 1 AS m", "CAST(n + 1 AS VARCHAR) AS m", "breaking", "sql: column m BIGINT -> VARCHAR"),
        ("transform.clean", "n + 1 AS m", "n + 2 AS m", "breaking", "sql changed"),
        ("feature_group.activity", "SELECT rider_id, n", "SELECT rider_id, n + 1 AS n", "breaking", "sql changed"),
        ("source.rides", "columns: {n: {", "columns: {n: {dtype: VARCHAR, ", "breaking", "types"),
        ("source.rides", "description: one", "params: {skip: 1}", "breaking", "options"),
    ],
)  # fmt: skip
def test_what_readers_see_is_not(rides: Project, node: str, old: str, new: str, category: str, detail: str) -> None:
    rides.edit(FILES[node], old, new)
    found, details = changes(rides)[node]
    assert found == category
    assert any(detail in text for text in details), details
    assert node in rides.plan() and rides.plan()[node] == "BUILD"  # noqa: PT018


@pytest.mark.parametrize("options", [(), ("--full",)])
def test_an_edit_shows_below_an_edited_input_too(rides: Project, options: tuple[str, ...]) -> None:
    """What a node waits for says nothing of what was edited in the node itself: above it, data changed or all is forced."""
    rides.write("data/rides.csv", "rider_id,n\n1,2\n3,5\n")
    rides.edit(FILES["transform.clean"], "n + 1 AS m", "n + 1 AS m, 7 AS k")
    rides.edit(FILES["feature_group.activity"], "SELECT rider_id, n", "SELECT  rider_id,  n")
    rides.edit("seeknal/pipelines/days.py", "    return", "    unused = 1\n    return")
    found = changes(rides, *options)
    assert found["transform.clean"] == ("non_breaking", ["sql: column k added"])
    assert found["feature_group.activity"] == ("metadata", ["formatting or comments"])
    assert found["feature_group.habits"] == ("breaking", ["its Python code changed"])


def test_an_edit_that_needs_what_an_input_does_not_have_yet_is_breaking(rides: Project) -> None:
    rides.edit(FILES["transform.clean"], "n + 1 AS m", "n + 1 AS m, 7 AS k")
    rides.edit(FILES["feature_group.activity"], "SELECT rider_id, n", "SELECT rider_id, n, k")
    assert changes(rides)["feature_group.activity"] == ("breaking", ["definition"])
    rides.run()
    assert changes(rides) == {}


def test_an_input_that_is_replaced_is_breaking(rides: Project) -> None:
    rides.edit(FILES["feature_group.activity"], "ref: transform.clean", "ref: source.rides")
    assert changes(rides) == {"feature_group.activity": ("breaking", ["input transform.clean removed"])}
    rides.run()
    rides.transform("twice", "SELECT rider_id, n * 2 AS n FROM ref('source.rides')")
    rides.edit(FILES["feature_group.activity"], "ref: source.rides", "ref: transform.twice")
    rides.run("--nodes", "twice")
    category, details = changes(rides)["feature_group.activity"]
    assert category == "breaking"
    assert "input source.rides removed" in details


def test_a_parquet_file_in_place_is_no_change(project: Project) -> None:
    project.write("data/x.csv", "a\n1\n")
    duckdb.sql(f"COPY (SELECT 1 AS a) TO '{project.path('data', 'x.parquet')}'")
    project.write("seeknal/x.yml", "kind: source\nname: x\nsource: parquet\ntable: data/x.parquet\n")
    project.run()
    assert changes(project) == {}


def test_another_entity_is_breaking(rides: Project) -> None:
    rides.edit(FILES["feature_group.activity"], "entity: rider\n", "entity: {name: rider, join_keys: [rider_id, n]}\n")
    rides.edit(
        "seeknal/pipelines/days.py", 'entity="rider"', 'entity={"name": "rider", "join_keys": ["rider_id", "n"]}'
    )
    found = changes(rides)
    assert found["feature_group.activity"][0] == "breaking"
    assert found["feature_group.habits"][0] == "breaking"
    rides.run()
    assert '"n"' in rides.read("target/intermediate/feature_group_activity_meta.json")


def test_a_node_that_is_new_gone_or_renamed(rides: Project) -> None:
    rides.transform("fresh", "SELECT 1 AS a")
    rides.edit("seeknal/pipelines/days.py", "def days", "def nights")
    found = changes(rides)
    assert found["transform.fresh"] == ("non_breaking", ["new node"])
    assert found["transform.nights"] == ("non_breaking", ["new node"])
    assert found["transform.days"] == ("breaking", ["removed from the project"])

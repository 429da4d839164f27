"""The layout of a project: which files are nodes, what is told of those that are wrong (project_format 1.2, 1.4, 2.0, 6.1)."""

from __future__ import annotations

import os

import pytest

from tests.bad_input.refusals import refused
from tests.project_format.telling import told
from tests.project_on_disk import Project

SQL = "kind: transform\nname: {}\ntransform: SELECT {} AS a\n"


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        ("transforms/odd.yml", "kind: transform\nname: odd\ntransform: [\n", 4), ("x/odd.yml", "name: odd\n", 1),
        ("x/odd.yml", "kind: trasnform\nname: odd\n", 1), ("x/odd.yml", SQL.format("clean", 2), 1),
        ("x/odd.yml", SQL.format("odd", 2) + "inputs:\n- ref: source.gone\n", 4), ("x/odd.yml", "- a\n", 1),
        ("x/odd.yml", "kind: transform\nname: odd\ntransform: SELECT 1 AS a\nmaterialization: {}\nmaterializations: []\n", 4),
        ("pipelines/odd.py", "from seeknal.pipeline import transform\n\n\n@transform(\n", 4),
        ("x/odd.yml", SQL.format("odd", 2) * 2, 4),
    ],
)  # fmt: skip
def test_a_broken_file_stops_the_run_and_the_old_tables_stay(shop: Project, path: str, text: str, line: int) -> None:
    """Fault 1 and W16: `run` dropped what it could not read without a word, exit 0."""
    shop.run()
    before = shop.tables()
    shop.write(f"seeknal/{path}", text)
    found = told(shop)
    assert found[0][:2] == (f"seeknal/{path}", line)
    for command in ("run", "plan", "validate", "list"):
        refused(shop.seeknal(command), 3, f"seeknal/{path}:{line}: ")
    assert shop.tables() == before


def test_all_problems_of_all_files_are_told_at_once(shop: Project) -> None:
    shop.write("seeknal/a.yml", "kind: nothing\nname: a\n")
    shop.write("seeknal/b.yml", SQL.format("b", "{{ nope }}"))
    shop.write("seeknal/common/rules.yml", "rules: 5\n")
    shop.write("profiles.yml", "connections: [\n")
    assert [file for file, _, _ in told(shop)] == [
        "profiles.yml", "seeknal/a.yml", "seeknal/b.yml", "seeknal/common/rules.yml",
    ]  # fmt: skip


def test_both_endings_any_depth_and_any_folder(project: Project) -> None:
    """Fault 2: `.yaml` was ignored; templates and tests were read as nodes."""
    for i, path in enumerate(
        ["a.yaml", "b.yml", "deep/er/c.yaml", "sources/_d.yml", "deep/common/e.yml", "odd name/f.yml"]
    ):
        project.write(f"seeknal/{path}", SQL.format(f"n{i}", i))
    for folder in ("common", "templates", "sql_pairs", "tests", "skills"):
        project.write(f"seeknal/{folder}/x.yml", "just: notes\n")
        project.write(f"seeknal/{folder}/x.py", "this is no python\n")
    project.write("seeknal/.hidden.yml", "just: notes\n")
    project.write("seeknal/_helpers.py", "def f(: pass\n")
    project.write("seeknal/notes.txt", "kind: transform\n")
    assert project.run().built == {f"transform.n{i}" for i in range(6)}


def test_a_profile_that_cannot_be_read_is_told(shop: Project) -> None:
    """Fault 3: `run` did not look at the `profiles.yml` of the project."""
    shop.write("profiles.yml", "connections:\n  main: {type: postgresql, password: geheim}\nsource_defaults:\n")
    shop.run()
    shop.write("profiles.yml", "connections:\n  main: {type: postgresql, password: geheim\n")
    text = refused(shop.seeknal("run"), 3, "profiles.yml:")
    assert "geheim" not in text
    shop.write("other.yml", "connections: [main]\n")
    for words in (["run", "--profile"], ["validate", "-c"], ["validate", "--config"]):
        refused(shop.seeknal(*words, shop.path("other.yml")), 3, "other.yml:1: connections is not a mapping")
        refused(shop.seeknal(*words, shop.path("gone.yml")), 3, "gone.yml:1: there is no such profile file")


# -- fields that all kinds have -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "wanted"),
    [
        ("daily", ["daily"]), ("[daily, fin]", ["daily", "fin"]), ("", []), ("[]", []), ("~", []), ("[a, a]", ["a"]),
        ("[1, true, 2.5]", ["1", "true", "2.5"]), ("'a b, c'", ["a b, c"]),
    ],
)  # fmt: skip
def test_the_forms_of_tags(project: Project, tags: str, wanted: list[str]) -> None:
    """A bare string was matched letter by letter, and null crashed."""
    project.write("seeknal/t.yml", SQL.format("t", 1) + f"tags: {tags}\n")
    assert project.seeknal("list", "--json").json[0]["tags"] == wanted
    refused(project.seeknal("run", "--tags", "d"), 2, "no node has the tag 'd'")


@pytest.mark.parametrize("tags", ["{a: 1}", "5", "[[a]]", "[~]", "true"])
def test_tags_that_are_no_words_are_refused(project: Project, tags: str) -> None:
    project.write("seeknal/t.yml", SQL.format("t", 1) + f"tags: {tags}\n")
    assert [(line, "tags is a list" in message) for _, line, message in told(project)] == [(4, True)]


def test_who_owns_a_node_is_shown(project: Project) -> None:
    """Fault 7: `owner` was always null."""
    project.write("seeknal/t.yml", SQL.format("t", 1) + "owner: rides team\ndescription: all\ncolumns: {a: one}\n")
    assert project.seeknal("show", "t", "--json").json["meta"] == {
        "owner": "rides team", "description": "all", "columns": {"a": "one"},
    }  # fmt: skip


def test_fields_of_other_tools_are_left_alone_and_misspelt_ones_are_not(project: Project) -> None:
    project.write(
        "seeknal/t.yml", SQL.format("t", 1) + "output: x\ntests: [a]\nx-team: {a: 1}\nschedule: daily\n1: 2\n"
    )
    project.run()
    project.write("seeknal/t.yml", SQL.format("t", 1) + "descripton: x\n")
    ((_, line, message),) = told(project)
    assert line == 4
    assert "did you mean description?" in message


@pytest.mark.parametrize(
    "key", ["? [a]\n: 1", "? {a: 1}\n: 1", "true: 1", "1.5: 1", "~: 1", "2024-01-01: 1", "? |\n  x\n: 1"]
)
def test_odd_keys_are_an_answer_and_no_crash(project: Project, key: str) -> None:
    text = SQL.format("t", "{{ a }}") + "params:\n  a: 1\n" + "".join(f"  {line}\n" for line in key.splitlines())
    project.write("seeknal/t.yml", text)
    result = project.seeknal("run")
    assert result.code in (0, 3), result.err
    assert "internal error" not in result.err
    assert result.code == 0 or "seeknal/t.yml:6" in result.err


# -- overlays -------------------------------------------------------------------------------------------------------

PYTHON = """
    from seeknal.pipeline import feature_group, transform


    @transform(name="ride_days", inputs=["source.orders"], tags=["code"], size=1)
    def ride_days(ctx):
        return [{"n": ctx.params["size"]}]
"""
OVER = """
    kind: transform
    name: ride_days
    file: pipelines/days.py
    description: What the days were
    tags: [said, twice]
    owner: us
    params: {size: 5}
    materialization:
      type: postgresql
      connection: main
      table: public.days
      enabled: true
"""


def test_a_yaml_file_without_sql_overlays_the_python_node(shop: Project) -> None:
    """Section 6.1: the documented override took the id, and failed for lack of SQL."""
    shop.write("seeknal/pipelines/days.py", PYTHON)
    shop.run()
    assert shop.rows("transform.ride_days") == [(1,)]
    shop.write("seeknal/transforms/days.yml", OVER.replace("params: {size: 5}", "unused:"))
    (table,) = shop.seeknal("list", "materialization", "--json").json
    assert (table["file"], table["line"]) == ("seeknal/transforms/days.yml", 8)
    assert shop.run("--no-materialize").built == set()
    shown = shop.seeknal("show", "ride_days", "--json").json
    assert shown["file"] == "seeknal/pipelines/days.py"
    assert shown["meta"] == {"description": "What the days were", "owner": "us", "tags": ["said", "twice"]}
    assert shop.run("--tags", "twice", "--full", "--no-materialize").built == {"transform.ride_days"}
    shop.write("seeknal/transforms/days.yml", OVER)
    shop.run("--no-materialize")
    assert shop.rows("transform.ride_days") == [(5,)]


def test_what_is_wrong_in_an_overlay_is_told_in_its_file(shop: Project) -> None:
    shop.write("seeknal/pipelines/days.py", PYTHON)
    shop.write(
        "seeknal/transforms/days.yml", OVER.replace("public.days", "days").replace("What the days were", "'{{ x }}'")
    )
    ((file, line, message),) = told(shop)
    assert (file, line) == ("seeknal/transforms/days.yml", 11)
    assert "schema.table" in message
    shop.write("seeknal/transforms/days.yml", OVER.replace("[said, twice]", "['{{ nope }}']"))
    assert [(file, line) for file, line, _ in told(shop)] == [("seeknal/transforms/days.yml", 5)]


def test_two_overlays_and_one_without_a_node_are_wrong(shop: Project) -> None:
    shop.write("seeknal/pipelines/days.py", PYTHON)
    shop.write("seeknal/transforms/days.yml", OVER)
    shop.write("seeknal/transforms/more.yml", OVER)
    ((file, _, message),) = told(shop)
    assert file == "seeknal/transforms/more.yml"
    assert "seeknal/transforms/days.yml" in message
    os.remove(shop.path("seeknal/transforms/more.yml"))
    os.remove(shop.path("seeknal/pipelines/days.py"))
    ((file, _, message),) = told(shop)
    assert "the field 'transform' is missing" in message

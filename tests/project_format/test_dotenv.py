"""`.env`: where it is looked for, what its lines mean, and that a run notices it (project_format 1.1)."""

from __future__ import annotations

import os

import pytest

from seeknal.build.dotenv import parse
from tests.bad_input.refusals import process
from tests.project_format.telling import value, warned
from tests.project_on_disk import Project
from tests.test_imports import HEAVY, modules

ASKED = "'{{ env:CITY_OF_RIDES|nowhere }}'"


@pytest.fixture
def deep(tmp_path: object) -> Project:
    """A project five folders below the temporary one."""
    made = Project(os.path.join(str(tmp_path), "a", "b", "c", "d", "e"))
    made.write("seeknal_project.yml", "name: deep\n")
    return made


def put(project: Project, above: int, text: str) -> None:
    """Write a `.env` so many folders above the project."""
    project.write("/".join([".."] * above + [".env"]), text)


def test_the_nearest_of_four_folders_counts(deep: Project) -> None:
    put(deep, 4, "CITY_OF_RIDES=too far\n")
    assert value(deep, ASKED) == "nowhere"
    for above, city in ((3, "Rome"), (1, "Oslo"), (0, "Paris")):
        put(deep, above, f"CITY_OF_RIDES={city}\n")
        assert value(deep, ASKED) == city


def test_it_is_looked_for_from_the_project_not_from_here(deep: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    put(deep, 1, "CITY_OF_RIDES=Oslo\n")
    deep.write("elsewhere/.env", "CITY_OF_RIDES=wrong\n")
    monkeypatch.chdir(deep.path("elsewhere"))
    assert value(deep, ASKED) == "Oslo"


def test_it_never_overrides_what_is_set(deep: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    put(deep, 0, "CITY_OF_RIDES=Oslo\n")
    monkeypatch.setenv("CITY_OF_RIDES", "")
    assert value(deep, ASKED) == ""


def test_python_nodes_see_it_and_nobody_else_after_the_run(deep: Project) -> None:
    put(deep, 0, "CITY_OF_RIDES=Oslo\n")
    deep.write(
        "seeknal/pipelines/city.py",
        """
        import os

        from seeknal.pipeline import transform


        @transform()
        def city(ctx):
            return [{"city": os.environ.get("CITY_OF_RIDES")}]
        """,
    )
    deep.run()
    assert deep.rows("transform.city") == [("Oslo",)]
    assert "CITY_OF_RIDES" not in os.environ


TEXT = r"""
# a comment
PLAIN=one
export  EXPORTED = two words   # and a comment
SINGLE='it is # \n so'
DOUBLE="a \"b\" \n c"  # comment
EQUALS=a=b=c==
EMPTY=
HASH=#7a#7b
NOTHING= # only a comment
   INDENTED=yes
LINES="one
two"
QUOTE=it's
PATHS=c:\temp;$HOME
TWICE=1
TWICE=2
"""
WANTED = {
    "PLAIN": "one", "EXPORTED": "two words", "SINGLE": r"it is # \n so", "DOUBLE": 'a "b" \n c', "EQUALS": "a=b=c==",
    "EMPTY": "", "HASH": "#7a#7b", "NOTHING": "", "INDENTED": "yes", "LINES": "one\ntwo", "QUOTE": "it's",
    "PATHS": r"c:\temp;$HOME", "TWICE": "2",
}  # fmt: skip


def test_what_lines_mean() -> None:
    assert parse(TEXT, ".env") == (WANTED, [])


def test_a_malformed_line_is_a_warning_with_its_place(project: Project) -> None:
    text = 'A=1\nno equals here\n1A=x\nB=\'open\nC=2\nD="a"b\n=x\nexport E\nCITY_OF_RIDES=Oslo\n'
    project.write(".env", text)
    assert value(project, ASKED) == "Oslo"
    assert [(file, line) for file, line, _ in warned(project)] == [(".env", line) for line in (2, 3, 4, 6, 7, 8)]
    assert ".env:2: this is no NAME=value" in project.seeknal("run", "--full").err
    os.remove(project.path(".env"))
    project.write("../.env", "oops\nCITY_OF_RIDES=Rome\n")
    assert warned(project)[0][0] == "../.env"


def test_a_folder_or_a_pipe_of_that_name_is_passed_over(project: Project) -> None:
    os.mkdir(project.path(".env"))
    project.write("../.env", "CITY_OF_RIDES=Rome\n")
    project.transform("asked", f"SELECT {ASKED} AS v")
    os.rmdir(project.path(".env"))
    os.mkfifo(project.path(".env"))
    assert process(project, "run", timeout=20).code == 0
    assert project.rows("transform.asked") == [("Rome",)]


# -- the run after it -----------------------------------------------------------------------------------------------


def test_a_run_with_nothing_to_do_is_instant_with_variables_too(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITY_OF_RIDES", "Oslo")
    project.transform("asked", f"SELECT {ASKED} AS v")
    for _ in range(2):
        modules(project)
    said, names = modules(project)
    assert said.startswith("nothing to do")
    assert sorted(names.intersection(HEAVY)) == []
    with open(project.path("target", "local", "stamp"), encoding="utf-8") as file:
        stamp = file.read()
    assert "CITY_OF_RIDES" in stamp
    assert "Oslo" not in stamp


def test_every_way_to_change_a_variable_is_noticed(deep: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    deep.transform("asked", f"SELECT {ASKED} AS v")
    deep.transform("other", "SELECT 1 AS v")
    deep.run()

    def noticed(city: str) -> None:
        assert deep.run().built <= {"transform.asked"}
        assert deep.rows("transform.asked") == [(city,)]
        assert deep.run().of("done")[0]["hit"] == 2

    put(deep, 3, "CITY_OF_RIDES=Rome\n")
    noticed("Rome")
    put(deep, 3, "CITY_OF_RIDES=Bern\n")
    noticed("Bern")
    put(deep, 2, "OTHER=1\n")
    noticed("nowhere")
    put(deep, 0, "CITY_OF_RIDES=Oslo\nOTHER=2\n")
    noticed("Oslo")
    put(deep, 0, "OTHER=3\nCITY_OF_RIDES='Oslo'\n")
    noticed("Oslo")
    monkeypatch.setenv("CITY_OF_RIDES", "Paris")
    noticed("Paris")
    monkeypatch.setenv("OTHER", "4")
    noticed("Paris")

"""Names that try to be paths, options, escapes, or each other."""

from __future__ import annotations

import json
import os

import pytest

from tests.bad_input.refusals import decent, nothing_lost, refused, wrong_project
from tests.project_on_disk import Project

HOSTILE = {
    "a path upwards": "../x",
    "an absolute path": "/etc/x",
    "a path with steps": "a/../../b",
    "one dot": ".",
    "two dots": "..",
    "nothing": "",
    "three hundred bytes": "x" * 300,
    "a NUL": "a\0b",
    "a newline": "a\nb",
    "a carriage return": "good\rbad",
    "a dot": "a.b",
    "a trailing space": "a ",
    "a leading minus": "-x",
    "a home": "~",
    "a shell command": "$(touch x)",
    "a printf word": "%s",
    "a format word": "{x}",
    "a terminal escape": "\x1b[2Jx",
    "an operating system command": "\x1b]0;title\x07x",
    "a C1 control": "a\x9b2Jb",
    "text that runs backwards": "a\u202ecod",
    "a letter with an accent": "caf\u00e9",
    "a letter and its accent": "cafe\u0301",
    "a quote": "a'; DROP TABLE x; --",
    "a backslash": "..\\x",
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_name_in_yaml_is_refused_with_its_line(shop: Project, name: str) -> None:
    shop.write("seeknal/transforms/bad.yml", f"kind: transform\nname: {json.dumps(name)}\ntransform: SELECT 1 AS x\n")
    problems = wrong_project(shop.seeknal("run", "--json"))
    assert [(p["file"], p["line"]) for p in problems] == [("seeknal/transforms/bad.yml", 2)]
    refused(shop.seeknal("run"), 3, "seeknal/transforms/bad.yml:2:")
    assert not os.path.lexists(shop.path("target", "refs"))


@pytest.mark.parametrize("name", ["../x", "a\0b", "x" * 300, "\x1b[2Jx", "-x", "a.b"])
def test_a_hostile_name_in_python_is_refused_with_its_line(shop: Project, name: str) -> None:
    shop.write(
        "seeknal/pipelines/bad.py",
        f"from seeknal.pipeline import transform\n\n\n@transform(name={name!r})\ndef good(ctx):\n    return None\n",
    )
    problems = wrong_project(shop.seeknal("run", "--json"))
    assert [p["file"] for p in problems] == ["seeknal/pipelines/bad.py"]
    assert problems[0]["line"] in (4, 5)


@pytest.mark.parametrize("name", ["5", "1.5", "true", "null", "[a, b]", "{a: b}", "2024-01-01"])
def test_a_name_that_is_no_text_is_refused(shop: Project, name: str) -> None:
    shop.write("seeknal/transforms/bad.yml", f"kind: transform\nname: {name}\ntransform: SELECT 1 AS x\n")
    assert [p["file"] for p in wrong_project(shop.seeknal("run", "--json"))] == ["seeknal/transforms/bad.yml"]


def test_two_names_that_differ_only_in_case_are_refused_and_both_places_named(shop: Project) -> None:
    shop.write("seeknal/transforms/twin.yml", "kind: transform\nname: Clean\ntransform: SELECT 1 AS x\n")
    (problem,) = wrong_project(shop.seeknal("run", "--json"))
    assert problem["reason"] == "duplicate_node"
    both = f"{problem['file']} {problem['message']}"
    assert "clean.yml" in both
    assert "twin.yml" in both


def test_one_name_in_yaml_and_python_is_refused(shop: Project) -> None:
    shop.write(
        "seeknal/pipelines/twin.py",
        "from seeknal.pipeline import transform\n\n\n@transform(name='clean')\ndef clean(ctx):\n    return None\n",
    )
    (problem,) = wrong_project(shop.seeknal("run", "--json"))
    assert problem["reason"] == "duplicate_node"


def test_the_longest_name_that_is_allowed_works(shop: Project) -> None:
    name = "x" * 128
    shop.transform(name, "SELECT count(*) AS n FROM ref('transform.clean')", ("transform.clean",))
    shop.run()
    assert shop.rows(f"transform.{name}") == [(3,)]


@pytest.mark.parametrize("word", ["../../etc/passwd", "x" * 5000, "\x1b[2J", "transform.claen", "$(x)", "%s", "[", ""])
@pytest.mark.parametrize("command", ["run", "plan", "show", "inspect", "explain"])
def test_a_hostile_node_on_the_command_line_is_unknown(shop: Project, command: str, word: str) -> None:
    shop.run()
    with nothing_lost(shop):
        # an empty word for `--nodes` chooses nothing in particular: that is everything
        result = shop.seeknal(command, *(("--nodes", word) if command in ("run", "plan") else (word,)))
        assert len(decent(result)) < 20_000
        assert result.code in ((0, 2) if word == "" else (2,)), result
    if word == "transform.claen":
        assert "transform.clean" in result.err, "the nearest name is told"


@pytest.mark.parametrize("word", ["../x", "a/b", "x" * 300, "\x1b[2J", ".hidden", "a\nb"])
def test_a_run_id_that_is_no_file_name_is_refused(shop: Project, word: str) -> None:
    refused(shop.seeknal("run", "--run-id", word), 2)
    assert not os.path.lexists(shop.path("target", "refs"))


def test_a_hostile_file_name_is_shown_harmless(shop: Project) -> None:
    shop.write("seeknal/transforms/\x1b[31mred\u202e.yml", "kind: transform\nname: '../x'\ntransform: SELECT 1 AS x\n")
    (problem,) = wrong_project(shop.seeknal("run", "--json"))
    assert "\\x1b[31mred" in problem["file"]
    refused(shop.seeknal("run"), 3, "\\x1b[31mred")
    refused(shop.seeknal("validate"), 3, "\\x1b[31mred")


def test_a_file_whose_name_is_no_text_is_built_or_refused_by_name(shop: Project) -> None:
    path = os.path.join(os.fsencode(shop.path("seeknal", "transforms")), b"caf\xe9.yml")
    with open(path, "wb") as file:
        file.write(b"kind: transform\nname: late\ntransform: SELECT 1 AS x\n")
    result = shop.seeknal("run", "--json")
    decent(result)
    assert result.code in (0, 3), result
    if result.code == 0:
        assert shop.rows("transform.late") == [(1,)]
    else:
        assert "caf" in result.err

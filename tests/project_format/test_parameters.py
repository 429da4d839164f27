"""Parameters: who gives them, what type they have, who sees them (project_format 4.3 to 4.5)."""

from __future__ import annotations

import pytest

from seeknal.model.typed import typed
from tests.bad_input.refusals import refused
from tests.project_format.telling import value, warned
from tests.project_on_disk import Project

TOLD = """
    from seeknal.pipeline import transform


    @transform({arguments})
    def told(ctx):
        return [{{"name": name, "value": repr(value)}} for name, value in sorted(ctx.params.items())]
"""


def params_of(project: Project, arguments: str, *options: str) -> dict[str, str]:
    """What a Python node sees in `ctx.params`."""
    project.write("seeknal/pipelines/told.py", TOLD.format(arguments=arguments))
    project.run(*options)
    return dict(project.rows("transform.told"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1", 1), ("0", 0), ("-5", -5), ("007", "007"), ("-0", "-0"), ("00", "00"), ("+33123", "+33123"), ("1_000", "1_000"),
        ("1.5", 1.5), (".5", 0.5), ("-0.5", -0.5), ("1e3", 1000.0), ("00.5", "00.5"), ("1.2.3", "1.2.3"), (" 1", " 1"),
        ("nan", "nan"), ("inf", "inf"), ("infinity", "infinity"), ("1e999", "1e999"), ("", ""), ("-", "-"), ("1-2", "1-2"),
        ("true", True), ("Yes", True), ("ON", True), ("false", False), ("no", False), ("Off", False), ("y", "y"),
        ("9" * 2000, "9" * 2000), ("2024-01-31", "2024-01-31"), ("\u0661", "\u0661"),
    ],
)  # fmt: skip
def test_a_text_is_what_it_looks_like_and_loses_nothing(text: str, wanted: object) -> None:
    """Fault 17: "1" became true, "007" became 7, "infinity" a number."""
    assert repr(typed(text)) == repr(wanted)
    assert repr(typed({"deep": [text]})) == repr({"deep": [wanted]})


def test_sql_has_the_text_as_it_was_written(project: Project) -> None:
    """Fault 17: the text "1" stood in SQL as True."""
    more = "params: {a: '1', b: '007', c: 'yes', d: 1.50, e: true, f: '1.50', g: ~, h: [x, \"it's\"], i: 2}\n"
    letters = "abcdefghi"
    text = " ".join(f"{{{{ {letter} }}}}" for letter in letters)
    assert value(project, f"$${text}$$", more=more) == "1 007 yes 1.5 true 1.50 null ['x', 'it''s'] 2"
    assert value(project, "{{ h }}[2]", more=more) == "it's"


def test_a_mapping_cannot_stand_inside_of_sql(project: Project) -> None:
    project.transform("odd", "SELECT {{ m }} AS v", more="params: {m: {a: 1}}\n")
    refused(project.seeknal("run"), 3, "seeknal/transforms/odd.yml:5:", "m is a mapping")


def test_numbers_on_the_command_line_are_fine(project: Project) -> None:
    """Fault 18: a number in `--params` made the nodes that declare that parameter vanish."""
    more = "params: {least: '5', deep: {x: '{{ least }}'}}\n"
    assert value(project, "{{ least }} + 0", "--params", '{"least": 30}', more=more) == 30
    assert value(project, "{{ least }} OR false", "--params", '{"least": true, "list": [1, {"a": null}]}') is True
    project.edit("seeknal/transforms/asked.yml", "name: asked", "name: asked\nparams: {least: 1}")
    assert project.run("--params", '{"least": 2.5}').built == {"transform.asked"}


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--params", "x=5"], "5"), (["--params", "x=a=b"], "a=b"), (["--params", "x="], ""), (["--params", "x=007"], "007"),
        (["--params", "x=1.50"], "1.50"), (["--params", "x= 5 "], " 5 "), (["--params", "x=true"], "true"),
        (["--params", '{"x": 5}'], "5"), (["--params", '{"x": "5"}'], "5"), (["--params", ' {"x": 5} '], "5"),
        (["--params", "x=1", "--params", "x=2"], "2"), (["--params", '{"x": 1, "y": 2}', "--params", "x=3"], "3"),
        (["--params", "x={{ y }}", "--params", "y=7"], "7"), (["--params=x=9"], "9"),
    ],
)  # fmt: skip
def test_both_ways_to_give_parameters(project: Project, options: list[str], wanted: str) -> None:
    """Fault 21: `--params key=value` was documented, only JSON was accepted."""
    assert value(project, "'{{ x }}'", *options, more="params: {x: own}\n") == wanted


@pytest.mark.parametrize("given", ["x", "=5", '{"x": ', '{"x": NaN}', "[1]", '{"x": Infinity}', "{x: 5}"])
def test_what_is_no_parameter_is_refused(project: Project, given: str) -> None:
    project.transform("t", "SELECT 1 AS a")
    refused(project.seeknal("run", "--params", given), 2, "--params")


def test_the_command_wins_over_the_node_and_options_over_parameters(project: Project) -> None:
    more = "params: {date: node, x: node, run_id: node}\n"
    asked = "'{{ date }} {{ x }} {{ run_id }}'"
    assert value(project, asked, more=more) == "node node node"
    assert value(project, asked, "--params", "x=line", "--params", "date=line", more=more) == "line line node"
    options = ("--date", "2024-05-01", "--params", "date=line", "--run-id", "r1", "--params", "run_id=line")
    assert value(project, "'{{ date }} {{ run_id }}'", *options) == "2024-05-01 r1"


def test_the_warning_of_a_reserved_name_says_what_happens(project: Project) -> None:
    """Fault 19: the warning said that the run's value wins; the node's does."""
    more = "params:\n  fine: 1\n  run_id: mine\n  run_date: '{{ run_date }}'\n"
    assert value(project, "'{{ run_id }}'", more=more) == "mine"
    ((file, line, message),) = warned(project)
    assert (file, line) == ("seeknal/transforms/asked.yml", 5)
    assert "hides the run's own" in message
    assert "'mine'" in message
    assert "seeknal/transforms/asked.yml:5: " in project.seeknal("run", "--full").err


def test_a_parameter_that_nobody_mentions_is_told_with_the_nearest(project: Project) -> None:
    project.transform("t", "SELECT {{ threshold }} AS a", more="params: {threshold: 5}\n")
    result = project.seeknal("run", "--params", "treshold=6")
    assert result.code == 0
    assert "treshold (did you mean threshold?)" in result.err
    assert "mention" not in project.seeknal("run", "--params", "threshold=7").err


# -- Python ---------------------------------------------------------------------------------------------------------


def test_arguments_of_a_decorator_are_parameters(project: Project) -> None:
    """Fault 20: `ctx.params` was empty for decorated nodes."""
    arguments = "size=3, word='5', flag=True, nothing=None, deep={'a': [1]}, made='{{ n|x }}', day='{{ today }}'"
    wanted = {"size": "3", "word": "'5'", "flag": "True", "nothing": "None", "deep": "{'a': [1]}", "made": "8",
              "day": "'2024-03-31'"}  # fmt: skip
    arguments = arguments.replace("{{ n|x }}", "{{ env:SURELY_NOT_SET|8 }}")
    assert params_of(project, arguments, "--date", "2024-03-31") == wanted


def test_parameters_of_the_command_line_reach_python_with_their_types(project: Project) -> None:
    given = ["--params", '{"a": "1", "b": "007", "c": [1, "x"], "d": null, "e": "yes"}', "--params", "f=1.50"]
    wanted = {"a": "1", "b": "'007'", "c": "[1, 'x']", "d": "None", "e": "True", "f": "1.5", "size": "3"}
    assert params_of(project, "size=3", *given) == wanted
    assert params_of(project, "params={'size': 4}, a=2", "--params", "a=5") == {"size": "4", "a": "5"}

"""What else a node finds in its context: parameters, state, facts about itself; and the import paths of the existing tool."""

from __future__ import annotations

import json
import os

import pytest

from tests.pipeline.nodes import failure, node
from tests.project_on_disk import Project

# Parameters -----------------------------------------------------------------------------------------------------------


def test_parameters_of_decorator_and_command_line_have_their_types(project: Project) -> None:
    """Fault 20: `ctx.params` was empty for decorated nodes, and the helpers were never fed."""
    body = """
    import os
    from seeknal.workflow.parameters.helpers import get_param, has_param, list_params
    found = {name: repr(value) for name, value in ctx.params.items()}
    found["helper"] = repr([get_param("limit"), get_param("limit", param_type=int), get_param("ratio", param_type=float),
                            get_param("flag", param_type=bool), get_param("zip", param_type=str), get_param("none", 7)])
    found["has"] = repr([has_param("limit"), has_param("LIMIT"), has_param("nothing"), sorted(list_params())])
    env = os.environ
    found["env"] = repr([env["SEEKNAL_PARAM_LIMIT"], env["SEEKNAL_PARAM_LIST"], env["SEEKNAL_PROJECT_PATH"] == os.getcwd()])
    return [{"name": name, "value": value} for name, value in sorted(found.items())]
    """
    node(project, "told", body, "@transform(limit=5, ratio=0.5, zip='007', flag=False, params={'deep': {'a': [1]}})")
    project.run("--params", "flag=true", "--params", '{"list": [1, "a"], "more": 3}')
    told = dict(project.rows("transform.told"))
    assert told["limit"] == "5"
    assert told["ratio"] == "0.5"
    assert told["zip"] == "'007'"
    assert told["flag"] == "True"
    assert told["deep"] == "{'a': [1]}"
    assert told["list"] == "[1, 'a']"
    assert told["more"] == "3"
    assert told["helper"] == "['5', 5, 0.5, True, '007', 7]"
    assert told["has"] == "[True, True, False, ['deep', 'flag', 'limit', 'list', 'more', 'ratio', 'zip']]"
    assert told["env"] == "['5', '[1, \"a\"]', True]"


MENTIONS = {
    "get_param": ("return {'a': [ctx.get_param('a', 0)]}", {"a"}),
    "by_keyword": ("return {'a': [ctx.get_param(name='a', default=0)]}", {"a"}),
    "subscript": ("return {'a': [ctx.params['a'] if 'a' in ctx.params else 0]}", {"a"}),
    "get": ("return {'a': [ctx.params.get('a', 0)]}", {"a"}),
    "any": ("return {'a': [len(ctx.params)]}", {"a", "b"}),
    "computed": ("return {'a': [ctx.get_param('a'.lower(), 0)]}", {"a", "b"}),
    "handed_on": ("return {'a': [(lambda c: c.get_param('a', 0))(ctx)]}", {"a", "b"}),
    "helpers": (
        "from seeknal.workflow.parameters import helpers\nreturn {'a': [helpers.get_param('a', '0')]}",
        {"a", "b"},
    ),
    "environment": ("import os\nreturn {'a': [os.environ.get('SEEKNAL_PARAM_A', '0')]}", {"a", "b"}),
    "nothing": ("return {'a': [0]}", set[str]()),
}


def test_a_parameter_rebuilds_those_who_may_read_it(project: Project) -> None:
    for name, (body, _) in MENTIONS.items():
        node(project, name, body)
    project.run()
    for parameter in "ab":
        built = project.run("--params", f"{parameter}=1").built
        assert built == {f"transform.{name}" for name, (_, reads) in MENTIONS.items() if parameter in reads}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("get_param('nothing')", "KeyError: \"the parameter 'nothing' is not set: seeknal run --params nothing=VALUE"),
        ("get_param('word', param_type=int)", "ValueError: the parameter word is 'x', which is no int"),
        ("get_param('word', param_type=bool)", "ValueError: the parameter word is 'x', which is no bool"),
        ("get_param('no name')", "'no name' is no name of a parameter"),
    ],
)
def test_a_parameter_that_is_missing_or_wrong(call: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from seeknal.workflow.parameters import helpers

    monkeypatch.setenv("SEEKNAL_PARAM_WORD", "x")
    with pytest.raises((KeyError, ValueError)) as error:
        eval(call, {"get_param": helpers.get_param})
    assert said in f"{type(error.value).__name__}: {error.value}"


# State ----------------------------------------------------------------------------------------------------------------

COUNTING = """
import datetime
state = ctx.state
state.set("runs", state.get("runs", 0) + 1)
state.set("when", datetime.date(2024, 1, 1))
state.set("seen", [*state.get("seen", []), {limit}])
state.save()
state.set("half", True)
{more}
state.delete("half")
return {{"runs": [state.get("runs")], "limit": [{limit}]}}
"""


def test_a_node_finds_its_state_again(project: Project) -> None:
    node(project, "counted", COUNTING.format(limit=1, more=""))
    project.run()
    path = project.path("target", "pipeline_state", "transform_counted.json")
    assert json.loads(project.read(path)) == {"runs": 1, "when": "2024-01-01", "seen": [1]}
    assert project.run().built == set()
    node(project, "counted", COUNTING.format(limit=2, more=""))
    project.run()
    assert project.rows("transform.counted") == [(2, 2)]
    assert json.loads(project.read(path)) == {"runs": 2, "when": "2024-01-01", "seen": [1, 2]}


@pytest.mark.parametrize("end", ["1 / 0", "import os; os._exit(0)", "return None"])
def test_a_node_that_fails_leaves_its_state_as_it_was(project: Project, end: str) -> None:
    node(project, "counted", COUNTING.format(limit=1, more=""))
    project.run()
    path = project.path("target", "pipeline_state", "transform_counted.json")
    before = project.read(path)
    node(project, "counted", COUNTING.format(limit=2, more=end))
    assert project.run(ok=False).code == 1
    assert project.read(path) == before
    assert os.listdir(os.path.dirname(path)) == ["transform_counted.json"]


def test_each_node_has_a_state_of_its_own(project: Project) -> None:
    for name in ("one", "two"):
        node(
            project, name, f"assert ctx.state.get('name') is None\nctx.state.set('name', '{name}')\nreturn {{'a': [1]}}"
        )
    project.run()
    assert json.loads(project.read("target/pipeline_state/transform_two.json")) == {"name": "two"}
    node(project, "plain", "assert ctx.state.get('x', 5) == 5\nreturn {'a': [2]}")
    project.run()
    assert not os.path.exists(project.path("target/pipeline_state/transform_plain.json"))


@pytest.mark.parametrize("broken", ["", "{", "[1]", "\0"])
def test_a_broken_state_stops_the_node_and_says_where_it_is(project: Project, broken: str) -> None:
    project.write("target/pipeline_state/transform_counted.json", broken)
    node(project, "counted", COUNTING.format(limit=1, more=""))
    text = failure(project.run(ok=False), "transform.counted")
    assert "pipeline_state/transform_counted.json" in text
    assert "repair or delete it" in text


def test_what_is_no_plain_data_is_refused(project: Project) -> None:
    node(project, "counted", "ctx.state.set('x', object())\nreturn {'a': [1]}")
    assert "a value of type object is no plain data" in failure(project.run(ok=False), "transform.counted")


# The rest -------------------------------------------------------------------------------------------------------------


def test_facts_about_the_node(project: Project) -> None:
    body = """
    meta, path = ctx.node_meta, ctx.project_path
    ctx.close()
    facts = [ctx.node_id, ctx.node_kind, meta["name"], meta["kind"], meta["owner"], meta["tags"], meta["limit"], ctx.config,
             ctx.target_dir.relative_to(path), ctx.duckdb.sql("SELECT 1").fetchall()]
    return {"fact": [str(fact) for fact in facts]}
    """
    decorator = "@transform('told_twice', owner='me', tags=['x'], limit=5)"
    node(project, "told", body, decorator)
    project.run()
    facts = [row[0] for row in project.rows("transform.told_twice")]
    assert facts == [
        "transform.told_twice",
        "transform",
        "told_twice",
        "transform",
        "me",
        "['x']",
        "5",
        "{}",
        "target",
        "[(1,)]",
    ]
    node(project, "told", body, decorator.replace("me", "you"))
    assert project.run().built == {"transform.told_twice"}, "what it can read of its declaration counts"


def test_the_language_model_helper_is_no_part_of_this(project: Project) -> None:
    node(project, "asked", "return ctx.llm.generate_text('hello')")
    node(project, "made", "from seeknal.pipeline import PipelineLLM\nreturn PipelineLLM()")
    result = project.run("--continue-on-error", ok=False)
    for name in ("asked", "made"):
        assert "seeknal has no language model helper (ctx.llm, PipelineLLM)" in failure(result, f"transform.{name}")


def test_every_import_path_of_the_existing_tool(project: Project) -> None:
    head = """\
from seeknal.pipeline import (
    FeatureFrame, IcebergTable, Materialization, OfflineConfig, OnlineConfig, PipelineContext, PipelineLLM, PipelineState,
    clear_registry, feature_group, get_registered_nodes, second_order_aggregation, source, transform,
)
from seeknal.pipeline.decorators import materialize
from seeknal.pipeline.materialization_config import MaterializationConfig
from seeknal.workflow.parameters.helpers import get_param, has_param, list_params

CONFIG = MaterializationConfig(enabled=False, mode="append")
"""
    body = """
    assert MaterializationConfig.from_dict(CONFIG.to_dict()) == CONFIG
    assert isinstance(ctx, PipelineContext) and isinstance(ctx.state, PipelineState)
    assert "transform.imports" in get_registered_nodes()
    return {"config": [str(CONFIG.to_dict())], "table": [IcebergTable("a", "b").catalog]}
    """
    node(project, "imports", body, head=head)
    project.run()
    assert project.rows("transform.imports") == [("{'enabled': False, 'mode': 'append'}", "atlas")]

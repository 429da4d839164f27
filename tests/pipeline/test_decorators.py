"""How a function becomes a node: every way to write it that people know, and the faults of the existing tool."""

from __future__ import annotations

import os

import pytest

from seeknal.project.python_reader import read_python
from tests.pipeline.nodes import failure, node, schema
from tests.project_on_disk import Project

WAYS = {
    "bare": ("@transform\ndef bare(ctx):", "bare"),
    "empty": ("@transform()\ndef empty(ctx):", "empty"),
    "named": ("@transform(name='other')\ndef something(ctx):", "other"),
    "positional": ("@transform('third')\ndef anything(ctx):", "third"),
    "argument": ("@transform\ndef argument(context):", "argument"),
    "annotated": ("@transform\ndef annotated(c: 'PipelineContext') -> dict:", "annotated"),
    "optional": ("@transform\ndef optional(ctx, more=1, *, last=2):", "optional"),
    "nothing": ("@transform\ndef nothing():", "nothing"),
    "asynchronous": ("@transform\nasync def asynchronous(ctx):", "asynchronous"),
    "wrapped": ("@transform\n@shout\ndef wrapped(ctx):", "wrapped"),
    "wrapping": ("@shout\n@transform\ndef wrapping(ctx):", "wrapping"),
    "below": ("@transform\n@materialize(table='a.b.c')\ndef below(ctx):", "below"),
    "above": ("@materialize(table='a.b.b')\n@transform\ndef above(ctx):", "above"),
    "around": ("@materialize(table='a.b.a')\n@transform\n@materialize(table='d.e.f')\ndef around(ctx):", "around"),
}
HEAD = """\
import functools

from seeknal.pipeline import transform
from seeknal.pipeline.decorators import materialize


def shout(function):
    @functools.wraps(function)
    def louder(ctx):
        return {"a": [2 * n for n in function(ctx)["a"]]}

    return louder


"""


def test_every_way_to_decorate(project: Project) -> None:
    """Faults 23 and 24: the name had to be the function's, and a bare decorator and one above had no effect."""
    for name, (start, _) in WAYS.items():
        project.write(f"seeknal/pipelines/{name}.py", f"{HEAD}{start}\n    return {{'a': [1]}}\n")
    project.run("--no-materialize")
    for name, (_, made) in WAYS.items():
        assert project.rows(f"transform.{made}") == [(2 if "wrap" in name else 1,)], name


def test_tables_to_materialize_to_are_found_above_and_below() -> None:
    """Fault 24."""
    (found,) = read_python(f"{HEAD}{WAYS['around'][0]}\n    ...\n".encode(), "x.py")
    assert [fields["table"] for fields in found.stacked] == ["a.b.a", "d.e.f"]


@pytest.mark.parametrize(
    ("written", "days"), [("'7d'", 7), ("7", 7), ("'2w'", 14), ("'7 days'", 7), ("'3'", 3), ("0", 0)]
)
def test_a_lookback_is_days_however_it_is_written(written: str, days: int) -> None:
    """Fault 31: the documented type of it broke every run."""
    text = f"{HEAD}@transform\n@materialize('postgresql', table='a.b', lookback={written})\ndef x(ctx): ...\n"
    (found,) = read_python(text.encode(), "x.py")
    assert found.stacked[0]["lookback"] == days


@pytest.mark.parametrize("written", ["'soon'", "-1", "True", "1.5", "'7h'"])
def test_a_lookback_that_is_none_is_told_with_its_line(project: Project, written: str) -> None:
    project.write(
        "seeknal/pipelines/x.py",
        f"{HEAD}@transform\n@materialize(\n    table='a.b',\n    lookback={written},\n)\ndef x(ctx): ...\n",
    )
    (problem,) = project.run(ok=False).json["problems"]
    assert problem["line"] == 18
    assert "write days, as 7, 7d or 2w" in problem["message"]


def test_a_source_is_read_and_its_function_never_called(project: Project) -> None:
    """Fault 22, which is how it shall be: its function says only what the rows are for."""
    project.write("data/rides.csv", "id;fare\n1;5\n2;7\n")
    project.write(
        "seeknal/pipelines/rides.py",
        """
        from seeknal.pipeline import source


        @source(name="rides", source="csv", table="data/rides.csv", columns={"id": "BIGINT", "fare": "DOUBLE"}, delimiter=";",
                description="all rides", owner="me", tags=["raw"])
        def anything():
            raise SystemError
        """,
    )
    project.run()
    assert project.rows("source.rides") == [(1, 5.0), (2, 7.0)]
    assert schema(project, "source.rides") == {"id": "BIGINT", "fare": "DOUBLE"}


def test_sql_of_a_transform_is_run(project: Project) -> None:
    """Fault 27: `sql=` was stored and never used."""
    project.source("rides", "id,fare\n1,5\n2,7\n")
    project.write(
        "seeknal/pipelines/total.py",
        """
        from seeknal.pipeline import transform

        LEAST = 6


        @transform(name="total", sql="SELECT sum(fare)::BIGINT AS fare FROM ref('source.rides') WHERE fare > {{ least }}",
                   inputs=["source.rides"], least=LEAST)
        def total(ctx):
            raise SystemError
        """,
    )
    project.run()
    assert project.rows("transform.total") == [(7,)]
    project.edit("seeknal/pipelines/total.py", "LEAST = 6", "LEAST = 4")
    assert project.run().built == {"transform.total"}
    assert project.rows("transform.total") == [(12,)]


def test_words_about_a_node_are_metadata_and_no_parameters(project: Project) -> None:
    """Fault 27: description and owner were lost, and were parameters."""
    decorator = "@transform(description='{}', owner='{}', tags=['a'], limit=3)"
    node(project, "told", "return {'params': [str(sorted(ctx.params.items()))]}", decorator.format("first", "me"))
    project.run()
    assert project.rows("transform.told") == [("[('limit', 3)]",)]
    shown = project.seeknal("show", "transform.told")
    assert "first" in shown.out
    assert "me" in shown.out
    node(project, "told", "return {'params': [str(sorted(ctx.params.items()))]}", decorator.format("second", "you"))
    assert project.run().built == set()
    assert "second" in project.seeknal("show", "transform.told").out


def test_inputs_keep_their_order_and_what_the_function_names_follows(project: Project) -> None:
    for name in "abcd":
        project.source(name, f"x\n{name}\n")
    body = """
    first = ctx.ref("source.d")
    return {"inputs": [", ".join(ctx._facts.inputs)], "x": [ctx.ref("source.a")["x"][0]], "d": [first["x"][0]]}
    """
    node(project, "ordered", body, "@transform(inputs=['source.c', 'source.b'])")
    project.run()
    assert project.rows("transform.ordered") == [("source.c, source.b, source.d, source.a", "a", "d")]


def test_the_body_of_a_node_is_what_it_is_made_of(project: Project) -> None:
    """Fault 28: editing it changed nothing."""
    node(project, "one", "return {'a': [1]}")
    node(project, "two", "return {'a': [1]}  # a comment")
    project.run()
    node(project, "one", "return {'a': [2]}")
    node(project, "two", "return {'a': [1]}  # another comment")
    assert project.run().built == {"transform.one"}
    assert project.rows("transform.one") == [(2,)]


def test_a_package_that_is_not_here_costs_only_the_nodes_that_import_it(project: Project) -> None:
    """Fault 25: a file that could not be imported by the command line was dropped without a word."""
    node(project, "lost", "return {'a': [1]}", head="import nowhere_to_be_found\n")
    node(project, "kept", "return {'a': [1]}")
    assert project.plan() == {"transform.lost": "BUILD", "transform.kept": "BUILD"}
    assert project.seeknal("list").code == 0
    result = project.run("--continue-on-error", ok=False)
    assert result.code == 7
    assert "there is no module 'nowhere_to_be_found'" in failure(result, "transform.lost")
    assert "seeknal/pipelines/lost.py:1" in failure(result, "transform.lost")
    assert project.rows("transform.kept") == [(1,)]


# Results --------------------------------------------------------------------------------------------------------------

RESULTS = {
    "pandas": "__import__('pandas').DataFrame({'a': [1, 2]})",
    "polars": "__import__('polars').DataFrame({'a': [1, 2]})",
    "lazy": "__import__('polars').LazyFrame({'a': [1, 2]})",
    "arrow": "__import__('pyarrow').table({'a': [1, 2]})",
    "relation": "ctx.duckdb.sql('SELECT unnest([1, 2])::BIGINT AS a')",
    "executed": "ctx.duckdb.execute('SELECT unnest([1, 2])::BIGINT AS a').df()",
    "records": "[{'a': 1}, {'a': 2}]",
    "columns": "{'a': [1, 2]}",
    "feature": "__import__('seeknal.pipeline').pipeline.FeatureFrame({'a': [1, 2]}, 'rider', ['a'])",
    "handle": "ctx.ref('source.numbers')",
    "changed": "changed(ctx.ref('source.numbers'))",
}


def test_every_sort_of_result_is_a_table(project: Project) -> None:
    """Fault 26: most of them were successes with nothing written."""
    project.source("numbers", "a\n1\n2\n", {"a": "BIGINT"})
    head = "def changed(rows):\n    rows['a'] = [1, 2]\n    return rows\n\n\n"
    for name, value in RESULTS.items():
        node(project, f"as_{name}", f"return {value}", head=head)
    project.run()
    for name in RESULTS:
        assert sorted(project.rows(f"transform.as_{name}")) == [(1,), (2,)], name
        assert schema(project, f"transform.as_{name}") == {"a": "BIGINT"}, name


def test_what_is_no_table_is_told(project: Project) -> None:
    said = {
        "pass": "returned None (is a `return` missing?)",
        "return 7": "returned int: 7",
        "return ['x']": "a list with str: 'x' in it",
    }
    for i, body in enumerate(said):
        node(project, f"none{i}", body)
    result = project.run("--continue-on-error", ok=False)
    for i, text in enumerate(said.values()):
        assert text in failure(result, f"transform.none{i}")


# Time -----------------------------------------------------------------------------------------------------------------


def test_a_node_may_say_how_long_it_may_take(project: Project) -> None:
    node(project, "slow", "import time\ntime.sleep(60)", "@transform(timeout=0.5)")
    result = project.run(ok=False)
    assert result.code == 1
    assert "not done after 0.5 seconds: it was killed" in failure(result, "transform.slow")


def test_how_long_it_may_take_is_no_part_of_what_it_is(project: Project) -> None:
    node(project, "quick", "return {'a': [str(dict(ctx.params))]}", "@transform(timeout=100, limit=1)")
    project.run()
    assert project.rows("transform.quick") == [("{'limit': 1}",)]
    node(project, "quick", "return {'a': [str(dict(ctx.params))]}", "@transform(timeout=200.5, limit=1)")
    assert project.run().built == set()


@pytest.mark.parametrize("timeout", ["0", "-1", "'soon'", "True"])
def test_a_timeout_that_is_none_is_told(project: Project, timeout: str) -> None:
    node(project, "quick", "return {'a': [1]}", f"@transform(timeout={timeout})")
    (problem,) = project.run(ok=False).json["problems"]
    assert "write seconds, as in timeout=60" in problem["message"]
    assert os.path.basename(problem["file"]) == "quick.py"

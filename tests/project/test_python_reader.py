"""Python node files are read, never run: what a decorator may say, which inputs are found, what is wrong and where."""

from __future__ import annotations

import textwrap

import pytest

from seeknal.errors import ProjectError
from seeknal.project.python_reader import PythonNode, Ref, read_python


def read(text: str) -> tuple[PythonNode, ...]:
    return read_python(textwrap.dedent(text).encode(), "seeknal/nodes.py")


def one(text: str) -> PythonNode:
    (node,) = read(text)
    return node


def problems(text: str) -> list[str]:
    with pytest.raises(ProjectError) as error:
        read(text)
    return [str(problem).removeprefix("seeknal/nodes.py:") for problem in error.value.problems]


def test_a_decorated_function_is_a_node() -> None:
    node = one("""\
        from seeknal.pipeline import transform

        @transform(
            name="busy_docks",
            inputs=["source.rides", "source.docks"],
            tags=["ops"], limit=-1, share=0.5, params={"deep": {"list": [1, None, True]}},
        )
        def busy(ctx):
            return ctx.ref("source.rides")
        """)
    assert (node.kind, node.name, node.function, node.line) == ("transform", "busy_docks", "busy", 3)
    assert node.fields == {
        "inputs": ["source.rides", "source.docks"],
        "tags": ["ops"],
        "limit": -1,
        "share": 0.5,
        "params": {"deep": {"list": [1, None, True]}},
    }
    assert node.lines[("name",)] == 4
    assert node.lines[("inputs", 1)] == 5
    assert node.lines[("params", "deep", "list")] == 6
    assert node.refs == (Ref("source.rides", None, 9),)


@pytest.mark.parametrize(
    ("imports", "decorator"),
    [
        ("from seeknal.pipeline import transform", "transform"),
        ("from seeknal.pipeline import transform", "transform()"),
        ("from seeknal.pipeline import transform as t", "t('x')"),
        ("from seeknal.pipeline import *", "transform()"),
        ("from seeknal.pipeline.decorators import transform", "transform()"),
        ("import seeknal.pipeline as sp", "sp.transform(tags=[])"),
        ("import seeknal.pipeline", "seeknal.pipeline.transform()"),
        ("from seeknal import pipeline", "pipeline.transform()"),
        ("from seeknal.pipeline import decorators as d", "d.transform"),
    ],
)
def test_a_decorator_is_known_by_where_it_was_imported_from(imports: str, decorator: str) -> None:
    assert one(f"{imports}\n@{decorator}\ndef x(ctx): ...\n").kind == "transform"


@pytest.mark.parametrize("imports", ["from other import transform", "import other as transform", "transform = 1"])
def test_other_decorators_of_the_same_name_are_not_ours(imports: str) -> None:
    assert read(f"{imports}\n@transform()\ndef x(ctx): ...\n") == ()


def test_several_nodes_stacked_tables_and_settings() -> None:
    rides, riders = read("""\
        from seeknal.pipeline import source, feature_group, Materialization, OfflineConfig as Off
        from seeknal.pipeline.decorators import materialize

        TABLE = "data/rides.csv"

        @source(source="csv", table=TABLE)
        def rides():
            ...

        @materialize(type="postgresql", connection="dw", table="public.riders")
        @feature_group(entity="rider", materialization=Materialization(offline=Off("delta")), **{"owner": "me"})
        @materialize("iceberg", table="a.b.c")
        def riders(context):
            async def inner():
                return context.ref(name="source.rides", columns=["id", "at"])
            return context.duckdb.sql(context.params["q"])
        """)
    assert rides.fields == {"source": "csv", "table": "data/rides.csv"}
    assert riders.fields == {
        "entity": "rider",
        "materialization": {"offline": {"format": "delta"}},
        "owner": "me",
    }
    assert riders.stacked == (
        {"type": "postgresql", "connection": "dw", "table": "public.riders"},
        {"type": "iceberg", "table": "a.b.c"},
    )
    assert riders.refs == (Ref("source.rides", ("id", "at"), 15),)
    assert riders.uses == ("duckdb", "params", "ref")


def test_columns_of_one_input_are_collected_and_all_where_that_is_not_certain() -> None:
    head = "from seeknal.pipeline import transform\n"

    def columns(body: str) -> tuple[str, ...] | None:
        return one(f'{head}@transform(inputs=["a.b"])\ndef x(c):\n    {body}\n').refs[0].columns

    assert columns('c.ref("a.b", ["x"]); c.ref("a.b", columns=("y", "x"))') == ("x", "y")
    assert columns('c.ref("a.b", ["x"]); c.ref("a.b")') is None
    assert columns('c.ref("a.b", columns=names())') is None
    assert columns('c.ref("a.b", ["x"]); c.ref(name())') is None
    assert columns('c.ref("a.b", ["x"]); helper(c)') is None


def test_a_name_that_is_not_literal_needs_inputs() -> None:
    head = "from seeknal.pipeline import transform\n"
    body = "def x(ctx):\n    return [ctx.ref(f'source.{n}') for n in 'ab']\n"
    assert one(f"{head}@transform(inputs=['source.a'])\n{body}").refs == ()
    (problem,) = problems(f"{head}@transform()\n{body}")
    assert problem.startswith("4: ")
    assert "inputs=" in problem


def test_every_problem_of_a_file_is_found_at_once() -> None:
    found = problems("""\
        # /// script
        # dependencies = "pandas"
        # ///
        from seeknal.pipeline import source, transform
        from seeknal.pipeline.decorators import materialize
        import os

        @transform(tags=[os.name])
        def a(ctx): ...

        @transform()
        @source()
        def b(ctx): ...

        @materialize(table="x")
        def c(ctx): ...

        def outer():
            @transform()
            def d(ctx): ...

        @transform()
        def e(ctx, more): ...

        @transform(name="same")
        def f(ctx): ...

        @transform(name="same")
        def g(ctx): ...
        """)
    expected = [
        (1, "list of texts"),
        (8, "`os.name` is not a literal"),
        (13, "two node decorators"),
        (16, "without a node decorator"),
        (20, "top level"),
        (23, "needs 2"),
        (28, "a second node transform.same (the first is on line 25)"),
    ]
    assert [int(problem.split(":")[0]) for problem in found] == [line for line, _ in expected]
    for problem, (_, text) in zip(found, expected, strict=True):
        assert text in problem


def test_syntax_errors_have_their_line() -> None:
    assert problems("x = 1\ndef (:\n")[0].startswith("2: Python syntax error")
    with pytest.raises(ProjectError, match="not readable as Python text"):
        read_python(b"# coding: no-such\n", "x.py")
    with pytest.raises(ProjectError, match="not readable as Python text"):
        read_python(b"x = '\xff'\n", "x.py")


def test_an_encoding_line_and_a_byte_order_mark_are_understood() -> None:
    text = "from seeknal.pipeline import transform\n@transform(owner='é')\ndef x(ctx): ...\n"
    (latin,) = read_python(b"# coding: latin-1\n" + text.encode("latin-1"), "x.py")
    (marked,) = read_python(b"\xef\xbb\xbf" + text.encode(), "x.py")
    assert latin.fields == marked.fields == {"owner": "é"}


def test_nothing_of_the_file_is_run() -> None:
    assert (
        one("""\
        from seeknal.pipeline import transform
        raise SystemExit
        @transform
        def x(ctx): ...
        """).name
        == "x"
    )


NODE = "from seeknal.pipeline import transform\n@transform\ndef x(ctx): ...\n"


def test_a_script_header_is_read_and_seeknal_dropped() -> None:
    header = """\
# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "pandas==2.2.3",
#   "Seeknal[all] >= 0.1",
#   "seeknal @ file:///x",
#   "pyarrow",
# ]
# ///
"""
    found = one("import os\n\n" + header + NODE).header
    assert found == (">=3.11", ("pandas==2.2.3", "pyarrow"), 3)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("# /// script\n# dependencies = []\n", "no end"),
        ("# /// script\n# dependencies = [\n# ///\n", "not TOML"),
        ("# /// script\n# dependencies = ['a b c']\n# ///\n", "not a requirement"),
        ("# /// script\n# requires-python = '3'\n# ///\n", "requires-python"),
        ("# /// script\n# requires-python = 3\n# ///\n", "requires-python"),
        ("# /// script\n# ///\n\n# /// script\n# ///\n", "second script header"),
    ],
)
def test_a_wrong_header_is_a_problem(header: str, said: str) -> None:
    (problem,) = problems(header + NODE)
    assert said in problem

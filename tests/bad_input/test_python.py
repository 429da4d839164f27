"""Python nodes that are broken, or do what they must not."""

from __future__ import annotations

import os

import pytest

from tests.bad_input.refusals import decent, failure, nothing_lost, refused, wrong_project
from tests.project_on_disk import Project

HEAD = "from seeknal.pipeline import transform\nimport pyarrow as pa\n\n\n@transform(name='bad')\ndef bad(ctx):\n"


def _with(project: Project, body: str) -> None:
    project.write("seeknal/pipelines/bad.py", HEAD + "".join(f"    {line}\n" for line in body.splitlines()))


BROKEN = {
    "a syntax error": ("from seeknal.pipeline import transform\n\n@transform(name='bad')\ndef bad(ctx:\n    pass\n", 4),
    "a NUL": ("x = 1\ny = '\0'\n", 0),
    "bytes that are no UTF-8": ("x = 1\ny = '\udce9'\n", 0),
    "5,000 brackets": ("x = " + "(" * 5000 + ")" * 5000 + "\n", 0),
    "a long chain of minus": ("x = " + "-" * 100_000 + "1\n", 0),
    "a wrong indentation": ("def f():\n    x = 1\n  y = 2\n", 3),
}


@pytest.mark.parametrize(("text", "line"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_python_file_is_told_with_its_line(shop: Project, text: str, line: int) -> None:
    shop.run()
    os.makedirs(shop.path("seeknal", "pipelines"))
    with open(shop.path("seeknal", "pipelines", "bad.py"), "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    with nothing_lost(shop):
        (problem,) = wrong_project(shop.seeknal("run", "--json"))
        assert problem["file"] == "seeknal/pipelines/bad.py"
        assert line in (0, problem["line"])


FAILING = {
    "a table without columns": ("return pa.table({})", "column"),
    "two columns of one name": ("return pa.Table.from_arrays([pa.array([1]), pa.array([2])], ['a', 'a'])", "a"),
    "two columns that differ in case": ("return pa.table({'a': [1], 'A': [2]})", "a"),
    "nothing": ("return None", "None"),
    "a word": ("return 'hello'", "str"),
    "an exception": ("raise ValueError('no such luck')", "no such luck"),
    "a hostile exception": ("raise ValueError('\\x1b[2J\\x1b]0;x\\x07\\u202e red')", "red"),
    "an exception without a text": ("assert False", "AssertionError"),
    "an exit": ("import sys\nsys.exit(0)", "exit"),
    "a killed worker": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "kill"),
    "a worker that leaves": ("import os\nos._exit(0)", ""),
    "an endless recursion": ("def f(): return f()\nreturn f()", "recursion"),
    "an unknown input": ("return ctx.ref('transform.clean' + '_not')", "clean_not"),
    "an interrupt": ("raise KeyboardInterrupt", ""),
}


@pytest.mark.parametrize(("body", "word"), FAILING.values(), ids=FAILING.keys())
def test_a_python_node_that_fails_is_told_with_its_name_and_file(shop: Project, body: str, word: str) -> None:
    shop.run()
    _with(shop, body)
    with nothing_lost(shop):
        result = shop.seeknal("run", "--json")
        if result.code == 3:  # found out before anything ran
            assert {p["file"] for p in wrong_project(result)} == {"seeknal/pipelines/bad.py"}
            return
        refused(result, 1)
        text = failure(result, "transform.bad")
        assert "seeknal/pipelines/bad.py:" in text
        assert word.lower() in text.lower()
    assert shop.run("--nodes", "transform.clean").code == 0, "the next run works"


def test_what_a_python_node_prints_is_shown_harmless_and_does_not_break_json(shop: Project) -> None:
    _with(
        shop,
        "import sys, os\nprint('\\x1b[2J{not json')"
        "\nos.write(1, b'raw\\n')\nsys.stderr.write('\\x1b]0;x\\x07')\nreturn pa.table({'a': [1]})",
    )
    result = shop.seeknal("run", "--json")
    decent(result)
    assert result.code == 0, result
    assert result.built
    assert all(line.startswith("{") for line in result.out.splitlines())
    assert shop.rows("transform.bad") == [(1,)]


def test_an_empty_table_of_a_python_node_is_a_table(shop: Project) -> None:
    _with(shop, "return pa.table({'a': pa.array([], pa.int64()), 'b': pa.array([], pa.string())})")
    shop.transform("after", "SELECT count(*) AS n, max(a) AS m FROM ref('transform.bad')", ("transform.bad",))
    shop.run()
    assert shop.rows("transform.bad") == []
    assert shop.rows("transform.after") == [(0, None)]


def test_a_project_is_only_read_by_the_commands_that_read(shop: Project) -> None:
    marker = shop.path("marker")
    shop.write(
        "seeknal/pipelines/side.py", f"open({marker!r}, 'w').close()\n" + HEAD + "    return pa.table({'a': [1]})\n"
    )
    for command in (
        ("plan",),
        ("list",),
        ("validate",),
        ("show", "transform.bad"),
        ("run", "--dry-run"),
        ("explain", "transform.bad"),
    ):
        decent(shop.seeknal(*command))
        assert not os.path.exists(marker), command

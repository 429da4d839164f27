"""What of the code is in a key: an edit that can change the output changes it, and as little else as possible does."""

from __future__ import annotations

import pytest

from seeknal.errors import ProjectError
from seeknal.model.digest import canonical
from seeknal.project.python_code import Code, code_of
from seeknal.project.python_reader import read_python

FILE = "seeknal/nodes/rides.py"
NODES = '''\
"""Two nodes."""
from seeknal.pipeline import transform
from lib.helpers import clean

LIMIT = 5

def shared(rows):
    """Do it."""
    return rows

@transform(name="one", inputs=["source.rides"])
def one(ctx):
    """First."""
    # comment
    return shared(clean(ctx.ref("source.rides"), LIMIT))

@transform(name="two")
def two(ctx):
    import lib.second
    return lib.second.run(ctx.ref("source.rides"))
'''
PROJECT = {
    FILE: NODES,
    "lib/__init__.py": "",
    "lib/helpers.py": "from .deep import scrub\n\ndef clean(rows, n):\n    return scrub(rows)\n",
    "lib/deep.py": "def scrub(rows):\n    return rows\n",
    "lib/second.py": "def run(rows):\n    return rows\n",
    "lib/unused.py": "x = 1\n",
}


def code(project: dict[str, str], function: str = "one", file: str = FILE, asked: list[str] | None = None) -> Code:
    def read(path: str) -> str | None:
        if asked is not None:
            asked.append(path)
        return project.get(path)

    nodes = {node.function: node for node in read_python(project[file].encode(), file)}
    found = code_of(nodes[function], file, project[file], read)
    canonical(found.definition)  # has a canonical form
    return found


def key(project: dict[str, str], function: str = "one", file: str = FILE) -> bytes:
    return canonical(code(project, function, file).definition)


def edited(old: str, new: str, file: str = FILE) -> dict[str, str]:
    assert old in PROJECT[file]
    return {**PROJECT, file: PROJECT[file].replace(old, new)}


def test_the_code_of_a_node_is_its_module_and_what_it_imports() -> None:
    found = code(PROJECT)
    assert sorted(found.definition["modules"]) == ["__node__", "lib", "lib.deep", "lib.helpers"]
    assert found.sources["lib.deep"] == ("lib/deep.py", PROJECT["lib/deep.py"])
    assert found.sources["__node__"] == (FILE, NODES)
    assert "lib.second" in code(PROJECT, "two").definition["modules"]


@pytest.mark.parametrize(
    "project",
    [
        edited("LIMIT = 5", "LIMIT = 6"),
        edited("return shared(clean", "return (clean"),
        edited("    return rows\n\n@", "    return list(rows)\n\n@"),
        edited("return rows", "return rows[:1]", "lib/deep.py"),
        edited("", "print('loaded')", "lib/__init__.py"),
        {**PROJECT, "lib/helpers/__init__.py": PROJECT["lib/helpers.py"].replace(".deep", "lib.deep") + "x = 1\n"},
        {**PROJECT, "seeknal/nodes/lib/helpers.py": "def clean(rows, n): ...\n", "seeknal/nodes/lib/__init__.py": ""},
    ],
)
def test_an_edit_that_can_matter_changes_the_key(project: dict[str, str]) -> None:
    assert key(project) != key(PROJECT)


@pytest.mark.parametrize(
    "project",
    [
        edited("# comment", "# another"),
        edited('"""First."""\n    ', ""),
        edited('"""Two nodes."""', '"""Nodes."""'),
        edited('"""Do it."""', '"""Do it well."""'),
        edited("return shared(clean(", "return  shared( clean(\n        "),
        edited("LIMIT = 5", "LIMIT = (5)"),
        edited('name="one", inputs=["source.rides"]', 'name="other", tags=["x"]'),  # lowered separately
        edited("import lib.second\n    return", "return 1 +"),
        edited("def two", "def three"),
        edited("import transform\n", "import transform, source\n"),
        edited("x = 1", "x = 2", "lib/unused.py"),
        edited("return rows", "return rows[:1]", "lib/second.py"),
        edited("def run", "# why\ndef run", "lib/second.py"),
        edited("def scrub(rows):\n", "def scrub(rows):\n    '''Scrub.'''\n", "lib/deep.py"),
        {**PROJECT, "README.md": "x"},
    ],
)
def test_an_edit_that_cannot_matter_does_not(project: dict[str, str]) -> None:
    assert key(project) == key(PROJECT)


def test_moving_or_renaming_the_file_is_free() -> None:
    moved = {name: text for name, text in PROJECT.items() if name != FILE}
    place = "seeknal/other/place/docks.py"
    assert key({**moved, place: NODES}, file=place) == key(PROJECT)


def test_another_node_counts_once_it_is_mentioned() -> None:
    for mention in ("two(ctx)", "globals()['two']", "import sys; sys.modules[__name__]"):
        calls = edited("return shared", f"{mention}\n    return shared")
        again = {**calls, FILE: calls[FILE].replace("lib.second.run", "lib.second.other")}
        assert key(calls) != key(again), mention
        assert "lib.second" in code(calls).definition["modules"]


def test_another_node_whose_definition_does_something_counts() -> None:
    before = edited("def two(ctx):", "def two(ctx, more=print(1)):")
    after = edited("def two(ctx):", "def two(ctx, more=print(2)):")
    assert key(before) != key(after)


def test_docstrings_count_where_they_may_be_read() -> None:
    for before in ("shared.__doc__", "import inspect", "help(shared)"):
        project = edited("LIMIT = 5", f"LIMIT = 5\n{before}")
        again = {**project, FILE: project[FILE].replace("First.", "Erste.")}
        assert key(project) != key(again), before
    prompt = edited("def shared", "@tool\ndef shared")
    assert key(prompt) != key({**prompt, FILE: prompt[FILE].replace("Do it.", "Do it well.")})
    elsewhere = edited("def scrub(rows):", "def scrub(rows):\n    rows.__doc__", "lib/deep.py")
    assert key(elsewhere) != key({**elsewhere, FILE: NODES.replace("First.", "Erste.")})


def test_comments_count_where_source_text_may_be_read() -> None:
    project = edited("LIMIT = 5", "LIMIT = 5\nfrom inspect import getsource")
    assert key(project) != key({**project, FILE: project[FILE].replace("# comment", "# another")})


@pytest.mark.parametrize(
    ("statement", "file", "module"),
    [
        ("from .near import x", "seeknal/nodes/near.py", "__node__.near"),
        ("from . import near", "seeknal/nodes/near.py", "__node__.near"),
        ("import near", "seeknal/nodes/near.py", "near"),
        ("from near import x", "near.py", "near"),
        ("import space.deep.mod", "space/deep/mod.py", "space.deep.mod"),
        ("from space import mod", "space/mod.py", "space.mod"),
        ("from seeknal_lib.mod import x", "seeknal_lib/mod.py", "seeknal_lib.mod"),
        ("def f():\n    import near", "near.py", "near"),
        ("import importlib; importlib.import_module('near')", "near.py", "near"),
    ],
)
def test_imports_are_followed_wherever_they_lead(statement: str, file: str, module: str) -> None:
    project = {**edited("LIMIT = 5", f"LIMIT = 5\n{statement}"), file: "x = 1\n"}
    assert code(project).sources[module] == (file, "x = 1\n")
    assert key(project) != key({**project, file: "x = 2\n"})


def test_a_star_import_follows_all() -> None:
    package = {"space/__init__.py": "__all__ = ['mod']\n", "space/mod.py": "x = 1\n"}
    assert "space.mod" in code({**edited("LIMIT = 5", "from space import *"), **package}).sources


def test_cycles_end() -> None:
    project = {**edited("LIMIT = 5", "import a"), "a.py": "import b\n", "b.py": "import a, rides\n"}
    assert {"a", "b", "rides"} <= code(project).sources.keys()


def test_the_standard_library_and_packages_are_not_the_projects() -> None:
    asked: list[str] = []
    project = edited("LIMIT = 5", "import json, calendar, numpy.linalg, seeknal.pipeline")
    found = code({**project, "seeknal/nodes/calendar.py": "", "seeknal/pipeline.py": ""}, asked=asked)
    assert sorted(found.sources) == ["__node__", "lib", "lib.deep", "lib.helpers"]
    assert "seeknal/nodes/numpy/__init__.py" in asked  # had it been there, it would have counted
    assert "numpy.py" in asked
    assert not [path for path in asked if "calendar" in path]


def test_a_script_header_counts_but_not_its_layout() -> None:
    def with_header(*lines: str) -> dict[str, str]:
        header = "".join(f"# {line}\n" for line in ("/// script", *lines, "///"))
        return {**PROJECT, FILE: header + NODES}

    plain = with_header('dependencies = ["numpy", "pandas==2.2.3"]')
    assert code(plain).definition["header"] == ["numpy", "pandas==2.2.3"]
    assert key(plain) == key(with_header("dependencies = [", '  "pandas==2.2.3", "numpy", "seeknal",', "]"))
    assert key(plain) != key(with_header('dependencies = ["numpy", "pandas==2.2.4"]'))
    assert key(plain) != key(PROJECT)


def test_a_syntax_error_in_a_helper_names_the_helper() -> None:
    with pytest.raises(ProjectError, match=r"lib/deep.py:2: Python syntax error"):
        code({**PROJECT, "lib/deep.py": "x = 1\ndef (:\n"})

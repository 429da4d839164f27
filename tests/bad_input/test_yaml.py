"""YAML that is broken, huge, deep, or a trap."""

from __future__ import annotations

import os
import time

import pytest

from tests.bad_input.refusals import nothing_lost, places, process, refused, wrong_project
from tests.project_on_disk import Project

HEAD = b"kind: transform\nname: bad\n"
BOMB = b"".join(
    [b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"]
    + [b"a%d: &a%d [" % (i, i) + b", ".join([b"*a%d" % (i - 1)] * 10) + b"]\n" for i in range(1, 10)]
)

# What is wrong -> (the bytes, the line that is told; 0 where more than one is right).
BROKEN: dict[str, tuple[bytes, int]] = {
    "30,000 brackets": (HEAD + b"transform: " + b"[" * 30_000 + b"]" * 30_000, 3),
    "30,000 open brackets": (HEAD + b"transform: " + b"[" * 30_000, 3),
    "30,000 braces": (HEAD + b"transform: " + b"{a: " * 30_000, 3),
    "1,000 levels of blocks": (HEAD + b"".join(b" " * i + b"k:\n" for i in range(1000)), 0),
    "5,000 dashes": (HEAD + b"x:\n  " + b"- " * 5000 + b"a\n", 4),
    "an alias bomb": (HEAD + BOMB, 0),
    "an alias of itself": (HEAD + b"x: &a [*a]\n", 3),
    "an alias of nothing": (HEAD + b"x: *nothing\n", 3),
    "a Python object": (HEAD + b"x: !!python/object/apply:os.system ['touch marker']\n", 3),
    "a tag of somebody": (HEAD + b"x: !vault secret\n", 3),
    "a key twice": (HEAD + b"transform: SELECT 1 AS x\nname: worse\n", 4),
    "a key twice, deep": (HEAD + b"params:\n  a: 1\n  b: 2\n  a: 3\n", 6),
    "a NUL": (HEAD + b"x: a\0b\n", 3),
    "an escape": (HEAD + b"x: a\x1b[2Jb\n", 3),
    "a tab for indentation": (HEAD + b"params:\n\ta: 1\n", 4),
    "bytes that are no UTF-8": (HEAD + b"x: caf\xe9\n", 3),
    "UTF-16": ((HEAD + b"transform: SELECT 1 AS x\n").decode().encode("utf-16"), 0),
    "two documents": (HEAD + b"transform: SELECT 1 AS x\n---\nkind: transform\nname: other\n", 0),
    "a list": (b"- kind: transform\n- name: bad\n", 1),
    "a word": (b"transform\n", 1),
    "an open quote": (HEAD + b"description: 'it is\ntransform: SELECT 1 AS x\n", 0),
    "a colon too many": (HEAD + b"description: note: this\n", 3),
    "a wrong indentation": (HEAD + b"params:\n    a: 1\n  b: 2\n", 5),
    "a key that is a list": (HEAD + b"[a, b]: 1\n", 3),
    "a key that is a number": (HEAD + b"1: x\n", 0),
    "no kind": (b"name: bad\ntransform: SELECT 1 AS x\n", 1),
    "no name": (b"kind: transform\ntransform: SELECT 1 AS x\n", 1),
    "an unknown kind": (b"kind: transfrom\nname: bad\n", 1),
    "an unknown field": (HEAD + b"transfrom: SELECT 1 AS x\n", 0),
    "nothing": (b"", 1),
    "a comment only": (b"# later\n", 1),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize(("data", "line"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_yaml_is_told_with_file_and_line(shop: Project, data: bytes, line: int) -> None:
    os.makedirs(shop.path("seeknal", "transforms"), exist_ok=True)
    with open(shop.path("seeknal", "transforms", "bad.yml"), "wb") as file:
        file.write(data)
    start = time.monotonic()
    # a reader that crashes must not take us along: what is deep is read in a process of its own
    result = process(shop, "run", "--json") if len(data) > 10_000 else shop.seeknal("run", "--json")
    problems = wrong_project(result)
    assert time.monotonic() - start < 10
    assert {p["file"] for p in problems} == {"seeknal/transforms/bad.yml"}
    assert line in (0, problems[0]["line"]), problems
    assert all(len(p["message"]) < 2000 for p in problems)
    assert not os.path.exists(shop.path("marker"))


def test_a_key_twice_names_both_lines(shop: Project) -> None:
    shop.write("seeknal/transforms/bad.yml", "kind: transform\nname: bad\ntransform: SELECT 1 AS x\nname: worse\n")
    (problem,) = wrong_project(shop.seeknal("run", "--json"))
    assert problem["line"] == 4
    assert "line 2" in problem["message"] or ":2" in problem["message"]


def test_an_unknown_kind_names_the_nearest(shop: Project) -> None:
    shop.write("seeknal/transforms/bad.yml", "kind: transfrom\nname: bad\ntransform: SELECT 1 AS x\n")
    (problem,) = wrong_project(shop.seeknal("run", "--json"))
    assert "transform" in problem["message"].replace("transfrom", "")


@pytest.mark.timeout(30)
def test_a_file_of_twenty_megabytes_is_refused_quickly(shop: Project) -> None:
    shop.write("seeknal/transforms/bad.yml", "kind: transform\nname: bad\nparams:\n" + "  - word\n" * 2_000_000)
    start = time.monotonic()
    (problem,) = wrong_project(process(shop, "run", "--json"))
    assert problem["file"] == "seeknal/transforms/bad.yml"
    assert time.monotonic() - start < 10


def test_a_number_of_5000_digits_does_no_harm(shop: Project) -> None:
    number = "1" * 5000
    shop.write(
        "seeknal/transforms/big.yml",
        f"kind: transform\nname: big\nparams:\n  n: {number}\ntransform: SELECT '{{{{ n }}}}' AS n\n",
    )
    result = shop.seeknal("run", "--json")
    if result.code == 0:
        assert shop.rows("transform.big") == [(number,)]
    else:
        assert places(wrong_project(result)) == {("seeknal/transforms/big.yml", 4)}


def test_a_byte_order_mark_and_windows_line_ends_are_fine(shop: Project) -> None:
    shop.write("seeknal/transforms/late.yml", "")
    with open(shop.path("seeknal", "transforms", "late.yml"), "wb") as file:
        file.write(b"\xef\xbb\xbfkind: transform\r\nname: late\r\ntransform: |\r\n  SELECT 1 AS x\r\n")
    shop.run()
    assert shop.rows("transform.late") == [(1,)]


def test_all_problems_of_a_project_are_told_in_one_go(shop: Project) -> None:
    shop.run()
    shop.write("seeknal/transforms/a_broken.yml", "kind: transform\nname: [\n")
    shop.write("seeknal/transforms/b_kind.yml", "kind: nothing\nname: b\n")
    shop.write(
        "seeknal/transforms/c_input.yml",
        "kind: transform\nname: c\ninputs:\n  - ref: transform.claen\ntransform: SELECT 1 AS x\n",
    )
    shop.write("seeknal/transforms/d_template.yml", "kind: transform\nname: d\ntransform: SELECT {{ nothing }} AS x\n")
    shop.write("seeknal/transforms/e_sql.yml", "kind: transform\nname: e\ntransform: |\n  SELECT 1 AS x\n  FORM y\n")
    shop.write("seeknal/transforms/f_ref.yml", "kind: transform\nname: f\ntransform: FROM ref('transform.joind')\n")
    shop.write("seeknal/pipelines/g_code.py", "from seeknal.pipeline import transform\n\ndef broken(:\n")
    with nothing_lost(shop):
        problems = wrong_project(shop.seeknal("run", "--json"))
        files = [os.path.basename(p["file"]) for p in problems]
        assert sorted(set(files)) == [
            "a_broken.yml",
            "b_kind.yml",
            "c_input.yml",
            "d_template.yml",
            "e_sql.yml",
            "f_ref.yml",
            "g_code.py",
        ]
        told = dict(zip(files, problems, strict=True))
        assert told["b_kind.yml"]["line"] == 1
        assert told["c_input.yml"]["line"] in (3, 4)
        assert told["d_template.yml"]["line"] == 3
        assert told["e_sql.yml"]["line"] in (4, 5)
        assert told["g_code.py"]["line"] == 3
        assert "transform.clean" in told["c_input.yml"]["message"]
        assert "transform.joined" in told["f_ref.yml"]["message"]
    for command in ("plan", "validate", "list"):
        refused(shop.seeknal(command), 3, *sorted(files))


def test_a_broken_project_file_and_broken_common_files_are_told(shop: Project) -> None:
    shop.write("seeknal_project.yml", "name: [\n")
    shop.write("seeknal/common/rules.yml", "rules: {\n")
    files = {p["file"] for p in wrong_project(shop.seeknal("run", "--json"))}
    assert files == {"seeknal_project.yml", "seeknal/common/rules.yml"}


@pytest.mark.timeout(20)
def test_a_pipe_a_folder_and_a_loop_of_links_with_the_names_of_nodes_do_not_hang(shop: Project) -> None:
    shop.run()
    os.mkfifo(shop.path("seeknal", "transforms", "pipe.yml"))
    result = process(shop, "run", "--json", timeout=5)
    assert result.code in (0, 3), result
    os.unlink(shop.path("seeknal", "transforms", "pipe.yml"))
    os.mkdir(shop.path("seeknal", "transforms", "folder.yml"))
    shop.run()
    os.symlink("loop.yml", shop.path("seeknal", "transforms", "loop.yml"))
    with nothing_lost(shop):
        (problem,) = wrong_project(process(shop, "run", "--json", timeout=10))
        assert problem["file"] == "seeknal/transforms/loop.yml"


def test_a_template_with_an_unknown_name_is_told_with_the_nearest(shop: Project) -> None:
    shop.transform("odd", "SELECT {{ treshold }} AS x", more="params:\n  threshold: 5\n")
    (problem,) = wrong_project(shop.seeknal("run", "--json"))
    assert problem["file"] == "seeknal/transforms/odd.yml"
    assert "threshold" in problem["message"]


def test_a_template_that_leads_back_to_itself_is_told(shop: Project) -> None:
    more = "params:\n  a: '{{ b }}'\n  b: '{{ a }}{{ a }}'\n"
    shop.transform("odd", "SELECT {{ a }} AS x", more=more)
    problems = wrong_project(process(shop, "run", "--json", timeout=20))
    assert {p["file"] for p in problems} == {"seeknal/transforms/odd.yml"}


def test_an_environment_variable_that_is_not_set_is_told(shop: Project) -> None:
    shop.transform("odd", "SELECT '{{ env:SURELY_NOT_SET }}' AS x")
    (problem,) = wrong_project(shop.seeknal("run", "--json"))
    assert "SURELY_NOT_SET" in problem["message"]


def test_a_dotenv_that_is_no_text_is_told_or_ignored(shop: Project) -> None:
    with open(shop.path(".env"), "wb") as file:
        file.write(b"A=1\nB=\xff\xfe\0\n")
    result = shop.seeknal("run", "--json")
    assert result.code in (0, 3), result
    assert "internal error" not in result.err

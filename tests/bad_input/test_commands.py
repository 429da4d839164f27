"""Words on the command line that mean nothing, and places that are no project."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seeknal.cli import main
from tests.bad_input.refusals import ROOT, decent, error_of, nothing_lost, process, refused
from tests.project_on_disk import Project, Result

WRONG: dict[tuple[str, ...], tuple[str, ...]] = {
    ("run", "--date", "2024-13-01"): ("2024-13-01",),
    ("run", "--date", "yesterday"): ("yesterday", "YYYY-MM-DD"),
    ("run", "--date", "99999-01-01"): ("99999-01-01",),
    ("run", "--date", "9999-12-31T23:59:59-12:00"): ("9999-12-31",),
    ("run", "--date", "0001-01-01T00:00:00+12:00"): ("0001-01-01",),
    ("run", "--date", "\x1b[2J"): ("\\x1b[2J",),
    ("plan", "--date", "1.1.2024"): ("1.1.2024",),
    ("run", "--params", "{bad"): ("JSON",),
    ("run", "--params", "novalue"): ("novalue", "KEY=VALUE"),
    ("run", "--params", "=5"): ("KEY=VALUE",),
    ("run", "--params", '{"a": {"b": '): ("JSON",),
    ("run", "--params", "[1]"): ("KEY=VALUE",),
    ("run", "--retry", "-1"): ("--retry",),
    ("run", "--retry", "many"): ("many",),
    ("run", "--max-workers", "0"): ("--max-workers",),
    ("run", "--max-workers", "x"): ("x",),
    ("run", "--contine-on-error"): ("--contine-on-error", "--continue-on-error"),
    ("run", "--dryrun"): ("--dry-run",),
    ("run", "--nodse", "x"): ("--nodes",),
    ("run", "--nodes"): ("--nodes",),
    ("run", "extra"): ("extra",),
    ("run", "--nodes", "transform.claen"): ("transform.claen", "transform.clean"),
    ("run", "--nodes", "transform.x*"): ("transform.x*",),
    ("run", "--nodes", "tag:nothing"): ("nothing",),
    ("run", "--types", "transfrom"): ("transfrom", "transform"),
    ("run", "--tags", "nothing"): ("nothing",),
    ("run", "--plan", "blake3:00"): ("plan",),
    ("show", "transform.claen"): ("transform.clean",),
    ("show",): ("NODE",),
    ("inspect", "transform.claen"): ("transform.clean",),
    ("inspect", "transform.clean", "--generation", "zzz"): ("zzz",),
    ("explain", "transform.claen"): ("transform.clean",),
    ("rollback", "zzz"): ("zzz",),
    ("cache", "gcc"): ("gcc",),
    ("cache",): (),
    ("cache", "gc", "--max-age", "soon"): ("soon",),
    ("cache", "gc", "--max-size", "huge"): ("huge",),
    ("entity", "show", "nobody"): ("nobody",),
    ("rnu",): ("rnu", "run"),
}


@pytest.mark.parametrize(("words", "told"), WRONG.items(), ids=[" ".join(words) for words in WRONG])
def test_wrong_usage_is_told_and_loses_nothing(shop: Project, words: tuple[str, ...], told: tuple[str, ...]) -> None:
    shop.run()
    with nothing_lost(shop):
        refused(shop.seeknal(*words), 2, *told)
        result = shop.seeknal(*words, "--json")
        refused(result, 2)
        assert error_of(result)["message"]


def _in(folder: str, *words: str) -> Result:
    out, err = io.StringIO(), io.StringIO()
    before = os.getcwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(list(words))
    finally:
        os.chdir(before)
    return Result(code, out.getvalue(), err.getvalue())


@pytest.mark.parametrize("command", ["run", "plan", "list", "validate", "log"])
def test_outside_of_a_project_every_command_says_so(tmp_path: Path, command: str) -> None:
    refused(_in(str(tmp_path), command), 2, "project", "init")
    assert error_of(_in(str(tmp_path), command, "--json"))["error"] == "no_project"
    assert os.listdir(tmp_path) == []


def test_a_project_path_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "nowhere", tmp_path / "file", Path("/proc/self/mem"), tmp_path / ("x" * 300)):
        result = _in(str(tmp_path), "run", "--json", "--project-path", str(path))
        refused(result, 2)
        assert error_of(result)["error"] == "no_project"
    assert sorted(os.listdir(tmp_path)) == ["file"]


def test_a_folder_that_was_deleted_under_our_feet_is_told(tmp_path: Path) -> None:
    script = "import os, sys; os.mkdir('x'); os.chdir('x'); os.rmdir('../x')\n"
    script += "from seeknal.cli import main; sys.exit(main(['run']))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": ROOT},
    )
    refused(Result(done.returncode, done.stdout, done.stderr), 2)


def test_an_unknown_option_instead_of_a_command_is_told(project: Project) -> None:
    refused(process(project, "--josn", here=False), 2, "--josn")


def test_no_command_shows_the_help(project: Project) -> None:
    result = process(project, here=False)
    assert "run" in decent(result)
    assert result.code in (0, 2)


@pytest.mark.parametrize(
    "command",
    [
        ("list",),
        ("list", "--json"),
        ("plan",),
        ("run", "--json"),
        ("run",),
        ("log",),
        ("inspect", "transform.clean"),
        ("--help",),
        ("run", "--help"),
    ],
)
def test_a_reader_that_goes_away_is_no_error(shop: Project, command: tuple[str, ...]) -> None:
    shop.run()
    for i in range(400):
        shop.write(f"seeknal/sources/s{i}.yml", f"kind: source\nname: s{i}\nsource: csv\ntable: data/orders.csv\n")
    if command[0] != "run":
        shop.run()
    words = [sys.executable, "-m", "seeknal", *command]
    words += [] if command == ("--help",) else ["--project-path", shop.root]
    read, write = os.pipe()
    os.close(read)  # gone from the start: the hardest case
    with os.fdopen(write, "wb") as out:
        done = subprocess.run(
            words,
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, "PYTHONPATH": ROOT},
        )
    assert "Traceback" not in done.stderr, done.stderr
    assert "BrokenPipe" not in done.stderr, done.stderr
    assert "Exception ignored" not in done.stderr, done.stderr
    assert done.returncode in (0, 141), done.stderr
    if command[0] == "run" and "--help" not in command:
        assert shop.rows("source.s399"), "the run was finished although nobody listened"


def test_a_closed_standard_output_is_no_traceback(shop: Project) -> None:
    for command in ("list", "run"):
        done = subprocess.run(
            f"exec {sys.executable} -m seeknal {command} --project-path {shop.root} >&-",
            shell=True,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": ROOT},
        )
        assert "Traceback" not in done.stderr
        assert "internal error" not in done.stderr, done.stderr


def test_a_full_standard_output_is_told_without_a_traceback(shop: Project) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "seeknal", "list", "--project-path", shop.root],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": ROOT},
        )
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr, done.stderr
    assert done.returncode != 0


def test_a_terminal_that_only_knows_ascii_is_no_traceback(shop: Project) -> None:
    shop.write(
        "seeknal/transforms/d.yml",
        "kind: transform\nname: d\ndescription: caf\u00e9 \u2192\ntags: [\u00e9t\u00e9]\ntransform: SELECT '\u00e9\u00e8' AS \u00e0\n",
    )
    env = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
    assert process(shop, "run", env=env).code == 0
    for command in (("list",), ("show", "transform.d"), ("inspect", "transform.d"), ("plan",), ("list", "--json")):
        result = process(shop, *command, env=env)
        decent(result)
        assert result.code == 0, (command, result)


def test_arguments_that_are_no_text_are_told(shop: Project) -> None:
    for command in (("run", "--nodes"), ("show",), ("run", "--date"), ("run", "--params")):
        result = process(shop, *command, b"caf\xe9")
        refused(result, 2)
        refused(process(shop, *command, b"caf\xe9", "--json"), 2)
    decent(process(shop, b"\xff\xfe", here=False))


def test_json_is_the_only_thing_on_standard_output(shop: Project) -> None:
    shop.run()
    for words in (
        ("run",),
        ("plan",),
        ("list",),
        ("show", "transform.clean"),
        ("explain", "transform.clean"),
        ("inspect", "transform.clean"),
        ("log",),
        ("validate",),
        ("cache", "stats"),
        ("cache", "verify"),
        ("cache", "gc"),
        ("entity", "list"),
    ):
        result = shop.seeknal(*words, "--json")
        assert result.code == 0, (words, result)
        for line in result.out.splitlines() if words[0] == "run" else [result.out]:
            json.loads(line)


def test_a_profile_that_is_missing_is_told(shop: Project) -> None:
    result = shop.seeknal("run", "--profile", shop.path("nowhere.yml"))
    refused(result, result.code if result.code in (2, 3) else 3, "nowhere.yml")


def test_init_does_not_overwrite(shop: Project) -> None:
    before = {name: shop.read(name) for name in ("seeknal_project.yml", "seeknal/transforms/clean.yml")}
    decent(shop.seeknal("init"))
    assert {name: shop.read(name) for name in before} == before

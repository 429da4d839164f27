"""`seeknal completion`: TAB in a real bash, zsh and fish, with names from the list that the last run wrote."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.bench.projects import layered
from tests.project_on_disk import Project
from tests.shell.terminal import HOME, Terminal, terminal

SETUP = {
    "bash": "bash --norc --noprofile",
    "zsh": "zsh -f",
    "fish": "fish --no-config",
}
READY = {
    "bash": "PS1='$ '; source s/seeknal.bash; clear; echo rea''dy",
    "zsh": "PS1='$ '; fpath=($PWD/s $fpath); autoload -Uz compinit; compinit -u -D; clear; echo rea''dy",
    "fish": "function fish_prompt; echo '$ '; end; source s/seeknal.fish; clear; echo rea''dy",
}


@pytest.fixture
def sold(shop: Project) -> Project:
    shop.edit("seeknal/transforms/by_city.yml", "name: by_city\n", "name: by_city\ntags: [nightly, '$(touch owned)']\n")
    shop.run()
    os.makedirs(shop.path("s"))
    for shell in SETUP:
        name = "_seeknal" if shell == "zsh" else f"seeknal.{shell}"
        shop.write(f"s/{name}", script(shell))
    return shop


def script(shell: str) -> str:
    command = [sys.executable, "-m", "seeknal", "completion", shell]
    env = {**os.environ, "PYTHONPATH": HOME}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout


@contextmanager
def typing(shell: str, project: Project) -> Iterator[Terminal]:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    with terminal(SETUP[shell], project.root, {"SHELL": f"/bin/{shell}"}) as found:
        found.line(READY[shell])
        found.until("ready")
        yield found


@pytest.mark.parametrize("shell", SETUP)
def test_commands_options_and_names_are_completed(sold: Project, shell: str) -> None:
    with typing(shell, sold) as at:
        for typed, completed in [
            ("seeknal valid", "seeknal validate"),
            ("seeknal run --contin", "seeknal run --continue-on-error"),
            ("seeknal run --nodes transform.by", "seeknal run --nodes transform.by_city"),
            ("seeknal run --nodes source.orders,+transform.j", "seeknal run --nodes source.orders,+transform.joined"),
            ("seeknal show transform.cl", "seeknal show transform.clean"),
            ("seeknal inspect by_c", "by_city"),
            ("seeknal repl --env pr", "seeknal repl --env prod"),
            ("seeknal run --tags ni", "seeknal run --tags nightly"),
            ("seeknal list sou", "seeknal list source"),
        ]:
            at.type(typed)
            at.press("Tab")
            at.until(completed)
            at.press("C-u")
            at.line("clear")
            at.until(completed, gone=True)


@pytest.mark.parametrize("shell", SETUP)
def test_a_hostile_list_runs_nothing_and_shows_nothing(sold: Project, shell: str) -> None:
    path = sold.path("target", "local", "names")
    lines = sold.read("target/local/names")
    assert "touch" not in lines, "the writer leaves such names out"
    for line in (
        "node transform.x$(touch${IFS}owned)",
        "node transform.x`touch owned`",
        "node transform.x;touch owned",
        "node transform.x\x1b[31m",
    ):
        lines += f"{line}\n"
    os.chmod(path, 0o644)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{lines}node transform.xylophone\n")
    with typing(shell, sold) as at:
        at.type("seeknal run --nodes transform.x")
        at.press("Tab")
        at.until("transform.xylophone")
        at.press("C-u")
        at.line("clear; echo a''b")
        at.until("ab")
    assert not os.path.exists(sold.path("owned"))


def test_a_project_elsewhere_and_no_project_at_all(sold: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = Project(str(tmp_path_factory.mktemp("other")))
    shutil.copytree(sold.path("s"), other.path("s"))
    for shell in SETUP:
        with typing(shell, other) as at:
            at.type(f"seeknal run --project-path {sold.root} --nodes transform.by_")
            at.press("Tab")
            at.until("transform.by_city")
            at.press("C-u")
            at.line("clear")
            at.type("seeknal run --nodes trans")
            at.press("Tab")
            at.press("C-u")
            at.line("echo a''b")
            at.until("ab")


def test_the_list_follows_the_project(sold: Project) -> None:
    def names() -> list[str]:
        return sold.read("target/local/names").splitlines()

    assert {"node transform.by_city", "kind transform", "tag nightly", "environment prod"} <= set(names())
    assert len([name for name in names() if name.startswith("generation ")]) == 1
    sold.transform("late", "SELECT 1 AS a")
    sold.run()
    assert "node transform.late" in names()
    assert len([name for name in names() if name.startswith("generation ")]) == 2
    os.unlink(sold.path("target/local/names"))
    sold.edit("seeknal/transforms/late.yml", "1 AS a", "2 AS a")
    sold.run()
    assert "node transform.late" in names()


def test_without_shtab_it_says_what_to_install(sold: Project) -> None:
    code = (
        "import sys; sys.modules['shtab'] = None; from seeknal.cli import main; sys.exit(main(['completion', 'bash']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": HOME},
    )
    assert done.returncode == 7
    assert "pip install 'seeknal[completion]'" in done.stderr


TIMED = {
    "bash": """
        t() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); local s=$EPOCHREALTIME; _shtab_seeknal; local e=$EPOCHREALTIME
              echo $((${e/./} - ${s/./})) ${#COMPREPLY[@]}; }
        source s/seeknal.bash
        t seeknal run --nodes transform.t0000
        t seeknal run --nodes ''
    """,
    "fish": """
        source s/seeknal.fish
        for line in 'seeknal run --nodes transform.t0000' 'seeknal run --nodes '
            set -l s (date +%s%N)
            set -l n (complete -C $line)
            echo (math \\( (date +%s%N) - $s \\) / 1000) (count $n)
        end
    """,
}


@pytest.mark.alone
def test_a_tab_costs_less_than_50_ms_on_1000_nodes(tmp_path_factory: pytest.TempPathFactory) -> None:
    project = Project(layered(str(tmp_path_factory.mktemp("many") / "p"), 1000).root)
    names = "".join(
        f"node {kind}.{letter}{i:05}\n"
        for kind, letter, n in (("source", "s", 100), ("transform", "t", 900))
        for i in range(n)
    )
    project.write("target/local/names", names)
    for shell, code in TIMED.items():
        if shutil.which(shell) is None:
            pytest.skip(f"{shell} is not installed")
        project.write(f"s/seeknal.{shell}", script(shell))
        project.write(f"s/time.{shell}", code)
        found = [timed(shell, project) for _ in range(5)]
        assert [count for _, count in found[0]] == [10, 1000]
        for costs in zip(*found, strict=True):
            assert min(microseconds for microseconds, _ in costs) < 50_000, (shell, found)


def timed(shell: str, project: Project) -> list[tuple[float, int]]:
    done = subprocess.run([shell, f"s/time.{shell}"], cwd=project.root, capture_output=True, text=True, check=True)
    return [(float(line.split()[0]), int(line.split()[1])) for line in done.stdout.splitlines()]

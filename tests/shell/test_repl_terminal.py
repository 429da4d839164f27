"""The repl in a real terminal: completion, several lines, history, Ctrl-C, a pager, and a generation that moves on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.project_on_disk import Project
from tests.shell.terminal import HOME, SEEKNAL, Terminal, terminal

# DuckDB does not look at signals while it is in here.
LONG = "SELECT count(*) FROM range(100000000000) a(x), range(1000) b(x) WHERE 1 > 0;"


@pytest.fixture
def sold(shop: Project) -> Project:
    shop.run()
    return shop


@contextmanager
def repl(project: Project, *words: str, **more: str) -> Iterator[Terminal]:
    with terminal(f"{SEEKNAL} repl {' '.join(words)}; echo left with $?; sleep 60", project.root, more) as found:
        found.until("seeknal")
        found.until(">")
        yield found


def test_a_table_and_a_column_are_completed_and_a_statement_goes_over_lines(sold: Project) -> None:
    with repl(sold) as at:
        assert "5 tables: .tables lists them" in at.until("5 tables")
        at.type("select tot")
        at.press("Tab")
        at.until("select total")
        at.line("")
        at.until("..>")
        at.type("from by_c")
        at.press("Tab")
        at.until("from transform_by_city")
        at.line(" order by 1;")
        shown = at.until("2 rows")
        assert "total\n─────\n   20\n   40\n(2 rows" in shown


def test_what_was_typed_comes_back_in_the_next_session_without_passwords(sold: Project) -> None:
    with repl(sold) as at:
        at.line("select 1 + 1 as two;")
        at.until("(1 row")
        at.line(".connect ftp://me:hidden@host/x")
        at.until("error:")
        at.press("C-d")
        at.until("left with 0")
    path = os.path.join(sold.root, ".local", "state", "seeknal", "repl_history")
    assert os.stat(path).st_mode & 0o777 == 0o600
    with open(path, encoding="utf-8") as file:
        assert "hidden" not in file.read()
    with repl(sold) as at:
        at.press("Up")
        at.until(".connect ftp://me:***@host/x")
        at.press("Up")
        at.until("select 1 + 1 as two;")
        at.press("Enter")
        assert "two\n───\n  2" in at.until("(1 row")


def test_interrupts_stop_the_query_or_the_line_and_never_the_session(sold: Project) -> None:
    with repl(sold) as at:
        at.type("select this is wrong")
        at.press("C-c")
        at.line(LONG)
        for _ in range(40):  # the first may come before the query has begun
            at.press("C-c")
            time.sleep(0.3)
            if "interrupted" in at.screen():
                break
        at.line("select 40 + 2 as answer;")
        at.until("    42")
        at.line(".quit")
        at.until("left with 0")


def test_an_error_shows_the_place_and_the_session_goes_on(sold: Project) -> None:
    with repl(sold) as at:
        at.line("select citi from transform_by_city;")
        shown = at.until("^^^^")
        assert 'error: there is no column "citi" (did you mean city?)\n  LINE 1: select citi from' in shown
        at.line("drop table x; select 1 as never;")
        shown = at.until("the repl only reads")
        at.line("select 'still here' as a;")
        assert "never\n" not in at.until("still here\n(1 row")


def test_a_long_answer_is_paged_and_a_wide_one_fits(sold: Project) -> None:
    with repl(sold, PAGER="less") as at:
        at.line("select range as n from range(500);")
        at.until("\n:")
        at.type("G")
        at.until("(500 rows")
        at.type("q")
        at.until("seeknal>")
        at.line("select " + ", ".join(f"{i} as column_number_{i}" for i in range(20)) + ";")
        shown = at.until("columns fit")
        assert all(len(line) <= 100 for line in shown.splitlines())
        at.line("select range as n from range(5000) where range > 4;")
        at.until("\n:")
        at.type("G")
        at.until("the first 1,000 rows, there are more")
        at.type("q")


def test_words_have_colours_unless_they_are_not_wanted(sold: Project) -> None:
    for more, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        with repl(sold, **more) as at:
            at.line("select NULL as n from transform_by_city;")
            at.until("(2 rows")
            found = at.tmux("capture-pane", "-p", "-e")
            assert ("\x1b[1m\x1b[34mselect" in found) is coloured
            assert ("\x1b[2mNULL" in found) is coloured


def test_hostile_values_are_only_shown(sold: Project) -> None:
    with repl(sold) as at:
        at.line("select 'a' || chr(27) || ']0;owned' || chr(7) || chr(8238) || 'b' as word, NULL as n, 'NULL' as t;")
        assert "a\\x1b]0;owned\\x07\\u202eb  NULL  'NULL'" in at.until("(1 row")


def test_each_statement_sees_one_generation_and_a_new_one_is_told(sold: Project) -> None:
    with repl(sold) as at:
        at.line("select max(amount) as most from source_orders;")
        at.until("  30")
        sold.edit("data/orders.csv", "30", "77")
        sold.run()
        at.line("select max(amount) as most from source_orders;")
        at.until("  77")
        at.until("published meanwhile: generation")


def test_without_prompt_toolkit_it_says_so_and_works(sold: Project) -> None:
    sold.write("without/prompt_toolkit.py", "raise ImportError('not here')\n")
    path = f"{HOME}:{sold.path('without')}"
    code = f"import sys; sys.path.insert(0, {sold.path('without')!r}); from seeknal.cli import main; sys.exit(main())"
    sold.write("start.py", code + "\n")
    with terminal(
        f"{sys.executable} start.py repl; echo left with $?; sleep 60", sold.root, {"PYTHONPATH": path}
    ) as at:
        at.until("pip install 'seeknal[repl]'")
        at.until("seeknal>")
        at.line("select 6 * 7")
        at.until("..>")
        at.line("as answer;")
        at.until("    42")
        at.press("C-d")
        at.until("left with 0")


def test_a_pipe_gets_the_whole_answer_and_no_banner(sold: Project) -> None:
    command = [sys.executable, "-m", "seeknal", "repl", "--project-path", sold.root, "-f", "csv"]
    env = {**os.environ, "PYTHONPATH": HOME}
    text = "select range as n from range(3000);"
    done = subprocess.run(command, input=text, capture_output=True, text=True, env=env, check=True)
    assert done.stdout.splitlines() == ["n", *map(str, range(3000))]
    assert done.stderr == ""

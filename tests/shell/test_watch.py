"""`run --watch`: the same run again when something that it relied on changes, and only then."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from seeknal.build.watch import relied_on, touched
from tests.project_on_disk import Project
from tests.shell.terminal import HOME
from tests.stories.shell import until

PLAIN = "import sys; sys.modules['watchfiles'] = None; from seeknal.cli import main; sys.exit(main(sys.argv[1:]))"


class Watched:
    """A process that watches, and what it has said."""

    def __init__(self, process: subprocess.Popen[bytes], path: str) -> None:
        self.process = process
        self.path = path

    def said(self) -> str:
        with open(self.path, encoding="utf-8") as file:
            return file.read()

    def waits(self, times: int) -> str:
        """Wait until it waits for the nth time."""
        until(lambda: self.said().count("watching ") >= times, f"{times} rounds, said: {self.said()}", 30)
        return self.said()

    def stop(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)


@contextmanager
def watching(project: Project, *words: str, plain: bool = False) -> Iterator[Watched]:
    start = [sys.executable, "-c", PLAIN] if plain else [sys.executable, "-m", "seeknal"]
    path = project.path("..", "said")
    with open(path, "wb") as out:
        process = subprocess.Popen(
            [*start, "run", "--watch", "--project-path", project.root, *words],
            stdout=out, stderr=out, env={**os.environ, "PYTHONPATH": HOME}, start_new_session=True,
        )  # fmt: skip
    try:
        yield Watched(process, path)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("plain", [False, True], ids=["watchfiles", "polling"])
def test_an_edit_of_a_node_and_of_its_data_are_built(shop: Project, *, plain: bool) -> None:
    with watching(shop, plain=plain) as seen:
        assert "5 built, 0 hit" in seen.waits(1)
        shop.edit("seeknal/transforms/by_city.yml", "AS total", "+ 1 AS total")
        assert "changed: seeknal/transforms/by_city.yml" in seen.waits(2)
        assert sorted(shop.rows("transform.by_city")) == [("Paris", 41), ("Rome", 21)]
        shop.edit("data/customers.csv", "Rome", "Oslo")
        assert "changed: data/customers.csv" in seen.waits(3)
        assert sorted(shop.rows("transform.by_city")) == [("Oslo", 21), ("Paris", 41)]
        shop.transform("late", "SELECT 1 AS a")
        seen.waits(4)
        assert shop.rows("transform.late") == [(1,)]
        assert seen.stop() == 0
        assert "stopped watching" in seen.said()


def test_a_wrong_project_is_told_and_watching_goes_on(shop: Project) -> None:
    with watching(shop) as seen:
        seen.waits(1)
        before = shop.read("seeknal/transforms/by_city.yml")
        shop.write("seeknal/transforms/by_city.yml", before + "\nnonsense: [\n")
        assert "by_city.yml" in seen.waits(2)
        assert "error" in seen.said()
        shop.write("seeknal/transforms/by_city.yml", before.replace("AS total", "+ 5 AS total"))
        seen.waits(3)
        assert ("Rome", 25) in shop.rows("transform.by_city")


def test_a_project_that_is_wrong_from_the_beginning_is_built_when_it_is_mended(shop: Project) -> None:
    good = shop.read("seeknal/transforms/by_city.yml")
    shop.write("seeknal/transforms/by_city.yml", "kind: transfrom\nname: by_city\n")
    with watching(shop) as seen:
        assert "transfrom" in seen.waits(1)
        shop.write("seeknal/transforms/by_city.yml", good)
        assert "5 built" in seen.waits(2)


def test_a_change_during_a_build_leads_to_another_one(shop: Project) -> None:
    shop.write(
        "seeknal/python/slow.py",
        """
        import time

        from seeknal.pipeline import transform


        @transform(name="slow", inputs=["source.customers"])
        def slow(ctx):
            open("started", "w").close()
            time.sleep(1.5)
            return ctx.ref("source.customers")
        """,
    )
    with watching(shop) as seen:
        until(lambda: os.path.exists(shop.path("started")), "the slow node starts", 30)
        shop.edit("data/orders.csv", "30", "50")
        seen.waits(2)
        assert "changed: data/orders.csv" in seen.said()
        assert ("Paris", 60) in shop.rows("transform.by_city")


def test_its_own_output_and_files_that_nothing_reads_lead_to_no_build(shop: Project) -> None:
    with watching(shop) as seen:
        seen.waits(1)
        shop.write("target/intermediate/other.txt", "x")
        shop.write("notes.txt", "x")
        shop.write("data/unused.csv", "a\n1\n")
        time.sleep(1.5)
        said = seen.said()
        assert "changed:" not in said
        assert "nothing to do" not in said
        assert seen.stop(signal.SIGTERM) == 143


def test_an_interrupt_in_a_build_ends_it_as_in_any_run(shop: Project) -> None:
    from tests.stories.shell import pid_in, slow_node

    mark = slow_node(shop, "slow", "source.customers")
    with watching(shop) as seen:
        until(lambda: bool(pid_in(mark)), "the slow node starts", 30)
        assert seen.stop() == 130


@pytest.mark.parametrize("option", ["--full", "--dry-run", "--show-plan", "--restate"])
def test_it_does_not_go_with_what_means_one_run(shop: Project, option: str) -> None:
    done = shop.seeknal("run", "--watch", option, "--json")
    assert (done.code, done.json["error"]) == (2, "bad_watch")


def test_what_is_watched_is_the_projects_own(tmp_path: object) -> None:
    root = str(tmp_path)
    watched = {
        f"{root}/seeknal/a.yml": "-",
        f"{root}/target/cas/ab/c": "-",
        f"{root}/target": "-",
        "/data/x.csv": "-",
        f"{sys.prefix}/x.so": "-",
    }
    found = relied_on(watched, root, [f"{root}/target"])
    assert sorted(found) == sorted([f"{root}/seeknal/a.yml", "/data/x.csv"])
    assert touched({f"{root}/seeknal/a.yml": "-", root: "racy"}) == [root]

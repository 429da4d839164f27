"""Many processes at once on one project or one store: no errors, one result, no work done twice."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import duckdb

from tests.campaigns.processes import executions, pipeline, start
from tests.project_on_disk import Project
from tests.spec.reader import check


def ref(project: Project) -> str:
    return project.read("target/refs/prod")


def test_eight_runs_of_one_project(tmp_path: Path) -> None:
    project = Project(str(tmp_path / "p"))
    pipeline(project)
    processes = [start(project) for _ in range(8)]
    results = [process.communicate(timeout=100) for process in processes]
    assert [process.returncode for process in processes] == [0] * 8, results
    assert set(executions(project).values()) == {1}
    assert len(project.seeknal("log", "--json").json) == 1
    assert check(project.path("target")) == []
    assert project.run().built == set()


def test_eight_projects_on_one_store(tmp_path: Path) -> None:
    projects = [Project(str(tmp_path / f"p{i}")) for i in range(8)]
    for project in projects:
        pipeline(project)
    cache = str(tmp_path / "cache")
    processes = [start(project, "--cache-dir", cache) for project in projects]
    results = [process.communicate(timeout=100) for process in processes]
    assert [process.returncode for process in processes] == [0] * 8, results
    # A source is read in place or from its own files; every other action is done once for all eight.
    assert set(executions(*projects).values()) == {1}
    tables = [project.tables() for project in projects]
    assert all(table == tables[0] for table in tables)
    assert check(projects[0].path("target"), cache) == []


def test_collection_beside_runs(tmp_path: Path) -> None:
    project = Project(str(tmp_path / "p"))
    pipeline(project, 3)
    project.run()
    for number in range(6):
        project.write("data/s0.csv", f"k,v\n1,{number}\n2,{number}\n")
        process = start(project)
        assert project.seeknal("cache", "gc", "--grace", "0", "--max-age", "0").code == 0
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, (out, err)
        assert project.seeknal("cache", "verify").code == 0
    assert project.run().built == set()


def test_readers_see_whole_generations_only(tmp_path: Path) -> None:
    """Both transforms hold the same number; a reader that takes one generation never sees two of them."""
    project = Project(str(tmp_path / "p"))
    project.write("seeknal_project.yml", "name: p\n")
    project.source("s", "v\n0\n", {"v": "BIGINT"})
    project.transform("a", "SELECT v FROM ref('source.s')", ("source.s",))
    project.transform("b", "SELECT v, 1 AS one FROM ref('transform.a')", ("transform.a",))
    project.run()
    stop, wrong, reads = threading.Event(), [], [0]

    def reader() -> None:
        con = duckdb.connect()
        while not stop.is_set():
            folder = os.path.realpath(project.path("target", "current"))
            try:
                seen = [
                    con.execute(f"SELECT v FROM '{folder}/intermediate/transform_{n}.parquet'").fetchall() for n in "ab"
                ]
                con.execute(f"SELECT v FROM '{project.view('transform.a')}'").fetchall()
            except duckdb.Error as error:
                wrong.append(str(error))
                return
            reads[0] += 1
            if seen[0] != seen[1]:
                wrong.append(str(seen))

    threads = [threading.Thread(target=reader) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(1, 31):
        project.write("data/s.csv", f"v\n{number}\n")
        project.run()
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert reads[0] > 60

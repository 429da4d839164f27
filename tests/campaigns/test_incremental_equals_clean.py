"""The property that matters most: whatever is edited, an incremental run gives what a clean build gives.

Random projects, random edits, random accidents. The oracle is plain DuckDB over the same declarations. `SEEKNAL_CASES`
sets the number of cases of the slow campaign (`-m slow`).
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.project_on_disk import Project, reader

SHAPES = (
    "SELECT k, v FROM {a} WHERE v > {n}",
    "SELECT k, v + {n} AS v FROM {a}",
    "SELECT k, v, k * {n} AS extra FROM {a}",
    "SELECT k, sum(v) AS v FROM {a} GROUP BY k",
    "SELECT DISTINCT k % 3 AS k, v FROM {a}",
    "SELECT x.k, x.v + y.v AS v FROM {a} x JOIN {b} y USING (k)",
    "SELECT k, v FROM {a} UNION ALL SELECT k, v FROM {b}",
    "SELECT k, v FROM {a} ORDER BY k, v LIMIT {n}",
    "SELECT k, count(*) AS v FROM {a} GROUP BY ALL",
)
PYTHON = """from seeknal.pipeline import transform

@transform(name="{name}", inputs=["{a}"])
def {name}(ctx):
    rows = ctx.ref("{a}")
    return ctx.duckdb.sql("SELECT k, v + {n} AS v FROM rows")
"""


@dataclass
class World:
    """A project as data: rows of sources, and for each transform its shape, inputs and number."""

    sources: dict[str, list[tuple[int, int]]]
    nodes: dict[str, tuple[int, str, str, int]] = field(default_factory=dict)

    def write(self, project: Project) -> None:
        """Make the files say this."""
        for folder in ("seeknal", "data"):
            shutil.rmtree(project.path(folder), ignore_errors=True)
        for name, rows in self.sources.items():
            text = "k,v\n" + "".join(f"{k},{v}\n" for k, v in rows)
            project.source(name, text, {"k": "BIGINT", "v": "BIGINT"})
        for name, (shape, a, b, n) in self.nodes.items():
            if shape < 0:
                project.write(f"seeknal/pipelines/{name}.py", PYTHON.format(name=name, a=a, n=n))
            else:
                project.transform(name, SHAPES[shape].format(a=f"ref('{a}')", b=f"ref('{b}')", n=n))

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """What a clean build gives, by plain DuckDB."""
        con = reader()
        for name, rows in self.sources.items():
            con.execute(f'CREATE TEMP TABLE "source.{name}" (k BIGINT, v BIGINT)')
            if rows:
                con.executemany(f'INSERT INTO "source.{name}" VALUES (?, ?)', rows)
        for name, (shape, a, b, n) in self.nodes.items():
            sql = (
                f'SELECT k, v + {n} AS v FROM "{a}"' if shape < 0 else SHAPES[shape].format(a=f'"{a}"', b=f'"{b}"', n=n)
            )
            con.execute(f'CREATE TEMP TABLE "transform.{name}" AS {sql}')
        ids = [*(f"source.{s}" for s in self.sources), *(f"transform.{t}" for t in self.nodes)]
        return {f"{i.replace('.', '_')}.parquet": sorted(con.execute(f'FROM "{i}"').fetchall(), key=repr) for i in ids}


numbers = st.integers(0, 9)
rows = st.lists(st.tuples(st.integers(0, 5), numbers), max_size=6)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    world = World({f"s{i}": draw(rows) for i in range(draw(st.integers(1, 3)))})
    for i in range(draw(st.integers(1, 6))):
        ids = [*(f"source.{s}" for s in world.sources), *(f"transform.{t}" for t in world.nodes)]
        shape = draw(st.sampled_from([*range(len(SHAPES))] * 3 + [-1]))
        world.nodes[f"t{i}"] = (shape, draw(st.sampled_from(ids)), draw(st.sampled_from(ids)), draw(numbers))
    return world


def edit(draw: st.DrawFn, world: World) -> None:
    """One change of what the project says."""
    what = draw(st.sampled_from(["rows", "row", "number", "shape", "drop"]))
    source = draw(st.sampled_from(sorted(world.sources)))
    if what == "rows":
        world.sources[source] = draw(rows)
    if what == "row":
        world.sources[source] = [*world.sources[source], draw(st.tuples(st.integers(0, 5), numbers))]
    if not world.nodes:
        return
    name = draw(st.sampled_from(sorted(world.nodes)))
    shape, a, b, n = world.nodes[name]
    if what == "number":
        world.nodes[name] = (shape, a, b, draw(numbers))
    if what == "shape" and shape >= 0:
        world.nodes[name] = (draw(st.integers(0, len(SHAPES) - 1)), a, b, n)
    if what == "drop" and not any(f"transform.{name}" in node[1:3] for node in world.nodes.values()):
        del world.nodes[name]


ACCIDENTS = (
    "none",
    "none",
    "touch",
    "comment",
    "lose a view",
    "lose a blob",
    "lose results",
    "lose local",
    "gc",
    "restore",
    "ref",
)


def accident(draw: st.DrawFn, project: Project, backup: str) -> None:
    """Something that happens to files, not to what the project says."""
    what = draw(st.sampled_from(ACCIDENTS))
    target = project.path("target")
    if not os.path.isdir(target):
        return
    if what == "touch":
        for folder, _, names in os.walk(project.path("data")):
            for name in names:
                os.utime(os.path.join(folder, name))
    if what == "comment":
        for name in (
            os.listdir(project.path("seeknal", "transforms"))
            if os.path.isdir(project.path("seeknal", "transforms"))
            else []
        ):
            path = f"seeknal/transforms/{name}"
            project.write(path, re.sub(r"  SELECT", "  -- noted\n  SELECT", project.read(path), count=1))
    if what == "lose a view":
        shutil.rmtree(os.path.realpath(project.path("target", "current")), ignore_errors=True)
    if what == "lose a blob":
        blobs = sorted(os.path.join(f, n) for f, _, names in os.walk(os.path.join(target, "cas")) for n in names)
        if blobs:
            os.unlink(draw(st.sampled_from(blobs)))
    if what == "lose results":
        shutil.rmtree(os.path.join(target, "actions-v1"), ignore_errors=True)
    if what == "lose local":
        shutil.rmtree(os.path.join(target, "local"), ignore_errors=True)
    if what == "gc":
        assert project.seeknal("cache", "gc", "--grace", "0", "--max-age", "0", "--keep-generations", "1").code in (
            0,
            6,
        )
    if what == "restore" and os.path.isdir(backup):
        shutil.rmtree(target)
        shutil.copytree(backup, target, symlinks=True)
    if what == "ref":
        shutil.rmtree(os.path.join(target, "refs"), ignore_errors=True)


OPTIONS = ((), (), (), ("--parallel", "--max-workers", "2"), ("--types", "source"), ("--nodes", "t0"), ("--full",))


def story(data: st.DataObject) -> None:
    """Edit, have an accident, run; the tables are always those of a clean build."""
    draw: Any = data.draw
    with tempfile.TemporaryDirectory() as folder:
        project, backup = Project(f"{folder}/p"), f"{folder}/backup"
        project.write("seeknal_project.yml", "name: p\n")
        world = draw(worlds())
        for _ in range(draw(st.integers(1, 4))):
            world.write(project)
            accident(draw, project, backup)
            options = draw(st.sampled_from(OPTIONS))
            if "--nodes" not in options or "t0" in world.nodes:
                project.run(*options)
            plan = project.plan()
            result = project.run()
            may = {name for name, verdict in plan.items() if verdict in ("BUILD", "MAYBE")}
            wanted = world.tables()
            assert result.built <= may
            assert project.tables() == wanted
            assert project.run().built == set()
            assert project.tables() == wanted
            if draw(st.booleans()):
                shutil.rmtree(backup, ignore_errors=True)
                shutil.copytree(project.path("target"), backup, symlinks=True)
            edit(draw, world)


LAX = {"deadline": None, "suppress_health_check": list(HealthCheck), "print_blob": True}


@pytest.mark.timeout(300)
@given(st.data())
@settings(max_examples=120, derandomize=True, **LAX)  # type: ignore[arg-type]
def test_an_incremental_run_gives_what_a_clean_build_gives(data: st.DataObject) -> None:
    story(data)


@pytest.mark.slow
@pytest.mark.timeout(86_400)
@given(st.data())
@settings(max_examples=int(os.environ.get("SEEKNAL_CASES", "20000")), **LAX)  # type: ignore[arg-type]
def test_tens_of_thousands_of_projects(data: st.DataObject) -> None:
    story(data)

"""The twelve edits: on a project of one hundred nodes, exactly what changed is built, and nothing else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest

from tests.project_on_disk import Project, Result
from tests.stories.hundred import Hundred, Tables, published

NOTHING: set[str] = set()


class World(NamedTuple):
    """A copy of the built project, its declaration, and its tables as plain DuckDB has them."""

    project: Project
    hundred: Hundred
    tables: Tables


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> World:
    project = Project(str(tmp_path_factory.mktemp("hundred") / "project"))
    hundred = Hundred()
    hundred.write(project)
    assert len(project.run().built) == 100
    tables = hundred.tables()
    assert published(project, list(tables)) == tables
    return World(project, hundred, tables)


@pytest.fixture
def world(built: World, tmp_path: Path) -> Iterator[World]:
    copy = tmp_path / "project"
    shutil.copytree(built.project.root, copy, symlinks=True)
    yield built._replace(project=Project(str(copy)))
    shutil.rmtree(copy)


def bracketed_run(project: Project, *options: str) -> Result:
    """A run that keeps to its plan: what is executed was announced, and what was announced for sure is executed."""
    plan = project.seeknal("plan", "--json", *options).json
    verdicts = {step["node"]: step["verdict"] for step in plan["steps"]}
    result = project.run(*options)
    assert result.built <= {name for name, verdict in verdicts.items() if verdict in ("BUILD", "MAYBE")}
    first_of_key = {step["action"]: step["node"] for step in reversed(plan["steps"]) if step["verdict"] == "BUILD"}
    assert set(first_of_key.values()) <= result.built
    assert len(result.of("built")) == len(result.built), "a node was executed twice"
    return result


def check(world: World, after: Hundred, expected: set[str] | None = None) -> Result:
    """Run: exactly the expected nodes are built, tables are those of plain DuckDB, and then nothing is left to do."""
    tables = after.tables()
    if expected is None:
        expected = after.expected(world.hundred, world.tables, tables)
    result = bracketed_run(world.project)
    assert result.built == expected
    assert published(world.project, list(tables)) == tables
    assert bracketed_run(world.project).built == NOTHING
    return result


def busiest(world: World, kind: str) -> str:
    """The transform over a source, or the source, with the most nodes below it."""
    below: dict[str, set[str]] = {}
    for name, step in reversed(world.hundred.steps.items()):
        below.setdefault(name, set())
        for need in step.inputs:
            below.setdefault(need, set()).update({name}, below[name])
    names = [name for name in below if name.startswith(kind)]
    return max(names, key=lambda name: (len(below[name]), name))


def file_of(name: str) -> str:
    return f"seeknal/transforms/{name.split('.')[1]}.yml"


def test_1_nothing_changed(world: World) -> None:
    check(world, world.hundred, NOTHING)


def test_2_the_sql_of_a_leaf(world: World) -> None:
    leaf = "transform.t5_0"
    after = world.hundred.edited(leaf, "AS x", "+ 5 AS x")
    after.write_step(world.project, after.steps[leaf])
    assert check(world, after).built == {leaf}


def test_3_the_sql_of_a_root(world: World) -> None:
    root = busiest(world, "transform.t0")
    step = world.hundred.steps[root]
    word = "+ 5 AS x" if " AS x" in step.sql else "x"
    after = world.hundred.edited(root, " AS x", f" {word}")
    after.write_step(world.project, after.steps[root])
    built = check(world, after).built
    assert root in built
    assert 1 < len(built) < 90


def test_4_every_file_touched(world: World) -> None:
    for folder, _, files in os.walk(world.project.root):
        if "target" not in Path(folder).parts:
            for file in files:
                os.utime(Path(folder) / file)
    check(world, world.hundred, NOTHING)


def test_5_a_comment_in_a_root(world: World) -> None:
    root = busiest(world, "transform.t0")
    world.project.edit(file_of(root), "SELECT ", "-- what a person should know\n  SELECT /* and this */ ")
    check(world, world.hundred, NOTHING)


def test_6_spaces_in_a_root(world: World) -> None:
    root = busiest(world, "transform.t0")
    world.project.edit(file_of(root), "SELECT ", "SELECT\n     ")
    world.project.edit(file_of(root), " FROM ", "\n\n  from    ")
    check(world, world.hundred, NOTHING)


def changed_row(world: World, source: str) -> Hundred:
    """One value of one row of a source is another one, of the same length."""
    lines = world.hundred.csv[source].splitlines()
    row, group, x, y = lines[150].split(",")
    fresh = str((int(y) + 300) % 900 + 100).zfill(len(y)) if len(y) == 3 else "7" * len(y)
    assert fresh != y
    lines[150] = f"{row},{group},{x},{fresh[: len(y)]}"
    return world.hundred.with_data(source, "\n".join(lines) + "\n")


def test_7_one_row_of_a_csv(world: World) -> None:
    source = busiest(world, "source.").split(".")[1]
    after = changed_row(world, source)
    world.project.write(f"data/{source}.csv", after.csv[source])
    built = check(world, after).built
    assert 1 < len(built) < 90


def test_7b_one_more_row_of_a_csv(world: World) -> None:
    source = busiest(world, "source.").split(".")[1]
    after = world.hundred.with_data(source, world.hundred.csv[source] + "9001,g1,3,5\n")
    world.project.write(f"data/{source}.csv", after.csv[source])
    check(world, after)


def test_8_a_csv_edit_that_keeps_size_and_time(world: World) -> None:
    source = busiest(world, "source.").split(".")[1]
    path = world.project.path("data", f"{source}.csv")
    after, before = changed_row(world, source), os.stat(path)
    with open(path, "w", encoding="utf-8") as file:
        file.write(after.csv[source])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (os.stat(path).st_size, os.stat(path).st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert f"source.{source}" in check(world, after).built


def test_9_a_csv_replaced_by_an_older_file(world: World) -> None:
    source = busiest(world, "source.").split(".")[1]
    path = world.project.path("data", f"{source}.csv")
    after = changed_row(world, source)
    old = f"{path}.old"
    with open(old, "w", encoding="utf-8") as file:
        file.write(after.csv[source])
    os.utime(old, (1_000_000_000, 1_000_000_000))
    os.replace(old, path)
    assert f"source.{source}" in check(world, after).built


def test_10_a_view_deleted(world: World) -> None:
    path = world.project.view("transform.t3_2")
    os.unlink(path)
    check(world, world.hundred, NOTHING)
    assert os.path.exists(path)


def test_10b_a_blob_deleted(world: World) -> None:
    victim = "transform.t3_2"
    os.unlink(os.path.realpath(world.project.view(victim)))
    check(world, world.hundred, {victim})


def test_11_an_output_overwritten_by_other_parquet(world: World) -> None:
    victim = "transform.t3_2"
    path = os.path.realpath(world.project.view(victim))
    other = world.project.path("other.parquet")
    duckdb.connect().execute(f"COPY (SELECT 1 AS id, 'zz' AS grp, 2 AS x, 3 AS y) TO '{other}' (FORMAT parquet)")
    os.chmod(path, 0o644)
    with open(other, "rb") as source, open(world.project.view(victim), "wb") as view:
        view.write(source.read())
    check(world, world.hundred, {victim})


def test_12_an_edit_a_run_and_the_edit_reverted(world: World) -> None:
    root = busiest(world, "transform.t0")
    text = world.project.read(file_of(root))
    world.project.edit(file_of(root), "SELECT ", "SELECT DISTINCT ")
    world.project.edit(file_of(root), " AS x", " + 1 AS x")
    assert root in bracketed_run(world.project).built
    world.project.write(file_of(root), text)
    check(world, world.hundred, NOTHING)


def test_12b_a_row_changed_a_run_and_the_row_back(world: World) -> None:
    source = busiest(world, "source.").split(".")[1]
    world.project.write(f"data/{source}.csv", changed_row(world, source).csv[source])
    assert f"source.{source}" in bracketed_run(world.project).built
    world.project.write(f"data/{source}.csv", world.hundred.csv[source])
    check(world, world.hundred, NOTHING)


def test_two_edits_at_once_in_parallel(world: World) -> None:
    source = busiest(world, "source.").split(".")[1]
    after = changed_row(world, source).edited("transform.t2_0", "AS x", "+ 2 AS x")
    world.project.write(f"data/{source}.csv", after.csv[source])
    after.write_step(world.project, after.steps["transform.t2_0"])
    tables = after.tables()
    result = world.project.run("--parallel")
    assert result.built == after.expected(world.hundred, world.tables, tables)
    assert published(world.project, list(tables)) == tables
    assert world.project.run().built == NOTHING


# -- beside the twelve ----------------------------------------------------------------------------------------------


def test_a_column_added_to_a_wide_table_rebuilds_no_consumer_that_does_not_read_it(shop: Project) -> None:
    shop.transform("all_of_it", "SELECT * FROM ref('transform.joined')", ("transform.joined",))
    shop.transform("count", "SELECT count(*) AS n FROM ref('transform.joined')", ("transform.joined",))
    shop.run()
    shop.edit("seeknal/transforms/joined.yml", "c.city", "c.city, upper(c.city) AS loud")
    assert bracketed_run(shop).built == {"transform.joined", "transform.all_of_it"}
    assert sorted(shop.rows("transform.by_city")) == [("Paris", 40), ("Rome", 20)]
    assert len(shop.rows("transform.all_of_it")[0]) == 5


def test_a_column_added_to_a_source_rebuilds_no_consumer_that_does_not_read_it(shop: Project) -> None:
    shop.run()
    shop.write("data/customers.csv", "customer,city,since\na,Paris,2001\nb,Rome,2002\n")
    assert bracketed_run(shop).built == {"source.customers"}


def python_users(project: Project) -> None:
    project.source("orders", "id,amount\n1,10\n2,20\n", {"id": "BIGINT", "amount": "BIGINT"})
    project.write("lib/__init__.py", "")
    project.write("lib/tax.py", "from lib.rates import RATE\n\ndef taxed(n):\n    return n * RATE\n")
    project.write("lib/rates.py", "RATE = 2\n")
    project.write("lib/other.py", "OTHER = 1\n")
    for name, module, value in (
        ("taxed", "lib.tax import taxed", "taxed(10)"),
        ("plain", "lib.other import OTHER", "OTHER"),
    ):
        project.write(
            f"seeknal/python/{name}.py",
            f"""
            from {module}

            from seeknal.pipeline import transform


            @transform(name="{name}", inputs=["source.orders"])
            def make_{name}(ctx):
                return ctx.duckdb.sql("SELECT {{}} AS v".format({value}))
            """,
        )
    project.transform("after", "SELECT v + 1 AS v FROM ref('transform.taxed')", ("transform.taxed",))


def test_a_python_helper_edited_rebuilds_its_users_and_only_them(project: Project) -> None:
    python_users(project)
    project.run()
    assert project.rows("transform.after") == [(21,)]
    project.write("lib/rates.py", "RATE = 3\n")
    assert bracketed_run(project).built == {"transform.taxed", "transform.after"}
    assert project.rows("transform.after") == [(31,)]
    project.write("lib/tax.py", "from lib.rates import RATE\n\n\n# a comment\ndef taxed(n):\n    return n   *   RATE\n")
    assert bracketed_run(project).built == NOTHING
    project.write("lib/other.py", "OTHER = 9\n")
    assert bracketed_run(project).built == {"transform.plain"}


def test_a_python_helper_that_comes_out_equal_stops_the_rebuild_there(project: Project) -> None:
    python_users(project)
    project.run()
    project.write("lib/rates.py", "RATE = 1 + 1\n")
    result = bracketed_run(project)
    assert result.built == {"transform.taxed"}
    assert [event["target"] for event in result.of("hit") if event["cut_off"]] == ["transform.after"]


def test_renaming_a_node_rebuilds_nothing_of_equal_content(shop: Project) -> None:
    shop.run()
    os.unlink(shop.path("seeknal/transforms/clean.yml"))
    shop.transform("tidy", "SELECT * FROM ref('source.orders') WHERE amount > 0", ("source.orders",))
    for word in ("- ref: transform.clean", "ref('transform.clean')"):
        shop.edit("seeknal/transforms/joined.yml", word, word.replace("clean", "tidy"))
    assert bracketed_run(shop).built == NOTHING
    assert shop.rows("transform.tidy") == [(1, "a", 10), (2, "b", 20), (3, "a", 30)]
    assert not os.path.lexists(shop.view("transform.clean"))
    assert sorted(shop.rows("transform.by_city")) == [("Paris", 40), ("Rome", 20)]


@pytest.mark.parametrize("field", ["description: all of it", "owner: ann", "tags: [core, daily]"])
def test_words_about_a_node_rebuild_nothing_and_plan_shows_them_as_metadata(shop: Project, field: str) -> None:
    shop.run()
    shop.edit("seeknal/transforms/clean.yml", "name: clean\n", f"name: clean\n{field}\n")
    changes = shop.seeknal("plan", "--json").json["changes"]
    assert changes == [{"node": "transform.clean", "category": "metadata", "details": [field.partition(":")[0]]}]
    result = bracketed_run(shop)
    assert result.built == NOTHING
    assert result.of("done")[0]["changes"] == {"transform.clean": "metadata"}
    assert shop.seeknal("plan", "--json").json["changes"] == []

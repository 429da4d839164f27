"""Lost work and fragile state, as other tools have it: kills, damaged files, two runs at once, deleted outputs."""

from __future__ import annotations

import glob
import json
import os
import shutil
import signal
import subprocess
import time

import pytest

from tests.project_on_disk import Project
from tests.stories.shell import alive, pid_in, slow_node, start, until

PARIS_40 = [("Paris", 40), ("Rome", 20)]
ALL = {"source.orders", "source.customers", "transform.clean", "transform.joined", "transform.by_city"}


def by_city(project: Project) -> list[tuple[object, ...]]:
    return sorted(project.rows("transform.by_city"))


def leftovers(project: Project) -> list[str]:
    """Files in the making that nobody makes any more."""
    return [path for path in glob.glob(project.path("target", "tmp", "**"), recursive=True) if os.path.isfile(path)]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
@pytest.mark.parametrize("options", [(), ("--parallel",)])
def test_a_run_that_is_stopped_keeps_what_was_finished(
    shop: Project, number: signal.Signals, code: int, options: tuple[str, ...]
) -> None:
    """L1: the state is saved once at the end: any signal loses every finished node, and leaves children alive."""
    mark = slow_node(shop, "slow", "transform.by_city")
    process = start(shop, "run", *options)
    until(lambda: pid_in(mark) > 0, "the slow node")
    worker = pid_in(mark)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == code, out + err
    assert "Traceback" not in err
    until(lambda: not alive(worker), "the end of the worker")
    assert not os.path.exists(shop.path("target", "intermediate"))
    if number != signal.SIGKILL:
        assert "nothing was published" in err
        assert leftovers(shop) == []
    slow_node(shop, "slow", "transform.by_city", 0)
    assert shop.run().built == {"transform.slow"}
    assert by_city(shop) == PARIS_40


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("options", [(), ("--parallel",)])
@pytest.mark.parametrize("under_way", [0.0, 0.7])
def test_a_heavy_query_can_be_stopped(
    shop: Project, number: signal.Signals, code: int, options: tuple[str, ...], under_way: float
) -> None:
    """L1: the same while the engine is busy with SQL, or just about to be."""
    heavy = "SELECT count(*) AS n FROM ref('transform.by_city'), range(100000000) a, range(1000000) b WHERE a.range % 7 = b.range % 11"
    shop.transform("heavy", heavy, ("transform.by_city",))
    process = start(shop, "run", "--json", *options)
    assert process.stdout is not None
    seen = ""
    while '"started", "target": "transform.heavy"' not in seen:
        line = process.stdout.readline()
        assert line, "the run ended"
        seen += line
    time.sleep(under_way)
    process.send_signal(number)
    try:
        out, err = process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        pytest.fail("the query went on for ten seconds")
    assert process.returncode == code, out + err
    assert "Traceback" not in err
    assert leftovers(shop) == []


DAMAGE = [b"", b"[]", b"null", b'{"type": "seek', b"\x00\xff" * 40, b'{"targets": 3}']


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_state_is_a_miss_and_never_a_traceback(shop: Project, damage: bytes) -> None:
    """L2: corrupt state is a traceback, and `--full` does not get past it."""
    shop.run()
    for path in glob.glob(shop.path("target", "local", "*")) + glob.glob(shop.path("target", "refs", "*")):
        if os.path.isfile(path):
            with open(path, "wb") as file:
                file.write(damage)
    for command in (("plan",), ("log",), ("list",), ("show", "by_city"), ("explain", "by_city"), ("cache", "stats")):
        result = shop.seeknal(*command, "--json")
        assert result.code == 0, result.err
        assert "Traceback" not in result.err
    assert shop.run().built == set(), "the cache still has everything"
    assert by_city(shop) == PARIS_40
    assert shop.run().built == set()


@pytest.mark.parametrize("damage", DAMAGE)
def test_every_stored_file_damaged_at_once(shop: Project, damage: bytes) -> None:
    """L2: whatever is in the store, a run puts it right."""
    shop.run()
    for folder in ("cas", "actions-v1", "refs", "local"):
        for path in glob.glob(shop.path("target", folder, "**"), recursive=True):
            if os.path.isfile(path):
                os.chmod(path, 0o644)
                with open(path, "wb") as file:
                    file.write(damage)
    assert shop.seeknal("plan").code == 0
    assert shop.run().built == ALL
    assert by_city(shop) == PARIS_40
    assert shop.run().built == set()


def test_state_does_not_pile_up(shop: Project) -> None:
    """L3: a copy of the state is left per run."""
    shop.run()
    before = {
        folder: len(os.listdir(shop.path("target", folder))) for folder in ("local", "tmp", "refs", "generations")
    }
    for _ in range(5):
        shop.run("--nodes", "by_city")
        shop.run()
    assert before == {folder: len(os.listdir(shop.path("target", folder))) for folder in before}


def test_two_runs_at_once_share_their_work(shop: Project) -> None:
    """L4: no lock: the last writer wins, with the older definition."""
    mark = slow_node(shop, "slow", "transform.clean", 1.5)
    first = start(shop, "run", "--json")
    until(lambda: pid_in(mark) > 0, "the slow node")
    second = start(shop, "run", "--json", "--parallel")
    outs = [process.communicate(timeout=60) for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], outs
    events = [[json.loads(line) for line in out.splitlines()] for out, _ in outs]
    built = [event["target"] for run in events for event in run if event["event"] == "built"]
    assert sorted(built) == sorted({*ALL, "transform.slow"}), "each was executed once"
    assert len({run[-1]["generation"] for run in events}) == 1
    assert by_city(shop) == PARIS_40
    assert shop.run().built == set()


def test_a_run_that_started_earlier_does_not_bring_old_definitions_back(shop: Project) -> None:
    """L4: run A started earlier overwrites run B's result with the older definition."""
    shop.run()
    mark = slow_node(shop, "slow", "source.customers", 2)
    first = start(shop, "run", "--json")
    until(lambda: pid_in(mark) > 0, "the slow node")
    shop.edit("seeknal/transforms/by_city.yml", "sum(amount)", "sum(amount) + 1")
    second = shop.run("--nodes", "by_city")
    assert second.built == {"transform.by_city"}
    assert first.communicate(timeout=60)[1] == ""
    assert first.returncode == 0
    assert by_city(shop) == [("Paris", 41), ("Rome", 21)]
    assert shop.run().built == set()


@pytest.mark.parametrize(
    ("gone", "built"),
    [
        (("intermediate",), set()),
        (("generations",), set()),
        (("local",), set()),
        (("refs",), set()),
        (("refs", "intermediate", "generations", "local"), set()),
        (("actions-v1",), set()),
        (("cas",), ALL),
        (("cas", "intermediate", "local"), ALL),
    ],
)
def test_deleted_outputs_are_noticed(shop: Project, gone: tuple[str, ...], built: set[str]) -> None:
    """L6: after deleting the outputs there are no changes, and the next edit fails for want of its input."""
    shop.run()
    for name in gone:
        path = shop.path("target", name)
        os.unlink(path) if os.path.islink(path) else shutil.rmtree(path)
    assert shop.run().built == built
    assert by_city(shop) == PARIS_40
    shop.edit("seeknal/transforms/by_city.yml", "sum(amount)", "2 * sum(amount)")
    assert shop.run().built == {"transform.by_city"}
    assert by_city(shop) == [("Paris", 80), ("Rome", 40)]


def test_a_removed_node_leaves_the_published_state(shop: Project) -> None:
    """L7: the Parquet file and the state of a removed node stay, and are served."""
    shop.transform("extra", "SELECT id FROM ref('source.orders')", ("source.orders",))
    for name in ("one", "two"):
        shop.write(
            f"seeknal/feature_groups/{name}.yml",
            f"kind: feature_group\nname: {name}\nentity: {{name: customer, join_keys: [customer]}}\n"
            f"inputs:\n  - ref: source.customers\ntransform: SELECT customer, city AS {name}_city FROM source\n",
        )
    shop.run()
    assert os.path.exists(shop.view("transform.extra"))
    os.unlink(shop.path("seeknal/transforms/extra.yml"))
    os.unlink(shop.path("seeknal/feature_groups/two.yml"))
    removed = {
        change["node"] for change in shop.seeknal("plan", "--json").json["changes"] if "removed" in change["details"][0]
    }
    assert {"transform.extra", "feature_group.two"} <= removed
    shop.run()
    for node in ("transform.extra", "feature_group.two"):
        assert not os.path.lexists(shop.view(node))
    assert "two" not in shop.read("target/feature_store/customer/_entity_catalog.json")
    assert len(shop.rows("entity.customer")[0]) == 3
    assert shop.seeknal("inspect", "transform.extra").code == 2
    os.unlink(shop.path("seeknal/feature_groups/one.yml"))
    shop.run()
    assert not os.path.lexists(shop.view("entity.customer"))
    assert shop.seeknal("entity", "list", "--json").json == []


def test_an_edit_after_the_ref_was_deleted(shop: Project) -> None:
    """L6: without the ref, the pointer of the views says what is published; publishing over it works."""
    shop.run()
    shutil.rmtree(shop.path("target", "refs"))
    shop.edit("seeknal/transforms/by_city.yml", "sum(amount)", "2 * sum(amount)")
    assert shop.run().built == {"transform.by_city"}
    assert by_city(shop) == [("Paris", 80), ("Rome", 40)]


def test_the_document_of_the_generation_is_gone(shop: Project) -> None:
    """L6: a ref that leads nowhere is a first run, with everything in the cache."""
    shop.run()
    name = shop.read("target/refs/prod").strip().removeprefix("blake3:")
    os.unlink(shop.path("target", "cas", name[:2], name[2:]))
    assert shop.run().built == set()
    assert by_city(shop) == PARIS_40
    assert shop.run().built == set()


def test_from_one_store_to_another_and_back(shop: Project) -> None:
    """L6: the published generation is in the other store; everything is built once in each."""
    elsewhere = ("--cache-dir", shop.path("..", "store"))
    assert shop.run(*elsewhere).built == ALL
    assert shop.run().built == ALL
    assert by_city(shop) == PARIS_40
    assert shop.run(*elsewhere).built == set()
    assert by_city(shop) == PARIS_40

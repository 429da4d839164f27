"""A `target/` that is not what it should be."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb
import pytest

from seeknal.model.digest import digest_of
from tests.bad_input.refusals import decent, error_of, nothing_lost, refused
from tests.project_on_disk import Project


def _everything(folder: str) -> dict[str, bytes]:
    found = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            if os.path.isfile(path) and not os.path.islink(path):
                found[path] = Path(path).read_bytes()
    return found


def test_a_target_that_is_a_file_is_told_and_kept(shop: Project) -> None:
    shop.write("target", "mine\n")
    result = shop.seeknal("run", "--json")
    refused(result, 7, "target")
    assert error_of(result)["code"] == 7
    assert shop.read("target") == "mine\n"
    for command in ("plan", "list", "validate"):
        decent(shop.seeknal(command))


def test_a_target_that_is_a_link_to_another_folder_works_there_and_touches_nothing_else(
    shop: Project, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious.txt").write_text("mine")
    os.symlink(elsewhere, shop.path("target"))
    result = shop.seeknal("run", "--json")
    decent(result)
    assert result.code in (0, 7), result
    if result.code == 0:
        assert sorted(shop.rows("transform.by_city")) == [("Paris", 40), ("Rome", 20)]
        assert shop.run().built == set()
        assert sorted(os.listdir(shop.root)) == ["data", "seeknal", "seeknal_project.yml", "target"]
    assert (elsewhere / "precious.txt").read_text() == "mine"
    assert os.path.islink(shop.path("target"))


def test_a_target_that_is_a_link_to_nowhere_or_to_itself_is_told_or_works(shop: Project) -> None:
    for text in ("nowhere", "target"):
        os.symlink(text, shop.path("target"))
        result = shop.seeknal("run", "--json")
        decent(result)
        assert result.code in (0, 7), result
        os.unlink(shop.path("target"))
        shutil.rmtree(shop.path("nowhere"), ignore_errors=True)


def _older(project: Project) -> dict[str, bytes]:
    """A `target/` as seeknal 2.x left it."""
    for folder in ("intermediate", "feature_store/customer", "cache"):
        os.makedirs(project.path("target", folder))
    for name in ("source_orders", "transform_clean", "transform_gone"):
        path = project.path("target", "intermediate", f"{name}.parquet")
        duckdb.execute(f"COPY (SELECT '{name}' AS old) TO '{path}' (FORMAT parquet)")
    path = project.path("target", "feature_store", "customer", "features.parquet")
    duckdb.execute(f"COPY (SELECT 'features' AS old) TO '{path}' (FORMAT parquet)")
    project.write("target/run_state.json", '{"version": "2.0", "nodes": {}}\n')
    project.write("target/manifest.json", '{"metadata": {"project": "shop"}}\n')
    project.write("target/cache/state.json", "{}\n")
    return _everything(project.path("target"))


def test_a_target_of_an_older_tool_is_moved_aside_and_nothing_in_it_is_lost(shop: Project) -> None:
    before = sorted(_older(shop).values())
    shop.run()
    assert sorted(shop.rows("transform.by_city")) == [("Paris", 40), ("Rome", 20)]
    assert len(shop.rows("transform.clean")) == 3
    kept = list(_everything(shop.path("target")).values())
    for data in before:
        assert data in kept
        kept.remove(data)
    assert shop.run().built == set()
    shop.edit("seeknal/transforms/clean.yml", "amount > 0", "amount > 15")
    shop.run()
    assert all(data in _everything(shop.path("target")).values() for data in before)


def test_a_failed_first_run_leaves_an_older_target_as_it_is(shop: Project) -> None:
    before = _older(shop)
    shop.transform("bad", "SELECT error('stop') AS a FROM ref('transform.clean')", ("transform.clean",))
    refused(shop.seeknal("run"), 1)
    after = _everything(shop.path("target"))
    assert {path: after.get(path) for path in before} == before


@pytest.mark.parametrize("command", ["plan", "list", "log", "cache", "inspect"])
def test_an_older_target_does_not_disturb_commands_that_read(shop: Project, command: str) -> None:
    before = _older(shop)
    more = {"cache": ("stats",), "inspect": ("transform.clean",)}.get(command, ())
    decent(shop.seeknal(command, *more))
    assert _everything(shop.path("target")) == before


def test_gc_does_not_touch_the_files_of_an_older_tool(shop: Project) -> None:
    before = sorted(_older(shop).values())
    shop.run()
    for command in (("cache", "gc"), ("cache", "gc", "--max-age", "0"), ("cache", "gc", "--max-size", "1")):
        decent(shop.seeknal(*command))
    kept = list(_everything(shop.path("target")).values())
    assert all(data in kept for data in before)


def test_a_store_of_a_newer_version_is_refused_and_untouched(shop: Project) -> None:
    shop.run()
    with nothing_lost(shop):
        marker = '{"type":"seeknal/cache","version":2}\n'
        os.unlink(shop.path("target", "seeknal-cache.json"))
        shop.write("target/seeknal-cache.json", marker)
        result = shop.seeknal("run", "--json")
        refused(result, 7, "version 2")
        assert error_of(result)["error"] == "newer_store"
        refused(shop.seeknal("cache", "gc"), 7)
        refused(shop.seeknal("plan"), 7)
        assert shop.read("target/seeknal-cache.json") == marker


@pytest.mark.parametrize(
    "path", ["refs", "cas", "actions-v1", "tmp", "local", "log", "generations", "lock", "lock.publish", "current"]
)
def test_a_part_of_target_that_is_something_else_is_told_or_repaired(shop: Project, path: str) -> None:
    shop.run()
    full = shop.path("target", path)
    moved = shop.path("aside")
    os.rename(full, moved) if os.path.lexists(full) else None
    if path.startswith("lock"):
        os.mkdir(full)
    else:
        shop.write(f"target/{path}", "not what it should be\n")
    shop.edit("seeknal/transforms/clean.yml", "amount > 0", "amount > 15")
    result = shop.seeknal("run", "--json")
    decent(result)
    assert result.code in (0, 7), result
    if result.code == 0:
        assert len(shop.rows("transform.clean")) == 2


@pytest.mark.parametrize("name", ["files.json", "memo.json", "stamp"])
@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', "null", '{"a": ["x", "y"]}', "\0" * 50, "[" * 20_000])
def test_local_state_that_is_nonsense_changes_only_speed(shop: Project, name: str, text: str) -> None:
    shop.run()
    shop.write(f"target/local/{name}", text)
    os.unlink(shop.path("target", "local", "stamp")) if name != "stamp" else None
    result = shop.run()
    decent(result)
    assert result.built == set()
    assert sorted(shop.rows("transform.by_city")) == [("Paris", 40), ("Rome", 20)]


def test_memo_entries_of_the_wrong_shape_change_only_speed(shop: Project) -> None:
    import json

    shop.run()
    known = json.loads(shop.read("target/local/memo.json").partition("\n")[2])
    for wrong in (7, "x", [], {}, None, [1, 2, 3, 4, 5], {"columns": 7, "reads": 7}):
        body = json.dumps(dict.fromkeys(known, wrong))
        shop.write("target/local/memo.json", f"{digest_of(body.encode())}\n{body}")
        os.unlink(shop.path("target", "local", "stamp"))
        result = shop.seeknal("run", "--json")
        decent(result)
        assert result.code == 0, (wrong, result)
        assert result.built == set()


def test_a_view_replaced_by_a_file_is_mended_and_the_file_kept_or_told(shop: Project) -> None:
    shop.run()
    os.unlink(shop.path("target", "intermediate"))
    shop.write("target/intermediate/mine.txt", "mine\n")
    shop.run()
    assert sorted(shop.rows("transform.by_city")) == [("Paris", 40), ("Rome", 20)]
    assert b"mine\n" in _everything(shop.path("target")).values()

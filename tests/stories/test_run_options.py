"""Every option of `run`, and every command that looks at what runs have made."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.project_on_disk import Project, Result

PARIS_40 = [("Paris", 40), ("Rome", 20)]
ALL = {"source.orders", "source.customers", "transform.clean", "transform.joined", "transform.by_city"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A built project with tags and a feature group."""
    project = Project(str(tmp_path_factory.mktemp("made") / "shop"))
    project.write("seeknal_project.yml", "name: shop\n")
    money = {"id": "BIGINT", "customer": "VARCHAR", "amount": "BIGINT"}
    project.source("orders", "id,customer,amount\n1,a,10\n2,b,20\n3,a,30\n", money)
    project.source("customers", "customer,city\na,Paris\nb,Rome\n", {"customer": "VARCHAR", "city": "VARCHAR"})
    project.transform(
        "clean", "SELECT * FROM ref('source.orders') WHERE amount > 0", ("source.orders",), "tags: [core]\n"
    )
    joined = "SELECT o.*, c.city FROM ref('transform.clean') o JOIN ref('source.customers') c USING (customer)"
    project.transform("joined", joined, ("transform.clean", "source.customers"))
    total = "SELECT city, sum(amount) AS total FROM ref('transform.joined') GROUP BY city"
    project.transform("by_city", total, ("transform.joined",), "tags: [heavy]\n")
    project.write(
        "seeknal/feature_groups/spend.yml",
        "kind: feature_group\nname: spend\nentity: {name: customer, join_keys: [customer]}\n"
        "materialization: {event_time_col: day}\ninputs:\n  - ref: transform.clean\ntransform: |\n"
        "  SELECT customer, DATE '2024-01-01' AS day, sum(amount) AS spent FROM source GROUP BY customer\n",
    )
    project.run("--date", "2024-05-01", "--run-id", "first")
    return project


@pytest.fixture
def shop(made: Project, tmp_path: Path) -> Project:
    copy = tmp_path / "shop"
    shutil.copytree(made.root, copy, symlinks=True)
    return Project(str(copy))


@pytest.fixture
def fresh(made: Project, tmp_path: Path) -> Project:
    """The same project, never built."""
    copy = tmp_path / "fresh"
    shutil.copytree(made.root, copy, symlinks=True, ignore=shutil.ignore_patterns("target"))
    return Project(str(copy))


def by_city(project: Project) -> list[tuple[Any, ...]]:
    return sorted(project.rows("transform.by_city"))


def tree(root: str) -> dict[str, tuple[int, int, int, int, str]]:
    """Every file and folder below a root: mode, size, time, inode, and where a link leads."""
    found = {}
    for folder, folders, files in os.walk(root):
        for name in [".", *folders, *files]:
            path = os.path.join(folder, name)
            s = os.lstat(path)
            link = os.readlink(path) if os.path.islink(path) else ""
            found[path] = (s.st_mode, s.st_size, s.st_mtime_ns, s.st_ino, link)
    return found


# -- selections -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "targets"),
    [
        (("--nodes", "clean"), {"source.orders", "transform.clean"}),
        (("--nodes", "transform.clean"), {"source.orders", "transform.clean"}),
        (("--nodes", "source.*"), {"source.orders", "source.customers"}),
        (("--nodes", "*city*"), ALL),
        (("--nodes", "+joined"), ALL - {"transform.by_city"}),
        (("--nodes", "customers+"), ALL),
        (("--nodes", "clean+"), {*ALL, "feature_group.spend", "entity.customer"}),
        (("--nodes", "tag:core"), {"source.orders", "transform.clean"}),
        (("--nodes", "tag:core+"), {*ALL, "feature_group.spend", "entity.customer"}),
        (("--types", "source"), {"source.orders", "source.customers"}),
        (("--types", "feature_group"), {"source.orders", "transform.clean", "feature_group.spend", "entity.customer"}),
        (("--tags", "core"), {"source.orders", "transform.clean"}),
        (("--exclude-tags", "heavy"), {*ALL, "feature_group.spend", "entity.customer"} - {"transform.by_city"}),
        (("--types", "transform", "--tags", "heavy"), ALL),
        (("--nodes", "spend"), {"source.orders", "transform.clean", "feature_group.spend", "entity.customer"}),
        (
            ("--nodes", "entity.customer"),
            {"source.orders", "transform.clean", "feature_group.spend", "entity.customer"},
        ),
    ],
)
def test_a_selection_builds_its_nodes_and_of_their_ancestors_what_is_missing(
    fresh: Project, options: tuple[str, ...], targets: set[str]
) -> None:
    assert fresh.run(*options).built == targets
    for name in targets:
        assert fresh.rows(name)


def test_a_consumer_of_an_excluded_node_uses_its_published_artifact(shop: Project) -> None:
    shop.write("data/orders.csv", "id,customer,amount\n1,a,10\n2,b,20\n3,a,30\n4,b,40\n")
    shop.edit("seeknal/transforms/joined.yml", "c.city", "upper(c.city) AS city")
    result = shop.run("--exclude-tags", "core")
    assert "transform.joined" in result.built
    assert "transform.clean" not in result.built
    assert by_city(shop) == [("PARIS", 40), ("ROME", 20)]
    shop.run()
    assert by_city(shop) == [("PARIS", 40), ("ROME", 60)]


def test_a_consumer_of_an_excluded_node_that_was_never_published_is_skipped_with_the_reason(fresh: Project) -> None:
    steps = {step["node"]: step for step in fresh.seeknal("plan", "--json", "--exclude-tags", "core").json["steps"]}
    assert steps["transform.joined"]["verdict"] == "SKIP"
    assert steps["transform.joined"]["reasons"][0] == {
        "reason": "input_unpublished", "subject": "transform.clean", "detail": "",
    }  # fmt: skip
    result = fresh.run("--exclude-tags", "core")
    assert result.built == {"source.orders", "source.customers"}
    skipped = {event["target"]: event["because"] for event in result.of("skipped")}
    assert skipped["transform.joined"] == ["transform.clean"]
    assert skipped["transform.by_city"] == ["transform.joined"]
    assert "transform.clean" in fresh.seeknal("run", "--exclude-tags", "core").err


def test_plan_and_run_agree_about_an_entity_whose_other_group_was_never_published(fresh: Project) -> None:
    text = fresh.read("seeknal/feature_groups/spend.yml")
    fresh.write("seeknal/feature_groups/more.yml", text.replace("name: spend", "name: more").replace("spent", "more"))
    plan = fresh.plan("--nodes", "spend")
    built = fresh.run("--nodes", "spend").built
    assert "entity.customer" in built
    assert built <= {name for name, verdict in plan.items() if verdict in ("BUILD", "MAYBE")}


# -- full -----------------------------------------------------------------------------------------------------------


def test_full_builds_everything_again_and_publishes_the_same(shop: Project) -> None:
    before = shop.tables()
    result = shop.run("--full")
    assert result.built == {*ALL, "feature_group.spend", "entity.customer"}
    assert all(step == "BUILD" for step in shop.plan("--full").values())
    assert shop.tables() == before
    assert shop.run().built == set()


def test_full_with_nodes_builds_these_only(shop: Project) -> None:
    assert shop.run("--full", "--nodes", "joined").built == {"transform.joined"}
    assert shop.run("--full", "--types", "source").built == {"source.orders", "source.customers"}
    assert shop.run("--full", "--tags", "heavy").built == {"transform.by_city"}


def test_full_with_nodes_brings_ancestors_up_to_date_as_needed(shop: Project) -> None:
    shop.edit("seeknal/transforms/clean.yml", "amount > 0", "amount > 10")
    assert shop.run("--full", "--nodes", "by_city").built == {
        "transform.clean",
        "transform.joined",
        "transform.by_city",
    }
    assert by_city(shop) == [("Paris", 30), ("Rome", 20)]


# -- looking without touching ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [("run", "--dry-run"), ("run", "--show-plan"), ("plan",), ("plan", "--json"), ("run", "--dry-run", "--full")],
)
@pytest.mark.parametrize("state", ["built", "fresh", "edited"])
def test_a_plan_touches_nothing(made: Project, tmp_path: Path, command: tuple[str, ...], state: str) -> None:
    copy = tmp_path / "shop"
    leave = shutil.ignore_patterns("target") if state == "fresh" else None
    shutil.copytree(made.root, copy, symlinks=True, ignore=leave)
    project = Project(str(copy))
    if state == "edited":
        project.edit("seeknal/transforms/clean.yml", "amount > 0", "amount > 10")
        os.unlink(project.view("transform.by_city"))
        os.unlink(os.path.realpath(project.view("transform.joined")))
    before = tree(project.root)
    assert project.seeknal(*command).code == 0
    assert tree(project.root) == before


def test_dry_run_says_what_would_be_built_and_show_plan_all_in_order(shop: Project) -> None:
    shop.edit("seeknal/transforms/joined.yml", "c.city", "upper(c.city) AS city")
    dry = shop.seeknal("run", "--dry-run").out
    assert "transform.joined" in dry
    assert "transform.by_city" in dry
    assert "source.orders" not in dry
    whole = shop.seeknal("run", "--show-plan").out
    places = [
        whole.index(name) for name in ("source.orders", "transform.clean", "transform.joined", "transform.by_city")
    ]
    assert places == sorted(places)
    assert shop.seeknal("plan", "--exit-code").code == 8
    shop.run()
    assert shop.seeknal("plan", "--exit-code").code == 0


def test_a_plan_digest_that_no_longer_holds_is_refused(shop: Project) -> None:
    shop.edit("seeknal/transforms/joined.yml", "c.city", "upper(c.city) AS city")
    digest = shop.seeknal("plan", "--json").json["plan"]
    shop.edit("seeknal/transforms/by_city.yml", "sum(amount)", "max(amount)")
    refused = shop.run("--plan", digest, ok=False)
    assert (refused.code, refused.json["error"]) == (2, "plan_changed")
    assert by_city(shop) == PARIS_40
    shop.edit("seeknal/transforms/by_city.yml", "max(amount)", "sum(amount)")
    assert shop.run("--plan", digest).built == {"transform.joined", "transform.by_city"}
    assert shop.run("--plan", "blake3:" + "0" * 64, ok=False).code == 2


def test_explain_gives_a_line_of_reasons(shop: Project) -> None:
    shop.edit("seeknal/transforms/joined.yml", "c.city", "upper(c.city) AS city")
    out = shop.seeknal("run", "--explain").out
    assert "transform.joined: sql changed" in out
    reasons = next(line for line in out.splitlines() if line.startswith("  transform.by_city: "))
    assert "transform.joined" in reasons
    assert "city" in reasons.split("transform.joined")[1]


# -- failures -------------------------------------------------------------------------------------------------------


def with_a_failure(project: Project) -> None:
    project.edit("seeknal/transforms/joined.yml", "SELECT o.*", "SELECT error('boom') AS e, o.*")
    project.edit("seeknal/feature_groups/spend.yml", "sum(amount)", "2 * sum(amount)")


def test_without_continue_on_error_nothing_is_published_and_the_cache_keeps_what_was_built(shop: Project) -> None:
    generation = shop.seeknal("log", "--json").json[0]["generation"]
    with_a_failure(shop)
    shop.edit("seeknal/transforms/clean.yml", "amount > 0", "amount > 10")
    assert shop.run(ok=False).code == 1
    assert shop.seeknal("log", "--json").json[0]["generation"] == generation
    assert by_city(shop) == PARIS_40
    shop.edit("seeknal/transforms/joined.yml", "error('boom') AS e, ", "")
    assert "transform.clean" not in shop.run().built


def test_continue_on_error_publishes_what_succeeded_and_names_what_is_stale(shop: Project) -> None:
    with_a_failure(shop)
    result = shop.seeknal("run", "--continue-on-error")
    assert result.code == 1
    assert "stale: transform.by_city, transform.joined" in result.out
    assert sorted((row[0], row[2]) for row in shop.rows("feature_group.spend")) == [("a", 80), ("b", 40)]
    assert by_city(shop) == PARIS_40
    again = shop.run("--continue-on-error", ok=False)
    assert again.code == 1
    assert again.built == set()
    shop.edit("seeknal/transforms/joined.yml", "error('boom') AS e, ", "")
    assert shop.run().built == set(), "what is published was never lost"


def test_a_failed_execution_is_tried_again(shop: Project) -> None:
    shop.write(
        "seeknal/python/flaky.py",
        f"""
        import os

        from seeknal.pipeline import transform


        @transform(inputs=["source.orders"])
        def flaky(ctx):
            path = {shop.path("attempts")!r}
            with open(path, "a") as file:
                file.write("x")
            if os.path.getsize(path) < 3:
                raise RuntimeError("not yet")
            return ctx.ref("source.orders")
        """,
    )
    assert shop.run(ok=False).code == 1
    os.unlink(shop.path("attempts"))
    result = shop.run("--retry", "2")
    assert [event["attempt"] for event in result.of("retry")] == [1, 2]
    assert result.built == {"transform.flaky"}
    assert len(shop.rows("transform.flaky")) == 3


def test_a_wrong_definition_is_not_tried_again(shop: Project) -> None:
    shop.edit("seeknal/transforms/joined.yml", "c.city", "c.town")
    result = shop.run("--retry", "3", ok=False)
    assert result.code in (1, 3)
    assert result.of("retry") == []
    assert "town" in result.out + result.err
    assert "seeknal/transforms/joined.yml" in result.out + result.err


def test_parallel_publishes_the_same_content(fresh: Project, made: Project) -> None:
    result = fresh.run("--parallel", "--max-workers", "3", "--date", "2024-05-01")
    assert result.built == {*ALL, "feature_group.spend", "entity.customer"}
    shown = [fresh.seeknal("show", name, "--json").json["published"] for name in sorted(result.built)]
    wanted = [made.seeknal("show", name, "--json").json["published"] for name in sorted(result.built)]
    for one, other in zip(shown, wanted, strict=True):
        assert (one["action"], one["artifact"]) == (other["action"], other["artifact"])


# -- clock and parameters -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT '{{today}}'::DATE AS d",
        "SELECT current_date AS d",
        "SELECT today() AS d",
        "SELECT CAST('{{yesterday}}' AS DATE) + 1 AS d",
        "SELECT DATE '{{ date }}' AS d",
        "SELECT DATE '{{ today(1) }}' - 1 AS d",
    ],
)
def test_the_date_is_an_input(shop: Project, sql: str) -> None:
    shop.transform("dated", f"{sql}, count(*) AS n FROM ref('source.orders')", ("source.orders",))
    assert shop.run("--date", "2024-02-29").built == {"transform.dated"}
    assert str(shop.rows("transform.dated")[0][0])[:10] == "2024-02-29"
    assert shop.run("--date", "2024-02-29").built == set()
    assert shop.run("--date", "2024-02-29T18:30:00").built == set()
    assert shop.run("--date", "2024-03-01").built == {"transform.dated"}
    assert str(shop.rows("transform.dated")[0][0])[:10] == "2024-03-01"
    assert shop.run("--date", "2024-02-29").built == set()
    assert str(shop.rows("transform.dated")[0][0])[:10] == "2024-02-29"


def test_a_date_with_an_offset_is_a_day_of_utc(shop: Project) -> None:
    shop.transform("dated", "SELECT current_date AS d", ("source.orders",))
    for _ in range(2):
        shop.run("--date", "2024-02-28")
    shop.run("--date", "2024-02-28T23:00:00-05:00")
    assert str(shop.rows("transform.dated")[0][0]) == "2024-02-29"


def test_a_timestamp_is_frozen_when_it_is_built(shop: Project) -> None:
    shop.transform(
        "stamped", "SELECT current_timestamp AS t, now() AS n, id FROM ref('source.orders')", ("source.orders",)
    )
    shop.run("--date", "2024-02-29")
    assert shop.run("--date", "2025-07-01").built == set()
    assert {(str(row[0])[:10], str(row[1])[:10]) for row in shop.rows("transform.stamped")} == {
        ("2024-02-29", "2024-02-29")
    }
    shop.write("data/orders.csv", "id,customer,amount\n1,a,10\n")
    assert "transform.stamped" not in shop.run("--date", "2025-07-01", "--nodes", "customers").built
    shop.run("--date", "2025-07-02")
    assert str(shop.rows("transform.stamped")[0][0])[:10] == "2025-07-02"


def test_parameters_rebuild_who_mentions_them_and_only_them(shop: Project) -> None:
    shop.transform(
        "big",
        "SELECT * FROM ref('source.orders') WHERE amount >= {{ least }}",
        ("source.orders",),
        "params: {least: 20}\n",
    )
    assert shop.run().built == {"transform.big"}
    assert len(shop.rows("transform.big")) == 2
    assert shop.run("--params", "least=30").built == {"transform.big"}
    assert len(shop.rows("transform.big")) == 1
    assert shop.run("--params", '{"least": 30}').built == set()
    assert shop.run("--params", "least=30", "--params", "other=1").built == set()
    assert shop.run().built == set()
    assert len(shop.rows("transform.big")) == 2


def test_parameters_have_types_in_python(shop: Project) -> None:
    shop.write(
        "seeknal/python/told.py",
        """
        from seeknal.pipeline import transform


        @transform(inputs=["source.orders"], size=3, ratio=0.5)
        def told(ctx):
            return [{"name": name, "value": repr(value)} for name, value in sorted(ctx.params.items())]
        """,
    )
    shop.run()
    assert dict(shop.rows("transform.told")) == {"size": "3", "ratio": "0.5"}
    shop.run("--params", '{"size": 7, "flag": true, "list": [1, "a"], "zip": "007"}')
    told = dict(shop.rows("transform.told"))
    assert told == {"size": "7", "ratio": "0.5", "flag": "True", "list": "[1, 'a']", "zip": "'007'"}
    shop.run(
        "--params",
        "size=9",
        "--params",
        "zip=007",
        "--params",
        "flag=true",
        "--params",
        "ratio=0.25",
        "--params",
        "n=1",
    )
    assert dict(shop.rows("transform.told")) == {"size": "9", "zip": "'007'", "flag": "True", "ratio": "0.25", "n": "1"}


def test_the_run_id_names_the_run_and_rebuilds_nothing(shop: Project) -> None:
    shop.transform("named", "SELECT '{{run_id}}' AS run, count(*) AS n FROM ref('source.orders')", ("source.orders",))
    shop.run("--run-id", "monday")
    assert shop.rows("transform.named") == [("monday", 3)]
    assert shop.seeknal("log", "--json").json[0]["run"] == "monday"
    assert os.path.exists(shop.path("target/log/monday.jsonl"))
    assert shop.run("--run-id", "tuesday").built == set()
    assert shop.rows("transform.named") == [("monday", 3)]


def test_a_no_op_is_one_line(shop: Project) -> None:
    shop.run()
    for words in (("run",), ("run", "--parallel")):
        result = shop.seeknal(*words)
        assert (result.code, result.out.count("\n"), result.err) == (0, 1, "")
        assert "nothing to do" in result.out


# -- looking at what there is ---------------------------------------------------------------------------------------


def answer(project: Project, *words: str) -> Any:
    """The JSON document of a command, which is all that it prints."""
    result: Result = project.seeknal(*words, "--json")
    assert result.code == 0, result.err
    assert result.err == ""
    return json.loads(result.out)


def test_log_and_rollback(shop: Project) -> None:
    shop.edit("seeknal/transforms/by_city.yml", "sum(amount)", "max(amount)")
    shop.run("--run-id", "second")
    assert by_city(shop) == [("Paris", 30), ("Rome", 20)]
    newest, oldest = answer(shop, "log")
    assert (newest["run"], newest["changes"]) == ("second", {"transform.by_city": "rebuilt"})
    assert (oldest["run"], oldest["targets"]) == ("first", 7)
    back = answer(shop, "rollback")
    assert (back["from"], back["changes"]) == (oldest["generation"], {"transform.by_city": "rebuilt"})
    assert by_city(shop) == PARIS_40
    assert answer(shop, "rollback", "second")["from"] == newest["generation"]
    assert by_city(shop) == [("Paris", 30), ("Rome", 20)]
    answer(shop, "rollback", "first")
    assert shop.run().built == set(), "from the cache"
    assert by_city(shop) == [("Paris", 30), ("Rome", 20)], "the project says so"
    assert shop.seeknal("rollback", "nonsense", "--json").json["error"] == "unknown_generation"
    assert len(answer(shop, "log", "--limit", "1")) == 1


def test_rollback_survives_a_project_that_is_broken(shop: Project) -> None:
    shop.edit("seeknal/transforms/by_city.yml", "sum(amount)", "max(amount)")
    shop.run()
    shop.write("seeknal/transforms/clean.yml", "kind: [\n")
    answer(shop, "rollback")
    assert by_city(shop) == PARIS_40


def test_show_and_list(shop: Project) -> None:
    shown = answer(shop, "show", "by_city")
    assert shown["id"] == "transform.by_city"
    assert (shown["inputs"], shown["consumers"]) == (["transform.joined"], [])
    assert shown["published"]["artifact"]["rows"] == 2
    assert os.path.samefile(shown["path"], shop.view("transform.by_city"))
    assert {column[0] for column in shown["action"]["inputs"][0]["columns"]} == {"city", "amount"}
    listed = {node["id"]: node for node in answer(shop, "list")}
    assert set(listed) == {*ALL, "feature_group.spend", "entity.customer"}
    assert (listed["transform.by_city"]["rows"], listed["transform.by_city"]["tags"]) == (2, ["heavy"])
    assert {node["id"] for node in answer(shop, "list", "sources")} == {"source.orders", "source.customers"}


def test_show_of_an_earlier_generation(shop: Project) -> None:
    shop.edit("seeknal/transforms/by_city.yml", "sum(amount)", "max(amount)")
    shop.run("--run-id", "second")
    old, new = (answer(shop, "show", "by_city", "--generation", run) for run in ("first", "second"))
    assert old["published"]["action"] != new["published"]["action"]
    rows = answer(shop, "inspect", "by_city", "--generation", "first")["rows"]
    assert sorted(rows) == [["Paris", "40"], ["Rome", "20"]]


def test_explain(shop: Project) -> None:
    hit = answer(shop, "explain", "by_city")
    assert (hit["verdict"], hit["reasons"], hit["last_built"]["run"]) == ("HIT", [], "first")
    assert hit["last_built"]["reasons"] == [{"reason": "first_build", "subject": "", "detail": ""}]
    shop.edit("seeknal/transforms/by_city.yml", "sum(amount)", "max(amount)")
    told = answer(shop, "explain", "by_city")
    assert told["verdict"] == "BUILD"
    assert [(r["reason"], r["subject"]) for r in told["reasons"]] == [("definition_changed", "sql")]
    assert told["definition"] == ["sql: column total: sum(amount) -> max(amount)"]
    shop.write("data/customers.csv", "customer,city\na,Paris\nb,Oslo\n")
    assert [(r["reason"], r["subject"]) for r in answer(shop, "explain", "customers")["reasons"]] == [
        ("file_changed", "data/customers.csv")
    ]


def test_inspect(shop: Project) -> None:
    found = answer(shop, "inspect", "orders", "--limit", "2")
    assert (found["node"], found["count"], len(found["rows"])) == ("source.orders", 3, 2)
    amount = next(column for column in found["columns"] if column["name"] == "amount")
    assert amount == {"name": "amount", "type": "BIGINT", "nulls": 0, "distinct": 3, "min": "10", "max": "30"}


def test_entity_and_consolidate(shop: Project) -> None:
    (entity,) = answer(shop, "entity", "list")
    assert (entity["name"], entity["state"], entity["rows"]) == ("customer", "ready", 2)
    shown = answer(shop, "entity", "show", "customer")
    assert shown["feature_groups"]["spend"]["features"] == ["spent"]
    assert shop.seeknal("entity", "show", "custmer", "--json").json["error"] == "unknown_entity"
    same = answer(shop, "consolidate")
    assert (same["entities"], same["changes"]) == (["entity.customer"], {})
    assert answer(shop, "consolidate", "--prune")["changes"] == {}


def test_consolidate_builds_entities_and_no_feature_group(shop: Project) -> None:
    shop.edit("seeknal/feature_groups/spend.yml", "sum(amount)", "2 * sum(amount)")
    assert answer(shop, "consolidate")["changes"] == {}
    assert sorted((row[0], row[2]) for row in shop.rows("feature_group.spend")) == [("a", 40), ("b", 20)]


def test_cache_stats_verify_and_gc(shop: Project) -> None:
    stats = answer(shop, "cache", "stats")
    assert stats["blobs"] > 14
    assert stats["results"] == 7
    assert answer(shop, "cache", "path") == {"path": shop.path("target")}
    assert answer(shop, "cache", "verify")["findings"] == []
    assert answer(shop, "cache", "verify", "--rebuild", "by_city")["difference"] == ""
    shop.edit("seeknal/transforms/by_city.yml", "sum(amount)", "max(amount)")
    shop.run()
    gone = answer(shop, "cache", "gc", "--keep-generations", "1", "--max-age", "0", "--grace", "0")
    assert gone["removed"] > 0
    assert answer(shop, "cache", "verify")["findings"] == []
    assert shop.run().built == set()
    assert by_city(shop) == [("Paris", 30), ("Rome", 20)]
    assert len(answer(shop, "log")) == 1
    shop.edit("seeknal/transforms/by_city.yml", "max(amount)", "sum(amount)")
    assert shop.run().built == {"transform.by_city"}, "it was collected"


def test_cache_verify_finds_one_changed_byte(shop: Project) -> None:
    path = os.path.realpath(shop.view("transform.by_city"))
    os.chmod(path, 0o644)
    with open(path, "r+b") as file:
        file.seek(20)
        byte = file.read(1)
        file.seek(20)
        file.write(bytes([byte[0] ^ 1]))
    result = shop.seeknal("cache", "verify", "--json")
    assert result.code == 6
    assert [finding["path"] for finding in result.json["findings"]] == [path]
    assert shop.seeknal("inspect", "by_city").code == 6
    assert shop.run().built == {"transform.by_city"}
    assert by_city(shop) == PARIS_40


def test_validate_init_and_help(shop: Project, tmp_path: Path) -> None:
    assert answer(shop, "validate")["problems"] == []
    new = Project(str(tmp_path / "new"))
    from seeknal.cli import main

    assert main(["init", new.root]) == 0
    assert new.run().built
    assert new.run().built == set()
    for word in ("run", "plan", "cache", "entity"):
        with pytest.raises(SystemExit) as ended:
            main([word, "--help"])
        assert ended.value.code == 0

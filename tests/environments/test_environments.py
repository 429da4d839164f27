"""A person tries an edit in an environment, looks at it, and promotes it; what readers of `prod` see moves in one step."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from tests.project_on_disk import Project

BY_CITY = "seeknal/transforms/by_city.yml"


def total(project: Project, env: str = "prod") -> dict[str, int]:
    return {str(city): int(amount) for city, amount in project.rows("transform.by_city", env)}


def blobs(project: Project) -> set[str]:
    return {name for _, _, names in os.walk(project.path("target", "cas")) for name in names}


def tables(project: Project) -> set[str]:
    """Blobs that are tables: what a copy would add to."""
    found = set()
    for folder, _, names in os.walk(project.path("target", "cas")):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                found |= {name} if file.read(4) == b"PAR1" else set()
    return found


@pytest.fixture
def edited(shop: Project) -> Project:
    """Published in prod, then the last transform is edited and run in `dev` only."""
    shop.run()
    shop.edit(BY_CITY, "sum(amount)", "10 * sum(amount)")
    assert shop.run("--env", "dev").built == {"transform.by_city"}
    return shop


def test_the_first_run_in_an_environment_executes_nothing_and_copies_nothing(shop: Project) -> None:
    shop.run()
    before, links = tables(shop), total(shop)
    result = shop.seeknal("run", "--env", "dev")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("nothing to build: 5 targets are up to date; published generation ")
    assert tables(shop) == before
    assert total(shop, "dev") == links
    assert "nothing to do" in shop.seeknal("run", "--env", "dev").out


def test_a_changed_node_is_built_in_the_environment_only(edited: Project) -> None:
    assert total(edited) == {"Paris": 40, "Rome": 20}
    assert total(edited, "dev") == {"Paris": 400, "Rome": 200}
    assert edited.rows("transform.clean", "dev") == edited.rows("transform.clean")


def test_an_environment_without_prod_builds_all_it_needs(shop: Project) -> None:
    assert len(shop.run("--env", "dev").built) == 5
    assert not os.path.exists(shop.path("target", "intermediate"))
    assert shop.run().built == set()
    assert total(shop) == {"Paris": 40, "Rome": 20}


def test_part_of_a_project_reads_the_rest_from_prod(shop: Project) -> None:
    shop.run()
    shop.edit(BY_CITY, "sum(amount)", "10 * sum(amount)")
    assert shop.run("--env", "dev", "--nodes", "by_city").built == {"transform.by_city"}
    assert sorted(os.listdir(shop.path("target", "environments", "dev", "intermediate"))) == sorted(
        os.listdir(shop.path("target", "intermediate"))
    )


def test_the_consumer_of_an_excluded_node_reads_what_prod_has_of_it(shop: Project) -> None:
    shop.write(BY_CITY, shop.read(BY_CITY) + "tags: [late]\n")
    shop.edit("seeknal/transforms/joined.yml", "name: joined\n", "name: joined\ntags: [heavy]\n")
    shop.run()
    shop.edit(BY_CITY, "sum(amount)", "10 * sum(amount)")
    assert shop.run("--env", "dev", "--exclude-tags", "heavy").built == {"transform.by_city"}
    assert total(shop, "dev") == {"Paris": 400, "Rome": 200}


def test_promote_moves_one_ref_and_the_next_run_has_nothing_to_do(edited: Project) -> None:
    before = tables(edited)
    result = edited.seeknal("env", "promote", "dev", "--json")
    assert (result.code, result.json["changes"]) == (0, {"transform.by_city": "rebuilt"})
    assert total(edited) == {"Paris": 400, "Rome": 200}
    assert tables(edited) == before
    assert edited.run().built == set()
    assert "as prod" in edited.seeknal("env", "list").out
    assert edited.seeknal("env", "promote", "dev").out == "prod has all that dev has\n"


def test_a_promotion_can_be_rolled_back(edited: Project) -> None:
    edited.seeknal("env", "promote", "dev")
    assert edited.seeknal("rollback").code == 0
    assert total(edited) == {"Paris": 40, "Rome": 20}


def test_promote_refuses_when_prod_has_moved_on_and_rebase_builds_what_is_missing(edited: Project) -> None:
    edited.write("data/orders.csv", "id,customer,amount\n1,a,10\n2,b,20\n3,a,30\n4,b,40\n")
    edited.edit(BY_CITY, "10 * sum(amount)", "sum(amount)")
    edited.run()
    edited.edit(BY_CITY, "sum(amount)", "10 * sum(amount)")
    refused = edited.seeknal("env", "promote", "dev")
    assert refused.code == 2
    assert "prod has moved on since dev was brought up to date over it: source.orders (rebuilt)" in refused.err
    assert "seeknal env promote dev --rebase" in refused.err
    assert total(edited) == {"Paris": 40, "Rome": 60}
    assert "prod has moved on in" in edited.seeknal("env", "list").out
    assert edited.seeknal("env", "promote", "dev", "--rebase").code == 0
    assert total(edited) == {"Paris": 400, "Rome": 600}


def test_what_prod_got_that_the_environment_has_too_is_no_reason_to_refuse(edited: Project) -> None:
    edited.run()
    assert edited.seeknal("env", "promote", "dev").code == 0


def test_an_environment_that_was_run_again_has_seen_what_prod_has(edited: Project) -> None:
    """Its tables are what they were, and yet it can be promoted: a run over the new state of prod is a run."""
    edited.edit(BY_CITY, "10 * sum(amount)", "sum(amount)")
    edited.write("data/customers.csv", "customer,city\na,Paris\nb,Oslo\n")
    edited.run()
    edited.edit(BY_CITY, "sum(amount)", "10 * sum(amount)")
    edited.run("--env", "dev")
    assert edited.seeknal("env", "promote", "dev").code == 0
    assert total(edited) == {"Paris": 400, "Oslo": 200}


def test_a_run_of_a_part_does_not_claim_to_have_seen_all(edited: Project) -> None:
    edited.edit(BY_CITY, "10 * sum(amount)", "sum(amount)")
    edited.write("data/orders.csv", "id,customer,amount\n1,a,10\n")
    edited.run()
    assert edited.seeknal("run", "--env", "dev", "--nodes", "source.customers").code == 0
    assert edited.seeknal("env", "promote", "dev").code == 2


def test_data_that_changed_in_prod_reaches_the_environment(edited: Project) -> None:
    """W13: the existing tool kept computing on the copies of the first time."""
    edited.write("data/orders.csv", "id,customer,amount\n1,a,10\n2,b,20\n3,a,30\n4,b,40\n")
    edited.run("--env", "dev")
    assert total(edited, "dev") == {"Paris": 400, "Rome": 600}
    assert total(edited) == {"Paris": 40, "Rome": 20}


def test_a_run_takes_the_definitions_of_now_whatever_was_planned(shop: Project) -> None:
    """W14."""
    shop.run()
    shop.seeknal("env", "plan", "dev")
    shop.edit(BY_CITY, "sum(amount)", "7 * sum(amount)")
    shop.run("--env", "dev")
    assert total(shop, "dev") == {"Paris": 280, "Rome": 140}


def test_apply_does_what_was_planned_or_says_what_is_different(shop: Project) -> None:
    """W14, the other half."""
    shop.run()
    shop.edit(BY_CITY, "sum(amount)", "10 * sum(amount)")
    planned = shop.seeknal("env", "plan", "dev", "--date", "2024-05-01")
    assert "5.  RUN" in planned.out
    shop.edit(BY_CITY, "10 * sum(amount)", "11 * sum(amount)")
    refused = shop.seeknal("env", "apply", "dev")
    assert (refused.code, "this is not what was planned: transform.by_city is another one" in refused.err) == (2, True)
    shop.edit(BY_CITY, "11 * sum(amount)", "10 * sum(amount)")
    assert shop.seeknal("env", "apply", "dev").code == 0
    assert total(shop, "dev") == {"Paris": 400, "Rome": 200}
    assert "no plan of dev is kept" in shop.seeknal("env", "apply", "dev").err


def test_apply_keeps_the_selection_the_clock_and_the_parameters_of_its_plan(shop: Project) -> None:
    shop.transform("dated", "SELECT '{{today}}' AS day, '{{who}}' AS who, '{{run_id}}' AS run")
    options = ("--nodes", "dated", "--params", "who=ann", "--date", "2024-05-01")
    assert shop.seeknal("plan", "dev", *options).code == 0
    assert shop.seeknal("env", "apply", "dev").code == 0
    row = shop.rows("transform.dated", "dev")[0]
    assert row[:2] == ("2024-05-01", "ann")
    assert len(os.listdir(shop.path("target", "environments", "dev", "intermediate"))) == 1


def test_a_plan_without_a_date_is_applied_at_the_moment_it_was_made_for(shop: Project) -> None:
    shop.transform("dated", "SELECT '{{today}}' AS day")
    shop.seeknal("env", "plan", "dev")
    path = shop.path("target", "environments", "dev", "plan.json")
    with open(path, encoding="utf-8") as file:
        kept = json.load(file)
    assert shop.seeknal("env", "apply", "dev").code == 0
    assert shop.rows("transform.dated", "dev") == [(kept["clock"][:10],)]


def test_a_promotion_takes_what_the_environment_built_and_no_later_edit(edited: Project) -> None:
    """W15: rows and definition of one generation belong together."""
    edited.edit(BY_CITY, "10 * sum(amount)", "100 * sum(amount)")
    edited.seeknal("env", "plan", "dev")
    promoted = edited.seeknal("env", "promote", "dev")
    assert (promoted.code, "the next `seeknal run` builds transform.by_city" in promoted.out) == (0, True)
    assert total(edited) == {"Paris": 400, "Rome": 200}
    assert edited.plan()["transform.by_city"] == "BUILD"
    assert edited.run().built == {"transform.by_city"}
    assert total(edited) == {"Paris": 4000, "Rome": 2000}


def test_a_failed_run_in_an_environment_is_a_failure(edited: Project) -> None:
    """F4."""
    edited.edit(BY_CITY, "10 * sum(amount)", "error('no')")
    assert edited.run("--env", "dev", ok=False).code == 1
    edited.seeknal("env", "plan", "dev")
    assert edited.seeknal("env", "apply", "dev").code == 1
    assert total(edited, "dev") == {"Paris": 400, "Rome": 200}


def test_a_dry_run_in_an_environment_touches_nothing(shop: Project) -> None:
    """F5."""
    shop.run()
    assert shop.seeknal("run", "--env", "dev", "--dry-run").code == 0
    assert not os.path.exists(shop.path("target", "environments"))
    assert "dev" not in shop.seeknal("env", "list").out


@pytest.mark.parametrize("name", ["../../evil", "a/b", "..", "", ".hidden", "Prod", "a b", "x" * 41, "-x", "1st"])
def test_a_name_that_is_no_plain_word_makes_no_folder(shop: Project, name: str) -> None:
    for words in (("run", f"--env={name}"), ("env", "delete", "--", name), ("plan", f"--env={name}")):
        assert shop.seeknal(*words[:1], *words[1:]).code == 2
    assert not os.path.exists(shop.path("target", "environments"))


def test_plan_in_an_environment_is_not_confused_by_other_plans(edited: Project) -> None:
    """Section 5 of the study: `plan` and `run --dry-run` overwrote what the environment compared with."""
    edited.edit(BY_CITY, "10 * sum(amount)", "sum(amount)")
    edited.seeknal("plan")
    edited.seeknal("run", "--dry-run")
    edited.edit(BY_CITY, "sum(amount)", "12 * sum(amount)")
    steps = {s["node"]: s["verdict"] for s in edited.seeknal("plan", "dev", "--json").json["steps"]}
    assert steps.pop("transform.by_city") == "BUILD"
    assert set(steps.values()) == {"HIT"}


def test_delete_frees_what_only_the_environment_had(edited: Project) -> None:
    assert len(edited.rows("transform.by_city", "dev")) == 2
    assert edited.seeknal("env", "delete", "dev").code == 0
    assert not os.path.exists(edited.path("target", "environments", "dev"))
    before = blobs(edited)
    assert edited.seeknal("cache", "gc", "--max-age", "0", "--grace", "0").code == 0
    assert blobs(edited) < before
    edited.edit(BY_CITY, "10 * sum(amount)", "sum(amount)")
    assert edited.run().built == set()
    assert edited.seeknal("cache", "verify").code == 0


def test_collecting_keeps_what_another_environment_needs(edited: Project) -> None:
    assert edited.seeknal("cache", "gc", "--max-age", "0", "--grace", "0", "--keep-generations", "1").code == 0
    assert total(edited, "dev") == {"Paris": 400, "Rome": 200}
    assert edited.seeknal("env", "promote", "dev").code == 0
    assert total(edited) == {"Paris": 400, "Rome": 200}


def test_prod_cannot_be_deleted_and_what_is_not_there_cannot_be_promoted(shop: Project) -> None:
    shop.run()
    assert "cannot be deleted" in shop.seeknal("env", "delete", "prod").err
    shop.run("--env", "staging")
    assert "did you mean staging" in shop.seeknal("env", "promote", "stagin").err
    assert shop.seeknal("env", "delete", "dev").code == 2
    assert shop.seeknal("env", "promote", "prod").code == 2


def test_one_environment_can_be_promoted_to_another(edited: Project) -> None:
    assert edited.seeknal("env", "promote", "dev", "staging").code == 0
    assert total(edited, "staging") == {"Paris": 400, "Rome": 200}
    assert total(edited) == {"Paris": 40, "Rome": 20}
    assert [e["environment"] for e in edited.seeknal("env", "list", "--json").json] == ["prod", "dev", "staging"]
    assert edited.seeknal("env", "promote", "staging").code == 0
    assert total(edited) == {"Paris": 400, "Rome": 200}


def test_history_is_that_of_the_environment(edited: Project) -> None:
    edited.edit(BY_CITY, "10 * sum(amount)", "20 * sum(amount)")
    edited.run("--env", "dev")
    assert len(edited.seeknal("log", "--env", "dev", "--json").json) == 2
    assert len(edited.seeknal("log", "--json").json) == 1
    assert edited.seeknal("rollback", "--env", "dev").code == 0
    assert total(edited, "dev") == {"Paris": 400, "Rome": 200}
    assert "400" in edited.seeknal("inspect", "by_city", "--env", "dev").out
    assert "40" in edited.seeknal("inspect", "by_city").out


def test_a_shared_store_knows_what_each_environment_needs(shop: Project, tmp_path: object) -> None:
    store = f"{tmp_path}/store"
    shop.run("--cache-dir", store)
    shop.edit(BY_CITY, "sum(amount)", "10 * sum(amount)")
    shop.run("--cache-dir", store, "--env", "dev")
    assert len(os.listdir(f"{store}/roots")) == 2
    assert shop.seeknal("env", "delete", "dev", "--cache-dir", store).code == 0
    assert len(os.listdir(f"{store}/roots")) == 1


def test_an_environment_moves_with_its_project(edited: Project, tmp_path: object) -> None:
    moved = Project(f"{tmp_path}/moved")
    shutil.move(edited.root, moved.root)
    assert total(moved, "dev") == {"Paris": 400, "Rome": 200}
    assert moved.run("--env", "dev").built == set()


def test_exposures_leave_the_project_from_prod_only(shop: Project) -> None:
    text = "kind: exposure\nname: out\ntype: file\ninputs: [{ref: transform.by_city}]\nparams: {path: out/totals.csv, format: csv}\n"
    shop.write("seeknal/exposures/out.yml", text)
    shop.run()
    shop.edit(BY_CITY, "sum(amount)", "10 * sum(amount)")
    shop.run("--env", "dev")
    assert "400" not in shop.read("out/totals.csv")
    shop.run("--env", "dev", "--nodes", "exposure.out")
    assert "400" not in shop.read("out/totals.csv")
    assert "400" in shop.read("target/environments/dev/exports/out/totals.csv")
    assert "the next `seeknal run` builds exposure.out" in shop.seeknal("env", "promote", "dev").out
    assert shop.run().built == {"exposure.out"}
    assert "400" in shop.read("out/totals.csv")


def test_what_a_node_remembers_begins_as_in_prod_and_comes_along(shop: Project) -> None:
    code = """
    from seeknal.pipeline import transform

    @transform(name="counted", inputs=["source.orders"])
    def counted(ctx):
        seen = ctx.state.get("runs", 0) + 1
        ctx.state.set("runs", seen)
        return [{"runs": seen, "rows": len(ctx.ref("source.orders").df())}]
    """
    shop.write("seeknal/pipelines/counted.py", code)
    shop.run()
    shop.write("data/orders.csv", "id,customer,amount\n1,a,10\n")
    shop.run("--env", "dev")
    assert shop.rows("transform.counted", "dev") == [(2, 1)]
    assert shop.rows("transform.counted") == [(1, 3)]
    shop.seeknal("env", "promote", "dev")
    shop.write("data/orders.csv", "id,customer,amount\n2,b,20\n9,b,1\n")
    shop.run()
    assert shop.rows("transform.counted") == [(3, 2)]


def test_marks_belong_to_their_environment(project: Project) -> None:
    project.source("rides", "day,km\n2024-01-01,1\n2024-01-02,2\n", {"day": "DATE", "km": "BIGINT"})
    more = "interval: {unit: day, column: day, start: 2024-01-01}\n"
    project.write("seeknal/sources/rides.yml", project.read("seeknal/sources/rides.yml") + more)
    project.run("--date", "2024-01-03")
    assert project.run("--date", "2024-01-03", "--env", "dev").built == set()
    window = ("--start", "2024-01-01", "--end", "2024-01-01", "--env", "dev")
    assert project.seeknal("intervals", "restatement-add", "rides", *window).code == 0
    assert project.seeknal("intervals", "restatement-list", "--json").json == []
    assert len(project.seeknal("intervals", "restatement-list", "--env", "dev", "--json").json) == 1

"""`seeknal explain`: root causes first, each with what it rebuilt; and where the wave stopped."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from tests.project_on_disk import Project


def told(project: Project, *words: str) -> Any:
    """The document of `explain`."""
    done = project.seeknal("explain", "--json", *words)
    assert done.code == 0, done.err
    return done.json


def text(project: Project, *words: str) -> list[str]:
    """What a person reads."""
    done = project.seeknal("explain", *words)
    assert done.code == 0, done.err
    return done.out.splitlines()


def test_an_edit_and_all_that_it_pulled(shop: Project) -> None:
    shop.run()
    shop.edit("seeknal/transforms/clean.yml", "amount > 0", "amount > 15")
    shop.run("--run-id", "edited")
    lines = text(shop)
    assert lines[0].startswith("run edited (")
    assert ": 3 rebuilt in " in lines[0]
    assert "3 rebuilt (" in lines[1]
    assert lines[1].endswith("because transform.clean was edited: sql: filter on amount: amount > 0 -> amount > 15")
    assert lines[2:] == ["    -> transform.clean, transform.joined, transform.by_city"]


def test_several_causes_each_with_its_own(shop: Project) -> None:
    shop.run()
    shop.edit("data/customers.csv", "b,Rome", "b,Oslo")
    shop.edit("seeknal/transforms/by_city.yml", "sum(amount)", "max(amount)")
    shop.run("--run-id", "both")
    found = told(shop)["causes"]
    assert [(cause["what"], cause["targets"]) for cause in found] == [
        (
            "file data/customers.csv changed (source.customers)",
            ["source.customers", "transform.joined", "transform.by_city"],
        ),
        ("transform.by_city was edited: sql: column total: sum(amount) -> max(amount)", ["transform.by_city"]),
    ]
    assert sum(one["milliseconds"] for one in found) >= told(shop)["milliseconds"]


def test_where_the_wave_stopped(shop: Project) -> None:
    shop.transform("cities", "SELECT DISTINCT city FROM ref('transform.joined') ORDER BY ALL", ("transform.joined",))
    shop.transform("far", "SELECT city, 1 AS one FROM ref('transform.cities')", ("transform.cities",))
    shop.run()
    shop.edit("data/orders.csv", "2,b,20", "2,b,21")
    shop.run()
    found = told(shop)
    assert found["stopped"] == [{"at": "transform.joined", "readers": ["transform.cities"]}]
    assert found["stopped_below"] == 1
    assert found["cut_off"] == ["transform.cities", "transform.far"]
    assert text(shop)[-2:] == [
        "it stopped at transform.joined: what transform.cities read of it came out the same",
        "1 more below these had nothing to do",
    ]


def test_what_a_run_would_do_now(shop: Project) -> None:
    shop.run()
    assert text(shop, "--plan") == ["nothing to build: all is up to date"]
    shop.edit("data/orders.csv", "2,b,20", "2,b,21")
    shop.edit("seeknal/transforms/joined.yml", "c.city", "c.city AS town")
    shop.edit("seeknal/transforms/by_city.yml", "SELECT city", "SELECT town")
    shop.edit("seeknal/transforms/by_city.yml", "GROUP BY city", "GROUP BY town")
    found = told(shop, "--plan")["causes"]
    assert [cause["what"] for cause in found] == [
        "file data/orders.csv changed (source.orders)",
        "transform.joined was edited: sql: column city removed; sql: column town added",
    ]
    assert found[1]["targets"] == ["transform.joined", "transform.by_city"]
    assert text(shop, "--plan")[0] == "1 to build, 3 more maybe, because file data/orders.csv changed (source.orders)"
    assert shop.plan()["source.orders"] == "BUILD", "explaining changes nothing"


def test_a_node_is_followed_back_to_where_it_began(shop: Project) -> None:
    shop.run("--run-id", "first")
    shop.edit("data/orders.csv", "2,b,20", "2,b,21")
    assert text(shop, "by_city")[:3] == [
        "transform.by_city may be built",
        "  because transform.joined is being built",
        "  which goes back to this: file data/orders.csv changed (source.orders)",
    ]
    shop.run("--run-id", "second")
    now = text(shop, "by_city")
    assert now[0] == "transform.by_city is up to date"
    assert now[1].startswith("last built by run second in ")
    assert now[2:] == [
        "  because transform.joined changed in amount",
        "  which goes back to this: file data/orders.csv changed (source.orders)",
    ]
    assert told(shop, "by_city", "--run", "first")["reasons"][0]["reason"] == "first_build"
    done = shop.seeknal("explain", "customers", "--run", "second")
    assert (done.code, "not built in run second" in done.err) == (2, True)


def test_the_end_of_a_run_says_it_in_a_line(shop: Project) -> None:
    first = shop.seeknal("run").out
    assert "because" not in first, "that all is new goes without saying"
    shop.edit("seeknal/transforms/clean.yml", "SELECT *", "SELECT *, 1 AS one")
    assert "1 built because transform.clean was edited: sql: column one added" in shop.seeknal("run").out.splitlines()
    for name in ("a", "b", "c"):
        shop.transform(name, f"SELECT 1 AS {name}")
    shop.seeknal("run")
    for name in ("a", "b", "c"):
        shop.edit(f"seeknal/transforms/{name}.yml", "SELECT 1", "SELECT 2")
    assert "because" not in shop.seeknal("run").out, "three causes are no line: that is for explain"
    assert len(told(shop)["causes"]) == 3


def test_a_helper_of_two_python_nodes_is_one_cause(project: Project) -> None:
    project.write("seeknal/pipelines/helpers.py", "def table():\n    return [{'a': 1}]\n")
    node = "from seeknal.pipeline import transform\nfrom helpers import table\n\n"
    node += "@transform(name='{0}')\ndef {0}(ctx):\n    return table()\n"
    for name in ("one", "two"):
        project.write(f"seeknal/pipelines/{name}.py", node.format(name))
    project.run()
    project.edit("seeknal/pipelines/helpers.py", "'a': 1", "'a': 2")
    project.run()
    found = told(project)["causes"]
    assert [(cause["what"], cause["targets"]) for cause in found] == [
        ("module helpers changed (transform.one, transform.two)", ["transform.one", "transform.two"])
    ]
    project.edit("seeknal/pipelines/one.py", "return table()", "return table() + table()")
    project.run()
    assert told(project)["causes"][0]["what"] == "transform.one was edited: its Python code changed"


def test_the_latest_run_that_did_something(shop: Project) -> None:
    done = shop.seeknal("explain")
    assert (done.code, "there is nothing to explain" in done.err) == (2, True)
    shop.run("--run-id", "first")
    shop.edit("data/orders.csv", "2,b,20", "2,b,20 ")  # another file with the same rows
    shop.run("--run-id", "second")
    os.utime(shop.path("data/orders.csv"))
    shop.run("--run-id", "third", "-n", "customers")
    assert told(shop)["run"] == "second"
    done = shop.seeknal("explain", "--run", "secnd")
    assert (done.code, "did you mean second?" in done.err) == (2, True)
    assert told(shop, "--run", "first")["built"] == 5


def test_a_run_that_failed_is_explained_too(shop: Project) -> None:
    shop.run()
    shop.edit("seeknal/transforms/clean.yml", "amount > 0", "amount > 5")
    shop.edit("seeknal/transforms/by_city.yml", "sum(amount)", "sum(CAST(city AS BIGINT))")
    assert shop.run("--run-id", "broken", ok=False).code == 1
    found = told(shop)
    assert (found["run"], found["failed"]) == ("broken", ["transform.by_city"])
    assert found["causes"][0]["edits"] == ["sql: filter on amount: amount > 0 -> amount > 5"]
    assert text(shop)[1] == "failed: transform.by_city"


def test_in_an_environment_an_edit_is_told_against_prod(shop: Project) -> None:
    shop.run()
    shop.edit("seeknal/transforms/clean.yml", "amount > 0", "amount > 15")
    shop.run("--env", "dev", "--run-id", "dev1")
    assert told(shop, "--run", "dev1")["causes"][0]["edits"] == ["sql: filter on amount: amount > 0 -> amount > 15"]


def test_late_data_and_an_edit_of_a_node_with_intervals(project: Project) -> None:
    every = "interval: {unit: day, column: day}\n"
    project.source("rides", "day,km\n2024-01-01,1\n2024-01-02,2\n", {"day": "DATE", "km": "BIGINT"})
    project.edit("seeknal/sources/rides.yml", "columns:", f"{every}columns:")
    project.transform(
        "daily", "SELECT day, sum(km) AS km FROM ref('source.rides') GROUP BY day", ("source.rides",), every
    )
    project.transform("all", "SELECT sum(km) AS km FROM ref('transform.daily')", ("transform.daily",))
    project.run("--date", "2024-01-03")
    project.edit("data/rides.csv", "2024-01-02,2", "2024-01-02,3")
    project.run("--date", "2024-01-03", "--run-id", "late")
    assert told(project)["causes"][0]["targets"] == ["source.rides", "transform.daily", "transform.all"]
    project.edit("seeknal/transforms/daily.yml", "sum(km)", "max(km)")
    project.run("--date", "2024-01-03", "--run-id", "edited")
    found = told(project)["causes"]
    assert [cause["what"] for cause in found] == ["transform.daily was edited: sql: column km: sum(km) -> max(km)"]


def test_what_the_trees_do_not_tell_is_told_by_lines(shop: Project) -> None:
    shop.run()
    more = "SELECT city, total FROM (SELECT city, sum(amount) AS total FROM ref('transform.joined') GROUP BY city) UNION ALL "
    shop.edit("seeknal/transforms/by_city.yml", "SELECT city", f"{more}SELECT city")
    lines = text(shop, "--plan")
    assert lines[0] == "1 to build because transform.by_city was edited: sql changed"
    assert any(line.startswith("    sql: + ") and "UNION ALL" in line for line in lines)
    assert not any("__t0" in line for line in lines)


TORN = [
    "",
    "{",
    "3",
    "null",
    '{"event": "built"}',
    '{"event": "built", "target": 7}',
    '{"event": "built", "target": "transform.old"}',
    '{"event": "built", "target": "transform.old", "reasons": [{"reason": 3}, "x", {"reason": "column_changed"}]}',
    '{"event": "built", "target": "transform.old\\u001b[31m", "reasons": null, "milliseconds": "many"}',
    '{"event": "hit", "target": "transform.old", "after": [3, null]}',
    '{"event": "hit", "target": "transform.old", "cut_off": true}',
    '{"at": "noon", "event": "done"}',
]


@pytest.mark.parametrize("line", TORN)
def test_a_log_that_is_torn_or_of_another_version_does_no_harm(shop: Project, line: str) -> None:
    shop.run("--run-id", "first")
    built = {"event": "built", "target": "transform.x", "reasons": [{"reason": "new_word", "subject": "a.b"}]}
    shop.write("target/log/old.jsonl", f"{json.dumps(built)}\n{line}\n{json.dumps(built)}")
    done = shop.seeknal("explain", "--run", "old")
    assert done.code == 0, done.err
    assert "\x1b" not in done.out
    assert "because new_word (transform.x)" in done.out


def test_secrets_stay_secret(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "hunter2hunter2")
    shop.transform("secret", "SELECT '{{env:API_TOKEN}}' AS token")
    shop.run()
    monkeypatch.setenv("API_TOKEN", "swordfish99")
    for words in (("--plan",), ("secret",), ("--plan", "--json")):
        out = shop.seeknal("explain", *words).out
        assert "transform.secret" in out
        assert "swordfish99" not in out
    shop.run()
    for option in ("--verbose", "secret", "--json"):
        assert "swordfish99" not in shop.seeknal("explain", option).out

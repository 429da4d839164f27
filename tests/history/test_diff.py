"""`seeknal diff`: what differs between two published states, told so that a person sees it at a glance."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.project_on_disk import Project


def told(project: Project, *words: str) -> dict[str, Any]:
    """The document of `diff`."""
    done = project.seeknal("diff", "--json", *words)
    assert done.code == 0, done.err
    found: dict[str, Any] = done.json
    return found


def nodes(project: Project, *words: str) -> dict[str, dict[str, Any]]:
    """The nodes that differ, by name."""
    return {node["node"]: node for node in told(project, *words)["nodes"]}


def text(project: Project, *words: str) -> list[str]:
    """What a person reads."""
    done = project.seeknal("diff", *words)
    assert done.code == 0, done.err
    return done.out.splitlines()


def test_a_changed_order_is_followed_down_to_its_cells(shop: Project) -> None:
    shop.run("--run-id", "monday")
    shop.write("data/orders.csv", "id,customer,amount\n1,a,10\n2,b,25\n4,a,7\n")
    shop.run("--run-id", "tuesday")
    lines = text(shop)
    assert lines[0].startswith("from prod ")
    assert "(run monday, " in lines[0]
    assert lines[1].startswith("to   prod ")
    assert lines[2:8] == [
        "source.orders      1 row added, 1 removed, 1 changed (amount) by id",
        "       id  customer  amount",
        "    +  4   a         7",
        "    -  3   a         30",
        "    ~  2   b         20 -> 25",
        "transform.by_city  2 rows changed (total) by city",
    ]
    assert lines[-1] == "4 differ, 1 is equal"


def test_a_state_is_named_by_digest_run_or_environment(shop: Project) -> None:
    shop.run("--run-id", "monday")
    shop.edit("data/orders.csv", "2,b,20", "2,b,21")
    shop.run("--run-id", "tuesday")
    shop.edit("data/orders.csv", "1,a,10", "1,a,11")
    shop.run("--run-id", "wednesday")
    newest = [entry["generation"] for entry in shop.seeknal("log", "--json").json]
    assert told(shop)["from"]["run"] == "tuesday"
    assert told(shop, "monday")["nodes"] == told(shop, newest[2])["nodes"] == told(shop, newest[2][7:19])["nodes"]
    assert [told(shop, "monday", "tuesday")[side]["run"] for side in ("from", "to")] == ["monday", "tuesday"]
    assert told(shop, "prod@monday", "prod")["from"]["run"] == "monday"
    back = nodes(shop, "wednesday", "monday")["source.orders"]["rows"]
    assert (back["added"], back["removed"], back["changed"]) == (0, 0, 2)
    assert text(shop, "prod", "wednesday")[-1] == "no difference"


@pytest.mark.parametrize("word", ["nothing", "prod@nothing", "nowhere@monday", "", "@", "\x1b[31m"])
def test_a_state_that_is_none_is_said_so(shop: Project, word: str) -> None:
    shop.run("--run-id", "monday")
    done = shop.seeknal("diff", word or "@", "monday")
    assert done.code == 2
    assert "\x1b" not in done.err
    assert "Traceback" not in done.err


def test_before_the_second_publication_there_is_nothing_to_compare(shop: Project) -> None:
    assert shop.seeknal("diff").code == 2
    shop.run()
    done = shop.seeknal("diff")
    assert done.code == 2
    assert "there is no earlier generation" in done.err


def test_what_an_environment_does_differently(shop: Project) -> None:
    shop.run()
    shop.edit("seeknal/transforms/by_city.yml", "sum(amount) AS total", "sum(amount) AS total, count(*) AS n")
    shop.run("--env", "dev")
    found = nodes(shop, "dev", "prod")
    assert list(found) == ["transform.by_city"]
    assert found["transform.by_city"]["columns"]["removed"] == [["n", "BIGINT"]]
    assert nodes(shop, "prod", "dev")["transform.by_city"]["columns"]["added"] == [["n", "BIGINT"]]
    assert told(shop, "prod", "--env", "dev")["to"]["environment"] == "dev"
    assert text(shop, "prod", "dev")[2].startswith("transform.by_city  column n added")


def test_nodes_that_came_went_or_only_got_other_words(shop: Project) -> None:
    shop.run()
    shop.transform("more", "SELECT 1 AS one")
    os.remove(shop.path("seeknal/transforms/by_city.yml"))
    shop.edit("seeknal/transforms/joined.yml", "name: joined\n", "name: joined\nowner: ann\n")
    shop.edit("seeknal/transforms/clean.yml", "amount > 0", "amount >= 1")
    shop.run()
    assert {name: node["change"] for name, node in nodes(shop).items()} == {
        "transform.by_city": "removed",
        "transform.clean": "recipe",
        "transform.joined": "metadata",
        "transform.more": "added",
    }
    assert text(shop)[2:6] == [
        "transform.by_city  removed: 2 rows, 2 columns",
        "transform.clean    made another way, the same rows; metadata: formatting or comments",
        "transform.joined   only metadata: owner",
        "transform.more     added: 1 row, 1 column",
    ]


def test_columns_that_were_added_renamed_retyped(project: Project) -> None:
    project.source("t", "id,a,b\n1,1,x\n2,2,y\n", {"id": "BIGINT", "a": "INTEGER", "b": "VARCHAR"})
    project.transform("out", "SELECT id, a, b FROM ref('source.t')", ("source.t",))
    project.run()
    project.transform(
        "out", "SELECT id, a::DOUBLE + if(id = 2, 1, 0) AS a, b AS c, 1 AS n FROM ref('source.t')", ("source.t",)
    )
    project.run()
    found = nodes(project)["transform.out"]
    assert found["columns"] == {
        "added": [["n", "INTEGER"]],
        "removed": [],
        "renamed": [["b", "c"]],
        "retyped": [["a", "INTEGER", "DOUBLE"]],
        "differing": ["a"],
        "equal": ["id", "c"],
    }
    assert found["rows"]["changed"] == 1, "1 and 1.0 are one number"
    assert (
        "column b renamed to c; column a INTEGER -> DOUBLE; column n added; 1 row changed (a) by id" in text(project)[2]
    )


def test_text_that_is_a_number_now_is_compared_as_text(project: Project) -> None:
    project.source("t", "id,a\n1,5\n2,x\n", {"id": "BIGINT", "a": "VARCHAR"})
    project.run()
    project.source("t", "id,a\n1,5\n2,6\n", {"id": "BIGINT", "a": "BIGINT"})
    project.run()
    rows = nodes(project)["source.t"]["rows"]
    assert (rows["changed"], rows["sample"][0]["before"], rows["sample"][0]["after"]) == (
        1,
        {"id": "2", "a": "x"},
        {"id": "2", "a": "6"},
    )


def test_a_node_says_itself_what_its_rows_are_known_by(project: Project) -> None:
    head = "rider,day,km\n"
    types = {"rider": "VARCHAR", "day": "DATE", "km": "BIGINT"}
    project.source("rides", f"{head}a,2024-01-01,1\na,2024-01-02,2\nb,2024-01-01,3\n", types)
    group = (
        "kind: feature_group\nname: km\nentity: {name: rider, join_keys: [rider]}\n"
        "materialization: {event_time_col: day}\ninputs: [{ref: source.rides}]\n"
    )
    project.write("seeknal/km.yml", group + "transform: SELECT * FROM ref('source.rides')\n")
    unique = "audits: [{type: unique, columns: [rider, day]}]\n"
    project.transform("copy", "SELECT * FROM ref('source.rides')", ("source.rides",), unique)
    aggregation = (
        "kind: aggregation\nname: sums\nid_col: rider\nfeature_date_col: day\napplication_date_col: day\n"
        "source: source.rides\nfeatures:\n  - {name: km, basic: [sum]}\n"
    )
    project.write("seeknal/sums.yml", aggregation)
    project.run()
    project.write("data/rides.csv", f"{head}a,2024-01-01,1\na,2024-01-02,20\nb,2024-01-03,3\n")
    project.run()
    found = nodes(project)
    keys = {name: node["rows"]["key"] for name, node in found.items() if node["change"] == "changed"}
    assert keys == {
        "aggregation.sums": ["rider", "day"],
        "entity.rider": ["rider", "event_time"],
        "feature_group.km": ["rider", "event_time"],
        "source.rides": [],
        "transform.copy": ["rider", "day"],
    }
    for name, key in keys.items():
        rows = found[name]["rows"]
        expected = (
            (1, 1, 1) if key else (0, 0, 2)
        )  # where the rider is equal throughout, rows are known by their places
        assert (rows["added"], rows["removed"], rows["changed"]) == expected, name


def test_a_key_that_is_none_or_that_nothing_has(shop: Project) -> None:
    shop.run()
    shop.edit("data/orders.csv", "2,b,20", "2,b,21")
    shop.run()
    shop.edit("data/orders.csv", "1,a,10", "1,a,11")
    shop.edit("data/orders.csv", "3,a,30", "3,a,31")
    shop.run()
    rows = nodes(shop, "--key", "customer")["source.orders"]
    assert (rows["rows"]["matched_by"], rows["rows"]["changed"]) == ("place", 2)
    assert rows["note"] == "customer is no key: it repeats"
    done = shop.seeknal("diff", "--key", "custmer")
    assert (done.code, "did you mean customer?" in done.err) == (2, True)
    done = shop.seeknal("diff", "--nodes", "by_ctiy")
    assert (done.code, "by_city" in done.err) == (2, True)
    assert list(nodes(shop, "--nodes", "source.*,by_city")) == ["source.orders", "transform.by_city"]
    assert shop.seeknal("diff", "--exit-code", "--rows", "0").code == 8
    assert shop.seeknal("diff", "--exit-code", "prod", "prod").code == 0


def test_rows_that_are_there_twice_are_counted_as_often(project: Project) -> None:
    project.source("t", "a,b\n1,x\n1,x\n1,x\n2,\n", {"a": "BIGINT", "b": "VARCHAR"})
    project.run()
    project.write("data/t.csv", "a,b\n1,x\n2,\n2,\n")
    project.run()
    rows = nodes(project)["source.t"]["rows"]
    assert (rows["matched_by"], rows["added"], rows["removed"]) == ("bag", 1, 2)
    assert rows["sample"][0] == {"change": "added", "before": None, "after": {"a": "2", "b": None}}


def test_only_the_order_is_another(project: Project) -> None:
    project.source("t", "a,b\n1,x\n2,y\n", {"a": "BIGINT", "b": "VARCHAR"})
    project.run()
    project.write("data/t.csv", "a,b\n2,y\n1,x\n")
    project.run()
    assert "the same rows: only their order" in text(project)[2]


def test_empty_tables(project: Project) -> None:
    project.source("t", "a\n", {"a": "BIGINT"})
    project.run()
    project.write("data/t.csv", "a\n1\n")
    project.run()
    project.write("data/t.csv", "a\n")
    project.run("--run-id", "third")
    assert nodes(project)["source.t"]["rows"]["removed"] == 1
    assert nodes(project, "third", "--env", "prod") == {}


def test_hostile_names_and_values_stay_letters(project: Project) -> None:
    name = '"we""ird; DROP TABLE o --"'
    project.transform("t", f"SELECT 1 AS id, 'x' AS {name}, 'y' AS \"file_row_number\"")
    project.run()
    evil = "E'\\x1b]0;pwned\\x07' || chr(8238) || E'evil\\nline'"
    project.transform("t", f"SELECT 1 AS id, {evil} AS {name}, 'y' AS \"file_row_number\"")
    project.run()
    out = "\n".join(text(project))
    assert out.replace("\n", "").isprintable()
    assert "x -> \\x1b]0;pwned\\x07\\u202eevil\\nline" in out


def test_of_many_intervals_only_those_that_differ_are_read(project: Project) -> None:
    days = [f"2024-{1 + n // 28:02}-{1 + n % 28:02}" for n in range(112)]
    lines = [f"{n},{day},{n * 10}" for n, day in enumerate(days)]
    types = {"id": "BIGINT", "day": "DATE", "km": "BIGINT"}
    project.source("rides", "\n".join(["id,day,km", *lines, ""]), types)
    every = "interval: {unit: day, column: day}\n"
    project.edit("seeknal/sources/rides.yml", "columns:", f"{every}columns:")
    project.transform(
        "daily", "SELECT day, sum(km) AS km FROM ref('source.rides') GROUP BY day", ("source.rides",), every
    )
    project.run("--date", "2024-05-01")
    lines[5] = f"5,{days[5]},51"
    lines[70:71] = []
    project.write("data/rides.csv", "\n".join(["id,day,km", *lines, f"1000,{days[90]},1", ""]))
    project.run("--date", "2024-05-01")
    found = nodes(project)
    assert found["source.rides"]["intervals"] == {"read": 3, "all": 112}
    rows = found["source.rides"]["rows"]
    assert (rows["added"], rows["removed"], rows["changed"], rows["key"]) == (1, 1, 1, ["id"])
    assert found["transform.daily"]["intervals"]["read"] == 3
    untouched = project.seeknal("show", "transform.daily", "--json").json["path"]
    os.remove(os.path.realpath(os.path.join(untouched, f"{days[20].replace('-', '')}T000000Z.parquet")))
    assert nodes(project)["transform.daily"]["rows"] == found["transform.daily"]["rows"], (
        "a part that is equal is not read"
    )


def test_rows_that_are_gone_are_no_reason_to_say_nothing(shop: Project) -> None:
    shop.run()
    before = shop.seeknal("show", "source.orders", "--json").json["path"]
    shop.edit("data/orders.csv", "2,b,20", "2,b,21")
    shop.run()
    os.remove(before)
    found = nodes(shop)["source.orders"]
    assert "rows" not in found
    assert "those before are gone" in found["note"]
    assert "amount differ; rows are not compared" in text(shop)[2]


def test_a_project_that_is_wrong_just_now_can_still_be_compared(shop: Project) -> None:
    shop.run()
    shop.edit("data/orders.csv", "2,b,20", "2,b,21")
    shop.run()
    shop.write("seeknal/transforms/clean.yml", "kind: transform\n")
    done = shop.seeknal("diff")
    assert (done.code, "the project is wrong just now" in done.err) == (0, True)
    assert "20 -> 21" in done.out


def test_zeros_of_both_signs_are_one_number(project: Project) -> None:
    project.transform("t", "SELECT 1 AS id, 0.0::DOUBLE AS zero")
    project.run()
    project.transform("t", "SELECT 1 AS id, -0.0::DOUBLE AS zero")
    project.run()
    assert "the same rows: only their order, or how they are stored" in text(project)[2]

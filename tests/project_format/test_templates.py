"""Templates: what `{{ ... }}` means, where it is expanded, and what enters a key (project_format 4.1 to 4.3)."""

from __future__ import annotations

import json
import os

import pytest

from tests.bad_input.refusals import refused
from tests.project_format.telling import told, value
from tests.project_on_disk import Project

DAY = ("--date", "2024-03-31")


MEANINGS = {
    "today": "2024-03-31", "date": "2024-03-31", "today()": "2024-03-31", "today(-31)": "2024-02-29",
    "today(+1)": "2024-04-01", 'today("1")': "2024-04-01", "yesterday": "2024-03-30", "yesterday()": "2024-03-30",
    "month_start": "2024-03-01", "month_start(-1)": "2024-02-01", "month_start(-3)": "2023-12-01",
    "month_start(10)": "2025-01-01", "year_start": "2024-01-01", "year_start( -1 )": "2023-01-01",
    "run_date": "2024-03-31", "env:STAGE|dev": "dev", "env(STAGE, 'dev')": "dev", "env:STAGE|": "",
}  # fmt: skip


@pytest.mark.parametrize("form", ["{{{{{}}}}}", "{{{{ {} }}}}"])
def test_every_function_follows_the_date_of_the_run(project: Project, form: str) -> None:
    """Fault 16: `--date` did not move `today(n)`, `yesterday` and `month_start`."""
    items = ", ".join(f"'{form.format(name)}' AS c{i}" for i, name in enumerate(MEANINGS))
    project.transform("asked", f"SELECT {items}")
    project.run(*DAY)
    assert dict(zip(MEANINGS, project.rows("transform.asked")[0], strict=True)) == MEANINGS


def test_templates_are_expanded_without_any_parameter(project: Project) -> None:
    """Fault 15: templates in SQL did nothing unless there were parameters or common configuration."""
    assert value(project, "'{{ today }}'", *DAY) == "2024-03-31"


MEANINGLESS = {
    "today(x)": "whole number", "today(1.5)": "whole number", "yesterday(2)": "no argument",
    "today(9999999)": "whole number", "today(-999999)": "no such day", "year_start(-9000)": "no such day",
    "month_start(-999999)": "no such day", "month_end": "did you mean month_start?", "totay(1)": "did you mean today?",
    "start_date": "--start", "end_date": "--end", "city | upper": "no filters", "rules.none": "unknown",
    "env:SURELY_NOT_SET_HERE": "SURELY_NOT_SET_HERE is not set", "env:": "is not set", "": "unknown",
    "run_idd": "did you mean run_id?",
}  # fmt: skip


def test_what_means_nothing_is_refused_at_its_line(project: Project) -> None:
    lines = ",\n".join(f"  '{{{{ {expression} }}}}' AS c{i}" for i, expression in enumerate(MEANINGLESS))
    project.transform("odd", f"SELECT\n{lines}")
    found = {line: message for _, line, message in told(project)}
    assert sorted(found) == list(range(5, 5 + len(MEANINGLESS)))
    for line, words in enumerate(MEANINGLESS.values(), 5):
        assert words in found[line]


FORMS = {
    "a text of its own lines": ("transform: |\n  SELECT 1 AS a,\n    {{ nope }} AS b\n", 5),
    "a folded text": ("transform: >\n  SELECT {{ nope }} AS b\n", 4),
    "a text in quotes": ("transform: \"SELECT {{ nope }} AS b\"\n", 3),
    "a text below its key": ("transform:\n  SELECT {{ nope }} AS b\n", 4),
    "an input": ("inputs:\n  - ref: source.a\n  - ref: '{{ nope }}'\ntransform: SELECT 1 AS a\n", 5),
    "a parameter": ("params:\n  a: 1\n  b: ['x', '{{ nope }}']\ntransform: SELECT 1 AS a\n", 5),
    "a key": ("params:\n  a: 1\n  '{{ nope }}': 2\ntransform: SELECT 1 AS a\n", 5),
    "a tag": ("tags:\n  - fine\n  - '{{ nope }}'\ntransform: SELECT 1 AS a\n", 5),
    "a field that nobody reads": ("notes:\n  deep:\n    - {x: '{{ nope }}'}\ntransform: SELECT 1 AS a\n", 5),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line"), FORMS.values(), ids=FORMS.keys())
def test_the_line_is_the_one_of_the_template(project: Project, text: str, line: int) -> None:
    project.write("seeknal/transforms/odd.yml", f"kind: transform\nname: odd\n{text}")
    found = [(file, at) for file, at, message in told(project) if "nope" in message]
    assert found == [("seeknal/transforms/odd.yml", line)]


def test_all_unknown_names_are_told_at_once(project: Project) -> None:
    project.transform("odd", "SELECT {{ a }},\n  {{ b }},\n  {{ a }}", more="description: '{{ free text }}'\n")
    assert [line for _, line, _ in told(project)] == [5, 6, 7]


def test_text_for_people_may_hold_any_braces(project: Project) -> None:
    more = "description: 'on {{ today }}: {{ inputs.rides.columns }}'\nowner: '{{ team }}'\n"
    assert value(project, "1", *DAY, more=more) == 1
    shown = project.seeknal("show", "asked", "--json").json["meta"]
    assert shown["owner"] == "{{ team }}"
    assert shown["description"].endswith("{{ inputs.rides.columns }}")


def test_braces_can_be_written(project: Project) -> None:
    assert value(project, r"'\{{ today }} {{ today }}'", *DAY) == "{{ today }} 2024-03-31"
    assert value(project, "{'a': {'b': 1}}.a.b") == 1


def test_templates_stand_in_every_field(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Documentation said that sources expand templates, and they did not."""
    monkeypatch.setenv("PART", "b")
    project.write("data/b/2024-03-31.csv", "id,n;x\n1,2;3\n")
    project.write(
        "seeknal/sources/rides.yml",
        """
        kind: source
        name: rides
        source: '{{ form }}'
        table: "data/{{env:PART}}/{{ date }}.csv"
        params: {form: csv, delimiter: "{{ sign }}", sign: ";"}
        columns: {"{{ first }}": VARCHAR}
        """,
    )
    project.edit("seeknal/sources/rides.yml", '"{{ first }}"', '"id,n"')
    project.write(
        "seeknal/transforms/t.yml",
        """
        kind: transform
        name: t
        inputs: [{ref: "source.{{ which }}"}]
        tags: ["{{ which }}", always]
        params: {which: rides}
        transform: SELECT * FROM ref('source.{{ which }}')
        """,
    )
    project.run("--params", "form=csv", "--params", "sign=;", *DAY)
    assert project.rows("transform.t") == [("1,2", 3)]
    assert project.run("--tags", "rides", "--full", "--params", "sign=;", *DAY).built >= {"transform.t"}


def test_decorators_are_expanded_too(project: Project) -> None:
    project.source("rides", "id\n1\n2\n3\n")
    project.write(
        "seeknal/pipelines/few.py",
        '''
        from seeknal.pipeline import transform


        @transform(
            sql="""
                SELECT *
                FROM ref('source.{{ which }}')
                LIMIT {{ most }}
            """,
            which="rides",
            most=2,
        )
        def few(ctx):
            pass
        ''',
    )
    project.run()
    assert len(project.rows("transform.few")) == 2
    project.edit("seeknal/pipelines/few.py", "{{ most }}", "{{ mots }}")
    ((file, line, message),) = told(project)
    assert (file, line) == ("seeknal/pipelines/few.py", 8)
    assert "did you mean most?" in message


# -- nesting --------------------------------------------------------------------------------------------------------


def test_values_are_expanded_until_nothing_is_left(project: Project) -> None:
    names = [f"p{i}" for i in range(30)]
    params = {name: f"{{{{ {after} }}}}" for name, after in zip(names, [*names[1:], "{{ 'x' }}"], strict=True)}
    params[names[-1]] = "{{ today }}"
    assert value(project, "'{{ p0 }}'", *DAY, more=f"params: {json.dumps(params)}\n") == "2024-03-31"


def test_a_parameter_may_have_the_name_of_what_it_is_made_of(project: Project) -> None:
    more = "params: {run_id: '{{ run_id }}', today: '{{ today }} or so'}\n"
    assert (
        value(project, "'{{ run_id }} {{ today }}'", "--run-id", "monday", *DAY, more=more) == "monday 2024-03-31 or so"
    )


@pytest.mark.parametrize(
    "params",
    [
        {"a": "{{ b }}", "b": "{{ a }}"}, {"a": "{{ a }}"}, {"a": "x {{ b }}", "b": "{{ c }}", "c": "y {{ a }}"},
        {"a": "{{ b }}{{ b }}", "b": "{{ a }}{{ a }}"},
    ],
)  # fmt: skip
def test_what_leads_back_to_itself_is_refused_with_the_way(project: Project, params: dict[str, str]) -> None:
    project.transform("odd", "SELECT\n'{{ a }}' AS x", more=f"params: {json.dumps(params)}\n")
    found = told(project)
    assert found[-1][1] == 6
    assert all("leads back to itself" in message for _, _, message in found)


def test_a_value_that_grows_without_end_is_refused(project: Project) -> None:
    params = {f"p{i}": 2 * f"{{{{ p{i + 1} }}}}" for i in range(40)}
    project.transform("odd", "SELECT '{{ p0 }}' AS x", more=f"params: {json.dumps({**params, 'p40': 'x'})}\n")
    assert any("grows beyond" in message for _, _, message in told(project))


def test_a_name_may_be_made_of_values(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGE", "prod")
    assert value(project, "{{ limit_{{ env:STAGE|dev }} }}", more="params: {limit_prod: 9, limit_dev: 1}\n") == 9


def test_an_environment_variable_is_data_and_no_template(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODD", "{{ today }}")
    assert value(project, "'{{ env:ODD }}'", more="params: {again: '{{ env:ODD }}'}\n") == "{{ today }}"


# -- keys -----------------------------------------------------------------------------------------------------------


def test_only_what_a_node_mentions_is_in_its_key(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAST", "15")
    shop.write(
        "seeknal/common/rules.yml", "rules:\n  - {id: real, value: amount > 0}\n  - {id: other, value: amount > 1}\n"
    )
    shop.transform("env", "SELECT * FROM ref('source.orders') WHERE amount > {{ env:LEAST }}", ("source.orders",))
    shop.transform("rule", "SELECT * FROM ref('source.orders') WHERE {{ rules.real }}", ("source.orders",))
    own = "params: {a: 1, b: 2}\n"
    shop.transform("own", "SELECT * FROM ref('source.orders') WHERE amount > {{ a }}", ("source.orders",), own)
    shop.run()
    monkeypatch.setenv("OTHER", "1")
    shop.edit("seeknal/common/rules.yml", "amount > 1", "amount > 2")
    shop.edit("seeknal/transforms/own.yml", "b: 2", "b: 3")
    assert shop.run("--params", "c=1").built == set()
    shop.edit("seeknal/common/rules.yml", "amount > 0", "amount > 10")
    assert shop.run().built == {"transform.rule"}
    shop.edit("seeknal/transforms/own.yml", "a: 1", "a: 4")
    assert shop.run().built == {"transform.own"}
    monkeypatch.setenv("LEAST", "25")
    assert shop.run().built == {"transform.env"}


def test_the_run_has_one_id_and_one_time_and_neither_is_in_a_key(project: Project) -> None:
    for name in ("one", "two"):
        project.transform(name, "SELECT '{{ run_id }}' AS id, '{{ run_date }}' AS at")
    project.write(
        "seeknal/pipelines/three.py",
        """
        from seeknal.pipeline import transform


        @transform(id="{{ run_id }}", at="{{ run_date }}")
        def three(ctx):
            return [{"id": ctx.params["id"], "at": ctx.params["at"]}]
        """,
    )
    project.run()
    assert project.rows("transform.one") == project.rows("transform.two") == project.rows("transform.three")
    ((run, at),) = project.rows("transform.one")
    assert run == project.seeknal("log", "--json").json[0]["run"]
    assert at.startswith("20")
    assert "T" in at
    assert project.run("--run-id", "another").built == set()
    assert project.run("--date", "2031-01-01").built == set()


def test_a_run_id_without_quotes_is_told_as_it_is_written(project: Project) -> None:
    project.transform("t", "SELECT {{ run_id }} AS id")
    text = refused(project.seeknal("run"), 1, "{{ run_id }}", "seeknal/transforms/t.yml:4")
    assert "__seeknal" not in text


def test_a_path_cannot_change_with_every_run(project: Project) -> None:
    project.write("seeknal/sources/x.yml", "kind: source\nname: x\nsource: csv\ntable: data/{{ run_id }}.csv\n")
    ((_, line, message),) = told(project)
    assert line == 4
    assert "run_id" in message


# -- secrets --------------------------------------------------------------------------------------------------------


def test_the_value_of_a_variable_is_not_shown(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "tulip-7731")
    shop.transform("secret", "SELECT '{{ env:API_TOKEN }}' AS t, nothing FROM ref('source.orders')", ("source.orders",))
    failed = shop.seeknal("run")
    assert failed.code != 0
    shop.transform("secret", "SELECT '{{ env:API_TOKEN }}' AS t FROM ref('source.orders')", ("source.orders",))
    shop.run()
    monkeypatch.setenv("API_TOKEN", "rose-99120")
    said = [
        failed, shop.seeknal("plan"), shop.seeknal("plan", "--json"), shop.seeknal("explain", "secret"),
        shop.seeknal("show", "secret", "--json"), shop.seeknal("run", "--explain"), shop.seeknal("run", "--full", "--json"),
    ]  # fmt: skip
    assert all(result.code in (0, 1, 3) for result in said)
    text = "".join(result.out + result.err for result in said)
    assert "rose-99120" not in text
    assert "{{env:API_TOKEN}}" in text
    log = shop.path("target", "log")
    for name in os.listdir(log):
        assert "tulip-7731" not in shop.read(f"target/log/{name}")


def test_other_variables_stay_readable(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGE_OF_SHOP", "production")
    monkeypatch.setenv("WAREHOUSE", "postgres://ann:geheim@db/shop")
    shop.transform("t", "SELECT '{{ env:STAGE_OF_SHOP }}' AS a, '{{ env:WAREHOUSE }}' AS b")
    shop.run()
    text = shop.seeknal("show", "t", "--json").out
    assert "production" in text
    assert "geheim" not in text

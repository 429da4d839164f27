"""Tables outside: what a node may say of them (project_format 6). How they are written: `tests/connections/`."""

from __future__ import annotations

import textwrap

import pytest

from tests.project_format.telling import told
from tests.project_on_disk import Project

PG = "type: postgresql, connection: main, table: public.days"


def tables(project: Project) -> dict[str, int]:
    """The tables that a run would write, with their lines."""
    wanted = [name for name in project.plan() if name.startswith("materialization.")]
    nodes = project.seeknal("list", "materialization", "--json").json if wanted else []
    lines = {found["id"]: found["line"] for found in nodes}
    return {name.split(".", 1)[1]: lines[name] for name in wanted}


def node(project: Project, block: str) -> None:
    """A transform with a block that begins in line 4."""
    text = "kind: transform\nname: t\ntransform: SELECT 1 AS a\n" + textwrap.dedent(block).lstrip("\n")
    project.write("seeknal/t.yml", text)


@pytest.mark.parametrize(
    ("block", "lines"),
    [
        (f"materialization: {{{PG}, enabled: true}}", [4]), (f"materialization: {{{PG}}}", []),
        (f"materialization: {{{PG}, enabled: false}}", []), (f"materialization: {{{PG}, enabled: yes}}", [4]),
        (f"materializations: [{{{PG}}}]", [4]), (f"materializations:\n- {{{PG}}}\n- {{{PG}, enabled: false}}", [5]),
        (f"materializations:\n- {{{PG}}}\n- {{table: a.b.c}}", [5, 6]), (f"materialization:\n- {{{PG}}}", [5]),
        ("materialization: {enabled: true, table: lake.days}", [4]), ("materializations: [{table: lake.days}]", [4]),
        ("materialization: {enabled: false}", []), ("materialization: {}", []), ("materialization:", []),
        ("materializations: []", []), ("materializations:", []), ("materialization: {offline: true, online: false}", []),
        ("materialization: {enabled: true, offline: {format: parquet}, event_time_col: t}", []),
        ("materialization: {event_time_col: a, type: iceberg, table: a.b, enabled: true}", [4]),
        ("materialization: {enabled: false, table: '', type: postgresql}", []),
    ],
)  # fmt: skip
def test_what_is_a_table_and_what_is_enabled(project: Project, block: str, lines: list[int]) -> None:
    """Fault 42: `enabled: false` was ignored."""
    node(project, block)
    assert sorted(tables(project).values()) == lines
    assert project.run("--no-materialize").built == {"transform.t"}


@pytest.mark.parametrize(
    ("block", "line", "words"),
    [
        ("materialization: true", 4, "is a mapping"), ("materializations: {type: iceberg}", 4, "is a list"),
        ("materializations:\n- days", 5, "is a mapping"),
        ("materialization: {type: mysql, table: a.b}", 4, "postgresql and iceberg"),
        ("materializations:\n- type: postgresql\n  table: a.b", 5, "needs connection"),
        ("materializations:\n- type: postgresql\n  connection: m", 5, "needs table"),
        ("materializations:\n- mode: append", 5, "needs table"),
        (f"materializations:\n- {{{PG}}}\n- type: postgresql\n  connection: m\n  table: days", 8, "schema.table"),
        ("materializations:\n- table: a.b.c.d", 5, "catalog.namespace.table"),
        ("materializations:\n- table: a.b c", 5, "plain word"),
        (f"materializations:\n- {{{PG}, mode: upsert}}", 5, "upsert_by_key"),
        ("materializations:\n- {table: a.b, mode: full}", 5, "overwrite"),
        (f"materializations:\n- {{{PG}, mode: incremental_by_time}}", 5, "needs time_column"),
        (f"materializations:\n- {{{PG}, mode: upsert_by_key}}", 5, "needs unique_keys"),
        (f"materializations:\n- {{{PG}, unique_keys: []}}", 5, "list of columns"),
        (f"materializations:\n- {{{PG}, lookback: 7h}}", 5, "days"),
        (f"materializations:\n- {{{PG}, lookback: true}}", 5, "days"), (f"materializations:\n- {{{PG}, lookback: -1}}", 5, "days"),
        (f"materializations:\n- {{{PG}, enabled: perhaps}}", 5, "true and false"),
        (f"materializations:\n- {{{PG}, create_tabel: no}}", 5, "create_table?"),
        (f"materializations:\n- {{{PG}, cascade: 5}}", 5, "true and false"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_line(project: Project, block: str, line: int, words: str) -> None:
    node(project, block)
    ((file, at, message),) = told(project)
    assert (file, at) == ("seeknal/t.yml", line)
    assert words in message


def test_both_spellings_are_told_with_both_lines(project: Project) -> None:
    node(project, "materialization: {enabled: false}\ntags: [a]\nmaterializations: []\n")
    assert [line for _, line, _ in told(project)] == [4, 6]


@pytest.mark.parametrize("lookback", ["0", "7", "'7'", "7d", "'7d'"])
@pytest.mark.parametrize("mode", ["full", "overwrite", "append", "incremental_by_time", "upsert_by_key"])
def test_modes_and_lookback_of_postgresql(project: Project, mode: str, lookback: str) -> None:
    """Fault 31: `lookback: "7d"`, the documented type, was an error; so were overwrite and append."""
    more = "time_column: a, unique_keys: [a], create_table: no, cascade: true"
    node(project, f"materializations: [{{{PG}, mode: {mode}, lookback: {lookback}, {more}}}]")
    assert project.seeknal("validate", "--no-connect").code == 0


def test_templates_stand_there_too(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ON", "false")
    node(
        project,
        "materializations:\n- {type: postgresql, connection: main, table: '{{ s }}.d', enabled: '{{ env:ON }}'}",
    )
    assert list(project.plan("--params", "s=stage")) == ["transform.t"]
    monkeypatch.setenv("ON", "true")
    assert list(project.plan("--params", "s=stage")) == ["transform.t", "materialization.main.stage.d"]


def test_decorators_say_it_too(project: Project) -> None:
    """Fault 24: `@materialize` above the node's decorator had no effect."""
    project.write(
        "seeknal/pipelines/days.py",
        """
        from seeknal.pipeline import feature_group, transform, Materialization, OfflineConfig
        from seeknal.pipeline.decorators import materialize
        from seeknal.pipeline.materialization_config import MaterializationConfig


        @materialize(type="postgresql", connection="main", table="public.above")
        @transform(materialization=MaterializationConfig(enabled=True, table="lake.ns.days", mode="append"))
        @materialize(type="iceberg", table="lake.below")
        def days(ctx):
            return [{"n": 1}]


        @feature_group(entity="rider", materialization=Materialization(offline=OfflineConfig(format="parquet")))
        def habits(ctx):
            return [{"rider_id": 1}]
        """,
    )
    assert sorted(tables(project)) == ["iceberg.lake.below", "iceberg.lake.ns.days", "main.public.above"]
    project.edit("seeknal/pipelines/days.py", "public.above", "above")
    ((file, line, message),) = told(project)
    assert (file, line) == ("seeknal/pipelines/days.py", 7)
    assert "schema.table" in message


def test_an_edit_rebuilds_nothing(project: Project) -> None:
    node(project, f"materialization: {{{PG}}}")
    project.run()
    node(project, f"materialization: {{{PG}, cascade: true}}")
    assert project.run().built == set()

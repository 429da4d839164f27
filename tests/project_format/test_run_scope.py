"""Options of `run` that say what is built, and how (cli.md; project_format 4.3 and faults 14, 45, 46)."""

from __future__ import annotations

import pytest

from tests.bad_input.refusals import refused
from tests.project_on_disk import Project

ALL = {"source.orders", "source.customers", "transform.clean", "transform.joined", "transform.by_city"}


@pytest.fixture
def tagged(shop: Project) -> Project:
    shop.edit("seeknal/transforms/clean.yml", "name: clean", "name: clean\ntags: [daily]")
    shop.edit("seeknal/transforms/by_city.yml", "name: by_city", "name: by_city\ntags: [report, weekly]")
    shop.run()
    return shop


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--nodes", "clean,by_city"], {"transform.clean", "transform.by_city"}),
        (["--nodes", "clean", "-n", "transform.by_city"], {"transform.clean", "transform.by_city"}),
        (["-n", " clean , ,by_city"], {"transform.clean", "transform.by_city"}),
        (["--types", "source"], {"source.orders", "source.customers"}), (["--types", "source,transform"], ALL),
        (["-t", "source", "-t", "transform"], ALL), (["--tags", "daily,report"], {"transform.clean", "transform.by_city"}),
        (["--tags", "weekly"], {"transform.by_city"}), (["--types", "transform", "--tags", "daily"], {"transform.clean"}),
        (["--exclude-tags", "daily,weekly"], ALL - {"transform.clean", "transform.by_city"}), ([], ALL),
        (["--nodes", "joined+"], {"transform.joined", "transform.by_city"}),
        (["--nodes", "tag:daily"], {"transform.clean"}), (["--nodes", "+clean"], {"source.orders", "transform.clean"}),
        (["--nodes", "c*"], {"source.customers", "transform.clean"}), (["--nodes", "source.*"], {"source.orders", "source.customers"}),
    ],
)  # fmt: skip
def test_lists_are_given_with_commas_or_by_repeating(tagged: Project, options: list[str], wanted: set[str]) -> None:
    """Fault 45: comma forms matched nothing; `--types` did nothing without `--full`, and `--full` ignored it."""
    assert tagged.run("--full", *options).built == wanted


def test_kinds_choose_goals_without_full(shop: Project) -> None:
    """Fault 45: `--types` only filtered what was selected for rebuild already."""
    assert shop.run("--types", "source").built == {"source.orders", "source.customers"}
    assert shop.run("--types", "transform").built == ALL - {"source.orders", "source.customers"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--nodes", "cleen"], "did you mean clean?"), (["--types", "sources"], "did you mean source?"),
        (["--tags", "dayly"], "did you mean daily?"), (["--exclude-tags", "weakly"], "did you mean weekly?"),
        (["--nodes", "clean,by_citi"], "did you mean by_city?"), (["--date", "2024-13-01"], "--date"), (["--date", "today"], "--date"),
        (["--run-id", "a b"], "--run-id"), (["--retry", "-1"], "--retry"), (["--max-workers", "0"], "--max-workers"),
        (["--retry", "x"], "--retry"), (["--fulll"], "did you mean --full?"),
    ],
)  # fmt: skip
def test_an_unknown_word_is_told_with_the_nearest(tagged: Project, options: list[str], words: str) -> None:
    refused(tagged.seeknal("run", *options), 2, words)


FLAKY = """
    import os

    from seeknal.pipeline import transform


    @transform()
    def flaky(ctx):
        path = os.path.join(ctx.project_path, "tries")
        with open(path, "a") as file:
            file.write("x")
        if os.path.getsize(path) < 3:
            raise OSError("not yet")
        return [{"a": 1}]
"""


def test_a_retry_needs_no_other_option(project: Project) -> None:
    """Fault 46: `--retry` acted only together with `--continue-on-error`."""
    project.write("seeknal/pipelines/flaky.py", FLAKY)
    result = project.run("--retry", "2")
    assert result.built == {"transform.flaky"}
    assert [event["attempt"] for event in result.of("retry")] == [1, 2]
    assert project.read("tries") == "xxx"


def test_a_wrong_definition_is_not_retried(shop: Project) -> None:
    shop.edit("seeknal/transforms/clean.yml", "amount", "amuont")
    result = shop.seeknal("run", "--json", "-r", "5")
    assert result.code == 1
    assert result.of("retry") == []


def test_parallel_is_like_any_run(shop: Project) -> None:
    """Fault 14: `--parallel` left exit code 0 on failures, did not consolidate, and the next run repeated everything."""
    shop.write(
        "seeknal/feature_groups/spend.yml",
        "kind: feature_group\nname: spend\nentity: {name: city, join_keys: [city]}\ninputs: [transform.by_city]\n",
    )
    everything = {*ALL, "feature_group.spend", "entity.city"}
    assert shop.run("--parallel", "--max-workers", "2").built == everything
    assert len(shop.rows("entity.city")) == 2
    assert shop.run("--parallel").built == shop.run().built == set()
    shop.edit("seeknal/transforms/by_city.yml", "sum(amount)", "error('no')")
    result = shop.seeknal("run", "--json", "--parallel")
    assert result.code == 1
    assert [event["target"] for event in result.of("failed")] == ["transform.by_city"]


def test_a_dry_run_touches_nothing(tagged: Project) -> None:
    tagged.edit("seeknal/transforms/clean.yml", "amount > 0", "amount > {{ n }}")
    before = tagged.read("target/refs/prod")
    for option in ("--dry-run", "--show-plan", "-p"):
        result = tagged.seeknal("run", option, "--params", "n=10", "--nodes", "clean")
        assert result.code == 0
        assert "transform.clean" in result.out
    assert tagged.read("target/refs/prod") == before
    assert len(tagged.rows("transform.clean")) == 3


def test_the_date_may_be_written_in_every_iso_form(project: Project) -> None:
    project.transform("t", "SELECT '{{ today }}' AS d")
    for text in ("2024-03-31", "20240331", "2024-03-31T23:59:59", "2024-03-31 10:00", "2024-04-01T01:00:00+02:00"):
        project.run("--date", text)
        assert project.rows("transform.t") == [("2024-03-31",)]


def test_reasons_are_told_when_asked(shop: Project) -> None:
    shop.run()
    shop.edit("seeknal/transforms/clean.yml", "> 0", "> 15")
    assert "transform.clean: sql changed" in shop.seeknal("run", "--explain").out

"""Results of no declared order, built by all cores: a rebuild that gives the same rows stops there, every time."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.project_on_disk import Project

ROWS = 2_000_000
QUERIES = {
    "group by, large": "SELECT k, count(*) AS n, sum(v) AS s FROM ref('source.facts') GROUP BY k",
    "group by, small": "SELECT k % 100 AS g, count(*) AS n, sum(v) AS s FROM ref('source.facts') GROUP BY 1",
    "sums of doubles": "SELECT k % 100 AS g, sum(x) AS s, avg(x) AS a FROM ref('source.facts') GROUP BY 1",
    "distinct": "SELECT DISTINCT k, v % 3 AS m FROM ref('source.facts')",
    "join": "SELECT a.k, a.v, b.v AS w FROM ref('source.facts') a JOIN ref('source.facts') b ON a.k = b.k AND a.v = b.v WHERE a.v < 2",
}


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("facts") / "facts.parquet"
    duckdb.connect().execute(
        f"COPY (SELECT hash(i) % 400000 AS k, i % 17 AS v, sqrt(i) AS x FROM range({ROWS}) t(i)) TO '{path}' (FORMAT parquet)"
    )
    return path


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_ten_rebuilds_cut_off_what_is_below(tmp_path: Path, facts: Path, query: str) -> None:
    project = Project(str(tmp_path / "p"))
    project.write("seeknal_project.yml", "name: p\n")
    project.write("seeknal/facts.yml", f"kind: source\nname: facts\nsource: parquet\ntable: {facts}\n")
    project.transform("big", query, ("source.facts",))
    project.transform(
        "below", "SELECT count(*) AS n FROM (SELECT * FROM ref('transform.big') LIMIT 10)", ("transform.big",)
    )
    project.transform("sum", "SELECT sum(hash(b)::HUGEINT) AS h FROM ref('transform.big') b", ("transform.big",))
    project.run()
    for _ in range(10):
        assert project.run("--full", "--nodes", "transform.big").built == {"transform.big"}
        assert project.run().built == set()

"""What a run reads again of a server that nobody can hash: all of it, what a probe says, or the intervals that are not over."""

from __future__ import annotations

import pytest

from seeknal.connectors.postgresql import token_query
from tests.connections.conftest import Database
from tests.project_on_disk import Project, Result

RIDES = "kind: source\nname: rides\nsource: postgresql\nconnection: shop\ntable: rides\n"
BY_DAY = "interval: {unit: day, column: at, start: 2024-01-01}\n"


@pytest.fixture
def rides(postgresql: Database, project: Project) -> Database:
    """Rides of three days, and how many there are."""
    postgresql.execute(
        "CREATE TABLE rides (id int, at timestamptz, fare numeric(8,2))",
        "INSERT INTO rides VALUES (1, '2024-01-01 08:00Z', 1.5), (2, '2024-01-02 00:00Z', 2), (3, '2024-01-03 23:59:59.999Z', 3)",
    )
    project.write("seeknal/sources/rides.yml", RIDES)
    project.transform("counted", "SELECT count(*) AS n FROM ref('source.rides')", ("source.rides",))
    return postgresql


def intervals(result: Result) -> set[str]:
    """The intervals that a run built."""
    return {
        event["target"].partition("@")[2] for event in result.of("interval") if event["target"].startswith("source.")
    }


def reasons(result: Result) -> dict[str, str]:
    """Why each target was built."""
    return {event["target"]: event["reasons"][0]["reason"] for event in result.of("built")}


ASKED = RIDES.replace("table: rides", "query: SELECT * FROM rides")


def test_a_query_without_a_probe_is_read_in_every_run_and_the_run_says_why(project: Project, rides: Database) -> None:
    project.write("seeknal/sources/rides.yml", ASKED)
    assert project.run().built == {"source.rides", "transform.counted"}
    again = project.run()
    assert reasons(again) == {"source.rides": "read_again"}
    assert project.plan() == {"source.rides": "BUILD", "transform.counted": "MAYBE"}
    assert "read in every run: without a probe" in project.seeknal("run", "--explain").out
    rides.execute("INSERT INTO rides VALUES (4, '2024-01-04 00:00Z', 4)")
    assert project.run().built == {"source.rides", "transform.counted"}
    assert project.rows("transform.counted") == [(4,)]


def test_a_plain_table_is_read_when_a_transaction_has_written_since(project: Project, rides: Database) -> None:
    """The server knows it; what other tests write to other databases of it counts as well, so not every run is quiet."""
    project.run()
    assert any(not project.run().built for _ in range(100))
    rides.execute("UPDATE rides SET fare = 5 WHERE id = 1")
    assert reasons(project.run())["source.rides"] == "data_changed"
    assert project.rows("source.rides")[0][2] == 5


@pytest.mark.parametrize(
    "made",
    [
        "CREATE VIEW seen AS SELECT *, now() AS asked FROM rides",
        "CREATE TABLE seen AS SELECT * FROM rides; ALTER TABLE seen ENABLE ROW LEVEL SECURITY",
    ],
)  # fmt: skip
def test_what_may_be_more_than_a_table_is_read_in_every_run(project: Project, rides: Database, made: str) -> None:
    rides.execute(*made.split("; "))
    project.write("seeknal/sources/rides.yml", RIDES.replace("table: rides", "table: seen"))
    project.run()
    assert reasons(project.run())["source.rides"] == "read_again"


def test_so_is_a_table_of_which_a_part_lies_elsewhere(rides: Database) -> None:
    def token() -> object:
        return rides.server.rows(token_query({"table": ["whole"]}, "public"), rides.name)[0][0]

    rides.execute("CREATE TABLE whole (LIKE rides) PARTITION BY LIST (id)")
    assert isinstance(token(), str)
    rides.execute(
        "DROP FOREIGN DATA WRAPPER IF EXISTS far CASCADE", "CREATE FOREIGN DATA WRAPPER far",
        "CREATE SERVER there FOREIGN DATA WRAPPER far", "CREATE FOREIGN TABLE part PARTITION OF whole FOR VALUES IN (1) SERVER there",
    )  # fmt: skip
    assert token() is None


def test_a_plan_and_the_run_of_it_agree(project: Project, rides: Database) -> None:
    project.write("seeknal/sources/rides.yml", ASKED)
    project.run()
    digest = project.seeknal("plan", "--json").json["plan"]
    assert project.run("--plan", digest).built == {"source.rides"}


def test_with_a_probe_it_is_read_when_the_answer_changed(project: Project, rides: Database) -> None:
    project.write("seeknal/sources/rides.yml", RIDES + "probe: SELECT max(id), count(*) FROM rides\n")
    project.run()
    again = project.run()
    assert (again.built, again.of("done")[0]["hit"]) == (set(), 2)
    assert set(project.plan().values()) == {"HIT"}
    rides.execute("UPDATE rides SET fare = 9 WHERE id = 1")
    assert project.run().built == set()  # the probe does not ask for that
    rides.execute("INSERT INTO rides VALUES (4, '2024-01-04 00:00Z', 4)")
    told = project.seeknal("run", "--explain").out
    assert "what it is read from has changed" in told
    assert project.rows("transform.counted") == [(4,)]


def test_a_probe_that_fails_is_told_at_its_line(project: Project, rides: Database) -> None:
    project.write("seeknal/sources/rides.yml", RIDES + "probe: SELECT max(nothing) FROM rides\n")
    result = project.seeknal("run")
    assert result.code == 1
    assert 'seeknal/sources/rides.yml:6: source.rides (connection shop): column "nothing" does not exist' in result.err


def test_a_probe_only_reads(project: Project, rides: Database) -> None:
    project.write("seeknal/sources/rides.yml", RIDES + "probe: SELECT setval('counter', 5)\n")
    rides.execute("CREATE SEQUENCE counter")
    assert "read-only" in project.seeknal("run").err
    project.write("seeknal/sources/rides.yml", RIDES + "probe: UPDATE rides SET fare = 0\n")
    assert "probe has to begin with SELECT" in project.seeknal("run").err
    assert rides.server.rows("SELECT sum(fare)::text FROM rides", rides.name) == [("6.50",)]


def test_each_interval_is_read_until_it_is_over_and_then_never_again(project: Project, rides: Database) -> None:
    project.write("seeknal/sources/rides.yml", RIDES + BY_DAY)
    first = project.run("--date", "2024-01-03T12:00")
    assert intervals(first) == {"2024-01-01", "2024-01-02", "2024-01-03"}
    assert project.rows("transform.counted") == [(3,)]
    assert intervals(project.run("--date", "2024-01-03T13:00")) == {"2024-01-03"}
    rides.execute("INSERT INTO rides VALUES (4, '2024-01-03 20:00Z', 4), (5, '2024-01-01 20:00Z', 5)")
    # The third is over now: it was read before it was, so once more; the first was sealed, the late row is not seen.
    assert intervals(project.run("--date", "2024-01-04T01:00")) == {"2024-01-03", "2024-01-04"}
    assert project.rows("transform.counted") == [(4,)]
    assert intervals(project.run("--date", "2024-01-04T02:00")) == {"2024-01-04"}


def test_restate_reads_again_what_was_sealed(project: Project, rides: Database) -> None:
    project.write("seeknal/sources/rides.yml", RIDES + BY_DAY)
    project.run("--date", "2024-01-05")
    rides.execute("INSERT INTO rides VALUES (5, '2024-01-01 20:00Z', 5)", "DELETE FROM rides WHERE id = 2")
    window = (
        "--restate",
        "--nodes",
        "source.rides",
        "--start",
        "2024-01-01",
        "--end",
        "2024-01-01",
        "--date",
        "2024-01-05",
    )
    assert intervals(project.run(*window)) == {"2024-01-01", "2024-01-05"}
    assert project.rows("transform.counted") == [(4,)]
    project.seeknal("intervals", "restatement-add", "source.rides", "--start", "2024-01-02", "--end", "2024-01-03")
    assert "2024-01-02" in intervals(project.run("--restate", "--date", "2024-01-05"))
    assert project.rows("transform.counted") == [(3,)]


def test_lookback_waits_for_late_rows(project: Project, rides: Database) -> None:
    more = BY_DAY.replace("}", ", lookback: 2}")
    project.write("seeknal/sources/rides.yml", RIDES + more)
    project.run("--date", "2024-01-04")
    assert intervals(project.run("--date", "2024-01-04")) == {"2024-01-02", "2024-01-03", "2024-01-04"}


def test_the_running_interval_may_be_left_out(project: Project, rides: Database) -> None:
    project.write("seeknal/sources/rides.yml", RIDES + BY_DAY.replace("}", ", open: false}"))
    assert intervals(project.run("--date", "2024-01-03T12:00")) == {"2024-01-01", "2024-01-02"}
    again = project.run("--date", "2024-01-03T13:00")
    assert (again.built, again.of("done")[0]["hit"]) == (set(), 2)
    assert intervals(project.run("--date", "2024-01-04")) == {"2024-01-03"}


@pytest.mark.parametrize("type_", ["date", "timestamp", "text"])
def test_the_time_of_a_row_may_be_of_any_type_that_says_one(project: Project, rides: Database, type_: str) -> None:
    rides.execute(f"ALTER TABLE rides ALTER at TYPE {type_} USING (at AT TIME ZONE 'UTC')::{type_}")
    project.write("seeknal/sources/rides.yml", RIDES + BY_DAY)
    project.write("seeknal/transforms/daily.yml", """
        kind: transform
        name: daily
        interval: {unit: day, column: at}
        inputs: [{ref: source.rides}]
        transform: SELECT "at", id FROM ref('source.rides')
        """)  # fmt: skip
    project.run("--date", "2024-01-04")
    assert sorted(row[1] for row in project.rows("transform.daily")) == [1, 2, 3]


def test_an_interval_column_that_is_not_there_is_told(project: Project, rides: Database) -> None:
    project.write("seeknal/sources/rides.yml", RIDES + BY_DAY.replace("column: at", "column: day"))
    result = project.seeknal("run")
    assert result.code == 1
    assert "seeknal/sources/rides.yml:6: source.rides" in result.err
    assert '"day" does not exist' in result.err
    project.write("seeknal/sources/rides.yml", RIDES + "interval: {unit: day, column: at}\n")
    assert "seeknal/sources/rides.yml:6: source.rides: interval.start is missing" in project.seeknal("run").err


def test_a_run_that_read_a_server_is_no_run_with_nothing_to_do(project: Project, rides: Database) -> None:
    """No stamp: files alone say nothing of a server."""
    project.write("seeknal/sources/rides.yml", RIDES + "probe: SELECT count(*) FROM rides\n")
    project.run()
    project.run()
    rides.execute("DELETE FROM rides")
    assert project.run().built == {"source.rides", "transform.counted"}


def test_a_connection_of_the_same_name_that_leads_elsewhere_is_another_place(project: Project, rides: Database) -> None:
    project.write("seeknal/sources/rides.yml", RIDES + "probe: SELECT 1\n")
    project.run()
    assert project.run().built == set()
    project.edit("profiles.yml", f"database: {rides.name}", "database: postgres")
    rides.server.execute("DROP TABLE IF EXISTS rides", "CREATE TABLE rides (id int)")
    assert project.run().built == {"source.rides", "transform.counted"}
    assert project.rows("transform.counted") == [(0,)]

"""What goes wrong far away is told with file and line, what it was and what to look at; never with a traceback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from tests.bad_input.refusals import decent
from tests.connections.conftest import Database
from tests.project_on_disk import Project, Result

ONE = "kind: source\nname: one\nsource: postgresql\nconnection: shop\n"


def asks(project: Project, query: str, more: str = "") -> None:
    project.write("seeknal/one.yml", f"{ONE}query: {query}\n{more}")


def fails(project: Project, *words: str, line: int = 4, code: int = 1) -> Result:
    """A run fails, and says these words at the line."""
    result = project.seeknal("run")
    assert result.code == code, result.err + result.out
    decent(result)
    assert f"seeknal/one.yml:{line}: source.one" in result.err
    for word in words:
        assert word in result.err, result.err
    return result


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("password", "wrong-one", ["password authentication failed", "check user, password and database"]),
        ("user", "nobody-here", ["password authentication failed"]),
        ("database", "nothing", ['database "nothing" does not exist']),
        ("host", "nowhere.invalid", ["could not translate host name", "check host and port"]),
        ("port", "1", ["Connection refused", "check host and port", "connect_timeout"]),
    ],
)
def test_a_connection_that_is_wrong(
    project: Project, postgresql: Database, field: str, value: str, words: list[str]
) -> None:
    s = postgresql.server
    fields = {
        "host": s.host,
        "port": s.port,
        "user": s.user,
        "password": s.password,
        "database": postgresql.name,
        field: value,
    }
    project.write(
        "profiles.yml", "connections:\n  shop:\n" + "".join(f"    {name}: {text}\n" for name, text in fields.items())
    )
    asks(project, "SELECT 1 AS one")
    told = fails(project, "(connection shop)", *words)
    assert s.password not in told.err + told.out
    checked = project.seeknal("validate")
    assert (checked.code, words[0] in checked.out, "seeknal/one.yml:4: " in checked.out) == (3, True, True)
    assert project.seeknal("validate", "--no-connect").code == 0


def test_a_server_that_does_not_answer_is_waited_for_no_longer_than_said(project: Project) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        fields = f"host: 127.0.0.1, port: {silent.getsockname()[1]}, connect_timeout: 2"
        project.write("profiles.yml", f"connections:\n  shop: {{{fields}}}\n")
        asks(project, "SELECT 1 AS one")
        start = time.monotonic()
        fails(project, "timeout expired", "check host and port")
        assert time.monotonic() - start < 8


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (
            "SELECT 1e29::numeric AS big",
            "the column big has a value that is no DECIMAL(38,9): 100000000000000000000000000000",
        ),
        ("SELECT 'NaN'::numeric AS odd", "the column odd has a value that is no DECIMAL(38,9): "),
        ("SELECT avg(i) AS mean FROM generate_series(1, 4) i WHERE i <> 2", "(say columns: {mean: DOUBLE}): 2.66666"),
        ("SELECT ARRAY[[1, 2], [3, 4]] AS grid", "a column has arrays of several dimensions"),
        ("SELECT interval '1 microsecond' AS wait", "the column wait has an interval with microseconds"),
        ("SELECT 1 / (i - 2) AS x FROM generate_series(1, 3) i", "division by zero"),
    ],
)
def test_a_value_that_a_table_cannot_hold(project: Project, postgresql: Database, query: str, words: str) -> None:
    asks(project, query)
    result = project.seeknal("run")
    decent(result)
    assert (result.code, words in result.err) == (1, True), result.err
    assert "seeknal/one.yml:" in result.err


def test_what_was_told_to_do_about_it_helps(project: Project, postgresql: Database) -> None:
    query = "SELECT avg(i) AS mean, interval '1 us' AS wait, 'NaN'::numeric AS odd FROM generate_series(1, 4) i"
    asks(project, query, "columns: {mean: DOUBLE, wait: VARCHAR, odd: DOUBLE}\n")
    project.run()
    assert str(project.rows("source.one")) == "[(2.5, '00:00:00.000001', nan)]"


def test_a_connection_that_is_lost_in_the_middle(project: Project, postgresql: Database) -> None:
    cut = "CASE WHEN i = 400000 THEN pg_terminate_backend(pg_backend_pid()) END"
    asks(project, f"SELECT i, repeat('x', 50) AS x, {cut} AS cut FROM generate_series(1, 800000) i")
    fails(project, "the connection was lost", "run again")
    result = project.run("--retry", "1", ok=False)
    assert [event["attempt"] for event in result.of("retry")] == [1]
    asks(project, "SELECT 1 AS one")
    assert project.run().code == 0


def test_a_driver_that_is_not_installed(
    project: Project, postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
    asks(project, "SELECT 1 AS one")
    result = project.seeknal("run")
    decent(result)
    assert "pip install 'seeknal[postgres]'" in result.err
    assert result.code == 7


def test_a_run_that_is_stopped_stops_the_server_too(project: Project, postgresql: Database) -> None:
    asks(project, "SELECT i, pg_sleep(0.01)::text AS s FROM generate_series(1, 100000) i")
    words = [sys.executable, "-m", "seeknal", "run", "--project-path", project.root]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    ) as child:
        busy = "SELECT pid FROM pg_stat_activity WHERE application_name = 'seeknal' AND state = 'active'"
        for _ in range(100):
            if postgresql.server.rows(busy):
                break
            time.sleep(0.05)
        start = time.monotonic()
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=20)
    assert time.monotonic() - start < 5
    assert child.returncode == 130, out + err
    assert "Traceback" not in out + err
    for _ in range(40):
        if not postgresql.server.rows(busy):
            break
        time.sleep(0.05)
    assert postgresql.server.rows(busy) == []

"""An upstream that cannot be hashed: days are asked for once, and once more when somebody says that they were wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

import pytest

from tests.project_on_disk import Project

PIPELINE = """
import json
from urllib.request import urlopen

from seeknal.pipeline import transform


@transform(name="calls", interval={"unit": "day", "column": "day", "start": "2024-01-01"})
def calls(ctx):
    day = ctx.interval.start.date().isoformat()
    with urlopen(f"URL?day={day}") as answer:
        rows = json.loads(answer.read())
    return ctx.duckdb.sql(f"SELECT DATE '{day}' AS day, unnest({rows}) AS seconds")
"""
NODES = """
kind: transform
name: daily
interval: {unit: day, column: day}
inputs: [{ref: transform.calls}]
transform: SELECT day, sum(seconds)::BIGINT AS seconds FROM ref('transform.calls') GROUP BY day
---
kind: transform
name: monthly
interval: {unit: month, column: day, open: true}
inputs: [{ref: transform.daily}]
transform: SELECT date_trunc('month', day)::DATE AS day, sum(seconds)::BIGINT AS seconds FROM ref('transform.daily') GROUP BY 1
"""
CLOCK = ("--date", "2024-01-11")


class Upstream:
    """An HTTP server with a list of numbers for each day, which remembers what was asked."""

    def __init__(self) -> None:
        self.days: dict[str, list[int]] = {f"2024-01-{n:02}": [n, 1] for n in range(1, 11)}
        self.asked: list[str] = []
        self.broken: set[str] = set()
        served = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                day = parse_qs(urlparse(self.path).query)["day"][0]
                served.asked.append(day)
                self.send_response(500 if day in served.broken else 200)
                self.end_headers()
                self.wfile.write(json.dumps(served.days[day]).encode())

            def log_message(self, *args: object) -> None:
                """Nothing on the terminal."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/calls"

    def questions(self) -> list[str]:
        """The days that were asked for since this was last called."""
        found, self.asked = sorted(self.asked), []
        return found


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    found = Upstream()
    thread = threading.Thread(target=found.server.serve_forever, daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def calls(project: Project, upstream: Upstream) -> Project:
    """Ten days, read once."""
    project.write("seeknal/pipelines/calls.py", PIPELINE.replace("URL", upstream.url))
    project.write("seeknal/calls.yml", NODES)
    project.run(*CLOCK)
    assert upstream.questions() == sorted(upstream.days)
    return project


def intervals(project: Project, *options: str) -> list[str]:
    """The intervals that a run built."""
    return sorted(event["target"] for event in project.run(*CLOCK, *options).of("interval"))


def test_what_was_read_is_not_asked_for_again(calls: Project, upstream: Upstream) -> None:
    upstream.days["2024-01-03"] = [100]
    assert intervals(calls) == []
    assert intervals(calls, "--params", "x=1") == []
    assert upstream.questions() == []


def test_a_marked_day_is_read_again_and_put_right_everywhere(calls: Project, upstream: Upstream) -> None:
    upstream.days["2024-01-03"] = [100]
    calls.seeknal("intervals", "restatement-add", "calls", "--start", "2024-01-03", "--end", "2024-01-04")
    assert intervals(calls) == []
    assert intervals(calls, "--restate") == [
        "transform.calls@2024-01-03",
        "transform.calls@2024-01-04",
        "transform.daily@2024-01-03",
        "transform.monthly@2024-01",
    ]
    assert upstream.questions() == ["2024-01-03", "2024-01-04"]
    assert calls.rows("transform.monthly")[0][1] == sum(n + 1 for n in range(1, 11)) - 4 + 100
    assert calls.seeknal("intervals", "restatement-list", "--json").json == []
    assert intervals(calls, "--restate") == []


def test_nodes_and_a_window_mark_and_run_at_once(calls: Project, upstream: Upstream) -> None:
    upstream.days["2024-01-07"] = [5]
    window = ("--start", "2024-01-06", "--end", "2024-01-07")
    assert intervals(calls, "--restate", "--nodes", "calls", *window) == [
        "transform.calls@2024-01-06",
        "transform.calls@2024-01-07",
        "transform.daily@2024-01-07",
        "transform.monthly@2024-01",
    ]
    assert upstream.questions() == ["2024-01-06", "2024-01-07"]
    assert intervals(calls) == []


def test_marks_stay_until_their_run_has_been_published(calls: Project, upstream: Upstream) -> None:
    upstream.days["2024-01-03"], upstream.broken = [100], {"2024-01-04"}
    calls.seeknal("intervals", "restatement-add", "calls", "--start", "2024-01-03", "--end", "2024-01-04")
    failed = calls.run(*CLOCK, "--restate", ok=False)
    assert failed.code == 1
    assert "HTTP Error 500" in failed.out
    assert len(calls.seeknal("intervals", "restatement-list", "--json").json) == 1
    upstream.questions()
    upstream.broken = set()
    assert "transform.daily@2024-01-03" in intervals(calls, "--restate")
    assert upstream.questions() == ["2024-01-03", "2024-01-04"]
    assert calls.seeknal("intervals", "restatement-list", "--json").json == []

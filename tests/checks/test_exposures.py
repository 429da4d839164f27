"""Exposures: what leaves the project, after it was published, once for each change."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.project_on_disk import Project


def exposure(project: Project, **fields: Any) -> None:
    """An exposure of `transform.by_city`; JSON is YAML."""
    document = {"kind": "exposure", "name": "out", "depends_on": [{"ref": "transform.by_city"}], **fields}
    project.write("seeknal/exposures/out.yml", json.dumps(document, indent=1))


FILES = [
    ({"path": "out/a.csv"}, "city,total\nParis,40\nRome,20\n"),
    ({"path": "out/a.txt", "delimiter": ";"}, "city;total\nParis;40\nRome;20\n"),
    ({"path": "out/b/c/a.csv", "header": False}, "Paris,40\nRome,20\n"),
    ({"path": "out/a", "format": "jsonl"}, '{"city":"Paris","total":40}\n{"city":"Rome","total":20}\n'),
    ({"path": "a.json"}, '[\n\t{"city":"Paris","total":40},\n\t{"city":"Rome","total":20}\n]\n'),
]


@pytest.mark.parametrize(("params", "content"), FILES, ids=lambda value: str(value)[:40])
def test_a_file_is_written_as_asked(shop: Project, params: Any, content: str) -> None:
    exposure(shop, type="file", params=params)
    assert "exposure.out" in shop.run().built
    assert shop.read(params["path"]) == content
    assert shop.run().built == set()


def test_dates_in_json_are_dates(project: Project) -> None:
    """Format 2.8: json dates come out as epoch milliseconds."""
    project.transform("by_city", "SELECT DATE '2024-01-02' AS day, TIMESTAMP '2024-01-02 03:04:05' AS at")
    exposure(project, type="file", params={"path": "a.jsonl"})
    project.run()
    assert project.read("a.jsonl") == '{"day":"2024-01-02","at":"2024-01-02 03:04:05"}\n'


def test_a_file_is_written_again_when_its_rows_or_its_form_change_and_only_then(shop: Project) -> None:
    """W3: an edit of an exposure's path or format is not seen."""
    exposure(shop, type="file", params={"path": "a.csv"})
    shop.run()
    shop.edit("data/orders.csv", "2,b,20", "2,b,21")
    assert "exposure.out" in shop.run().built
    assert "Rome,21" in shop.read("a.csv")
    exposure(shop, type="file", params={"path": "a.csv", "delimiter": "|"})
    assert shop.run().built == {"exposure.out"}
    exposure(shop, type="file", params={"path": "b.csv", "delimiter": "|"})
    assert shop.run().built == {"exposure.out"}
    exposure(shop, type="file", params={"path": "b.csv", "delimiter": "|"}, description="for the shop")
    assert shop.run().built == set()


def test_a_file_that_was_removed_or_changed_is_written_again_and_says_so(shop: Project) -> None:
    exposure(shop, type="file", params={"path": "a.csv"})
    shop.run()
    shop.run()
    os.unlink(shop.path("a.csv"))
    assert shop.plan()["exposure.out"] == "BUILD"
    assert "the exported file is missing" in shop.seeknal("run", "--explain").out
    shop.run()
    shop.write("a.csv", "nonsense\n")
    assert "not what was written" in shop.seeknal("run", "--explain").out
    assert "Paris,40" in shop.read("a.csv")
    assert shop.run().built == set()


def test_nothing_leaves_when_nothing_is_published(shop: Project) -> None:
    exposure(shop, type="file", params={"path": "a.csv"})
    shop.run()
    shop.edit("data/orders.csv", "2,b,20", "2,b,21")
    shop.write("seeknal/rules/r.yml", "kind: rule\nname: r\ninputs: [{ref: transform.by_city}]\nrule: total <> 21\n")
    for options in ((), ("--continue-on-error",)):
        result = shop.run(*options, ok=False)
        assert result.code == 4
        assert [event["target"] for event in result.of("skipped")] == ["exposure.out"]
        assert "Rome,20" in shop.read("a.csv")
    shop.edit("seeknal/rules/r.yml", "21", "22")
    shop.run()
    assert "Rome,21" in shop.read("a.csv")


def test_a_missing_upstream_is_an_error_and_no_rows_are_made_up(shop: Project) -> None:
    """Fault 37: three sample rows are written when the upstream is missing."""
    exposure(shop, type="file", params={"path": "a.csv"}, depends_on=[{"ref": "transform.nowhere"}])
    result = shop.run(ok=False)
    assert result.code == 3
    assert "'transform.nowhere' does not exist" in result.err
    shop.transform("nowhere", "SELECT error('boom') AS e")
    assert shop.run("--continue-on-error", ok=False).code == 1
    assert not os.path.exists(shop.path("a.csv"))


def test_the_table_is_the_first_of_depends_on_and_inputs_only_come_first(shop: Project) -> None:
    exposure(shop, type="file", params={"path": "a.csv"}, inputs=[{"ref": "transform.clean"}, {"ref": "source.orders"}])
    shop.run()
    assert shop.read("a.csv").startswith("city,total")
    exposure(shop, type="file", params={"path": "a.csv"}, inputs=[{"ref": "transform.clean"}], depends_on=None)
    shop.run()
    assert shop.read("a.csv").startswith("id,customer,amount")


def test_one_run_is_one_generation_and_rollback_goes_behind_it(shop: Project) -> None:
    exposure(shop, type="file", params={"path": "a.csv"})
    shop.run()
    shop.edit("data/orders.csv", "2,b,20", "2,b,21")
    shop.run()
    assert len(shop.seeknal("log", "--json").json) == 2
    assert shop.seeknal("rollback").code == 0
    assert sorted(shop.rows("transform.by_city")) == [("Paris", 40), ("Rome", 20)]
    shop.run()
    assert "Rome,21" in shop.read("a.csv")


class Server(HTTPServer):
    """Answers with `code` and keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.code = 200
        self.seen: list[tuple[str, str, dict[str, str], Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/in?key=s3cret"


class Handler(BaseHTTPRequestHandler):
    """Keeps requests."""

    server: Server

    def _take(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        self.send_response(self.server.code)
        self.end_headers()

    do_POST = do_PUT = _take  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on loopback."""
    made = Server()
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


def test_an_api_gets_the_records_once_for_each_change(shop: Project, server: Server) -> None:
    """Fault 37: the body is a text, and the node fails after sending."""
    exposure(shop, type="api", params={"url": server.url, "headers": {"X-From": "shop"}, "auth": {"token": "t0ken"}})
    shop.run()
    shop.run()
    ((method, path, headers, body),) = server.seen
    assert (method, path) == ("POST", "/in?key=s3cret")
    assert body == [{"city": "Paris", "total": 40}, {"city": "Rome", "total": 20}]
    assert (headers["X-From"], headers["Authorization"]) == ("shop", "Bearer t0ken")
    shop.edit("data/orders.csv", "2,b,20", "2,b,21")
    shop.run()
    assert [sent[3][1]["total"] for sent in server.seen] == [20, 21]


def test_batches_methods_and_failures_of_an_api(shop: Project, server: Server) -> None:
    exposure(shop, type="api", params={"url": server.url, "method": "put", "batch_size": 1})
    server.code = 503
    result = shop.run("--retry", "1", ok=False)
    assert result.code == 1
    (event,) = result.of("failed")
    assert "http://127.0.0.1 answered 503" in event["error"]
    assert "s3cret" not in result.out + result.err
    assert sorted(shop.rows("transform.by_city")) == [("Paris", 40), ("Rome", 20)]
    server.code, server.seen[:] = 200, []
    assert shop.run().built == {"exposure.out"}
    assert [(sent[0], len(sent[3])) for sent in server.seen] == [("PUT", 1), ("PUT", 1)]


def test_messages_to_a_webhook_and_to_slack(shop: Project, server: Server) -> None:
    exposure(shop, type="notification", params={"url": server.url, "payload": {"team": "data"}})
    shop.run()
    exposure(shop, type="notification", params={"url": server.url, "channel": "slack", "message": "rides are ready"})
    shop.run()
    first, second = (sent[3] for sent in server.seen)
    assert first == {
        "team": "data",
        "node": "exposure.out",
        "project": "shop",
        "data": [{"city": "Paris", "total": 40}, {"city": "Rome", "total": 20}],
    }
    assert second == {"text": "rides are ready"}


def test_secrets_reach_the_server_and_nothing_else(
    shop: Project, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_URL", server.url)
    shop.write(".env", "API_TOKEN=t0psecret\nAPI_PASSWORD=hunter2\n")
    headers = {"X-Token": "{{ env:API_TOKEN }}", "Cookie": "id=0ldsecret", "X-Plain": "told"}
    auth = {"username": "ann", "password": "{{env:API_PASSWORD}}"}
    exposure(shop, type="api", params={"url": "{{ env:API_URL }}", "headers": headers, "auth": auth})
    shop.run()
    ((_, _, sent, _),) = server.seen
    assert (sent["X-Token"], sent["Cookie"], sent["X-Plain"]) == ("t0psecret", "id=0ldsecret", "told")
    assert sent["Authorization"] == "Basic YW5uOmh1bnRlcjI="
    server.code = 500
    monkeypatch.setenv("API_URL", server.url.replace("/in", "/on"))
    exposure(shop, type="api", params={"url": "{{ env:API_URL }}", "headers": {**headers, "N": "1"}, "auth": auth})
    result = shop.run(ok=False)
    said = result.out + result.err
    stored = b"".join(path.read_bytes() for path in Path(shop.path("target")).rglob("*") if path.is_file())
    for secret in ("t0psecret", "hunter2", "0ldsecret", "s3cret"):
        assert secret not in said
        assert secret.encode() not in stored
    assert b"X-Plain" in stored


def test_a_variable_that_is_not_set_is_told_before_anything_runs(shop: Project) -> None:
    exposure(shop, type="api", params={"url": "http://127.0.0.1:1/", "auth": {"token": "{{ env:NOWHERE_TOKEN }}"}})
    result = shop.run(ok=False)
    assert result.code == 3
    assert "NOWHERE_TOKEN is not set" in result.err


def test_types_that_are_not_there_fail_alone_and_reports_do_nothing(shop: Project) -> None:
    exposure(shop, type="starrocks_materialized_view", params={"table": "t"})
    result = shop.run(ok=False)
    assert result.code == 1
    assert "not supported yet" in result.of("failed")[0]["error"]
    assert len(shop.rows("transform.by_city")) == 2
    exposure(shop, type="report", params={"prompt": "tell me"})
    assert "nothing was sent" in str(shop.run().of("built"))


WRONG = [
    ({"type": "fiel"}, "did you mean file?"),
    ({}, "the field 'type' is missing"),
    ({"type": "file"}, "a file exposure needs path"),
    ({"type": "file", "params": {"path": "target/x.csv"}}, "target/ belongs to seeknal"),
    ({"type": "file", "params": {"path": "x", "format": "xlsx"}}, "allowed are csv, parquet, json, jsonl"),
    ({"type": "file", "params": {"path": "x", "compression": "rar"}}, "allowed for csv are"),
    ({"type": "file", "params": {"path": "x"}, "depends_on": None}, "an exposure needs the table"),
    ({"type": "api"}, "url is None: a text is needed"),
    ({"type": "database", "params": {"table": "t"}}, "needs connection"),
    ({"type": "database", "params": {"connection": "c", "table": "a.b.c"}}, "schema.table"),
    ({"type": "api", "params": {"url": "http://x", "method": "GET"}}, "allowed are POST, PUT and PATCH"),
    ({"type": "api", "params": {"url": "http://x", "timeout": "long"}}, "a number of seconds"),
    ({"type": "api", "params": {"url": "http://x", "auth": {"user": "x"}}}, "auth is {token: ...}"),
    ({"type": "api", "params": {"url": "http://x", "batch_size": 0}}, "rows in one request"),
    ({"type": "notification", "params": {"url": "http://x", "channel": "email"}}, "allowed are webhook and slack"),
    ({"type": "notification", "params": {"url": "http://x", "channel": "slack"}}, "message is None"),
]


@pytest.mark.parametrize(("fields", "told"), WRONG, ids=lambda value: str(value)[:50])
def test_a_wrong_exposure_is_told_with_its_line(shop: Project, fields: Any, told: str) -> None:
    exposure(shop, **fields)
    result = shop.run(ok=False)
    assert result.code == 3
    assert told in result.err
    assert "seeknal/exposures/out.yml:" in result.err


def test_rows_that_come_back_are_written_again(shop: Project) -> None:
    """The store still has the receipt of the first time, whose words are the same: the file has other rows."""
    exposure(shop, type="file", params={"path": "a.csv"})
    shop.run()
    first = shop.read("a.csv")
    shop.edit("data/orders.csv", "1,a,10", "1,a,11")
    shop.run()
    assert shop.read("a.csv") != first
    shop.edit("data/orders.csv", "1,a,11", "1,a,10")
    assert shop.run().built == {"exposure.out"}
    assert shop.read("a.csv") == first

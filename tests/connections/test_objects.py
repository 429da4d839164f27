"""Files that lie in an object store: Parquet, CSV and JSON behind s3://, on a real S3 API."""

from __future__ import annotations

import gzip
import io
import os
import sys
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.connections.conftest import Bucket
from tests.project_format.telling import told
from tests.project_on_disk import Project
from tests.wire import Wire, wire


def parquet(**columns: list[Any]) -> bytes:
    """A Parquet file."""
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def source(project: Project, table: str, more: str = "", word: str = "parquet", connection: str = "lake") -> None:
    """Declare `source.orders`."""
    said = f"connection: {connection}\n" if connection else ""
    project.write(
        "seeknal/sources/orders.yml", f"kind: source\nname: orders\nsource: {word}\n{said}table: {table}\n{more}"
    )


@pytest.fixture
def seen(bucket: Bucket, project: Project) -> Iterator[Wire]:
    """The wire that the connection `lake` goes over."""
    with wire(bucket.store.endpoint) as found:
        project.edit("profiles.yml", bucket.store.endpoint, found.endpoint)
        yield found


def test_nothing_is_fetched_while_the_listing_is_the_same(project: Project, bucket: Bucket, seen: Wire) -> None:
    bucket.put("2024/a.parquet", parquet(id=[1, 2], name=["ä", None]))
    bucket.put("2024/b.parquet", parquet(id=[3], name=["c"]))
    source(project, f"s3://{bucket.name}/2024/*.parquet")
    project.run()
    assert project.rows("source.orders") == [(1, "ä"), (2, None), (3, "c")]
    assert sorted(seen.gets()) == [f"/{bucket.name}/2024/{name}.parquet" for name in "ab"]
    seen.requests.clear()
    assert project.run().built == set()
    assert project.plan() == {"source.orders": "HIT"}
    bucket.put("2024/a.parquet", parquet(id=[1, 2], name=["ä", None]))  # the same bytes have the same ETag
    assert project.run().built == set()
    assert (seen.listings(), seen.gets()) == (3, [])
    bucket.put("2024/c.parquet", parquet(id=[4], name=["d"]))
    assert project.plan() == {"source.orders": "BUILD"}
    assert project.run().built == {"source.orders"}
    bucket.delete("2024/a.parquet")
    project.run()
    assert project.rows("source.orders") == [(3, "c"), (4, "d")]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a.parquet", "1"),
        ("*.parquet", "12"),
        ("2024/*.parquet", "34"),
        ("2024/0[1-9].parquet", "3"),
        ("2024/?1.parquet", "34"),
        ("*/*.parquet", "346"),
        ("**/*.parquet", "123456"),
        ("2024/**", "345"),
        ("20*/**/*1.parquet", "346"),
    ],
)
def test_patterns_mean_what_they_mean_for_local_files(
    project: Project, bucket: Bucket, pattern: str, found: str
) -> None:
    keys = ["a", "b c+%20", "2024/01", "2024/11", "2024/x/y/07", "2025/01", ".hidden", "2024/.tmp/01"]
    for n, key in enumerate(keys, 1):
        bucket.put(f"{key}.parquet", parquet(id=[n]))
        path = project.path("data", *f"{key}.parquet".split("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(parquet(id=[n]))
    bucket.put("2024/", b"")  # what consoles make of a folder
    source(project, f"'s3://{bucket.name}/{pattern}'")
    local = f"kind: source\nname: local\nsource: parquet\ntable: 'data/{pattern}'\n"
    project.write("seeknal/sources/local.yml", local)
    project.run()
    assert "".join(sorted(str(row[0]) for row in project.rows("source.orders"))) == found
    assert sorted(project.rows("source.orders")) == sorted(project.rows("source.local"))


def test_csv_and_json_are_read_with_the_options_and_types_of_files(project: Project, bucket: Bucket) -> None:
    bucket.put("in/a.csv", b"id;price\n1;1,50\n")
    bucket.put("in/b.csv.gz", gzip.compress(b"id;price\n2;x\n"))
    bucket.put("in/c.json", b'{"id": 7, "tags": ["x"]}\n{"id": 8, "tags": []}\n')
    source(
        project,
        f"s3://{bucket.name}/in/*.csv*",
        "params: {delimiter: ';'}\ncolumns: {id: INTEGER, price: VARCHAR}\n",
        "csv",
    )
    text = (
        f"kind: source\nname: tags\nsource: json\nconnection: lake\nparams: {{path: 's3://{bucket.name}/in/c.json'}}\n"
    )
    project.write("seeknal/sources/tags.yml", text)
    project.run()
    assert project.rows("source.orders") == [(1, "1,50"), (2, "x")]
    assert project.rows("source.tags") == [(7, ["x"]), (8, [])]
    project.edit("seeknal/sources/orders.yml", "price: VARCHAR", "price: DOUBLE")
    (failed,) = project.run(ok=False).of("failed")
    assert f"s3://{bucket.name}/in/" in failed["error"]
    assert ".objects" not in failed["error"]


def test_a_folder_that_is_named_like_a_column_is_one(project: Project, bucket: Bucket) -> None:
    bucket.put("day=2024-01-01/a.parquet", parquet(id=[1]))
    bucket.put("day=2024-01-02/a.parquet", parquet(id=[2]))
    source(project, f"s3://{bucket.name}/*/a.parquet")
    project.run()
    assert [(n, str(day)) for n, day in project.rows("source.orders")] == [(1, "2024-01-01"), (2, "2024-01-02")]


def test_a_late_row_rebuilds_its_own_day(project: Project, bucket: Bucket) -> None:
    bucket.put("a.parquet", parquet(id=[1, 2], day=["2024-01-01", "2024-01-02"]))
    source(project, f"s3://{bucket.name}/*.parquet", "columns: {day: TIMESTAMP}\ninterval: {unit: day, column: day}\n")
    more = "interval: {unit: day, column: day, start: 2024-01-01}\n"
    project.transform(
        "daily", "SELECT day, count(*) AS n FROM ref('source.orders') GROUP BY day", ("source.orders",), more
    )
    project.run("--date", "2024-01-03")
    bucket.put("b.parquet", parquet(id=[3], day=["2024-01-02"]))
    (built,) = (
        event for event in project.run("--date", "2024-01-03").of("built") if event["target"] == "transform.daily"
    )
    assert built["wrote"] == 1
    assert sorted(n for _, n in project.rows("transform.daily")) == [1, 2]


def test_an_object_that_changes_after_it_was_listed_is_read_again(project: Project, bucket: Bucket, seen: Wire) -> None:
    bucket.put("a.parquet", parquet(id=[1]))
    bucket.put("b.parquet", parquet(id=[2]))
    source(project, f"s3://{bucket.name}/*.parquet")

    def change(request: str) -> None:
        if "a.parquet" in request and len(seen.gets()) < 3:
            bucket.put("a.parquet", parquet(id=[10]))

    seen.before = change
    result = project.run()
    assert "changed after it was listed: it is read again" in result.err
    assert project.rows("source.orders") == [(10,), (2,)]
    assert project.run().built == set()


def test_one_that_never_stands_still_fails(project: Project, bucket: Bucket, seen: Wire) -> None:
    bucket.put("a.parquet", parquet(id=[1]))
    source(project, f"s3://{bucket.name}/*.parquet")
    seen.before = lambda request: (
        bucket.put("a.parquet", parquet(id=[len(seen.requests)])) if "a.parquet" in request else None
    )
    (failed,) = project.run(ok=False).of("failed")
    assert failed["reason"] == "changed_input"
    assert failed["error"].startswith("seeknal/sources/orders.yml:5: source.orders (connection lake): s3://")


def test_a_connection_that_breaks_in_the_middle_is_taken_up(project: Project, bucket: Bucket, seen: Wire) -> None:
    bucket.put("a.parquet", parquet(id=list(range(1000))))
    source(project, f"s3://{bucket.name}/*.parquet")

    def cut(request: str) -> None:
        if "a.parquet" in request and len(seen.gets()) == 1:
            raise OSError

    seen.before = cut
    project.run()
    assert len(project.rows("source.orders")) == 1000
    assert len(seen.gets()) == 2


def test_without_a_connection_the_variables_of_aws_count(
    project: Project, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.unlink(project.path("profiles.yml"))
    bucket.put("a.parquet", parquet(id=[1]))
    source(project, f"s3://{bucket.name}/*.parquet", connection="")
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.store.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", bucket.store.key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", bucket.store.secret)
    project.run()
    assert project.rows("source.orders") == [(1,)]
    project.write(".env", "AWS_REGION=us-east-1\n")
    assert project.run().built == set()


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("/*.parquet", "/none/*.parquet", 5, "no object matches s3://"),
        ("/*.parquet", "/none.parquet", 5, "none.parquet"),
        ("/*.parquet", "x/*.parquet", 5, "NoSuchBucket"),
        ("/*.parquet", "x/a.parquet", 5, "NoSuchBucket"),
        ("connection: lake", "connection: wrong_key", 4, "InvalidAccessKeyId"),
        ("connection: lake", "connection: wrong_secret", 4, "SignatureDoesNotMatch"),
        ("connection: lake", "connection: nobody", 4, "http://127.0.0.1:9 does not answer: Connection refused"),
        ("connection: lake", "connection: lost", 4, "there is no connection 'lost'"),
    ],
)
def test_what_does_not_work_is_told_with_its_line(
    project: Project, bucket: Bucket, old: str, new: str, line: int, words: str
) -> None:
    at = f"endpoint: '{bucket.store.endpoint}'"
    more = (
        f"  wrong_key: {{type: s3, {at}, access_key_id: AKIANOBODY, secret_access_key: canary-of-the-key}}\n"
        f"  wrong_secret: {{type: s3, {at}, access_key_id: {bucket.store.key}, secret_access_key: canary-of-the-key}}\n"
        "  nobody: {type: s3, endpoint: 'http://127.0.0.1:9', access_key_id: a, secret_access_key: canary-of-the-key}\n"
    )
    bucket.profile(project, more=more)
    bucket.put("a.parquet", parquet(id=[1]))
    source(project, f"s3://{bucket.name}/*.parquet")
    project.edit("seeknal/sources/orders.yml", old, new)
    result, checked = project.seeknal("run"), project.seeknal("validate")
    assert result.code == 1
    assert f"seeknal/sources/orders.yml:{line}: source.orders" in result.err
    assert words in result.err
    assert (checked.code, words in checked.out) == (3, True)
    for text in (result.err, result.out, checked.out, checked.err):
        assert "canary-of-the-key" not in text
        assert "Traceback" not in text
        assert "Debug source" not in text
    assert project.seeknal("validate", "--no-connect").code in (0, 3 if "lost" in new else 0)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("s3://shop/2024/", "s3://shop/2024/ is a folder: say which of its files: s3://shop/2024/*.parquet"),
        ("s3://shop", "s3://shop is a folder"),
        ("s3://_/a.parquet", "'_' is no name of a bucket"),
        ("gs://shop/a.parquet", "gs://shop/a.parquet is not a path: of other machines, s3:// is read"),
    ],
)
def test_a_url_that_cannot_be_meant_is_told(project: Project, table: str, words: str) -> None:
    source(project, table, connection="")
    ((file, line, message),) = told(project)
    assert (file, line) == ("seeknal/sources/orders.yml", 4)
    assert words in message


def test_fields_of_the_connection_may_stand_in_params(project: Project, bucket: Bucket) -> None:
    bucket.put("a.parquet", parquet(id=[1]))
    fields = f"endpoint: '{bucket.store.endpoint}', access_key_id: {bucket.store.key}"
    more = f"params: {{{fields}, secret_access_key: '{{{{env:LAKE_SECRET}}}}'}}\n"
    source(project, f"s3://{bucket.name}/*.parquet", more, connection="")
    project.run()
    assert project.rows("source.orders") == [(1,)]
    project.edit("seeknal/sources/orders.yml", ", secret_access_key", ", sceret_access_key")
    assert "parquet has no option 'sceret_access_key' (did you mean secret_access_key?)" in told(project)[0][2]


def test_without_the_package_it_is_told_what_to_install(
    project: Project, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    source(project, f"s3://{bucket.name}/*.parquet")
    monkeypatch.setitem(sys.modules, "obstore", None)
    result = project.seeknal("run")
    assert result.code == 7
    assert "seeknal/sources/orders.yml:1: source.orders: a package is missing" in result.err
    assert "pip install 'seeknal[s3]'" in result.err


def test_the_secret_is_found_nowhere(project: Project, bucket: Bucket) -> None:
    bucket.put("a.parquet", parquet(id=[1]))
    source(project, f"s3://{bucket.name}/*.parquet")
    said = [
        project.seeknal(*words) for words in (("run",), ("plan",), ("validate",), ("show", "source.orders"), ("list",))
    ]
    assert not any(bucket.store.secret in text for result in said for text in (result.out, result.err))
    for folder, _, names in os.walk(project.root):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                assert bucket.store.secret.encode() not in file.read(), name

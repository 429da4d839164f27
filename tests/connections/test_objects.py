"""Files that lie in an object store: Parquet, CSV and JSON behind s3://, on a real S3 API."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq

from tests.connections.conftest import Bucket
from tests.project_on_disk import Project


def parquet(**columns: list[object]) -> bytes:
    """A Parquet file."""
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def source(project: Project, table: str, more: str = "", word: str = "parquet") -> None:
    """Declare `source.orders`."""
    text = f"kind: source\nname: orders\nsource: {word}\nconnection: lake\ntable: {table}\n{more}"
    project.write("seeknal/sources/orders.yml", text)


def test_a_first(project: Project, bucket: Bucket) -> None:
    bucket.put("2024/a.parquet", parquet(id=[1, 2], name=["ä", None]))
    bucket.put("2024/b.parquet", parquet(id=[3], name=["c"]))
    source(project, f"s3://{bucket.name}/2024/*.parquet")
    project.run()
    assert project.rows("source.orders") == [(1, "ä"), (2, None), (3, "c")]
    assert project.run().built == set()
    bucket.put("2024/c.parquet", parquet(id=[4], name=["d"]))
    assert project.run().built == {"source.orders"}

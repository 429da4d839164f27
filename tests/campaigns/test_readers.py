"""Somebody keeps reading the views while runs publish: every look is one whole generation, and no file is ever missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.project_on_disk import Project

PUBLISHES = 200

# Two tables that every run changes together. A reader of several takes the folder that `intermediate` leads to, once; a
# reader of one table needs no such care.
READER = """
import json, os, sys
import duckdb
con = duckdb.connect()
con.execute("SET enable_object_cache = false")
views, looks, mixed, seen = sys.argv[1], 0, 0, set()
print("ready", flush=True)
os.set_blocking(0, False)
while sys.stdin.buffer.read(1) is None:
    folder = os.path.realpath(views)
    a, = con.execute(f"SELECT min(n) FROM read_parquet('{folder}/transform_a.parquet') HAVING min(n) = max(n)").fetchone()
    b, = con.execute(f"SELECT min(n) FROM read_parquet('{folder}/transform_b.parquet') HAVING min(n) = max(n)").fetchone()
    one, = con.execute(f"SELECT min(n) FROM read_parquet('{views}/transform_a.parquet') HAVING min(n) = max(n)").fetchone()
    looks, mixed = looks + 1, mixed + (a != b)
    assert one >= a, (one, a)
    seen.add(a)
print(json.dumps([looks, mixed, len(seen)]))
"""


def test_a_reader_through_200_publishes_sees_only_whole_generations(tmp_path: Path) -> None:
    project = Project(str(tmp_path / "p"))
    project.write("seeknal_project.yml", "name: p\n")
    project.source("n", "n\n0\n", {"n": "BIGINT"})
    for name, rows in (("a", 2000), ("b", 3000)):
        project.transform(name, f"SELECT n FROM ref('source.n'), range({rows})", ("source.n",))
    project.run()
    words = [sys.executable, "-c", READER, project.path("target", "intermediate")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdin
        assert reader.stdout
        assert reader.stdout.readline() == "ready\n"
        for number in range(1, PUBLISHES + 1):
            project.write("data/n.csv", f"n\n{number}\n")
            assert len(project.run().built) == 3
        reader.stdin.write("x")
        reader.stdin.close()
        looks, mixed, seen = json.loads(reader.stdout.read())
    assert reader.returncode == 0
    assert mixed == 0
    assert looks > PUBLISHES / 2
    assert seen > PUBLISHES / 10

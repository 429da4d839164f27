"""Real processes: starting runs, killing them, and reading what their logs say."""

from __future__ import annotations

import collections
import json
import os
import subprocess
import sys

from tests.project_on_disk import Project


def start(project: Project, *options: str) -> subprocess.Popen[str]:
    """`seeknal run` in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "seeknal", "run", "--project-path", project.root, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
        start_new_session=True,
    )


def executions(*projects: Project) -> collections.Counter[str]:
    """How often each target was executed, over all logs."""
    count: collections.Counter[str] = collections.Counter()
    for project in projects:
        folder = project.path("target", "log")
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                events = [json.loads(line) for line in file]
            count.update(event["target"] for event in events if event["event"] == "built")
    return count


def children(group: int) -> list[int]:
    """Processes that are left of a process group."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as file:
                    fields = file.read().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] != "Z":
                found.append(int(name))
    return found


def pipeline(project: Project, width: int = 6) -> None:
    """Sources, and transforms in two layers, with a Python node and a feature group."""
    project.write("seeknal_project.yml", "name: p\n")
    for i in range(width):
        rows = "".join(f"{k},{k * (i + 1) % 97}\n" for k in range(400))
        project.source(f"s{i}", "k,v\n" + rows, {"k": "BIGINT", "v": "BIGINT"})
        project.transform(f"a{i}", f"SELECT k, v + {i} AS v FROM ref('source.s{i}')", (f"source.s{i}",))
        other = f"transform.a{(i + 1) % width}"
        sql = f"SELECT x.k, x.v + y.v AS v FROM ref('transform.a{i}') x JOIN ref('{other}') y USING (k)"
        project.transform(f"b{i}", sql, (f"transform.a{i}", other))
    project.write(
        "seeknal/pipelines/count.py",
        """
        from seeknal.pipeline import transform

        @transform(name="count", inputs=["transform.b0"])
        def count(ctx):
            rows = ctx.ref("transform.b0")
            return ctx.duckdb.sql("SELECT count(*) AS n, sum(v) AS s FROM rows")
        """,
    )

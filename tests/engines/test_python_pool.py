"""Python nodes run in worker processes: how they fail, and that nothing of them stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from seeknal.engines.python_packages import command, missing
from seeknal.engines.python_pool import Pool
from seeknal.errors import BuildFailed, EnvironmentFailure, Interrupted
from tests.engines.python_project import RIDES, Project, open_pool

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with open_pool() as pool:
        yield pool


@pytest.fixture
def project(tmp_path: Path, pool: Pool) -> Project:
    return Project(tmp_path, pool)


# Failures -----------------------------------------------------------------------------------------------------------


def test_an_exception_shows_the_projects_own_lines(project: Project) -> None:
    helper = {"lib.helper": ("lib/helper.py", "import json\n\ndef load():\n    return json.loads('{')\n")}
    with pytest.raises(BuildFailed) as error:
        project.run("from lib.helper import load\nreturn load()", modules=helper)
    text = str(error.value)
    assert error.value.reason == "node_failed"
    assert "JSONDecodeError" in text
    assert "seeknal/nodes/one.py:3 in node: return load()" in text
    assert "lib/helper.py:4 in load: return json.loads('{')" in text
    assert "json/decoder.py" not in text


def test_an_error_in_the_query_of_a_returned_relation_is_the_nodes(project: Project) -> None:
    with pytest.raises(BuildFailed, match="Conversion Error"):
        project.run("return ctx.duckdb.sql(\"SELECT 'x'::INT AS a FROM range(3)\")")


def test_prints_are_captured_and_escaped(project: Project) -> None:
    body = "import os\nprint('hello \\x1b[31m', flush=True)\nos.system('echo from a child')\nreturn {'a': [1]}"
    assert project.run(body).printed == "hello \\x1b[31m\nfrom a child\n"
    with pytest.raises(BuildFailed) as error:
        project.run("print('before')\nraise ValueError('no')")
    assert "the last it printed:\n  before" in str(error.value)
    assert error.value.__notes__ == ["before\n"]


def test_a_flood_of_prints_is_cut(project: Project) -> None:
    printed = project.run("for i in range(50_000):\n    print('x' * 100, i)\nreturn {'a': [1]}").printed
    assert len(printed) < 70_000
    assert printed.endswith("49999\n")


def test_sys_exit_fails_the_node(project: Project) -> None:
    with pytest.raises(BuildFailed, match=r"sys.exit\(3\)") as error:
        project.run("import sys\nsys.exit(3)")
    assert error.value.reason == "node_exited"


@pytest.mark.parametrize(
    ("call", "said"),
    [("os._exit(3)", "exit code 3"), ("os.kill(os.getpid(), 9)", "SIGKILL"), ("os.abort()", "SIGABRT")],
)
def test_a_worker_that_dies_fails_its_node_only(project: Project, call: str, said: str) -> None:
    with pytest.raises(BuildFailed, match=said) as error:
        project.run(f"import os\nprint('so far', flush=True)\n{call}")
    assert error.value.reason == "node_killed"
    assert "so far" in str(error.value)
    assert project.rows("return {'a': [1]}") == [(1,)]


def test_a_node_that_takes_too_long_is_killed(project: Project) -> None:
    start = time.monotonic()
    with pytest.raises(BuildFailed, match=r"after 0.5 seconds") as error:
        project.run("import subprocess\nsubprocess.run(['sleep', '50'])", timeout=0.5)
    assert error.value.reason == "node_timeout"
    assert time.monotonic() - start < 5


def test_a_missing_package_is_named_with_the_remedy(project: Project) -> None:
    with pytest.raises(EnvironmentFailure) as error:
        project.run("import cv2.typing")
    assert error.value.reason == "missing_package"
    assert "pip install 'opencv-python'" in error.value.hint
    assert "script header" in error.value.hint


# Processes ----------------------------------------------------------------------------------------------------------

PID = "import os\nreturn {'a': [os.getpid()]}"


def test_a_worker_is_reused_but_keeps_nothing(project: Project) -> None:
    (pid,) = project.rows(PID)
    body = """
        import os, sys, signal, warnings, logging
        import lib.state
        lib.state.seen.append(1)
        os.environ["LEFT"] = "1"; os.chdir("/"); sys.path.append("/left"); sys.setrecursionlimit(77_777)
        signal.signal(signal.SIGTERM, signal.SIG_IGN); logging.basicConfig(); warnings.simplefilter("error")
        ctx.duckdb.execute("CREATE TABLE left_over AS SELECT 1"); sys.stdout = None
        return {"n": [len(lib.state.seen)]}
    """
    state = {"lib.state": ("lib/state.py", "seen = []\n")}
    assert project.rows(body, modules=state) == [(1,)]
    assert project.rows(body, modules=state) == [(1,)]
    look = """
        import os, sys, signal, logging
        tables = ctx.duckdb.sql("SHOW TABLES").fetchall()
        return {"left": [str([os.environ.get("LEFT"), "/left" in sys.path, sys.getrecursionlimit() == 77_777,
                signal.getsignal(signal.SIGTERM) == signal.SIG_IGN, logging.root.handlers, tables,
                "lib.state" in sys.modules, os.getcwd() == str(ctx.project_path), sys.stdout is None])]}
    """
    assert project.rows(look) == [("[None, False, False, False, [], [], False, True, False]",)]
    assert project.rows(PID) == [pid]


LEFT = {
    "a table": ("ctx.duckdb.execute('CREATE TABLE t AS SELECT 7 AS a')", "ctx.duckdb.sql('FROM t')"),
    "a temporary table": ("ctx.duckdb.execute('CREATE TEMP TABLE t AS SELECT 7 AS a')", "ctx.duckdb.sql('FROM t')"),
    "a table of another cursor": (
        "ctx.duckdb.cursor().execute('CREATE TABLE t AS SELECT 7 AS a')",
        "ctx.duckdb.sql('FROM t')",
    ),
    "a registered table": (
        "ctx.duckdb.register('t', ctx.duckdb.sql('SELECT 7 AS a').df())",
        "ctx.duckdb.sql('FROM t')",
    ),
    "a view": ("ctx.duckdb.sql('SELECT 7 AS a').create_view('t')", "ctx.duckdb.sql('FROM t')"),
    "a function": (
        "ctx.duckdb.create_function('t', lambda a: a, ['BIGINT'], 'BIGINT')",
        "ctx.duckdb.sql('SELECT t(7) AS a')",
    ),
    "a function of duckdb": (
        "__import__('duckdb').create_function('t', lambda a: a, ['BIGINT'], 'BIGINT')",
        "ctx.duckdb.sql('SELECT t(7) AS a')",
    ),
    "a macro": ("ctx.duckdb.execute('CREATE MACRO t(a) AS a')", "ctx.duckdb.sql('SELECT t(7) AS a')"),
    "a database": (
        "ctx.duckdb.execute(\"ATTACH ':memory:' AS t\")",
        "ctx.duckdb.sql('SELECT 7 AS a FROM t.duckdb_tables')",
    ),
}


@pytest.mark.parametrize(("leave", "find"), LEFT.values(), ids=LEFT)
def test_the_database_of_a_worker_keeps_nothing(project: Project, leave: str, find: str) -> None:
    assert project.rows(f"{leave}\nreturn {{'a': [1]}}") == [(1,)]
    with pytest.raises(BuildFailed, match=r"Catalog|Binder"):
        project.run(f"return {find}")


def test_settings_of_a_node_are_gone_after_it(project: Project) -> None:
    settings = "TimeZone", "threads", "memory_limit", "preserve_insertion_order", "default_null_order"
    look = f"return {{n: [str(ctx.duckdb.sql(f\"SELECT current_setting('{{n}}')\").fetchall())] for n in {settings}}}"
    before = project.rows(look)
    change = "SET TimeZone='Asia/Tokyo'; SET threads=3; SET memory_limit='1GB'; SET preserve_insertion_order=false"
    project.run(f"ctx.duckdb.execute(\"{change}; SET default_null_order='NULLS FIRST'; BEGIN\")\nreturn {{'a': [1]}}")
    assert project.rows(look) == before
    seeded = "return ctx.duckdb.sql('SELECT random() AS a, setseed(0.5) AS b')"
    assert project.rows(seeded) != project.rows(seeded)


def test_a_failure_does_not_cost_the_worker(project: Project) -> None:
    (pid,) = project.rows(PID)
    with pytest.raises(BuildFailed):
        project.run("1 / 0")
    assert project.rows(PID) == [pid]


def test_a_worker_with_threads_left_is_not_reused(project: Project) -> None:
    body = "import threading, time\nthreading.Thread(target=time.sleep, args=(30,), daemon=True).start()\n" + PID
    (pid,) = project.rows(body)
    assert project.rows(PID) != [pid]


def test_the_shipped_text_runs_not_the_file(project: Project) -> None:
    (project.root / "lib").mkdir()
    (project.root / "lib" / "helper.py").write_text("VALUE = 'edited since'\n")
    body = "import lib.helper\nreturn {'a': [lib.helper.VALUE], 'f': [lib.helper.__file__]}"
    shipped = {"lib.helper": ("lib/helper.py", "VALUE = 'as hashed'\n")}
    assert project.rows(body, modules=shipped) == [("as hashed", str(project.root / "lib" / "helper.py"))]


def test_a_relative_import_means_the_file_beside(project: Project) -> None:
    beside = {"__node__.near": ("seeknal/nodes/near.py", "VALUE = 5\n")}
    assert project.rows("from .near import VALUE\nreturn {'a': [VALUE]}", modules=beside) == [(5,)]


def test_a_file_called_like_a_standard_module_does_not_hide_it(project: Project) -> None:
    (project.root / "seeknal" / "nodes").mkdir(parents=True)
    (project.root / "seeknal" / "nodes" / "sched.py").write_text("raise SystemError\n")
    assert project.rows("import sched\nreturn {'a': [sched.scheduler.__name__]}") == [("scheduler",)]


@pytest.mark.alone
def test_a_trivial_node_is_cheap(project: Project) -> None:
    times = []
    for _ in range(12):
        start = time.perf_counter()
        project.run("return ctx.duckdb.sql('SELECT 1 AS a')")
        times.append(time.perf_counter() - start)
    assert sorted(times)[3] < 0.05  # about 10 ms on a quiet machine


def test_a_worker_imports_no_frame_library_that_is_not_needed(tmp_path: Path) -> None:
    pool = Pool()
    body = """
        import sys
        heavy = [name for name in ("pandas", "polars", "pyarrow", "numpy", "blake3") if name in sys.modules]
        return ctx.duckdb.sql(f"SELECT {len(heavy)} AS n")
    """
    assert Project(tmp_path, pool).rows(body) == [(0,)]
    pool.close()


def test_jobs_run_side_by_side(project: Project) -> None:
    def one(number: int) -> int:
        job = project.job(f"import time\ntime.sleep(0.3)\nreturn {{'a': [{number}]}}")
        return project.pool.run(job._replace(output=f"{project.output}.{number}")).pid

    with ThreadPoolExecutor(3) as threads:
        assert len(set(threads.map(one, range(3)))) == 3


def test_closing_the_pool_stops_what_runs(tmp_path: Path) -> None:
    pool = Pool(1)
    project = Project(tmp_path, pool)
    timer = threading.Timer(1.0, pool.close)
    timer.start()
    with pytest.raises(Interrupted):
        project.run("import time\ntime.sleep(50)")
    with pytest.raises(Interrupted):
        project.run("return {'a': [1]}")
    timer.join()


def test_no_worker_outlives_a_killed_parent(tmp_path: Path) -> None:
    script = f"""
import sys
sys.path.insert(0, {os.getcwd()!r})
from seeknal.engines.python_pool import Job, Pool
text = "def node(ctx):\\n    import os\\n    open('pid', 'w').write(str(os.getpid()))\\n    while True: pass\\n"
Pool().run(Job("transform.one", "node", {{"__node__": ("one.py", text)}}, {{}}, "out", {str(tmp_path)!r}, "t", ""))
"""
    parent = subprocess.Popen([sys.executable, "-c", script])
    pid = tmp_path / "pid"
    _until(lambda: pid.exists() and pid.read_text() != "")
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    _until(lambda: not _runs(int(pid.read_text())))


def _until(true: Any) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        return "(Z" not in Path(f"/proc/{pid}/stat").read_text().replace(") Z", "(Z")
    except FileNotFoundError:
        return False


# Undeclared reads ---------------------------------------------------------------------------------------------------


def test_reading_an_undeclared_file_is_reported(project: Project) -> None:
    (project.root / "rates.json").write_text("{}")
    (project.root / "lib.py").write_text("x = 1\n")
    body = """
        import importlib, json, tempfile, zoneinfo
        from pathlib import Path
        zoneinfo.ZoneInfo("Europe/Paris")
        with tempfile.NamedTemporaryFile("w+") as scratch:
            scratch.write("x"); scratch.seek(0); scratch.read()
        Path("own.txt").write_text("x"); Path("own.txt").read_text()
        name = "lib"; importlib.import_module(name)
        json.loads(Path("rates.json").read_text())
        return ctx.ref("a.b")
    """
    outcome = project.run(body, inputs={"a.b": project.input(RIDES)})
    assert outcome.undeclared == ("lib.py", "rates.json")
    assert project.run("return {'a': [1]}").undeclared == ()


# Script headers -----------------------------------------------------------------------------------------------------


def test_a_header_that_is_satisfied_needs_no_other_interpreter() -> None:
    assert missing(("duckdb", "pyarrow>=1"), ">=3.11") == ()
    assert missing(("duckdb>=99", "no-such-package; python_version < '3'", "nowhere[x]>1"), ">=4") == (
        "duckdb>=99",
        "nowhere[x]>1",
        "Python >=4",
    )
    assert command(("duckdb",))[0] == sys.executable


def test_without_uv_the_missing_packages_are_named(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EnvironmentFailure) as error:
        project.run("return {'a': [1]}", requirements=("duckdb>=99",))
    assert error.value.reason == "missing_package"
    assert "pip install 'duckdb>=99', or install uv" in error.value.hint


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_uv_runs_a_node_with_the_packages_of_its_header(project: Project) -> None:
    body = "import sys, humanize\nreturn {'a': [humanize.intcomma(12345)], 'w': ['blake3' in sys.modules]}"
    assert project.rows(body, requirements=("humanize",)) == [("12,345", False)]
    with pytest.raises(EnvironmentFailure):
        project.run("import blake3", requirements=("humanize",))
    with pytest.raises(BuildFailed, match="SIGKILL"):
        project.run("import os\nos.kill(os.getpid(), 9)", requirements=("humanize",))

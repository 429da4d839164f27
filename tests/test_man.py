"""The manual: generated pages are fresh, every option is on its page, and groff has nothing to say against them."""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from seeknal.cli import COMMANDS, build_parser

MAN = Path(__file__).parent.parent / "man"


def _builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("man_build", MAN / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_fresh() -> None:
    for name, text in _builder().pages().items():
        assert (MAN / name).read_text(encoding="utf-8") == text, f"{name} is stale: python man/build.py"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_on_its_page(command: str) -> None:
    page = (MAN / f"seeknal-{command}.1").read_text(encoding="utf-8").replace("\\-", "-")
    for parser in _below(build_parser((command,))):
        for action in parser._actions:
            if action.help != argparse.SUPPRESS and action.dest != "help":
                assert all(option in page for option in action.option_strings), action


def _below(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    subs = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    found = [sub for action in subs for sub in action.choices.values()]
    return [*found, *(below for sub in found for below in _below(sub))]


@pytest.mark.parametrize("page", sorted(MAN.glob("*.[157]")), ids=lambda page: page.name)
def test_groff_has_no_warnings(page: Path) -> None:
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("groff is not installed")
    done = subprocess.run(
        [groff, "-man", "-ww", "-z", "-K", "utf8", str(page)], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""

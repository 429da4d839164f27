"""What `--json` prints is what its page says: every member of real answers is there, and every member there is real."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.project_on_disk import Project

ROOT = Path(__file__).parent.parent
SHOP = ROOT / "fixtures" / "corner_shop"
# Commands whose answers are one section: words -> section.
COMMANDS = {
    ("plan",): "plan",
    ("validate",): "validate",
    ("list",): "list",
    ("show", "transform.daily_sales"): "show",
    ("inspect", "transform.daily_sales"): "inspect",
    ("query", "--metrics", "revenue"): "query",
    ("query", "--list"): "query",
    ("lineage",): "lineage",
    ("lineage", "transform.daily_sales"): "lineage",
    ("log",): "log",
    ("entity", "list"): "entity list",
    ("consolidate",): "consolidate",
    ("env", "list"): "env list",
    ("env", "promote", "dev"): "env promote",
    ("rollback",): "rollback",
    ("env", "delete", "dev"): "env delete",
    ("cache", "stats"): "cache stats",
    ("cache", "verify"): "cache verify",
    ("cache", "path"): "cache path",
    ("cache", "gc"): "cache gc",
}
# Members that this project's answers happen not to have.
RARE = re.compile(
    r"window\[\]|steps\[\]\.intervals.*|problems.*|warnings.*|findings.*|.*detail|.*aliases\[\]|columns\[\].*|.*hint|late\[\]|"
    r"changes\.\*|.*behind\.\*|meta\.\.\."
)


def page() -> dict[str, list[str]]:
    """Section -> members."""
    text = (ROOT / "man" / "seeknal-json.5").read_text(encoding="utf-8").replace("\\-", "-")
    found: dict[str, list[str]] = {}
    for section in text.split(".SH COMMANDS")[1].split(".SH ERRORS")[0].split("\n.SS ")[1:]:
        name, _, rest = section.partition("\n")
        found[name] = re.findall(r"^\.TP\n\.B (\S+)$", rest, re.MULTILINE)
    return found


PAGE = page()


def members(value: Any, path: str = "") -> Iterator[str]:
    """The paths of all values in a document."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from members(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for item in value:
            yield from members(item, f"{path}[]")
    else:
        yield path


def pattern(member: str) -> re.Pattern[str]:
    """What a member of the page stands for."""
    free = member.endswith("...")
    text = re.escape(member.removesuffix("...")).replace(r"\.\*", r"\.[^\[]+")
    return re.compile(text + (r"([.\[].*)?" if free else ""))


def unknown(section: str, paths: set[str]) -> list[str]:
    """Paths that the page does not know."""
    known = [pattern(member) for member in PAGE[section]]
    return sorted(p for p in paths if not any(one.fullmatch(p) or one.fullmatch(f"{p}[]") for one in known))


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Section -> paths of what the commands printed."""
    root = tmp_path_factory.mktemp("json") / "shop"
    shutil.copytree(SHOP, root, ignore=shutil.ignore_patterns("target", "out"))
    project = Project(str(root))
    found: dict[str, set[str]] = {"run": set()}
    for event in project.run("--run-id", "first").events:
        found["run"].update(members(event))
    project.transform("more", "SELECT 1 AS one")
    project.run("--env", "dev")
    project.transform("later", "SELECT 2 AS two")
    for words, section in COMMANDS.items():
        result = project.seeknal(*words, "--json")
        assert result.code == 0, (words, result.err)
        found.setdefault(section, set()).update(members(json.loads(result.out)))
    return found


@pytest.mark.parametrize("section", sorted({"run", *COMMANDS.values()}))
def test_every_member_is_on_the_page(answers: dict[str, set[str]], section: str) -> None:
    assert unknown(section, answers[section]) == []


@pytest.mark.parametrize("section", sorted(set(COMMANDS.values())))
def test_every_member_on_the_page_is_there(answers: dict[str, set[str]], section: str) -> None:
    missing = [m for m in PAGE[section] if not any(pattern(m).fullmatch(path) for path in answers[section])]
    assert [member for member in missing if not RARE.fullmatch(member)] == []


def test_a_refusal_is_a_document(project: Project) -> None:
    document = project.seeknal("show", "nothing", "--json").json
    assert set(document) == {"error", "code", "message", "hint", "problems"}

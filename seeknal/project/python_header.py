"""The script header (PEP 723) of a Python node file: which Python and which packages it asks for.

Decides what a header means and what is wrong with it; `seeknal` itself is dropped from the packages, however it is
spelled, because the worker brings it. Never looks at what is installed: `engines/python_packages.py` does.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from seeknal.errors import Problem, ProjectError

_START = "# /// script"
_END = "# ///"


class Header(NamedTuple):
    """What a script header asks for, and its line."""

    requires_python: str | None
    dependencies: tuple[str, ...]
    line: int


def read_header(text: str, file: str) -> Header | None:
    """Return the header of a file, None when it has none."""
    lines = [line.rstrip() for line in text.splitlines()]
    starts = [number for number, line in enumerate(lines, 1) if line == _START]
    if not starts:
        return None
    if len(starts) > 1:
        raise _wrong(file, starts[1], "a second script header: a file has at most one")
    return _parsed(_content(lines, starts[0], file), starts[0], file)


def _content(lines: list[str], start: int, file: str) -> str:
    block = []
    for line in lines[start:]:
        if line != "#" and not line.startswith("# "):
            break
        block.append(line)
    # PEP 723: the last `# ///` of the run of comment lines closes the block.
    ends = [at for at, line in enumerate(block) if line == _END]
    if not ends:
        raise _wrong(file, start, "the script header has no end: close it with a line `# ///`")
    return "\n".join(line[2:] for line in block[: ends[-1]])


def _parsed(content: str, line: int, file: str) -> Header:
    import tomllib

    try:
        data = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise _wrong(file, line, f"the script header is not TOML: {error}") from None
    wanted = data.get("dependencies", [])
    if not isinstance(wanted, list) or not all(isinstance(item, str) for item in wanted):
        raise _wrong(file, line, "`dependencies` in the script header is a list of texts")
    found = (_requirement(item, line, file) for item in wanted)
    return Header(_python(data, line, file), tuple(item for item in found if item), line)


def _requirement(text: str, line: int, file: str) -> str:
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    try:
        name = Requirement(text).name
    except InvalidRequirement as error:
        what = str(error).splitlines()[0]
        raise _wrong(file, line, f"{text!r} in the script header is not a requirement: {what}") from None
    return "" if canonicalize_name(name) == "seeknal" else text.strip()


def _python(data: dict[str, Any], line: int, file: str) -> str | None:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    wanted = data.get("requires-python")
    if wanted is None:
        return None
    try:
        return str(SpecifierSet(wanted))
    except (InvalidSpecifier, TypeError, AttributeError):
        message = f'`requires-python` in the script header is {wanted!r}: write it like ">=3.11"'
        raise _wrong(file, line, message) from None


def _wrong(file: str, line: int, message: str) -> ProjectError:
    return ProjectError([Problem(file, line, message, "wrong_header")])

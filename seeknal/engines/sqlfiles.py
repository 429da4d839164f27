"""Files that a query names: out of its key by path, into its text by what they are.

Decides how a path in SQL is spelled for the key (a number) and for DuckDB (absolute, patterns as lists).
"""

from __future__ import annotations

from dataclasses import replace

from seeknal.engines.base import File
from seeknal.engines.sql import Parsed
from seeknal.errors import DefinitionWrong
from seeknal.model.lowering import literal, path_literal, quoted, without_pattern


def anonymous(parsed: Parsed) -> str:
    """The text with a number for each file that it names: the key has the file's content, not its path."""
    text = parsed.text
    for i, path in enumerate(parsed.files):
        text = text.replace(literal(path), literal(f"file {i}")).replace(quoted(path), quoted(f"file {i}"))
    return text


def located(parsed: Parsed, files: tuple[tuple[File, ...], ...]) -> Parsed:
    """The query with the files that it names spelled out: absolute, patterns as the lists of what they match."""
    text = parsed.text
    groups = files[len(files) - len(parsed.files) :]
    for path, group in zip(parsed.files, groups, strict=True):
        found = [path_literal(file.path) for file in group]
        if not found:
            raise DefinitionWrong(f"the query names the file {path!r}, which is not there", reason="file_missing")
        listed = found[0] if len(found) == 1 else f"[{', '.join(found)}]"
        text = text.replace(literal(path), listed).replace(quoted(path), quoted(without_pattern(group[0].path)))
    return replace(parsed, text=text)

"""Files that a query names: canonical SQL has a token for each, put in only when DuckDB reads them.

Decides how a path is spelled for DuckDB: absolute, a pattern as the list of what it matches. The key never has a path, it
has the content.
"""

from __future__ import annotations

from dataclasses import replace

from seeknal.engines.base import File
from seeknal.engines.sql import Parsed
from seeknal.errors import DefinitionWrong
from seeknal.model.lowering import literal, path_literal
from seeknal.model.sqlnames import file_token


def located(parsed: Parsed, files: tuple[tuple[File, ...], ...], where: str) -> Parsed:
    """The query with the files that it names spelled out. Raises DefinitionWrong when one is not there."""
    text = parsed.text
    groups = files[len(files) - len(parsed.files) :]
    for i, (path, group) in enumerate(zip(parsed.files, groups, strict=True)):
        found = [path_literal(file.path) for file in group]
        if not found:
            text = f"{where}: the query names the file {path!r}, which is not there"
            raise DefinitionWrong(text, reason="file_missing")
        listed = found[0] if len(found) == 1 else f"[{', '.join(found)}]"
        text = text.replace(literal(file_token(i)), listed)
    return replace(parsed, text=text)

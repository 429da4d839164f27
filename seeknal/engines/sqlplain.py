"""Canonical SQL of DuckDB in words that sqlglot knows, with the same columns.

Decides nothing else: two forms that DuckDB prints and sqlglot cannot read are written as it can.
"""

from __future__ import annotations

import re

# What a feature group says of a column that it replaces; sqlglot does not mind an EXCLUDE of a column that is not there.
_BUT_ONE = re.compile(r"COLUMNS\(list_filter\(\*, \(lambda (\w+): \(lower\(\1\) != '(\w+)'\)\)\)\)")
_LAMBDA = re.compile(r"\((?=lambda \w+(?:, \w+)*: )")
_TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[()]")


def plainer(text: str) -> str:
    """The same query for sqlglot."""
    text = _BUT_ONE.sub(r'* EXCLUDE ("\2")', text)
    while found := _LAMBDA.search(text):
        end = _closing(text, found.start())
        text = f"{text[: found.start()]}{text[found.end() : end]}{text[end + 1 :]}"
    return text


def _closing(text: str, start: int) -> int:
    """Where the parenthesis at `start` ends."""
    depth = 0
    for token in _TOKEN.finditer(text, start):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if depth == 0:
            return token.start()
    raise ValueError("a parenthesis is never closed")

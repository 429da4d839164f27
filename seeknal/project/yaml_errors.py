"""What PyYAML says of a text that is not YAML, in words that say what to do.

Decides these words only.
"""

from __future__ import annotations

import yaml

_HINTS = {
    "mapping values are not allowed": "put a value that holds ': ' in quotes, or correct the indentation",
    "cannot start any token": "indent with spaces, not with tabs; put a value that begins with @ ` or % in quotes",
    "unexpected end of stream": "close the quote",
    "expected ',' or": "close the bracket, or add the comma that is missing",
    "expected key": "indent this line like the lines that it belongs to",
    "<block end>": "indent this line like the lines that it belongs to",
}


def told(error: yaml.YAMLError) -> tuple[int, str, str]:
    """The line, the message and the reason word of a syntax error."""
    context = getattr(error, "context_mark", None)
    mark = getattr(error, "problem_mark", None) or context
    what = getattr(error, "problem", None) or str(error).splitlines()[0]
    hint = next((hint for words, hint in _HINTS.items() if words in what), "check the indentation and the quotes here")
    begun = f" (begun in line {context.line + 1})" if context and mark and context.line != mark.line else ""
    where = f", column {mark.column + 1}" if mark else ""
    return (mark.line + 1 if mark else 1), f"not YAML{where}: {what}{begun}: {hint}", "yaml_syntax"

"""What went wrong with a source of a connection, at the line of the field that it is about.

Decides which failures another try may mend. Never shows what a connection is made of.
"""

from __future__ import annotations

from seeknal import drivers
from seeknal.drivers import Failed
from seeknal.errors import BuildFailed, DefinitionWrong, Problem, safe
from seeknal.model.node import Node, line_at

# What rows on their way are called in DuckDB.
STREAM = "__arriving__"


def _line(node: Node, path: tuple[str, ...]) -> int:
    """The line of a field, there or in `params`; of the query, where one stands in place of a table."""
    written = node.traits.get("lines", {}).get("fields", {})
    path = ("query",) if path == ("table",) and {"query", "params.query"}.intersection(written) else path
    if path == ("interval",):
        return int(node.traits["lines"]["interval"])
    return max(line_at(node, path), line_at(node, ("params", *path)))


def wrong_at(node: Node, text: str, reason: str, path: tuple[str, ...] = ("table",), hint: str = "") -> DefinitionWrong:
    """A definition that is wrong at a field of it."""
    problem = Problem(node.file, _line(node, path), text, reason)
    return DefinitionWrong(text, reason=reason, hint=hint, problem=problem)


# What another try may mend, where a wrong definition stays wrong.
_PASSING = ("no_answer", "connection_lost", "query_cancelled")


def failed_at(node: Node, failed: Failed, field: str) -> DefinitionWrong:
    """What did not work, at the line of the field that it is about."""
    field = "connection" if failed.reason in ("no_answer", "connection_refused", "connection_lost") else field
    name = node.recipe.definition.get("connection")
    where = f" (connection {name})" if name else ""
    return wrong_at(node, f"{node.id}{where}: {safe(failed.message)}", failed.reason, (field,), failed.hint)


def unread(node: Node, error: Exception) -> BuildFailed:
    """What went wrong while the rows came: a value that does not fit, or what the driver said of the server."""
    text = str(error)
    if f"reading the stream registered as '{STREAM}' failed" in text:
        return passing(failed_at(node, drivers.told(node.recipe.definition["source"], text), "table"))
    said = text.split("Error: ", 1)[-1].split("\n", maxsplit=1)[0]
    return wrong_at(node, f"{node.id}: {safe(said)}", "type_wrong", ("columns",))


def passing(wrong: DefinitionWrong) -> BuildFailed:
    """The failure as one that another try may mend, where that may be."""
    return BuildFailed(wrong.message, reason=wrong.reason, hint=wrong.hint) if wrong.reason in _PASSING else wrong

"""The connector engine: reads outside files through their connector into one table.

Decides the action of a source (its options, its declared types, the digests of its files), and that a Parquet file with
the declared types is used where it lies. Files that change while they are read fail the node.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from seeknal import connectors
from seeknal.engines.base import File, Product, Setting
from seeknal.engines.connections import connections_of
from seeknal.engines.duckdb import TAG
from seeknal.engines.parquet import copy
from seeknal.errors import BuildFailed, DefinitionWrong, nearest
from seeknal.model.action import Action, Artifact
from seeknal.model.node import Node
from seeknal.model.plan import Prepared

# Under this many bytes in all, one thread reads files quicker than several.
SMALL = 1 << 20


def open_engine(setting: Setting) -> ConnectorEngine:
    """The engine for a session."""
    return ConnectorEngine(setting)


class ConnectorEngine:
    """Source nodes."""

    tag = TAG

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._connections = connections_of(setting)

    def references(self, node: Node) -> tuple[str, ...]:
        """Nothing: a source says which files it reads."""
        return ()

    def prepare(self, node: Node, inputs: Mapping[str, Artifact], files: tuple[tuple[File, ...], ...]) -> Prepared:
        """The action: how the files are read, and their digests."""
        if not any(files):
            text = f"{node.file}:{node.line}: {node.id}: there is no file {node.recipe.files[0]!r}: is the path right?"
            raise DefinitionWrong(text, reason="file_missing")
        definition = {name: value for name, value in node.recipe.definition.items() if name != "ingest"}
        digests = tuple(tuple(file.digest for file in group) for group in files)
        paths = [file.path for group in files for file in group]
        return Prepared(Action(self.tag, definition, files=digests), {}, None, paths)

    def run(self, node: Node, prepared: Prepared, paths: Mapping[str, str], output: str) -> Product:
        """Read the files into `output`, or say that the one file is the table."""
        definition, files = node.recipe.definition, prepared.ready
        con = self._connections.brief() if _small(files) else self._connections.own()
        connector = connectors.get(definition["source"])
        try:
            found = _columns(con, connector.names_query(files, definition))
            _declared(node, [name for name, _ in found])
            if _as_it_is(connector, definition, files, found):
                return Product(order_counts=True, in_place=files[0])
            names = [name for name, _ in found]
            query = connector.query(files, definition, names)
            if hasattr(connector, "rounded_query"):
                self._not_rounded(con, node, connector, files, names, query)
            copy(con, query, output, kept="split" not in node.traits)
        except duckdb.Error as error:
            text = f"{node.file}:{node.line}: {node.id}: {', '.join(node.recipe.files)}: {_told(error)}"
            raise BuildFailed(text, reason="unreadable_file") from error
        return Product(order_counts=True)

    def _not_rounded(
        self, con: Any, node: Node, connector: Any, files: Sequence[str], names: Sequence[str], query: str
    ) -> None:
        """Refuse whole numbers that a guessed DOUBLE would round: a person did not choose that type."""
        declared = {name.lower() for name in node.recipe.definition["types"]}
        if all(name.lower() in declared for name in names):
            return  # nothing is guessed: spares the third look at the file
        guessed = [name for name, type_ in _columns(con, query) if type_ == "DOUBLE"]
        for name in guessed:
            if name.lower() in declared:
                continue
            found = con.execute(connector.rounded_query(files, node.recipe.definition, name)).fetchall()
            if found:
                text = f"{node.file}:{node.line}: {node.id}: the column {name!r} has the number {found[0][0]} beside fractions"
                raise DefinitionWrong(
                    text, reason="type_needed", hint=f"declare its type: columns: {{{name}: DECIMAL(38,3)}}"
                )

    def warnings(self, node: Node) -> list[tuple[int, str, str]]:
        """What `validate` says: types that are left to guessing."""
        if node.recipe.definition["types"] or node.recipe.definition["source"] == "parquet":
            return []
        return [
            (
                node.line,
                "types are inferred from the data: declare columns, so that a new file cannot change them",
                "inferred",
            )
        ]

    def close(self) -> None:
        """Close the instances."""
        self._connections.close()


def _small(files: Sequence[str]) -> bool:
    try:
        return sum(map(os.path.getsize, files)) < SMALL
    except OSError:  # gone since it was hashed: the reader says so
        return False


def _columns(con: Any, query: str) -> list[tuple[str, str]]:
    return [(name, type_) for name, type_, *_ in con.execute(f"DESCRIBE {query}").fetchall()]


def _declared(node: Node, found: Sequence[str]) -> None:
    have = {name.lower() for name in found}
    for name in node.recipe.definition["types"]:
        if name.lower() not in have:
            text = f"{node.file}:{node.line}: {node.id}: declares the column {name!r}, which the file does not have"
            hint = f"the file has: {', '.join(found)}{nearest(name, found)}"
            raise DefinitionWrong(text, reason="column_missing", hint=hint)


def _as_it_is(
    connector: Any, definition: Mapping[str, Any], files: Sequence[str], found: Sequence[tuple[str, str]]
) -> bool:
    if not getattr(connector, "IN_PLACE", False) or len(files) != 1 or definition["ingest"] == "copy":
        return False
    types = {name.lower(): type_ for name, type_ in found}
    same = {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE", "INT": "INTEGER", "TEXT": "VARCHAR", "STRING": "VARCHAR"}
    return all(same.get(type_, type_) == types[name.lower()] for name, type_ in definition["types"].items())


def _told(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    useful = [
        line
        for line in lines
        if not line.startswith(("Possible", "*", "  file =", "delimiter =", "Possible solutions"))
    ]
    return " ".join(useful[:5])[:800]

"""The DuckDB engine: SQL over the artifacts of its inputs, locked down to these.

Decides the action of a piece of SQL (its canonical tree, the columns that it reads) and how its rows are ordered before
they are written: as declared, as its input's, or canonically; a large result of no declared order stays as it came.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb

from seeknal import kinds
from seeknal.engines.base import File, Product, Setting, recalled
from seeknal.engines.blame import check_needs, check_time, definition_wrong, line_of, warnings_of
from seeknal.engines.connections import connections_of
from seeknal.engines.sql import Bound, Parsed, SqlWrong, bind, parse_query, relation_name, shadows, with_clock
from seeknal.engines.sqldiff import in_words, only_adds_columns
from seeknal.engines.sqlfields import of_bind, of_field, only_columns
from seeknal.engines.sqlfiles import located
from seeknal.engines.sqlmemo import parse_once, remember_parsed, remembered_bound
from seeknal.engines.sqlwrite import SORTED, over, write, written
from seeknal.errors import BuildFailed, DefinitionWrong, safe
from seeknal.model.action import Action, Artifact, Used
from seeknal.model.digest import document_digest
from seeknal.model.lowering import Wrong, in_this_run, path_literal
from seeknal.model.node import Node, Schema
from seeknal.model.plan import Prepared

if TYPE_CHECKING:
    from seeknal.model.binds import Bind

TAG = "duckdb/" + ".".join(duckdb.__version__.split(".")[:2])


# Under this many input rows one thread is as quick as two, and always gives the same bits.
SMALL = 500_000


class Ready(NamedTuple):
    """What `run` needs of what `prepare` found out."""

    parsed: Parsed
    checks: tuple[dict[str, str], ...]
    files: tuple[str, ...]
    columns: Schema
    warnings: tuple[tuple[int, str, str], ...] = ()


def open_engine(setting: Setting) -> DuckDBEngine:
    """The engine for a session."""
    return DuckDBEngine(setting)


class DuckDBEngine:
    """SQL nodes."""

    tag = TAG

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self.connections = connections_of(setting)

    def references(self, node: Node) -> tuple[str, ...]:
        """Ids and files that the SQL names itself."""
        if "expand" in node.recipe.definition:
            return ()
        parsed = self._parse(node, node.recipe.definition["sql"], node.recipe.names)
        return (*parsed.relations, *(f"file:{path}" for path in parsed.files))

    def expect(self, nodes: Sequence[Node]) -> None:
        """The SQL of these nodes is asked for next: parses what is not remembered, many at a time."""
        written = [node for node in nodes if "expand" not in node.recipe.definition]
        queries = [(node.recipe.definition["sql"], node.recipe.names) for node in written]
        remember_parsed(self._setting.memo, self.tag, self._binder, queries)

    def prepare(self, node: Node, inputs: Mapping[str, Artifact], files: tuple[tuple[File, ...], ...]) -> Prepared:
        """The action: canonical SQL, and of each relation the columns that the SQL reads."""
        definition = dict(node.recipe.definition)
        schemas = {name: artifact.schema for name, artifact in inputs.items()}
        if "data" in node.traits:
            check_needs(node, node.traits["data"], schemas[node.traits["data"]])
        made, names = self._text(node, definition, schemas)
        checks = tuple(made.get("checks", ()))
        parsed, bound = self._bound(node, made["sql"], definition, names, schemas, files)
        self._required(node, definition, bound.columns)
        if "cadence" in node.traits:
            check_time(node, node.traits["cadence"], bound.columns)
        used = tuple(_used(i, inputs[name], bound.reads[i]) for i, name in enumerate(parsed.relations))
        clock = self._setting.as_of.date().isoformat() if "date" in parsed.clock else None
        document: dict[str, Any] = {"sql": parsed.text}
        if checks:
            document["checks"] = [check["sql"] for check in checks]
        digests = tuple(tuple(file.digest for file in group) for group in files)
        action = Action(self.tag, document, used, digests, clock=clock)
        labels = {relation_name(i): name for i, name in enumerate(parsed.relations)}
        return Prepared(
            action,
            labels,
            written(bound.columns),
            Ready(
                located(parsed, files, f"{at(node)}: {node.id}"),
                checks,
                tuple(file.path for group in files for file in group),
                bound.columns,
                tuple((line_of(node), text, "skipped") for text in made.get("warnings", ())),
            ),
        )

    def _text(
        self, node: Node, definition: Mapping[str, Any], schemas: Mapping[str, Schema]
    ) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        """The SQL, with the checks and warnings that come with it, and the words for its inputs."""
        if "expand" not in definition:
            return {"sql": definition["sql"]}, node.recipe.names
        known = {**definition, **node.recipe.late}
        try:
            made = kinds.get(definition["expand"]).expand(known, [schemas.get(i.node) for i in node.recipe.inputs])
        except Wrong as wrong:
            raise of_field(node, wrong.path, wrong.message) from wrong
        names = {f"input_{i}": need.node for i, need in enumerate(node.recipe.inputs) if need.node in schemas}
        for item in made.get("binds", ()):
            self._binds(node, item, names, schemas)
        return made, names

    def _binds(self, node: Node, bind: Bind, names: Mapping[str, str], schemas: Mapping[str, Schema]) -> None:
        """Raise DefinitionWrong, at the field that it is about, unless a query binds; nothing is run."""
        try:
            parsed = self._parse(node, bind.sql, names, shadows(column for s in schemas.values() for column in s))
            only_columns(parsed, schemas)
            self._bound(node, bind.sql, {}, names, schemas, ())
        except DefinitionWrong as wrong:
            raise of_bind(node, bind, wrong) from wrong

    def _bound(
        self,
        node: Node,
        sql: str,
        definition: Mapping[str, Any],
        names: Mapping[str, str],
        schemas: Mapping[str, Schema],
        files: tuple[tuple[File, ...], ...],
    ) -> tuple[Parsed, Bound]:
        shadowed = shadows(column for schema in schemas.values() for column in schema)
        parsed = self._parse(node, sql, names, shadowed)
        for step in definition.get("then", ()):
            local = {relation_name(i): name for i, name in enumerate(parsed.relations)}
            wrapped = f"WITH __query__ AS ({parsed.text}) {step}"
            parsed = self._parse(node, wrapped, local, shadowed)
        wanted = [schemas[name] for name in parsed.relations]
        key = "bind:" + document_digest([self.tag, parsed.text, [list(map(list, schema)) for schema in wanted]])
        known = recalled(self._setting.memo, key, remembered_bound) if not parsed.files else None
        if known is None:
            bound = self._try(
                node,
                lambda: bind(
                    self._binder(), located(parsed, files, f"{at(node)}: {node.id}"), wanted, self._setting.as_of
                ),
            )
            self._setting.memo.put(key, {"columns": bound.columns, "reads": bound.reads})
            return parsed, bound
        return parsed, known

    def _parse(self, node: Node, sql: str, names: Mapping[str, str], shadowed: frozenset[str] = frozenset()) -> Parsed:
        parse = partial(self._try, node, lambda: parse_query(self._binder(), sql, names, shadowed), sql)
        return parse_once(self._setting.memo, self.tag, sql, names, shadowed, parse)

    def _binder(self) -> Any:
        return self.connections.planning()

    def _try(self, node: Node, work: Any, sql: str = "") -> Any:
        try:
            return work()
        except SqlWrong as wrong:
            raise definition_wrong(node, wrong, sql) from wrong
        except duckdb.Error as error:
            raise DefinitionWrong(f"{at(node)}: {_first(error)}", reason="sql_wrong") from error

    def additive(self, old: str, new: str) -> bool:
        """Whether the canonical query `new` is `old` with further columns and nothing else changed."""
        return only_adds_columns(self.connections.planning(), old, new)

    def in_words(self, old: str, new: str, *names: Mapping[str, str]) -> tuple[str, ...]:
        """What changed between two canonical queries; `names` are what the relations of each are called by people."""
        return in_words(self.connections.planning(), old, new, names[0], names[1])

    def warnings(self, node: Node) -> list[tuple[int, str, str]]:
        """What `validate` says of a query that can be built: (line, text, reason word)."""
        if "expand" in node.recipe.definition:
            return []
        parsed = self._parse(node, node.recipe.definition["sql"], node.recipe.names)
        return warnings_of(parsed, line_of(node))

    def _required(self, node: Node, definition: Mapping[str, Any], columns: Schema) -> None:
        have = {name.lower() for name, _ in columns}
        lost = [name for name in definition.get("required", ()) if name.lower() not in have]
        if lost:
            shown = ", ".join(name for name, _ in columns)
            text = f"{at(node)}: {node.id}: the result has no column {lost[0]!r}; it has {shown}"
            raise DefinitionWrong(text, reason="column_missing")

    def expect_run(self, prepared: Prepared) -> None:
        """`run` comes next: opens what it needs meanwhile."""
        if sum(used.rows for used in prepared.action.inputs) > SMALL and not prepared.ready.files:
            self.connections.open_heavy()

    def run(self, node: Node, prepared: Prepared, paths: Mapping[str, str], output: str) -> Product:
        """Run the checks, then the query, into `output`."""
        ready: Ready = prepared.ready
        rows = sum(used.rows for used in prepared.action.inputs)
        files = [*ready.files]
        query = self._late(ready.parsed.text, prepared.action.interval)
        with self._cursor(node, rows, files, [paths[name] for name in ready.parsed.relations], output) as con:
            try:
                self._check(con, node, ready.checks, paths)
                query = over(query, [paths[name] for name in ready.parsed.relations])
                counts = write(con, query, output, ready.parsed, ready.columns, small=rows <= SORTED)
                return Product(counts, notes=tuple(f"warning: {text}" for _, text, _ in ready.warnings))
            except duckdb.Error as error:
                raise BuildFailed(f"{at(node)}: {node.id}: {_first(error)}", reason=_word(error)) from error

    def sample(
        self, node: Node, sql: str, paths: Mapping[str, str], limit: int
    ) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The first rows of a query over a node's inputs (id -> verified file), with the names of their columns."""
        parsed = self._parse(node, sql, node.recipe.names)
        inputs = [paths[name] for name in parsed.relations]
        with self._cursor(node, SMALL + 1, [], inputs, "") as con:
            done = con.execute(f"SELECT * FROM ({over(self._late(parsed.text), inputs)}) LIMIT {limit}")
            return [column[0] for column in done.description], done.fetchall()

    def _late(self, text: str, interval: tuple[str, str] | None = None) -> str:
        as_of = self._setting.as_of
        return str(in_this_run(with_clock(text, as_of), self._setting.run_id, as_of, interval))

    @contextlib.contextmanager
    def _cursor(self, node: Node, rows: int, files: list[str], inputs: list[str], output: str) -> Iterator[Any]:
        if files:
            with self.connections.exactly([*files, *inputs, output]) as con:
                yield con
            return
        # Views stay on the cursor: a query can name only its own relations, and these are replaced before it runs.
        yield self.connections.small() if rows <= SMALL else self.connections.heavy()

    def _check(self, con: Any, node: Node, checks: Sequence[dict[str, str]], paths: Mapping[str, str]) -> None:
        for i, need in enumerate(node.recipe.inputs):
            if checks and need.node in paths:
                con.execute(
                    f"CREATE OR REPLACE TEMP VIEW input_{i} AS FROM read_parquet({path_literal(paths[need.node])})"
                )
        for check in checks:
            found = con.execute(check["sql"]).fetchall()
            if found:
                names = [column[0] for column in con.description]
                rows = "; ".join(", ".join(f"{n}={safe(v)}" for n, v in zip(names, row, strict=True)) for row in found)
                raise BuildFailed(f"{at(node)}: {check['message']}: {rows}", reason="check_failed")

    def close(self) -> None:
        """Close the instances."""
        self.connections.close()


def _used(index: int, artifact: Artifact, reads: Sequence[str] | None) -> Used:
    wanted = None if reads is None else set(reads)
    columns = tuple(column for column in artifact.columns if wanted is None or column.name in wanted)
    return Used(relation_name(index), artifact.rows, columns)


def at(node: Node) -> str:
    """Where a node's SQL begins, for a person."""
    return f"{node.file}:{line_of(node)}"


def _first(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:6])[:1000]


def _word(error: Exception) -> str:
    return "out_of_memory" if isinstance(error, duckdb.OutOfMemoryException) else "sql_failed"

"""A made project of one hundred nodes, and what plain DuckDB says of its tables: ten CSV sources, ninety SQL transforms.

Every transform knows which columns of its inputs it reads, so that the test can work out by itself, from table contents
alone, which nodes an edit has to rebuild.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from tests.project_on_disk import Project

COLUMNS = ("id", "grp", "x", "y")
Table = dict[str, list[Any]]
Tables = dict[str, Table]


@dataclass(frozen=True)
class Step:
    """One transform: its SQL over `ref()`s, and of each input the columns that the SQL reads."""

    name: str
    sql: str
    reads: dict[str, tuple[str, ...]]

    @property
    def id(self) -> str:
        return f"transform.{self.name}"

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(self.reads)


class Hundred:
    """The project: data of the sources as CSV text, and the transforms in build order."""

    def __init__(self, seed: int = 7) -> None:
        rng = random.Random(seed)
        self.csv = {f"s{i}": _csv(rng, i) for i in range(10)}
        self.steps: dict[str, Step] = {}
        above = [f"source.s{i}" for i in range(10)]
        for layer in range(6):
            made = [_step(rng, layer, i, above) for i in range(15)]
            self.steps.update({step.id: step for step in made})
            above = [step.id for step in made] + above[:4]

    def write(self, project: Project) -> None:
        project.write("seeknal_project.yml", "name: hundred\n")
        types = {"id": "BIGINT", "grp": "VARCHAR", "x": "BIGINT", "y": "BIGINT"}
        for name, csv in self.csv.items():
            project.source(name, csv, types)
        for step in self.steps.values():
            self.write_step(project, step)

    def write_step(self, project: Project, step: Step) -> None:
        project.transform(step.name, step.sql, step.inputs)

    def edited(self, name: str, old: str, new: str) -> Hundred:
        """The same project with other SQL in one transform."""
        step = self.steps[name]
        assert old in step.sql
        return self._with(steps={**self.steps, name: replace(step, sql=step.sql.replace(old, new))})

    def with_data(self, name: str, csv: str) -> Hundred:
        """The same project with other data in one source."""
        return self._with(csv={**self.csv, name: csv})

    def _with(self, **changed: Any) -> Hundred:
        made = Hundred.__new__(Hundred)
        made.csv, made.steps = changed.get("csv", self.csv), changed.get("steps", self.steps)
        return made

    def tables(self) -> Tables:
        """Every table as plain DuckDB works it out, columns in the order of all columns."""
        con = duckdb.connect()
        for name, csv in self.csv.items():
            rows = [line.split(",") for line in csv.splitlines()[1:]]
            con.execute(f'CREATE TABLE "source.{name}" (id BIGINT, grp VARCHAR, x BIGINT, y BIGINT)')
            values = ",".join(f"({i}, '{g}', {x}, {y})" for i, g, x, y in rows)
            con.execute(f'INSERT INTO "source.{name}" VALUES {values}')
        for name, step in self.steps.items():
            sql = re.sub(r"ref\('([^']+)'\)", r'"\1"', step.sql)
            con.execute(f'CREATE TABLE "{name}" AS {sql}')
        names = [*(f"source.{name}" for name in self.csv), *self.steps]
        return {name: _table(con, f'"{name}"') for name in names}

    def expected(self, before: Hundred, old: Tables, new: Tables) -> set[str]:
        """The nodes whose own definition or whose inputs' content changed, from the contents of tables alone."""
        found = {f"source.{name}" for name in self.csv if self.csv[name] != before.csv[name]}
        for name, step in self.steps.items():
            changed = any(_seen(old[need], reads) != _seen(new[need], reads) for need, reads in step.reads.items())
            if changed or step.sql != before.steps[name].sql:
                found.add(name)
        return found


def published(project: Project, names: list[str]) -> Tables:
    """What readers see."""
    con = duckdb.connect()
    return {name: _table(con, f"read_parquet('{project.view(name)}')") for name in names}


def _table(con: Any, relation: str) -> Table:
    rows = con.execute(f"SELECT * FROM {relation} ORDER BY ALL").fetchall()
    names = [column[0] for column in con.description]
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


def _seen(table: Table, reads: tuple[str, ...]) -> tuple[int, list[list[Any]]]:
    return len(table["id"]), [table[name] for name in reads]


def _csv(rng: random.Random, i: int) -> str:
    rows = [f"{n},g{rng.randrange(6)},{rng.randrange(100)},{rng.randrange(1000)}" for n in range(1, 301 + i)]
    return "id,grp,x,y\n" + "\n".join(rows) + "\n"


def _step(rng: random.Random, layer: int, i: int, above: list[str]) -> Step:
    name, k = f"t{layer}_{i}", layer * 100 + i * 3 + 1
    a, b, c = rng.sample(above, 3)
    shape = i % 6
    if shape == 0:
        sql = f"SELECT id, grp, x + {k} AS x, y FROM ref('{a}') WHERE x % 7 <> {i % 7}"
        return Step(name, sql, {a: COLUMNS})
    if shape == 1:
        sql = f"SELECT a.id, a.grp, a.x + b.y % 10 AS x, {k} AS y FROM ref('{a}') a JOIN ref('{b}') b USING (id)"
        return Step(name, sql, {a: ("id", "grp", "x"), b: ("id", "y")})
    if shape == 2:
        sql = f"SELECT id, grp, least(x, {40 + k}) AS x, y // 100 AS y FROM ref('{a}')"
        return Step(name, sql, {a: COLUMNS})
    if shape == 3 and layer > 1:
        sql = f"SELECT min(id) AS id, grp, sum(x) + {k} AS x, max(y) AS y FROM ref('{a}') GROUP BY grp"
        return Step(name, sql, {a: COLUMNS})
    if shape == 4:
        sql = (
            f"SELECT a.id, b.grp, a.x * 2 + {k} AS x, c.y FROM ref('{a}') a "
            f"JOIN ref('{b}') b USING (id) LEFT JOIN ref('{c}') c USING (id)"
        )
        return Step(name, sql, {a: ("id", "x"), b: ("id", "grp"), c: ("id", "y")})
    sql = f"SELECT id, upper(grp) AS grp, {k} AS x, id % {k + 1} AS y FROM ref('{a}')"
    return Step(name, sql, {a: ("id", "grp")})

"""Generated projects: sources of 20 rows and layers of small SQL transforms over them."""

from __future__ import annotations

import os
import random
from typing import NamedTuple


class Made(NamedTuple):
    """A project's folder and its SQL: node id -> (query over `{input}` placeholders, inputs), in build order."""

    root: str
    queries: dict[str, tuple[str, tuple[str, ...]]]
    sources: tuple[str, ...]


_QUERIES = (
    "SELECT id, grp, v + {k} AS v FROM ref('{0}') WHERE v > {k}",
    "SELECT a.id, a.grp, a.v + b.v AS v FROM ref('{0}') a JOIN ref('{1}') b USING (id)",
    "SELECT min(id) AS id, grp, sum(v) + {k} AS v FROM ref('{0}') GROUP BY grp",
    "SELECT id, grp, v FROM ref('{0}') UNION ALL SELECT id, grp, v - {k} FROM ref('{1}')",
)


def layered(root: str, count: int, seed: int = 1) -> Made:
    """`count` nodes: a tenth are CSV sources of 20 rows, the rest SQL transforms that read one or two earlier nodes."""
    chance = random.Random(seed)
    sources = tuple(f"source.s{i:05}" for i in range(max(count // 10, 1)))
    made = Made(root, {}, sources)
    write(root, "seeknal_project.yml", "name: bench\n")
    for i, name in enumerate(sources):
        rows = "".join(f"{j},{'abcd'[j % 4]},{chance.randint(0, 10_000)}\n" for j in range(20))
        write(root, f"data/s{i:05}.csv", f"id,grp,v\n{rows}")
        write(root, f"seeknal/sources/s{i:05}.yml", _SOURCE.format(name=name.split(".")[1]))
    names = [*sources]
    for i in range(count - len(sources)):
        near = names[-max(count // 5, 10) :]
        query = _QUERIES[i % len(_QUERIES)]
        inputs = tuple(chance.sample(near, 2)) if "{1}" in query else (chance.choice(near),)
        name = f"t{i:05}"
        sql = query.format(*inputs, k=i % 97)
        listed = "".join(f"  - ref: {ref}\n" for ref in inputs)
        write(
            root, f"seeknal/transforms/{i // 1000:02}/{name}.yml",
            f"kind: transform\nname: {name}\ndescription: step {i}\ninputs:\n{listed}transform: |\n  {sql}\n",
        )  # fmt: skip
        names.append(f"transform.{name}")
        made.queries[f"transform.{name}"] = (sql, inputs)
    return made


_SOURCE = """\
kind: source
name: {name}
source: csv
table: data/{name}.csv
columns:
  id: BIGINT
  grp: VARCHAR
  v: BIGINT
"""


def write(root: str, path: str, text: str) -> None:
    full = os.path.join(root, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "w", encoding="utf-8") as file:
        file.write(text)


def edit(path: str, old: str, new: str) -> None:
    """Replace a text that must be there."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if old not in text:
        raise ValueError(f"{old!r} is not in {path}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(old, new))


def source_rows(made: Made) -> dict[str, str]:
    """The CSV file of each source."""
    return {name: os.path.join(made.root, "data", f"{name.split('.')[1]}.csv") for name in made.sources}

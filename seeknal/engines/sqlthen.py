"""What is done with the rows of a function: SQL steps over `__query__`, as one query over the file of its rows.

Decides that such a query reads nothing else, and the columns and order of its result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from seeknal.engines.sql import Parsed, SqlWrong, bind, relation_name, with_clock
from seeknal.engines.sqlwrite import SORTED, over, write
from seeknal.model.lowering import path_literal
from seeknal.model.node import Schema

_ROWS = "the function's rows"


def over_rows(steps: Sequence[str], parse: Callable[[str, Mapping[str, str]], Parsed]) -> Parsed:
    """The steps as one query. Raises SqlWrong."""
    parsed = parse("SELECT * FROM __query__", {"__query__": _ROWS})
    for step in steps:
        parsed = parse(f"WITH __query__ AS ({parsed.text}) {step}", {relation_name(0): _ROWS})
    other = [*parsed.files, *(name for name in parsed.relations if name != _ROWS)]
    if other:
        hint = f"read {other[0]} in the function"
        raise SqlWrong(f"{other[0]} is read beside {_ROWS}", reason="sql_undeclared_file", hint=hint)
    return parsed


def columns_of(con: Any, path: str) -> Schema:
    """Names and types of a Parquet file."""
    rows = con.execute(f"DESCRIBE FROM read_parquet({path_literal(path)})").fetchall()
    return tuple((name, type_) for name, type_, *_ in rows)


def write_over(con: Any, planning: Any, parsed: Parsed, as_of: datetime, rows: str, output: str) -> bool:
    """Run the query over a file; returns whether the order of its rows counts. Raises SqlWrong, duckdb.Error."""
    columns = bind(planning, parsed, [columns_of(con, rows)], as_of).columns
    count = con.execute(f"SELECT count(*) FROM read_parquet({path_literal(rows)})").fetchone()[0]
    query = over(with_clock(parsed.text, as_of), [rows])
    return write(con, query, output, parsed, columns, small=count <= SORTED)

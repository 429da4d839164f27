"""A query in the SQL of polars, over Parquet files: planned by the build, run in a worker.

Decides that polars sees the columns that it is given and no others, with the types that they were planned with. Runs in a
process of its own: polars swallows Ctrl-C while it works, and a flaw in it may end the process. Imported by the build too;
polars itself is imported when a query is planned or run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seeknal.worker.failures import FAILED, ToldError

if TYPE_CHECKING:
    import polars as pl

MODULE, FUNCTION, PARAMETER = __name__, "run", "polars"


def run(ctx: Any) -> pl.DataFrame:
    """The rows of the query that the parameter `polars` tells: its text, its relations with path and schema."""
    told = ctx.params[PARAMETER]
    try:
        frames = [scan(ctx.duckdb, path, schema) for _, path, schema in told["relations"]]
        return query(told["text"], frames).collect(engine="streaming")
    except polars_errors() as error:
        names = [name for name, *_ in told["relations"]]
        raise ToldError(FAILED, "sql_failed", message(error, names)) from None


def query(text: str, frames: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
    """The query over `frames`, which stand for `__t0`, `__t1`, ... Raises what `polars_errors` lists."""
    import polars as pl

    return pl.SQLContext({f"__t{i}": frame for i, frame in enumerate(frames)}, eager=False).execute(text)


def scan(con: Any, path: str, schema: Sequence[Sequence[str]]) -> pl.LazyFrame:
    """The columns of `schema` in the Parquet file at `path`, with the types that they were planned with."""
    import polars as pl

    wanted = empty(con, schema).schema
    frame = pl.scan_parquet(path, glob=False, hive_partitioning=False)
    found = frame.collect_schema()
    casts: dict[Any, Any] = {name: dtype for name, dtype in wanted.items() if found[name] != dtype}
    frame = frame.select(pl.selectors.by_name(*wanted))
    return frame.cast(casts) if casts else frame


def empty(con: Any, schema: Sequence[Sequence[str]]) -> pl.DataFrame:
    """No rows, with the types that polars has for these columns of DuckDB's types."""
    columns = ", ".join(f'''CAST(NULL AS {type_}) AS "{name.replace('"', '""')}"''' for name, type_ in schema)
    frame: pl.DataFrame = con.sql(f"SELECT {columns} LIMIT 0").pl()
    return frame


def polars_errors() -> tuple[type[BaseException], ...]:
    """What polars raises: a panic of its own is no `Exception`."""
    from polars.exceptions import PanicException, PolarsError

    return (PolarsError, PanicException)


def message(error: BaseException, relations: Sequence[str]) -> str:
    """The error of polars in the words of the project."""
    text = str(error).partition("Resolved plan until failure")[0]
    lines = " ".join(line.strip() for line in text.splitlines() if line.strip())[:800]
    for i, name in reversed(list(enumerate(relations))):
        lines = lines.replace(f"__t{i}", name)
    return f"polars refuses this query: {lines}"

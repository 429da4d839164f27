"""Answering a question about metrics from what is published: verified bytes, and nothing else can be touched.

Decides what is told when something is not published, or a join multiplies rows. Changes nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from seeknal.build.peek import verified
from seeknal.build.session import Session
from seeknal.build.target import sql_engine
from seeknal.engines.sqlask import NoColumn, Rows, Table, asking
from seeknal.errors import BuildFailed
from seeknal.model.catalog import Catalog, catalog_of
from seeknal.model.metricgroups import Question
from seeknal.model.metricsql import Query, explained, query


class Answer(NamedTuple):
    """The query as it can be read, and its rows unless only the query was wanted."""

    sql: str
    rows: Rows | None


def catalog(session: Session) -> Catalog:
    """The metrics and models of the project that is loaded."""
    return catalog_of(session.graph.nodes.values())


def answer(session: Session, question: Question, *, only_sql: bool = False) -> Answer:
    """The answer to a question. Raises UsageError, BuildFailed, IntegrityFinding."""
    known = catalog(session)
    published = session.generation.targets if session.generation else {}
    made = query(known, question, {name: target.artifact.schema for name, target in published.items()})
    if only_sql:
        return Answer(made.sql, None)
    tables = {
        name: Table(published[name].artifact.schema, verified(session, published[name].artifact))
        for name in made.tables
    }
    try:
        return Answer(made.sql, _asked(session, made, tables))
    except NoColumn as error:
        columns = [column for table in tables.values() for column, _ in table.schema]
        raise explained(known, question, error.name, columns) from error


def _asked(session: Session, made: Query, tables: dict[str, Table]) -> Rows:
    with asking(sql_engine(session).connections, tables, session.request.as_of) as con:
        for check in made.checks:
            if con.rows(check.sql).rows[0][0]:
                raise BuildFailed(check.message, reason="rows_multiplied")
        return con.rows(made.sql)

"""Folders of parts: an artifact of several files as one path that every reader of Parquet takes for one table.

Decides nothing; such a folder follows from the index that names it and may be deleted at any time.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from seeknal.build.session import Session
from seeknal.engines.parquet import copy
from seeknal.errors import BuildFailed
from seeknal.model.action import Artifact
from seeknal.model.digest import digest_of
from seeknal.model.lowering import literal, path_literal, quoted
from seeknal.model.parts import Part, Slice, index_bytes, shown_of
from seeknal.store.views import are_right, build_folder, link_text


def folder_of(session: Session, index: str, parts: Sequence[Part]) -> str:
    """The folder that shows these parts, made where it is not right."""
    folder = session.target.parts(index)
    places = {
        os.path.join(folder, f"{part.name}.parquet"): session.store.locate(part.artifact) for part in shown_of(parts)
    }
    links = {link: link_text(path, link, session.root) for link, path in places.items()}
    if not are_right(links, folder):
        build_folder(session.disk, folder, links)
    return folder


def files_of(session: Session, given: Artifact | Slice) -> Iterable[Artifact]:
    """The artifacts with files that an input is made of."""
    if isinstance(given, Slice):
        return (part.artifact for part in given.parts)
    if given.parts:
        return (part.artifact for part in session.store.parts(given.blob))
    return (given,) if given.blob else ()


def path_of(session: Session, given: Artifact | Slice, scratch: list[str]) -> str:
    """One path with the verified rows of an input; files that it takes to that end are added to `scratch`. Raises Damaged."""
    if isinstance(given, Slice):
        return _slice(session, given, scratch)
    if not given.blob:
        casts = ", ".join(f"CAST(NULL AS {type_}) AS {quoted(name)}" for name, type_ in given.schema)
        return _written(session, f"SELECT {casts} WHERE false", scratch)
    if not given.parts:
        return session.store.verified(given)
    session.store.verified(given)
    return _verified(session, given.blob, session.store.parts(given.blob))


def _slice(session: Session, given: Slice, scratch: list[str]) -> str:
    if not given.parts:
        return path_of(session, given.artifact, scratch)
    if given.window is None and len(given.parts) == 1:
        return session.store.verified(given.parts[0].artifact)
    if given.window is None:
        return _verified(session, digest_of(index_bytes(given.parts)), given.parts)
    paths = ", ".join(path_literal(session.store.verified(part.artifact)) for part in given.parts)
    column = f"CAST({quoted(given.column)} AS TIMESTAMP)"
    start, end = (literal(moment.strftime("%Y-%m-%d %H:%M:%S")) for moment in given.window)
    condition = f"{column} >= TIMESTAMP {start} AND {column} < TIMESTAMP {end}"
    from duckdb import ConversionException

    try:
        return _written(session, f"SELECT * FROM read_parquet([{paths}]) WHERE {condition}", scratch)
    except ConversionException as error:
        text = f"its intervals are shorter than those of an input, whose {given.column!r} holds text that is no time"
        raise BuildFailed(f"{text}: {str(error).splitlines()[0]}", reason="no_time") from error


def _verified(session: Session, index: str, parts: Sequence[Part]) -> str:
    for part in parts:
        session.store.verified(part.artifact)
    return folder_of(session, index, parts)


def _written(session: Session, query: str, scratch: list[str]) -> str:
    output = session.store.temporary()
    scratch.append(output)
    copy(session.own(), query, output)
    return output

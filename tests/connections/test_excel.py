"""Workbooks as sources: what a cell is, a column is."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Sequence
from typing import Any

import openpyxl
import pytest

from tests.project_format.telling import told
from tests.project_on_disk import Project, reader


def book(project: Project, **sheets: Sequence[Sequence[Any]]) -> None:
    """Write data/book.xlsx; a row is put where its sheet's first row is, `None` is an empty cell."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    os.makedirs(project.path("data"), exist_ok=True)
    made.save(project.path("data", "book.xlsx"))


def source(project: Project, more: str = "", table: str = "data/book.xlsx") -> None:
    """Declare `source.orders`."""
    project.write("seeknal/sources/orders.yml", f"kind: source\nname: orders\nsource: excel\ntable: {table}\n{more}")


def types(project: Project) -> dict[str, str]:
    """The types of the columns of `source.orders`."""
    shown = reader().execute(f"DESCRIBE FROM '{project.view('source.orders')}'").fetchall()
    return {name: type_ for name, type_, *_ in shown}


def test_cells_keep_what_they_are(project: Project) -> None:
    day, noon = dt.date(2024, 2, 29), dt.datetime.combine(dt.date(2024, 2, 29), dt.time(12))
    book(
        project,
        Orders=[
            ["whole", "number", "day", "moment", "yes", "clock", "span", "code", "mixed", "none"],
            [1, 1.5, day, noon, True, dt.time(10, 30), dt.timedelta(hours=30), "007", 5, None],
            [2, 2, day, day, False, dt.time(0), dt.timedelta(seconds=1), "1e5", 2.5, None],
            [None] * 10,
            [-3, None, None, None, None, None, None, None, day, None],
        ],
    )
    source(project)
    project.run()
    assert types(project) == {
        "whole": "BIGINT", "number": "DOUBLE", "day": "DATE", "moment": "TIMESTAMP", "yes": "BOOLEAN", "clock": "TIME",
        "span": "INTERVAL", "code": "VARCHAR", "mixed": "VARCHAR", "none": "VARCHAR",
    }  # fmt: skip
    midnight = dt.datetime.combine(day, dt.time())
    assert sorted(project.rows("source.orders"), key=lambda row: -abs(row[0]), reverse=True) == [
        (1, 1.5, day, noon, True, dt.time(10, 30), dt.timedelta(hours=30), "007", "5", None),
        (2, 2.0, day, midnight, False, dt.time(0), dt.timedelta(seconds=1), "1e5", "2.5", None),
        (-3, None, None, None, None, None, None, None, "2024-02-29", None),
    ]


def test_declared_types_hold(project: Project) -> None:
    rows: list[list[Any]] = [
        ["id", "price", "code", "day"],
        [1, 12.3, 7, "2024-01-02"],
        [2, 0.1, 8.5, dt.date(2024, 1, 3)],
    ]
    book(project, Orders=rows)
    source(project, "columns: {id: INTEGER, price: 'DECIMAL(10,2)', code: VARCHAR, day: DATE}\n")
    project.run()
    assert [(i, str(p), c, str(d)) for i, p, c, d in project.rows("source.orders")] == [
        (1, "12.30", "7", "2024-01-02"),
        (2, "0.10", "8.5", "2024-01-03"),
    ]
    source(project, "columns: {id: INTEGER, price: INTEGER}\n")
    (failed,) = project.run(ok=False).of("failed")
    assert failed["error"].startswith(
        "seeknal/sources/orders.yml:5: source.orders: the column price has a value that is no"
    )


def test_a_table_may_stand_anywhere_in_its_sheet(project: Project) -> None:
    rows: list[list[Any]] = [
        ["Report of the shop"],
        [],
        [None, "id", None, "name"],
        [None, 1, "x", "ä"],
        [],
        [None, 2, None, "b"],
    ]
    book(project, Notes=[["nothing"]], Orders=rows)
    source(project, "params: {sheet_name: Orders, skip: 2}\n")
    project.run()
    assert list(types(project)) == ["id", "C", "name"]
    assert project.rows("source.orders") == [(1, "x", "ä"), (2, None, "b")]
    source(project, "params: {sheet_name: Orders, skip: 3, header: false}\n")
    project.run()
    assert list(types(project)) == ["B", "C", "D"]
    assert len(project.rows("source.orders")) == 2


def test_only_other_bytes_are_read_again(project: Project) -> None:
    book(project, Orders=[["id"], [1]])
    source(project)
    project.run()
    os.utime(project.path("data", "book.xlsx"))
    assert project.run().built == set()
    book(project, Orders=[["id"], [1], [2]])
    assert project.run().built == {"source.orders"}


@pytest.mark.parametrize(
    ("more", "table", "line", "words"),
    [
        ("params: {sheet_name: Oders}\n", "data/book.xlsx", 5, "there is no sheet 'Oders' (did you mean Orders?)"),
        ("params: {sheet_name: Empty}\n", "data/book.xlsx", 5, "the sheet has no columns"),
        ("", "data/none.xlsx", 4, "there is no file 'data/none.xlsx'"),
        ("", "data/text.xlsx", 4, "the workbook cannot be read"),
        (
            "columns: {di: BIGINT}\n",
            "data/book.xlsx",
            5,
            "declares the column 'di', which is not there; there are: id",
        ),
    ],
)
def test_what_does_not_work_is_told_with_its_line(
    project: Project, more: str, table: str, line: int, words: str
) -> None:
    book(project, Orders=[["id"], [1]], Empty=[])
    project.write("data/text.xlsx", "no workbook")
    source(project, more, table)
    result = project.seeknal("run")
    assert result.code == 1
    assert f"seeknal/sources/orders.yml:{line}: source.orders" in result.err
    assert words in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("more", "table", "words"),
    [
        ("params: {header: perhaps}\n", "data/book.xlsx", "header is 'perhaps': allowed are true and false"),
        ("params: {skip: some}\n", "data/book.xlsx", "skip is 'some': a number of rows is needed"),
        ("params: {sheet_nam: x}\n", "data/book.xlsx", "excel has no option 'sheet_nam' (did you mean sheet_name?)"),
        ("", "data/*.xlsx", "data/*.xlsx may be several files"),
    ],
)
def test_a_wrong_declaration_is_told(project: Project, more: str, table: str, words: str) -> None:
    source(project, more, f"'{table}'")
    ((_, line, message),) = told(project)
    assert (line, words in message) == (5 if more else 4, True)


def test_without_the_package_it_is_told_what_to_install(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    book(project, Orders=[["id"], [1]])
    source(project)
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    result = project.seeknal("run")
    assert (result.code, "pip install 'seeknal[excel]'" in result.err) == (7, True)

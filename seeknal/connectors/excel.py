"""Excel workbooks (xlsx, xlsb, xls, ods): one sheet, as a table.

Decides what a column is from the cells in it: a cell says whether it is a number, a date or a text, and a column of several of
these is text. The file is keyed by its bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seeknal.model.lowering import Wrong

NAME = "excel"
CONNECTED = True
EXTRA = "excel"
CONNECTION: dict[str, Any] = {"path": ""}
SECRET = ()
OPTIONS = ("path", "sheet_name", "header", "skip")
_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def arranged(table: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The path of the file, from `table:` or from `params`. Raises Wrong."""
    found = {**params, "path": table or params.get("path")}
    if not isinstance(found["path"], str) or not found["path"] or "\0" in found["path"]:
        raise Wrong(("table",), "the path of the file is missing: table: data/book.xlsx")
    if any(ch in found["path"] for ch in "*?"):
        raise Wrong(("table",), f"{found['path']} may be several files: a source of type excel reads one")
    return found


def options(params: Mapping[str, Any]) -> dict[str, Any]:
    """Which sheet, whether its first row has the names, and how many rows of it stand above that. Raises Wrong."""
    header = _WORDS.get(str(params.get("header", True)).lower())
    if header is None:
        raise Wrong(("params", "header"), f"header is {params['header']!r}: allowed are true and false")
    skip = params.get("skip", 0)
    if isinstance(skip, bool) or not str(skip).isdecimal():
        raise Wrong(("params", "skip"), f"skip is {skip!r}: a number of rows is needed")
    sheet = params.get("sheet_name")
    return {"header": header, "skip": int(skip), **({} if sheet is None else {"sheet_name": str(sheet)})}


def files(params: Mapping[str, Any]) -> tuple[str, ...]:
    """The file."""
    return (params["path"],)


def checked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as they are."""
    return dict(settings)


def letters(column: int) -> str:
    """What a spreadsheet calls a column, counted from 0: its name here, where no header gives it one."""
    found = ""
    column += 1
    while column:
        column, at = divmod(column - 1, 26)
        found = chr(ord("A") + at) + found
    return found


# Sorts of cells -> what a column of them is; a column of others is text.
_SORTS = {
    frozenset({"whole"}): "BIGINT",
    frozenset({"number"}): "DOUBLE",
    frozenset({"whole", "number"}): "DOUBLE",
    frozenset({"boolean"}): "BOOLEAN",
    frozenset({"date"}): "DATE",
    frozenset({"moment"}): "TIMESTAMP",
    frozenset({"date", "moment"}): "TIMESTAMP",
    frozenset({"time"}): "TIME",
    frozenset({"duration"}): "INTERVAL",
    frozenset({"time", "duration"}): "INTERVAL",
}


def meant(sorts: frozenset[str], declared: str | None) -> str:
    """The type of a column with cells of these sorts; where text is declared, each cell is the text that it shows."""
    return "VARCHAR" if declared == "VARCHAR" else _SORTS.get(sorts, "VARCHAR")

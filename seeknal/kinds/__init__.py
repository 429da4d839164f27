"""Pure lowering: one file for each node kind, and the file's name is the word that a person types.

A kind's module has `Spec` (a frozen dataclass: the fields that this kind knows, under the names of the project format)
and `lower(name, spec, inputs) -> Lowered`. It may have
`expand(definition, schemas)` for what depends on the columns of its inputs (it is given what is in `Recipe.late` too, and
may give `binds`: queries that must bind and are not run), `files(name, traits)` for documents shown
beside the table, `attached(name)` for files beside it whose bytes travel with the table, `python(name, fields)` for what a
decorated function of this kind says besides its code, `reads(fields)` for inputs that other fields than `inputs` name (with
`OWN_INPUTS` where `inputs` names no nodes), `link(nodes)` for inputs that follow from other nodes, `derive(nodes)` for
targets that nobody writes down, `review(nodes)` for what is wrong between nodes, and `INTERVALS` where it may say
`interval:`: `each` is built by itself, or rows that are read once are `split`. `params` come to
it as values (`"5"` as 5), unless its module says `PARAMS_AS_WRITTEN = True`. The trait `warnings` is a list of (path,
message, reason word), the trait `fields` names those whose lines are needed later. Nothing here reads, runs or imports an
engine.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from types import ModuleType

_HELPERS = ("__init__",)


@cache
def known() -> tuple[str, ...]:
    """Every kind, sorted: the listing of this folder."""
    names = {entry.split(".")[0] for entry in os.listdir(os.path.dirname(__file__)) if entry.endswith((".py", ".pyc"))}
    return tuple(sorted(names.difference(_HELPERS)))


@cache
def written() -> tuple[str, ...]:
    """The kinds that a person writes down; the others are derived from these."""
    return tuple(name for name in known() if hasattr(get(name), "Spec"))


@cache
def get(kind: str) -> ModuleType:
    """The module of a kind that is in `known()`."""
    return import_module(f"{__name__}.{kind}")

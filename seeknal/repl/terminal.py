"""The line that a person types into: prompt_toolkit where it is installed, plain input where it is not.

Decides keys, colours and when Enter runs a statement. The only file that imports prompt_toolkit.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from seeknal.repl import history
from seeknal.repl.commands import COMMANDS
from seeknal.repl.complete import KEYWORDS, Known, candidates
from seeknal.repl.show import complain
from seeknal.repl.tables import Tables
from seeknal.repl.text import split, tokens, whole

if TYPE_CHECKING:
    from prompt_toolkit.document import Document
    from prompt_toolkit.formatted_text import StyleAndTextTuples

_CONTINUED = "..> "
_STYLES = {"comment": "ansibrightblack", "string": "ansigreen", "quoted": "ansicyan", "number": "ansimagenta"}
_WORDS = frozenset(word for keyword in KEYWORDS for word in keyword.split() if word.isupper())


def reader(tables: Tables, *, color: bool) -> Callable[[], str]:
    """What reads the next text of a person. It raises KeyboardInterrupt and EOFError."""
    try:
        import prompt_toolkit  # noqa: F401
    except ImportError:
        complain("for completion, history and several lines: pip install 'seeknal[repl]'")
        return lambda: _plainly(prompt(tables))
    return _prompted(tables, color=color)


def prompt(tables: Tables) -> str:
    """What stands before the line: which environment, which generation where it is an earlier one."""
    session = tables.session
    environment = session.request.environment
    name = "" if environment == "prod" else f" {environment}"
    pinned = f" @{(session.base or '').partition(':')[2][:8]}" if tables.pinned else ""
    return f"seeknal{name}{pinned}> "


def _plainly(first: str) -> str:
    """Lines until a statement is whole."""
    with suppress(ImportError):
        import readline  # noqa: F401  # keys that edit a line
    text = input(first)
    while not whole(text) and text.strip():
        text += "\n" + input(_CONTINUED.rjust(len(first)))
    return text


def known(tables: Tables) -> Known:
    """What completion knows now."""
    names = [*tables.schemas]
    commands: dict[str, Iterable[str]] = dict.fromkeys(COMMANDS, ())
    commands |= {".tables": names, ".schema": names, ".format": ("table", "json", "csv"), ".limit": ("none",)}
    commands |= {".connect": [*tables.offers.types()]}
    return Known(tables.schemas, {name: tuple(words) for name, words in commands.items()})


def _prompted(tables: Tables, *, color: bool) -> Callable[[], str]:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import Completer, Completion
    from prompt_toolkit.filters import Condition
    from prompt_toolkit.history import History
    from prompt_toolkit.lexers import Lexer
    from prompt_toolkit.output import ColorDepth
    from prompt_toolkit.shortcuts import CompleteStyle

    path = history.file_of(dict(os.environ))

    class Kept(History):
        def load_history_strings(self) -> Iterator[str]:
            return reversed(history.read(path))

        def store_string(self, string: str) -> None:
            history.add(tables.session.disk, path, string)

    class Words(Completer):
        def get_completions(self, document: Document, complete_event: Any) -> Iterator[Completion]:
            before = beginning(document.text_before_cursor)
            for found in candidates(before, document.text_after_cursor, known(tables)):
                yield Completion(found.text, found.start, display_meta=found.what)

    class Colors(Lexer):
        def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
            lines = coloured(document.text, tables)
            return lambda number: lines[number] if number < len(lines) else []

    asked: PromptSession[str] = PromptSession(
        history=Kept(),
        completer=Words(),
        lexer=Colors(),
        complete_while_typing=False,
        complete_style=CompleteStyle.COLUMN,
        key_bindings=_keys(),
        multiline=Condition(lambda: not _runs(asked.default_buffer.document)),
        prompt_continuation=lambda width, number, soft: _CONTINUED.rjust(width),
        color_depth=None if color else ColorDepth.DEPTH_1_BIT,
        enable_history_search=False,
    )
    return lambda: asked.prompt(prompt(tables))


def beginning(text: str) -> str:
    """What was typed of the last statement or command of a text."""
    pieces, rest = split(text)
    if pieces and not rest and pieces[-1].startswith(".") and not text.endswith("\n"):
        return text[text.rindex(pieces[-1]) :]
    return rest if pieces else text


def _runs(document: Document) -> bool:
    """Whether Enter runs the text: it is whole, and the cursor stands at its end or in its only line."""
    at_end = not document.text_after_cursor.strip()
    return (at_end or document.line_count == 1) and (not document.text.strip() or whole(document.text))


def _keys() -> Any:
    from prompt_toolkit.key_binding import KeyBindings
    from prompt_toolkit.key_binding.bindings.named_commands import accept_line

    keys = KeyBindings()
    keys.add("escape", "enter")(accept_line)
    return keys


def coloured(text: str, tables: Tables) -> list[StyleAndTextTuples]:
    """The lines of a text as (style, text) pairs."""
    lines: list[StyleAndTextTuples] = [[]]
    for token in tokens(text):
        style = _STYLES.get(token.sort, "")
        if token.sort == "word":
            style = (
                "bold ansiblue" if token.text.upper() in _WORDS else "ansicyan" if token.text in tables.schemas else ""
            )
        first, *more = token.text.split("\n")
        lines[-1].append((style, first))
        lines += [[(style, part)] for part in more]
    return lines

"""From text to Python statements, without running any; a large text in parts."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from typing import Any

from kgraph.errors import TextError

TOO_DEEP = "nested too deeply to be read; write it in several statements"
"""What is wrong where Python's parser, or a walk through what it gave, runs out of stack."""

CHUNK = 2000
"""Lines that are handed to ``ast`` at once: the tree of a whole large file takes gigabytes."""


def statements(text: str) -> Iterator[tuple[int, ast.stmt]]:
    """The statements of a text, each with the number of lines that its own line numbers leave out.

    Raises:
        TextError: the text is not Python; the message names the line.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    odd = re.search("[\0\ud800-\udfff]", text)
    if odd:
        line = text.count("\n", 0, odd.start()) + 1
        raise TextError(f"line {line}: not Python: the character {odd.group()!r} cannot stand in a text")
    lines = text.split("\n")
    start, size = 0, CHUNK
    while start < len(lines):
        stop = min(start + size, len(lines))
        while stop < len(lines) and lines[stop][:1] in " \t)]}#":
            stop += 1
        body = _parsed(lines, start, stop)
        if body is None:
            size = 2 * (stop - start)
            continue
        for statement in body:
            yield start, statement
        start, size = stop, CHUNK


def _parsed(lines: list[str], start: int, stop: int) -> list[ast.stmt] | None:
    """The statements of some of the lines; None where they may end inside a statement."""
    try:
        return python("\n".join(lines[start:stop]))
    except SyntaxError as error:
        if stop < len(lines):
            return None
        raise TextError(f"line {start + (error.lineno or 1)}: not Python: {error.msg}") from None
    except RecursionError:
        deep = next((f"{number + 1}" for number in range(start, stop) if _is_too_deep(lines[number])), None)
        raise TextError(f"line {deep or f'{start + 1} or below'}: {TOO_DEEP}") from None


def python(source: str, mode: str = "exec") -> Any:
    """The body of a piece of Python: statements, or with ``eval`` one expression.

    Raises:
        SyntaxError: it is not Python.
        RecursionError: it is nested too deeply.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape is no reason to speak, and none to raise
        try:
            tree: Any = ast.parse(source, mode=mode)
        except MemoryError:  # what Python's parser raises where its own stack ends
            raise RecursionError from None
        return tree.body


def _is_too_deep(line: str) -> bool:
    try:
        python(line)
    except SyntaxError:
        return False
    except RecursionError:
        return True
    return False

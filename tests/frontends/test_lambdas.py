"""The reference is Python itself: whatever is said to be proved must be what the function does when it is called."""

from __future__ import annotations

import builtins
import dis
import functools
import itertools
import operator
import os
import subprocess
import sys
import textwrap
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from kgraph.frontends.lambdas import read_function, try_selection
from kgraph.graph import Capture, Function, Slice

ARRAY = np.arange(5 * 6 * 7 * 8).reshape(5, 6, 7, 8)
FULL = Slice()


def numbering() -> Callable[[object], int]:
    seen: dict[int, int] = {}
    return lambda cell: seen.setdefault(id(cell), len(seen))


def read(fn: object, **arguments: Any) -> Function:
    return read_function(fn, arguments, numbering())


def define(source: str, name: str = "fn", **names: Any) -> Any:
    """Runs a definition and hands out what it defined."""
    exec(compile(textwrap.dedent(source), "<text>", "exec"), names)
    return names[name]


def evaluate(source: str, **names: Any) -> Any:
    return define(f"fn = {source}", **names)


def live(part: Any) -> Any:
    return slice(part.start, part.stop, part.step) if isinstance(part, Slice) else part


def outcome(function: Callable[[], Any]) -> tuple[Any, ...]:
    """What comes of a call: the array with its shape, or the kind of error."""
    try:
        result = function()
    except Exception as error:
        return (type(error),)
    return np.shape(result), np.asarray(result).tolist()


def agrees(fn: Any, found: Function, **arguments: Any) -> bool:
    assert found.selection is not None
    key = tuple(map(live, found.selection))
    return outcome(lambda: fn(ARRAY, **arguments)) == outcome(lambda: ARRAY[key])


PROVED: list[tuple[str, tuple[Any, ...]]] = [
    ("lambda t: t[3]", (3,)),
    ("lambda t: t[-1]", (-1,)),
    ("lambda t: t[...]", (...,)),
    ("lambda t: t[()]", ()),
    ("lambda t: t[None]", (None,)),
    ("lambda t: t[2:]", (Slice(2),)),
    ("lambda t: t[1:4]", (Slice(1, 4),)),
    ("lambda t: t[::-1]", (Slice(None, None, -1),)),
    ("lambda t: t[..., 1:8:2]", (..., Slice(1, 8, 2))),
    ("lambda t: t[:, 0, None, ..., -3:]", (FULL, 0, None, ..., Slice(-3))),
    ("lambda t: t[..., slice(4)]", (..., Slice(None, 4))),
    ("lambda t: t[..., slice(1, 4)]", (..., Slice(1, 4))),
    ("lambda t: t[..., slice(1, 7, 2)]", (..., Slice(1, 7, 2))),
    ("lambda t: t[..., g:2 * g]", (..., Slice(3, 6))),
    ("lambda t: t[key]", (..., Slice(1, 4))),
    ("lambda t: t[pair[0]:pair[-1]]", (Slice(1, 4),)),
    ("lambda t: t[part]", (Slice(2, 5),)),
    ("lambda t: t[Ellipsis, 2]", (..., 2)),
    ("lambda t, s=(2, 5): t[s[0]:s[1]]", (Slice(2, 5),)),
    ("lambda t, *, a=1: t[a]", (1,)),
    ("lambda t, /, a=1: t[a]", (1,)),
    ("lambda t, *rest, **names: t[2]", (2,)),
    ("lambda t, mask=None: t[2]", (2,)),
    ("lambda t, a=True: t[a + 1]", (2,)),
    ("lambda t, a=True: t[-a]", (-1,)),
    ("lambda t, a=True: t[~a]", (-2,)),
    ("lambda t, a=None: t[+g if a is None else a]", (3,)),
    ("lambda t, a=None: t[0 if a is not None else 4]", (4,)),
    ("lambda t, a=None: t[a or 2]", (2,)),
    ("lambda t, a=1: t[(a and 2):]", (Slice(2),)),
    ("lambda t, a=1: t[0 if not a else 1]", (1,)),
    ("lambda t, a=1: t[1 if 0 < a < 2 else 0]", (1,)),
    ("lambda t, a=7: t[1 if 0 < a < 2 else 0]", (0,)),
    ("lambda t, a=1: t[1 if a in (1, 2) else 0]", (1,)),
    ("lambda t, a=1: t[1 if a not in (1, 2) else 0]", (0,)),
    ("lambda t, a=True: t[1 if a is True else 0]", (1,)),
    ("lambda t, a='last': t[..., 1] if a == 'last' else t[:, 1]", (..., 1)),
    ("lambda t, a='first': t[..., 1] if a == 'last' else t[:, 1]", (FULL, 1)),
    ("lambda t, a=(1, 2): t[1 if a == (1, 2) else 0]", (1,)),
    ("lambda t: t[int(7 / 2)]", (3,)),
    ("lambda t: t[int(g * 0.5):max(g, 5):abs(min(-1, -2))]", (Slice(1, 5, 2),)),
    ("lambda t: (t[4], 1)[0]", (4,)),
    ("lambda t: t[10 ** 30:]", (Slice(10**30),)),
    ("lambda t: t[(lambda: 1, 2)[1]] if 0 else t[1]", (1,)),
]
NAMES: dict[str, Any] = {"g": 3, "key": (..., slice(1, 4)), "pair": (1, 9, 4), "part": slice(2, 5)}


@pytest.mark.parametrize(("source", "selection"), PROVED)
def test_a_subscript_by_what_is_known_is_proved(source: str, selection: tuple[Any, ...]):
    fn = evaluate(source, **NAMES)
    found = read(fn)
    assert (found.selection, found.known, found.note) == (selection, "proved", "")
    assert "mask" in source or agrees(fn, found)


STATEMENTS: list[tuple[str, tuple[Any, ...]]] = [
    ("a, b = 1, 4\nreturn t[a:b]", (Slice(1, 4),)),
    ("a, b, c = 4, 1, 2\na, b, c = b, a, c\nreturn t[a:b:c]", (Slice(1, 4, 2),)),
    ("a = 1\na += 2\nb = a\nreturn t[a:b + 1]", (Slice(3, 4),)),
    ("t = t[2]\nreturn t", (2,)),
    ("a = 0\nwhile a < 3:\n    a += 1\nreturn t[a]", (3,)),
    ("a = 0\nwhile True:\n    a += 1\n    if a > 3:\n        break\nreturn t[a]", (4,)),
    ("a = 5\nwhile a in (5, 4, 3):\n    a -= 1\nreturn t[a]", (2,)),
    ("a = None\nwhile a is None:\n    a = 3\nreturn t[a]", (3,)),
    ("a = 3\nwhile a is not None:\n    b = a\n    a = None\nreturn t[b]", (3,)),
    ("a = 0\nwhile not a:\n    a = 2\nreturn t[a]", (2,)),
    ("assert t is not 3 if False else 1\nreturn t[1]", (1,)),
    ("a = 1\nif a:\n    b = 2\nreturn t[b]", (2,)),
    ("match 3:\n    case 2:\n        return t[0]\n    case 3 | 4:\n        return t[1]\n    case _:\n        return t[2]", (1,)),
    ("if 1 == 2:\n    return lambda: t\nreturn t[1]", (1,)),
    ("key = (slice(None), slice(1, 3))\nreturn t[key]", (FULL, Slice(1, 3))),
    ("k = 3\nif k == 0:\n    f = lambda: k\nreturn t[k] if 0 else t[1]", None),  # k lives in a cell: it is written
]
"""Bodies of ``def fn(t)``; None where nothing may be proved."""


@pytest.mark.parametrize(("body", "selection"), STATEMENTS)
def test_statements_are_followed(body: str, selection: tuple[Any, ...] | None):
    fn = define("def fn(t):\n" + textwrap.indent(body, "    "))
    found = read(fn)
    assert found.selection == selection, found.note
    assert selection is None or agrees(fn, found)

"""Tells one piece of Python code from another, without running anything of the user's."""

from __future__ import annotations

import hashlib
import types
from collections.abc import Sequence
from typing import Any

Hashes = dict[int, tuple[object, bytes]]
"""What was digested before, by id, with the object, so that its id stays its own."""

SCALARS = (bool, types.NoneType, str, float, types.EllipsisType)
_DEPTH = 100


def is_exactly(value: object, *kinds: type) -> bool:
    """True if it is exactly of one of these types: a subclass may have methods of the user's."""
    cls = type(value)
    for kind in kinds:  # half of the time that a Lambda takes is spent here
        if cls is kind:
            return True
    return False


def digest(value: object, memo: Hashes, depth: int = 0) -> bytes:
    """Tells code and constants apart, the same on every machine. The memo keeps the objects, so ids stay theirs."""
    if id(value) not in memo:
        own, inner = _parts(value) if depth < _DEPTH else ("deep", ())
        hashes = [digest(part, memo, depth + 1) for part in inner]
        ordered = sorted(hashes) if is_exactly(value, frozenset) else hashes
        memo[id(value)] = value, hashlib.sha256(b"\0".join([own.encode(), *ordered])).digest()
    return memo[id(value)][1]


def _parts(value: Any) -> tuple[str, Sequence[object]]:
    if is_exactly(value, types.CodeType):
        names = (value.co_names, value.co_varnames, value.co_freevars, value.co_cellvars, value.co_qualname)
        counts = (value.co_flags, value.co_argcount, value.co_posonlyargcount, value.co_kwonlyargcount)
        place = (value.co_firstlineno, repr([*value.co_positions()]))
        return "code", (value.co_code, value.co_exceptiontable, value.co_consts, names, counts, place)
    if is_exactly(value, tuple, frozenset):
        return type(value).__name__, tuple(value)
    if is_exactly(value, int):
        return hex(value), ()  # there is a limit to decimal digits
    return ascii(value) if is_exactly(value, *SCALARS, complex, bytes) else "other", ()

"""From bytes to a JSON value under limits: what would exhaust or mislead a reader is refused with its place."""

from __future__ import annotations

import codecs
import itertools
import json
import re
from dataclasses import dataclass
from typing import Any

from kgraph.errors import SourceError
from kgraph.frontends.contents import Limits

BRACKETS = b"[]{}"
OTHERS = bytes(code for code in range(256) if code not in BRACKETS)
STEPS = bytes.maketrans(BRACKETS, b"\x01\xff\x01\xff")
"""From brackets to +1 and -1, as signed bytes."""

SLICE = 2**16
PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
HALF = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
NAMED = 20
"""So many repeated keys are named with their places."""


@dataclass(frozen=True, slots=True)
class Json:
    """A JSON value; ``repeated`` are the paths of keys that an object has twice, ``odd`` plain sentences."""

    value: Any
    repeated: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()


def read_json(data: bytes, what: str, limits: Limits) -> Json:
    """Reads JSON in UTF-8.

    Args:
        data: the bytes.
        what: how messages call them, such as ``config.json``.
        limits: ``json_depth`` and ``config_bytes`` are kept.

    Raises:
        SourceError: it is not JSON, or breaks a limit; the message says where.
    """
    if len(data) > limits.config_bytes:
        raise SourceError(f"{what} has {len(data):,} bytes; the limit is {limits.config_bytes:,} (config_bytes)")
    odd: list[str] = []
    if data.startswith(codecs.BOM_UTF8):
        odd.append(f"{what} starts with a byte order mark")
        data = data[3:]
    _check_depth(data, what, limits.json_depth)
    _check_surrogates(data, what)
    twice: list[tuple[dict[str, Any], list[str]]] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(items)
        if len(made) != len(items):
            twice.append((made, _repeated(items)))
        return made

    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=pairs)
    except UnicodeDecodeError as error:
        raise SourceError(f"{what} is not UTF-8: {_place(data, error.start)}, byte 0x{data[error.start]:02x}") from None
    except json.JSONDecodeError as error:
        raise SourceError(f"{what} is not JSON: {error.msg}, line {error.lineno}, column {error.colno}") from None
    except RecursionError:  # the limit allows more than the parser does
        raise SourceError(f"{what} is nested deeper than Python's JSON parser goes") from None
    except ValueError:  # the only other one: Python's limit on the digits of an int
        raise SourceError(f"{what} holds a whole number with too many digits: {_long_number(data)}") from None
    return Json(value, _paths(value, twice), tuple(odd))


def _check_depth(data: bytes, what: str, deepest: int) -> None:
    """Refuses what is nested too deep, before the parser recurses into it.

    Up to the first byte that is not JSON, which is where the parser stops, quotes delimit strings and nothing else.
    """
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    brackets = b"".join(data.split(b'"')[::2]).translate(STEPS, OTHERS)
    steps = memoryview(brackets).cast("b")
    depth = 0
    for start in range(0, len(steps), SLICE):
        depths = list(itertools.accumulate(steps[start : start + SLICE], initial=depth))
        if max(depths) > deepest:
            raise SourceError(f"{what} is nested deeper than {deepest} levels (json_depth)")
        depth = depths[-1]


def _check_surrogates(data: bytes, what: str) -> None:
    """Refuses half a surrogate pair: text with one cannot be written or printed."""
    if not HALF.search(data):
        return
    rest = PAIR.sub(b" " * 12, data.replace(b"\\\\", b"  "))
    found = HALF.search(rest)
    if found:
        raise SourceError(f"{what} holds half a surrogate pair, {found[0].decode()}: {_place(data, found.start())}")


def _place(data: bytes, at: int) -> str:
    line, start = data.count(b"\n", 0, at) + 1, data.rfind(b"\n", 0, at) + 1
    return f"line {line}, column {at - start + 1}"


def _long_number(data: bytes) -> str:
    found = re.search(rb"\d{4000,}", data)
    return _place(data, found.start()) if found else "somewhere"


def _repeated(items: list[tuple[str, Any]]) -> list[str]:
    seen: set[str] = set()
    return list(dict.fromkeys(key for key, _ in items if key in seen or seen.add(key)))


def _paths(value: Any, twice: list[tuple[dict[str, Any], list[str]]]) -> tuple[str, ...]:
    """Where the repeated keys stand, such as ``$.config.layers[3].class_name``."""
    if not twice:
        return ()
    wanted = {id(made): keys for made, keys in twice}
    found: list[str] = []
    stack: list[tuple[Any, str]] = [(value, "$")]
    while stack and wanted:
        item, path = stack.pop()
        if isinstance(item, dict):
            found += [f"{path}.{key}" for key in wanted.pop(id(item), ())]  # pyright: ignore[reportUnknownArgumentType]
            stack.extend((inner, f"{path}.{key}") for key, inner in item.items())  # pyright: ignore
        elif isinstance(item, list):
            stack.extend((inner, f"{path}[{number}]") for number, inner in enumerate(item))  # pyright: ignore
    # What is left stands in values that a later repetition replaced.
    found += [f"(replaced).{key}" for keys in wanted.values() for key in keys]
    rest = len(found) - NAMED
    return tuple(found) if rest <= 0 else (*found[:NAMED], f"and {rest:,} more")

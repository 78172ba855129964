"""Frozen trees as Python source."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from kgraph.graph import Constant, FrozenDict, Function, Object, Slice, Slot, Tree, leaves
from kgraph.ops.catalog import REQUIRED
from kgraph.text.implied import implied_config, is_known, keywords, lacking, misspelt, parameters, same
from kgraph.text.names import is_function, is_keyword

SIZES = ("kernel_size", "strides", "dilation_rate", "pool_size", "size")
"""Config entries that Keras takes as one int for all axes."""

LONG = 2000
"""Bits of an int above which it is written in hexadecimal: Python refuses to read long decimal numbers."""


def literal(tree: Tree, name: Callable[[int], str] | None = None) -> str:
    """Python source of a frozen tree; ``name`` gives the variable of a Slot."""
    if isinstance(tree, str):
        return quoted(tree)
    if tree is None or tree is ... or isinstance(tree, bool):
        return "..." if tree is ... else str(tree)
    if isinstance(tree, int):
        return int.__repr__(tree) if tree.bit_length() <= LONG else hex(tree)
    if isinstance(tree, Slot) and name:
        return name(tree.index)
    if isinstance(tree, tuple):
        return _sequence(tree, name)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{quoted(key)}: {literal(item, name)}" for key, item in tree.items()) + "}"  # pyright: ignore
    if isinstance(tree, float):
        return float.__repr__(tree) if math.isfinite(tree) else f'float("{float.__repr__(tree)}")'
    if isinstance(tree, Slice):
        return f"slice({', '.join(literal(part, name) for part in (tree.start, tree.stop, tree.step))})"
    if isinstance(tree, Object):
        return constructor(tree.kind, tree.config)
    return _special(tree)


def _special(tree: Tree) -> str:
    if isinstance(tree, Constant):
        values = f", {literal(tree.values)}" if tree.values is not None else ""
        return f"constant({quoted(tree.dtype)}, {literal(tree.shape)}, {quoted(tree.digest)}{values})"
    if isinstance(tree, Function):
        known = tree.selection is not None
        return f"lambda t: t[{subscript(tree.selection)}]" if known else f"opaque({quoted(tree.digest)})"
    if isinstance(tree, complex):
        return f"complex({literal(tree.real)}, {literal(tree.imag)})"
    return bytes.__repr__(tree) if isinstance(tree, bytes) else repr(tree)


def quoted(text: str) -> str:
    """A string literal in double quotes wherever that needs no escape."""
    plain = str.__repr__(text)
    return f'"{plain[1:-1]}"' if plain[0] == "'" and '"' not in text else plain


def _sequence(items: tuple[Tree, ...], name: Callable[[int], str] | None) -> str:
    inner = ", ".join([literal(item, name) for item in items])
    if name and any(isinstance(leaf, Slot) for leaf in leaves(items)):
        return f"[{inner}]"
    return f"({inner},)" if len(items) == 1 else f"({inner})"


def constructor(kind: str, config: FrozenDict, name: str | None = None) -> str:
    """``Conv2D(filters=4, kernel_size=3, name="c")``: defaults are left out, sizes written short."""
    head, arguments = made(kind, config)
    return f"{head}({', '.join(arguments if name is None else [*arguments, f'name={quoted(name)}'])})"


def made(kind: str, config: FrozenDict) -> tuple[str, list[str]]:
    """What is called to make a layer or an object, and its arguments.

    ``Object("kind", ...)`` takes the config as it is, for a kind that Keras has not, or a config that no call of the
    class gives; where its keys are no keywords, they are written as a dict.
    """
    if is_known(kind) and not is_function(kind):
        full = _unusual(kind, config)
        for given in (shorten(full), full):
            if _gives(kind, given, config):
                return kind.removeprefix("layers."), _known_arguments(given)
    how, path = ("Custom", kind[len("custom.") :]) if kind.startswith("custom.") else ("Object", kind)
    return how, [quoted(path), *(_keywords(config) if _are_keywords(config) else [literal(config)])]


def _gives(kind: str, given: FrozenDict, config: FrozenDict) -> bool:
    if not _are_keywords(given) or lacking(kind, given) or any(misspelt(key, keywords(kind)) for key in given):
        return False
    return same(implied_config(kind, given), config)


def _are_keywords(config: Iterable[str]) -> bool:
    return all(is_keyword(key) and key != "name" for key in config)


def _keywords(config: FrozenDict) -> list[str]:
    return [f"{key}={literal(value)}" for key, value in config.items()]


def _known_arguments(given: FrozenDict) -> list[str]:
    """Keyword arguments; the function of a Lambda is the first parameter and needs no keyword."""
    written = _keywords(given)
    if next(iter(given), None) == "function" and isinstance(given["function"], Function):
        written[0] = literal(given["function"])
    return written


def _unusual(kind: str, config: FrozenDict) -> FrozenDict:
    """A config without the entries that have Keras' default, in Keras' order: equal configs are written alike."""
    defaults = parameters(kind)
    order = (*(key for key in defaults if key in config), *(key for key in config if key not in defaults))
    return FrozenDict({key: config[key] for key in order if not same(defaults.get(key, REQUIRED), config[key])})


def shorten(config: FrozenDict) -> FrozenDict:
    """A config with one int where a size is the same on all axes."""
    return FrozenDict({key: _short(value) if key in SIZES else value for key, value in config.items()})


def _short(value: Tree) -> Tree:
    if isinstance(value, tuple) and value and all(type(size) is int and size == value[0] for size in value):  # pyright: ignore
        return value[0]  # pyright: ignore[reportUnknownVariableType]
    return value  # pyright: ignore[reportUnknownVariableType]


def is_basic(key: Any) -> bool:
    """True for a subscript of ints, Slices of ints, None and ``...``, which can be written between brackets."""
    if isinstance(key, tuple):
        return all(is_basic(part) and not isinstance(part, tuple) for part in key)  # pyright: ignore
    if isinstance(key, Slice):
        return all(part is None or type(part) is int for part in (key.start, key.stop, key.step)) and key.step != 0
    return key is None or key is ... or type(key) is int


def subscript(key: Any) -> str:
    """A subscript as it stands between brackets."""
    if not isinstance(key, tuple):
        return _part(key)
    if not key:
        return "()"
    inner = ", ".join(_part(part) for part in key)  # pyright: ignore[reportUnknownVariableType]
    return f"{inner}," if len(key) == 1 else inner  # pyright: ignore[reportUnknownArgumentType]


def _part(part: Any) -> str:
    if not isinstance(part, Slice):
        return literal(part)
    start, stop = ("" if bound is None else literal(bound) for bound in (part.start, part.stop))
    return f"{start}:{stop}" if part.step is None else f"{start}:{stop}:{literal(part.step)}"

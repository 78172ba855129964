"""Frozen trees as Python source."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from kgraph.graph import Constant, FrozenDict, Function, Object, Slice, Slot, Tree, leaves
from kgraph.ops import complete
from kgraph.ops.catalog import REQUIRED, entry

SIZES = ("kernel_size", "strides", "dilation_rate", "pool_size", "size")
"""Config entries that Keras takes as one int for all axes."""


def literal(tree: Tree, name: Callable[[int], str] | None = None) -> str:
    """Python source of a frozen tree; ``name`` gives the variable of a Slot."""
    if isinstance(tree, float):
        return _float(tree)
    if isinstance(tree, Slot):
        return name(tree.index) if name else f"Slot({tree.index})"
    if isinstance(tree, tuple):
        return _sequence(tree, name)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{quoted(key)}: {literal(item, name)}" for key, item in tree.items()) + "}"  # pyright: ignore
    if isinstance(tree, Slice):
        return f"slice({', '.join(literal(part, name) for part in (tree.start, tree.stop, tree.step))})"
    if isinstance(tree, Constant):
        values = f", {literal(tree.values)}" if tree.values is not None else ""
        return f"constant({quoted(tree.dtype)}, {literal(tree.shape)}, {quoted(tree.digest)}{values})"
    if isinstance(tree, Object):
        return constructor(tree.kind, tree.config)
    if isinstance(tree, Function):
        known = tree.selection is not None
        return f"lambda t: t[{subscript(tree.selection)}]" if known else f"opaque({quoted(tree.digest)})"
    if isinstance(tree, str):
        return quoted(tree)
    return "..." if tree is ... else repr(tree)


def quoted(text: str) -> str:
    """A string literal in double quotes wherever that needs no escape."""
    plain = repr(text)
    return f'"{plain[1:-1]}"' if plain[0] == "'" and '"' not in text else plain


def _float(value: float) -> str:
    return repr(value) if math.isfinite(value) else f'float("{value}")'


def _sequence(items: tuple[Tree, ...], name: Callable[[int], str] | None) -> str:
    inner = ", ".join(literal(item, name) for item in items)
    if any(isinstance(leaf, Slot) for leaf in leaves(items)):
        return f"[{inner}]"
    return f"({inner},)" if len(items) == 1 else f"({inner})"


def keywords(config: FrozenDict) -> list[str]:
    """Config entries as keyword arguments; what is no identifier goes into one ``**{...}``."""
    plain = [f"{key}={literal(value)}" for key, value in config.items() if key.isidentifier() and is_keyword(key)]
    odd = {key: value for key, value in config.items() if not (key.isidentifier() and is_keyword(key))}
    return [*plain, f"**{literal(FrozenDict(odd))}"] if odd else plain


def is_keyword(name: str) -> bool:
    """True if Python takes it as the name of a keyword argument (and NFKC leaves it as it is)."""
    import keyword

    return name.isascii() and not keyword.iskeyword(name)


def constructor(kind: str, config: FrozenDict, *extra: str) -> str:
    """``Conv2D(filters=4, kernel_size=3)``: defaults are left out, sizes written short."""
    short = shorten(kind, config)
    if complete(kind, short) != config:
        return called("Object", kind, [*keywords(config), *extra])
    return called("Custom", kind, [*keywords(short), *extra])


def called(how: str, kind: str, arguments: list[str]) -> str:
    """A call of the class that a kind names; by ``Custom("...")`` or ``Object("...")`` where Keras has none."""
    if how == "Custom" and entry(kind) is not None:
        return f"{kind.removeprefix('layers.')}({', '.join(arguments)})"
    if how == "Custom" and kind.startswith("custom."):
        return f"Custom({', '.join([quoted(kind.removeprefix('custom.')), *arguments])})"
    return f"Object({', '.join([quoted(kind), *arguments])})"


def shorten(kind: str, config: FrozenDict) -> FrozenDict:
    """A config without defaults, and with one int where a size is the same on all axes."""
    known = entry(kind)
    defaults = known.config if known else {}
    kept = {key: value for key, value in config.items() if not same(defaults.get(key, REQUIRED), value)}
    return FrozenDict({key: _short(value) if key in SIZES else value for key, value in kept.items()})


def same(left: Any, right: Any) -> bool:
    """Equal, and not just by ``1 == True == 1.0``."""
    return type(left) is type(right) and left == right


def _short(value: Tree) -> Tree:
    if isinstance(value, tuple) and len(set(value)) == 1 and type(value[0]) is int:  # pyright: ignore
        return value[0]  # pyright: ignore[reportUnknownVariableType]
    return value


def is_basic(key: Any) -> bool:
    """True for a subscript of ints, Slices of ints, None and ``...``, which can be written between brackets."""
    if isinstance(key, tuple):
        return all(is_basic(part) and not isinstance(part, tuple) for part in key)  # pyright: ignore
    if isinstance(key, Slice):
        return all(part is None or type(part) is int for part in (key.start, key.stop, key.step))
    return key is None or key is ... or type(key) is int


def subscript(key: Any) -> str:
    """A basic subscript as it stands between brackets."""
    if not isinstance(key, tuple):
        return _part(key)
    if not key:
        return "()"
    inner = ", ".join(_part(part) for part in key)  # pyright: ignore[reportUnknownVariableType]
    return f"{inner}," if len(key) == 1 else inner  # pyright: ignore[reportUnknownArgumentType]


def _part(part: Any) -> str:
    if not isinstance(part, Slice):
        return "..." if part is ... else repr(part)
    start, stop = ("" if bound is None else str(bound) for bound in (part.start, part.stop))
    return f"{start}:{stop}" if part.step is None else f"{start}:{stop}:{part.step}"

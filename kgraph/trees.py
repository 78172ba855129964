"""Frozen trees: the plain data that a graph holds, which can be compared, hashed and written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import EllipsisType, NoneType
from typing import Any, NoReturn

from kgraph.errors import GraphError

Tree = Any
"""A frozen tree: leaves, tuples (for tuples and lists) and FrozenDicts."""

PLAIN = frozenset((NoneType, bool, int, float, complex, str, bytes, EllipsisType))
"""The types of scalars that a tree may hold; subclasses of them may stand too."""

DEEPEST = 60
"""How deep trees may be nested: the text form brackets each level, and Python's parser takes 200 brackets."""

NAN = object()
"""Stands for nan where trees are compared."""


class FrozenDict(dict[str, Any]):
    """A dict that can be hashed and not be changed."""

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("a FrozenDict cannot be changed; build a new one")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse  # type: ignore[assignment]

    def __reduce__(self) -> tuple[type[FrozenDict], tuple[dict[str, Any]]]:
        return FrozenDict, (dict(self),)


@dataclass(frozen=True, slots=True)
class Slot:
    """Stands in a call's arguments where operand number ``index`` enters."""

    index: int


@dataclass(frozen=True, slots=True)
class Slice:
    """A Python slice, hashable on every Python version."""

    start: Any = None
    stop: Any = None
    step: Any = None


@dataclass(frozen=True, slots=True)
class Constant:
    """An array that stands as an operand. ``values`` (nested tuples) is kept for small arrays only."""

    dtype: str
    shape: tuple[int, ...]
    digest: str
    values: Any = None


@dataclass(frozen=True, slots=True)
class Object:
    """A configured object that is no layer of the graph: an initializer, a regularizer, the layer inside a wrapper.

    ``kind`` is the public export path without ``keras.``, or ``custom.<module>.<qualname>``.
    """

    kind: str
    config: FrozenDict


@dataclass(frozen=True, slots=True)
class Capture:
    """A name that a function reads from outside: ``cell`` numbers the closure cells of a graph, None for a global."""

    name: str
    cell: int | None
    value: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """What is known of a Python function inside a model, as plain data.

    Attributes:
        digest: of its code; two functions of equal digest come from one expression.
        selection: the subscript that it returns of its tensor (ints, Slices, None, ``...``), or None.
        known: how the selection is known: ``proved``, ``tested``, ``assumed`` or ``unknown``.
        note: why the selection is unknown.
        captures: the closure variables and globals that it reads when it runs, and not when it was made.

    Two functions are equal if they are known to select the same, else if their code is: the rest is evidence.
    """

    digest: str = ""
    selection: tuple[Any, ...] | None = None
    known: str = "unknown"
    note: str = ""
    captures: tuple[Capture, ...] = ()

    def _identity(self) -> tuple[Any, ...]:
        return (self.digest, self.captures) if self.selection is None else (self.selection,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Function) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())


def leaves(tree: Tree) -> list[Any]:
    """The leaves of a frozen tree in order; Slices are looked into, Objects are leaves."""
    found: list[Any] = []
    stack = [tree]
    while stack:
        item = stack.pop()
        if isinstance(item, tuple):
            stack.extend(reversed(item))  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(item, dict):
            stack.extend(reversed(item.values()))  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(item, Slice):
            stack.extend((item.step, item.stop, item.start))
        else:
            found.append(item)
    return found


def map_leaves(function: Callable[[Any], Any], tree: Tree) -> Tree:
    """The same tree with every leaf replaced."""
    if isinstance(tree, tuple):
        return tuple(map_leaves(function, item) for item in tree)  # pyright: ignore[reportUnknownVariableType]
    if isinstance(tree, dict):
        return FrozenDict({key: map_leaves(function, item) for key, item in tree.items()})  # pyright: ignore
    if isinstance(tree, Slice):
        return Slice(*(map_leaves(function, part) for part in (tree.start, tree.stop, tree.step)))
    return function(tree)


def slots(arguments: Tree) -> tuple[int, ...]:
    """The slot numbers in the order in which they stand in the arguments."""
    return tuple(leaf.index for leaf in leaves(arguments) if isinstance(leaf, Slot))


def is_plain(value: object) -> bool:
    """True for the scalars that a tree may hold."""
    return value is None or isinstance(value, (bool, int, float, complex, str, bytes, EllipsisType))


def sort_keys(tree: Tree) -> Tree:
    """The same tree with every dict sorted by key: its order must not depend on who made it."""
    if isinstance(tree, tuple):
        return tuple(sort_keys(item) for item in tree)  # pyright: ignore[reportUnknownVariableType]
    if isinstance(tree, dict):
        return FrozenDict({key: sort_keys(tree[key]) for key in sorted(tree)})  # pyright: ignore
    return tree


def check_tree(tree: Tree, what: str, name: str, leaf: type | None = None) -> list[Any]:
    """Raises for anything but plain, frozen data.

    Args:
        tree: what to check.
        what: what it is, for the message.
        name: whose it is, for the message.
        leaf: a type of leaves that may stand in it too, where ``leaves`` finds them.

    Returns:
        The leaves of that type, in order.

    Raises:
        GraphError: the tree holds something else, is nested too deeply, or has a key that is no string.
    """
    found: list[Any] = []
    stack: list[tuple[Any, int, type | None]] = [(tree, 0, leaf)]
    while stack:
        item, depth, leaf = stack.pop()
        if leaf is not None and isinstance(item, leaf):
            found.append(item)
            continue
        inner = inside(item)
        if inner is None:
            if not is_plain(item):
                raise GraphError(f"{what} {name!r}: a {type(item).__qualname__} is no plain, frozen data")
            continue
        if depth > DEEPEST:
            raise GraphError(f"{what} {name!r}: nested more than {DEEPEST} deep")
        if isinstance(item, FrozenDict) and not {str}.issuperset(map(type, item)):
            raise GraphError(f"{what} {name!r}: the keys of a dict must be strings, received {tuple(item)!r}")
        if not PLAIN.issuperset(map(type, inner)):
            deeper = leaf if isinstance(item, (tuple, FrozenDict, Slice)) else None
            stack.extend((part, depth + 1, deeper) for part in reversed(inner) if type(part) not in PLAIN)
    return found


def inside(item: object) -> tuple[Any, ...] | None:
    """What a tree's inner node holds; None for a leaf."""
    if isinstance(item, tuple):
        return item  # pyright: ignore[reportUnknownVariableType]
    if isinstance(item, FrozenDict):
        return tuple(item.values())
    if isinstance(item, Slice):
        return item.start, item.stop, item.step
    if isinstance(item, Constant):
        return item.shape, item.values
    if isinstance(item, Object):
        return (item.config,)
    if isinstance(item, Function):
        return item.selection, *(capture.value for capture in item.captures)
    return None


def settled(tree: Tree, cells: dict[int, int] | None = None) -> Tree:
    """A tree that is equal to another wherever it means the same.

    A nan, which Python takes to differ from itself, is replaced; with ``cells``, closure cells are numbered anew.
    """
    if isinstance(tree, tuple):
        return tuple(settled(item, cells) for item in tree)  # pyright: ignore[reportUnknownVariableType]
    if isinstance(tree, dict):
        return FrozenDict({key: settled(tree[key], cells) for key in sorted(tree)})  # pyright: ignore
    if isinstance(tree, Slice):
        return Slice(*(settled(part, cells) for part in (tree.start, tree.stop, tree.step)))
    if isinstance(tree, Constant):
        return replace(tree, values=settled(tree.values, cells))
    if isinstance(tree, Object):
        return Object(tree.kind, settled(tree.config, cells))
    if isinstance(tree, Function):
        return _settled_function(tree, cells)
    return tree if tree == tree else (NAN, repr(tree))


def _settled_function(function: Function, cells: dict[int, int] | None) -> Function:
    captures = tuple(
        Capture(
            capture.name,
            capture.cell if capture.cell is None or cells is None else cells.setdefault(capture.cell, len(cells)),
            settled(capture.value, cells),
        )
        for capture in function.captures
    )
    return replace(function, selection=settled(function.selection, cells), captures=captures)

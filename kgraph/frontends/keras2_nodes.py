"""Connections as Keras 2 writes them: ``["conv", 0, 0, {...}]``, alone, in lists and in dicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from kgraph.errors import SourceError
from kgraph.frontends.serialized import freeze
from kgraph.graph import FrozenDict, Tree, leaves

Json = Mapping[str, Any]

CONSTANT = "_CONSTANT_VALUE"
"""Stands in place of a layer's name where an argument is no tensor."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Output ``out`` of call number ``call`` of a layer, as the file counts them."""

    layer: str
    call: int
    out: int


def connections(*trees: Tree) -> list[Connection]:
    """The Connections in some trees, in order."""
    return [leaf for tree in trees for leaf in leaves(tree) if isinstance(leaf, Connection)]


def structure(value: Any, what: str) -> Tree:
    """A structure of connections, such as a model's outputs.

    Raises:
        SourceError: it holds something else.
    """
    tree = _tree(value, {})
    if not all(isinstance(leaf, Connection) for leaf in leaves(tree)):
        raise SourceError(f"{what} are not lists of [layer, call, output], or dicts of them")
    return tree


def node_arguments(node: Any, name: str, *, keep: bool) -> tuple[Tree, FrozenDict]:
    """The first argument of a call of a layer, and its others by name, with Connections where tensors enter.

    Args:
        node: one of the layer's ``inbound_nodes``.
        name: the layer's, for messages.
        keep: leave a list of one as it is.

    Raises:
        SourceError: it is no list and no dict of connections.
    """
    if not isinstance(node, (list, Mapping)):
        raise SourceError(f"a call of the layer {name!r} is written as {str(node)[:80]!r}; expected a list of tensors")
    keywords: dict[str, Any] = {}
    first = _tree(node, keywords)
    if not keep and isinstance(first, tuple) and len(first) == 1:  # pyright: ignore[reportUnknownArgumentType]
        first = first[0]  # pyright: ignore[reportUnknownVariableType]
    return first, FrozenDict({key: argument(value) for key, value in keywords.items()})  # pyright: ignore


def argument(value: Any) -> Tree:
    """An argument that is no first one: plain data, with tensors as lists of three."""
    if _is_connection(value) and len(value) == 3:
        return _connection(value)
    if isinstance(value, list):
        return tuple([argument(item) for item in value])  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(value, Mapping):
        return freeze(value)
    name = value.get("class_name")  # pyright: ignore[reportUnknownVariableType]
    if name == "__ellipsis__":
        return ...
    if name in ("__tuple__", "TensorShape"):
        return argument(value.get("items", []))
    if isinstance(name, str):
        return freeze(value)
    return FrozenDict({str(key): argument(value[key]) for key in sorted(value, key=str)})  # pyright: ignore


def _tree(value: Any, keywords: dict[str, Any]) -> Tree:
    """The first argument; the other ones stand, all of them, at each of its tensors."""
    if _is_connection(value):
        if len(value) == 4 and isinstance(value[3], Mapping):
            keywords.update({str(key): item for key, item in value[3].items()})  # pyright: ignore
        return argument(value[2]) if value[0] == CONSTANT else _connection(value)
    if isinstance(value, list):
        return tuple([_tree(item, keywords) for item in value])  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, Mapping):
        return FrozenDict({str(key): _tree(value[key], keywords) for key in sorted(value, key=str)})  # pyright: ignore
    return freeze(value)


def _is_connection(value: Any) -> TypeGuard[list[Any]]:
    if not isinstance(value, list) or len(value) not in (3, 4) or not isinstance(value[0], str):  # pyright: ignore
        return False
    return type(value[1]) is int and (type(value[2]) is int or value[0] == CONSTANT)  # pyright: ignore


def _connection(value: list[Any]) -> Connection:
    return Connection(value[0], value[1], value[2])

"""How Keras 3 writes down calls: arguments with ``__keras_tensor__`` where tensors enter, and structures of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kgraph.errors import SourceError
from kgraph.frontends.serialized import freeze
from kgraph.frontends.written import Json, constant, expect, shape_of, shown
from kgraph.graph import FrozenDict, Slice, Spec, Tree, leaves

OUTPUTS = 10_000
"""How many outputs a call may have: a file may name any number."""

ARRAYS = ("__numpy__", "__tensor__")


@dataclass(frozen=True, slots=True)
class Tensor:
    """Output ``out`` of call number ``call`` of a layer; ``spec`` is what is recorded of it where it enters a call."""

    layer: str
    call: int
    out: int
    spec: Spec | None = None

    def __str__(self) -> str:
        return f"output {self.out} of call {self.call} of {shown(self.layer)}"


@dataclass(frozen=True, slots=True)
class Node:
    """One call of a layer: its arguments as trees with Tensors."""

    args: tuple[Tree, ...]
    kwargs: FrozenDict

    def tensors(self) -> list[Tensor]:
        """All tensors that enter, in the order in which Keras flattens them."""
        return [leaf for leaf in leaves((self.args, self.kwargs)) if isinstance(leaf, Tensor)]


def read_node(value: Any, where: str) -> Node:
    """One of a layer's ``inbound_nodes``."""
    node = expect(value, Mapping, where)
    args, kwargs = node.get("args", []), node.get("kwargs", {})
    found = tuple([
        argument(item, f"{where}.args[{number}]") for number, item in enumerate(expect(args, list, f"{where}.args"))
    ])  # fmt: skip
    given = expect(kwargs, Mapping, f"{where}.kwargs")
    return Node(found, FrozenDict({key: argument(given[key], f"{where}.kwargs.{key}") for key in sorted(given)}))


def argument(value: Any, where: str) -> Tree:
    """An argument as a tree: Tensors, Constants and plain values."""
    if isinstance(value, list):
        return tuple([argument(item, where) for item in value])  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(value, Mapping):
        return freeze(value)
    name, config = value.get("class_name"), value.get("config")  # pyright: ignore
    if not isinstance(name, str) or "config" not in value:
        return FrozenDict({key: argument(value[key], where) for key in sorted(value)})  # pyright: ignore
    if name == "__keras_tensor__":
        return _tensor(expect(config, Mapping, f"{where}.config"), where)
    if name in ARRAYS:
        return constant(expect(config, Mapping, f"{where}.config"), f"{where}.config")
    if name == "__slice__":
        bounds = expect(config, Mapping, f"{where}.config")
        return Slice(*(argument(bounds.get(key), f"{where}.{key}") for key in ("start", "stop", "step")))
    return freeze(value)


def _tensor(config: Json, where: str) -> Tree:
    dtype = expect(config.get("dtype"), str, f"{where}.dtype")
    spec = Spec(shape_of(config.get("shape"), f"{where}.shape"), dtype)
    return _history(config.get("keras_history"), f"{where}.keras_history", spec)


def _history(value: Any, where: str, spec: Spec | None = None) -> Tensor:
    if not _is_history(value):
        raise SourceError(
            f"{where}: expected [layer's name, number of its call, number of the output], got {shown(value)}"
        )
    layer, call, out = value
    if not 0 <= out < OUTPUTS or not call >= 0:
        raise SourceError(f"{where}: call {call} and output {out} of {shown(layer)}; expected 0 to {OUTPUTS:,}")
    return Tensor(layer, call, out, spec)


def _is_history(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and list(map(type, value)) == [str, int, int]  # pyright: ignore


def structure(value: Any, where: str) -> Tree:
    """``input_layers`` or ``output_layers``: a tensor, or lists and dicts of them."""
    if isinstance(value, list) and not (value and isinstance(value[0], str)):
        return tuple([structure(item, where) for item in value])  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, Mapping):
        return FrozenDict({key: structure(value[key], where) for key in sorted(value)})  # pyright: ignore
    return _history(value, where)


def tensors(tree: Tree) -> Iterator[Tensor]:
    """The Tensors of a structure, in order."""
    return (leaf for leaf in leaves(tree) if isinstance(leaf, Tensor))

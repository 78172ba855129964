"""The calls that a Keras 2 (tf_keras) model records, as calls of Keras 3: kinds, and arguments by Keras 3's names."""

from __future__ import annotations

import hashlib
import itertools
import struct
from collections.abc import Callable, Mapping
from typing import Any

from kgraph.frontends.assemble import Ref
from kgraph.frontends.keras2_kinds import OP_LAYERS, Operation, foreign, operation
from kgraph.frontends.keras2_layers import shortest
from kgraph.graph import Constant, FrozenDict, Object, Slice, Tree, leaves, map_leaves
from kgraph.ops.catalog import REQUIRED, entry

KEPT_VALUES = 64
"""Arrays of at most so many elements keep their values; larger ones keep their digest alone."""

RECURRENT = frozenset(f"layers.{name}" for name in (
    "Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "GRU", "LSTM", "RNN", "SimpleRNN",
))  # fmt: skip
"""Layers to whose call Keras 2 adds initial states as further inputs."""

LISTED = frozenset(("layers.Concatenate",))
"""Layers that take a list even of one tensor, which Keras 2 writes like the tensor."""

TUPLED = frozenset(f"ops.{name}" for name in ("all", "any", "max", "mean", "min", "prod", "std", "sum", "var"))
"""Reductions whose one axis Keras 3 keeps as a tuple of one."""

FORMATS = {"float32": "f", "float64": "d", "int32": "i", "int64": "q", "bool": "?", "float16": "e"}


def op_kind(class_name: str, config: FrozenDict) -> str:
    """The kind of a layer that stands for a function of TensorFlow, from its class and config.

    Functions that Keras 3 has an operation for get that kind once their arguments are known (``as_operation``).
    """
    if class_name == "ClassMethod":
        return foreign(f"{config.get('cls_symbol')}.{config.get('method_name')}")
    if class_name == "InstanceMethod":
        return foreign(f"method.{config.get('attr_name')}")
    if class_name == "InstanceProperty":
        return foreign(f"property.{config.get('attr_name')}")
    if class_name.endswith("TensorFlowOpLayer"):
        node = config.get("node_def")
        return foreign(f"raw_ops.{node.get('op') if isinstance(node, FrozenDict) else 'unknown'}")
    return foreign(str(config.get("function")))


def is_op_layer(class_name: str) -> bool:
    """True for the layers that stand for a function of TensorFlow."""
    return class_name in OP_LAYERS or class_name.endswith("TensorFlowOpLayer")


def as_operation(symbol: str, first: Tree, rest: FrozenDict) -> tuple[str, FrozenDict]:
    """The kind and the arguments of a call of a function of TensorFlow.

    Args:
        symbol: its name as Keras records it, such as ``math.add``.
        first: its first argument, with Refs where tensors enter.
        rest: its other arguments, by TensorFlow's names.
    """
    known = operation(symbol)
    if known is not None:
        found = _translated(known, first, rest)
        if found is not None:
            return known.kind, _in_order(known.kind, found)
    given = {"inputs": first, **{key: value for key, value in rest.items() if key != "name"}}
    return foreign(symbol), FrozenDict({key: map_leaves(_written_out, value) for key, value in given.items()})


def single(tree: Tree) -> Tree:
    """Keras 2 takes a list of one tensor for the tensor, and writes both alike."""
    alone = isinstance(tree, tuple) and len(tree) == 1 and isinstance(tree[0], Ref)  # pyright: ignore
    return tree[0] if alone else tree  # pyright: ignore[reportUnknownVariableType]


def as_layer_call(kind: str, first: Tree, rest: FrozenDict, name: str = "inputs") -> FrozenDict:
    """The arguments of a layer's call, by the names that Keras 3 has for them; ``name`` is that of other layers."""
    known = entry(kind)
    name = next(iter(known.call), name) if known else name
    if kind in LISTED and isinstance(first, Ref):
        first = (first,)
    arguments = {name: first, **rest}
    if kind in RECURRENT and isinstance(first, tuple) and first:
        entered: list[Any] = list(first)  # pyright: ignore[reportUnknownArgumentType]
        inputs, *states = entered
        initial: Tree = states[0] if len(states) == 1 else tuple(states)
        arguments = {name: inputs, **({"initial_state": initial} if states else {}), **rest}
    return _in_order(kind, arguments)


def _in_order(kind: str, arguments: dict[str, Tree]) -> FrozenDict:
    """Arguments in signature order, without those that have their default value."""
    known = entry(kind)
    defaults: Mapping[str, Any] = known.call if known else {}
    order = (*(key for key in defaults if key in arguments), *(key for key in arguments if key not in defaults))
    return FrozenDict({key: arguments[key] for key in order if not _is_default(key, arguments[key], defaults)})


def _is_default(key: str, value: Tree, defaults: Any) -> bool:
    default = defaults.get(key, REQUIRED)
    if type(default) is type(value) and default == value:
        return True
    return (key == "training" or key.endswith("mask")) and all(leaf is None for leaf in leaves(value))


def _translated(known: Operation, first: Tree, rest: FrozenDict) -> dict[str, Tree] | None:
    """Arguments under Keras 3's names; None where the call does what the operation of Keras 3 cannot do."""
    given = {known.first: first, **rest}
    if any(value for key, value in given.items() if key not in (*known.names, "name", "optimize")):
        return None
    found = {known.names[key]: value for key, value in given.items() if key in known.names}
    special = SPECIAL.get(known.kind)
    if known.kind in TUPLED and type(found.get("axis")) is int:
        found["axis"] = (found["axis"],)
    found = {key: _parameter(known.kind, key, value) for key, value in found.items()}
    return found if special is None else special(found)


def _parameter(kind: str, key: str, value: Tree) -> Tree:
    """An argument that is a tensor, an array or a number as an operand; any other as plain data."""
    if key in ("x1", "x2", "condition"):
        return as_operand(value)
    if kind in ("ops.concatenate", "ops.stack") and key in ("x", "xs") and isinstance(value, tuple):
        return tuple(as_operand(item) for item in value)  # pyright: ignore[reportUnknownVariableType]
    return map_leaves(_written_out, value)


def _written_out(leaf: object) -> Tree:
    """JSON does not tell a small array from a list."""
    return leaf.values if isinstance(leaf, Constant) and leaf.values is not None else leaf


def as_operand(value: Tree) -> Tree:
    """A scalar or an array beside a tensor, alike whether it was read from a live model or from JSON.

    JSON says neither dtype nor whether a number was a tensor. TensorFlow gives what stands beside a tensor that
    tensor's dtype; float32 is what nearly all have.
    """
    if type(value) is float:
        return shortest(value)
    if isinstance(value, Constant) and value.shape == () and value.values is not None:
        return as_operand(value.values)
    if isinstance(value, tuple) and value and not any(isinstance(leaf, Ref) for leaf in leaves(value)):
        return constant(value)
    return value  # pyright: ignore[reportUnknownVariableType]


def constant(value: Tree, dtype: str | None = None) -> Tree:
    """An array written as nested tuples, as a Constant; the tuples themselves where they are no array."""
    shape: list[int] = []
    level: list[Any] = [value]
    while level and all(isinstance(item, tuple) for item in level):
        sizes = {len(item) for item in level}
        if len(sizes) != 1:
            return value
        shape.append(sizes.pop())
        level = list(itertools.chain.from_iterable(level))
    types = {type(item) for item in level}  # pyright: ignore[reportUnknownVariableType]
    if not shape or not types <= {bool, int, float} or (bool in types and len(types) > 1):  # pyright: ignore
        return value
    dtype = dtype or ("bool" if bool in types else "float32" if float in types else "int32")
    try:
        data = struct.pack(f"<{len(level)}{FORMATS[dtype]}", *level)
    except (struct.error, OverflowError, KeyError):
        return value
    digest = hashlib.sha256(f"{dtype}{tuple(shape)}".encode() + data).hexdigest()[:16]
    return Constant(dtype, tuple(shape), digest, value if len(level) <= KEPT_VALUES else None)


def _get_item(found: dict[str, Tree]) -> dict[str, Tree]:
    return {**found, "key": _subscript(found.get("key"))}


def _subscript(key: Tree) -> Tree:
    """A subscript in which Keras 2 wrote slices as dicts."""
    if isinstance(key, tuple):
        return tuple(_subscript(part) for part in key)  # pyright: ignore[reportUnknownVariableType]
    if isinstance(key, FrozenDict) and key.keys() <= {"start", "stop", "step"}:
        return Slice(key.get("start"), key.get("stop"), key.get("step"))
    if isinstance(key, Object) and key.kind == "slice":
        return Slice(*(key.config.get(part) for part in ("start", "stop", "step")))
    return key


def _split(found: dict[str, Tree]) -> dict[str, Tree] | None:
    """TensorFlow takes sizes where Keras 3 takes the indices of the cuts; -1 for the last stands for the rest."""
    sizes = found.get("indices_or_sections")
    if not isinstance(sizes, tuple):
        return found if type(sizes) is int else None
    first, last = sizes[:-1], sizes[-1:]  # pyright: ignore[reportUnknownVariableType]
    known = (*first, *(() if last == (-1,) else last))  # pyright: ignore[reportUnknownVariableType]
    if not all(type(size) is int and size >= 0 for size in known):  # pyright: ignore
        return None
    return {**found, "indices_or_sections": tuple(itertools.accumulate(first))}  # pyright: ignore


def _take(found: dict[str, Tree]) -> dict[str, Tree]:
    """TensorFlow gathers along the first axis where none is given; Keras 3 from the flattened tensor."""
    return {**found, "axis": found.get("axis") or 0}


def _arg(found: dict[str, Tree]) -> dict[str, Tree] | None:
    """Where an extreme is: Keras 3 counts in int32, along all axes where none is given."""
    if found.get("output_type") != "int32":
        return None
    return {"x": found["x"], "axis": found.get("axis") or 0}


def _gelu(found: dict[str, Tree]) -> dict[str, Tree]:
    return {**found, "approximate": bool(found.get("approximate", False))}


def _silu(found: dict[str, Tree]) -> dict[str, Tree] | None:
    return {"x": found["x"]} if found.get("beta", 1.0) == 1.0 else None


def _last_axis(found: dict[str, Tree]) -> dict[str, Tree]:
    return {**found, "axis": -1 if found.get("axis") is None else found["axis"]}


def _resize(found: dict[str, Tree]) -> dict[str, Tree]:
    """Keras 3 writes down the order of the channels, which TensorFlow always takes to be the last axis."""
    return {**found, "data_format": "channels_last"}


def _pad(found: dict[str, Tree]) -> dict[str, Tree]:
    rest = {key: value for key, value in found.items() if key != "constant_values" or value != 0}
    return {**rest, "mode": str(found.get("mode", "constant")).lower()}


def _squeeze(found: dict[str, Tree]) -> dict[str, Tree]:
    return {**found, "axis": None if found.get("axis") == () else found.get("axis")}


SPECIAL: dict[str, Callable[[dict[str, Tree]], dict[str, Tree] | None]] = {
    "ops.argmax": _arg,
    "ops.argmin": _arg,
    "ops.gelu": _gelu,
    "ops.get_item": _get_item,
    "ops.image.resize": _resize,
    "ops.log_softmax": _last_axis,
    "ops.pad": _pad,
    "ops.silu": _silu,
    "ops.softmax": _last_axis,
    "ops.split": _split,
    "ops.squeeze": _squeeze,
    "ops.take": _take,
}
"""Operations whose arguments differ in more than their names."""

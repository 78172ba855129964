"""The arguments of a live call: bound to the names of its parameters, and frozen into plain data."""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kgraph.frontends.arguments import Signature, bound_arguments
from kgraph.frontends.serialized import PLAIN, freeze
from kgraph.graph import Constant, FrozenDict, Object, Slice, Tree
from kgraph.ops.catalog import entry

KEPT_VALUES = 64
"""Arrays of at most so many elements keep their values; larger ones keep their digest alone."""

KERAS_TENSOR = "keras.src.backend.common.keras_tensor.KerasTensor"
KERAS_TENSORS = frozenset((
    KERAS_TENSOR, "tf_keras.src.engine.keras_tensor.KerasTensor", "keras.src.engine.keras_tensor.KerasTensor",
    "keras.engine.keras_tensor.KerasTensor",
))  # fmt: skip
"""Symbolic tensors of Keras 3 and of Keras 2."""

TENSOR_SHAPE = "tensorflow.python.framework.tensor_shape.TensorShape"
LAYER = "keras.src.layers.layer.Layer"

Write = Callable[[Any], Tree]
"""What is written in place of a symbolic tensor."""


@functools.cache
def ancestry(mro: tuple[type, ...]) -> frozenset[str]:
    """Full names of a class and its bases. By the whole order of bases, as Keras exchanges those of some classes."""
    return frozenset(f"{base.__module__}.{base.__qualname__}" for base in mro)


def is_layer(operation: object) -> bool:
    """True for Keras layers, which have weights and a config; other operations have neither."""
    return LAYER in ancestry(type(operation).__mro__)


def unknown_tensor(tensor: Any) -> Object:
    """A symbolic tensor that is no operand of the call that holds it."""
    dtype = str(getattr(tensor.dtype, "name", tensor.dtype))
    return Object("KerasTensor", FrozenDict(shape=freeze_tree(tensor.shape), dtype=dtype))


def freeze_tree(value: Any, write: Write = unknown_tensor) -> Tree:
    """A live value as a frozen tree.

    Symbolic tensors become what ``write`` says, arrays become Constants, all else is written as in a config.
    """
    role = _role(type(value))  # pyright: ignore[reportUnknownArgumentType]
    if role == "tensor":
        return write(value)
    if role == "plain":
        return freeze(value)
    if role == "sequence":
        return tuple([freeze_tree(item, write) for item in value])
    if role == "slice":
        return Slice(*(freeze_tree(static(part), write) for part in (value.start, value.stop, value.step)))
    if isinstance(value, Mapping):
        return FrozenDict({key: freeze_tree(item, write) for key, item in _items(value)})  # pyright: ignore
    if isinstance(value, (list, tuple)):  # a proxy, such as those that TensorFlow puts around attributes
        return tuple([freeze_tree(item, write) for item in value])  # pyright: ignore[reportUnknownVariableType]
    if hasattr(value, "shape") and hasattr(value, "dtype") and not isinstance(value, type):
        return _constant(value)
    return freeze(value)


def static(value: Any) -> Any:
    """A parameter, or a bound of a slice, with numpy's scalars and small index arrays as plain numbers.

    An operand that is such a scalar is another matter: its dtype counts.
    """
    if isinstance(value, (list, tuple)):
        return tuple([static(item) for item in value])  # pyright: ignore[reportUnknownVariableType]
    kind, size = getattr(getattr(value, "dtype", None), "kind", None), getattr(value, "size", None)
    if not isinstance(size, int) or size > KEPT_VALUES or (kind != "i" and getattr(value, "ndim", None) != 0):
        return value
    return value.tolist()


def tensors(tree: Any) -> list[Any]:
    """The symbolic tensors of a live tree, in the order in which Keras flattens it."""
    found: list[Any] = []
    freeze_tree(tree, found.append)
    return found


@functools.cache
def _role(cls: Any) -> str:
    bases = ancestry(cls.__mro__)
    if bases & KERAS_TENSORS:
        return "tensor"
    if cls in PLAIN:
        return "plain"
    if issubclass(cls, (list, tuple, deque)) or TENSOR_SHAPE in bases:
        return "sequence"
    return "slice" if cls is slice else "other"


def _items(mapping: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    """The entries in the order in which Keras (by ``optree``) flattens them."""
    keys = list(mapping)
    if not isinstance(mapping, OrderedDict):
        try:
            keys.sort()
        except TypeError:
            keys.sort(key=lambda key: (type(key).__module__, type(key).__qualname__, str(key)))
    return ((str(key), mapping[key]) for key in keys)


def _constant(array: Any) -> Tree:
    import numpy as np

    try:
        plain = np.asarray(array.numpy() if hasattr(array, "numpy") else array)
        dtype = str(getattr(array.dtype, "name", array.dtype))
    except Exception:  # a tensor that cannot be read now: symbolic in a tf.function, or deleted
        return freeze(array)
    if plain.dtype.kind in "OSU":
        if not all(isinstance(item, (str, bytes)) for item in plain.ravel()):
            return freeze(array)  # sparse, ragged, or of no dtype that Keras has
        dtype = "string"
    data = repr(plain.tolist()).encode() if plain.dtype.hasobject else np.ascontiguousarray(plain).tobytes()
    digest = hashlib.sha256(f"{dtype}{plain.shape}".encode() + data).hexdigest()[:16]
    values = freeze(plain.tolist()) if plain.size <= KEPT_VALUES else None
    return Constant(dtype, tuple(plain.shape), digest, values)


def only_tensor(node: Any, kind: str) -> tuple[str, Any] | None:
    """Parameter and tensor of a layer's call on one tensor and nothing else, as nearly every call is; else None."""
    args, kwargs = node.arguments.args, node.arguments.kwargs
    if kwargs or len(args) != 1 or _role(type(args[0])) != "tensor" or not is_layer(node.operation):  # pyright: ignore
        return None
    names = _signature(type(node.operation), kind)[0].names  # pyright: ignore[reportUnknownArgumentType]
    return (names[0], args[0]) if names else None


def call_arguments(node: Any, kind: str, write: Write) -> FrozenDict:
    """The call's arguments by parameter name, in signature order, without those that have their default value."""
    operation: object = node.operation
    signature, made = _signature(type(operation), kind)
    arguments = node.arguments
    own = _attributes(operation, made) if made else {}
    return bound_arguments(signature, arguments.args, arguments.kwargs, own, lambda value: freeze_tree(value, write))


@functools.cache
def _signature(cls: Any, kind: str) -> tuple[Signature, tuple[str, ...]]:
    """What is known of the calls of a class; and what the class itself takes, for operations: their public function
    takes both."""
    parameters = _parameters(getattr(cls, "call", None))
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = tuple(parameter.name for parameter in parameters if parameter.kind in plain)
    starred = next((p.name for p in parameters if p.kind is inspect.Parameter.VAR_POSITIONAL), None)
    made = () if LAYER in ancestry(cls.__mro__) else tuple(
        p.name for p in _parameters(cls.__init__)
        if p.kind in (*plain, inspect.Parameter.KEYWORD_ONLY) and p.name != "name"
    )  # fmt: skip
    known = entry(kind)
    order = tuple(known.call) if known else tuple(p.name for p in parameters)
    return Signature(names, starred, order, known.call if known else {}), made


def _parameters(method: Any) -> list[inspect.Parameter]:
    """Those of a method but for ``self``; none where Python cannot tell."""
    try:
        return list(inspect.signature(method).parameters.values())[1:]
    except (TypeError, ValueError):
        return []


def _attributes(operation: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """What an operation was made with: arguments of the public function that Keras keeps on the operation."""
    found: dict[str, Any] = {}
    for name in names:
        for attribute in (name, f"_{name}"):
            if hasattr(operation, attribute):
                found[name] = static(getattr(operation, attribute))
                break
    return found

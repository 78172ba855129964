"""What a live layer is: its kind, config and weights, as plain data. A Lambda's function is read, never called."""

from __future__ import annotations

import functools
import re
import types
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kgraph.frontends.lambdas import Memo, read_function
from kgraph.frontends.live_arguments import freeze_tree
from kgraph.frontends.serialized import PLAIN, freeze_config
from kgraph.frontends.trials import try_selection
from kgraph.graph import FrozenDict, Object, Tree, Weight
from kgraph.ops import complete
from kgraph.ops.catalog import REQUIRED, entry, kind_of

BY_ATTRIBUTE = frozenset((
    "layers.Add", "layers.BatchNormalization", "layers.Concatenate", "layers.Conv1D", "layers.Conv2D", "layers.Conv3D",
    "layers.ReLU",
))  # fmt: skip
"""Kinds whose config is read from attributes of the same names: ``get_config`` takes a fiftieth of ``summary()``."""

POLICIES = ("DTypePolicy", "FloatDTypePolicy", "Policy")


def class_kind(value: object) -> str:
    """The kind of a live object's class."""
    return _class_kind(type(value))


@functools.cache
def _class_kind(cls: type) -> str:
    kind = kind_of(cls.__module__, cls.__qualname__)
    exported = vars(cls).get("_api_export_path")
    if not kind.startswith("custom.keras.src.") or exported is None:
        return kind
    return (exported if isinstance(exported, str) else exported[0]).removeprefix("keras.")


def layer_config(layer: Any, kind: str) -> FrozenDict:
    """The config of any layer but a Lambda."""
    found = by_attribute(layer, kind) if kind in BY_ATTRIBUTE else None
    if found is None:
        return complete(kind, by_get_config(layer, kind))
    return _shared(kind, tuple(found.items()), tuple(map(type, found.values())))


@functools.lru_cache(maxsize=4096)
def _shared(kind: str, items: tuple[tuple[str, Tree], ...], _: tuple[type, ...]) -> FrozenDict:
    """One config for all layers that are configured alike, such as the branches of a block."""
    return complete(kind, FrozenDict(items))


def by_get_config(layer: Any, kind: str) -> FrozenDict:
    """What ``get_config`` says; where it raises, as it does when the model is saved, what the attributes say."""
    try:
        return freeze_config(layer.get_config())
    except Exception as error:  # a custom layer's own code
        if entry(kind) is not None:
            return FrozenDict({
                key: freeze_tree(getattr(layer, key)) if value is NotImplemented else value
                for key, value in _attributes(layer, kind).items()
            })  # fmt: skip
        said = re.sub(" at 0x[0-9a-fA-F]+", "", " ".join(str(error).split()))
        return FrozenDict(unreadable=f"{type(error).__name__}: {said[:200]}")


def by_attribute(layer: Any, kind: str) -> FrozenDict | None:
    """The same from attributes; None where one of them holds something that Keras serializes in a way of its own."""
    if getattr(layer, "lora_rank", None):
        return None
    found = _attributes(layer, kind)
    return None if any(value is NotImplemented for value in found.values()) else FrozenDict(found)


def _attributes(layer: Any, kind: str) -> dict[str, Tree]:
    """The config entries that have an attribute; NotImplemented in place of what Keras serializes in its own way."""
    found: dict[str, Tree] = {}
    for key in _keys(kind):
        value = _policy(layer) if key == "dtype" else getattr(layer, key, REQUIRED)
        if type(value) in PLAIN or key == "dtype":
            found[key] = value
        elif value is not REQUIRED:
            found[key] = _as_configured(value)
    return found


@functools.cache
def _keys(kind: str) -> tuple[str, ...]:
    known = entry(kind)
    return tuple(known.config) if known else ()


def _as_configured(value: Any) -> Tree:
    """A size, or an activation, initializer, regularizer or constraint of Keras' own."""
    if type(value) is tuple:
        return value if all(type(item) is int for item in value) else NotImplemented  # pyright: ignore
    if type(value) is types.FunctionType:
        name = _activation(value.__module__, value.__qualname__)
        return NotImplemented if name is None else name
    kind = class_kind(value)
    if not kind.startswith(("initializers.", "regularizers.", "constraints.")):
        return NotImplemented
    return _object(kind, value.get_config())


def _object(kind: str, config: dict[str, Any]) -> Tree:
    types = tuple(map(type, config.values()))
    if not PLAIN.issuperset(types):
        return NotImplemented
    return _shared_object(kind, tuple(config.items()), types)


@functools.lru_cache(maxsize=1024)
def _shared_object(kind: str, items: tuple[tuple[str, Any], ...], _: tuple[type, ...]) -> Object:
    return Object(kind, complete(kind, freeze_config(dict(items))))


@functools.cache
def _activation(module: str | None, name: str) -> str | None:
    kind = kind_of(module, name)
    return kind.removeprefix("activations.") if kind.startswith("activations.") else None


def lambda_config(
    layer: Any, tensors: list[Any], cell_number: Callable[[object], int], memo: Memo, *, run: bool
) -> FrozenDict:
    """The config of a Lambda layer that is called on some tensors.

    ``run`` allows to call its function where its bytecode does not tell enough.
    """
    function = read_function(layer.function, layer.arguments, cell_number, memo)
    if run and function.selection is None and len(tensors) == 1:
        selection = try_selection(layer.function, layer.arguments, tuple(tensors[0].shape))
        if selection is not None:
            function = replace(function, selection=selection, known="tested")
    arguments = freeze_tree(layer.arguments) if function.selection is None else FrozenDict()  # else it holds them
    config: dict[str, Tree] = {"function": function, "arguments": arguments}
    for key, value in (("output_shape", layer._output_shape), ("mask", layer.mask)):
        config[key] = read_function(value, {}, cell_number) if callable(value) else freeze_tree(value)
    return complete("layers.Lambda", FrozenDict({**config, "trainable": layer.trainable, "dtype": _policy(layer)}))


def _policy(layer: Any) -> Tree:
    policy = layer.dtype_policy
    if type(policy).__name__ in POLICIES:
        return policy.name
    return Object(class_kind(policy), freeze_config(policy.get_config()))


def weights(layer: Any) -> tuple[Weight, ...] | None:
    """The layer's variables; None where it has not made them yet."""
    if not getattr(layer, "built", True):
        return None
    return tuple([_weight(variable) for variable in layer.weights])


def _weight(variable: Any) -> Weight:
    shape: Any = getattr(variable, "_shape", None) or tuple(variable.shape)  # TensorFlow makes the latter anew
    return Weight(variable.name, shape, str(variable.dtype), bool(variable.trainable))

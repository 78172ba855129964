"""Configs and weights of Keras 2 (tf_keras) layers, as Keras 3 has them: the same for a live layer and for JSON."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from typing import Any

from kgraph.frontends.keras2_kinds import MODELS, is_own, layer_kind
from kgraph.frontends.serialized import freeze, freeze_config
from kgraph.frontends.written import function
from kgraph.graph import FrozenDict, Tree
from kgraph.ops import complete
from kgraph.ops.catalog import canonical, entry, kind_of

Config = dict[str, Any]

DROPPED = frozenset((
    "name", "batch_input_shape", "implementation", "time_major", "rng_type", "query_shape", "key_shape", "value_shape",
    "softmax_robust_masking", "fused", "virtual_batch_size", "adjustment", "input_length", "shared_object_id",
))  # fmt: skip
"""Entries that Keras 3 does not have, and that say nothing of what a layer computes, or are None and False there."""

INNER = ("layer", "layers", "backward_layer", "cell", "cells")
"""Entries that hold layers."""

ROLES = ("initializer", "regularizer", "constraint")

BY_DEFAULT = {"groups": 1, "activity_regularizer": None, "noise_shape": None, "renorm": False, "sparse": False}
"""Entries that Keras 3 has for some kinds only, at the value that changes nothing."""

SNAKE = re.compile(r"(?:^|_)([a-z0-9])")


def layer_config(kind: str, config: Mapping[str, Any]) -> FrozenDict:
    """The config of a layer of a kind, as the same layer of Keras 3 has it.

    Args:
        kind: the layer's kind.
        config: what ``get_config`` of Keras 2 returns, or what was written of it.
    """
    return complete(kind, freeze_config(_modern(kind, config)))


def input_config(config: Mapping[str, Any]) -> FrozenDict:
    """The config of an InputLayer."""
    found = {key: value for key, value in config.items() if key not in DROPPED}
    shape = config.get("batch_input_shape", config.get("batch_shape"))
    return complete("layers.InputLayer", freeze_config({**found, "batch_shape": shape}))


def lambda_config(kind: str, config: Mapping[str, Any]) -> FrozenDict:
    """The config of a Lambda layer as it is written down: its code is neither unmarshalled nor run."""
    found: dict[str, Tree] = {"arguments": freeze(config.get("arguments") or {})}
    for key in ("function", "output_shape", "mask"):
        value, how = config.get(key), config.get(f"{key}_type")
        is_function = key == "function" or how in ("lambda", "function")
        found[key] = function(value, key, config.get("module")) if is_function else freeze(value)
    found.update({key: freeze(config[key]) for key in ("trainable", "dtype") if key in config})
    return complete(kind, FrozenDict(found))


def shortest(number: float) -> float:
    """0.1 for 0.10000000149011612: what was written, if it went through a tensor of dtype float32."""
    if _through_float32(number) != number:
        return number
    shorts = (float(f"{number:.{digits}g}") for digits in range(1, 10))  # nine digits tell every float32
    return next(short for short in shorts if _through_float32(short) == number)


def _through_float32(number: float) -> float:
    return struct.unpack("f", struct.pack("f", number))[0]


def _modern(kind: str, config: Mapping[str, Any]) -> Config:
    """A Keras 2 config with the entries of Keras 3."""
    known = entry(kind)
    found = {str(key): _modern_value(str(key), value) for key, value in config.items() if key not in DROPPED}
    if known is None:
        return found
    for key, value in BY_DEFAULT.items():
        if key in found and key not in known.config and found[key] == value:
            del found[key]
    special = SPECIAL.get(kind.removeprefix("layers."))
    return found if special is None else special(found)


def _modern_value(key: str, value: Any) -> Any:
    """Serialized objects with the module that they are of, and the config that Keras 3 has for them."""
    if isinstance(value, (list, tuple)):
        return [_modern_value(key, item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, str) and key.endswith(ROLES):
        return _named(key, value)
    if isinstance(value, str) and key.endswith("activation"):
        return canonical(f"activations.{value}").removeprefix("activations.")
    if not isinstance(value, (Mapping, slice)):
        plain = freeze(value)
        return shortest(plain) if isinstance(plain, float) else plain
    if not isinstance(value, Mapping) or not isinstance(value.get("class_name"), str):
        return value  # pyright: ignore[reportUnknownVariableType]
    return _object(key, value)  # pyright: ignore[reportUnknownArgumentType]


def _object(key: str, value: Mapping[str, Any]) -> Any:
    name, config, module = value["class_name"], value.get("config"), value.get("module")
    if not isinstance(config, Mapping) or (name.startswith("__") and name.endswith("__")):
        return value
    role = next((role for role in ROLES if key.endswith(role)), None)
    if role is not None:
        family = module if isinstance(module, str) else f"keras.{role}s"
        inner = {k: _modern_value(str(k), v) for k, v in config.items() if k != "dtype"}  # pyright: ignore
        return {"module": family, "class_name": name, "config": inner}  # pyright: ignore[reportUnknownVariableType]
    if key not in INNER:
        return value
    module = module if isinstance(module, str) else None
    if name in MODELS and is_own(module):
        return {"module": "keras", "class_name": name, "config": _model(MODELS[name], config)}  # pyright: ignore
    kind = layer_kind(module, name)
    if kind == "layers.InputLayer":
        shape = config.get("batch_input_shape", config.get("batch_shape"))  # pyright: ignore
        return {"module": "keras.layers", "class_name": name, "config": {**_modern(kind, config), "batch_shape": shape}}  # pyright: ignore
    prefix, _, last = kind.rpartition(".")
    family = f"keras.{prefix}" if not kind.startswith("custom.") else prefix.removeprefix("custom.")
    return {"module": family, "class_name": last, "config": _modern(kind, config)}  # pyright: ignore


def _model(kind: str, config: Mapping[str, Any]) -> Config:
    """The config of a model inside a wrapper."""
    found = {"trainable": True, "dtype": "float32", **_modern(kind, config)}
    layers = found.get("layers")
    rows: list[Any] = layers if kind == "models.Sequential" and isinstance(layers, list) else []  # pyright: ignore
    first = next(iter(rows), None)
    start = first.get("config") if isinstance(first, Mapping) else None  # pyright: ignore
    if isinstance(start, Mapping) and "batch_shape" in start:
        found["build_input_shape"] = start["batch_shape"]
    return found


def _named(key: str, name: str) -> Any:
    """``glorot_uniform``: how old files and users write ``GlorotUniform``."""
    role = next(role for role in ROLES if key.endswith(role))
    camel = SNAKE.sub(lambda match: match[1].upper(), name)
    kind = kind_of(f"keras.{role}s", camel)
    return name if entry(kind) is None else {"module": f"keras.{role}s", "class_name": camel, "config": {}}


def _batch_normalization(config: Config) -> Config:
    """Keras 2 keeps one axis as a list of one, counted from the front (see ``keras2_implied.last_axis``)."""
    axis = config.get("axis")
    return {**config, "axis": axis[0]} if isinstance(axis, list) and len(axis) == 1 else config  # pyright: ignore


def _bidirectional(config: Config) -> Config:
    """Keras 3 writes down the second layer too, where it is the first one turned round."""
    layer = config.get("layer")
    if "backward_layer" in config or not isinstance(layer, Mapping):
        return config
    inner: Mapping[str, Any] = layer.get("config", {})  # pyright: ignore
    turned = {**inner, "go_backwards": not inner.get("go_backwards", False)}
    return {**config, "backward_layer": {**layer, "config": turned}}


def _leaky_relu(config: Config) -> Config:
    return {("negative_slope" if key == "alpha" else key): value for key, value in config.items()}


def _separable(config: Config) -> Config:
    """They inherit entries for a kernel that they do not have."""
    return {key: value for key, value in config.items() if not key.startswith("kernel_") or key == "kernel_size"}


def _lookup(config: Config) -> Config:
    """The dtype of what a lookup gives is told by its output mode in Keras 3."""
    return {key: value for key, value in config.items() if key != "dtype"}


def _spread(config: Config, low: Callable[[float], float]) -> Config:
    factor = config.get("factor")
    return {**config, "factor": [low(factor), factor]} if isinstance(factor, (int, float)) else config


SPECIAL: dict[str, Callable[[Config], Config]] = {
    "BatchNormalization": _batch_normalization,
    "Bidirectional": _bidirectional,
    "Discretization": _lookup,
    "Hashing": _lookup,
    "IntegerLookup": _lookup,
    "LeakyReLU": _leaky_relu,
    "RandomContrast": lambda config: _spread(config, lambda _: 0),
    "RandomRotation": lambda config: _spread(config, lambda factor: -factor),
    "SeparableConv1D": _separable,
    "SeparableConv2D": _separable,
    "StringLookup": lambda config: {"oov_method": "floormod", **_lookup(config)},
    "TextVectorization": _lookup,
}
"""Kinds whose configs differ in more than entries that are dropped."""

RENAMED = {"depthwise_kernel": "kernel"}
"""Weights that Keras 3 calls otherwise, in the layers that have but one kernel."""


def weight_name(kind: str, name: str) -> str:
    """A variable's name (``conv/kernel:0``) as Keras 3 has it (``kernel``)."""
    last = name.rpartition("/")[2].partition(":")[0]
    return RENAMED.get(last, last) if kind.startswith("layers.DepthwiseConv") else last


def compute_dtype(config: Tree) -> str:
    """The dtype in which a layer of this config computes; empty where its policy is not a plain one."""
    policy = config.get("dtype") if isinstance(config, FrozenDict) else None
    return policy.removeprefix("mixed_") if isinstance(policy, str) else ""

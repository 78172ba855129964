"""Reads from the installed Keras what ``kgraph/ops/catalog.json`` holds; ``pytest --refresh`` writes it."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Iterator
from typing import Any

SAMPLES: dict[str, Any] = {
    "filters": 4,
    "kernel_size": 3,
    "pool_size": 2,
    "units": 4,
    "rate": 0.5,
    "stddev": 0.5,
    "input_dim": 8,
    "output_dim": 4,
    "target_shape": (4,),
    "dims": (1,),
    "n": 2,
    "num_heads": 2,
    "num_query_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 4,
    "key_dim": 4,
    "axes": 1,
    "activation": "relu",
    "equation": "ab,bc->ac",
    "output_shape": 4,
    "scale": 2.0,
    "output_size": 2,
    "height": 8,
    "width": 8,
    "factor": 0.5,
    "num_bins": 4,
    "bin_boundaries": [0.0, 1.0],
    "height_factor": 0.5,
    "width_factor": 0.5,
    "max_number": 4,
    "value_range": (0, 1),
    "size": 2,
    "num_tokens": 4,
    "sequence_length": 4,
    "fft_length": 8,
    "mode": "fft",
    "target_height": 8,
    "filepath": "x",
}

# Classes that want something of their own, or something that their signature does not ask for.
OWN_SAMPLES: dict[str, dict[str, Any]] = {
    "CategoryEncoding": {"num_tokens": 4},
    "Discretization": {"num_bins": 4},
    "RandomPosterization": {"factor": 4},
}

INPUT_CONFIG = [["batch_shape"], ["dtype", "float32"], ["sparse", False], ["ragged", False], ["optional", False]]

LAMBDA_CONFIG = [
    ["function"], ["output_shape", None], ["mask", None], ["arguments", {}], ["trainable", True], ["dtype", "float32"],
]  # fmt: skip

# Operation classes whose name is not that of the public function in CamelCase.
IRREGULAR = {
    "AllClose": "allclose",
    "BatchNorm": "batch_normalization",
    "CDist": "cdist",
    "IsIn": "isin",
    "LayerNorm": "layer_normalization",
    "RMSNorm": "rms_normalization",
    "SearchSorted": "searchsorted",
}


def catalog() -> dict[str, Any]:
    """Everything, as plain JSON data in a stable order."""
    import keras

    classes: dict[str, str] = {}
    kinds: dict[str, Any] = {}
    aliases: dict[str, str] = {}
    for name, cls in sorted(vars(keras.layers).items()):
        if inspect.isclass(cls) and hasattr(cls, "call"):
            kind = _canonical(cls, "keras.layers.", name)
            if kind != f"layers.{name}":
                aliases[f"layers.{name}"] = kind
                continue
            classes[_path(cls)] = kind
            kinds[kind] = {"call": _signature(cls.call), "config": _config(cls)}
    kinds["layers.InputLayer"]["config"] = INPUT_CONFIG
    kinds["layers.Lambda"]["config"] = LAMBDA_CONFIG
    for family in ("initializers", "regularizers", "constraints"):
        module = getattr(keras, family)
        for name, cls in sorted(vars(module).items()):
            if inspect.isclass(cls) and name[0].isupper():
                kind = _canonical(cls, f"keras.{family}.", name)
                if kind != f"{family}.{name}":
                    aliases[f"{family}.{name}"] = kind
                    continue
                classes[_path(cls)] = kind
                kinds[kind] = {"call": [], "config": _config(cls)}
    for name, function in sorted(vars(keras.activations).items()):
        if inspect.isfunction(function) and name not in {"get", "serialize", "deserialize"}:
            classes[f"{function.__module__}.{function.__qualname__}"] = f"activations.{function.__name__}"
            if name != function.__name__:
                aliases[f"activations.{name}"] = f"activations.{function.__name__}"
    for cls in sorted(_operations(), key=_path):
        found = _public_function(keras, cls)
        if found is None:
            continue
        kind, function = found
        classes[_path(cls)] = kind
        kinds[kind] = {"call": _signature(function)}
        if kind.startswith("ops.") and kind.count(".") == 1:
            names = [name for name, other in vars(keras.ops).items() if other is function and f"ops.{name}" != kind]
            aliases.update({f"ops.{name}": kind for name in names})
    return {
        "keras": keras.__version__,
        "classes": dict(sorted(classes.items())),
        "aliases": dict(sorted(aliases.items())),
        "kinds": dict(sorted(kinds.items())),
    }


def _path(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _canonical(cls: type, prefix: str, name: str) -> str:
    exported = vars(cls).get("_api_export_path", f"{prefix}{name}")
    paths = [exported] if isinstance(exported, str) else list(exported)
    return next(path for path in paths if path.startswith(prefix)).removeprefix("keras.")


def _operations() -> Iterator[type]:
    from keras.src.layers.layer import Layer
    from keras.src.ops.operation import Operation

    stack = [Operation]
    seen = {Operation}
    while stack:
        for cls in stack.pop().__subclasses__():
            if cls in seen or issubclass(cls, Layer):
                continue
            seen.add(cls)
            stack.append(cls)
            if cls.__module__.startswith("keras.src.") and not cls.__module__.endswith("_test"):
                yield cls


def _public_function(keras: Any, cls: type) -> tuple[str, Any] | None:
    name = IRREGULAR.get(cls.__name__) or _snake(cls.__name__)
    spellings = dict.fromkeys((name, name.replace("_", ""), cls.__name__.lower()))
    where = [("ops", keras.ops), ("ops.image", keras.ops.image), ("activations", keras.activations)]
    if cls.__module__.startswith("keras.src.activations"):
        where.reverse()
    for prefix, module in where:
        for spelling in spellings:
            function = vars(module).get(spelling)
            if inspect.isfunction(function):
                return f"{prefix}.{spelling}", function
    return None


def _snake(name: str) -> str:
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name).lower()


def _signature(function: Any) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == "self" or parameter.kind is parameter.VAR_KEYWORD:
            continue
        if parameter.kind is parameter.VAR_POSITIONAL:
            rows.append([f"*{parameter.name}"])
        elif parameter.default is parameter.empty or not _json(parameter.default):
            rows.append([parameter.name])
        else:
            rows.append([parameter.name, _plain(parameter.default)])
    return rows


def _config(cls: Any) -> list[list[Any]]:
    """The config keys in the order of ``__init__``, with the value they have where nobody gives one."""
    import keras

    from kgraph.frontends.serialized import freeze

    parameters = dict(inspect.signature(cls.__init__).parameters)
    required = [
        p.name for p in parameters.values()
        if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD and p.name != "self"
    ]  # fmt: skip
    config: dict[str, Any] = {}
    own = OWN_SAMPLES.get(cls.__name__, {})
    inner = keras.layers.LSTM(4) if cls is keras.layers.Bidirectional else keras.layers.Dense(4)
    cell = keras.layers.SimpleRNNCell(4)
    samples = {**SAMPLES, "layer": inner, "cell": cell, "cells": [cell], "backbone": None, **own}
    if all(samples.get(name) is not None for name in required):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                config = cls(**own, **{name: samples[name] for name in required if name not in own}).get_config()
            except Exception:  # a layer that this backend cannot make has no known defaults
                config = {}
    keys = [key for key in parameters if key in config or key in required] + list(config)
    if issubclass(cls, keras.layers.Layer) and cls is not keras.layers.InputLayer:
        keys += ["trainable", "dtype"]
    rows: list[list[Any]] = []
    for key in dict.fromkeys(keys):
        if key == "name":
            continue
        default = parameters[key].default if key in parameters else None
        environment = {"dtype": "float32", "data_format": "channels_last", "trainable": True}
        if key == "activation" and config.get(key) == "linear":
            environment["activation"] = "linear"
        if key in environment:
            rows.append([key, environment[key]])
        elif key not in parameters and isinstance(config.get(key), bool):
            rows.append([key, config[key]])  # taken from **kwargs
        elif key in required or key in own or key not in config or (default is None and config[key] is not None):
            rows.append([key])  # no default, or one that depends on the other arguments
        else:
            rows.append([key, _plain(freeze(config[key]))])
    return rows


def _json(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str, list, tuple, dict))


def _plain(value: Any) -> Any:
    from kgraph.graph import Object

    if isinstance(value, Object):
        return {"object": value.kind, "config": _plain(value.config)}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value

"""From what Keras writes in a config to frozen plain data. Nothing is resolved, imported or called."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Mapping
from types import EllipsisType, NoneType
from typing import Any

from kgraph.graph import FrozenDict, Object, Slice, Tree
from kgraph.ops import complete
from kgraph.ops.catalog import entry, kind_of

IGNORED = ("name", "build_config", "compile_config", "registered_name", "shared_object_id")
"""Config entries that say nothing of what a layer computes."""

PLAIN = frozenset((NoneType, bool, int, float, complex, str, bytes, EllipsisType))
"""The types that a tree holds as they are; a subclass, such as numpy's float64, is not plain data."""

POLICIES = ("DTypePolicy", "FloatDTypePolicy", "Policy")

WRITTEN = ("__bytes__", "__numpy__", "__tensor__")
"""Class names that Keras writes for plain values which JSON has not."""

AS_PLAIN: dict[type, Callable[[Any], Any]] = {
    int: int.__int__,
    float: float.__float__,
    complex: complex.__complex__,
    str: str.__str__,
    bytes: bytes.__bytes__,
}
"""How the value of a subclass is read without running methods of its own."""


def freeze(value: Any) -> Tree:
    """A config value (a JSON value, or what ``get_config`` returns) as a frozen tree.

    Serialized Keras objects become Objects, dtype policies their name, lists and tuples become tuples.
    """
    if type(value) is float:
        return math.nan if math.isnan(value) else value
    if type(value) in PLAIN:
        return value
    if isinstance(value, (list, tuple)):
        return tuple([freeze(item) for item in value])  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, slice):
        return Slice(freeze(value.start), freeze(value.stop), freeze(value.step))  # pyright: ignore
    if isinstance(value, Mapping):
        return _freeze_mapping(value)  # pyright: ignore[reportUnknownArgumentType]
    return _freeze_other(value)


def freeze_config(config: Mapping[str, Any]) -> FrozenDict:
    """A whole config, without the entries that say nothing of what the layer computes."""
    return FrozenDict({str(key): freeze(item) for key, item in config.items() if key not in IGNORED})


def _freeze_mapping(value: Mapping[Any, Any]) -> Tree:
    name, config = value.get("class_name"), value.get("config")
    if name == "__tuple__" and "items" in value:
        return freeze(value["items"])
    if not isinstance(name, str) or "config" not in value:
        return FrozenDict({str(key): freeze(item) for key, item in value.items()})
    if name == "__ellipsis__":
        return ...
    if not isinstance(config, Mapping):
        return Object(kind_of(value.get("module"), name), FrozenDict(value=freeze(config)))
    if name in POLICIES:
        return freeze(config.get("name"))
    if name == "__slice__":
        return Slice(*(freeze(config.get(key)) for key in ("start", "stop", "step")))  # pyright: ignore
    if name in WRITTEN:
        return _freeze_written(name, config)  # pyright: ignore[reportUnknownArgumentType]
    kind = kind_of(value.get("module"), name)
    if kind == name and entry(f"layers.{name}") is not None:  # HDF5 files name no module
        kind = f"layers.{name}"
    return Object(kind, complete(kind, freeze_config(config)))  # pyright: ignore[reportUnknownArgumentType]


def _freeze_written(name: str, config: Mapping[str, Any]) -> Tree:
    """Bytes, and an array in the config of a layer, which counts by its values as where the config is a live one's."""
    value = config.get("value")
    return value.encode() if name == "__bytes__" and isinstance(value, str) else freeze(value)


def _freeze_other(value: Any) -> Tree:
    """Things that ``get_config`` of a live object may hold: numpy scalars and arrays, dtypes, functions, objects."""
    for cls, plain in AS_PLAIN.items():
        if isinstance(value, cls):
            return freeze(plain(value))
    kind = f"custom.{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, type):
        return Object("class", FrozenDict(value=f"{value.__module__}.{value.__qualname__}"))
    if isinstance(value, enum.Enum):
        return Object(kind, FrozenDict(value=value.name))
    if isinstance(value, (set, frozenset)):
        return Object(type(value).__name__, FrozenDict(value=tuple(sorted(map(freeze, value), key=repr))))  # pyright: ignore
    return _freeze_foreign(value, kind)


def _freeze_foreign(value: Any, kind: str) -> Tree:
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", None) == 0:
        return freeze(item())
    tolist = getattr(value, "tolist", None)
    if callable(tolist):
        return freeze(tolist())
    name = getattr(value, "__qualname__", None)
    if isinstance(name, str):
        return Object("function", FrozenDict(value=f"{getattr(value, '__module__', '')}.{name}"))
    dtype = getattr(value, "name", None)
    if isinstance(dtype, str) and "dtype" in type(value).__name__.lower():
        return dtype
    return Object(kind, FrozenDict())

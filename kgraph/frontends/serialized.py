"""From what Keras writes in a config to frozen plain data. Nothing is resolved, imported or called."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from kgraph.graph import FrozenDict, Object, Slice, Tree, is_plain
from kgraph.ops import complete
from kgraph.ops.catalog import kind_of

IGNORED = ("name", "build_config", "compile_config", "registered_name", "shared_object_id")
"""Config entries that say nothing of what a layer computes."""


def freeze(value: Any) -> Tree:
    """A config value (a JSON value, or what ``get_config`` returns) as a frozen tree.

    Serialized Keras objects become Objects, dtype policies their name, lists and tuples become tuples.
    """
    if isinstance(value, float):
        return math.nan if math.isnan(value) else value
    if is_plain(value):
        return value
    if isinstance(value, (list, tuple)):
        return tuple(freeze(item) for item in value)  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, slice):
        return Slice(freeze(value.start), freeze(value.stop), freeze(value.step))  # pyright: ignore
    if isinstance(value, Mapping):
        return _freeze_mapping(value)  # pyright: ignore[reportUnknownArgumentType]
    return _freeze_other(value)


def freeze_config(config: Mapping[str, Any]) -> FrozenDict:
    """A whole config, without the entries that say nothing of what the layer computes."""
    return FrozenDict({str(key): freeze(item) for key, item in config.items() if key not in IGNORED})


def _freeze_mapping(value: Mapping[Any, Any]) -> Tree:
    name = value.get("class_name")
    if not isinstance(name, str) or "config" not in value:
        return FrozenDict({str(key): freeze(item) for key, item in value.items()})
    config = value["config"]
    if name in ("DTypePolicy", "Policy") and isinstance(config, Mapping):
        return freeze(config.get("name"))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    if name == "__tuple__":
        return freeze(value.get("items", ()))
    if not isinstance(config, Mapping):
        return Object(kind_of(value.get("module"), name), FrozenDict(value=freeze(config)))
    kind = kind_of(value.get("module"), name)
    return Object(kind, complete(kind, freeze_config(config)))  # pyright: ignore[reportUnknownArgumentType]


def _freeze_other(value: Any) -> Tree:
    """Things that ``get_config`` of a live object may hold: numpy scalars and arrays, dtypes, functions, objects."""
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
    return Object(f"custom.{type(value).__module__}.{type(value).__qualname__}", FrozenDict())

"""What Keras' own classes and functions are called, take and default to: generated data, checked against Keras.

``catalog.json`` is written by ``pytest tests/ops/test_catalog.py --refresh`` from the installed Keras, so that
kgraph itself never needs to import it.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from kgraph.graph import FrozenDict, Object


class Required:
    """Stands for the default of a parameter that has none, or one that depends on other parameters."""


REQUIRED = Required()


@dataclass(frozen=True, slots=True)
class Entry:
    """Parameters of a kind by name, in order, with their defaults (REQUIRED where there is none)."""

    call: Mapping[str, Any]
    config: Mapping[str, Any]


@functools.cache
def entry(kind: str) -> Entry | None:
    """What is known of a kind; None for one that is not Keras' own."""
    raw = _load()["kinds"].get(kind)
    if raw is None:
        return None
    return Entry(call=_parameters(raw["call"]), config=_parameters(raw.get("config", [])))


def canonical(kind: str) -> str:
    """The kind that an alias (``layers.Convolution2D``) stands for."""
    return _load()["aliases"].get(kind, kind)


def kind_of(module: str | None, name: str) -> str:
    """The kind of a class by its module, private (``keras.src...``) or public (``keras.layers``), and its name."""
    path = f"{module}.{name}" if module else name
    known = _load()["classes"].get(path)
    if known is not None:
        return known
    public = path.removeprefix("keras.")
    if module == "keras" or (path.startswith("keras.") and not path.startswith("keras.src.")):
        return canonical(public)
    if module in (None, "builtins"):
        return name
    return f"custom.{path}"


def class_kinds() -> Mapping[str, str]:
    """Kind by the full path of the class or activation function that implements it in Keras 3."""
    return _load()["classes"]


def catalogued() -> tuple[str, ...]:
    """Every kind of Keras' own, in order."""
    return tuple(_load()["kinds"])


@functools.cache
def _load() -> dict[str, Any]:
    return json.loads(resources.files(__package__ or "kgraph.ops").joinpath("catalog.json").read_bytes())


def _parameters(rows: list[list[Any]]) -> Mapping[str, Any]:
    return FrozenDict({row[0]: _default(row[1]) if len(row) == 2 else REQUIRED for row in rows})


def _default(raw: Any) -> Any:
    if isinstance(raw, list):
        return tuple(_default(item) for item in raw)  # pyright: ignore[reportUnknownVariableType]
    if isinstance(raw, dict) and raw.keys() == {"object", "config"}:
        return Object(raw["object"], _default(raw["config"]))  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(raw, dict):
        return FrozenDict({key: _default(item) for key, item in raw.items()})  # pyright: ignore
    return raw

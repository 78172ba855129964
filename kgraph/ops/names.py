"""What Keras' own classes and functions are called, in Keras 3 and Keras 2: exact names, by what they are for.

``names.json`` is written by ``pytest tests/ops/test_names.py --refresh`` from the installed libraries, so that kgraph
itself never needs to import them.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

ROOTS = (
    "tensorflow.python.keras", "tensorflow.keras", "tf_keras.api._v2.keras", "keras.api._v2.keras", "keras.api",
    "tf_keras", "keras",
)  # fmt: skip
"""Packages that are Keras itself; longer ones first."""


@dataclass(frozen=True, slots=True)
class Names:
    """All names.

    Attributes:
        classes: name, family (``layers``, ``losses``, ...), and the paths at which it is found, as ``normal`` writes
            them.
        functions: likewise.
        strings: per family the names that a plain text may give.
        services: public paths of Keras that are neither: what reads and writes files, loads models, draws, ...
        symbols: functions of TensorFlow that compute tensors of tensors and nothing else.
        nodes: operations of TensorFlow graphs, likewise.
    """

    classes: Mapping[str, Mapping[str, frozenset[str]]]
    functions: Mapping[str, Mapping[str, frozenset[str]]]
    strings: Mapping[str, frozenset[str]]
    services: frozenset[str]
    symbols: frozenset[str]
    nodes: frozenset[str]


@functools.cache
def names() -> Names:
    """The names of the release that ``names.json`` was written from."""
    raw: Any = json.loads(resources.files(__package__ or "kgraph.ops").joinpath("names.json").read_bytes())
    return Names(
        classes=_by_name(raw["classes"]),
        functions=_by_name(raw["functions"]),
        strings={family: frozenset(rows) for family, rows in raw["strings"].items()},
        services=frozenset(raw["services"]),
        symbols=frozenset(raw["symbols"]),
        nodes=frozenset(raw["nodes"]),
    )


def normal(path: str) -> str | None:
    """A path without the package that is Keras, and without the ``src`` below it; None for one of another package.

    ``keras.src.layers.core.dense.Dense`` and ``tf_keras.src.layers.core.dense.Dense`` are both
    ``layers.core.dense.Dense``.
    """
    for root in ROOTS:
        if path == root:
            return ""
        if path.startswith(f"{root}."):
            return path[len(root) + 1 :].removeprefix("src.")
    return None


def _by_name(families: Mapping[str, Mapping[str, list[str]]]) -> Mapping[str, Mapping[str, frozenset[str]]]:
    found: dict[str, dict[str, frozenset[str]]] = {}
    for family, rows in families.items():
        for name, paths in rows.items():
            found.setdefault(name, {})[family] = frozenset(paths)
    return found

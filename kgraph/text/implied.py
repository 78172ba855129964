"""What a statement implies without saying it: asked alike by the reader and the writer."""

from __future__ import annotations

import difflib
import functools
import math
from collections.abc import Collection, Mapping
from types import NoneType
from typing import Any

from kgraph.graph import Constant, FrozenDict, Object, Slice, Spec, Tree, Weight
from kgraph.ops import Call, complete, infer_specs, infer_weights
from kgraph.ops.catalog import REQUIRED, canonical, entry
from kgraph.text.names import is_function

OBJECTS = ("_initializer", "_regularizer", "_constraint")
"""Config entries that take the name of an object in place of the object."""

NEEDED = ("filters", "kernel_size", "units", "function")
"""Config entries without which nothing can be made; others that have no default may depend on the rest."""

FAMILIES = (bool, int, float, complex, str, bytes)
"""A value of a subclass is written, and so compared, as one of these."""

INPUT_KEYWORDS = ("shape", "batch_size", "batch_shape", "name", "dtype", "sparse", "ragged", "optional")
"""What Input takes; the last four are the InputLayer's config."""

SIMPLE = frozenset((NoneType, bool, int, str))
"""Types of config values that are the same if type and value are equal."""

UNKNOWN = Spec(None, "float32")
"""What an output is taken to be where nothing more is known."""

MANY = 1_000_000
"""Tensors that a text may stand for without naming each, and parts of a split: no short text fills the memory."""


def same(left: Any, right: Any) -> bool:
    """Equal, and not just by ``1 == True == 1.0`` or ``0.0 == -0.0``; a nan is the same as another."""
    if left is right:
        return True
    if type(left) in SIMPLE and type(right) in SIMPLE:
        return left == right and isinstance(left, bool) == isinstance(right, bool)
    if isinstance(left, float) and isinstance(right, float):
        equal = left == right and math.copysign(1, left) == math.copysign(1, right)
        return equal or (math.isnan(left) and math.isnan(right))
    if isinstance(left, tuple) and isinstance(right, tuple):
        return len(left) == len(right) and all(map(same, left, right))  # pyright: ignore
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)  # pyright: ignore
    if isinstance(left, Object) and isinstance(right, Object):
        return left.kind == right.kind and same(left.config, right.config)
    if isinstance(left, Slice) and isinstance(right, Slice):
        return same((left.start, left.stop, left.step), (right.start, right.stop, right.step))
    if isinstance(left, Constant) and isinstance(right, Constant):
        return left.digest == right.digest and same(
            (left.dtype, left.shape, left.values), (right.dtype, right.shape, right.values)
        )
    if isinstance(left, complex) and isinstance(right, complex):
        return same((left.real, left.imag), (right.real, right.imag))
    for family in FAMILIES:
        if isinstance(left, family) or isinstance(right, family):
            return isinstance(left, family) and isinstance(right, family) and left == right
    return bool(left == right)


def positions(kind: str) -> tuple[str, ...]:
    """Names of the parameters that a call takes by position; for what is not Keras' own, the first is ``inputs``."""
    known = entry(kind)
    return tuple(known.call) if known else ("inputs",)


@functools.lru_cache(maxsize=1000)
def call_keywords(kind: str) -> tuple[str, ...]:
    """Names that a call of the kind may use; none are known of what is not Keras' own."""
    return (*(name for name in positions(kind) if not name.startswith("*")), "mask", "training") if entry(kind) else ()


def is_default(kind: str, key: str, value: Tree) -> bool:
    """True for an argument that a call leaves out: it says what is so without it."""
    if value is None and (key == "training" or key.endswith("mask")):
        return True
    known = entry(kind)
    return known is not None and same(known.call.get(key, REQUIRED), value)


def misspelt(key: str, names: Collection[str]) -> str | None:
    """The parameter that was meant by a name that is none; None where none is near: Keras may have new ones."""
    return None if key in names else nearest(key, tuple(names), 0.85)


@functools.lru_cache(maxsize=1000)
def nearest(word: str, words: tuple[str, ...], cutoff: float = 0.6) -> str | None:
    """The word that is spelled most alike, in capitals or not."""
    spelled = {name.lower(): name for name in words}
    found = difflib.get_close_matches(word[:100].lower(), spelled, n=1, cutoff=cutoff)
    return spelled[found[0]] if found else None


def parameters(kind: str) -> Mapping[str, Any]:
    """What a layer or an object of Keras' own is configured by, with the defaults."""
    known = entry(kind)
    return known.config if known else {}


@functools.cache
def keywords(kind: str) -> Mapping[str, Any]:
    """What a known kind can be made with, by name."""
    return {**parameters(kind), "name": None}


def lacking(kind: str, given: Mapping[str, Tree]) -> str | None:
    """A parameter without a default that is not given."""
    return next((key for key in NEEDED if key in parameters(kind) and key not in given), None)


def is_known(kind: str) -> bool:
    """True for kinds that can be written by their own name."""
    return entry(kind) is not None and canonical(kind) == kind


def implied_config(kind: str, given: Mapping[str, Tree]) -> FrozenDict:
    """The config of a layer or an object of Keras' own that is made with these arguments."""
    if SIMPLE.issuperset(map(type, given.values())):
        return _simple_config(kind, tuple([(key, isinstance(value, bool), value) for key, value in given.items()]))
    return _config(kind, given)


@functools.lru_cache(maxsize=256)
def _simple_config(kind: str, rows: tuple[tuple[str, bool, Tree], ...]) -> FrozenDict:
    """Most layers of a model are made alike: they share one config."""
    return _config(kind, {key: value for key, _, value in rows})


def _config(kind: str, given: Mapping[str, Tree]) -> FrozenDict:
    named = {key: _named(key, value) for key, value in given.items()}
    known = entry(kind)
    if known and "activation" in named and named["activation"] is None and known.config.get("activation") == "linear":
        named["activation"] = "linear"
    return complete(kind, FrozenDict(named))


def _named(key: str, value: Tree) -> Tree:
    """``kernel_initializer="he_normal"`` as the object that Keras makes of it."""
    if not isinstance(value, str) or not key.endswith(OBJECTS):
        return value
    name = value if value[:1].isupper() else "".join(part.capitalize() for part in value.split("_"))
    kind = canonical(f"{key.rpartition('_')[2]}s.{name}")
    return Object(kind, complete(kind, FrozenDict())) if entry(kind) else value


def implied_specs(call: Call) -> tuple[Spec, ...] | None:
    """The output specs that a statement implies; None where they cannot be told."""
    sections = call.arguments.get("indices_or_sections")
    return None if isinstance(sections, int) and sections > MANY else infer_specs(call)


def implied_weights(call: Call) -> tuple[Weight, ...] | None:
    """The weights that a statement implies; None where they cannot be told."""
    return () if is_function(call.kind) or call.kind == "layers.InputLayer" else infer_weights(call)

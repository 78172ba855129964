"""Configs as frozen plain data: of JSON, and of what ``get_config`` returns for live objects."""

from __future__ import annotations

import enum
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgraph.frontends.serialized import freeze, freeze_config
from kgraph.graph import FrozenDict, Object, Slice

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20
)


def thawed(tree: Any) -> Any:
    if isinstance(tree, tuple):
        return [thawed(item) for item in tree]
    if isinstance(tree, FrozenDict):
        return {key: thawed(item) for key, item in tree.items()}
    assert type(tree) in (type(None), bool, int, float, str, bytes)
    return tree


@given(TREES)
def test_plain_trees_are_frozen_and_lose_nothing(tree: Any) -> None:
    frozen = freeze(tree)
    assert repr(thawed(frozen)) == repr(tree)
    hash(frozen)


def test_lists_and_tuples_are_the_same() -> None:
    assert freeze([1, (2, [3])]) == (1, (2, (3,)))
    assert freeze({"class_name": "__tuple__", "items": [1, 2]}) == (1, 2)


def test_nan_is_one_object() -> None:
    assert freeze(float("nan")) is math.nan
    assert freeze([float("nan")]) == freeze([float("nan")])


class Colour(enum.Enum):
    RED = 1


class Number(enum.IntEnum):
    TWO = 2


class Word(enum.StrEnum):
    A = "a"


class Loud(str):
    def __str__(self) -> str:
        raise AssertionError("nothing of the model's own may run")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float64(1.5), 1.5), (np.float32(1.5), 1.5), (np.int64(3), 3), (np.bool_(True), True), (np.str_("a"), "a"),
        (np.bytes_(b"a"), b"a"), (np.complex128(1j), 1j), (np.array(2), 2), (np.array([[1, 2]]), ((1, 2),)),
        (Number.TWO, 2), (Word.A, "a"), (Loud("x"), "x"), (np.dtype("float32"), "float32"), (True, True),
    ],
)  # fmt: skip
def test_what_is_nearly_plain_becomes_plain(value: Any, plain: Any) -> None:
    found = freeze(value)
    assert found == plain
    assert type(found) is type(plain)


def test_other_objects_are_named() -> None:
    assert freeze(Colour.RED) == Object(f"custom.{__name__}.Colour", FrozenDict(value="RED"))
    assert freeze(math.sin) == Object("function", FrozenDict(value="math.sin"))
    assert freeze(thawed) == Object("function", FrozenDict(value=f"{__name__}.thawed"))
    assert freeze(np.float32) == Object("class", FrozenDict(value="numpy.float32"))
    assert freeze({2, 1}) == freeze({1, 2}) == Object("set", FrozenDict(value=(1, 2)))
    assert freeze(frozenset(("b",))) == Object("frozenset", FrozenDict(value=("b",)))
    assert freeze(object()) == Object("custom.builtins.object", FrozenDict())


def test_slices_and_dots() -> None:
    assert freeze(slice(1, None, np.int64(2))) == Slice(1, None, 2)
    assert freeze({"class_name": "__slice__", "config": {"start": 1, "stop": None, "step": 2}}) == Slice(1, None, 2)
    assert freeze({"class_name": "__ellipsis__", "config": {}}) is ...


def serialized(name: str, config: Any, module: str | None = "keras.layers") -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


def test_serialized_objects() -> None:
    found = freeze(serialized("Dense", {"name": "dense", "units": 4}))
    assert found.kind == "layers.Dense"
    assert (found.config["units"], found.config["use_bias"]) == (4, True)
    assert "name" not in found.config
    assert freeze(serialized("Convolution2D", {"filters": 2, "kernel_size": 3})).config["kernel_size"] == (3, 3)
    assert freeze(serialized("Mine", {"a": [1]}, "pkg.mod")) == Object("custom.pkg.mod.Mine", FrozenDict(a=(1,)))
    assert freeze(serialized("function", "mine", "builtins")) == Object("function", FrozenDict(value="mine"))
    inner = freeze(serialized("TimeDistributed", {"layer": serialized("Dense", {"units": 4})}))
    assert inner.config["layer"].kind == "layers.Dense"


@pytest.mark.parametrize("name", ["DTypePolicy", "FloatDTypePolicy", "Policy"])
def test_plain_dtype_policies_are_their_name(name: str) -> None:
    assert freeze(serialized(name, {"name": "mixed_float16"}, "keras")) == "mixed_float16"


def test_dicts_that_only_look_serialized() -> None:
    assert freeze({"class_name": "a"}) == {"class_name": "a"}
    assert freeze({"class_name": 3, "config": {}}) == {"class_name": 3, "config": {}}
    assert freeze({"class_name": "__tuple__"}) == {"class_name": "__tuple__"}
    assert freeze({1: 2, None: 3}) == {"1": 2, "None": 3}
    assert isinstance(freeze({}), FrozenDict)


def test_a_whole_config() -> None:
    found = freeze_config(
        {"name": "x", "units": 4, "build_config": {}, "dtype": serialized("DTypePolicy", {"name": "a"})}
    )
    assert found == {"units": 4, "dtype": "a"}
    assert freeze_config(json.loads('{"a": [1, 2.5, null, true]}')) == {"a": (1, 2.5, None, True)}

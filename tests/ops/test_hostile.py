"""Whatever a file says of a layer or an operation, the answer is None and not an error. Needs no Keras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgraph.graph import Constant, FrozenDict, Object, Slice, Slot, Spec
from kgraph.ops import (
    Call,
    _families,  # pyright: ignore[reportPrivateUsage]
    complete,
    infer_specs,
    infer_weights,
    kept_axes,
    reason,
    runs,
)
from kgraph.ops.catalog import REQUIRED, entry

INTS = st.sampled_from((0, 1, 2, 3, -1, -2, 7, 10**30, -(10**30), 2**63))
SCALARS = st.one_of(
    INTS, st.none(), st.booleans(), st.sampled_from((0.5, float("nan"), float("inf"))), st.sampled_from(
        ("same", "valid", "causal", "channels_first", "channels_last", "float32", "mixed_float16", "concat", "x", "",
         "ab,bc->ac", "...a,ab->...b", "glu", "int", "one_hot", "multi_hot", "b")
    ), st.just(...),
)  # fmt: skip
KINDS = sorted(_families())
NAMES: st.SearchStrategy[str] = st.sampled_from(("a", "value"))
SMALL = st.sampled_from((1, 2, 3, 3, 4, None))
SHAPES = st.lists(st.one_of(SMALL, SMALL, SMALL, st.sampled_from((0, 10**30))), max_size=6).map(tuple)


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    configs = st.dictionaries(st.sampled_from(("units", "layer", "cells", "cell", "value", "filters", "dtype")), inner)
    kinds = st.sampled_from(
        ("layers.LSTM", "layers.LSTMCell", "layers.Dense", "layers.TimeDistributed", "__numpy__", "x")
    )
    return st.builds(lambda kind, config: Object(kind, complete(kind, FrozenDict(config))), kinds, configs)


VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(tuple),
        st.lists(INTS, max_size=4).map(tuple),
        st.dictionaries(NAMES, inner, max_size=2).map(FrozenDict),
        st.builds(Slice, inner, inner, inner),
        objects(inner),
    ),
    max_leaves=6,
)
CONSTANT = st.builds(Constant, st.just("float32"), st.lists(st.integers(0, 3), max_size=3).map(tuple), st.just(""))


@st.composite
def configs(draw: st.DrawFn, kind: str) -> FrozenDict:
    """A config of the kind's entries, of which most are left as they should be."""
    known = entry(kind)
    keys = list(known.config) if known else []
    wrong = draw(st.dictionaries(st.sampled_from((*keys, "x")), VALUES, max_size=4))
    plausible = {key: value for key, value in PLAUSIBLE.items() if key in keys and draw(st.booleans())}
    config = dict(complete(kind, FrozenDict({**plausible, **wrong})))
    for key in draw(st.lists(st.sampled_from((*keys, "x")), max_size=1)):
        config.pop(key, None)
    return FrozenDict(config)


PLAUSIBLE: dict[str, Any] = {
    "filters": 2, "kernel_size": 2, "units": 2, "pool_size": 2, "dims": (2, 1), "target_shape": (-1,), "n": 2,
    "input_dim": 4, "output_dim": 2, "layer": Object("layers.LSTM", complete("layers.LSTM", FrozenDict(units=2))),
    "cell": Object("layers.LSTMCell", complete("layers.LSTMCell", FrozenDict(units=2))), "rate": 0.5,
    "num_heads": 2, "key_dim": 2, "head_dim": 2, "num_query_heads": 2, "num_key_value_heads": 1, "axes": 1,
    "equation": "abc,cd->abd", "output_shape": (None, 2), "output_size": (2, 2), "height": 4, "width": 4,
    "num_bins": 3, "num_tokens": 3, "batch_shape": (None, 2), "scale": 2.0,
}  # fmt: skip


@st.composite
def calls(draw: st.DrawFn, kind: str) -> Call:
    shapes = draw(st.lists(SHAPES, max_size=3))
    operands = tuple(Spec(shape, draw(st.sampled_from(("float32", "int32", "bool", "string")))) for shape in shapes)
    known = entry(kind)
    names = list(known.call if known else ()) or ["x"]
    slots = iter(map(Slot, range(len(operands))))
    arguments: dict[str, Any] = {}
    if draw(st.booleans()) and len(operands) > 1:
        arguments[draw(st.sampled_from(names))] = tuple(slots)
    for name in names:
        value = next(slots, None) if draw(st.booleans()) else draw(st.one_of(VALUES, CONSTANT))
        if draw(st.booleans()) and value is not None:
            arguments.setdefault(name, value)
    return Call(kind, draw(configs(kind)), FrozenDict(arguments), operands)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(max_examples=20)
def test_no_config_and_no_call_raises(kind: str, data: st.DataObject) -> None:
    call = data.draw(calls(kind))
    specs = infer_specs(call)
    assert specs is None or all(isinstance(spec, Spec) for spec in specs)
    assert specs is None or runs(call) in (True, False, None)
    infer_weights(call)
    for rank in {0, 2, 3, *(len(spec.shape or ()) for spec in specs or ())}:
        assert len(kept_axes(call, rank)) == rank
        for axis in range(rank):
            assert isinstance(reason(call, axis), str)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("layers.")])
@given(data=st.data())
@settings(max_examples=12)
def test_no_config_raises_while_it_is_completed(kind: str, data: st.DataObject) -> None:
    known = entry(kind)
    keys = list(known.config) if known else []
    config = FrozenDict(data.draw(st.dictionaries(st.sampled_from((*keys, "x")), VALUES, max_size=6)))
    assert complete(kind, complete(kind, config)) == complete(kind, config) or "nan" in repr(config)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("layers.")])
def test_nothing_is_told_of_a_config_that_lacks_an_entry(kind: str) -> None:
    full = complete(kind, FrozenDict({key: value for key, value in PLAUSIBLE.items() if key in parameters(kind)}))
    for lost in (key for key, value in parameters(kind).items() if value is not REQUIRED):
        config = FrozenDict({key: value for key, value in full.items() if key != lost})
        for rank in range(1, 6):
            call = Call(kind, config, FrozenDict(inputs=Slot(0)), (Spec((2, *[4] * (rank - 1)), "float32"),))
            assert (infer_specs(call), infer_weights(call)) == (None, None)


def parameters(kind: str) -> Mapping[str, Any]:
    known = entry(kind)
    return known.config if known else {}

"""What is inferred for a file of Keras 2, against what tf_keras records of the same layers when they are called."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings

from kgraph import Graph, extract
from kgraph.frontends.keras2_implied import implied_specs, settled_config
from kgraph.graph import FrozenDict, Function, Op, Slot, Spec
from kgraph.ops import Call, call_of, complete, infer_specs
from tests.frontends.keras2 import tf_keras
from tests.ops import test_layers as layers


def call(kind: str, *shapes: Any, dtype: str = "float32", **config: Any) -> Call:
    slots = tuple(map(Slot, range(len(shapes))))
    arguments = FrozenDict(inputs=slots if len(slots) > 1 else Slot(0))
    operands = tuple(Spec(shape, dtype) for shape in shapes)
    return Call(kind, complete(kind, FrozenDict(dtype="float32", **config)), arguments, operands)


UNKNOWN = (Spec(None, ""),)


@pytest.mark.parametrize(
    ("made", "shape", "dtype"),
    [
        (call("layers.Add", (None, 3, None), (4, None, 5)), (4, 3, 5), "float32"),
        (call("layers.Add", (None, 1, 5, None), (None, None, None)), (None, 1, 5, None), "float32"),
        (call("layers.Average", (2, 3), (2, 3), dtype="int32"), (2, 3), "float64"),
        (call("layers.Maximum", (2, 3), (2, 3), dtype="int32"), (2, 3), "int32"),
        (call("layers.Concatenate", (None, 2, 3), (4, None, 5), axis=-1), (4, 2, 8), "float32"),
        (call("layers.Concatenate", (None, None), (None, 5), axis=-1), (None, None), "float32"),
        (call("layers.UpSampling2D", (None, None, 3, 1)), (None, None, None, 1), "float32"),
        (call("layers.UpSampling2D", (None, 4, 3, 1)), (None, 8, 6, 1), "float32"),
        (call("layers.DepthwiseConv2D", (None, None, 8, 1), kernel_size=3), (None, None, 6, 1), "float32"),
        (
            call("layers.DepthwiseConv2D", (None, None, 8, 1), kernel_size=3, dilation_rate=2),
            (None, None, None, 1),
            "float32",
        ),
        (call("layers.Rescaling", (None, 8, 1), scale=(1.0, 2.0, 3.0), offset=0.0), (None, 8, 3), "float32"),
        (call("layers.Rescaling", (None, 8, 3), scale=((1.0,), (2.0,)), offset=()), (None, 8, 3), "float32"),
        (call("layers.ZeroPadding1D", (None, 8, 3), dtype="int64"), (None, 10, 3), "int64"),
        (call("layers.Dense", (None, 3), units=2, dtype="int64"), (None, 2), "float32"),
    ],
)
def test_a_layer_of_keras_2(made: Call, shape: Any, dtype: str) -> None:
    assert implied_specs(made, UNKNOWN) == (Spec(shape, dtype),)


def test_what_cannot_be_inferred_is_not() -> None:
    assert implied_specs(call("layers.Dense", None, units=2), UNKNOWN) is None


LAMBDA = FrozenDict(function=Function("d"), arguments=FrozenDict(start=2, stop=4))
X, Y = Spec((None, 8), "float32"), Spec((None, 2), "float32")


def test_a_lambda_is_settled_by_the_shapes_of_its_first_call() -> None:
    settled = settled_config("layers.Lambda", LAMBDA, (X,), (Y,))
    assert settled["function"].known == "assumed"
    assert settled["arguments"] == {}
    assert settled_config("layers.Lambda", LAMBDA, (X,), (Spec((None, 3), "float32"),)) == LAMBDA
    assert settled_config("layers.Lambda", LAMBDA, (X, X), (Y,)) == LAMBDA
    nothing = FrozenDict({**LAMBDA, "function": None})
    assert settled_config("layers.Lambda", nothing, (X,), (Y,)) == nothing


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore:You are using a softmax over axis:UserWarning")
@pytest.mark.parametrize("family", layers.FAMILIES)
def test_a_file_has_the_specs_and_weights_that_tf_keras_records(
    family: Callable[[Random], layers.Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    keras = tf_keras()
    with monkeypatch.context() as patch:
        patch.setattr(layers, "load", lambda name: keras if name == "keras" else importlib.import_module(name))
        agrees_with_tf_keras(keras, family)


def is_used_up(read: Op, live: Graph, node: str) -> bool:
    """True for a map that a kernel has used up: Keras 2 records 0 or nothing, Keras 3 raises, kgraph says nothing."""
    return read.known == "unknown" and infer_specs(call_of(read, live.operand_specs(node))) is None


def agrees_with_tf_keras(keras: Any, family: Callable[[Random], layers.Example]) -> None:
    compared: list[int] = []

    @settings(max_examples=20)
    @given(layers.RANDOM)
    def compare(random: Random) -> None:
        make, inputs = family(random)
        keras.backend.clear_session()
        try:
            tensors = [
                keras.Input(batch_shape=spec[0], dtype=(*spec, "float32")[1], name=f"x{i}")
                for i, spec in enumerate(inputs)
            ]
            model = keras.Model(tensors, make(*tensors))
        except Exception:  # whatever stops it is a refusal
            assume(False)
            raise
        live, read, told = extract(model), extract(model.to_json()), 0
        for node, op in read.ops.items():
            true = live.ops[node]
            told += op.known != "unknown"
            assert op.outputs == true.outputs or op.kind == "layers.Lambda" or is_used_up(op, live, node)
            assert op.weights == true.weights
        compared.append(told)

    compare()
    assert len(compared) > 5
    assert sum(compared) > 5

"""Symbolic shapes of tf_keras' calls: what kgraph says with open sizes, and what tf_keras does at each size.

``python -m benchmarks.shapes --flavour tf_keras --count 20000`` is the long run of what is sampled here.
"""

from __future__ import annotations

import importlib
import json
import warnings
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import kgraph
from kgraph.ops import convolution
from tests.frontends.keras2 import tf_keras
from tests.ops import tensorflow_calls, tf_keras_calls
from tests.ops.calls import Family
from tests.ops.flavours import flavour, of_tf_keras
from tests.ops.sizes import Pair, pairs
from tests.ops.test_layers import convolution as convolutions

pytestmark = pytest.mark.keras


def tried(family: Family, seed: int, count: int = 2) -> list[Pair]:
    flavour().clear()
    return list(pairs(family(Random(seed)), Random(seed), count))


@pytest.mark.parametrize("family", tf_keras_calls.FAMILIES, ids=lambda family: family.__name__)
def test_tf_keras_gives_what_is_said_at_each_size(family: Family) -> None:
    answers: list[str] = []

    @settings(max_examples=3, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
    @given(st.integers(0, 2**32))
    def compare(seed: int) -> None:
        found = tried(family, seed)
        assume(any(pair.answer != "untold" for pair in found))
        for pair in found:
            assert pair.answer != "wrong", pair
            answers.append(pair.answer)

    with of_tf_keras():
        compare()
    assert "right" in answers


def test_a_rule_that_is_wrong_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong() -> int:
        return sum(pair.answer == "wrong" for seed in range(12) for pair in tried(convolutions, seed, 1))

    with of_tf_keras():
        assert wrong() == 0
        true = convolution.window

        def longer(extent: Any, size: int, stride: int, dilation: int, padding: str) -> Any:
            extent = extent if padding != "valid" or extent is None else extent + 1
            return true(extent, size, stride, dilation, padding)

        monkeypatch.setattr(convolution, "window", longer)
        assert wrong() > 0


def test_every_function_that_is_read_as_an_operation_is_tried() -> None:
    alone = ("argmax", "argmin", "broadcast_to", "cast", "clip", "concatenate", "einsum", "expand_dims", "gelu", "image.resize", "leaky_relu",
             "log_softmax", "matmul", "ones_like", "pad", "reshape", "silu", "softmax", "split", "squeeze", "stack", "stop_gradient", "take",
             "tile", "transpose", "unstack", "where", "zeros_like")  # fmt: skip
    alike = {
        symbol
        for names in (("x",), ("x1", "x2"), ("x", "axis", "keepdims"))
        for symbol in tensorflow_calls.taking(*names)
    }
    left = {each.kind for symbol, each in tensorflow_calls.symbols().items() if symbol not in alike}
    assert left - {f"ops.{name}" for name in alone} == set()


# --- where tf_keras builds what it cannot run ---------------------------------------------------------------------


def built_and_run(call: Callable[..., Any], *shapes: tuple[int, ...]) -> tuple[Any, Any]:
    """(the shape that tf_keras builds, the shape that it gives when it runs or what it raises then)."""
    tf: Any = importlib.import_module("tensorflow")
    said = call(*(tf_keras().Input(batch_shape=shape) for shape in shapes))
    try:
        real = call(*(tf.ones(shape) for shape in shapes))
    except Exception as error:
        return tuple(said.shape), type(error).__name__
    return tuple(said.shape), tuple(real.shape)


INCONSISTENT: tuple[tuple[str, Callable[[Any, Any], Callable[..., Any]], tuple[Any, ...]], ...] = (
    ("a gather beyond the end", lambda tf, _: lambda x: tf.gather(x, [7], axis=1), ((2, 3),)),
    ("a mirror that is longer than what it shows", lambda tf, _: lambda x: tf.pad(x, [[0, 0], [3, 0]], "REFLECT"), ((2, 3),)),
    ("a crop to less than one row", lambda _, layers: layers.CenterCrop(1, 5), ((4, 2, 3, 3),)),
    ("a crop to less than one column", lambda _, layers: layers.Resizing(5, 1, crop_to_aspect_ratio=True), ((4, 2, 3, 3),)),
)  # fmt: skip


@pytest.mark.parametrize(("what", "make", "shapes"), INCONSISTENT, ids=[row[0] for row in INCONSISTENT])
def test_tf_keras_builds_what_it_cannot_run(
    what: str, make: Callable[[Any, Any], Callable[..., Any]], shapes: tuple[Any, ...]
) -> None:
    tf: Any = importlib.import_module("tensorflow")
    said, real = built_and_run(make(tf, tf_keras().layers), *shapes)
    assert said != real
    assert isinstance(real, str), (what, real)


def test_one_row_of_categories_is_taken_for_one_category() -> None:
    """``one_hot`` adds an axis to a vector, but not to one that is known to be of length 1: then the batch is gone."""
    layer = tf_keras().layers.CategoryEncoding(num_tokens=4, output_mode="one_hot")
    assert built_and_run(layer, (3,)) == ((3, 4), (3, 4))
    assert built_and_run(layer, (1,)) == ((4,), (4,))
    assert tuple(layer(tf_keras().Input(batch_shape=(None,))).shape) == (None, 4)


def test_bins_that_were_never_adapted_are_one() -> None:
    layer = tf_keras().layers.Discretization(num_bins=4, output_mode="count")
    assert built_and_run(layer, (3, 2)) == ((3, 1), (3, 1))


def test_a_spectral_norm_of_tf_keras_is_one_of_keras_3() -> None:
    """It names ``tf.keras``, which is Keras 3 unless the environment says otherwise: so it cannot be called at all."""
    keras = tf_keras()
    with pytest.raises(TypeError, match="input_spec must be an instance of InputSpec"):
        keras.layers.SpectralNormalization(keras.layers.Dense(2))(keras.Input((3,)))


def test_equality_that_cannot_meet_is_one_falsehood() -> None:
    """So ``==`` is no ``ops.equal``; and tf_keras writes it down without what stands on its right."""
    keras = tf_keras()
    x, y = keras.Input(batch_shape=(5,), name="x"), keras.Input(batch_shape=(6,), name="y")
    model = keras.Model([x, y], x == y)
    assert tuple(model.outputs[0].shape) == ()
    assert kgraph.extract(model).ops["tf.__operators__.eq"].kind == "custom.tf.__operators__.eq"
    written = json.loads(model.to_json())["config"]["layers"][-1]
    assert written["inbound_nodes"] == [["x", 0, 0, {}]]
    assert kgraph.extract(model.to_json()).ops["tf.__operators__.eq"].kind == "custom.tf.__operators__.eq"


# --- what only Keras 2 is told ------------------------------------------------------------------------------------


def model_of(call: Callable[[Any, Any], Any], *shape: int | None) -> Any:
    tf_keras().backend.clear_session()
    x = tf_keras().Input(shape, name="x")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tf_keras().Model(x, call(importlib.import_module("tensorflow"), x))


def test_the_parts_of_a_split_add_up() -> None:
    """Keras 3 is told where to cut, TensorFlow how long each part is."""
    model = model_of(lambda tf, x: tf.split(x, [2, 3, 1], axis=1), None, 3)
    domain = kgraph.domain(model)
    assert domain.condition == "T == 6"
    assert kgraph.check(model, input_shape=(6, 3)).errors == ()
    with pytest.raises(kgraph.KgraphError, match="does not take these sizes"):
        kgraph.check(model, input_shape=(7, 3))
    rest = model_of(lambda tf, x: tf.split(x, [2, 3, -1], axis=1), None, 3)
    assert kgraph.domain(rest).condition == "T >= 6"


def test_a_function_that_no_rule_knows_may_pin_the_batch() -> None:
    tf: Any = importlib.import_module("tensorflow")
    fixed = tf.ones((3, 4, 4))
    model = model_of(lambda tf, x: tf.matmul(x, fixed, transpose_b=True), 4, 4)
    assert kgraph.domain(model).unknown == ()  # the array is no operand, and the record keeps the batch
    keras = tf_keras()
    keras.backend.clear_session()
    x, y = keras.Input((4, 4), name="x"), keras.Input(batch_shape=(3, 4, 4), name="y")
    model = keras.Model([x, y], tf.matmul(x, y, transpose_b=True))
    assert kgraph.domain(model).unknown == ("tf.linalg.matmul",)

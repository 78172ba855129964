"""Recurrent layers, and layers around other layers, against Keras."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.agreement import Use, agree
from tests.ops.flavours import flavour
from tests.ops.test_layers import POLICIES, common, image, load, per_axis

pytestmark = pytest.mark.keras
RANDOM = st.randoms(use_true_random=False)
GATED = ("SimpleRNN", "GRU", "LSTM")


def made(kind: str, **config: Any) -> Any:
    return getattr(load("keras").layers, kind)(**config)


def units(random: Random, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = {"units": random.choice((1, 3)), "use_bias": random.choice((True, False)), **common(random)}
    if kind.startswith("GRU"):
        found["reset_after"] = random.choice((True, False))
    return found


def returns(random: Random) -> dict[str, Any]:
    keys = ("return_sequences", "return_state", "go_backwards", "stateful")
    return {key: random.random() < 0.4 for key in keys}


def cell(random: Random) -> Any:
    kind = f"{random.choice(GATED)}Cell"
    return made(kind, **units(random, kind))


def loop(random: Random) -> Any:
    """Any layer that loops over the steps of a sequence."""
    kind = random.choice((*GATED, "RNN", "stacked"))
    if kind == "RNN":
        return made("RNN", cell=cell(random), **returns(random), **common(random))
    if kind == "stacked":
        stacked = made("StackedRNNCells", cells=[cell(random) for _ in range(random.choice((1, 2, 3)))])
        return made("RNN", cell=stacked, **returns(random), **common(random))
    return made(kind, **units(random, kind), **returns(random))


def sequence(random: Random) -> Any:
    shape = (random.choice((None, 4)), random.choice((None, 5)), random.choice((3, 3, 3, None)))
    return (shape if random.random() < 0.95 else (*shape, 2), random.choice(("float32", "float16")))


def convolutional_loop(random: Random) -> tuple[Any, Any]:
    rank = random.choice((1, 1, 2, 3))
    options: dict[str, Any] = {
        "filters": random.choice((1, 2)),
        "kernel_size": per_axis(random, rank, (1, 2, 3)),
        "padding": random.choice(("valid", "same")),
        "data_format": random.choice(("channels_last", "channels_first")),
        "use_bias": random.choice((True, False)),
        **returns(random),
        **common(random),
    }
    options |= {random.choice(("strides", "dilation_rate")): per_axis(random, rank, (1, 2))}
    batch, *rest = image(random, rank, options["data_format"], random.choice((2, 2, 2, None)), (3, 4, 5, 5, None))
    return made(f"ConvLSTM{rank}D", **options), ((batch, random.choice((None, 2)), *rest),)


def loops(random: Random, use: Use = agree) -> Any:
    layer = loop(random)
    return use(lambda: layer, sequence(random))


def convolutional_loops(random: Random, use: Use = agree) -> Any:
    layer, shape = convolutional_loop(random)
    return use(lambda: layer, shape)


def both_directions(random: Random, use: Use = agree) -> Any:
    kind = random.choice(GATED)
    options = {**returns(random), "go_backwards": False}
    forward = made(kind, **units(random, kind), **options)
    backward = None
    if random.random() < 0.3:
        options["go_backwards"] = random.random() < 0.8
        backward = made(kind, **{**units(random, kind), "units": forward.units}, **options)
    mode = random.choice(("concat", "concat", "sum", "mul", "ave", None))
    options = common(random)
    return use(
        lambda: made("Bidirectional", layer=forward, backward_layer=backward, merge_mode=mode, **options),
        sequence(random),
    )


@given(RANDOM)
@settings(max_examples=150)
def test_loops(random: Random) -> None:
    loops(random)


@given(RANDOM)
@settings(max_examples=60)
def test_convolutional_loops(random: Random) -> None:
    convolutional_loops(random)


@given(RANDOM)
@settings(max_examples=120)
def test_both_directions(random: Random) -> None:
    both_directions(random)


def test_both_directions_of_images() -> None:
    for data_format in ("channels_last", "channels_first"):
        inner = made("ConvLSTM1D", filters=2, kernel_size=3, return_sequences=True, data_format=data_format)
        assert agree(lambda inner=inner: made("Bidirectional", layer=inner), ((None, 4, 5, 6),))


def test_keras_cannot_call_both_directions_that_keep_and_return_states() -> None:
    layer = made("LSTM", units=2, return_state=True, stateful=True)
    with pytest.raises(TypeError, match="'generator' and 'int'"):
        made("Bidirectional", layer=layer)(load("keras").Input(batch_shape=(4, 5, 3)))
    assert not agree(lambda: made("Bidirectional", layer=layer), ((4, 5, 3),))


def inner(random: Random) -> Any:
    kind, config = random.choice((
        ("Dense", {"units": 2}), ("Dense", {"units": 2, "activation": "softmax"}), ("Dropout", {"rate": 0.5}),
        ("Conv1D", {"filters": 2, "kernel_size": 3, "strides": 2}), ("Flatten", {}), ("BatchNormalization", {}),
        ("MaxPooling1D", {}), ("GlobalAveragePooling1D", {}), ("LSTM", {"units": 2}), ("Activation", {"activation": "relu"}),
        ("GRU", {"units": 2, "return_sequences": True}), ("RepeatVector", {"n": 2}), ("Reshape", {"target_shape": (-1,)}),
        ("LayerNormalization", {}), ("Embedding", {"input_dim": 4, "output_dim": 2}), ("Conv1DTranspose", {"filters": 2, "kernel_size": 3}),
    ))  # fmt: skip
    return made(kind, **config, **common(random))


def each_step_by_itself(random: Random, use: Use = agree) -> Any:
    shape = (
        random.choice((None, 4)),
        random.choice((None, 5)),
        *random.choice(((3,), (5, 3), (None, 3), (4, 5, 3), ())),
    )
    layer = inner(random)
    spec = next(iter(flavour().flatten(layer.input_spec)), None)
    wanted = spec and (spec.ndim or spec.min_ndim)
    if wanted in (2, 3):  # Keras does not look at it, and records what cannot be run
        shape = (*shape[:2], *(5, 3)[3 - wanted :])
    options = common(random)
    return use(lambda: made("TimeDistributed", layer=layer, **options), (shape, random.choice(("float32", "int32"))))


@given(RANDOM)
@settings(max_examples=150)
def test_each_step_by_itself(random: Random) -> None:
    each_step_by_itself(random)


def test_steps_of_steps() -> None:
    layer = made("TimeDistributed", layer=made("TimeDistributed", layer=made("Dense", units=2)))
    assert agree(lambda: layer, ((None, 2, 3, 4),))


@pytest.mark.parametrize("policy", sorted(set(POLICIES)))
def test_spectral_norms(policy: str) -> None:
    for kind, config, shape in (
        ("Dense", {"units": 2}, (None, 3)),
        ("Conv2D", {"filters": 2, "kernel_size": 3}, (None, None, 9, 3)),
        ("Conv1DTranspose", {"filters": 2, "kernel_size": 3}, (None, 9, 3)),
        ("DepthwiseConv2D", {"kernel_size": 3, "trainable": False}, (None, 9, 9, 3)),
        ("Embedding", {"input_dim": 4, "output_dim": 2}, (None, 9)),
        ("EinsumDense", {"equation": "abc,cd->abd", "output_shape": (None, 4), "bias_axes": "d"}, (None, 9, 4)),
    ):
        layer = made(kind, **config)
        assert agree(lambda layer=layer: made("SpectralNormalization", layer=layer, dtype=policy), (shape,))
    pooling = made("MaxPooling1D")
    assert not agree(lambda: made("SpectralNormalization", layer=pooling), ((None, 9, 3),))


def test_states_that_are_given() -> None:
    assert agree(lambda: made("LSTM", units=2, return_state=True), ((None, 5, 3),))
    keras = load("keras")
    from kgraph.frontends import live
    from tests.ops.test_layers import compare

    x, h, c = keras.Input((5, 3)), keras.Input((2,)), keras.Input((2,))
    outputs = made("LSTM", units=2, return_sequences=True)(x, initial_state=[h, c])
    compare(live.read(keras.Model([x, h, c], outputs)))

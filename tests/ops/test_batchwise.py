"""Layers that keep the batch, and separable convolutions, against Keras."""

from __future__ import annotations

from typing import Any

import pytest

from kgraph import extract
from kgraph.ops import call_of, infer_specs, infer_weights, kept

pytestmark = pytest.mark.keras


def layers(keras: Any) -> list[tuple[Any, tuple[int, ...]]]:
    made = keras.layers
    return [
        (made.SeparableConv2D(5, 3, strides=2, padding="same", depth_multiplier=2), (9, 8, 3)),
        (made.SeparableConv2D(5, (1, 3), use_bias=False, data_format="channels_first"), (3, 9, 8)),
        (made.SeparableConv1D(4, 3, dilation_rate=2), (9, 3)),
        (made.LSTM(4, return_sequences=True), (5, 3)),
        (made.GRU(4), (5, 3)),
        (made.Bidirectional(made.SimpleRNN(2)), (5, 3)),
        (made.TimeDistributed(made.Dense(2)), (5, 3)),
        (made.Conv2DTranspose(4, 3, strides=2), (5, 6, 3)),
        (made.PReLU(shared_axes=[1]), (5, 3)),
    ]


@pytest.mark.parametrize("index", range(9))
def test_batch_is_kept_and_what_is_inferred_is_what_keras_records(index: int) -> None:
    import keras

    layer, shape = layers(keras)[index]
    for size in (2, 7):
        inputs = keras.Input(batch_shape=(size, *shape))
        graph = extract(keras.Model(inputs, layer(inputs)))
        node = list(graph.ops)[-1]
        op, operands = graph.ops[node], graph.operand_specs(node)
        assert kept(op, operands)[0] == (0, 0)
        assert (op.outputs[0].shape or (None,))[0] == size
        call = call_of(op, operands)
        assert infer_specs(call) in (None, op.outputs)
        assert infer_weights(call) in (None, op.weights)
        if index < 3:
            assert infer_specs(call) == op.outputs
            assert infer_weights(call) == op.weights


def test_attention_keeps_the_batch_of_its_query() -> None:
    import keras

    query, value = keras.Input((4, 8)), keras.Input((6, 8))
    attention = keras.layers.MultiHeadAttention(2, 4)
    graph = extract(keras.Model([query, value], [attention(query, value), keras.layers.Attention()([query, value])]))
    for node in list(graph.ops)[2:]:
        assert kept(graph.ops[node], graph.operand_specs(node))[0] == (0, 0)

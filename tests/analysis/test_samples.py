"""Where samples lie after one call, with the batch on every axis of what it takes: as Keras has it."""

from __future__ import annotations

import pytest

from kgraph import Graph, parse
from kgraph.analysis.extents import extents
from kgraph.analysis.samples import traced
from kgraph.graph import values
from tests.analysis.mixed import INPUTS, is_sample_by_sample

CALLS = (
    "ops.tanh({t})", "ops.softmax({t})", "ops.log_softmax({t}, axis=1)", "ops.normalize({t}, axis=1)",
    "ops.mean({t}, axis=1)", "ops.sum({t}, axis=(0, 2), keepdims=True)", "ops.argmax({t}, axis=2)",
    "ops.logsumexp({t}, axis=0)", "ops.var({t}, axis=-1)", "ops.median({t}, axis=1)", "ops.ptp({t}, axis=1)",
    "ops.quantile({t}, 0.5, axis=1)", "ops.average({t}, axis=1)", "ops.moments({t}, axes=(1,))[0]", "ops.norm({t})",
    "ops.sort({t}, axis=1)", "ops.argsort({t}, axis=0)", "ops.cumsum({t}, axis=1)", "ops.cumprod({t}, axis=2)",
    "ops.cumsum({t})", "ops.flip({t}, axis=1)", "ops.roll({t}, shift=1, axis=2)", "ops.roll({t}, shift=1)",
    "ops.diff({t}, axis=1)", "ops.trapezoid({t}, axis=1)", "ops.trace({t})", "ops.diagonal({t}, axis1=1, axis2=2)",
    "ops.tril({t})", "ops.triu({t}, k=1)", "ops.top_k({t}, k=2)[0]", "ops.rot90({t})", "ops.unstack({t}, axis=2)[1]", "ops.glu({t}, axis=2)", "ops.take({t}, indices=(1, 0), axis=1)", "ops.split({t}, 2, axis=2)[0]",
    "ops.pad({t}, pad_width=((0, 0), (1, 0), (0, 0)))", "ops.repeat({t}, repeats=2, axis=1)",
    "ops.tile({t}, repeats=(1, 2, 1))", "ops.expand_dims({t}, axis=1)", "ops.swapaxes({t}, axis1=0, axis2=1)",
    "ops.moveaxis({t}, source=0, destination=2)", "{t}[:, 1:, ...]", "{t}[..., 0]", "ops.clip({t}, 0.0, 1.0)",
    "ops.rms_normalization({t}, axis=1)", "ops.layer_normalization({t}, axis=2)",
    "Dense(3)({t})", "EinsumDense('abc,cd->abd', output_shape=(None, 3))({t})", "Activation('softmax')({t})",
    "Activation('mish')({t})", "Softmax(axis=1)({t})", "LayerNormalization(axis=2)({t})", "UnitNormalization(axis=1)({t})",
    "GroupNormalization(groups=1, axis=-1)({t})", "BatchNormalization()({t})", "Dropout(0.5)({t})", "ReLU()({t})",
    "Conv1D(2, 2)({t})", "Conv1D(2, 1)({t})", "DepthwiseConv1D(2)({t})", "MaxPooling1D(2)({t})",
    "AveragePooling1D(2, padding='same')({t})", "GlobalMaxPooling1D()({t})", "LSTM(2, return_sequences=True)({t})",
    "Bidirectional(GRU(2))({t})", "TimeDistributed(Dense(2))({t})", "Permute((2, 1))({t})", "Flatten()({t})",
    "ZeroPadding1D(1)({t})", "UpSampling1D(2)({t})", "Cropping1D(1)({t})", "Attention()([{t}, {t}])",
    "MultiHeadAttention(1, 2)({t}, {t})", "Add()([{t}, {t}])", "ops.matmul({t}, ops.swapaxes({t}, axis1=1, axis2=2))",
    "ops.stack([{t}, {t}], axis=1)", "ops.concatenate([{t}, {t}], axis=2)", "ops.where({t} > 0, {t}, 0.0)",
    "ops.einsum('abc,abd->acd', {t}, {t})", "ops.vstack([{t}, {t}])", "ops.hstack([{t}, {t}])",
    "Masking()({t})", "ops.flipud({t})", "ops.fliplr({t})", "ops.cholesky({t})", "ops.inner({t}, {t})",
)  # fmt: skip
ORDERS = ((0, 1, 2), (1, 0, 2), (1, 2, 0))
NOT_FOLLOWED: dict[str, set[int]] = {
    "Cropping1D(1)({t})": {1, 2},
    "Flatten()({t})": {1, 2},
    "UpSampling1D(2)({t})": {1, 2},
    "ZeroPadding1D(1)({t})": {1, 2},
    "Masking()({t})": {1, 2},
    "Attention()([{t}, {t}])": {2},
    "TimeDistributed(Dense(2))({t})": {1},
    "ops.concatenate([{t}, {t}], axis=2)": {2},
    "ops.diagonal({t}, axis1=1, axis2=2)": {0},
    "ops.hstack([{t}, {t}])": {1},
    "ops.pad({t}, pad_width=((0, 0), (1, 0), (0, 0)))": {1},
    "ops.repeat({t}, repeats=2, axis=1)": {1},
    "ops.rot90({t})": {0, 1, 2},
    "ops.tile({t}, repeats=(1, 2, 1))": {1},
    "ops.vstack([{t}, {t}])": {0},
}
"""By call, where the batch lies if it is not followed, or others are folded into it."""


def text(call: str, order: tuple[int, ...], after: str = "") -> str:
    lines = (f"t = ops.transpose(x, axes={order})", f"r = {call.format(t='t')}", f"y = {after or 'r'}")
    return "\n".join([INPUTS[0], *lines, "model = Model(x, y)"])


def rank(graph: Graph) -> int:
    (value,) = values(graph.outputs)
    return len(extents(graph, value) or ())


@pytest.mark.keras
@pytest.mark.parametrize("call", CALLS)
def test_one_call_with_the_batch_on_every_axis(call: str) -> None:
    lost: set[int] = set()
    for order in ORDERS:
        written = text(call, order)
        try:
            is_sample_by_sample(written)
        except (ValueError, TypeError, NotImplementedError):
            continue  # Keras does not build it
        graph = parse(written)
        found = traced(graph)
        back = [text(call, order, f"ops.moveaxis(r, source={axis}, destination=0)") for axis in range(rank(graph))]
        (output,) = values(graph.outputs)
        where = found.samples.get(output)
        if found.mixings:
            assert not any(map(is_sample_by_sample, back or [written]))
        elif where is not None and where.axis is not None and where.is_plain:
            assert is_sample_by_sample(back[where.axis])
        else:
            lost.add(order.index(0))
    assert lost == NOT_FOLLOWED.get(call, set())

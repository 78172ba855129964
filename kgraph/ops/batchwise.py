"""Layers of which it is known that they work on each sample by itself, and little else yet."""

from __future__ import annotations

from kgraph.ops.base import Call, Knowledge, keeps_all, keeps_batch, same_specs

BATCHWISE = (
    "AdditiveAttention", "Attention", "Bidirectional", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose",
    "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "GRU", "GroupQueryAttention", "LSTM", "MultiHeadAttention", "SimpleRNN",
    "TimeDistributed",
)  # fmt: skip


def _unknown(_: Call) -> None:
    return None


KINDS = {
    **{f"layers.{name}": Knowledge(weights=_unknown, kept=keeps_batch, bare=keeps_batch) for name in BATCHWISE},
    "layers.PReLU": Knowledge(specs=same_specs, weights=_unknown, kept=keeps_all, bare=keeps_all),
}

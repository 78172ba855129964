"""What can be said of a call whose source does not tell how it is configured: a printed summary shows no config."""

from __future__ import annotations

from collections.abc import Callable

from kgraph.graph import FrozenDict, Object
from kgraph.ops.base import Call, Origin, is_single, keeps_batch, keeps_nothing
from kgraph.ops.catalog import entry
from kgraph.ops.elementwise import SAME_SHAPE_LAYERS, UNARY

UNTOLD = Object("unknown", FrozenDict())
"""In place of an argument of a call that the source does not tell."""

NORMALIZATIONS = tuple(f"{name}Normalization" for name in ("Batch", "Layer", "Group", "RMS", "Unit"))
BATCHWISE = (
    "Bidirectional", "Dense", "Embedding", "Flatten", "GRU", "LSTM", "Permute", "RepeatVector", "Reshape", "SimpleRNN",
    "TimeDistributed", "AdditiveAttention", "Attention", "GroupQueryAttention", "MultiHeadAttention",
    *(
        f"{name}{rank}D"
        for name in (
            "AveragePooling", "Conv", "ConvLSTM", "Cropping", "DepthwiseConv", "GlobalAveragePooling",
            "GlobalMaxPooling", "MaxPooling", "SeparableConv", "UpSampling", "ZeroPadding",
        )
        for rank in (1, 2, 3)
    ),
    *(f"Conv{rank}DTranspose" for rank in (1, 2, 3)),
)  # fmt: skip


def is_told(call: Call) -> bool:
    """False where a source shows a call, but not how it is configured or called."""
    known = entry(call.kind)
    return not (known and known.config and not call.config) and UNTOLD not in call.arguments.values()


def kept_untold(call: Call, rank: int) -> tuple[Origin, ...]:
    """Per output axis the operand axis whose extent it has, however the layer is configured."""
    return _KEPT.get(call.kind, keeps_nothing)(call, rank)


def _all(call: Call, rank: int) -> tuple[Origin, ...]:
    if not is_single(call) or len(call.operands) != 1:
        return keeps_nothing(call, rank)
    return tuple((0, axis) for axis in range(rank))


def _but_last(call: Call, rank: int) -> tuple[Origin, ...]:
    """An activation that is not told may be ``glu``, which halves the last axis."""
    return (*_all(call, rank)[:-1], None) if rank else ()


_KEPT: dict[str, Callable[[Call, int], tuple[Origin, ...]]] = {
    **{f"layers.{name}": keeps_batch for name in BATCHWISE},
    **{f"layers.{name}": _all for name in (*NORMALIZATIONS, *SAME_SHAPE_LAYERS, "Identity", "PReLU")},
    **{f"ops.{name}": _all for name in (*UNARY, "cast")},
    "activations.relu": _all,
    "layers.Activation": _but_last,
}

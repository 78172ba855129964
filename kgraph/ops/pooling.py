"""Pooling, local and global."""

from __future__ import annotations

from kgraph.graph import FrozenDict, Spec
from kgraph.ops import fields
from kgraph.ops.base import (
    Call,
    Knowledge,
    Origin,
    channel_axis,
    image_shape,
    keeps_nothing,
    keeps_rank,
    layer_spec,
    repeat,
    shape_of,
    spatial_axes,
)
from kgraph.ops.convolution import complete_sizes, keeps_extent, window_reason, windows
from kgraph.ops.fields import spatial_rank


def _complete(kind: str, config: FrozenDict) -> FrozenDict:
    config = complete_sizes(kind, config)
    if config.get("strides") is None and "pool_size" in config:
        config = FrozenDict({**config, "strides": config["pool_size"]})
    return config


def _specs(call: Call) -> tuple[Spec, ...] | None:
    result = windows(call, "pool_size")
    return None if result is None else layer_spec(call, tuple(result))


def _kept(call: Call, rank: int) -> tuple[Origin, ...]:
    if not keeps_rank(call, rank):
        return keeps_nothing(call, rank)
    kept: list[Origin] = [(0, axis) for axis in range(rank)]
    for number, axis in enumerate(spatial_axes(call, rank)):
        if not keeps_extent(call, number, "pool_size"):
            kept[axis] = None
    return tuple(kept)


def _reason(call: Call, axis: int) -> str:
    return window_reason(call, axis, "pool_size")


def _global_specs(call: Call) -> tuple[Spec, ...] | None:
    shape = image_shape(call)
    if shape is None:
        return None
    spatial = spatial_axes(call, len(shape))
    if call.config.get("keepdims"):
        return layer_spec(call, tuple(1 if axis in spatial else extent for axis, extent in enumerate(shape)))
    return layer_spec(call, (shape[0], shape[channel_axis(call, len(shape))]))


def _global_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    shape = image_shape(call)
    if shape is None:
        return keeps_nothing(call, rank)
    channels = channel_axis(call, len(shape))
    if call.config.get("keepdims"):
        return tuple((0, axis) if axis in (0, channels) else None for axis in range(len(shape)))
    return ((0, 0), (0, channels))


def _adaptive_specs(call: Call) -> tuple[Spec, ...] | None:
    """Of images: of tensors of other ranks, Keras records shapes that make no sense, but does not raise."""
    shape = shape_of(call)
    if not keeps_rank(call, len(shape)):
        return None
    result = list(shape)
    for number, axis in enumerate(spatial_axes(call, len(shape))):
        result[axis] = call.config["output_size"][number]
    return layer_spec(call, tuple(result))


def _adaptive_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    if not keeps_rank(call, rank):
        return keeps_nothing(call, rank)
    return tuple(None if axis in spatial_axes(call, rank) else (0, axis) for axis in range(rank))


def _adaptive_reason(call: Call, axis: int) -> str:
    return "adaptive pooling" if axis in spatial_axes(call, len(call.operands[0].shape or ())) else ""


def _complete_output(kind: str, config: FrozenDict) -> FrozenDict:
    size = config.get("output_size")
    return FrozenDict({**config, "output_size": repeat(size, spatial_rank(kind))}) if type(size) is int else config


FORMAT = {"data_format": fields.DATA_FORMAT}
POOL = Knowledge(
    specs=_specs, kept=_kept, reason=_reason, complete=_complete,
    needs={"pool_size": fields.sizes, "strides": fields.sizes, "padding": fields.one_of("valid", "same"), **FORMAT},
)  # fmt: skip
GLOBAL = Knowledge(
    specs=_global_specs, kept=_global_kept, reason=lambda _call, _axis: "pooling over all positions", needs=FORMAT
)
ADAPTIVE = Knowledge(
    specs=_adaptive_specs, kept=_adaptive_kept, reason=_adaptive_reason, complete=_complete_output,
    needs={"output_size": fields.either(fields.sizes), **FORMAT},
)  # fmt: skip

KINDS = {
    f"layers.{prefix}{what}Pooling{rank}D": knowledge
    for prefix, knowledge in (("", POOL), ("Global", GLOBAL), ("Adaptive", ADAPTIVE))
    for what in ("Max", "Average")
    for rank in (1, 2, 3)
}

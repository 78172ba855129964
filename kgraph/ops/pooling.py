"""Pooling, local and global."""

from __future__ import annotations

from kgraph.graph import FrozenDict, Spec
from kgraph.ops.base import (
    Call,
    Knowledge,
    Origin,
    channel_axis,
    image_shape,
    keeps_batch,
    keeps_nothing,
    layer_spec,
    spatial_axes,
)
from kgraph.ops.convolution import complete_sizes, keeps_extent, window_reason, windows


def _complete(kind: str, config: FrozenDict) -> FrozenDict:
    config = complete_sizes(kind, config)
    if config.get("strides") is None and "pool_size" in config:
        config = FrozenDict({**config, "strides": config["pool_size"]})
    return config


def _specs(call: Call) -> tuple[Spec, ...] | None:
    result = windows(call, "pool_size")
    return None if result is None else layer_spec(call, tuple(result))


def _kept(call: Call, rank: int) -> tuple[Origin, ...]:
    if image_shape(call) is None:
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


POOL = Knowledge(specs=_specs, kept=_kept, bare=keeps_batch, reason=_reason, complete=_complete)
GLOBAL = Knowledge(
    specs=_global_specs, kept=_global_kept, bare=keeps_batch, reason=lambda _call, _axis: "pooling over all positions"
)

KINDS = {
    **{f"layers.{what}Pooling{rank}D": POOL for what in ("Max", "Average") for rank in (1, 2, 3)},
    **{f"layers.Global{what}Pooling{rank}D": GLOBAL for what in ("Max", "Average") for rank in (1, 2, 3)},
}

"""Operations on images: convolutions, pooling, resizing; by the rules of the layers of the same names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kgraph.graph import Constant, FrozenDict, Slot, Spec
from kgraph.ops import fields
from kgraph.ops.base import (
    Call,
    Knowledge,
    Origin,
    channel_axis,
    is_single,
    keeps_nothing,
    repeat,
    shape_of,
    spatial_axes,
)
from kgraph.ops.convolution import slid
from kgraph.ops.extents import spread, times, unwindow
from kgraph.ops.refusing import refuse, short

Shape = tuple[int | None, ...]

COMPARING = ("ops.conv", "ops.depthwise_conv", "ops.separable_conv")
"""Operations that compare their kernel with the image; the others record what makes no sense of other ranks."""


def _plain(call: Call) -> Call | None:
    """The call as one of a layer: the arguments are its config, sizes written out; None where they are wrong."""
    rank = len(call.operands[0].shape or ()) - 2
    if not is_single(call):
        return None
    if rank < 1 or rank > 3:
        if call.kind in COMPARING:
            refuse("{} takes a tensor of rank 3, 4 or 5; it receives {}", short(call.kind), shape_of(call))
        return None
    strides = call.argument("strides")
    config = {
        "data_format": call.argument("data_format") or "channels_last",
        "padding": call.argument("padding"),
        "pool_size": repeat(call.argument("pool_size"), rank),
        "strides": repeat(call.argument("pool_size") if strides is None else strides, rank),
        "dilation_rate": repeat(call.argument("dilation_rate") or 1, rank),
    }
    like = f"layers.Conv{rank}D"
    right = all(fields.sizes(like, config[key]) for key in ("strides", "dilation_rate"))
    if not right or not fields.DATA_FORMAT("", config["data_format"]) or config["padding"] not in ("valid", "same"):
        return None
    return replace(call, config=FrozenDict(config))


def _kernel(call: Call, name: str) -> tuple[int, ...] | None:
    """The shape of a kernel, which is a tensor or an array; None where it is open or does not fit the image."""
    value = call.arguments.get(name)
    shape: Any = call.operands[value.index].shape if isinstance(value, Slot) else None
    shape = value.shape if isinstance(value, Constant) else shape
    fits = (
        shape is not None and len(shape) == len(call.operands[0].shape or ()) and None not in shape and 0 not in shape
    )
    return shape if fits else None


def _sized(call: Call, size: tuple[int, ...]) -> list[int | None] | None:
    shape = call.operands[0].shape or ()
    return slid(replace(call, config=FrozenDict({**call.config, "size": size})), shape, "size")


def _with_channels(call: Call, shape: list[int | None] | None, channels: int) -> tuple[Spec, ...] | None:
    if shape is None:
        return None
    shape[channel_axis(call, len(shape))] = channels
    return (Spec(tuple(shape), call.operands[0].dtype),)


def _channels(call: Call) -> int | None:
    shape = call.operands[0].shape or ()
    return shape[channel_axis(call, len(shape))]


def _conv_specs(call: Call) -> tuple[Spec, ...] | None:
    plain, kernel = _plain(call), _kernel(call, "kernel")
    channels = None if plain is None else _channels(plain)
    if plain is None or kernel is None or channels is None:
        return None
    if channels != kernel[-2]:
        return refuse("the kernel {} reads {} channels; {} enter", kernel, kernel[-2], channels)
    return _with_channels(plain, _sized(plain, kernel[:-2]), kernel[-1])


def _depthwise_specs(call: Call) -> tuple[Spec, ...] | None:
    plain, kernel = _plain(call), _kernel(call, "kernel")
    if plain is None or kernel is None or _channels(plain) != kernel[-2]:
        return None
    return _with_channels(plain, _sized(plain, kernel[:-2]), kernel[-1] * kernel[-2])


def _separable_specs(call: Call) -> tuple[Spec, ...] | None:
    plain, depthwise, pointwise = _plain(call), _kernel(call, "depthwise_kernel"), _kernel(call, "pointwise_kernel")
    if plain is None or depthwise is None or pointwise is None or _channels(plain) != depthwise[-2]:
        return None
    return _with_channels(plain, _sized(plain, depthwise[:-2]), pointwise[-1])


def _transposed_specs(call: Call) -> tuple[Spec, ...] | None:
    plain, kernel = _plain(call), _kernel(call, "kernel")
    if plain is None or kernel is None or _channels(plain) != kernel[-1]:
        return None
    rank = len(kernel) - 2
    added, config = repeat(call.argument("output_padding"), rank), plain.config
    if added is not None and not fields.counts(f"layers.Conv{rank}D", added):
        return None
    result = list(call.operands[0].shape or ())
    for number, axis in enumerate(spatial_axes(plain, rank + 2)):
        width = spread(kernel[number], config["dilation_rate"][number])
        more = None if added is None else added[number]
        result[axis] = unwindow(result[axis], width, config["strides"][number], config["padding"], more)
    return _with_channels(plain, result, kernel[-2])


def _pool_specs(call: Call) -> tuple[Spec, ...] | None:
    plain = _plain(call)
    if plain is None or not fields.sizes(f"layers.Conv{len(plain.config['strides'])}D", plain.config["pool_size"]):
        return None
    found = _sized(plain, plain.config["pool_size"])
    return None if found is None else (Spec(tuple(found), call.operands[0].dtype),)


def _batch_kept(_: Call, rank: int) -> tuple[Origin, ...]:
    return ((0, 0), *(None,) * (rank - 1)) if rank else ()


def _pool_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    plain = _plain(call)
    if plain is None:
        return keeps_nothing(call, rank)
    kept = (0, channel_axis(plain, rank))
    return tuple((0, axis) if axis in kept else None for axis in range(rank))


def _resized_axes(call: Call, rank: int) -> tuple[int, int]:
    """Rows and columns of one image or a batch of them."""
    first = rank - (2 if call.argument("data_format") == "channels_first" else 3)
    return first, first + 1


def _resize_specs(call: Call) -> tuple[Spec, ...] | None:
    shape, size = list(call.operands[0].shape or ()), call.argument("size")
    if not is_single(call) or not fields.pair("", size) or min(size) < 1:
        return None
    if len(shape) not in (3, 4):
        return _no_image(call)
    for axis, extent in zip(_resized_axes(call, len(shape)), size, strict=True):
        shape[axis] = extent
    return (Spec(tuple(shape), call.operands[0].dtype),)


def _no_image(call: Call) -> None:
    return refuse(
        "{} takes an image or a batch of them, of rank 3 or 4; it receives {}", short(call.kind), shape_of(call)
    )


def _resize_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    return tuple(None if axis in _resized_axes(call, rank) else (0, axis) for axis in range(rank))


def _gray_specs(call: Call) -> tuple[Spec, ...] | None:
    shape = list(call.operands[0].shape or ())
    if not is_single(call):
        return None
    if len(shape) not in (3, 4):
        return _no_image(call)
    channels = len(shape) - (3 if call.argument("data_format") == "channels_first" else 1)
    if shape[channels] not in (None, 1, 3):
        return refuse(
            "ops.image.rgb_to_grayscale takes 1 or 3 channels; axis {} of {} is neither", channels, tuple(shape)
        )
    shape[channels] = 1
    return (Spec(tuple(shape), call.operands[0].dtype),)


def _blocks_specs(call: Call) -> tuple[Spec, ...] | None:
    """Channels become positions (depth_to_space) or the other way round."""
    shape, block = list(call.operands[0].shape or ()), call.argument("block_size")
    if not is_single(call):
        return None
    if len(shape) != 4:
        return refuse(
            "{} takes a tensor of rank 4; it receives rank {}, {}", short(call.kind), len(shape), tuple(shape)
        )
    first = call.argument("data_format") == "channels_first"
    channels, positions = (1, (2, 3)) if first else (3, (1, 2))
    spreads = call.kind == "ops.depth_to_space"
    for axis in (channels, *positions):
        factor = block**2 if axis == channels else block
        grows = (axis != channels) == spreads
        if not grows and shape[axis] is not None and (shape[axis] or 0) % factor:
            return refuse(
                "axis {} of {} is no multiple of {}, as block_size={} asks for", axis, shape_of(call), factor, block
            )
        shape[axis] = _scaled(shape[axis], factor, grows=grows)
    return (Spec(tuple(shape), call.operands[0].dtype),)


def _is_block(_: str, value: Any) -> bool:
    return fields.is_int(value, 2)


def _scaled(extent: int | None, factor: int, *, grows: bool) -> int | None:
    if grows:
        return times(extent, factor)
    return None if extent is None else extent // factor


POOL = Knowledge(specs=_pool_specs, kept=_pool_kept)
BLOCKS = Knowledge(specs=_blocks_specs, kept=_batch_kept, needs={"block_size": _is_block})

KINDS = {
    "ops.conv": Knowledge(specs=_conv_specs, kept=_batch_kept),
    "ops.depthwise_conv": Knowledge(specs=_depthwise_specs, kept=_batch_kept),
    "ops.separable_conv": Knowledge(specs=_separable_specs, kept=_batch_kept),
    "ops.conv_transpose": Knowledge(specs=_transposed_specs, kept=_batch_kept),
    "ops.max_pool": POOL,
    "ops.average_pool": POOL,
    "ops.image.resize": Knowledge(specs=_resize_specs, kept=_resize_kept),
    "ops.image.rgb_to_grayscale": Knowledge(specs=_gray_specs),
    "ops.depth_to_space": BLOCKS,
    "ops.space_to_depth": BLOCKS,
}

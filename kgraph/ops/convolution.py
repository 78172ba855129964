"""Convolutions."""

from __future__ import annotations

from kgraph.graph import FrozenDict, Spec, Weight
from kgraph.ops import fields
from kgraph.ops.base import (
    Call,
    Knowledge,
    Origin,
    channel_axis,
    fixed,
    image_shape,
    keeps_nothing,
    keeps_rank,
    layer_spec,
    repeat,
    spatial_axes,
    variables,
)
from kgraph.ops.extents import spread, unwindow, window
from kgraph.ops.fields import spatial_rank
from kgraph.ops.refusing import refuse

SIZES = ("kernel_size", "strides", "dilation_rate", "pool_size")


def complete_sizes(kind: str, config: FrozenDict) -> FrozenDict:
    """Sizes written as one int (``kernel_size=3``) are written out per axis."""
    rank = spatial_rank(kind)
    written = {key: repeat(config[key], rank) for key in SIZES if isinstance(config.get(key), int)}
    return FrozenDict({**config, **written}) if written else config


def windows(call: Call, size: str) -> list[int | None] | None:
    """The operand's shape after a sliding window; None where it does not fit, so that Keras raises."""
    shape = image_shape(call)
    return None if shape is None else slid(call, shape, size)


def slid(call: Call, shape: tuple[int | None, ...], size: str) -> list[int | None] | None:
    """An image-like shape after the window of a layer."""
    result = list(shape)
    for number, axis in enumerate(spatial_axes(call, len(shape))):
        dilation = call.config.get("dilation_rate", (1, 1, 1))[number]
        width, stride = call.config[size][number], call.config["strides"][number]
        found = window(shape[axis], width, stride, dilation, call.config["padding"])
        if found is not None and found <= 0 and shape[axis] != 0:
            return refuse(
                "a window of {} positions does not fit into the {} of axis {}",
                spread(width, dilation), shape[axis], axis,
            )  # fmt: skip
        result[axis] = found
    return result


def _conv_specs(call: Call) -> tuple[Spec, ...] | None:
    result, channels = windows(call, "kernel_size"), _channels(call)
    if result is None or channels is None or _is_uneven(call):
        return None
    multiplier = call.config.get("depth_multiplier", 1)
    result[channel_axis(call, len(result))] = call.config.get("filters", channels * multiplier)
    return layer_spec(call, tuple(result))


def _is_uneven(call: Call) -> bool:
    """True if channels or filters cannot be dealt out to the groups, or sizes exclude each other."""
    channels, groups, filters = _channels(call) or 0, call.config.get("groups", 1), call.config.get("filters", 0)
    if channels % groups:
        refuse("groups={} does not divide the {} channels that enter", groups, channels)
        return True
    if filters % groups:
        refuse("groups={} does not divide the {} filters", groups, filters)
        return True
    strides, dilation = call.config["strides"], call.config["dilation_rate"]
    if max(strides) <= 1 or max(dilation) <= 1:
        return False
    if "depth_multiplier" not in call.config:  # of the others, TensorFlow refuses some when they run
        refuse("strides={} and dilation_rate={} exclude each other: one of them must be 1", strides, dilation)
    return True


def _conv_weights(call: Call) -> tuple[Weight, ...] | None:
    channels = _channels(call)
    if channels is None or _is_uneven(call):
        return None
    filters = call.config["filters"]
    kernel = (*call.config["kernel_size"], channels // call.config["groups"], filters)
    return _with_bias(call, ("kernel", kernel, True), filters)


def _depthwise_weights(call: Call) -> tuple[Weight, ...] | None:
    channels = _channels(call)
    if channels is None:
        return None
    multiplier = call.config["depth_multiplier"]
    kernel = (*call.config["kernel_size"], channels, multiplier)
    return _with_bias(call, ("kernel", kernel, True), channels * multiplier)


def _separable_weights(call: Call) -> tuple[Weight, ...] | None:
    channels = _channels(call)
    if channels is None:
        return None
    multiplier, filters, size = (call.config[key] for key in ("depth_multiplier", "filters", "kernel_size"))
    depthwise = ("depthwise_kernel", (*size, channels, multiplier), True)
    pointwise = ("pointwise_kernel", (*(1 for _ in size), channels * multiplier, filters), True)
    bias = [("bias", (filters,), True)] if call.config["use_bias"] is True else []
    return variables(call, depthwise, pointwise, *bias)


def _channels(call: Call) -> int | None:
    shape = image_shape(call)
    return fixed(call, shape[channel_axis(call, len(shape))], "how many channels enter") if shape else None


def _with_bias(call: Call, kernel: tuple[str, tuple[int | None, ...], bool], units: int) -> tuple[Weight, ...] | None:
    if call.config["use_bias"] is not True:
        return variables(call, kernel)
    return variables(call, kernel, ("bias", (units,), True))


def _conv_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    if not keeps_rank(call, rank):
        return keeps_nothing(call, rank)
    kept: list[Origin] = [(0, 0), *(None,) * (rank - 1)]
    for number, axis in enumerate(spatial_axes(call, rank)):
        if keeps_extent(call, number, "kernel_size"):
            kept[axis] = (0, axis)
    if call.config.get("activation") == "glu":
        kept[-1] = None
    return tuple(kept)


def keeps_extent(call: Call, number: int, size: str) -> bool:
    """True if a sliding window gives as many positions as it reads, at every size."""
    if call.config["strides"][number] != 1:
        return False
    return call.config["padding"] != "valid" or call.config[size][number] == 1


def _conv_reason(call: Call, axis: int) -> str:
    shape = image_shape(call)
    if shape is not None and axis == channel_axis(call, len(shape)):
        return (
            f"{call.config['filters']} filters" if "filters" in call.config else "the channels times depth_multiplier"
        )
    return window_reason(call, axis, "kernel_size")


def window_reason(call: Call, axis: int, size: str) -> str:
    """``stride 2`` or ``a valid 3-wide window``: what a sliding window does to a spatial axis."""
    shape = image_shape(call)
    axes = spatial_axes(call, len(shape or ()))
    if axis not in axes:
        return ""
    number = axis - axes.start
    stride, width = call.config["strides"][number], call.config[size][number]
    words = [f"stride {stride}"] if stride != 1 else []
    if call.config["padding"] == "valid" and width != 1:
        words.append(f"a valid {width}-wide window")
    return " and ".join(words)


def _transposed_specs(call: Call) -> tuple[Spec, ...] | None:
    shape, config = image_shape(call), call.config
    if shape is None or _channels(call) is None or _is_uneven(call) or not _pads_less_than_strides(config):
        return None
    result = list(shape)
    result[channel_axis(call, len(shape))] = config["filters"]
    added = config["output_padding"] or (None,) * (len(shape) - 2)
    for number, axis in enumerate(spatial_axes(call, len(shape))):
        width = spread(config["kernel_size"][number], config["dilation_rate"][number])
        result[axis] = unwindow(shape[axis], width, config["strides"][number], config["padding"], added[number])
    return layer_spec(call, tuple(result))


def _pads_less_than_strides(config: FrozenDict) -> bool:
    """False where Keras raises."""
    added, strides = config["output_padding"] or (), config["strides"]
    if all(more < stride for more, stride in zip(added, strides, strict=False)):
        return True
    refuse("output_padding={} must be less than strides={} on every axis", added, strides)
    return False


def _transposed_weights(call: Call) -> tuple[Weight, ...] | None:
    channels, filters = _channels(call), call.config["filters"]
    if channels is None:
        return None
    return _with_bias(call, ("kernel", (*call.config["kernel_size"], filters, channels), True), filters)


def _transposed_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    """Padded as ``same``, a stride of 1 keeps the extent, unless more padding is asked for."""
    if not keeps_rank(call, rank):
        return keeps_nothing(call, rank)
    kept: list[Origin] = [(0, 0), *(None,) * (rank - 1)]
    for number, axis in enumerate(spatial_axes(call, rank)):
        plain = call.config["padding"] == "same" or call.config["kernel_size"][number] == 1
        if call.config["strides"][number] == 1 and plain and call.config["output_padding"] is None:
            kept[axis] = (0, axis)
    return tuple(kept)


def _transposed_reason(call: Call, axis: int) -> str:
    rank = len(call.operands[0].shape or ())
    if axis == channel_axis(call, rank):
        return f"{call.config['filters']} filters"
    axes = spatial_axes(call, rank)
    return f"a transposed convolution of stride {call.config['strides'][axis - axes.start]}" if axis in axes else ""


def _complete_transposed(kind: str, config: FrozenDict) -> FrozenDict:
    config = complete_sizes(kind, config)
    added = config.get("output_padding")
    return FrozenDict({**config, "output_padding": repeat(added, spatial_rank(kind))}) if type(added) is int else config


WINDOW = {
    "kernel_size": fields.sizes,
    "strides": fields.sizes,
    "dilation_rate": fields.sizes,
    "padding": fields.one_of("valid", "same"),
    "data_format": fields.DATA_FORMAT,
}
CAUSAL = {**WINDOW, "padding": fields.one_of("valid", "same", "causal")}
PLAIN = {**WINDOW, "filters": fields.size}

CONV = Knowledge(
    specs=_conv_specs, weights=_conv_weights, kept=_conv_kept, reason=_conv_reason, complete=complete_sizes,
    needs={**CAUSAL, "filters": fields.size, "groups": fields.size},
)  # fmt: skip
DEPTHWISE = Knowledge(
    specs=_conv_specs, weights=_depthwise_weights, kept=_conv_kept, reason=_conv_reason, complete=complete_sizes,
    needs={**WINDOW, "depth_multiplier": fields.size},
)  # fmt: skip
SEPARABLE = Knowledge(
    specs=_conv_specs, weights=_separable_weights, kept=_conv_kept, reason=_conv_reason, complete=complete_sizes,
    # Keras 2 takes causal padding: nothing is said of it.
    needs={**PLAIN, "padding": fields.either(WINDOW["padding"]), "depth_multiplier": fields.size},
)  # fmt: skip
TRANSPOSED = Knowledge(
    specs=_transposed_specs, weights=_transposed_weights, kept=_transposed_kept, reason=_transposed_reason,
    complete=_complete_transposed, needs={**PLAIN, "output_padding": fields.either(fields.absent, fields.counts)},
)  # fmt: skip

KINDS = {
    **dict.fromkeys(("layers.SeparableConv1D", "layers.SeparableConv2D"), SEPARABLE),
    **dict.fromkeys(("layers.Conv1D", "layers.Conv2D", "layers.Conv3D"), CONV),
    **dict.fromkeys(("layers.DepthwiseConv1D", "layers.DepthwiseConv2D"), DEPTHWISE),
    **{f"layers.Conv{rank}DTranspose": TRANSPOSED for rank in (1, 2, 3)},
}

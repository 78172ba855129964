"""Convolutions and dense layers."""

from __future__ import annotations

from kgraph.graph import FrozenDict, Spec, Weight
from kgraph.ops.base import (
    Call,
    Knowledge,
    Origin,
    channel_axis,
    image_shape,
    keeps_batch,
    keeps_nothing,
    layer_spec,
    repeat,
    spatial_axes,
    variables,
)

SIZES = ("kernel_size", "strides", "dilation_rate", "pool_size")


def window(extent: int | None, size: int, stride: int, dilation: int, padding: str) -> int | None:
    """The output extent of a sliding window over ``extent`` positions; not positive where it does not fit."""
    if extent is None:
        return None
    if padding != "valid":
        return -(-extent // stride)
    return (extent - dilation * (size - 1) - 1) // stride + 1


def complete_sizes(kind: str, config: FrozenDict) -> FrozenDict:
    """Sizes written as one int (``kernel_size=3``) are written out per axis."""
    rank = int(kind[-2])
    written = {key: repeat(config[key], rank) for key in SIZES if isinstance(config.get(key), int)}
    return FrozenDict({**config, **written}) if written else config


def windows(call: Call, size: str) -> list[int | None] | None:
    """The operand's shape after a sliding window; None where it does not fit, so that Keras raises."""
    shape = image_shape(call)
    if shape is None:
        return None
    result = list(shape)
    for number, axis in enumerate(spatial_axes(call, len(shape))):
        dilation = call.config.get("dilation_rate", (1, 1, 1))[number]
        width, stride = call.config[size][number], call.config["strides"][number]
        found = window(shape[axis], width, stride, dilation, call.config["padding"])
        if found is not None and found <= 0 and shape[axis] != 0:
            return None
        result[axis] = found
    return result


def _conv_specs(call: Call) -> tuple[Spec, ...] | None:
    result = windows(call, "kernel_size")
    if result is None:
        return None
    channels = channel_axis(call, len(result))
    result[channels] = _filters(call, result[channels])
    return layer_spec(call, tuple(result))


def _filters(call: Call, channels: int | None) -> int | None:
    if "depth_multiplier" in call.config and "filters" not in call.config:
        return None if channels is None else channels * call.config["depth_multiplier"]
    return call.config["filters"]


def _conv_weights(call: Call) -> tuple[Weight, ...] | None:
    channels = _channels(call)
    if channels is None:
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
    return shape[channel_axis(call, len(shape))] if shape else None


def _with_bias(call: Call, kernel: tuple[str, tuple[int | None, ...], bool], units: int) -> tuple[Weight, ...] | None:
    if call.config["use_bias"] is not True:
        return variables(call, kernel)
    return variables(call, kernel, ("bias", (units,), True))


def _conv_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    if image_shape(call) is None:
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


def _dense_specs(call: Call) -> tuple[Spec, ...] | None:
    shape = call.operands[0].shape
    return layer_spec(call, (*shape[:-1], call.config["units"])) if shape else None


def _dense_weights(call: Call) -> tuple[Weight, ...] | None:
    shape = call.operands[0].shape
    if not shape or shape[-1] is None:
        return None
    return _with_bias(call, ("kernel", (shape[-1], call.config["units"]), True), call.config["units"])


def _dense_kept(_: Call, rank: int) -> tuple[Origin, ...]:
    return (*((0, axis) for axis in range(rank - 1)), None)


def _dense_reason(call: Call, axis: int) -> str:
    return f"{call.config['units']} units" if axis == len(call.operands[0].shape or ()) - 1 else ""


def _embedding_specs(call: Call) -> tuple[Spec, ...] | None:
    shape = call.operands[0].shape
    return layer_spec(call, (*shape, call.config["output_dim"])) if shape is not None else None


def _embedding_weights(call: Call) -> tuple[Weight, ...] | None:
    return variables(call, ("embeddings", (call.config["input_dim"], call.config["output_dim"]), True))


def _embedding_reason(call: Call, axis: int) -> str:
    return f"{call.config['output_dim']} embedding dimensions" if axis == len(call.operands[0].shape or ()) else ""


def _embedding_kept(_: Call, rank: int) -> tuple[Origin, ...]:
    return (*((0, axis) for axis in range(rank - 1)), None)


CONV = Knowledge(
    specs=_conv_specs,
    weights=_conv_weights,
    kept=_conv_kept,
    bare=keeps_batch,
    reason=_conv_reason,
    complete=complete_sizes,
)
DEPTHWISE = Knowledge(
    specs=_conv_specs,
    weights=_depthwise_weights,
    kept=_conv_kept,
    bare=keeps_batch,
    reason=_conv_reason,
    complete=complete_sizes,
)

SEPARABLE = Knowledge(
    specs=_conv_specs,
    weights=_separable_weights,
    kept=_conv_kept,
    bare=keeps_batch,
    reason=_conv_reason,
    complete=complete_sizes,
)

KINDS = {
    **dict.fromkeys(("layers.SeparableConv1D", "layers.SeparableConv2D"), SEPARABLE),
    **dict.fromkeys(("layers.Conv1D", "layers.Conv2D", "layers.Conv3D"), CONV),
    **dict.fromkeys(("layers.DepthwiseConv1D", "layers.DepthwiseConv2D"), DEPTHWISE),
    "layers.Dense": Knowledge(
        specs=_dense_specs, weights=_dense_weights, kept=_dense_kept, bare=_dense_kept, reason=_dense_reason
    ),
    "layers.Embedding": Knowledge(
        specs=_embedding_specs,
        weights=_embedding_weights,
        kept=_embedding_kept,
        bare=_embedding_kept,
        reason=_embedding_reason,
    ),
}

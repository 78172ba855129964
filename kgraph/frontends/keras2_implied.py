"""What of a Keras 2 description is told only by the shapes that enter: they are inferred while the graph is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from kgraph.frontends.written import assumed_selection
from kgraph.graph import FrozenDict, Function, Slot, Spec, Tree, Weight
from kgraph.ops import Call, infer_specs, infer_weights
from kgraph.ops.base import as_axes, is_float, spatial_axes
from kgraph.ops.fields import spatial_rank

COUNTED = frozenset(("layers.BatchNormalization", "layers.LayerNormalization"))
"""Kinds whose axes Keras 2 counts from the front, whatever it was given."""

MERGES = frozenset(f"layers.{name}" for name in ("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"))

PASSING = MERGES | frozenset(f"layers.{name}" for name in (
    "Activation", "AlphaDropout", "Concatenate", "Cropping1D", "Cropping2D", "Cropping3D", "Dropout",
    "GaussianDropout", "GaussianNoise", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D",
    "MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "ReLU", "RepeatVector", "SpatialDropout1D", "SpatialDropout2D",
    "SpatialDropout3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D",
))  # fmt: skip
"""Layers that leave numbers which are no floats as they are; those of Keras 3 have the dtype of their policy."""

CONVOLUTIONS = frozenset(("layers.Conv1D", "layers.Conv2D", "layers.Conv3D"))

DILATED = frozenset(("layers.DepthwiseConv2D", "layers.SeparableConv2D"))

NUMBERING = frozenset(("layers.Discretization", "layers.Hashing", "layers.IntegerLookup", "layers.StringLookup"))
"""Layers whose dtype is that of the numbers which they give in Keras 2; in Keras 3 the output mode tells it."""


def settled_config(kind: str, config: FrozenDict, operands: Sequence[Spec], outputs: Sequence[Spec]) -> FrozenDict:
    """The config of a layer, as its first call settles it.

    Args:
        kind, config: of the layer.
        operands: what enters its first call.
        outputs: what is recorded of the call's outputs.
    """
    if kind != "layers.Lambda":
        return last_axis(kind, config, operands)
    function, arguments = config.get("function"), config.get("arguments")
    entered, left = (specs[0] if len(specs) == 1 else None for specs in (operands, outputs))
    assumed = assumed_selection(arguments, entered, left)
    if assumed is None or not isinstance(function, Function):
        return config
    held = Function(function.digest, assumed, "assumed", captures=function.captures)
    return FrozenDict({**config, "function": held, "arguments": FrozenDict()})


def last_axis(kind: str, config: FrozenDict, operands: Sequence[Spec]) -> FrozenDict:
    """The config with -1 for the last axis of a normalization."""
    shape = operands[0].shape if operands and kind in COUNTED else None
    if not shape or config.get("axis") not in (len(shape) - 1, (len(shape) - 1,)):
        return config
    return FrozenDict({**config, "axis": (-1,) if isinstance(config["axis"], tuple) else -1})


def implied_weights(call: Call) -> tuple[Weight, ...] | None:
    """The variables of the layer that is called: those of Keras 3, but for a normalization of half precision."""
    found = infer_weights(_folded(call))
    if found is None or call.kind != "layers.BatchNormalization":
        return found
    return tuple(replace(weight, dtype="float32") if "16" in weight.dtype else weight for weight in found)


def implied_specs(call: Call, outputs: Sequence[Spec]) -> tuple[Spec, ...] | None:
    """The specs of a call's outputs as Keras 2 infers them: as Keras 3 does, but for a few.

    Args:
        call: the call.
        outputs: what is written of them; a dtype is that of the layer.
    """
    folded = _folded(call)
    found = infer_specs(folded)
    if not found:
        return found
    if folded is not call:
        found = (replace(found[0], shape=_unfolded(call, found[0].shape or ())),)
    if call.kind in NUMBERING and outputs[0].dtype and not call.field("invert"):
        return tuple(replace(spec, dtype=outputs[0].dtype) for spec in found)
    given = call.operands[0].dtype if call.operands else ""
    if call.kind in PASSING and not any(is_float(spec.dtype) for spec in call.operands):
        dtype = "float64" if call.kind == "layers.Average" else given
        found = tuple(replace(spec, dtype=dtype) for spec in found)
    special = SPECIAL.get(call.kind)
    shape = found[-1].shape
    return found if special is None or shape is None else (*found[:-1], replace(found[-1], shape=special(call, shape)))


Extents = tuple[int | None, ...]


def _folded(call: Call) -> Call:
    """The call; of a convolution with several axes before the image, which Keras 2 takes, with the first alone."""
    shape = call.operands[0].shape if call.operands and call.kind in CONVOLUTIONS else None
    outer = 0 if shape is None else len(shape) - spatial_rank(call.kind) - 2
    if shape is None or outer <= 0:
        return call
    return replace(call, operands=(replace(call.operands[0], shape=(shape[0], *shape[1 + outer :])),))


def _unfolded(call: Call, shape: Extents) -> Extents:
    entered = call.operands[0].shape or ()
    return (*entered[: len(entered) - len(shape) + 1], *shape[1:])


def _scores(call: Call, shape: Extents) -> Extents:
    """Of each query for each key; Keras 3 does not look at how many keys there are."""
    key = call.argument("key") or call.argument("value")
    entered = call.operands[key.index].shape if isinstance(key, Slot) else None
    return (*shape[:-1], entered[-2]) if entered and call.argument("return_attention_scores") else shape


def _rescaled(call: Call, shape: Extents) -> Extents:
    """What arrays of scales and offsets stretch axes of 1 to; Keras 3 does not look at them."""
    extents = list(shape)
    for array in (call.field("scale"), call.field("offset")):
        for axis, size in enumerate(reversed(_sizes(array)), 1):
            if axis <= len(extents) and extents[-axis] == 1:
                extents[-axis] = size
    return tuple(extents)


def _sizes(array: Tree) -> list[int]:
    """The extents of an array that is written as nested tuples."""
    sizes: list[int] = []
    while isinstance(array, tuple) and array:
        sizes.append(len(array))  # pyright: ignore[reportUnknownArgumentType]
        array = array[0]  # pyright: ignore[reportUnknownVariableType]
    return sizes


def _merged(call: Call, shape: Extents) -> Extents:
    """An open extent beside one that is fixed is that one; missing axes stand behind the batch."""
    shapes = [spec.shape or (1,) for spec in call.operands]
    lined = [(*own[:1], *(1,) * (len(shape) - len(own)), *own[1:]) for own in shapes]
    return tuple(_fixed(extents) or extent for extents, extent in zip(zip(*lined, strict=True), shape, strict=True))


def _fixed(extents: Iterable[int | None]) -> int | None:
    return next((extent for extent in extents if extent is not None and extent > 1), None)


def _joined(call: Call, shape: Extents) -> Extents:
    """The axes that are not joined have the extent that is fixed in any operand."""
    axes = as_axes(call.field("axis"), len(shape)) or ()
    known = zip(*(spec.shape or () for spec in call.operands), strict=True)
    return tuple(
        extent if axis in axes or extent is not None else next((each for each in extents if each is not None), None)
        for axis, (extents, extent) in enumerate(zip(known, shape, strict=True))
    )


def _loses_sizes(call: Call, shape: Extents) -> Extents:
    """TensorFlow computes the sizes of the output while it runs where one of the input is open."""
    axes = spatial_axes(call, len(shape))
    entered = call.operands[0].shape or shape
    dilation = call.field("dilation_rate")
    if call.kind in DILATED and isinstance(dilation, tuple) and set(dilation) == {1}:  # pyright: ignore
        return shape
    open_sizes = any(entered[axis] is None for axis in axes)
    return tuple(None if open_sizes and axis in axes else extent for axis, extent in enumerate(shape))


SPECIAL: dict[str, Callable[[Call, Extents], Extents]] = {
    **dict.fromkeys(MERGES, _merged),
    **dict.fromkeys((*DILATED, "layers.UpSampling2D"), _loses_sizes),
    "layers.Concatenate": _joined,
    "layers.MultiHeadAttention": _scores,
    "layers.Rescaling": _rescaled,
}
"""Kinds whose last output has another shape."""

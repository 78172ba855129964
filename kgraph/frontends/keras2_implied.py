"""What of a Keras 2 description is told only by the shapes that enter: they are inferred while the graph is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kgraph.frontends.written import assumed_selection
from kgraph.graph import FrozenDict, Function, Slot, Spec, Tree
from kgraph.ops import Call, infer_specs

COUNTED = frozenset(("layers.BatchNormalization", "layers.LayerNormalization"))
"""Kinds whose axes Keras 2 counts from the front, whatever it was given."""

NUMBERING = frozenset(("layers.Discretization", "layers.Hashing", "layers.IntegerLookup", "layers.StringLookup"))
"""Layers whose dtype is that of the numbers which they give in Keras 2; in Keras 3 the output mode tells it."""

ATTENTION = "layers.MultiHeadAttention"


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


def implied_specs(call: Call, outputs: Sequence[Spec]) -> tuple[Spec, ...] | None:
    """The specs of a call's outputs as Keras 2 infers them: as Keras 3 does, but for a few.

    Args:
        call: the call.
        outputs: what is written of them; a dtype is that of the layer.
    """
    found = infer_specs(call)
    if found is None:
        return None
    if call.kind in NUMBERING and outputs[0].dtype and not call.field("invert"):
        return tuple(replace(spec, dtype=outputs[0].dtype) for spec in found)
    if call.kind == ATTENTION and len(found) == 2:
        return found[0], _scores(call, found[1])
    if call.kind == "layers.Rescaling":
        return tuple(_rescaled(call, spec) for spec in found)
    return found


def _scores(call: Call, square: Spec) -> Spec:
    """The scores of each query for each key; Keras 3 does not look at how many keys there are."""
    key = call.argument("key") or call.argument("value")
    shape = call.operands[key.index].shape if isinstance(key, Slot) else None
    if not shape or square.shape is None:
        return square
    return replace(square, shape=(*square.shape[:-1], shape[-2]))


def _rescaled(call: Call, spec: Spec) -> Spec:
    """What arrays of scales and offsets stretch axes of 1 to; Keras 3 does not look at them."""
    extents = list(spec.shape or ())
    for array in (call.field("scale"), call.field("offset")):
        for axis, size in enumerate(reversed(_sizes(array)), 1):
            if axis <= len(extents) and extents[-axis] == 1:
                extents[-axis] = size
    return replace(spec, shape=tuple(extents))


def _sizes(array: Tree) -> list[int]:
    """The extents of an array that is written as nested tuples."""
    sizes: list[int] = []
    while isinstance(array, tuple) and array:
        sizes.append(len(array))  # pyright: ignore[reportUnknownArgumentType]
        array = array[0]
    return sizes

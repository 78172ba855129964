"""Kinds that rearrange, pad, crop or repeat: the extents change, the elements do not."""

from __future__ import annotations

import math
from typing import Any

from kgraph.graph import FrozenDict, Object, Shape, Spec
from kgraph.ops import fields
from kgraph.ops.base import (
    Call,
    Knowledge,
    Origin,
    as_axes,
    image_shape,
    is_ints,
    keeps_batch,
    keeps_nothing,
    keeps_rank,
    layer_spec,
    passed_spec,
    repeat,
    same_specs,
    shape_of,
    spatial_axes,
)
from kgraph.ops.extents import agree, plus, product, times
from kgraph.ops.fields import spatial_rank
from kgraph.ops.refusing import refuse, short

PASSING = frozenset(("layers.Flatten", "layers.Permute", "layers.Reshape"))
"""Layers that compute nothing: what is not of a float dtype keeps its own."""


def _with_shape(call: Call, shape: Shape) -> tuple[Spec, ...] | None:
    """One output of this shape: layers cast to their compute dtype, operations keep the dtype."""
    if shape is None:
        return None
    if call.kind in PASSING:
        return passed_spec(call, shape)
    if call.kind.startswith("layers."):
        return layer_spec(call, shape)
    return (Spec(shape, call.operands[0].dtype),)


def _input_specs(call: Call) -> tuple[Spec, ...] | None:
    shape, dtype = call.config.get("batch_shape"), call.config["dtype"]
    return (Spec(shape, dtype),)


def _pairs(kind: str, sizes: Any) -> tuple[tuple[int, int], ...] | None:
    """Padding or cropping per spatial axis as (before, after); None for what Keras refuses."""
    rank = spatial_rank(kind)
    if rank == 1:
        sizes = repeat(sizes, 2)
        sizes = (sizes,) if is_ints(sizes) else sizes
    found = repeat(sizes, rank)
    pairs = tuple(repeat(size, 2) for size in found) if isinstance(found, tuple) else ()  # pyright: ignore
    right = len(pairs) == rank and all(fields.ints("", pair) and len(pair) == 2 and min(pair) >= 0 for pair in pairs)
    return pairs if right else None


def _are_pairs(kind: str, sizes: Any) -> bool:
    return _pairs(kind, sizes) is not None


def _given_pairs(call: Call) -> tuple[tuple[int, int], ...]:
    return _pairs(call.kind, call.config["padding" if "Padding" in call.kind else "cropping"]) or ()


def _complete_pairs(kind: str, config: FrozenDict) -> FrozenDict:
    key = "padding" if "Padding" in kind else "cropping"
    pairs = _pairs(kind, config.get(key))
    return config if pairs is None else FrozenDict({**config, key: pairs[0] if kind.endswith("1D") else pairs})


def _pad_specs(call: Call) -> tuple[Spec, ...] | None:
    sign = 1 if "Padding" in call.kind else -1
    shape = image_shape(call)
    if shape is None:
        return None
    result = list(shape)
    for (before, after), axis in zip(_given_pairs(call), _spatial(call), strict=True):
        result[axis] = found = plus(result[axis], sign * (before + after))
        if found is not None and found <= 0 and sign < 0:
            return refuse("cropping {} + {} leaves nothing of axis {} of {}", before, after, axis, shape)
    return _with_shape(call, tuple(result))


def _spatial(call: Call) -> range:
    rank = len(shape_of(call))
    return range(1, 2) if call.kind.endswith("1D") else spatial_axes(call, rank)


def _pad_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    if not keeps_rank(call, rank):
        return keeps_nothing(call, rank)
    kept: list[Origin] = [(0, axis) for axis in range(rank)]
    for pair, axis in zip(_given_pairs(call), _spatial(call), strict=True):
        if sum(pair):
            kept[axis] = None
    return tuple(kept)


def _pad_reason(call: Call, axis: int) -> str:
    if image_shape(call) is None or axis not in _spatial(call):
        return ""
    before, after = _given_pairs(call)[axis - _spatial(call).start]
    return f"{'padding' if 'Padding' in call.kind else 'cropping'} {before} + {after}"


def _complete_size(kind: str, config: FrozenDict) -> FrozenDict:
    if kind.endswith("1D") or not isinstance(config.get("size"), int):
        return config
    return FrozenDict({**config, "size": repeat(config["size"], spatial_rank(kind))})


def _upsample_specs(call: Call) -> tuple[Spec, ...] | None:
    if call.kind == "layers.UpSampling3D" and not keeps_rank(call, len(shape_of(call))):
        return None  # nothing is said of it: Keras 2 takes other ranks
    shape = image_shape(call)
    if shape is None:
        return None
    result = list(shape)
    for number, axis in enumerate(_spatial(call)):
        result[axis] = times(result[axis], _factor(call, number))
    return _with_shape(call, tuple(result))


def _factor(call: Call, number: int) -> int:
    size = call.config["size"]
    return size if isinstance(size, int) else size[number]


def _upsample_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    if not keeps_rank(call, rank):
        return keeps_nothing(call, rank)
    kept: list[Origin] = [(0, axis) for axis in range(rank)]
    for number, axis in enumerate(_spatial(call)):
        if _factor(call, number) != 1:
            kept[axis] = None
    return tuple(kept)


def _upsample_reason(call: Call, axis: int) -> str:
    if image_shape(call) is None or axis not in _spatial(call):
        return ""
    return f"up-sampling by {_factor(call, axis - _spatial(call).start)}"


def _flatten_specs(call: Call) -> tuple[Spec, ...] | None:
    shape = shape_of(call)
    return _with_shape(call, (shape[0], product(shape[1:]))) if shape else refuse("Flatten takes no scalar")


def _layer_reshape_specs(call: Call) -> tuple[Spec, ...] | None:
    shape, inner = shape_of(call), _reshaped(shape_of(call)[1:], call.config["target_shape"])
    return None if inner is None or not shape else _with_shape(call, (shape[0], *inner))


def _reshape_specs(call: Call) -> tuple[Spec, ...] | None:
    return _with_shape(call, _reshaped(shape_of(call), call.argument("newshape")))


def _reshaped(shape: tuple[int | None, ...], target: Any) -> Shape:
    """Target with its -1 worked out; None in its place where the size is not known, None for what Keras refuses."""
    if not fields.ints("", target):
        return None
    if min(target, default=0) < -1 or target.count(-1) > 1:
        return refuse("a shape to reshape to holds sizes, and -1 once at most; it is {}", target)
    size, known = product(shape), math.prod(extent for extent in target if extent != -1)
    if -1 not in target:
        return target if size in (None, known) else refuse("{} has {} elements, {} has {}", shape, size, target, known)
    if size is not None and (known == 0 or size % known):
        return refuse("the {} elements of {} cannot be dealt out to {}", size, shape, target)
    rest = None if size is None else size // known
    return tuple(rest if extent == -1 else extent for extent in target)


def _reshape_reason(_: Call, axis: int) -> str:
    return "a reshape"


def _permutation(call: Call) -> tuple[int, ...] | None:
    """By axis of the output, the axis of the operand; None if the call is no permutation."""
    rank = len(shape_of(call))
    axes = (0, *call.config["dims"]) if call.kind == "layers.Permute" else call.argument("axes")
    if axes is None:
        return tuple(reversed(range(rank)))
    order = as_axes(axes, rank)
    if order is None or sorted(order) == list(range(rank)):
        return order
    apart, given = (", the batch apart", axes[1:]) if call.kind == "layers.Permute" else ("", axes)
    return refuse(
        "{} of a tensor of rank {} must name each axis once{}; it is given {}", short(call.kind), rank, apart, given
    )


def _permute_specs(call: Call) -> tuple[Spec, ...] | None:
    shape, order = shape_of(call), _permutation(call)
    return None if order is None else _with_shape(call, tuple(shape[axis] for axis in order))


def _permute_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    order = _permutation(call)
    return keeps_nothing(call, rank) if order is None else tuple((0, axis) for axis in order)


def _new_axes(call: Call) -> tuple[int, ...] | None:
    axis = call.argument("axis")
    axes = as_axes(axis, len(shape_of(call)) + (len(axis) if is_ints(axis) else 1))
    if axes is None or len(set(axes)) == len(axes):
        return axes
    return refuse("axis={} names an axis twice", axis)


def _expand_specs(call: Call) -> tuple[Spec, ...] | None:
    new, old = _new_axes(call), iter(shape_of(call))
    if new is None:
        return None
    return _with_shape(call, tuple(1 if axis in new else next(old) for axis in range(len(shape_of(call)) + len(new))))


def _expand_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    new, old = _new_axes(call), iter(range(rank))
    if new is None:
        return keeps_nothing(call, rank)
    return tuple(None if axis in new else (0, next(old)) for axis in range(rank))


def _expand_reason(call: Call, axis: int) -> str:
    return "a new axis" if axis in (_new_axes(call) or ()) else ""


def _squeezed(call: Call) -> tuple[int, ...] | None:
    """The axes that are dropped; None where that depends on an open size, or Keras raises, as one is not 1."""
    shape, axis = shape_of(call), call.argument("axis")
    if axis is not None:
        axes = as_axes(axis, len(shape))
        if axes is None or all(agree((shape[each], 1)) for each in axes):
            return axes
        return refuse("only axes of 1 can be squeezed; axis {} of {} is none", axis, shape)
    return None if None in shape else tuple(index for index, extent in enumerate(shape) if extent == 1)


def _squeeze_specs(call: Call) -> tuple[Spec, ...] | None:
    gone = _squeezed(call)
    if gone is None:
        return None
    return _with_shape(call, tuple(extent for axis, extent in enumerate(shape_of(call)) if axis not in gone))


def _squeeze_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    gone = _squeezed(call)
    if gone is None:
        return keeps_nothing(call, rank)
    return tuple((0, axis) for axis in range(len(shape_of(call))) if axis not in gone)


def _repeat_specs(call: Call) -> tuple[Spec, ...] | None:
    shape = shape_of(call)
    if len(shape) != 2:
        return refuse("RepeatVector takes a tensor of rank 2; it receives rank {}, {}", len(shape), shape)
    return _with_shape(call, (shape[0], call.config["n"], shape[1]))


def _repeat_kept(_: Call, rank: int) -> tuple[Origin, ...]:
    return ((0, 0), None, *((0, axis) for axis in range(1, rank - 1)))


def _rescaling_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    """A vector broadcasts when the layer runs, while Keras records the input's shape all the same (keras#21319)."""
    depths = [_depth(call.config.get(key)) for key in ("scale", "offset")]
    if None in depths:
        return keeps_nothing(call, rank)
    fixed = rank - max(depth for depth in depths if depth is not None)
    return tuple((0, axis) if axis < fixed else None for axis in range(rank))


def _depth(value: Any) -> int | None:
    """Number of axes of a scalar or nested tuple in a config; None for anything else."""
    if isinstance(value, Object) and value.kind == "__numpy__":
        value = value.config.get("value")
    depth = 0
    inner: Any = value
    while isinstance(inner, tuple) and inner:
        inner, depth = next(iter(inner)), depth + 1  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return depth if isinstance(inner, (int, float)) else None


RESHAPE = Knowledge(specs=_reshape_specs, reason=_reshape_reason)


def _pad(needs: dict[str, fields.Check]) -> Knowledge:
    return Knowledge(specs=_pad_specs, kept=_pad_kept, reason=_pad_reason, complete=_complete_pairs, needs=needs)


def _upsample(needs: dict[str, fields.Check]) -> Knowledge:
    return Knowledge(
        specs=_upsample_specs, kept=_upsample_kept, reason=_upsample_reason, complete=_complete_size, needs=needs
    )


PAD = {"padding": _are_pairs}
CROP = {"cropping": _are_pairs}
FORMAT = {"data_format": fields.DATA_FORMAT}

KINDS = {
    "layers.InputLayer": Knowledge(
        specs=_input_specs,
        needs={"batch_shape": fields.either(fields.absent, fields.open_sizes), "dtype": fields.text},
    ),
    "layers.ZeroPadding1D": _pad(PAD),  # channels_first is taken to mean nothing
    "layers.Cropping1D": _pad(CROP),
    **{f"layers.ZeroPadding{rank}D": _pad({**PAD, **FORMAT}) for rank in (2, 3)},
    **{f"layers.Cropping{rank}D": _pad({**CROP, **FORMAT}) for rank in (2, 3)},
    "layers.UpSampling1D": _upsample({"size": fields.size}),
    **{f"layers.UpSampling{rank}D": _upsample({"size": fields.sizes, **FORMAT}) for rank in (2, 3)},
    "layers.Flatten": Knowledge(specs=_flatten_specs, kept=keeps_batch, reason=_reshape_reason),
    "layers.Reshape": Knowledge(
        specs=_layer_reshape_specs, kept=keeps_batch, reason=_reshape_reason, needs={"target_shape": fields.ints}
    ),
    "ops.reshape": RESHAPE,
    "layers.Permute": Knowledge(specs=_permute_specs, kept=_permute_kept, needs={"dims": fields.ints}),
    "ops.transpose": Knowledge(specs=_permute_specs, kept=_permute_kept),
    "ops.expand_dims": Knowledge(specs=_expand_specs, kept=_expand_kept, reason=_expand_reason),
    "ops.squeeze": Knowledge(specs=_squeeze_specs, kept=_squeeze_kept),
    "layers.RepeatVector": Knowledge(specs=_repeat_specs, kept=_repeat_kept, needs={"n": fields.size}),
    "layers.Rescaling": Knowledge(
        specs=same_specs,
        kept=_rescaling_kept,
    ),
}

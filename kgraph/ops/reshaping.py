"""Kinds that rearrange, pad, crop, repeat or reduce: the extents change, the elements do not (or are summed up)."""

from __future__ import annotations

import math
from typing import Any

from kgraph.graph import FrozenDict, Shape, Spec
from kgraph.ops.base import (
    Call,
    Knowledge,
    Origin,
    compute_dtype,
    keeps_all,
    keeps_batch,
    layer_spec,
    repeat,
    spatial_axes,
)

REDUCTIONS = ("sum", "mean", "max", "min", "prod", "any", "all", "std", "var", "logsumexp")


def _with_shape(call: Call, shape: Shape) -> tuple[Spec, ...] | None:
    """One output of this shape: layers cast to their compute dtype, operations keep the dtype."""
    if shape is None:
        return None
    if call.kind.startswith("layers."):
        return layer_spec(call, shape)
    return (Spec(shape, call.operands[0].dtype),)


def _shape(call: Call) -> tuple[int | None, ...]:
    return call.operands[0].shape or ()


def _input_specs(call: Call) -> tuple[Spec, ...] | None:
    shape, dtype = call.config.get("batch_shape"), call.config.get("dtype")
    return (Spec(shape, dtype),) if isinstance(dtype, str) else None


def _pairs(kind: str, sizes: Any) -> tuple[tuple[int, int], ...]:
    """Padding or cropping per spatial axis as (before, after)."""
    rank = int(kind[-2])
    if rank == 1:
        sizes = repeat(sizes, 2)
        return ((sizes[0], sizes[1]) if isinstance(sizes[0], int) else tuple(sizes[0]),)
    sizes = repeat(sizes, rank)
    return tuple((size, size) if isinstance(size, int) else tuple(size) for size in sizes)


def _complete_pairs(kind: str, config: FrozenDict) -> FrozenDict:
    key = "padding" if "padding" in config else "cropping"
    if key not in config:
        return config
    pairs = _pairs(kind, config[key])
    return FrozenDict({**config, key: pairs[0] if kind.endswith("1D") else pairs})


def _pad_specs(call: Call) -> tuple[Spec, ...] | None:
    sign, key = (1, "padding") if "padding" in call.config else (-1, "cropping")
    result = list(_shape(call))
    pairs = _pairs(call.kind, call.config[key])
    for (before, after), axis in zip(pairs, _spatial(call), strict=True):
        extent = result[axis]
        result[axis] = None if extent is None else extent + sign * (before + after)
    return _with_shape(call, tuple(result))


def _spatial(call: Call) -> range:
    rank = len(_shape(call))
    return range(1, 2) if call.kind.endswith("1D") else spatial_axes(call, rank)


def _pad_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    key = "padding" if "padding" in call.config else "cropping"
    kept: list[Origin] = [(0, axis) for axis in range(rank)]
    for pair, axis in zip(_pairs(call.kind, call.config[key]), _spatial(call), strict=True):
        if sum(pair):
            kept[axis] = None
    return tuple(kept)


def _pad_reason(call: Call, axis: int) -> str:
    key = "padding" if "padding" in call.config else "cropping"
    if axis not in _spatial(call):
        return ""
    before, after = _pairs(call.kind, call.config[key])[axis - _spatial(call).start]
    return f"{key} {before} + {after}"


def _complete_size(kind: str, config: FrozenDict) -> FrozenDict:
    if kind.endswith("1D") or not isinstance(config.get("size"), int):
        return config
    return FrozenDict({**config, "size": repeat(config["size"], int(kind[-2]))})


def _upsample_specs(call: Call) -> tuple[Spec, ...] | None:
    result = list(_shape(call))
    for number, axis in enumerate(_spatial(call)):
        extent = result[axis]
        result[axis] = None if extent is None else extent * _factor(call, number)
    return _with_shape(call, tuple(result))


def _factor(call: Call, number: int) -> int:
    size = call.config["size"]
    return size if isinstance(size, int) else size[number]


def _upsample_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    kept: list[Origin] = [(0, axis) for axis in range(rank)]
    for number, axis in enumerate(_spatial(call)):
        if _factor(call, number) != 1:
            kept[axis] = None
    return tuple(kept)


def _upsample_reason(call: Call, axis: int) -> str:
    return f"up-sampling by {_factor(call, axis - _spatial(call).start)}" if axis in _spatial(call) else ""


def _product(extents: tuple[int | None, ...]) -> int | None:
    return None if None in extents else math.prod(extent for extent in extents if extent is not None)


def _flatten_specs(call: Call) -> tuple[Spec, ...] | None:
    shape = _shape(call)
    return _with_shape(call, (shape[0], _product(shape[1:]) if len(shape) > 1 else 1))


def _layer_reshape_specs(call: Call) -> tuple[Spec, ...] | None:
    shape = _shape(call)
    inner = _reshaped(shape[1:], call.config["target_shape"])
    return None if inner is None else _with_shape(call, (shape[0], *inner))


def _reshape_specs(call: Call) -> tuple[Spec, ...] | None:
    target = call.argument("newshape")
    if isinstance(target, int):
        target = (target,)
    if not isinstance(target, tuple) or not all(isinstance(extent, int) for extent in target):  # pyright: ignore
        return None
    return _with_shape(call, _reshaped(_shape(call), target))  # pyright: ignore[reportUnknownArgumentType]


def _reshaped(shape: tuple[int | None, ...], target: tuple[int, ...]) -> Shape:
    """Target with its -1 worked out; None in its place where the size is not known."""
    if -1 not in target:
        return target
    size, known = _product(shape), -math.prod(target)
    rest = None if size is None or known <= 0 or size % known else size // known
    return tuple(rest if extent == -1 else extent for extent in target)


def _reshape_reason(_: Call, axis: int) -> str:
    return "a reshape"


def _permutation(call: Call) -> tuple[int, ...] | None:
    rank = len(_shape(call))
    if call.kind == "layers.Permute":
        return (0, *call.config["dims"])
    axes = call.argument("axes")
    return tuple(range(rank))[::-1] if axes is None else tuple(axis % rank for axis in axes)


def _permute_specs(call: Call) -> tuple[Spec, ...] | None:
    shape, order = _shape(call), _permutation(call)
    return None if order is None else _with_shape(call, tuple(shape[axis] for axis in order))


def _permute_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    return tuple((0, axis) for axis in _permutation(call) or ())


def _axes(call: Call, rank: int) -> tuple[int, ...]:
    axis = call.argument("axis")
    if axis is None:
        return tuple(range(rank))
    return tuple(item % rank for item in (axis if isinstance(axis, tuple) else (axis,)))  # pyright: ignore


def _expand_specs(call: Call) -> tuple[Spec, ...] | None:
    shape = list(_shape(call))
    for axis in sorted(_axes(call, len(shape) + 1)):
        shape.insert(axis, 1)
    return _with_shape(call, tuple(shape))


def _expand_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    new, old = _axes(call, rank), iter(range(rank))
    return tuple(None if axis in new else (0, next(old)) for axis in range(rank))


def _expand_reason(_: Call, axis: int) -> str:
    return "a new axis"


def _squeezed(call: Call) -> tuple[int, ...]:
    shape = _shape(call)
    axis = call.argument("axis")
    if axis is None:
        return tuple(index for index, extent in enumerate(shape) if extent == 1)
    return _axes(call, len(shape))


def _squeeze_specs(call: Call) -> tuple[Spec, ...] | None:
    gone = _squeezed(call)
    return _with_shape(call, tuple(extent for axis, extent in enumerate(_shape(call)) if axis not in gone))


def _squeeze_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    gone = _squeezed(call)
    return tuple((0, axis) for axis in range(len(_shape(call))) if axis not in gone)


def _reduce_specs(call: Call) -> tuple[Spec, ...] | None:
    shape = _shape(call)
    gone = _axes(call, len(shape))
    if not call.operands[0].dtype.startswith(("float", "bfloat")) or call.kind in ("ops.any", "ops.all"):
        return None
    if call.argument("keepdims"):
        return _with_shape(call, tuple(1 if axis in gone else extent for axis, extent in enumerate(shape)))
    return _with_shape(call, tuple(extent for axis, extent in enumerate(shape) if axis not in gone))


def _reduce_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    inner = len(_shape(call))
    gone = _axes(call, inner)
    if call.argument("keepdims"):
        return tuple(None if axis in gone else (0, axis) for axis in range(inner))
    return tuple((0, axis) for axis in range(inner) if axis not in gone)


def _reduce_reason(call: Call, _: int) -> str:
    return f"{call.kind.removeprefix('ops.')} with keepdims"


def _repeat_specs(call: Call) -> tuple[Spec, ...] | None:
    shape = _shape(call)
    return _with_shape(call, (shape[0], call.config["n"], *shape[1:]))


def _repeat_kept(_: Call, rank: int) -> tuple[Origin, ...]:
    return ((0, 0), None, *((0, axis) for axis in range(1, rank - 1)))


def _rescaling_specs(call: Call) -> tuple[Spec, ...] | None:
    return layer_spec(call, call.operands[0].shape) if compute_dtype(call) else None


def _rescaling_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    """A vector scale broadcasts: Keras records the input's shape all the same (keras#21319), so nothing is kept."""
    plain = all(isinstance(call.config.get(key), (int, float)) for key in ("scale", "offset"))
    return keeps_all(call, rank) if plain else keeps_batch(call, rank)


RESHAPE = Knowledge(specs=_reshape_specs, reason=_reshape_reason)
PAD = Knowledge(specs=_pad_specs, kept=_pad_kept, reason=_pad_reason, complete=_complete_pairs)

KINDS = {
    "layers.InputLayer": Knowledge(specs=_input_specs),
    **{f"layers.{what}{rank}D": PAD for what in ("ZeroPadding", "Cropping") for rank in (1, 2, 3)},
    **{
        f"layers.UpSampling{rank}D": Knowledge(
            specs=_upsample_specs, kept=_upsample_kept, reason=_upsample_reason, complete=_complete_size
        )
        for rank in (1, 2, 3)
    },
    "layers.Flatten": Knowledge(specs=_flatten_specs, kept=keeps_batch, reason=_reshape_reason),
    "layers.Reshape": Knowledge(specs=_layer_reshape_specs, kept=keeps_batch, reason=_reshape_reason),
    "ops.reshape": RESHAPE,
    "layers.Permute": Knowledge(specs=_permute_specs, kept=_permute_kept),
    "ops.transpose": Knowledge(specs=_permute_specs, kept=_permute_kept),
    "ops.expand_dims": Knowledge(specs=_expand_specs, kept=_expand_kept, reason=_expand_reason),
    "ops.squeeze": Knowledge(specs=_squeeze_specs, kept=_squeeze_kept),
    "layers.RepeatVector": Knowledge(specs=_repeat_specs, kept=_repeat_kept),
    "layers.Rescaling": Knowledge(specs=_rescaling_specs, kept=_rescaling_kept),
    **{f"ops.{name}": Knowledge(specs=_reduce_specs, kept=_reduce_kept, reason=_reduce_reason) for name in REDUCTIONS},
}

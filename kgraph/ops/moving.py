"""Operations that pad, repeat, turn or reorder: the extents change by rule, the dtype stays."""

from __future__ import annotations

from operator import index
from typing import Any

from kgraph.graph import Slot, Spec
from kgraph.ops import fields
from kgraph.ops.base import Call, Knowledge, Origin, as_axes, is_ints, is_single, keeps_all, keeps_nothing, shape_of
from kgraph.ops.elementwise import broadcast
from kgraph.ops.extents import plus, product, times, total
from kgraph.ops.refusing import refuse

Shape = tuple[int | None, ...]


def _of_shape(call: Call, shape: Shape | None) -> tuple[Spec, ...] | None:
    return None if shape is None or not is_single(call) else (Spec(shape, call.operands[0].dtype),)


def _kept_where(call: Call, rank: int, kept: list[bool] | None) -> tuple[Origin, ...]:
    """The axes that are as they were."""
    if kept is None or len(kept) != rank:
        return keeps_nothing(call, rank)
    return tuple((0, axis) if same else None for axis, same in enumerate(kept))


# --- padding and repeating ----------------------------------------------------------------------------------------


def pad_widths(call: Call) -> tuple[tuple[int, int], ...] | None:
    """By axis how much is added before and after; one pair stands for all axes."""
    given, rank = call.argument("pad_width"), len(shape_of(call))
    if not isinstance(given, tuple) or not all(fields.pair("", item) and min(item) >= 0 for item in given):  # pyright: ignore
        return None
    widths: tuple[tuple[int, int], ...] = given * rank if len(given) == 1 else given  # pyright: ignore
    return widths if len(widths) == rank else refuse("pad_width={} is not one pair for each of {} axes", given, rank)


def _pad_specs(call: Call) -> tuple[Spec, ...] | None:
    widths = pad_widths(call)
    if widths is None:
        return None
    return _of_shape(call, tuple(plus(size, sum(pair)) for size, pair in zip(shape_of(call), widths, strict=True)))


def _pad_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    widths = pad_widths(call)
    return _kept_where(call, rank, None if widths is None else [not sum(pair) for pair in widths])


def _pad_reason(call: Call, axis: int) -> str:
    widths = pad_widths(call)
    return f"padding {widths[axis][0]} + {widths[axis][1]}" if widths is not None and axis < len(widths) else ""


def _counts(call: Call) -> tuple[int, ...] | None:
    given = call.argument("repeats")
    counts = (given,) if type(given) is int else given
    return counts if is_ints(counts) and counts and all(fields.is_int(item, 0) for item in counts) else None


def _tiled(call: Call) -> tuple[Shape, tuple[int, ...]] | None:
    """The operand's shape and the counts, with ones in front of the shorter."""
    shape, counts = shape_of(call), _counts(call)
    if counts is None or len(counts) > fields.MOST_AXES:
        return None
    rank = max(len(shape), len(counts))
    return (1,) * (rank - len(shape)) + shape, (1,) * (rank - len(counts)) + counts


def _tile_specs(call: Call) -> tuple[Spec, ...] | None:
    found = _tiled(call)
    return None if found is None else _of_shape(call, tuple(map(times, *found)))


def _tile_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    found = _tiled(call)
    if found is None or len(shape_of(call)) != rank:
        return keeps_nothing(call, rank)
    return _kept_where(call, rank, [count == 1 for count in found[1]])


def _repeat_specs(call: Call) -> tuple[Spec, ...] | None:
    shape, counts, axis = list(shape_of(call)), _counts(call), call.argument("axis")
    if counts is None:
        return None
    if axis is None:
        extent = product(shape)
        return _of_shape(call, (_repeated(extent, counts),)) if _fits(extent, counts) else None
    axes = as_axes(axis, len(shape))
    if axes is None or len(axes) != 1 or not _fits(shape[axes[0]], counts):
        return None
    shape[axes[0]] = _repeated(shape[axes[0]], counts)
    return _of_shape(call, tuple(shape))


def _fits(extent: int | None, counts: tuple[int, ...]) -> bool:
    """False where Keras raises: several counts are one for each position."""
    if len(counts) == 1 or extent in (None, len(counts)):
        return True
    refuse("repeats={} is not one count for each of {} positions", counts, extent)
    return False


def _repeated(extent: int | None, counts: tuple[int, ...]) -> int | None:
    return times(extent, counts[0]) if len(counts) == 1 or extent is None else total(counts)


def _but_axis_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    axes = as_axes(call.argument("axis"), len(shape_of(call)))
    return _kept_where(call, rank, None if axes is None else [axis not in axes for axis in range(rank)])


# --- turning ------------------------------------------------------------------------------------------------------


def _order(call: Call) -> tuple[int, ...] | None:
    """By axis of the output, the axis of the operand."""
    rank = len(shape_of(call))
    if call.kind == "ops.swapaxes":
        pair = as_axes((call.argument("axis1"), call.argument("axis2")), rank)
        swapped = {} if pair is None else dict(zip(pair, reversed(pair), strict=True))
        return None if pair is None else tuple(swapped.get(axis, axis) for axis in range(rank))
    sources, targets = (as_axes(call.argument(name), rank) for name in ("source", "destination"))
    if sources is None or targets is None:
        return None
    if len(sources) != len(targets):
        return refuse("source={} and destination={} must be as many axes", sources, targets)
    moved = dict(zip(targets, sources, strict=True))
    rest = iter(axis for axis in range(rank) if axis not in sources)
    order = tuple(moved[axis] if axis in moved else next(rest, -1) for axis in range(rank))
    return order if sorted(order) == list(range(rank)) else None


def _turned_specs(call: Call) -> tuple[Spec, ...] | None:
    order = _order(call)
    return None if order is None else _of_shape(call, tuple(shape_of(call)[axis] for axis in order))


def _turned_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    order = _order(call)
    return keeps_nothing(call, rank) if order is None else tuple((0, axis) for axis in order)


# --- reordering, and the rest -------------------------------------------------------------------------------------


def _ravel_specs(call: Call) -> tuple[Spec, ...] | None:
    return _of_shape(call, (product(shape_of(call)),))


UNCHECKED = ("argpartition", "nancumsum", "nancumprod")
"""Operations of which Keras records the shape without a look at the axis."""

FLATTENING = ("sort", "argsort", "argpartition", "cumsum", "cumprod", "nancumsum", "nancumprod")


def _along_specs(call: Call) -> tuple[Spec, ...] | None:
    """The operand's shape; flat where no axis is given."""
    axis, shape = call.argument("axis"), shape_of(call)
    if axis is None and call.kind.removeprefix("ops.") in FLATTENING:
        return _dtyped(call, (product(shape),))
    checked = not call.kind.endswith(UNCHECKED)
    return None if axis is not None and as_axes(axis, len(shape), checked=checked) is None else _dtyped(call, shape)


def _dtyped(call: Call, shape: Shape) -> tuple[Spec, ...] | None:
    if call.kind in ("ops.argsort", "ops.argpartition"):
        return (Spec(shape, "int32"),) if is_single(call) else None
    found, dtype = _of_shape(call, shape), call.argument("dtype")
    if found is None or "cum" not in call.kind:
        return found
    dtype = dtype if isinstance(dtype, str) else found[0].dtype
    return (Spec(shape, "int32" if dtype == "bool" else dtype),)


def _along_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    flat = call.argument("axis") is None and call.kind.removeprefix("ops.") in FLATTENING
    return keeps_nothing(call, rank) if flat else keeps_all(call, rank)


def _broadcast_specs(call: Call) -> tuple[Spec, ...] | None:
    target = call.argument("shape")
    if not fields.open_sizes("", target) or len(target) > fields.MOST_AXES:
        return None
    return None if broadcast((shape_of(call), target), "numpy") is None else _of_shape(call, target)


def _like_specs(call: Call) -> tuple[Spec, ...] | None:
    dtype: Any = call.argument("dtype")
    found = _of_shape(call, shape_of(call))
    return (Spec(shape_of(call), dtype),) if isinstance(dtype, str) and found is not None else found


def _one_hot_specs(call: Call) -> tuple[Spec, ...] | None:
    shape, axis, dtype = list(shape_of(call)), call.argument("axis"), call.argument("dtype")
    if not is_single(call) or not isinstance(dtype, str) or (axis != -1 and axis not in range(len(shape))):
        return None
    shape.insert(len(shape) if axis == -1 else axis, call.argument("num_classes"))
    return (Spec(tuple(shape), dtype),)


def _one_hot_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    axis = call.argument("axis")
    new = rank - 1 if axis == -1 else axis
    return tuple(None if index == new else (0, index - (index > new)) for index in range(rank))


def _top_specs(call: Call) -> tuple[Spec, ...] | None:
    shape, dtype = shape_of(call), call.operands[0].dtype
    if not is_single(call):
        return None
    if not shape:
        return refuse("ops.top_k takes a tensor of at least one axis; it receives a scalar")
    found = (*shape[:-1], call.argument("k"))
    return Spec(found, dtype), Spec(found, "int32")


def _but_last_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    return _kept_where(call, rank, [*(True for _ in range(rank - 1)), False]) if rank else ()


def _unstack_specs(call: Call) -> tuple[Spec, ...] | None:
    shape, axes, number = shape_of(call), as_axes(call.argument("axis"), len(shape_of(call))), call.argument("num")
    if axes is None or len(axes) != 1 or not is_single(call):
        return None
    extent = shape[axes[0]]
    if number is None and extent is not None:
        number = index(extent)  # how many outputs there are, no open size may decide
    if type(number) is not int or not 1 <= number <= fields.MOST_PARTS:
        return None
    return (Spec(shape[: axes[0]] + shape[axes[0] + 1 :], call.operands[0].dtype),) * number


def _unstack_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    axes = as_axes(call.argument("axis"), rank + 1)
    if axes is None or len(axes) != 1:
        return keeps_nothing(call, rank)
    return tuple((0, axis + (axis >= axes[0])) for axis in range(rank))


def _along_indices_specs(call: Call) -> tuple[Spec, ...] | None:
    """The indices' shape, broadcast with the operand's but for the axis."""
    axis, indices = call.argument("axis"), call.argument("indices")
    if not is_single(call) or not isinstance(indices, Slot):
        return None
    shape, taken = shape_of(call), call.operands[indices.index].shape or ()
    axes = as_axes(axis, len(shape))
    if axes is None or len(axes) != 1:
        return None
    if len(taken) != len(shape):
        return refuse(
            "ops.take_along_axis takes indices of the rank of x, {}; their rank is {}", len(shape), len(taken)
        )
    at = axes[0]
    found = broadcast((_with(shape, at, taken[at]), taken), "numpy")
    return _of_shape(call, found)


def _with(shape: Shape, axis: int, extent: int | None) -> Shape:
    return (*shape[:axis], extent, *shape[axis + 1 :])


LIKES = ("array", "convert_to_tensor", "empty_like", "full_like", "ones_like", "tril", "triu", "zeros_like")
ALONG = Knowledge(specs=_along_specs, kept=_along_kept)
LIKE = Knowledge(specs=_like_specs, kept=keeps_all)
TURNED = Knowledge(specs=_turned_specs, kept=_turned_kept)

KINDS = {
    "ops.pad": Knowledge(specs=_pad_specs, kept=_pad_kept, reason=_pad_reason),
    "ops.tile": Knowledge(specs=_tile_specs, kept=_tile_kept),
    "ops.repeat": Knowledge(specs=_repeat_specs, kept=_but_axis_kept),
    "ops.swapaxes": TURNED,
    "ops.moveaxis": TURNED,
    "ops.ravel": Knowledge(specs=_ravel_specs),
    **{f"ops.{name}": ALONG for name in (*FLATTENING, "roll", "flip")},
    "ops.broadcast_to": Knowledge(specs=_broadcast_specs),
    **{f"ops.{name}": LIKE for name in LIKES},
    "ops.one_hot": Knowledge(
        specs=_one_hot_specs, kept=_one_hot_kept, needs={"num_classes": fields.either(fields.size)}
    ),
    "ops.top_k": Knowledge(
        specs=_top_specs, kept=_but_last_kept, needs={"k": fields.either(fields.size)}, several=True
    ),
    "ops.unstack": Knowledge(specs=_unstack_specs, kept=_unstack_kept, several=True),
    "ops.take_along_axis": Knowledge(specs=_along_indices_specs),
}

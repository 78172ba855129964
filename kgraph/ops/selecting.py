"""Kinds that select: slices, splits, gathers and slicing Lambdas; and those that join again."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any

from kgraph.graph import Constant, Function, Slice, Slot, Spec
from kgraph.ops import fields
from kgraph.ops.base import Call, Knowledge, Origin, as_axes, compute_dtype, is_ints, keeps_nothing
from kgraph.ops.extents import agree, slice_extent, total
from kgraph.ops.refusing import refuse, short

Key = tuple[Any, ...]


def expand_key(key: Any, rank: int) -> Key | None:
    """A basic subscript with its ``...`` written out: ints, Slices of ints and None (a new axis), one an axis.

    None where the key is not a basic one, or holds more entries than the tensor has axes.
    """
    parts: Key = (*key,) if isinstance(key, tuple) else (key,)  # pyright: ignore[reportUnknownVariableType]
    if any(not _is_basic(part) for part in parts):
        return None
    if ... not in parts:
        parts = (*parts, ...)
    where = parts.index(...)
    taken = sum(part is not None and part is not ... for part in parts)
    if taken > rank:
        return refuse("a subscript reads {} axes of a tensor of rank {}", taken, rank)
    if parts.count(...) > 1:
        return None
    return (*parts[:where], *(Slice(),) * (rank - taken), *parts[where + 1 :])


def _is_basic(part: Any) -> bool:
    if isinstance(part, Slice):
        return all(item is None or type(item) is int for item in (part.start, part.stop, part.step)) and part.step != 0
    return part is None or part is ... or type(part) is int


def slice_range(part: Slice, extent: int) -> range:
    """The indices that a slice reads of an axis."""
    return range(extent)[slice(part.start, part.stop, part.step)]


def is_whole(part: Any) -> bool:
    """True for ``:``, which keeps an axis at every size."""
    return isinstance(part, Slice) and part.start in (None, 0) and part.stop is None and part.step in (None, 1)


def call_key(call: Call) -> Key | None:
    """The subscript that a ``get_item`` call or a Lambda returns, its ``...`` written out; None if there is none."""
    if not call.operands or call.operands[0].shape is None:
        return None
    rank = len(call.operands[0].shape)
    function = call_function(call)
    if call.kind == "ops.get_item" and function is None:
        return expand_key(call.argument("key"), rank)
    is_tensor = isinstance(next(iter(call.arguments.values()), None), Slot)  # and no list, of which it picks one
    if is_tensor and function is not None and function.selection is not None:
        return expand_key(function.selection, rank)
    return None


def call_function(call: Call) -> Function | None:
    """What is known of the subscript where it is not written out: of a Lambda, or of slices that are assumed."""
    found = call.argument("key") if call.kind == "ops.get_item" else call.config.get("function")
    return found if isinstance(found, Function) else None


def _subscript_specs(call: Call) -> tuple[Spec, ...] | None:
    key, shape = call_key(call), call.operands[0].shape
    dtype = compute_dtype(call) if call.kind == "layers.Lambda" else call.operands[0].dtype
    if key is None or shape is None or dtype is None:
        return None
    result: list[int | None] = []
    axis = 0
    for part in key:
        if part is None:
            result.append(1)
            continue
        extent = shape[axis]
        if isinstance(part, Slice):
            result.append(slice_extent(part.start, part.stop, part.step, extent))
        elif extent is not None and not -extent <= part < extent:
            return refuse("there is no index {} on axis {} of {}", part, axis, shape)
        axis += 1
    return (Spec(tuple(result), dtype),)


def _subscript_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    key = call_key(call)
    if key is None:
        return (None,) * rank
    kept: list[Origin] = []
    axis = 0
    for part in key:
        if part is None:
            kept.append(None)
            continue
        if isinstance(part, Slice):
            kept.append((0, axis) if is_whole(part) else None)
        axis += 1
    return tuple(kept) if len(kept) == rank else (None,) * rank


def _subscript_reason(_: Call, axis: int) -> str:
    return "a slice"


def split_ranges(call: Call) -> tuple[int, tuple[range, ...]] | None:
    """(axis, the indices that each output of a split holds); None where the extent is not known."""
    shape, axis = call.operands[0].shape, _split_axis(call)
    extent = None if shape is None or axis is None else shape[axis]
    cuts = None if extent is None else _cuts(call, extent)
    if cuts is None or axis is None:
        return None
    return axis, tuple(range(start, stop) for start, stop in pairwise(cuts))


NAMED_SPLITS = {"ops.vsplit": 0, "ops.hsplit": 1, "ops.dsplit": 2}
"""Splits that name their axis; hsplit of a vector splits its only one."""


def _split_axis(call: Call) -> int | None:
    rank = len(call.operands[0].shape or ())
    if call.kind in NAMED_SPLITS:
        axis = min(rank - 1, 1) if call.kind == "ops.hsplit" else NAMED_SPLITS[call.kind]
        return axis if rank >= max(axis + 1, 2 if call.kind == "ops.vsplit" else 1) else None
    found = as_axes(call.argument("axis"), rank, checked=call.kind != "ops.array_split")
    return found[0] if found is not None and len(found) == 1 else None


def _cuts(call: Call, extent: int) -> list[int] | None:
    """Where a split cuts an axis, from 0 to its extent; None where Keras refuses."""
    sections = call.argument("indices_or_sections")
    if type(sections) is int:
        if sections == 0:
            return refuse("{} into 0 parts", short(call.kind))
        if not 1 <= sections <= fields.MOST_PARTS:
            return None
        if call.kind != "ops.array_split" and extent % sections:
            return refuse("{} does not split into {} parts: there is a rest of {}", extent, sections, extent % sections)
        if call.kind != "ops.array_split":
            return [number * (extent // sections) for number in range(sections + 1)]
        # Those in front are longer by one where there is a rest.
        return list(accumulate((-((number - extent) // sections) for number in range(sections)), initial=0))
    cuts = [0, *sections, extent] if is_ints(sections) else []
    return cuts if cuts and all(start <= stop for start, stop in pairwise(cuts)) else None


def _split_specs(call: Call) -> tuple[Spec, ...] | None:
    shape, axis, dtype = call.operands[0].shape, _split_axis(call), call.operands[0].dtype
    if shape is None or axis is None:
        return None
    sizes = _split_sizes(call, shape[axis])
    return None if sizes is None else tuple(Spec((*shape[:axis], size, *shape[axis + 1 :]), dtype) for size in sizes)


def _split_sizes(call: Call, extent: int | None) -> list[int | None] | None:
    """The extents of the parts; where the whole is open, those between two cuts are known all the same."""
    sections = call.argument("indices_or_sections")
    if extent is None and fields.is_int(sections, 1):
        return [None for _ in range(sections)] if sections <= fields.MOST_PARTS else None
    known = extent if extent is not None or not is_ints(sections) else max(sections, default=0)
    cuts = None if known is None else _cuts(call, known)
    if cuts is None:
        return None
    sizes: list[int | None] = [stop - start for start, stop in pairwise(cuts)]
    return sizes if extent is not None else [*sizes[:-1], None]


def _split_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    axis = _split_axis(call)
    if axis is None:
        return keeps_nothing(call, rank)
    return tuple(None if index == axis else (0, index) for index in range(rank))


def _split_reason(_: Call, axis: int) -> str:
    return "a split"


def _take_specs(call: Call) -> tuple[Spec, ...] | None:
    found, dtype = _taken(call), call.operands[0].dtype
    shape = call.operands[0].shape
    if found is None or shape is None:
        return None
    axis, taken = found
    if axis is None:
        return (Spec(taken, dtype),)
    return (Spec((*shape[:axis], *taken, *shape[axis + 1 :]), dtype),)


def _take_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    found = _taken(call)
    if found is None or found[0] is None:
        return keeps_nothing(call, rank)
    axis, taken = found[0], found[1]
    after = range(axis + 1, rank - len(taken) + 1)
    return (*((0, index) for index in range(axis)), *(None,) * len(taken), *((0, index) for index in after))


def _taken(call: Call) -> tuple[int | None, tuple[int | None, ...]] | None:
    """(axis, shape of the indices) of a gather; the axis is None for one from the flattened tensor."""
    indices, axis = call.argument("indices"), call.argument("axis")
    if not isinstance(call.argument("x"), Slot):
        return None
    taken = call.operands[indices.index].shape if isinstance(indices, Slot) else _array_shape(indices)
    axes = (None,) if axis is None else as_axes(axis, len(call.operands[0].shape or ()))
    return None if taken is None or not axes else (axes[0], taken)


def _array_shape(value: Any) -> tuple[int, ...] | None:
    """The shape of an array, or of a nested tuple of ints; None for anything else."""
    if isinstance(value, Constant):
        return value.shape
    if type(value) is int:
        return ()
    shapes = {_array_shape(item) for item in value} if isinstance(value, tuple) else set[Any]()  # pyright: ignore
    inner = shapes.pop() if len(shapes) == 1 else None
    return None if inner is None else (len(value), *inner)  # pyright: ignore[reportUnknownArgumentType]


def concat_axis(call: Call) -> int:
    """The axis along which a Concatenate layer or ``ops.concatenate`` joins."""
    axis = call.config["axis"] if call.kind == "layers.Concatenate" else call.argument("axis")
    rank = len(call.operands[0].shape or ()) or 1
    return axis % rank


def _joins(call: Call) -> bool:
    """True if tensors of one rank are joined along an axis that they have."""
    axis = call.config["axis"] if call.kind == "layers.Concatenate" else call.argument("axis")
    ranks = [len(spec.shape or ()) for spec in call.operands]
    if not _all_tensors(call):
        return False
    if len(set(ranks)) > 1:
        # The layer compares what is left of the shapes without the axis, of which a short one may have none.
        if type(axis) is int and (axis < min(ranks) or call.kind != "layers.Concatenate"):
            refuse("{} takes tensors of one rank; it receives {}", short(call.kind), " and ".join(map(str, ranks)))
        return False
    # Of one tensor, the layer does not look at the axis.
    return as_axes(axis, ranks[0], checked=len(ranks) > 1 or call.kind != "layers.Concatenate") is not None


def _joined_dtype(call: Call) -> str | None:
    dtypes = {spec.dtype for spec in call.operands}
    return dtypes.pop() if len(dtypes) == 1 else None


def _concat_specs(call: Call) -> tuple[Spec, ...] | None:
    """The other axes are those of the first operand, as Keras records them."""
    dtype = compute_dtype(call) if call.kind == "layers.Concatenate" else _joined_dtype(call)
    if dtype is None or not _joins(call):
        return None
    axis = concat_axis(call)
    shapes = [spec.shape or () for spec in call.operands]
    others = [shape[:axis] + shape[axis + 1 :] for shape in shapes]
    if not all(map(agree, zip(*others, strict=True))):
        return _unlike(call, others, "{} on axis {} takes tensors that are alike on the others; {}", axis)
    return (Spec((*shapes[0][:axis], total(shape[axis] for shape in shapes), *shapes[0][axis + 1 :]), dtype),)


def _unlike(call: Call, compared: list[Any], why: str, axis: int) -> None:
    """Keras' operations compare each with the first, and so do not see that two differ where that is open."""
    seen = any(not all(map(agree, zip(compared[0], shape, strict=True))) for shape in compared)
    if seen or call.kind == "layers.Concatenate":
        refuse(why, short(call.kind), axis, _entering(call))


def _entering(call: Call) -> str:
    said = [str(spec.shape) for spec in call.operands]
    return f"it receives {' and '.join(said if len(said) <= 4 else [*said[:3], 'others'])}"


def _all_tensors(call: Call) -> bool:
    first = next(iter(call.arguments.values()), ())
    return isinstance(first, tuple) and all(isinstance(item, Slot) for item in first)  # pyright: ignore


def _concat_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    """All operands agree on the other axes, or Keras raises: they are those of the first."""
    if not _joins(call):
        return keeps_nothing(call, rank)
    axis = concat_axis(call)
    return tuple(None if index == axis else (0, index) for index in range(rank))


def _concat_reason(call: Call, axis: int) -> str:
    joined = concat_axis(call)
    extents = [spec.shape[joined] for spec in call.operands if spec.shape]
    if axis != joined or None in extents:
        return ""
    if len(set(extents)) == 1 and len(extents) > 3:
        return f"{len(extents)} x {extents[0]} joined"
    return f"{' + '.join(map(str, extents))} joined" if len(extents) <= 6 else f"{len(extents)} tensors joined"


def _stack_axis(call: Call) -> int | None:
    """The new axis of a stack; None where the operands cannot be stacked."""
    shapes = [spec.shape or () for spec in call.operands]
    axes = as_axes(call.argument("axis"), len(shapes[0]) + 1)
    if axes is None or not _all_tensors(call):
        return None
    if len(set(map(len, shapes))) != 1:
        return refuse("{} on a new axis {} takes tensors of one shape; {}", short(call.kind), axes[0], _entering(call))
    return axes[0]


def _stack_specs(call: Call) -> tuple[Spec, ...] | None:
    axis, dtype, shape = _stack_axis(call), _joined_dtype(call), call.operands[0].shape
    shapes = [spec.shape or () for spec in call.operands]
    if axis is None or dtype is None or shape is None:
        return None
    if not all(map(agree, zip(*shapes, strict=True))):
        return _unlike(call, shapes, "{} on a new axis {} takes tensors of one shape; {}", axis)
    return (Spec((*shape[:axis], len(call.operands), *shape[axis:]), dtype),)


def _stack_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    new, old = _stack_axis(call), iter(range(rank))
    if new is None:
        return keeps_nothing(call, rank)
    return tuple(None if axis == new else (0, next(old)) for axis in range(rank))


SUBSCRIPT = Knowledge(specs=_subscript_specs, kept=_subscript_kept, reason=_subscript_reason)
SPLIT = Knowledge(specs=_split_specs, kept=_split_kept, reason=_split_reason, several=True, pins=True)
CONCAT = Knowledge(specs=_concat_specs, kept=_concat_kept, reason=_concat_reason, needs={"axis": fields.number})

KINDS = {
    "ops.get_item": SUBSCRIPT,
    "layers.Lambda": SUBSCRIPT,
    "ops.split": SPLIT,
    **dict.fromkeys(NAMED_SPLITS, SPLIT),
    "ops.array_split": SPLIT,
    "ops.take": Knowledge(specs=_take_specs, kept=_take_kept),
    "layers.Concatenate": CONCAT,
    "ops.concatenate": CONCAT,
    "ops.stack": Knowledge(specs=_stack_specs, kept=_stack_kept),
}

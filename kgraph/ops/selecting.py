"""Kinds that select: slices, splits, gathers and slicing Lambdas; and those that join again."""

from __future__ import annotations

from typing import Any

from kgraph.graph import Constant, Function, Slice, Slot, Spec
from kgraph.ops.base import Call, Knowledge, Origin, compute_dtype

Key = tuple[Any, ...]


def expand_key(key: Any, rank: int) -> Key | None:
    """A basic subscript with its ``...`` written out: ints, Slices of ints and None (a new axis), one an axis.

    None where the key is not a basic one, or holds more entries than the tensor has axes.
    """
    parts: Key = key if isinstance(key, tuple) else (key,)
    if any(not _is_basic(part) for part in parts):
        return None
    if ... not in parts:
        parts = (*parts, ...)
    where = parts.index(...)
    taken = sum(part is not None and part is not ... for part in parts)
    if taken > rank or parts.count(...) > 1:
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
    if call.kind == "ops.get_item":
        return expand_key(call.argument("key"), rank)
    function = call.config.get("function")
    is_tensor = isinstance(call.argument("inputs"), Slot)  # and not a list of tensors, of which it picks one
    if is_tensor and isinstance(function, Function) and function.selection is not None:
        return expand_key(function.selection, rank)
    return None


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
            result.append(None if extent is None else len(slice_range(part, extent)))
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
    shape, axis = call.operands[0].shape, call.argument("axis")
    sections = call.argument("indices_or_sections")
    if not shape or not isinstance(axis, int):
        return None
    axis %= len(shape)
    extent = shape[axis]
    if extent is None:
        return None
    if isinstance(sections, int):
        if sections < 1 or (extent % sections and call.kind == "ops.split"):
            return None
        width, longer = divmod(extent, sections)
        cuts = [number * width + min(number, longer) for number in range(1, sections)]
    elif isinstance(sections, tuple) and all(isinstance(cut, int) for cut in sections):  # pyright: ignore
        cuts = list(sections)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    else:
        return None
    bounds = list(zip([0, *cuts], [*cuts, extent], strict=True))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return axis, tuple(range(extent)[start:stop] for start, stop in bounds)


def _split_specs(call: Call) -> tuple[Spec, ...] | None:
    found = split_ranges(call)
    shape = call.operands[0].shape
    if found is None or shape is None:
        return None
    axis, ranges = found
    return tuple(Spec((*shape[:axis], len(part), *shape[axis + 1 :]), call.operands[0].dtype) for part in ranges)


def _split_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    axis = call.argument("axis")
    if not isinstance(axis, int):
        return (None,) * rank
    return tuple(None if index == axis % rank else (0, index) for index in range(rank))


def _split_reason(_: Call, axis: int) -> str:
    return "a split"


def _take_specs(call: Call) -> tuple[Spec, ...] | None:
    indices, axis, shape = call.argument("indices"), call.argument("axis"), call.operands[0].shape
    if not isinstance(axis, int) or shape is None or len(call.operands) != 1:
        return None
    axis %= len(shape)
    taken = indices.shape if isinstance(indices, Constant) else _nested_shape(indices)
    return (Spec((*shape[:axis], *taken, *shape[axis + 1 :]), call.operands[0].dtype),)


def _nested_shape(indices: Any) -> tuple[int, ...]:
    return (len(indices),) if isinstance(indices, tuple) else ()  # pyright: ignore[reportUnknownArgumentType]


def concat_axis(call: Call) -> int:
    """The axis along which a Concatenate layer or ``ops.concatenate`` joins."""
    axis = call.config["axis"] if call.kind == "layers.Concatenate" else call.argument("axis")
    rank = len(call.operands[0].shape or ()) or 1
    return axis % rank


def _concat_specs(call: Call) -> tuple[Spec, ...] | None:
    shapes = [spec.shape or () for spec in call.operands]
    dtypes = {spec.dtype for spec in call.operands}
    dtype = compute_dtype(call) if call.kind == "layers.Concatenate" else dtypes.pop() if len(dtypes) == 1 else None
    if dtype is None or len({len(shape) for shape in shapes}) != 1 or not _all_tensors(call):
        return None
    axis = concat_axis(call)
    joined = [shape[axis] for shape in shapes]
    total = None if None in joined else sum(extent for extent in joined if extent is not None)
    result = [_agreed([shape[index] for shape in shapes]) for index in range(len(shapes[0]))]
    result[axis] = total
    return (Spec(tuple(result), dtype),)


def _agreed(extents: list[int | None]) -> int | None:
    known = [extent for extent in extents if extent is not None]
    return known[0] if known else None


def _all_tensors(call: Call) -> bool:
    first = next(iter(call.arguments.values()), ())
    return isinstance(first, tuple) and all(isinstance(item, Slot) for item in first)  # pyright: ignore


def _concat_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    """All operands agree on the other axes, or Keras raises: they are those of the first."""
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


def _stack_specs(call: Call) -> tuple[Spec, ...] | None:
    shapes = {spec.shape for spec in call.operands}
    dtypes = {spec.dtype for spec in call.operands}
    axis = call.argument("axis")
    if len(shapes) != 1 or len(dtypes) != 1 or not isinstance(axis, int) or not _all_tensors(call):
        return None
    shape = list(shapes.pop() or ())
    shape.insert(axis % (len(shape) + 1), len(call.operands))
    return (Spec(tuple(shape), dtypes.pop()),)


SUBSCRIPT = Knowledge(specs=_subscript_specs, kept=_subscript_kept, reason=_subscript_reason)
SPLIT = Knowledge(specs=_split_specs, kept=_split_kept, reason=_split_reason, several=True)


KINDS = {
    "ops.get_item": SUBSCRIPT,
    "layers.Lambda": SUBSCRIPT,
    "ops.split": SPLIT,
    "ops.array_split": SPLIT,
    "ops.unstack": Knowledge(several=True),
    "ops.meshgrid": Knowledge(several=True),
    "ops.take": Knowledge(specs=_take_specs),
    "layers.Concatenate": Knowledge(specs=_concat_specs, kept=_concat_kept, reason=_concat_reason),
    "ops.concatenate": Knowledge(specs=_concat_specs, kept=_concat_kept, reason=_concat_reason),
    "ops.stack": Knowledge(specs=_stack_specs),
}

"""Operations that arrange elements anew: diagonals, differences, joins without an axis, grids, parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kgraph.graph import Constant, Slot, Spec
from kgraph.ops import fields
from kgraph.ops.base import Call, Knowledge, as_axes, is_float, is_single, keeps_all, shape_of
from kgraph.ops.elementwise import broadcast
from kgraph.ops.extents import agree, plus, product, times, total
from kgraph.ops.refusing import refuse, short

Shape = tuple[int | None, ...]


def one(call: Call, shape: Shape | None, dtype: str | None = None) -> tuple[Spec, ...] | None:
    """One output of this shape, in the first operand's dtype if no other is given."""
    if shape is None or not is_single(call):
        return None
    return (Spec(shape, dtype or call.operands[0].dtype),)


def pair_of(call: Call) -> tuple[tuple[Shape, Shape], str] | None:
    """The shapes of two tensors or arrays, and their dtype; None where it is not one and the same."""
    found: list[Spec] = []
    for value in list(call.arguments.values())[:2]:
        if isinstance(value, Slot):
            found.append(call.operands[value.index])
        elif isinstance(value, Constant):
            found.append(Spec(value.shape, value.dtype))
    if len(found) != 2 or found[0].dtype != found[1].dtype:
        return None
    return (found[0].shape or (), found[1].shape or ()), found[0].dtype


def without(shape: Shape, *axes: int) -> Shape:
    """A shape without some axes."""
    return tuple(extent for axis, extent in enumerate(shape) if axis not in axes)


def replaced(shape: Shape, axis: int, extent: int | None) -> Shape:
    """A shape with another extent of an axis."""
    return (*shape[:axis], extent, *shape[axis + 1 :])


# --- diagonals ----------------------------------------------------------------------------------------------------


def _offset(call: Call, name: str) -> int | None:
    found = call.argument(name)
    return found if fields.is_int(found) else None


def _diagonal(rows: int | None, columns: int | None, offset: int) -> int | None:
    """How many elements a diagonal has."""
    if rows is None or columns is None:
        return None
    return max(0, min(rows, columns, columns - offset if offset > 0 else rows + offset))


def _diag_specs(call: Call) -> tuple[Spec, ...] | None:
    shape, offset = shape_of(call), _offset(call, "k")
    if offset is None or len(shape) not in (1, 2):
        return None
    if len(shape) == 2:
        return one(call, (_diagonal(shape[0], shape[1], offset),))
    return one(call, (plus(shape[0], abs(offset)),) * 2)


def _diagflat_specs(call: Call) -> tuple[Spec, ...] | None:
    offset = _offset(call, "k")
    return None if offset is None else one(call, (plus(product(shape_of(call)), abs(offset)),) * 2)


def _two_axes(call: Call) -> tuple[int, int] | None:
    axes = as_axes((call.argument("axis1"), call.argument("axis2")), len(shape_of(call)))
    return None if axes is None or axes[0] == axes[1] else (axes[0], axes[1])


def _diagonal_specs(call: Call) -> tuple[Spec, ...] | None:
    shape, axes, offset = shape_of(call), _two_axes(call), _offset(call, "offset")
    if axes is None or offset is None:
        return None
    return one(call, (*without(shape, *axes), _diagonal(shape[axes[0]], shape[axes[1]], offset)))


def _trace_specs(call: Call) -> tuple[Spec, ...] | None:
    axes = _two_axes(call)
    # The sum of small ints is of a wider dtype, which is left open here.
    floats = is_float(call.operands[0].dtype)
    return None if axes is None or not floats else one(call, without(shape_of(call), *axes))


# --- along one axis -----------------------------------------------------------------------------------------------


def _axis(call: Call) -> int | None:
    axes = as_axes(call.argument("axis"), len(shape_of(call)), checked=call.kind != "ops.trapezoid")
    return axes[0] if axes is not None and len(axes) == 1 else None


def _diff_specs(call: Call) -> tuple[Spec, ...] | None:
    shape, axis, times_over = shape_of(call), _axis(call), call.argument("n")
    if axis is None or not fields.is_int(times_over, 0):
        return None
    shorter = plus(shape[axis], -times_over)
    return one(call, replaced(shape, axis, None if shorter is None else max(shorter, 0)))


def _glu_specs(call: Call) -> tuple[Spec, ...] | None:
    shape, axis = shape_of(call), _axis(call)
    if axis is None:
        return None
    extent = shape[axis]
    if extent is None:
        return one(call, shape)
    if extent % 2:
        return refuse("ops.glu halves axis {}; {} is no even number", axis, extent)
    return one(call, replaced(shape, axis, extent // 2))


def _trapezoid_specs(call: Call) -> tuple[Spec, ...] | None:
    shape, axis = shape_of(call), _axis(call)
    floats = is_float(call.operands[0].dtype)
    return None if axis is None or not floats else one(call, without(shape, axis))


def _normalize_specs(call: Call) -> tuple[Spec, ...] | None:
    """Keras records its default dtype."""
    shape, axis = shape_of(call), call.argument("axis")
    wrong = axis is not None and as_axes(axis, len(shape)) is None
    return None if wrong else one(call, shape, "float32")


def _quantile_specs(call: Call) -> tuple[Spec, ...] | None:
    shape, axis, asked = shape_of(call), call.argument("axis"), call.argument("q")
    axes = tuple(range(len(shape))) if axis is None else as_axes(axis, len(shape))
    if axes is None or not is_float(call.operands[0].dtype) or type(asked) not in (float, int):
        return None
    kept = tuple(1 if index in axes else extent for index, extent in enumerate(shape))
    return one(call, kept if call.argument("keepdims") else without(shape, *axes))


def _average_specs(call: Call) -> tuple[Spec, ...] | None:
    """Without weights; over one axis, or all."""
    shape, axis = shape_of(call), call.argument("axis")
    if call.argument("weights") is not None or not is_float(call.operands[0].dtype):
        return None
    found = _axis(call)
    if axis is None:
        return one(call, ())
    return None if found is None else one(call, without(shape, found))


def _moments_specs(call: Call) -> tuple[Spec, ...] | None:
    shape, axes = shape_of(call), as_axes(call.argument("axes"), len(shape_of(call)))
    if axes is None:
        return None
    kept = tuple(1 if index in axes else extent for index, extent in enumerate(shape))
    found = one(call, kept if call.argument("keepdims") else without(shape, *axes))
    return None if found is None else found * 2


def _vander_specs(call: Call) -> tuple[Spec, ...] | None:
    shape, columns = shape_of(call), call.argument("N")
    if len(shape) != 1:
        return refuse("ops.vander takes a vector; it receives {}", shape)
    if not (columns is None or fields.is_int(columns, 0)):
        return None
    return one(call, (shape[0], shape[0] if columns is None else columns))


def _turned_specs(call: Call) -> tuple[Spec, ...] | None:
    """Keras records the turn by a quarter, whatever the number of turns."""
    shape, axes = list(shape_of(call)), as_axes(call.argument("axes"), len(shape_of(call)))
    if axes is None or len(axes) != 2 or axes[0] == axes[1]:
        return None
    shape[axes[0]], shape[axes[1]] = shape[axes[1]], shape[axes[0]]
    return one(call, tuple(shape))


def _is_quarter(call: Call) -> bool:
    turns = call.argument("k")
    return fields.is_int(turns) and turns % 2 == 1


# --- joins and products -------------------------------------------------------------------------------------------


def _append_specs(call: Call) -> tuple[Spec, ...] | None:
    found, axis = pair_of(call), call.argument("axis")
    if found is None:
        return None
    (first, second), dtype = found
    if axis is None:
        return one(call, (plus(product(first), product(second)),), dtype)
    axes = as_axes(axis, len(first))
    if axes is None or len(axes) != 1:
        return None
    at = axes[0]
    if len(first) != len(second) or not all(map(agree, zip(without(first, at), without(second, at), strict=True))):
        return refuse(
            "ops.append on axis {} takes tensors that are alike on the others; it receives {} and {}", at, *found[0]
        )
    if None in (first[at], second[at]):
        return None
    return one(call, replaced(first, at, plus(first[at], second[at])), dtype)


STACKS = {"ops.vstack": 0, "ops.hstack": 1, "ops.dstack": 2}


def _stacked_specs(call: Call) -> tuple[Spec, ...] | None:
    axis, dtypes = STACKS[call.kind], {spec.dtype for spec in call.operands}
    given: Any = next(iter(call.arguments.values()), ())
    shapes = [spec.shape or () for spec in call.operands]
    if call.kind == "ops.dstack":
        shapes = [_deep(shape) for shape in shapes]
    tensors = isinstance(given, tuple) and all(isinstance(item, Slot) for item in given)  # pyright: ignore
    if not tensors or len(dtypes) != 1 or len(set(map(len, shapes))) != 1 or len(shapes[0]) <= axis:
        return None
    if not all(map(agree, zip(*(without(shape, axis) for shape in shapes), strict=True))):
        return None
    return (Spec(replaced(shapes[0], axis, total(shape[axis] for shape in shapes)), dtypes.pop()),)


def _deep(shape: Shape) -> Shape:
    return {0: (1, 1, 1), 1: (1, *shape, 1), 2: (*shape, 1)}.get(len(shape), shape)


def _stacked_exact(call: Call) -> bool:
    """Vectors are made rows by vstack when it runs, which Keras does not record."""
    return call.kind != "ops.vstack" or all(len(spec.shape or ()) > 1 for spec in call.operands)


def _inner_specs(call: Call) -> tuple[Spec, ...] | None:
    found = pair_of(call)
    if found is None:
        return None
    (first, second), dtype = found
    if not first or not second:
        return one(call, first or second, dtype)
    if not agree((first[-1], second[-1])):
        return refuse("the axes that are summed over differ: {} and {}", first[-1], second[-1])
    return one(call, first[:-1] + second[:-1], dtype)


def _outer_specs(call: Call) -> tuple[Spec, ...] | None:
    found = pair_of(call)
    return None if found is None else one(call, (product(found[0][0]), product(found[0][1])), found[1])


def _kron_specs(call: Call) -> tuple[Spec, ...] | None:
    found = pair_of(call)
    if found is None or len(found[0][0]) != len(found[0][1]):
        return None
    return one(call, tuple(map(times, *found[0])), found[1])


def _vdot_specs(call: Call) -> tuple[Spec, ...] | None:
    found = pair_of(call)
    return None if found is None else one(call, (), found[1])


def _distances_specs(call: Call) -> tuple[Spec, ...] | None:
    found = pair_of(call)
    if found is None or min(map(len, found[0])) < 2 or not is_float(found[1]):
        return None
    (first, second), dtype = found
    leading = broadcast((first[:-2], second[:-2]), "numpy")
    if leading is None or not agree((first[-1], second[-1])):
        return None
    return one(call, (*leading, first[-2], second[-2]), dtype)


def _grid_specs(call: Call) -> tuple[Spec, ...] | None:
    sizes, dtypes = [product(spec.shape or ()) for spec in call.operands], {spec.dtype for spec in call.operands}
    given: Any = next(iter(call.arguments.values()), ())
    if len(sizes) < 2 or dtypes != {"float32"} or given != tuple(map(Slot, range(len(sizes)))):
        return None
    if call.argument("indexing") != "ij":
        sizes[:2] = reversed(sizes[:2])
    return (Spec(tuple(sizes), "float32"),) * len(sizes)


# --- parts --------------------------------------------------------------------------------------------------------


def _part_specs(call: Call) -> tuple[Spec, ...] | None:
    shape, starts, sizes = shape_of(call), call.argument("start_indices"), call.argument("shape")
    if not (fields.ints("", starts) and fields.ints("", sizes)):
        return None
    if len(shape) != len(sizes):
        return refuse("ops.slice takes as many sizes as there are axes, {}; it is given shape={}", len(shape), sizes)
    if len(starts) != len(sizes):
        return None
    rest = [
        plus(extent, -start) if size == -1 else size for extent, start, size in zip(shape, starts, sizes, strict=True)
    ]
    return None if min(sizes, default=0) < -1 else one(call, tuple(rest))


def _scattered_specs(call: Call) -> tuple[Spec, ...] | None:
    shape, values = call.argument("shape"), call.arguments.get("values")
    if not fields.open_sizes("", shape) or not isinstance(values, Slot):
        return None
    return one(call, shape, call.operands[values.index].dtype)


def _first_specs(call: Call) -> tuple[Spec, ...] | None:
    return one(call, shape_of(call))


def _at_least(rank: int) -> Callable[[Call], tuple[Spec, ...] | None]:
    """Of a rank that is not less."""

    def specs(call: Call) -> tuple[Spec, ...] | None:
        if len(shape_of(call)) >= rank:
            return _first_specs(call)
        return refuse("{} takes a tensor of rank {} or more; it receives {}", short(call.kind), rank, shape_of(call))

    return specs


FIRST = Knowledge(specs=_first_specs, kept=keeps_all)
QUANTILE = Knowledge(specs=_quantile_specs)

KINDS = {
    "ops.diag": Knowledge(specs=_diag_specs),
    "ops.diagflat": Knowledge(specs=_diagflat_specs),
    "ops.diagonal": Knowledge(specs=_diagonal_specs),
    "ops.trace": Knowledge(specs=_trace_specs),
    "ops.diff": Knowledge(specs=_diff_specs),
    "ops.glu": Knowledge(specs=_glu_specs),
    "ops.trapezoid": Knowledge(specs=_trapezoid_specs),
    "ops.normalize": Knowledge(specs=_normalize_specs, kept=keeps_all),
    "ops.quantile": QUANTILE,
    "ops.percentile": QUANTILE,
    "ops.nanquantile": QUANTILE,
    "ops.nanpercentile": QUANTILE,
    "ops.average": Knowledge(specs=_average_specs),
    "ops.digitize": Knowledge(specs=lambda call: one(call, shape_of(call), "int32"), kept=keeps_all),
    "ops.size": Knowledge(specs=lambda call: one(call, (), "int32")),
    "ops.moments": Knowledge(specs=_moments_specs),
    "ops.vander": Knowledge(specs=_vander_specs),
    "ops.rot90": Knowledge(specs=_turned_specs, exact=_is_quarter),
    "ops.append": Knowledge(specs=_append_specs),
    **dict.fromkeys(STACKS, Knowledge(specs=_stacked_specs, exact=_stacked_exact)),
    "ops.inner": Knowledge(specs=_inner_specs),
    "ops.outer": Knowledge(specs=_outer_specs),
    "ops.kron": Knowledge(specs=_kron_specs),
    "ops.vdot": Knowledge(specs=_vdot_specs),
    "ops.cdist": Knowledge(specs=_distances_specs),
    "ops.meshgrid": Knowledge(specs=_grid_specs, several=True),
    "ops.slice": Knowledge(specs=_part_specs),
    "ops.scatter": Knowledge(specs=_scattered_specs),
    **dict.fromkeys(("ops.slice_update", "ops.scatter_update", "ops.bitwise_invert", "ops.bitwise_not"), FIRST),
    **dict.fromkeys(("ops.layer_normalization", "ops.rms_normalization"), FIRST),
    "ops.fliplr": Knowledge(specs=_at_least(2), kept=keeps_all),
    "ops.flipud": Knowledge(specs=_at_least(1), kept=keeps_all),
}  # fmt: skip

"""PReLU, Dot and the few layers that fit no family."""

from __future__ import annotations

from kgraph.graph import Shape, Spec, Weight
from kgraph.ops import fields
from kgraph.ops.base import (
    Call,
    Knowledge,
    Origin,
    compute_dtype,
    is_single,
    keeps_all,
    keeps_nothing,
    same_specs,
    variables,
)  # fmt: skip


def _prelu_specs(call: Call) -> tuple[Spec, ...] | None:
    return None if _prelu_weights(call) is None else same_specs(call)


def _prelu_weights(call: Call) -> tuple[Weight, ...] | None:
    shape, shared = call.operands[0].shape or (), call.config.get("shared_axes") or ()
    if not shape or not all(-len(shape) < axis < len(shape) for axis in shared):
        return None
    extents = list(shape[1:])
    for axis in shared:
        extents[axis - 1] = 1
    return None if None in extents else variables(call, ("alpha", tuple(extents), True))


def _dot_axes(call: Call) -> tuple[int, int] | None:
    """The axes that are summed over; None where Keras refuses the tensors."""
    shapes = [spec.shape or () for spec in call.operands]
    if is_single(call) or len(shapes) != 2 or min(map(len, shapes)) < 2:
        return None
    axes = call.config["axes"]
    first, second = (axes, axes) if isinstance(axes, int) else axes
    if not (-len(shapes[0]) <= first < len(shapes[0]) and -len(shapes[1]) <= second < len(shapes[1])):
        return None
    first, second = first % len(shapes[0]), second % len(shapes[1])
    return (first, second) if shapes[0][first] == shapes[1][second] else None


def _dot_specs(call: Call) -> tuple[Spec, ...] | None:
    axes, dtype = _dot_axes(call), compute_dtype(call)
    if axes is None or dtype is None:
        return None
    left, right = (list(spec.shape or ()) for spec in call.operands)
    del left[axes[0]], right[axes[1]], right[0]
    shape: Shape = (*left, *right)
    return (Spec(shape if len(shape) > 1 else (*shape, 1), dtype),)


def _dot_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    axes = _dot_axes(call)
    if axes is None:
        return keeps_nothing(call, rank)
    left, right = (len(spec.shape or ()) for spec in call.operands)
    first: list[Origin] = [(0, axis) for axis in range(left) if axis != axes[0]]
    second: list[Origin] = [(1, axis) for axis in range(1, right) if axis != axes[1]]
    return (*first, *second) if len(first) + len(second) > 1 else (*first, *second, None)


KINDS = {
    "layers.PReLU": Knowledge(
        specs=_prelu_specs, weights=_prelu_weights, kept=keeps_all,
        needs={"shared_axes": fields.either(fields.absent, fields.ints)},
    ),
    "layers.Dot": Knowledge(
        specs=_dot_specs, kept=_dot_kept, needs={"axes": fields.either(fields.number, fields.pair)}
    ),
}  # fmt: skip

"""PReLU, Dot and the few layers that fit no family."""

from __future__ import annotations

from kgraph.graph import Shape, Spec, Weight
from kgraph.ops import fields
from kgraph.ops.base import (
    Call,
    Knowledge,
    Origin,
    as_axes,
    compute_dtype,
    is_single,
    keeps_all,
    keeps_nothing,
    same_specs,
    variables,
)  # fmt: skip
from kgraph.ops.refusing import refuse, refuse_unbuilt


def _prelu_specs(call: Call) -> tuple[Spec, ...] | None:
    return None if _prelu_weights(call) is None else same_specs(call)


def _prelu_weights(call: Call) -> tuple[Weight, ...] | None:
    shape, shared = call.operands[0].shape or (), call.config.get("shared_axes") or ()
    if not shape or not all(-len(shape) < axis < len(shape) for axis in shared):
        return None
    extents = list(shape[1:])
    for axis in shared:
        extents[axis - 1] = 1
    if None in extents:
        return refuse_unbuilt("PReLU needs to know all extents but those of shared_axes; it receives {}", shape)
    return variables(call, ("alpha", tuple(extents), True))


def _dot_axes(call: Call) -> tuple[int, int] | None:
    """The axes that are summed over; None where Keras refuses the tensors."""
    shapes = [spec.shape or () for spec in call.operands]
    if is_single(call) or len(shapes) != 2 or min(map(len, shapes)) < 2:
        return None
    axes = call.config["axes"]
    given = (axes, axes) if isinstance(axes, int) else axes
    # Keras counts from the back as often as it takes.
    first, second = (as_axes(axis, len(shape), checked=axis >= 0) for axis, shape in zip(given, shapes, strict=True))
    if first is None or second is None:
        return None
    extents = shapes[0][first[0]], shapes[1][second[0]]
    if extents[0] == extents[1]:
        return first[0], second[0]
    return refuse(
        "axis {} of {} and axis {} of {} differ: {} and {}", first[0], shapes[0], second[0], shapes[1], *extents
    )


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

"""Reductions over axes: sums, means, extremes."""

from __future__ import annotations

from collections.abc import Callable

from kgraph.graph import Spec
from kgraph.ops.base import Call, Knowledge, Origin, as_axes, is_float, keeps_nothing

FLOAT = "float32"
WIDER = {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32"}


def _same(dtype: str) -> str:
    return dtype


def _wider(dtype: str) -> str:
    return WIDER.get(dtype, dtype)


def _floating(dtype: str) -> str:
    return dtype if is_float(dtype) else FLOAT


DTYPES: dict[str, Callable[[str], str]] = {
    "all": lambda _: "bool",
    "amax": _same,
    "amin": _same,
    "any": lambda _: "bool",
    "argmax": lambda _: "int32",
    "argmin": lambda _: "int32",
    "count_nonzero": lambda _: "int32",
    "logsumexp": lambda _: FLOAT,  # what Keras records, whatever the operand is of
    "max": _same,
    "mean": _floating,
    "median": _floating,
    "min": _same,
    "nanargmax": lambda _: "int32",
    "nanargmin": lambda _: "int32",
    "nanmax": _same,
    "nanmean": _floating,
    "nanmedian": _floating,
    "nanmin": _same,
    "nanprod": _wider,
    "nanstd": _floating,
    "nansum": _wider,
    "nanvar": _floating,
    "norm": _floating,
    "prod": _wider,
    "ptp": _same,
    "std": _floating,
    "sum": _wider,
    "var": _floating,
}
"""By reduction, the dtype of its result as Keras records it."""


def _gone(call: Call) -> tuple[int, ...] | None:
    """The axes that are reduced; None where the call does not say."""
    rank, axis = len(call.operands[0].shape or ()), call.argument("axis")
    return tuple(range(rank)) if axis is None else as_axes(axis, rank)


def _specs(call: Call) -> tuple[Spec, ...] | None:
    shape, gone = call.operands[0].shape, _gone(call)
    if shape is None or gone is None:
        return None
    dtype = call.argument("dtype") or DTYPES[call.kind.removeprefix("ops.")](call.operands[0].dtype)
    if call.argument("keepdims"):
        return (Spec(tuple(1 if axis in gone else extent for axis, extent in enumerate(shape)), dtype),)
    return (Spec(tuple(extent for axis, extent in enumerate(shape) if axis not in gone), dtype),)


def _kept(call: Call, rank: int) -> tuple[Origin, ...]:
    gone, inner = _gone(call), len(call.operands[0].shape or ())
    if gone is None:
        return keeps_nothing(call, rank)
    if call.argument("keepdims"):
        return tuple(None if axis in gone else (0, axis) for axis in range(inner))
    return tuple((0, axis) for axis in range(inner) if axis not in gone)


def _reason(call: Call, axis: int) -> str:
    reduced = call.argument("keepdims") and axis in (_gone(call) or ())
    return f"{call.kind.removeprefix('ops.')} with keepdims" if reduced else ""


KINDS = {f"ops.{name}": Knowledge(specs=_specs, kept=_kept, reason=_reason) for name in DTYPES}

"""Elementwise kinds: activations, regularisation, unary operations, and the merges that may broadcast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kgraph.graph import Constant, FrozenDict, Slot, Spec
from kgraph.ops.base import (
    Call,
    Knowledge,
    Origin,
    compute_dtype,
    image_shape,
    is_float,
    is_single,
    keeps_all,
    keeps_nothing,
    same_specs,
)
from kgraph.ops.extents import agree
from kgraph.ops.refusing import refuse

LAYER_MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
NUMPY_MERGES = (
    "add", "subtract", "multiply", "divide", "true_divide", "floor_divide", "divide_no_nan", "power", "mod",
    "maximum", "minimum", "arctan2", "hypot", "logaddexp", "logaddexp2",
    "equal", "not_equal", "greater", "greater_equal", "less", "less_equal",
    "logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor",
    "fmax", "fmin", "fmod", "gcd", "heaviside", "isclose", "lcm", "ldexp", "nextafter", "left_shift", "right_shift",
    "bitwise_left_shift", "bitwise_right_shift",
)  # fmt: skip
FLOATING = frozenset(("divide", "true_divide", "divide_no_nan", "logaddexp", "logaddexp2"))
"""Operations whose result is of a float dtype, whatever enters."""

CAUTIOUS = frozenset(
    ("arctan2", "hypot", "fmax", "fmin", "fmod", "gcd", "heaviside", "lcm", "ldexp", "nextafter", "left_shift",
     "right_shift", "bitwise_left_shift", "bitwise_right_shift")
)  # fmt: skip
"""Operations that promote in a way of their own: what is told of their dtype is that floats stay."""

PREDICATES = frozenset(
    (
        "equal",
        "not_equal",
        "greater",
        "greater_equal",
        "less",
        "less_equal",
        "logical_and",
        "logical_or",
        "logical_xor",
        "isclose",
    )
)
TESTS = ("isnan", "isinf", "isfinite", "isneginf", "isposinf", "isreal", "logical_not", "signbit")
UNARY = (
    "abs", "absolute", "ceil", "cos", "cosh", "elu", "erf", "exp", "expm1", "floor", "gelu", "hard_sigmoid",
    "hard_silu", "hard_tanh", "leaky_relu", "log", "log10", "log1p", "log2", "log_sigmoid", "log_softmax",
    "negative", "relu", "relu6", "reciprocal", "round", "rsqrt", "selu", "sigmoid", "sign", "silu", "sin",
    "sinh", "softmax", "softplus", "softsign", "sqrt", "square", "stop_gradient", "tan", "tanh", "clip",
    "angle", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "cbrt", "celu", "conj", "conjugate", "copy",
    "deg2rad", "erfc", "erfinv", "exp2", "fabs", "hard_shrink", "i0", "imag", "nan_to_num", "rad2deg", "real", "sinc",
    "soft_shrink", "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus", "tanh_shrink", "threshold", "trunc",
)  # fmt: skip
SPATIAL_DROPOUTS = ("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D")
SAME_SHAPE_LAYERS = (
    "Activation", "ActivityRegularization", "AlphaDropout", "Dropout", "ELU", "GaussianDropout", "GaussianNoise",
    "LeakyReLU", "Masking", "ReLU", "Softmax", *SPATIAL_DROPOUTS,
)  # fmt: skip


def line_up(shapes: tuple[tuple[int | None, ...], ...], how: str) -> tuple[tuple[int | None, ...], ...]:
    """Shapes of equal rank as a merge sees them, with ``-1`` where an operand has no such axis.

    ``numpy`` puts missing axes in front (the batch included); ``layer`` puts them behind axis 0, which for all
    operands is the batch (``Merge.call`` in Keras expands dims at axis 1).
    """
    rank = max(map(len, shapes))
    if how == "numpy":
        return tuple((-1,) * (rank - len(shape)) + shape for shape in shapes)
    return tuple(shape[:1] + (-1,) * (rank - len(shape)) + shape[1:] for shape in shapes)


def merge_shapes(call: Call) -> tuple[tuple[int | None, ...], ...] | None:
    """The shapes of all tensors and array constants that a merge joins; None where a rank is unknown."""
    found: list[tuple[int | None, ...]] = []
    for operand in merge_operands(call.arguments):
        if isinstance(operand, Constant):
            found.append(operand.shape)
            continue
        shape = call.operands[operand.index].shape
        if shape is None:
            return None
        found.append(shape)
    return tuple(found)


def merge_operands(arguments: FrozenDict) -> tuple[Slot | Constant, ...]:
    """The tensors and array constants that a merge joins, in order; scalars do not count."""
    given = [value for key, value in arguments.items() if key not in ("mask", "training")]
    flat: list[Any] = [item for value in given for item in (value if isinstance(value, tuple) else (value,))]  # pyright: ignore
    return tuple(item for item in flat if isinstance(item, Slot) or (isinstance(item, Constant) and item.shape != ()))


def _layer_merge_specs(call: Call) -> tuple[Spec, ...] | None:
    shape, dtype = _broadcast(call, "layer"), compute_dtype(call)
    if shape is None or dtype is None or len(call.operands) < 2:
        return None
    return (Spec(shape, dtype),)


def _numpy_merge_specs(call: Call) -> tuple[Spec, ...] | None:
    name = call.kind.removeprefix("ops.")
    shape, dtype = _broadcast(call, "numpy"), "bool" if name in PREDICATES else _promoted(name, call)
    if shape is None or dtype is None:
        return None
    if ("bitwise" in name or "shift" in name) and any(shape != operand for operand in merge_shapes(call) or ()):
        return None  # Keras records the first operand's shape
    return (Spec(shape, dtype),)


def _promoted(name: str, call: Call) -> str | None:
    """The dtype that Keras records; None for tensors of unequal dtypes, and for what promotes in a way of its own."""
    dtypes = {spec.dtype for spec in call.operands}
    scalars: set[type] = {float} if name in FLOATING else set()
    given: list[Any] = list(call.arguments.values())
    for value in given:
        if isinstance(value, Constant):
            dtypes.add(value.dtype)
        elif not isinstance(value, Slot):
            scalars.add(type(value))  # pyright: ignore[reportUnknownArgumentType]
    if len(dtypes) != 1 or not scalars <= {bool, int, float}:
        return None
    dtype = dtypes.pop()
    if name in CAUTIOUS and (scalars or not is_float(dtype)):
        return None
    if float in scalars and not is_float(dtype):
        return "float32"
    return "int32" if dtype == "bool" and (int in scalars or name == "mod") else dtype


def _broadcast(call: Call, how: str) -> tuple[int | None, ...] | None:
    """The shape that Keras records for a merge."""
    shapes = merge_shapes(call)
    return broadcast(shapes, how) if shapes else None


def broadcast(shapes: tuple[tuple[int | None, ...], ...], how: str) -> tuple[int | None, ...] | None:
    """The shape that Keras records of shapes that are lined up; None where they do not meet.

    Its layers and its operations differ in what they make of an open size.
    """
    result: list[int | None] = []
    for axis, extents in enumerate(zip(*line_up(shapes, how), strict=True)):
        known = [extent for extent in extents if extent is not None and not _is_absent(extent)]
        if how == "layer" and axis == 0:
            if not agree(known):
                return None  # layers do not stretch the batch
            result.append(known[0] if known else None)
            continue
        met = stretched(known)
        if met is None:
            # Of three operands or more, a layer does not look at all.
            return refuse("shapes are broadcast, and {} meets {}", *_two(known)) if how == "numpy" else None
        # Merge._compute_elemwise_op_output_shape forgets the extent it knows; operations stretch what is open.
        result.append(None if None in extents and (how == "layer" or met == 1) else met)
    return tuple(result)


def _two(extents: list[int]) -> tuple[int, int]:
    """The first two that differ, ones apart."""
    first, second, *_ = dict.fromkeys(extent for extent in extents if extent != 1) | dict.fromkeys(extents)
    return first, second


def _is_absent(extent: int) -> bool:
    return type(extent) is int and extent < 0


def stretched(extents: Sequence[int]) -> int | None:
    """The extent of axes that meet, of which those of 1 are stretched; None where they cannot meet."""
    result = 1
    for extent in extents:
        if result == 1:
            result = extent
        elif extent != 1 and extent != result:
            return None
    return result


def _spatial_specs(call: Call) -> tuple[Spec, ...] | None:
    return None if image_shape(call) is None else same_specs(call)


def _unary_specs(call: Call) -> tuple[Spec, ...] | None:
    spec = call.operands[0]
    if call.kind == "ops.reciprocal" and spec.dtype != "float32":
        return None  # Keras records float32, whatever the operand is of
    return (spec,) if is_float(spec.dtype) else None


def _cast_specs(call: Call) -> tuple[Spec, ...] | None:
    dtype = call.argument("dtype")
    return (Spec(call.operands[0].shape, dtype),) if isinstance(dtype, str) else None


def _identity_specs(call: Call) -> tuple[Spec, ...] | None:
    """One output for each tensor of a structure; what is not of a float dtype keeps its own."""
    dtype = compute_dtype(call)
    if dtype is None:
        return None
    return tuple(Spec(spec.shape, dtype if is_float(spec.dtype) else spec.dtype) for spec in call.operands)


def _alone_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    """Every axis is that of the operand, if there is but one: a mask or an array could broadcast it."""
    arrays = any(isinstance(value, Constant) and value.shape for value in call.arguments.values())
    return keeps_all(call, rank) if len(call.operands) == 1 and not arrays else keeps_nothing(call, rank)


def _test_specs(call: Call) -> tuple[Spec, ...] | None:
    return (Spec(call.operands[0].shape, "bool"),) if is_single(call) else None


def _where_specs(call: Call) -> tuple[Spec, ...] | None:
    """A choice between two: the condition broadcasts too, and does not count for the dtype."""
    given = [call.argument(name) for name in ("condition", "x1", "x2")]
    shape = _broadcast(call, "numpy")
    dtypes = {_dtype_of(call, value) for value in given[1:] if not isinstance(value, (bool, int, float))}
    if shape is None or None in given or len(dtypes) != 1 or not isinstance(given[0], (Slot, Constant)):
        return None
    dtype, scalars = dtypes.pop(), set(map(type, given[1:])) & {bool, int, float}
    # A scalar is of the tensor's dtype, unless it says more than that can hold.
    fits = dtype is not None and (is_float(dtype) or scalars <= {bool} or (scalars <= {bool, int} and dtype != "bool"))
    return (Spec(shape, dtype),) if dtype is not None and fits else None


def _dtype_of(call: Call, value: Any) -> str | None:
    if isinstance(value, Slot):
        return call.operands[value.index].dtype
    return value.dtype if isinstance(value, Constant) else None


MERGED_LAYER = Knowledge(specs=_layer_merge_specs, merge="layer")
MERGED_NUMPY = Knowledge(specs=_numpy_merge_specs, merge="numpy")
SAME = Knowledge(specs=same_specs, kept=_alone_kept)
UNARY_OPERATION = Knowledge(specs=_unary_specs, kept=_alone_kept)

KINDS = {
    **{f"layers.{name}": MERGED_LAYER for name in LAYER_MERGES},
    **{f"ops.{name}": MERGED_NUMPY for name in NUMPY_MERGES},
    **{f"layers.{name}": SAME for name in SAME_SHAPE_LAYERS},
    **{f"layers.{name}": Knowledge(specs=_spatial_specs, kept=_alone_kept) for name in SPATIAL_DROPOUTS},
    **{f"ops.{name}": UNARY_OPERATION for name in UNARY},
    **{f"ops.{name}": Knowledge(specs=_test_specs, kept=_alone_kept) for name in TESTS},
    "ops.where": Knowledge(specs=_where_specs),
    "layers.ThresholdedReLU": SAME,  # of Keras 2 alone
    "layers.Identity": Knowledge(specs=_identity_specs, kept=_alone_kept),
    "activations.relu": UNARY_OPERATION,
    "ops.cast": Knowledge(specs=_cast_specs, kept=_alone_kept),
    "ops.saturate_cast": Knowledge(specs=_cast_specs, kept=_alone_kept),
}

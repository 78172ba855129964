"""Operations that sum over products: matmul, einsum, tensordot, dot; and attention."""

from __future__ import annotations

from typing import Any

from kgraph.graph import Constant, FrozenDict, Slot, Spec
from kgraph.ops import fields
from kgraph.ops.base import Call, Knowledge, Origin, as_axes, keeps_all, keeps_nothing
from kgraph.ops.elementwise import broadcast
from kgraph.ops.refusing import refuse

Shape = tuple[int | None, ...]


def _given(call: Call, *names: str) -> tuple[Spec, ...] | None:
    """Shapes and dtypes of arguments that are tensors or arrays; None if one is neither."""
    found: list[Spec] = []
    for name in names:
        value = call.arguments.get(name)
        if isinstance(value, Slot):
            found.append(call.operands[value.index])
        elif isinstance(value, Constant):
            found.append(Spec(value.shape, value.dtype))
        else:
            return None
    return tuple(found)


def _of_shape(specs: tuple[Spec, ...], shape: Shape, *, widens: bool = False) -> tuple[Spec, ...] | None:
    """One output in the operands' common dtype; None where it is not the same in all."""
    dtypes = {spec.dtype for spec in specs}
    dtype = dtypes.pop()
    return None if dtypes else (Spec(shape, "int32" if widens and dtype == "int8" else dtype),)


def _may_meet(one: int | None, other: int | None) -> bool:
    """False where Keras raises."""
    if None in (one, other) or one == other:
        return True
    refuse("the axes that are summed over differ: {} and {}", one, other)
    return False


def _matmul_specs(call: Call) -> tuple[Spec, ...] | None:
    specs = _given(call, "x1", "x2")
    if specs is None or specs[0].shape is None or specs[1].shape is None:
        return None
    left, right = specs[0].shape, specs[1].shape
    if not left or not right:
        return refuse("ops.matmul takes no scalar; it is given {} and {}", left, right)
    met = right[-2:][0]  # a vector has but one axis
    rows, columns = left[-2:-1], right[-1:] if len(right) > 1 else ()
    leading = broadcast((left[:-2], right[:-2]), "numpy")
    if leading is None or not _may_meet(left[-1], met):
        return None
    return _of_shape(specs, (*leading, *rows, *columns), widens=True)


def _matmul_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    """Rows of the first, columns of the second, and the leading axes of the first where the second has none."""
    specs = _given(call, "x1", "x2")
    slots = [call.arguments.get(name) for name in ("x1", "x2")]
    if specs is None or not specs[0].shape or not specs[1].shape:
        return keeps_nothing(call, rank)
    left, right = len(specs[0].shape), len(specs[1].shape)
    first = _origins(slots[0], range(left - 1) if right < 3 else range(max(left - 2, 0), left - 1))
    last = _origins(slots[1], [right - 1] if right > 1 else [])
    return (*keeps_nothing(call, rank - len(first) - len(last)), *first, *last)


def _origins(value: Any, axes: Any) -> tuple[Origin, ...]:
    return tuple((value.index, axis) if isinstance(value, Slot) else None for axis in axes)


def _dot_specs(call: Call) -> tuple[Spec, ...] | None:
    specs = _given(call, "x1", "x2")
    if specs is None or not specs[0].shape or not specs[1].shape:
        return None
    left, right = specs[0].shape, specs[1].shape
    if len(right) == 1:
        # Keras does not take an open size for one that may meet a fixed one, unless both are vectors.
        if len(left) > 1 and left[-1] != right[0]:
            return refuse("the axes that are summed over differ: the last of {} and that of {}", left, right)
        return _of_shape(specs, left[:-1])
    return _of_shape(specs, (*left[:-1], *right[:-2], right[-1])) if _may_meet(left[-1], right[-2]) else None


def _tensordot_specs(call: Call) -> tuple[Spec, ...] | None:
    specs, axes = _given(call, "x1", "x2"), call.argument("axes")
    if specs is None or specs[0].shape is None or specs[1].shape is None:
        return None
    left, right = specs[0].shape, specs[1].shape
    if fields.is_int(axes):
        return _of_shape(specs, left + right if axes <= 0 else left[:-axes] + right[axes:])
    pair = axes if isinstance(axes, tuple) and len(axes) == 2 else (None, None)  # pyright: ignore
    first, second = as_axes(pair[0], len(left)), as_axes(pair[1], len(right))
    if first is None or second is None:
        return None
    if len(first) != len(second):
        return refuse("axes={} names {} axes of x1 and {} of x2", axes, len(first), len(second))
    if not all(_may_meet(left[one], right[other]) for one, other in zip(first, second, strict=True)):
        return None
    rest = (size for axis, size in enumerate(left) if axis not in first)
    return _of_shape(specs, (*rest, *(size for axis, size in enumerate(right) if axis not in second)))


def _einsum_specs(call: Call) -> tuple[Spec, ...] | None:
    """Of equations without an ellipsis that say what is written."""
    given = call.arguments.get("*operands")
    operands: tuple[Any, ...] = given if isinstance(given, tuple) else ()  # pyright: ignore[reportUnknownVariableType]
    numbered = Call(call.kind, call.config, _named(operands), call.operands)
    specs = _given(numbered, *numbered.arguments)
    read, arrow, written = call.argument("subscripts").replace(" ", "").partition("->")
    terms = read.split(",")
    if not specs or not arrow or len(terms) != len(specs) or not written.isalpha() or not all(map(str.isalpha, terms)):
        return None
    sizes: dict[str, list[int | None]] = {}
    for term, spec in zip(terms, specs, strict=True):
        if len(term) != len(spec.shape or ()):
            return refuse(
                "{!r} reads {!r}, {} axes; it is given {}", call.argument("subscripts"), term, len(term), spec.shape
            )
        for letter, extent in zip(term, spec.shape or (), strict=True):
            sizes.setdefault(letter, []).append(extent)
    if not set(written) <= sizes.keys() or len(written) > fields.MOST_AXES or len(set(written)) != len(written):
        return None
    # Sizes that meet are broadcast, as Keras records them; of those that are summed it says nothing.
    found = [broadcast(tuple((extent,) for extent in sizes[letter]), "numpy") for letter in written]
    return None if None in found else _of_shape(specs, tuple(shape[0] for shape in found if shape), widens=True)


def _named(operands: tuple[Any, ...]) -> FrozenDict:
    return FrozenDict({str(number): value for number, value in enumerate(operands)})


def _attention_specs(call: Call) -> tuple[Spec, ...] | None:
    """The query's shape is recorded, however wide the values are."""
    specs = _given(call, "query", "key", "value")
    if specs is None or specs[0].shape is None or any(len(spec.shape or ()) != 4 for spec in specs):
        return None
    return _of_shape(specs, specs[0].shape)


def _attention_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    kept = keeps_all(call, rank)
    return (*kept[:-1], None) if kept else kept


KINDS = {
    "ops.matmul": Knowledge(specs=_matmul_specs, kept=_matmul_kept),
    "ops.dot": Knowledge(specs=_dot_specs),
    "ops.tensordot": Knowledge(specs=_tensordot_specs),
    "ops.einsum": Knowledge(specs=_einsum_specs, needs={"subscripts": fields.text}),
    "ops.dot_product_attention": Knowledge(specs=_attention_specs, kept=_attention_kept),
}

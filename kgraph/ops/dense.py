"""Layers that multiply by a matrix or look vectors up in one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from kgraph.graph import FrozenDict, Spec, Weight
from kgraph.ops import fields
from kgraph.ops.base import Call, Knowledge, Origin, fixed, is_single, keeps_nothing, layer_spec, variables
from kgraph.ops.refusing import refuse, refuse_unbuilt

Shape = tuple[int | None, ...]


def _dense_specs(call: Call) -> tuple[Spec, ...] | None:
    shape = call.operands[0].shape
    if not shape or len(shape) < 2:
        return refuse("Dense takes a tensor of rank 2 or more (batch, ..., features); it receives {}", shape)
    return layer_spec(call, (*shape[:-1], call.config["units"]))


def _dense_weights(call: Call) -> tuple[Weight, ...] | None:
    shape, units = call.operands[0].shape, call.config["units"]
    width = fixed(call, shape[-1], "the extent of the last axis") if shape else None
    if width is None:
        return None
    bias = [("bias", (units,), True)] if call.config["use_bias"] else []
    return variables(call, ("kernel", (width, units), True), *bias)


def _keeps_all_but_last(_: Call, rank: int) -> tuple[Origin, ...]:
    return (*((0, axis) for axis in range(rank - 1)), None)


def _dense_reason(call: Call, axis: int) -> str:
    return f"{call.config['units']} units" if axis == len(call.operands[0].shape or ()) - 1 else ""


def _embedding_specs(call: Call) -> tuple[Spec, ...] | None:
    shape = call.operands[0].shape
    return layer_spec(call, (*shape, call.config["output_dim"])) if shape is not None else None


def _embedding_weights(call: Call) -> tuple[Weight, ...] | None:
    return variables(call, ("embeddings", (call.config["input_dim"], call.config["output_dim"]), True))


def _embedding_reason(call: Call, axis: int) -> str:
    return f"{call.config['output_dim']} embedding dimensions" if axis == len(call.operands[0].shape or ()) else ""


def _reversible_specs(call: Call) -> tuple[Spec, ...] | None:
    shape = call.operands[0].shape or ()
    if not call.argument("reverse"):
        return _embedding_specs(call)
    dtype = call.config.get("reverse_dtype")
    if not shape:
        return None
    result = (*shape[:-1], call.config["input_dim"])
    return (Spec(result, dtype),) if isinstance(dtype, str) else layer_spec(call, result)


def _reversible_weights(call: Call) -> tuple[Weight, ...] | None:
    rows, columns = call.config["input_dim"], call.config["output_dim"]
    own = [] if call.config["tie_weights"] else [("reverse_embeddings", (columns, rows), True)]
    return variables(call, ("embeddings", (rows, columns), True), *own)


@dataclass(frozen=True, slots=True)
class _Einsum:
    """The shapes of an EinsumDense (bias: None where there is none); by output axis, the input axis that it is."""

    output: Shape
    kernel: Shape
    bias: Shape | None
    passed: Mapping[int, int]


def _einsum(call: Call) -> _Einsum | None:
    """None where Keras refuses the equation for this tensor."""
    shape, equation = call.operands[0].shape or (), call.config["equation"].replace("...", "0")
    for pattern, left in (("{0},{0}->{0}", False), ("0{0},{0}->0{0}", True), ("{1}0,{0}->{0}0", False)):
        # Keras looks at the start of the equation only, and so ignores what may follow.
        match = re.match(pattern.format("([a-zA-Z]+)", "([a-zA-Z]{2,})"), equation)
        if match is not None and shape and is_single(call):
            return _einsum_shapes(call, shape, match.groups(), left=left)
    return refuse("the equation {!r} is none of a tensor and a kernel, such as 'abc,cd->abd'", call.config["equation"])


def _einsum_shapes(call: Call, shape: Shape, letters: tuple[str, ...], *, left: bool) -> _Einsum | None:
    read, kernel, written = letters
    elided = len(shape) - len(read)
    given = call.config["output_shape"]
    output: list[int | None] = [shape[0], *(given if isinstance(given, tuple) else (given,))]
    if elided > 0 and left:
        output[1:1] = shape[1:elided]
    elif elided > 0:
        output += shape[len(shape) - elided :]
    first = elided if left else 0
    where_in = {letter: axis + first for axis, letter in enumerate(read)}
    where_out = {letter: axis + first for axis, letter in enumerate(written)}
    if elided < 0:
        return refuse("the equation reads {!r}, {} axes; it receives {}", read, len(read), shape)
    if any(axis >= len(output) for axis in where_out.values()):
        return refuse("the equation writes {!r}; output_shape={} has too few axes for it", written, given)
    if any(output[where_out[a]] not in (None, shape[where_in[a]]) for a in read if a in where_out):
        return refuse("an axis that is read and written changes its extent: {} to {}", shape, tuple(output))
    sizes = {**{a: shape[axis] for a, axis in where_in.items()}, **{a: output[axis] for a, axis in where_out.items()}}
    if any(letter not in sizes for letter in kernel):
        return refuse(
            "the kernel {!r} has an axis that is neither read nor written: {!r} to {!r}", kernel, read, written
        )
    if any(a not in read and a not in kernel for a in written):
        return refuse("an axis of {!r} is neither in {!r} nor in the kernel {!r}", written, read, kernel)
    passed = {0: 0, **{axis: where_in[letter] for letter, axis in where_out.items() if letter in where_in}}
    found = _Einsum(tuple(output), tuple(sizes[a] for a in kernel), None, passed)
    bias = call.config["bias_axes"]
    if bias is None:
        return found
    if not bias or any(letter not in where_out for letter in bias):
        return refuse("bias_axes={!r} must be some of the axes that are written, {!r}", bias, written)
    start = min(written.index(letter) for letter in bias)
    # In the order of the output, from the first axis that is named; those between stand as 1.
    shapes = tuple(sizes[a] if a in bias else 1 for a in written[start:])
    return replace(found, bias=(*shapes, *(1,) * (0 if left else elided)))


def _einsum_specs(call: Call) -> tuple[Spec, ...] | None:
    found = _einsum(call)
    return None if found is None or _einsum_weights(call) is None else layer_spec(call, found.output)


def _einsum_weights(call: Call) -> tuple[Weight, ...] | None:
    found = _einsum(call)
    if found is None:
        return None
    if None in found.kernel or None in (found.bias or ()):
        return refuse_unbuilt(
            "EinsumDense needs to know the extents of its kernel {} to make it; it receives {}",
            found.kernel, call.operands[0].shape,
        )  # fmt: skip
    bias = [] if found.bias is None else [("bias", found.bias, True)]
    return variables(call, ("kernel", found.kernel, True), *bias)


def _einsum_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    """The batch, and the axes that are both read and written."""
    found = _einsum(call)
    if found is None or len(found.output) != rank:
        return keeps_nothing(call, rank)
    return tuple((0, found.passed[axis]) if axis in found.passed else None for axis in range(rank))


def _complete_einsum(_: str, config: FrozenDict) -> FrozenDict:
    shape = config.get("output_shape")
    return FrozenDict({**config, "output_shape": (shape,)}) if type(shape) is int else config


TABLE = {"input_dim": fields.size, "output_dim": fields.size}

KINDS = {
    "layers.Dense": Knowledge(
        specs=_dense_specs, weights=_dense_weights, kept=_keeps_all_but_last, reason=_dense_reason,
        needs={"units": fields.size},
    ),
    "layers.EinsumDense": Knowledge(
        specs=_einsum_specs, weights=_einsum_weights, kept=_einsum_kept, complete=_complete_einsum,
        needs={"equation": fields.text, "bias_axes": fields.either(fields.absent, fields.text),
               "output_shape": fields.either(fields.size, fields.open_sizes)},
    ),
    "layers.Embedding": Knowledge(
        specs=_embedding_specs, weights=_embedding_weights, kept=_keeps_all_but_last, reason=_embedding_reason,
        needs=TABLE,
    ),
    "layers.ReversibleEmbedding": Knowledge(
        specs=_reversible_specs, weights=_reversible_weights, kept=_keeps_all_but_last, needs=TABLE,
    ),
}  # fmt: skip

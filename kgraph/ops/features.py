"""Layers that turn categories, text, numbers and sound into features."""

from __future__ import annotations

from dataclasses import replace

from kgraph.graph import Spec, Weight
from kgraph.ops import fields
from kgraph.ops.base import (
    Call,
    Knowledge,
    Origin,
    as_axes,
    compute_dtype,
    is_single,
    keeps_all,
    keeps_batch,
    keeps_nothing,
    layer_spec,
    same_specs,
    shape_of,
    variables,
)
from kgraph.ops.extents import plus

Shape = tuple[int | None, ...]
FLOATX = "float32"
"""The dtype of encoded categories: Keras' default, whatever the layer's policy."""


def encoded(shape: Shape, mode: str, depth: int | None) -> Shape:
    """The shape of categories after their encoding; ``one_hot`` adds an axis, but in place of a last one of 1."""
    if mode == "int":
        return shape
    appends = mode == "one_hot" and not (len(shape) > 1 and shape[-1] == 1)
    return (*shape, depth) if appends else (*shape[:-1], depth)


def _category_specs(call: Call) -> tuple[Spec, ...] | None:
    shape = shape_of(call)
    return layer_spec(call, encoded(shape, call.config["output_mode"], call.config["num_tokens"]) if shape else None)


def _hashing_specs(call: Call) -> tuple[Spec, ...] | None:
    """Keras records no axis more for ``one_hot``, as its own ``call`` gives."""
    mode, shape, dtype = call.config["output_mode"], shape_of(call), _policy(call)
    found = shape if mode == "int" else (*shape[:-1], call.config["num_bins"])
    return (Spec(found, dtype),) if dtype is not None and is_single(call) else None


def _policy(call: Call) -> str | None:
    """The dtype that the layer is given by its mode where it is given none."""
    dtype = call.config["dtype"]
    return dtype if isinstance(dtype, str) else None


def _crossing_specs(call: Call) -> tuple[Spec, ...] | None:
    dtype, shapes = compute_dtype(call), [spec.shape or () for spec in call.operands]
    if len(shapes) != 2 or is_single(call) or dtype is None or not shapes[0] or shapes[0][-1:] != shapes[1][-1:]:
        return None
    mode, bins = call.config["output_mode"], call.config["num_bins"]
    appends = mode == "one_hot" and shapes[0][-1] != 1
    found = shapes[0] if mode == "int" else (*(shapes[0] if appends else shapes[0][:-1]), bins)
    return (Spec(found, dtype),)


def _discretization_specs(call: Call) -> tuple[Spec, ...] | None:
    shape, mode, bounds = shape_of(call), call.config["output_mode"], call.config.get("bin_boundaries")
    depth = len(bounds) + 1 if isinstance(bounds, tuple) else call.config.get("num_bins")  # pyright: ignore
    if mode == "int":
        return (Spec(shape, "int32"),) if is_single(call) else None
    if type(depth) is not int or not is_single(call):
        return None
    if mode == "one_hot":
        return (Spec(encoded(shape, mode, depth), FLOATX),)
    # The second axis is dropped, not the last one.
    return (Spec((shape[0], *shape[2:], depth) if len(shape) > 1 else (depth,), FLOATX),)


def _lookup_specs(call: Call) -> tuple[Spec, ...] | None:
    shape, mode = shape_of(call), call.config["output_mode"]
    if not is_single(call):
        return None
    if mode == "int":
        return (Spec(shape, "int64"),)
    depth = call.config.get("max_tokens" if call.config.get("pad_to_max_tokens") else "vocabulary_size")
    return (Spec(encoded(shape, mode, depth), FLOATX),) if depth is None or fields.is_int(depth, 1) else None


def _text_specs(call: Call) -> tuple[Spec, ...] | None:
    shape = shape_of(call)
    if not shape or not is_single(call):
        return None
    length = call.config.get("output_sequence_length")
    if call.config["output_mode"] == "int":
        return (Spec((shape[0], length), "int64"),) if length is None or fields.is_int(length, 1) else None
    split = (*shape, None) if call.config["split"] is not None else shape if len(shape) > 1 else (*shape, 1)
    return _lookup_specs(replace(call, operands=(Spec(split, "string"),)))


def _normalization_weights(call: Call) -> tuple[Weight, ...] | None:
    """Mean, variance and count, unless they are given, and what is adapted to data is not learnt."""
    shape = shape_of(call)
    axes = () if call.config["axis"] is None else as_axes(call.config["axis"], len(shape))
    extents = None if axes is None else tuple(shape[axis] for axis in sorted(axes))
    if extents is None or None in extents:
        return None
    if call.config.get("mean") is not None:
        return ()
    found = variables(call, ("mean", extents, False), ("variance", extents, False))
    return None if found is None else (*found, Weight("count", (), "int64", trainable=False))


def _normalization_specs(call: Call) -> tuple[Spec, ...] | None:
    return None if _normalization_weights(call) is None else same_specs(call)


def _mel_specs(call: Call) -> tuple[Spec, ...] | None:
    shape, stride = shape_of(call), call.config["sequence_stride"]
    if not 1 <= len(shape) <= 2 or not is_single(call):
        return None
    longer = plus(shape[-1], stride + 1)
    steps = None if longer is None else longer // stride
    return layer_spec(call, (*shape[:-1], call.config["num_mel_bins"], steps))


def _mel_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    return keeps_batch(call, rank) if rank == 3 else keeps_nothing(call, rank)


MODES = fields.one_of("int", "one_hot", "multi_hot", "count", "tf_idf", "tf-idf")
LOOKUP = Knowledge(specs=_lookup_specs, kept=keeps_nothing, needs={"output_mode": MODES})

KINDS = {
    "layers.CategoryEncoding": Knowledge(
        specs=_category_specs, needs={"num_tokens": fields.size, "output_mode": MODES}
    ),
    "layers.Hashing": Knowledge(specs=_hashing_specs, needs={"num_bins": fields.size, "output_mode": MODES}),
    "layers.HashedCrossing": Knowledge(
        specs=_crossing_specs, needs={"num_bins": fields.either(fields.size), "output_mode": MODES}
    ),
    "layers.Discretization": Knowledge(specs=_discretization_specs, needs={"output_mode": MODES}),
    "layers.StringLookup": LOOKUP,
    "layers.IntegerLookup": LOOKUP,
    "layers.TextVectorization": Knowledge(specs=_text_specs, needs={"output_mode": MODES}),
    "layers.Normalization": Knowledge(
        specs=_normalization_specs, weights=_normalization_weights, kept=keeps_all,
        needs={"axis": fields.either(fields.absent, fields.number, fields.ints)},
    ),
    "layers.MelSpectrogram": Knowledge(
        specs=_mel_specs, kept=_mel_kept,
        needs=dict.fromkeys(("fft_length", "sequence_stride", "num_mel_bins"), fields.either(fields.size)),
    ),
}  # fmt: skip

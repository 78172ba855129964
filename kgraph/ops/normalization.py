"""Normalisation layers: the shape stays, and there is a weight per channel."""

from __future__ import annotations

from collections.abc import Iterator

from kgraph.graph import Weight
from kgraph.ops.base import Call, Knowledge, as_axes, keeps_all, same_specs, variables


def _batch_norm_weights(call: Call) -> tuple[Weight, ...] | None:
    extents = _extents(call)
    if extents is None or len(extents) != 1:
        return None
    names = ("moving_mean", "moving_variance")
    if call.config.get("renorm"):
        names += ("moving_stddev", "renorm_mean", "renorm_stddev")
    return variables(call, *_scale_and_shift(call, extents), *((name, extents, False) for name in names))


def _layer_norm_weights(call: Call) -> tuple[Weight, ...] | None:
    extents = _extents(call)
    if extents is None or call.config.get("rms_scaling"):
        return None
    return variables(call, *_scale_and_shift(call, extents))


def _rms_norm_weights(call: Call) -> tuple[Weight, ...] | None:
    extents = _extents(call)
    return None if extents is None else variables(call, ("scale", extents, True))


def _group_norm_weights(call: Call) -> tuple[Weight, ...] | None:
    extents = _extents(call)
    return None if extents is None else variables(call, *_scale_and_shift(call, extents))


def _extents(call: Call) -> tuple[int | None, ...] | None:
    """The sizes of the normalised axes; None where the operand has no such axes."""
    shape = call.operands[0].shape
    axes = None if shape is None else as_axes(call.config["axis"], len(shape))
    return None if shape is None or axes is None else tuple(shape[axis] for axis in axes)


def _scale_and_shift(call: Call, extents: tuple[int | None, ...]) -> Iterator[tuple[str, tuple[int | None, ...], bool]]:
    for name, key in (("gamma", "scale"), ("beta", "center")):
        if call.config[key]:
            yield name, extents, True


KINDS = {
    "layers.BatchNormalization": Knowledge(
        specs=same_specs, weights=_batch_norm_weights, kept=keeps_all, bare=keeps_all
    ),
    "layers.LayerNormalization": Knowledge(
        specs=same_specs, weights=_layer_norm_weights, kept=keeps_all, bare=keeps_all
    ),
    "layers.GroupNormalization": Knowledge(
        specs=same_specs, weights=_group_norm_weights, kept=keeps_all, bare=keeps_all
    ),
    "layers.RMSNormalization": Knowledge(specs=same_specs, weights=_rms_norm_weights, kept=keeps_all, bare=keeps_all),
    "layers.UnitNormalization": Knowledge(specs=same_specs, kept=keeps_all, bare=keeps_all),
}
